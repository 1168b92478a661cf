/* lib/rpc/rpc.h: calls over a connection, against a server that we drive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/wait.h"
#include "lib/rpc/rpc.h"
#include "tests/unit/fake_rpc.h"

static const struct pdu_syntax some_interface = { .uuid = { 1, 2, 3 }, .major = 1 };
static const uint8_t key[16] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

enum { OP_ECHO, OP_EMPTY, OP_HUGE, OP_HUGEST };

static void
answer(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out)
{
    (void)arg;
    if (opnum == OP_ECHO)
        writer_bytes(out, in, len);
    for (uint32_t i = 0; opnum >= OP_HUGE && i < RPC_STUB_MAX / sizeof(i); i++)
        writer_u32(out, i * 7);
    if (opnum == OP_HUGEST)
        writer_u8(out, 0);
}

/* What a test does to the server's fragments. */
struct damage {
    unsigned number;      /* of the fragment */
    size_t at;            /* byte */
    uint8_t value;
    bool is_xor;
    size_t cut;           /* bytes that are sent, SIZE_MAX: all */
    bool hang_up;
    bool repeat;          /* the fragment is sent twice */
    bool flood;           /* it and all after it are sent many times at once */
};

static void
spoil(void *arg, struct fake_fragment *f)
{
    const struct damage *d = arg;
    size_t once = f->len;

    while (d->flood && f->number >= d->number && f->len + once <= sizeof(f->data)) {
        memcpy(f->data + f->len, f->data, once);
        f->len += once;
    }
    if (f->number != d->number || d->flood)
        return;
    if (d->repeat) {
        memcpy(f->data + f->len, f->data, f->len);
        f->len *= 2;
        return;
    }
    if (d->cut != SIZE_MAX) {
        f->len = d->cut < f->len ? d->cut : f->len;
        f->hang_up = d->hang_up;
        return;
    }
    if (d->at < f->len)
        f->data[d->at] = d->is_xor ? f->data[d->at] ^ d->value : d->value;
}

/* A connection to f, sealed if that has a key. */
static struct rpc *
connect_to(struct fake_rpc *f, bool sealed, int ms, struct rpc_failure *why)
{
    struct rpc_security security = { .schannel = NULL };

    if (sealed) {
        security.schannel = schannel_new(NULL, key, true);
        security.token_len = schannel_token("CORP", "corp.test", "WS1", security.token, sizeof(security.token));
    }
    return rpc_connect(NULL, &f->address, &some_interface, sealed ? &security : NULL, clock_ms() + ms, why);
}

static bool
call(struct rpc *c, uint16_t opnum, const uint8_t *in, size_t len, struct rpc_stub *out, int ms,
     struct rpc_failure *why)
{
    const struct rpc_call request = { .step = "test", .opnum = opnum, .in = in, .in_len = len };

    return rpc_call(c, &request, NULL, out, clock_ms() + ms, why);
}

#define N_KINDS 3 /* of a connection: plain, sealed, sealed with headers */

static struct fake_rpc
server_of(int kind, struct damage *d)
{
    struct fake_rpc f = { .key = kind == 0 ? NULL : key, .signs_headers = kind == 2, .answer = answer, .arg = d };

    if (d != NULL)
        f.spoil = spoil;
    return f;
}

static void
stubs_go_and_come_in_fragments(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 5744, 5745, 5816, 5817, 100001 };
    static const size_t fragments[] = { 0, 7, 64, 1000 };
    uint8_t *in = malloc(100001);

    (void)state;
    for (size_t i = 0; i < 100001; i++)
        in[i] = (uint8_t)(i * 31);
    for (int kind = 0; kind < N_KINDS; kind++) {
        for (size_t k = 0; k < sizeof(fragments) / sizeof(fragments[0]); k++) {
            struct fake_rpc f = server_of(kind, NULL);
            struct rpc_failure why;
            struct rpc *c;

            f.per_fragment = fragments[k];
            fake_rpc_start(&f);
            c = connect_to(&f, kind > 0, 5000, &why);
            assert_non_null(c);
            assert_int_equal(rpc_signs_headers(c), kind == 2);
            for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                struct rpc_stub out;

                /* Thousands of fragments would tell no more, and take long in a slow checker. */
                if (fragments[k] != 0 && lengths[i] > fragments[k] * 100)
                    continue;
                assert_true(call(c, OP_ECHO, in, lengths[i], &out, 30000, &why));
                assert_int_equal(out.len, lengths[i]);
                assert_memory_equal(out.data, in, lengths[i]);
                talloc_free(out.data);
            }
            talloc_free(c);
            fake_rpc_stop(&f);
        }
    }
    free(in);
}

static void
the_longest_answer_and_one_that_is_longer(void **state)
{
    struct fake_rpc f = server_of(0, NULL);
    struct rpc_failure why;
    struct rpc_stub out;
    struct rpc *c;

    (void)state;
    fake_rpc_start(&f);
    c = connect_to(&f, false, 5000, &why);
    assert_non_null(c);
    assert_true(call(c, OP_HUGE, NULL, 0, &out, 20000, &why));
    assert_int_equal(out.len, RPC_STUB_MAX);
    assert_int_equal(out.data[RPC_STUB_MAX - 4], (uint8_t)((RPC_STUB_MAX / 4 - 1) * 7));
    talloc_free(out.data);
    assert_false(call(c, OP_HUGEST, NULL, 0, &out, 20000, &why));
    assert_int_equal(why.error, RPC_MALFORMED);
    assert_null(out.data);
    talloc_free(c);
    fake_rpc_stop(&f);
}

/* One answer with this damage; what it came to. Dead afterwards if it failed. */
static enum rpc_error
outcome(int kind, struct damage *d, int ms)
{
    static const uint8_t in[20] = "nineteen characters";
    struct fake_rpc f = server_of(kind, d);
    struct rpc_failure why;
    struct rpc_stub out;
    struct rpc *c;

    f.per_fragment = 8;
    fake_rpc_start(&f);
    c = connect_to(&f, kind > 0, ms, &why);
    if (c != NULL && call(c, OP_ECHO, in, sizeof(in), &out, ms, &why)) {
        assert_int_equal(out.len, sizeof(in));
        assert_memory_equal(out.data, in, sizeof(in));
        assert_true(rpc_is_alive(c));
        talloc_free(out.data);
    } else if (c != NULL) {
        struct rpc_failure again;

        assert_false(rpc_is_alive(c));
        assert_int_equal(rpc_fd(c), -1);
        assert_false(call(c, OP_ECHO, in, sizeof(in), &out, ms, &again));
        assert_int_equal(again.error, RPC_DEAD);
    }
    talloc_free(c);
    fake_rpc_stop(&f);
    return why.error;
}

static void
malformed_answers_are_refused(void **state)
{
    static const struct {
        struct damage d;
        enum rpc_error plain;
        enum rpc_error sealed;
    } cases[] = {
        { { .number = 0, .at = 12, .value = 9 }, RPC_MALFORMED, RPC_MALFORMED },    /* another call's bind_ack */
        { { .number = 0, .at = 2, .value = PDU_RESPONSE }, RPC_MALFORMED, RPC_MALFORMED },
        { { .number = 0, .at = 3, .value = 1 }, RPC_MALFORMED, RPC_MALFORMED },     /* not its last fragment */
        { { .number = 0, .at = 3, .value = 2 }, RPC_MALFORMED, RPC_MALFORMED },
        { { .number = 0, .at = 18, .value = 0 }, RPC_NONE, RPC_NONE },              /* shorter ones than ours: 5632 */
        { { .number = 0, .at = 19, .value = 0 }, RPC_MALFORMED, RPC_MALFORMED },    /* fragments too short */
        { { .number = 0, .at = 36, .value = 2 }, RPC_BIND, RPC_BIND },              /* the context is rejected */
        { { .number = 0, .at = 40, .value = 0 }, RPC_MALFORMED, RPC_MALFORMED },    /* another transfer syntax */
        { { .number = 1, .at = 12, .value = 9 }, RPC_MALFORMED, RPC_MALFORMED },    /* another call's response */
        { { .number = 1, .at = 2, .value = PDU_BIND_ACK }, RPC_MALFORMED, RPC_MALFORMED },
        { { .number = 1, .at = 2, .value = PDU_REQUEST }, RPC_MALFORMED, RPC_MALFORMED },
        { { .number = 1, .at = 2, .value = PDU_FAULT }, RPC_FAULT, RPC_FAULT },
        { { .number = 1, .at = 20, .value = 1 }, RPC_MALFORMED, RPC_MALFORMED },    /* another context */
        { { .number = 1, .at = 3, .value = 0 }, RPC_MALFORMED, RPC_MALFORMED },     /* no first fragment */
        { { .number = 2, .at = 3, .value = 1 }, RPC_MALFORMED, RPC_MALFORMED },     /* a first one in the middle */
        { { .number = 2, .repeat = true, .cut = SIZE_MAX }, RPC_NONE, RPC_SEAL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int kind = 0; kind < N_KINDS; kind++) {
            struct damage d = cases[i].d;
            enum rpc_error got, expected = kind == 0 ? cases[i].plain : cases[i].sealed;

            d.cut = SIZE_MAX;
            /* Without a seal nobody sees that a fragment came twice, but by what the stub then says. */
            if (kind == 0 && d.repeat)
                continue;
            got = outcome(kind, &d, 3000);
            if (got != expected)
                fail_msg("case %zu, kind %d: %s", i, kind, rpc_error_name(got));
        }
    }
}

/* Fragments of a sealed answer: 8 bytes of stub, 8 of padding; then the trailer and the signature. */
static void
every_byte_that_is_sealed_counts(void **state)
{
    (void)state;
    for (int kind = 1; kind < N_KINDS; kind++) {
        for (size_t at = 0; at < 24 + 16 + 8 + 32; at++) {
            struct damage d = { .number = 1, .at = at, .value = 1, .is_xor = true, .cut = SIZE_MAX };
            bool in_header = at < 24, in_trailer = at >= 40 && at < 48;
            enum rpc_error got;

            /* Without signed headers some bytes say nothing: the hint, the cancel count, reserved ones. */
            if (kind == 1 && (in_header || at == 40 + 2 || at == 40 + 3))
                continue;
            /* A longer length leaves us waiting. */
            if (at == 8 || at == 9)
                continue;
            got = outcome(kind, &d, 3000);
            if (got == RPC_NONE || (!in_header && !in_trailer && got != RPC_SEAL && got != RPC_MALFORMED))
                fail_msg("byte %zu, kind %d: %s", at, kind, rpc_error_name(got));
        }
    }
}

static void
cut_answers_end_at_once_or_in_time(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_KINDS; kind += 2) {
        for (unsigned number = 0; number < 3; number++) {
            for (size_t cut = 0; cut < 30; cut += 5) {
                struct damage d = { .number = number, .cut = cut, .hang_up = true };
                int64_t start = clock_ms();

                assert_int_equal(outcome(kind, &d, 5000), RPC_CLOSED);
                assert_true(clock_ms() - start < 4000);
            }
        }
    }
    for (unsigned number = 0; number < 3; number++) {
        struct damage d = { .number = number, .cut = 10 };
        int64_t start = clock_ms();

        /* The rest never comes: with a fragment missing the next one's header is not where it should be. */
        enum rpc_error got = outcome(0, &d, 200);

        assert_true(got == RPC_TIMEOUT || got == RPC_MALFORMED);
        assert_true(clock_ms() - start < 2000);
    }
}

/* Fragments with a byte each, sent faster than they can be read: there is always something to read. */
static void
an_answer_without_end_ends_in_time(void **state)
{
    struct damage d = { .number = 2, .flood = true };
    struct fake_rpc f = server_of(0, &d);
    int64_t start = clock_ms();
    struct rpc_failure why;
    struct rpc_stub out;
    struct rpc *c;

    (void)state;
    f.per_fragment = 1;
    fake_rpc_start(&f);
    c = connect_to(&f, false, 5000, &why);
    assert_non_null(c);
    assert_false(call(c, OP_HUGE, NULL, 0, &out, 300, &why));
    assert_int_equal(why.error, RPC_TIMEOUT);
    assert_true(clock_ms() - start < 4000);
    talloc_free(c);
    fake_rpc_stop(&f);
}

static void
nobody_listens(void **state)
{
    struct fake_rpc f = server_of(0, NULL);
    struct rpc_failure why;

    (void)state;
    fake_rpc_start(&f);
    fake_rpc_stop(&f);
    assert_null(connect_to(&f, false, 3000, &why));
    assert_int_equal(why.error, RPC_CONNECT);
    assert_int_equal(why.code, ECONNREFUSED);
}

static void
too_much_is_not_sent(void **state)
{
    struct fake_rpc f = server_of(0, NULL);
    uint8_t *in = calloc(1, RPC_STUB_MAX + 1);
    struct rpc_failure why;
    struct rpc_stub out;
    struct rpc *c;

    (void)state;
    fake_rpc_start(&f);
    c = connect_to(&f, false, 3000, &why);
    assert_non_null(c);
    assert_false(call(c, OP_EMPTY, in, RPC_STUB_MAX + 1, &out, 3000, &why));
    assert_int_equal(why.error, RPC_ARGUMENT);
    assert_true(call(c, OP_EMPTY, in, RPC_STUB_MAX, &out, 10000, &why));
    assert_int_equal(out.len, 0);
    talloc_free(out.data);
    talloc_free(c);
    fake_rpc_stop(&f);
    free(in);
}

/* A token that is answered by nothing sealed, and one that is not answered. */
static void
a_server_that_does_not_seal_is_refused(void **state)
{
    struct fake_rpc f = { .answer = answer };
    struct rpc_failure why;
    struct rpc_stub out;
    struct rpc *c;

    (void)state;
    fake_rpc_start(&f);
    c = connect_to(&f, true, 3000, &why);
    assert_non_null(c);
    assert_false(call(c, OP_ECHO, (const uint8_t *)"x", 1, &out, 3000, &why));
    assert_int_equal(why.error, RPC_SEAL);
    assert_null(out.data);
    talloc_free(c);
    fake_rpc_stop(&f);
}

static void
codes_have_names(void **state)
{
    static const struct {
        struct rpc_failure f;
        const char *name;
    } cases[] = {
        { { RPC_FAULT, 5, "" }, "access denied" },
        { { RPC_FAULT, 0x1c010002, "" }, "nca_s_op_rng_error" },
        { { RPC_NO_ENDPOINT, 0x16c9a0d6, "" }, "ept_s_not_registered" },
        { { RPC_STATUS, 0xc000018b, "" }, "NT_STATUS_NO_TRUST_SAM_ACCOUNT" },
        { { RPC_STATUS, 0xc00fffff, "" }, "?" },
        { { RPC_WIN32, 1355, "" }, "ERROR_NO_SUCH_DOMAIN" },
        { { RPC_BIND, 0x10008, "" }, "bind_nak: authentication type not recognized" },
        { { RPC_TIMEOUT, 7, "" }, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(rpc_code_name(&cases[i].f), cases[i].name);
    assert_string_equal(rpc_error_name(RPC_SEAL), "SEAL");
    assert_string_equal(rpc_error_name((enum rpc_error)999), "?");
    assert_string_equal(rpc_error_text((enum rpc_error)999), "?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stubs_go_and_come_in_fragments),
        cmocka_unit_test(the_longest_answer_and_one_that_is_longer),
        cmocka_unit_test(malformed_answers_are_refused),
        cmocka_unit_test(every_byte_that_is_sealed_counts),
        cmocka_unit_test(cut_answers_end_at_once_or_in_time),
        cmocka_unit_test(an_answer_without_end_ends_in_time),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(too_much_is_not_sent),
        cmocka_unit_test(a_server_that_does_not_seal_is_refused),
        cmocka_unit_test(codes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
