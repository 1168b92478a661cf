#include "lib/membership/replace_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/membership/replace_private.h"

#define MAGIC "authsodk"
#define MAGIC_EARLIER "authsodj"
#define MAGIC_SIZE 8

static bool
put(struct replace *j, struct replace *const *files, size_t n, size_t n_needed)
{
    uint8_t *bytes = malloc(JOURNAL_BYTES_MAX);
    struct writer w = writer_init(bytes, bytes == NULL ? 0 : JOURNAL_BYTES_MAX);
    bool good = true;

    writer_bytes(&w, MAGIC, MAGIC_SIZE);
    writer_u32(&w, (uint32_t)n);
    writer_u32(&w, (uint32_t)n_needed);
    for (size_t i = 0; good && i < n; i++) {
        struct stat st;

        good = fstat(files[i]->fd, &st) == 0;
        writer_str(&w, files[i]->fresh);
        writer_str(&w, files[i]->path);
        writer_u64(&w, good ? (uint64_t)st.st_ino : 0);
    }
    if (good)
        errno = ENOSPC;
    good = good && writer_ok(&w) && write(j->fd, w.data, w.len) == (ssize_t)w.len;
    free(bytes);
    return good;
}

bool
journal_begin(struct replace *j, const char *path, struct replace *const *files, size_t n, size_t n_needed)
{
    int error;

    if (n > JOURNAL_FILES_MAX || n_needed == 0 || n_needed > n) {
        errno = EINVAL;
        return false;
    }
    if (!replace_begin(j, path))
        return false;
    if (put(j, files, n, n_needed) && replace_commit(j, 0600))
        return true;
    error = errno;
    replace_undo(j);
    errno = error;
    return false;
}

bool
journal_decode(const uint8_t *p, size_t len, struct journal *out)
{
    struct reader r = reader_init(p, len);
    const uint8_t *magic = reader_bytes(&r, MAGIC_SIZE);
    bool earlier = magic != NULL && memcmp(magic, MAGIC_EARLIER, MAGIC_SIZE) == 0;

    memset(out, 0, sizeof(*out));
    if (magic == NULL || (!earlier && memcmp(magic, MAGIC, MAGIC_SIZE) != 0))
        return false;
    out->n = reader_u32(&r);
    out->n_needed = earlier ? 0 : reader_u32(&r);
    if (out->n == 0 || out->n > JOURNAL_FILES_MAX || (!earlier && out->n_needed == 0) || out->n_needed > out->n)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct journal_file *f = &out->files[i];

        if (!reader_str_copy(&r, f->fresh, sizeof(f->fresh)) || !reader_str_copy(&r, f->path, sizeof(f->path)) ||
            !replace_is_beside(f->fresh, f->path))
            return false;
        f->inode = earlier ? 0 : reader_u64(&r);
    }
    return reader_done(&r);
}

/* The bytes of a regular file of ours that nobody else may read or write. */
static bool
load(int fd, struct journal *out)
{
    uint8_t *bytes = NULL;
    struct stat st;
    ssize_t n = -1;
    bool good;

    if (fstat(fd, &st) != 0)
        return false;
    if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 && st.st_size <= JOURNAL_BYTES_MAX)
        bytes = malloc(JOURNAL_BYTES_MAX);
    if (bytes != NULL)
        n = read(fd, bytes, JOURNAL_BYTES_MAX);
    good = n > 0 && journal_decode(bytes, (size_t)n, out);
    free(bytes);
    errno = EINVAL;
    return good;
}

/* Is it that file? False with errno, ENOENT where another one is there. */
static bool
is_file(const char *path, uint64_t inode)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return false;
    errno = ENOENT;
    return S_ISREG(st.st_mode) && (uint64_t)st.st_ino == inode;
}

/* Which of them have their names, and which are lost. False with errno, and in *lost_out what is lost and needed. */
static bool
find_all(const struct journal *j, bool named[static JOURNAL_FILES_MAX], bool lost[static JOURNAL_FILES_MAX],
         const char **lost_out)
{
    for (size_t i = 0; i < j->n; i++) {
        const struct journal_file *f = &j->files[i];

        named[i] = is_file(f->path, f->inode);
        lost[i] = !named[i] && !is_file(f->fresh, f->inode);
        if (!lost[i])
            continue;
        if (errno != ENOENT)
            return false;
        if (i < j->n_needed) {
            *lost_out = f->fresh;
            return false;
        }
    }
    return true;
}

/* All or, where one that is needed is lost, none. */
static bool
rename_all(const struct journal *j, const char **lost_out)
{
    bool earlier = j->n_needed == 0, named[JOURNAL_FILES_MAX] = { false }, lost[JOURNAL_FILES_MAX] = { false };

    if (!earlier && !find_all(j, named, lost, lost_out))
        return false;
    for (size_t i = 0; i < j->n; i++) {
        const struct journal_file *f = &j->files[i];

        if (!named[i] && !lost[i] && rename(f->fresh, f->path) != 0 && !(earlier && errno == ENOENT))
            return false;
        if (!replace_sync_directory(f->path))
            return false;
    }
    return true;
}

enum journal_end
journal_finish(const char *path, char lost_out[static PATH_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    const char *lost = NULL;
    struct journal *j;
    bool good;
    int error;

    lost_out[0] = '\0';
    if (fd < 0)
        return errno == ENOENT ? JOURNAL_NONE : JOURNAL_FAILED;
    j = malloc(sizeof(*j));
    good = j != NULL && load(fd, j) && rename_all(j, &lost) && unlink(path) == 0 && replace_sync_directory(path);
    error = errno;
    for (size_t i = 0; good && i < j->n; i++)
        replace_sweep(j->files[i].path);
    if (lost != NULL)
        (void)snprintf(lost_out, PATH_MAX, "%s", lost);
    free(j);
    (void)close(fd);
    errno = error;
    return good ? JOURNAL_FINISHED : lost_out[0] != '\0' ? JOURNAL_LOST : JOURNAL_FAILED;
}
