#include "lib/proto/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

static int
write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Kernels from 6.3 on may be told to make no memfd that could be executed; older ones don't know the flag. */
static int
new_memfd(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

int
sealed_new(const char *name, const void *data, size_t len)
{
    int fd = new_memfd(name);
    int err;

    if (fd < 0)
        return -1;
    if (write_all(fd, data, len) == 0 && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    errno = err;
    return -1;
}

/* Only a memfd knows seals. One of huge pages raises SIGBUS where its group's share of them is spent. */
int
sealed_check(int fd)
{
    struct statfs fs;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS || fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

int
sealed_map(int fd, size_t max, const void **data_out, size_t *len_out)
{
    struct stat st;
    void *p;

    *data_out = NULL;
    *len_out = 0;
    if (sealed_check(fd) != 0 || fstat(fd, &st) != 0)
        return -1;
    if (st.st_size <= 0 || (uint64_t)st.st_size > max) {
        errno = EMSGSIZE;
        return -1;
    }
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return -1;
    *data_out = p;
    *len_out = (size_t)st.st_size;
    return 0;
}

void
sealed_hold(struct sealed_secret *s, int fd)
{
    s->fd = fd;
    s->pages = NULL;
    s->len = 0;
    if (fd < 0 || sealed_map(fd, SEALED_SECRET_MAX, &s->pages, &s->len) != 0)
        return;
    /* A private mapping that is only read shares the memfd's own pages. */
    if (mlock(s->pages, s->len) == 0)
        return;
    (void)munmap((void *)(uintptr_t)s->pages, s->len);
    s->pages = NULL;
}

void
sealed_drop(struct sealed_secret *s)
{
    if (s->pages != NULL)
        (void)munmap((void *)(uintptr_t)s->pages, s->len);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s->pages = NULL;
}
