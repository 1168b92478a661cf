#include "lib/krb/kdc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/net.h"
#include "lib/base/wait.h"

#define KDC_PORT 88

struct kdc
kdc_init(const struct krb_target *t)
{
    struct kdc kdc = { .address = t->kdc, .timeout = t->timeout, .patience = t->patience, .fd = -1 };

    return kdc;
}

struct kdc
kdc_init_user(const struct krb_target *t)
{
    struct kdc kdc = kdc_init(t);

    kdc.address = t->user_kdc;
    return kdc;
}

void
kdc_done(struct kdc *kdc)
{
    if (kdc->fd >= 0)
        (void)close(kdc->fd);
    kdc->fd = -1;
}

static int
kdc_connect(struct kdc *kdc, int64_t deadline)
{
    struct sockaddr_storage to;
    int one = 1;

    kdc_done(kdc);
    if (!address_parse(kdc->address, KDC_PORT, &to))
        return EINVAL;
    kdc->fd = tcp_connect(&to, deadline);
    if (kdc->fd < 0)
        return errno;
    (void)setsockopt(kdc->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return 0;
}

static int
send_all(int fd, const uint8_t *p, size_t n, int64_t deadline)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent >= 0) {
            p += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (!wait_fd(fd, POLLOUT, deadline))
                return errno;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int
recv_all(int fd, uint8_t *p, size_t n, int64_t deadline)
{
    while (n > 0) {
        ssize_t got = recv(fd, p, n, 0);

        if (got > 0) {
            p += got;
            n -= (size_t)got;
        } else if (got == 0) {
            return ECONNRESET;
        } else if (errno == EAGAIN) {
            if (!wait_fd(fd, POLLIN, deadline))
                return errno;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* One message of four bytes of length and what they promise; the bytes of the request go out in one piece. */
static int
send_request(int fd, const krb5_data *request, int64_t deadline)
{
    uint8_t *bytes = malloc((size_t)request->length + 4);
    int error;

    if (bytes == NULL)
        return ENOMEM;
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(request->length >> (24 - 8 * i));
    memcpy(bytes + 4, request->data, request->length);
    error = send_all(fd, bytes, (size_t)request->length + 4, deadline);
    free(bytes);
    return error;
}

static int
recv_reply(int fd, krb5_data *reply_out, int64_t deadline)
{
    uint8_t head[4];
    struct reader r = reader_init(head, sizeof(head));
    uint8_t *bytes;
    uint32_t n;
    int error = recv_all(fd, head, sizeof(head), deadline);

    if (error != 0)
        return error;
    n = reader_u32_be(&r);
    if (n == 0 || n > KDC_REPLY_MAX)
        return EMSGSIZE;
    bytes = malloc(n);
    if (bytes == NULL)
        return ENOMEM;
    error = recv_all(fd, bytes, n, deadline);
    if (error != 0) {
        free(bytes);
        return error;
    }
    reply_out->data = (char *)bytes;
    reply_out->length = n;
    return 0;
}

/* A connection on which the KDC has nothing to say has not been ended by it. */
static bool
is_open(int fd)
{
    char c;

    return fd >= 0 && recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void
spend_wait(struct kdc *kdc)
{
    void (*meanwhile)(void *arg) = kdc->meanwhile;

    kdc->meanwhile = NULL;
    if (meanwhile != NULL)
        meanwhile(kdc->arg);
}

static int
talk(struct kdc *kdc, const krb5_data *request, bool once, krb5_data *reply_out)
{
    int64_t most = (int64_t)kdc->timeout * 1000;
    int64_t deadline = clock_ms() + (kdc->patience > 0 && kdc->patience < most ? kdc->patience : most);
    bool reused = is_open(kdc->fd);
    int error;

    for (;;) {
        error = reused ? 0 : kdc_connect(kdc, deadline);
        if (error != 0)
            return error;
        error = send_request(kdc->fd, request, deadline);
        if (error == 0) {
            spend_wait(kdc);
            error = recv_reply(kdc->fd, reply_out, deadline);
        }
        if (!reused || once || (error != ECONNRESET && error != EPIPE))
            return error;
        reused = false;
    }
}

krb5_error_code
kdc_exchange(krb5_context ctx, struct kdc *kdc, const krb5_data *request, bool once, krb5_data *reply_out)
{
    int error;

    memset(reply_out, 0, sizeof(*reply_out));
    if (kdc->address == NULL) {
        krb5_set_error_message(ctx, KRB5_KDC_UNREACH, "no KDC is known");
        return KRB5_KDC_UNREACH;
    }
    error = talk(kdc, request, once, reply_out);
    if (error == 0) {
        kdc->patience = 0;
        return 0;
    }
    kdc_done(kdc);
    if (error == ENOMEM)
        return ENOMEM;
    krb5_set_error_message(ctx, KRB5_KDC_UNREACH, "KDC %s: %s", kdc->address, strerror(error));
    return KRB5_KDC_UNREACH;
}
