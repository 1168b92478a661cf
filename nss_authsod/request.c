/*
 * One question to `front` over a connection of its own.  A kept one would have
 * to outlive fork, threads and programs that close or reuse descriptors which
 * they don't know.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "lib/proto/sealed.h"
#include "nss_authsod/module.h"

/* What can pass by itself is TRYAGAIN; all else means that there is no service. */
static enum nss_status
failed(int err, int *errnop)
{
    switch (err) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        *errnop = err;
        return NSS_STATUS_TRYAGAIN;
    case EAGAIN:     /* the listener's queue stays full */
    case ETIMEDOUT:
    case ECONNRESET: /* front went away: it will be back */
    case EPIPE:
        *errnop = EAGAIN;
        return NSS_STATUS_TRYAGAIN;
    default:
        *errnop = err;
        return NSS_STATUS_UNAVAIL;
    }
}

static int
send_query(int fd, const struct query *q, int64_t deadline)
{
    uint8_t packet[PROTO_NAME_MAX + 16];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_get(&w, q->kind, q->by, q->name, q->id);
    if (!writer_ok(&w)) {
        errno = EINVAL;
        return -1;
    }
    return client_send(fd, packet, w.len, deadline);
}

/* The packet is longer than small: a mapping takes it. */
static ptrdiff_t
receive_large(int fd, struct answer *a, size_t len, int64_t deadline)
{
    void *p;

    if (len > PROTO_PACKET_MAX) {
        errno = EPROTO;
        return -1;
    }
    p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return -1;
    a->map = p;
    a->map_len = len;
    return client_recv(fd, p, len, NULL, deadline);
}

/* The bytes of the answer, wherever they are: 0, or -1 with errno. */
static int
receive(int fd, struct answer *a, struct reader *r_out, int64_t deadline)
{
    int passed = -1, status = -1, err;
    ptrdiff_t n = client_peek(fd, a->small, sizeof(a->small), &passed, deadline);
    const void *data = a->small;
    size_t len;

    if (n > (ptrdiff_t)sizeof(a->small) && passed < 0) {
        n = receive_large(fd, a, (size_t)n, deadline);
        data = a->map;
    }
    if (n < 0)
        goto done;
    if (n == 0) {
        errno = ECONNRESET;
        goto done;
    }
    len = (size_t)n;
    if (passed >= 0) {
        if (sealed_map(passed, PROTO_RECORD_MAX, &data, &len) != 0) {
            errno = EPROTO;
            goto done;
        }
        a->map = (void *)(uintptr_t)data;
        a->map_len = len;
    }
    *r_out = reader_init(data, len);
    status = 0;

done:
    err = errno;
    if (passed >= 0)
        (void)close(passed);
    errno = err;
    return status;
}

static enum nss_status
parse(struct reader *r, struct record *rec_out, int *errnop)
{
    unsigned type = proto_get_head(r);

    if (type == PROTO_RECORD && record_get(r, rec_out))
        return NSS_STATUS_SUCCESS;
    *errnop = ENOENT;
    if (type == PROTO_NONE && reader_done(r))
        return NSS_STATUS_NOTFOUND;
    *errnop = EAGAIN;
    if (type == PROTO_LATER && reader_done(r))
        return NSS_STATUS_TRYAGAIN;
    *errnop = EPROTO;
    return NSS_STATUS_UNAVAIL;
}

enum nss_status
request(const struct query *q, struct answer *a, int *errnop)
{
    int64_t deadline = client_now() + NSS_PATIENCE;
    int fd = client_connect(CLIENT_PATH_NSS, deadline);
    enum nss_status status;
    struct reader r;

    if (fd < 0)
        return failed(errno, errnop);
    if (send_query(fd, q, deadline) == 0 && receive(fd, a, &r, deadline) == 0)
        status = parse(&r, &a->rec, errnop);
    else
        status = failed(errno, errnop);
    (void)close(fd);
    return status;
}

void
answer_done(struct answer *a)
{
    if (a->map != NULL)
        (void)munmap(a->map, a->map_len);
    a->map = NULL;
}

void
request_refresh(const struct query *q)
{
    int64_t deadline = client_now(); /* to wait for nothing */
    int fd = client_connect(CLIENT_PATH_NSS, deadline);

    if (fd < 0)
        return;
    (void)send_query(fd, q, deadline);
    (void)close(fd);
}
