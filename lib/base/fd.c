#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
fd_above_stdio(int fd)
{
    int high, err;

    if (fd < 0 || fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    err = errno;
    (void)close(fd);
    errno = err;
    return high;
}
