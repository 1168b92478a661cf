#include "daemon/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/wait.h"

bool
channel_pair(int fds_out[2])
{
    int room = 8 * (int)CHANNEL_PACKET_MAX;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds_out) != 0)
        return false;
    /* FORCE takes a right that the unit does not give; without it the system's limit for any socket holds. */
    for (int i = 0; i < 2; i++) {
        if (setsockopt(fds_out[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0)
            (void)setsockopt(fds_out[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    }
    return true;
}

bool
channel_send(int fd, const void *packet, size_t len, const int *fds, size_t n_fds, bool block)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec iov = { .iov_len = len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    union {
        const void *in;
        void *out;
    } alias = { .in = packet };

    if (n_fds > CHANNEL_FDS_MAX) {
        errno = EINVAL;
        return false;
    }
    iov.iov_base = alias.out; /* sendmsg does not write to it */
    if (n_fds > 0) {
        struct cmsghdr *c;

        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    for (;;) {
        if (sendmsg(fd, &m, MSG_NOSIGNAL | (block ? 0 : MSG_DONTWAIT)) >= 0)
            return true;
        if (errno != EINTR)
            return false;
    }
}

static void
take_fds(struct msghdr *m, int fds_out[CHANNEL_FDS_MAX])
{
    size_t taken = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (taken < CHANNEL_FDS_MAX)
                fds_out[taken++] = fd;
            else
                (void)close(fd);
        }
    }
}

/* Waits until something can be read; false with errno EAGAIN when the time is up. */
static bool
wait_readable(int fd, int timeout_ms)
{
    if (wait_fd(fd, POLLIN, clock_ms() + timeout_ms))
        return true;
    if (errno == ETIMEDOUT)
        errno = EAGAIN;
    return false;
}

ssize_t
channel_recv(int fd, void *buf, size_t size, int fds_out[CHANNEL_FDS_MAX], int timeout_ms)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    for (size_t i = 0; i < CHANNEL_FDS_MAX; i++)
        fds_out[i] = -1;
    if (timeout_ms > 0 && !wait_readable(fd, timeout_ms))
        return -1;
    do {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (timeout_ms < 0 ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    take_fds(&m, fds_out);
    if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        channel_close_fds(fds_out);
        errno = EMSGSIZE;
        return -1;
    }
    return n;
}

void
channel_close_fds(int fds[CHANNEL_FDS_MAX])
{
    for (size_t i = 0; i < CHANNEL_FDS_MAX; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

int
channel_take_fd(int fds[CHANNEL_FDS_MAX])
{
    int fd = fds[0];

    fds[0] = -1;
    return fd;
}
