/* Files of the folder: read with care, and replaced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cached/cached_private.h"

#define UNFINISHED ".new."
#define DIGITS 16
#define UNFINISHED_MAX (sizeof(UNFINISHED) + DIGITS)

/* A regular file of ours, which nobody else can write to.  False, with errno. */
static bool
is_ours(int fd, size_t *len_out)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    *len_out = (size_t)st.st_size;
    errno = EBADMSG;
    return S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && st.st_size > 0 &&
           st.st_size <= CACHED_FILE_MAX;
}

/* All len bytes.  False, with errno, also where there are fewer or more. */
static bool
read_all(int fd, uint8_t *bytes, size_t len)
{
    size_t have = 0;
    uint8_t more;
    ssize_t n;

    do {
        n = have < len ? read(fd, bytes + have, len - have) : read(fd, &more, 1);
        if (n > 0)
            have += (size_t)n;
    } while ((n > 0 && have <= len) || (n < 0 && errno == EINTR));
    if (n < 0)
        return false;
    errno = EBADMSG;
    return have == len;
}

uint8_t *
cached_load(int folder, TALLOC_CTX *mem, const char *name, size_t *len_out)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;
    uint8_t *bytes = NULL;

    *len_out = 0;
    if (fd < 0) {
        /* A link, a socket, somebody else's. */
        if (errno == ELOOP || errno == ENXIO || errno == EACCES)
            errno = EBADMSG;
        return NULL;
    }
    if (is_ours(fd, len_out)) {
        errno = ENOMEM;
        bytes = talloc_size(mem, *len_out);
        if (bytes != NULL && !read_all(fd, bytes, *len_out))
            TALLOC_FREE(bytes);
    }
    error = errno;
    (void)close(fd);
    errno = error;
    return bytes;
}

/* A new file; its name is not to be guessed. */
static int
make_unfinished(int folder, char name[static UNFINISHED_MAX])
{
    unsigned random[2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -1;
    (void)snprintf(name, UNFINISHED_MAX, UNFINISHED "%08x%08x", random[0], random[1]);
    return openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
}

bool
cached_is_unfinished(const char *name)
{
    size_t n = strlen(UNFINISHED);

    return strncmp(name, UNFINISHED, n) == 0 && strlen(name + n) == DIGITS &&
           strspn(name + n, "0123456789abcdef") == DIGITS;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

bool
cached_replace(int folder, const char *name, const uint8_t *bytes, size_t len)
{
    char fresh[UNFINISHED_MAX];
    int fd = make_unfinished(folder, fresh), error;
    bool good;

    if (fd < 0)
        return false;
    good = write_all(fd, bytes, len);
    error = errno;
    if (close(fd) != 0 && good) {
        error = errno;
        good = false;
    }
    if (good && renameat(folder, fresh, folder, name) == 0)
        return true;
    error = good ? errno : error;
    (void)unlinkat(folder, fresh, 0);
    errno = error;
    return false;
}
