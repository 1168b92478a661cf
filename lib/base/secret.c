#include "lib/base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void
secret_erase(void *p, size_t n)
{
    if (p != NULL)
        explicit_bzero(p, n);
}

void
secret_erase_str(char *s)
{
    if (s != NULL)
        explicit_bzero(s, strlen(s));
}

static size_t
whole_pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

void *
secret_new(size_t size)
{
    size_t n = whole_pages(size);
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    /* Where the limit on locked memory is spent the secret is still wiped and never dumped. */
    (void)mlock(p, n);
    (void)madvise(p, n, MADV_DONTDUMP);
    (void)madvise(p, n, MADV_WIPEONFORK);
    return p;
}

void
secret_free(void *p, size_t size)
{
    size_t n = whole_pages(size);

    if (p == NULL)
        return;
    explicit_bzero(p, n);
    (void)munmap(p, n);
}

bool
secret_allow_lock(void)
{
    const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

    return setrlimit(RLIMIT_MEMLOCK, &none) == 0;
}

bool
secret_lock_all(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return false;
    if (limit.rlim_cur != RLIM_INFINITY) {
        errno = EPERM;
        return false;
    }
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
