#include "lib/base/wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int64_t
clock_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
ms_until(int64_t deadline)
{
    int64_t left = deadline - clock_ms();

    if (left <= 0)
        return 0;
    return left > 3600000 ? 3600000 : (int)left;
}

bool
wait_fd(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    int left;

    do {
        int n;

        left = ms_until(deadline);
        n = poll(&p, 1, left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    } while (left > 0);
    errno = ETIMEDOUT;
    return false;
}
