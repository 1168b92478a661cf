#include "lib/proto/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/wait.h"

#define MOMENT_TURNS 100 /* of about half a microsecond */

int64_t
client_now(void)
{
    return clock_ms();
}

/*
 * EAGAIN: the listener's queue is full.  No event says "room again", but a
 * connect that blocks waits in line for it, as long as the socket may send.
 */
static int
wait_in_line(int fd, int64_t deadline)
{
    int64_t left = deadline - client_now();
    struct timeval t = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

    if (left <= 0) {
        errno = EAGAIN;
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) != 0)
        return -1;
    return fcntl(fd, F_SETFL, 0);
}

static int
connect_until(int fd, const struct sockaddr_un *a, int64_t deadline)
{
    while (connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        if (wait_in_line(fd, deadline) != 0)
            return -1;
    }
    return 0;
}

/* The peer of a connected socket is whoever listened there. */
static int
check_peer(int fd)
{
    struct ucred peer = { .uid = (uid_t)-1 };
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return -1;
    if (peer.uid != 0) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

/* Before connect: the kernel notes the sender when a packet is sent. */
static int
name_senders(int fd, int named)
{
    return named == 0 ? 0 : setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &named, sizeof(named));
}

static int
connect_path(const char *path, int named, int64_t deadline)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd, err;

    if (strlen(path) >= sizeof(a.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    fd = fd_above_stdio(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return -1;
    if (name_senders(fd, named) == 0 && connect_until(fd, &a, deadline) == 0 && check_peer(fd) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    errno = err;
    return -1;
}

int
client_connect(const char *path, int64_t deadline)
{
    return connect_path(path, 0, deadline);
}

int
client_connect_named(const char *path, int64_t deadline)
{
    return connect_path(path, 1, deadline);
}

int
client_send(int fd, const void *packet, size_t len, int64_t deadline)
{
    for (;;) {
        ssize_t n = send(fd, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || !wait_fd(fd, POLLOUT, deadline))
            return -1;
    }
}

/* What came beside a packet. */
struct beside {
    int fd;                      /* the first descriptor; -1 if there was none */
    struct client_sender sender; /* uid UINT32_MAX if the kernel did not say */
};

static void
take_fds(const struct cmsghdr *c, struct beside *b)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        if (b->fd < 0)
            b->fd = fd_above_stdio(fd);
        else
            (void)close(fd);
    }
}

static void
take_beside(struct msghdr *m, struct beside *b)
{
    struct ucred cred;

    b->fd = -1;
    b->sender.pid = 0;
    b->sender.uid = UINT32_MAX;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS)
            take_fds(c, b);
        if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(cred))) {
            memcpy(&cred, CMSG_DATA(c), sizeof(cred));
            b->sender.pid = (uint32_t)cred.pid;
            b->sender.uid = cred.uid;
        }
    }
}

/* The next packet's length; buf gets what fits of it. MSG_TRUNC in flags: a longer one is no error. */
static ptrdiff_t
recv_packet(int fd, void *buf, size_t size, int flags, struct beside *b, int64_t deadline)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    /* The answer is hardly ever there already: to wait first saves a call. */
    do {
        if (!wait_fd(fd, POLLIN, deadline))
            return -1;
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        m.msg_flags = 0;
        n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0)
        return -1;
    take_beside(&m, b);
    if ((m.msg_flags & MSG_TRUNC) == 0 || (flags & MSG_TRUNC) != 0)
        return n;
    if (b->fd >= 0)
        (void)close(b->fd);
    b->fd = -1;
    errno = EMSGSIZE;
    return -1;
}

/* recv_packet for a caller who may want no descriptor. */
static ptrdiff_t
recv_with_fd(int fd, void *buf, size_t size, int flags, int *fd_out, int64_t deadline)
{
    struct beside b = { .fd = -1 };
    ptrdiff_t n = recv_packet(fd, buf, size, flags, &b, deadline);

    if (fd_out != NULL)
        *fd_out = b.fd;
    else if (b.fd >= 0)
        (void)close(b.fd);
    return n;
}

ptrdiff_t
client_recv(int fd, void *buf, size_t size, int *fd_out, int64_t deadline)
{
    return recv_with_fd(fd, buf, size, 0, fd_out, deadline);
}

/*
 * front answers what it knows in less time than it takes to fall asleep and to
 * be woken.  Where there is one processor alone, front has it in each turn.
 */
static void
wait_a_moment(int fd)
{
    char c;

    for (int i = 0; i < MOMENT_TURNS; i++) {
        if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR))
            return;
        (void)sched_yield();
    }
}

ptrdiff_t
client_peek(int fd, void *buf, size_t size, int *fd_out, int64_t deadline)
{
    wait_a_moment(fd);
    return recv_with_fd(fd, buf, size, MSG_PEEK | MSG_TRUNC, fd_out, deadline);
}

ptrdiff_t
client_recv_sender(int fd, void *buf, size_t size, struct client_sender *sender_out, int64_t deadline)
{
    struct beside b = { .fd = -1, .sender = { .uid = UINT32_MAX } };
    ptrdiff_t n = recv_packet(fd, buf, size, 0, &b, deadline);

    *sender_out = b.sender;
    if (b.fd >= 0)
        (void)close(b.fd);
    return n;
}
