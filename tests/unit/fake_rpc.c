#include "tests/unit/fake_rpc.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/rpc/pdu.h"
#include "lib/rpc/schannel.h"

#define REQUIRE(holds) \
    do { \
        if (!(holds)) \
            _exit(3); \
    } while (0)

/* One connection of the server's. */
struct talk {
    struct fake_rpc *f;
    int fd;
    unsigned connection;
    unsigned sent;
    struct schannel *schannel;
    bool has_auth;
    uint32_t context;         /* of the authentication */
};

static bool
receive_all(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = recv(fd, p, n, 0);

        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* A fragment of the client's; its length, 0 at the end. */
static size_t
receive(struct talk *t, uint8_t *fragment)
{
    size_t len;

    if (!receive_all(t->fd, fragment, PDU_HEADER_BYTES))
        return 0;
    len = pdu_length(fragment);
    REQUIRE(len > PDU_HEADER_BYTES);
    return receive_all(t->fd, fragment + PDU_HEADER_BYTES, len - PDU_HEADER_BYTES) ? len : 0;
}

static bool
send_fragment(struct talk *t, const struct writer *w)
{
    static struct fake_fragment fragment;
    size_t at = 0;

    REQUIRE(writer_ok(w));
    memset(&fragment, 0, sizeof(fragment));
    memcpy(fragment.data, w->data, w->len);
    fragment.len = w->len;
    fragment.number = t->sent++;
    fragment.connection = t->connection;
    if (t->f->spoil != NULL)
        t->f->spoil(t->f->arg, &fragment);
    while (at < fragment.len) {
        ssize_t done = send(t->fd, fragment.data + at, fragment.len - at, MSG_NOSIGNAL);

        if (done <= 0)
            return false;
        at += (size_t)done;
    }
    return !fragment.hang_up;
}

static void
begin(struct writer *w, uint8_t type, uint8_t flags, uint32_t call_id)
{
    writer_u16(w, 5);
    writer_u8(w, type);
    writer_u8(w, flags);
    writer_u32(w, 0x10);
    writer_u32(w, 0);
    writer_u32(w, call_id);
}

static void
end(struct writer *w, size_t auth_len)
{
    writer_patch_u32(w, 8, (uint32_t)w->len | (uint32_t)auth_len << 16);
}

static void
trailer(struct writer *w, uint8_t pad, uint32_t context)
{
    writer_u8(w, SCHANNEL_AUTH_TYPE);
    writer_u8(w, SCHANNEL_AUTH_LEVEL);
    writer_u8(w, pad);
    writer_u8(w, 0);
    writer_u32(w, context);
}

static bool
answer_bind(struct talk *t, const uint8_t *bind, size_t len)
{
    static uint8_t data[FAKE_FRAGMENT_MAX];
    struct writer w = writer_init(data, sizeof(data));
    struct reader r = reader_init(bind, len);
    uint8_t flags = PDU_FIRST_FRAGMENT | PDU_LAST_FRAGMENT;
    size_t auth_len;
    uint32_t call_id;

    (void)reader_bytes(&r, 10);
    auth_len = reader_u16(&r);
    call_id = reader_u32(&r);
    t->has_auth = auth_len > 0;
    if (t->has_auth && t->f->signs_headers)
        flags |= PDU_HEADER_SIGN;
    begin(&w, PDU_BIND_ACK, flags, call_id);
    writer_u32(&w, 5840 | 5840U << 16);
    writer_u32(&w, 0x1234);
    writer_u16(&w, 4);
    writer_bytes(&w, "135", 4);
    writer_u16(&w, 0);
    writer_u32(&w, 1);
    writer_u32(&w, 0);
    writer_bytes(&w, pdu_ndr32.uuid, 16);
    writer_u32(&w, 2);
    if (t->has_auth) {
        struct reader context = reader_at(&r, len - auth_len - 4, 4);

        t->context = reader_u32(&context);
        trailer(&w, 0, t->context);
        writer_u32(&w, 1);
        writer_u32(&w, 0);
        writer_u32(&w, 0);
        if (t->f->key != NULL)
            t->schannel = schannel_new(NULL, t->f->key, false);
    }
    end(&w, t->has_auth ? 12 : 0);
    return send_fragment(t, &w);
}

static struct schannel_message
message_of(const struct talk *t, uint8_t *fragment, size_t sealed)
{
    struct schannel_message m = { .data = fragment + PDU_CALL_HEADER_BYTES, .len = sealed };

    if (t->f->signs_headers) {
        m.before = (struct crypt_part){ fragment, PDU_CALL_HEADER_BYTES };
        m.after = (struct crypt_part){ m.data + sealed, PDU_TRAILER_BYTES };
    }
    return m;
}

/* The stub of a request's fragment, unsealed; its length. */
static size_t
open_request(struct talk *t, uint8_t *fragment, size_t len)
{
    size_t stub = len - PDU_CALL_HEADER_BYTES, sealed;

    if (t->schannel == NULL)
        return stub;
    sealed = stub - PDU_TRAILER_BYTES - SCHANNEL_SIGNATURE_BYTES;
    REQUIRE(sealed % 16 == 0);
    {
        struct schannel_message m = message_of(t, fragment, sealed);

        REQUIRE(schannel_unseal(t->schannel, &m, m.data + sealed + PDU_TRAILER_BYTES, SCHANNEL_SIGNATURE_BYTES));
        return sealed - m.data[sealed + 2];
    }
}

static bool
send_response(struct talk *t, uint32_t call_id, const uint8_t *stub, size_t n, uint8_t flags, size_t left)
{
    static uint8_t data[FAKE_FRAGMENT_MAX];
    struct writer w = writer_init(data, sizeof(data));
    uint8_t pad = t->schannel != NULL ? (uint8_t)((16 - n % 16) % 16) : 0;

    begin(&w, PDU_RESPONSE, flags, call_id);
    writer_u32(&w, (uint32_t)left);
    writer_u32(&w, 0);
    writer_bytes(&w, stub, n);
    for (int i = 0; i < pad; i++)
        writer_u8(&w, 0xbb);
    if (t->schannel != NULL) {
        struct schannel_message m = message_of(t, data, n + pad);

        trailer(&w, pad, t->context);
        for (size_t i = 0; i < SCHANNEL_SIGNATURE_BYTES; i++)
            writer_u8(&w, 0);
        end(&w, SCHANNEL_SIGNATURE_BYTES);
        REQUIRE(schannel_seal(t->schannel, &m, m.data + m.len + PDU_TRAILER_BYTES));
    } else {
        end(&w, 0);
    }
    return send_fragment(t, &w);
}

static bool
answer_call(struct talk *t, uint32_t call_id, uint16_t opnum, const uint8_t *in, size_t len)
{
    static uint8_t stub[FAKE_STUB_MAX];
    struct writer w = writer_init(stub, sizeof(stub));
    size_t room = t->schannel != NULL ? 5744 : 5816, at = 0;
    bool going = true;

    if (t->f->per_fragment != 0)
        room = t->f->per_fragment;
    t->f->answer(t->f->arg, opnum, in, len, &w);
    REQUIRE(writer_ok(&w));
    do {
        size_t n = w.len - at < room ? w.len - at : room;
        uint8_t flags = (at == 0 ? PDU_FIRST_FRAGMENT : 0) | (at + n == w.len ? PDU_LAST_FRAGMENT : 0);

        going = send_response(t, call_id, stub + at, n, flags, w.len - at);
        at += n;
    } while (going && at < w.len);
    return going;
}

static void
converse(struct talk *t)
{
    static uint8_t fragment[FAKE_FRAGMENT_MAX], in[FAKE_STUB_MAX];
    size_t len = receive(t, fragment), total = 0;

    if (len == 0 || !answer_bind(t, fragment, len))
        return;
    for (;;) {
        struct reader r;
        uint32_t call_id;
        uint16_t opnum;
        size_t n;

        len = receive(t, fragment);
        if (len == 0)
            return;
        REQUIRE(fragment[2] == PDU_REQUEST && ((fragment[3] & PDU_FIRST_FRAGMENT) != 0) == (total == 0));
        r = reader_init(fragment + 12, 12);
        call_id = reader_u32(&r);
        (void)reader_bytes(&r, 6);
        opnum = reader_u16(&r);
        n = open_request(t, fragment, len);
        REQUIRE(total + n <= sizeof(in));
        memcpy(in + total, fragment + PDU_CALL_HEADER_BYTES, n);
        total += n;
        if ((fragment[3] & PDU_LAST_FRAGMENT) == 0)
            continue;
        if (!answer_call(t, call_id, opnum, in, total))
            return;
        total = 0;
    }
}

static _Noreturn void
serve(struct fake_rpc *f, int listener)
{
    struct talk t = { .f = f };

    for (;; t.connection++) {
        t.fd = accept(listener, NULL, NULL);
        if (t.fd < 0)
            _exit(0);
        t.sent = 0;
        converse(&t);
        (void)close(t.fd);
        talloc_free(t.schannel);
        t.schannel = NULL;
    }
}

void
fake_rpc_start(struct fake_rpc *f)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(here);
    pid_t parent = getpid();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (f->address.ss_family != 0)
        memcpy(&here, &f->address, sizeof(here));
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) != 0)
        abort();
    memset(&f->address, 0, sizeof(f->address));
    memcpy(&f->address, &here, sizeof(here));
    f->pid = fork();
    if (f->pid < 0)
        abort();
    if (f->pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        serve(f, listener);
    }
    (void)close(listener);
}

void
fake_rpc_stop(struct fake_rpc *f)
{
    (void)kill(f->pid, SIGKILL);
    (void)waitpid(f->pid, NULL, 0);
}
