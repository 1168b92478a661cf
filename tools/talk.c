#include "tools/talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"
#include "lib/base/wait.h"
#include "lib/proto/client.h"

#define SEND_MS 10000

static bool
send_packet(int to, const uint8_t *packet, size_t len, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { .iov_len = len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    int64_t deadline = clock_ms() + SEND_MS;
    ssize_t n;

    memcpy(&iov.iov_base, &packet, sizeof(iov.iov_base));
    if (fd >= 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do {
        n = sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_fd(to, POLLOUT, deadline))));
    return n == (ssize_t)len;
}

bool
talk_send(int to, enum talk_type type, uint32_t number, const char *a, const char *b, int fd)
{
    uint8_t packet[TALK_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    bool sent;

    writer_u8(&w, (uint8_t)type);
    writer_u32(&w, number);
    writer_strn(&w, a == NULL ? "" : a, a == NULL ? 0 : strnlen(a, TALK_TEXT_MAX - 1));
    writer_strn(&w, b == NULL ? "" : b, b == NULL ? 0 : strnlen(b, TALK_TEXT_MAX - 1));
    sent = writer_ok(&w) && send_packet(to, packet, w.len, fd);
    secret_erase(packet, sizeof(packet));
    return sent;
}

bool
talk_decode(const uint8_t *p, unsigned long len, struct talk *t)
{
    struct reader r = reader_init(p, len);

    memset(t, 0, sizeof(*t));
    t->fd = -1;
    t->type = (enum talk_type)reader_u8(&r);
    t->number = reader_u32(&r);
    return reader_str_copy(&r, t->a, sizeof(t->a)) && reader_str_copy(&r, t->b, sizeof(t->b)) && reader_done(&r);
}

bool
talk_receive(int from, struct talk *t, int ms)
{
    uint8_t packet[TALK_PACKET_MAX];
    int fd = -1;
    ptrdiff_t n = client_recv(from, packet, sizeof(packet), &fd, client_now() + ms);
    bool good = n > 0 && talk_decode(packet, (unsigned long)n, t);

    secret_erase(packet, sizeof(packet));
    if (n <= 0) {
        memset(t, 0, sizeof(*t));
        t->fd = -1;
    }
    t->fd = fd;
    if (!good)
        talk_clear(t);
    return good;
}

void
talk_clear(struct talk *t)
{
    if (t->fd >= 0)
        (void)close(t->fd);
    secret_erase(t, sizeof(*t));
    t->fd = -1;
}
