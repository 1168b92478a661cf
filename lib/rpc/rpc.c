#include "lib/rpc/rpc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/net.h"
#include "lib/base/secret.h"
#include "lib/base/wait.h"

#define AUTH_CONTEXT 1
#define REASON_NAK 0x10000U   /* see reasons[] of failure.c */
#define STUB_FIRST 8192       /* bytes that an answer's memory begins with */
#define STUB_ALIGNMENT 16

struct rpc {
    int fd;                         /* -1: dead */
    struct schannel *schannel;      /* NULL: none */
    bool signs_headers;
    uint16_t max_send;              /* bytes of a fragment */
    uint32_t call_id;               /* of the last call */
    uint8_t fragment[PDU_FRAGMENT_MAX];
    size_t len;                     /* of the fragment that was received */
};

static void
kill_connection(struct rpc *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    secret_erase(c->fragment, sizeof(c->fragment));
}

static int
rpc_destroy(struct rpc *c)
{
    kill_connection(c);
    return 0;
}

/* After a wait or a transfer that failed. */
static bool
fail_errno(struct rpc_failure *f, const char *step)
{
    return rpc_fail(f, errno == ETIMEDOUT ? RPC_TIMEOUT : RPC_CLOSED, errno == ETIMEDOUT ? 0 : (uint32_t)errno, step);
}

/*
 * A wait that ends at the deadline even where there is no need to wait: a peer
 * that sends without end, a little at a time, is always ready.
 */
static bool
wait_ready(const struct rpc *c, short events, int64_t deadline)
{
    if (clock_ms() >= deadline) {
        errno = ETIMEDOUT;
        return false;
    }
    return wait_fd(c->fd, events, deadline);
}

static bool
send_all(const struct rpc *c, const uint8_t *p, size_t n, int64_t deadline)
{
    while (n > 0) {
        ssize_t done;

        if (!wait_ready(c, POLLOUT, deadline))
            return false;
        done = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

static bool
receive_all(const struct rpc *c, uint8_t *p, size_t n, int64_t deadline)
{
    while (n > 0) {
        ssize_t done;

        if (!wait_ready(c, POLLIN, deadline))
            return false;
        done = recv(c->fd, p, n, MSG_DONTWAIT);
        if (done == 0) {
            errno = ECONNRESET;
            return false;
        }
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

/* One fragment into c->fragment, decoded. */
static bool
receive_pdu(struct rpc *c, struct pdu *pdu_out, const char *step, int64_t deadline, struct rpc_failure *f)
{
    size_t len;

    if (!receive_all(c, c->fragment, PDU_HEADER_BYTES, deadline))
        return fail_errno(f, step);
    len = pdu_length(c->fragment);
    if (len == 0)
        return rpc_fail(f, RPC_MALFORMED, 0, step);
    if (!receive_all(c, c->fragment + PDU_HEADER_BYTES, len - PDU_HEADER_BYTES, deadline))
        return fail_errno(f, step);
    c->len = len;
    if (pdu_read(pdu_out, c->fragment, len) != NULL || pdu_out->call_id != c->call_id)
        return rpc_fail(f, RPC_MALFORMED, 0, step);
    return true;
}

static bool
is_ours(const struct pdu_auth *auth)
{
    return auth->type == SCHANNEL_AUTH_TYPE && auth->level == SCHANNEL_AUTH_LEVEL && auth->context == AUTH_CONTEXT;
}

static bool
check_bind_ack(struct rpc *c, const struct pdu *pdu, struct rpc_failure *f)
{
    const uint8_t whole = PDU_FIRST_FRAGMENT | PDU_LAST_FRAGMENT;

    if (pdu->type == PDU_BIND_NAK)
        return rpc_fail(f, RPC_BIND, REASON_NAK | pdu->reason, "bind");
    if (pdu->type == PDU_FAULT)
        return rpc_fail(f, RPC_FAULT, pdu->status, "bind");
    if (pdu->type != PDU_BIND_ACK || (pdu->flags & whole) != whole)
        return rpc_fail(f, RPC_MALFORMED, 0, "bind");
    if (pdu->result != 0)
        return rpc_fail(f, RPC_BIND, pdu->reason, "bind");
    if (memcmp(&pdu->transfer, &pdu_ndr32, sizeof(pdu_ndr32)) != 0)
        return rpc_fail(f, RPC_MALFORMED, 0, "bind");
    if (c->schannel == NULL)
        return pdu->auth.token_len == 0 || rpc_fail(f, RPC_MALFORMED, 0, "bind");
    if (!is_ours(&pdu->auth) || !schannel_token_is_answer(pdu->auth.token, pdu->auth.token_len))
        return rpc_fail(f, RPC_MALFORMED, 0, "bind");
    c->signs_headers = (pdu->flags & PDU_HEADER_SIGN) != 0;
    return true;
}

static bool
bind_interface(struct rpc *c, const struct pdu_syntax *interface, const struct rpc_security *security, int64_t deadline,
               struct rpc_failure *f)
{
    struct writer w = writer_init(c->fragment, sizeof(c->fragment));
    struct pdu_bind bind = { .call_id = ++c->call_id, .interface = interface };
    struct pdu pdu;

    if (security != NULL) {
        bind.auth = (struct pdu_auth){ .type = SCHANNEL_AUTH_TYPE,
                                       .level = SCHANNEL_AUTH_LEVEL, .context = AUTH_CONTEXT, .token = security->token,
                                       .token_len = security->token_len };
    }
    pdu_write_bind(&w, &bind);
    if (!writer_ok(&w))
        return rpc_fail(f, RPC_ARGUMENT, 0, "bind");
    if (!send_all(c, c->fragment, w.len, deadline))
        return fail_errno(f, "bind");
    if (!receive_pdu(c, &pdu, "bind", deadline, f) || !check_bind_ack(c, &pdu, f))
        return false;
    c->max_send = pdu.max_send < PDU_FRAGMENT_MAX ? pdu.max_send : PDU_FRAGMENT_MAX;
    return true;
}

struct rpc *
rpc_connect(TALLOC_CTX *mem, const struct sockaddr_storage *to, const struct pdu_syntax *interface,
            const struct rpc_security *security, int64_t deadline, struct rpc_failure *f)
{
    struct rpc *c = talloc_zero(mem, struct rpc);
    int on = 1;

    (void)rpc_fail(f, RPC_NONE, 0, "connect");
    if (c == NULL) {
        (void)rpc_fail(f, RPC_MEMORY, 0, "connect");
        return NULL;
    }
    talloc_set_destructor(c, rpc_destroy);
    if (security != NULL)
        c->schannel = talloc_steal(c, security->schannel);
    c->fd = tcp_connect(to, deadline);
    if (c->fd < 0) {
        (void)rpc_fail(f, errno == ETIMEDOUT ? RPC_TIMEOUT : RPC_CONNECT, (uint32_t)errno, "connect");
        talloc_free(c);
        return NULL;
    }
    /* The last fragment of a request must not wait for the first one's acknowledgement. */
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!bind_interface(c, interface, security, deadline, f)) {
        talloc_free(c);
        return NULL;
    }
    return c;
}

/* The parts of c->fragment that are signed and sealed. */
static struct schannel_message
message_of(struct rpc *c, size_t sealed_len)
{
    struct schannel_message m = { .data = c->fragment + PDU_CALL_HEADER_BYTES, .len = sealed_len };

    if (c->signs_headers) {
        m.before = (struct crypt_part){ c->fragment, PDU_CALL_HEADER_BYTES };
        m.after = (struct crypt_part){ m.data + sealed_len, PDU_TRAILER_BYTES };
    }
    return m;
}

/* Bytes of stub that one fragment takes. */
static size_t
stub_room(const struct rpc *c)
{
    size_t room = c->max_send - PDU_CALL_HEADER_BYTES;

    if (c->schannel != NULL)
        room = (room - PDU_TRAILER_BYTES - SCHANNEL_SIGNATURE_BYTES) / STUB_ALIGNMENT * STUB_ALIGNMENT;
    return room;
}

static bool
send_fragment(struct rpc *c, struct pdu_request *request, const char *step, int64_t deadline, struct rpc_failure *f)
{
    struct writer w = writer_init(c->fragment, sizeof(c->fragment));
    size_t sealed_len;

    if (c->schannel != NULL) {
        request->auth = (struct pdu_auth){ .type = SCHANNEL_AUTH_TYPE,
                                           .level = SCHANNEL_AUTH_LEVEL, .context = AUTH_CONTEXT,
                                           .token_len = SCHANNEL_SIGNATURE_BYTES };
    }
    pdu_write_request(&w, request, &sealed_len);
    if (!writer_ok(&w))
        return rpc_fail(f, RPC_ARGUMENT, 0, step);
    if (c->schannel != NULL) {
        const struct schannel_message m = message_of(c, sealed_len);

        if (!schannel_seal(c->schannel, &m, m.data + sealed_len + PDU_TRAILER_BYTES))
            return rpc_fail(f, RPC_CRYPTO, 0, step);
    }
    return send_all(c, c->fragment, w.len, deadline) || fail_errno(f, step);
}

static bool
send_request(struct rpc *c, const struct rpc_call *call, int64_t deadline, struct rpc_failure *f)
{
    size_t room = stub_room(c), at = 0;

    do {
        struct pdu_request request = { .call_id = c->call_id, .opnum = call->opnum };
        size_t left = call->in_len - at;

        request.stub = call->in + at;
        request.stub_len = left < room ? left : room;
        request.hint = (uint32_t)left;
        request.flags = (at == 0 ? PDU_FIRST_FRAGMENT : 0) | (left <= room ? PDU_LAST_FRAGMENT : 0);
        if (!send_fragment(c, &request, call->step, deadline, f))
            return false;
        at += request.stub_len;
    } while (at < call->in_len);
    return true;
}

/* The fragment's stub, unsealed, without its padding. */
static bool
open_fragment(struct rpc *c, const struct pdu *pdu, struct crypt_part *stub_out, const char *step,
              struct rpc_failure *f)
{
    const struct schannel_message m = message_of(c, pdu->stub_len);

    if (c->schannel == NULL) {
        if (pdu->auth.token_len != 0)
            return rpc_fail(f, RPC_MALFORMED, 0, step);
    } else if (!is_ours(&pdu->auth) || !schannel_unseal(c->schannel, &m, pdu->auth.token, pdu->auth.token_len)) {
        return rpc_fail(f, RPC_SEAL, 0, step);
    }
    stub_out->data = m.data;
    stub_out->len = pdu->stub_len - pdu->auth.pad;
    return true;
}

static bool
append(TALLOC_CTX *mem, struct rpc_stub *out, size_t *size, const struct crypt_part *stub)
{
    uint8_t *data = out->data;

    while (*size - out->len < stub->len || data == NULL) {
        *size = *size == 0 ? STUB_FIRST : *size * 2;
        data = talloc_realloc(mem, out->data, uint8_t, (unsigned)*size);
        if (data == NULL)
            return false;
        out->data = data;
    }
    memcpy(data + out->len, stub->data, stub->len);
    out->len += stub->len;
    return true;
}

static bool
receive_response(struct rpc *c, const struct rpc_call *call, TALLOC_CTX *mem, struct rpc_stub *out, int64_t deadline,
                 struct rpc_failure *f)
{
    bool first = true, last = false;
    size_t size = 0;

    while (!last) {
        struct crypt_part stub = { NULL, 0 };
        struct pdu pdu;

        if (!receive_pdu(c, &pdu, call->step, deadline, f))
            return false;
        if (pdu.type == PDU_FAULT)
            return rpc_fail(f, RPC_FAULT, pdu.status, call->step);
        last = (pdu.flags & PDU_LAST_FRAGMENT) != 0;
        if (pdu.type != PDU_RESPONSE || pdu.context != 0 || first != ((pdu.flags & PDU_FIRST_FRAGMENT) != 0))
            return rpc_fail(f, RPC_MALFORMED, 0, call->step);
        if (!open_fragment(c, &pdu, &stub, call->step, f))
            return false;
        /* Fragments that bring nothing could go on until the deadline. */
        if ((stub.len == 0 && !last) || stub.len > RPC_STUB_MAX - out->len)
            return rpc_fail(f, RPC_MALFORMED, 0, call->step);
        if (!append(mem, out, &size, &stub))
            return rpc_fail(f, RPC_MEMORY, 0, call->step);
        first = false;
    }
    return true;
}

bool
rpc_call(struct rpc *c, const struct rpc_call *call, TALLOC_CTX *mem, struct rpc_stub *out, int64_t deadline,
         struct rpc_failure *f)
{
    struct rpc_stub stub = { NULL, 0 };

    out->data = NULL;
    out->len = 0;
    (void)rpc_fail(f, RPC_NONE, 0, call->step);
    if (c->fd < 0)
        return rpc_fail(f, RPC_DEAD, 0, call->step);
    if (call->in_len > RPC_STUB_MAX)
        return rpc_fail(f, RPC_ARGUMENT, 0, call->step);
    c->call_id++;
    if (!send_request(c, call, deadline, f) || !receive_response(c, call, mem, &stub, deadline, f)) {
        kill_connection(c);
        talloc_free(stub.data);
        return false;
    }
    *out = stub;
    return true;
}

bool
rpc_signs_headers(const struct rpc *c)
{
    return c->signs_headers;
}

bool
rpc_is_alive(const struct rpc *c)
{
    return c->fd >= 0;
}

int
rpc_fd(const struct rpc *c)
{
    return c->fd;
}
