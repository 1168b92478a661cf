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

#define MAGIC "authsodj"
#define MAGIC_SIZE 8

static bool
put(struct replace *j, struct replace *const *files, size_t n)
{
    uint8_t *bytes = malloc(JOURNAL_BYTES_MAX);
    struct writer w = writer_init(bytes, bytes == NULL ? 0 : JOURNAL_BYTES_MAX);
    bool good = true;

    writer_bytes(&w, MAGIC, MAGIC_SIZE);
    writer_u32(&w, (uint32_t)n);
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
journal_begin(struct replace *j, const char *path, struct replace *const *files, size_t n)
{
    int error;

    if (n == 0 || n > JOURNAL_FILES_MAX) {
        errno = EINVAL;
        return false;
    }
    if (!replace_begin(j, path))
        return false;
    if (put(j, files, n) && replace_commit(j, 0600))
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

    memset(out, 0, sizeof(*out));
    if (magic == NULL || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
        return false;
    out->n = reader_u32(&r);
    if (out->n == 0 || out->n > JOURNAL_FILES_MAX)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct journal_file *f = &out->files[i];

        if (!reader_str_copy(&r, f->fresh, sizeof(f->fresh)) || !reader_str_copy(&r, f->path, sizeof(f->path)) ||
            !replace_is_beside(f->fresh, f->path))
            return false;
        f->inode = reader_u64(&r);
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

/* All or, where one is lost, none. */
static bool
rename_all(const struct journal *j)
{
    bool named[JOURNAL_FILES_MAX];

    for (size_t i = 0; i < j->n; i++) {
        const struct journal_file *f = &j->files[i];

        named[i] = is_file(f->path, f->inode);
        if (!named[i] && !is_file(f->fresh, f->inode))
            return false;
    }
    for (size_t i = 0; i < j->n; i++) {
        if ((!named[i] && rename(j->files[i].fresh, j->files[i].path) != 0) ||
            !replace_sync_directory(j->files[i].path))
            return false;
    }
    return true;
}

enum journal_end
journal_finish(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct journal *j;
    bool good;
    int error;

    if (fd < 0)
        return errno == ENOENT ? JOURNAL_NONE : JOURNAL_FAILED;
    j = malloc(sizeof(*j));
    good = j != NULL && load(fd, j) && rename_all(j) && unlink(path) == 0 && replace_sync_directory(path);
    error = errno;
    for (size_t i = 0; good && i < j->n; i++)
        replace_sweep(j->files[i].path);
    free(j);
    (void)close(fd);
    errno = error;
    return good ? JOURNAL_FINISHED : JOURNAL_FAILED;
}
