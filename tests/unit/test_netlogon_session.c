/* lib/rpc/netlogon.h: the secure channel, against a domain controller that we drive, honest and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/wait.h"
#include "lib/ndr/ndr.h"
#include "lib/rpc/netlogon_crypt.h"
#include "lib/rpc/netlogon_ndr.h"
#include "tests/unit/fake_rpc.h"
#include "tests/unit/netlogon_builder.h"

#define PASSWORD "Machine-Passw0rd"
#define NEW_PASSWORD "n\303\244chstes"

/* What the controller does. */
enum way {
    HONEST,
    OTHER_PASSWORD,    /* it does not know the computer's, and says yes all the same */
    REFLECTS,          /* the client's challenge and credential come back */
    DENIES,
    NO_CHALLENGE,
    NO_AES,
    NO_SECURE_RPC,
    MALFORMED_ANSWER,
    DOWNGRADED,        /* its capabilities differ from what the client was told */
    NO_CAPABILITIES,
    WRONG_RETURN,      /* a return authenticator that does not follow */
    LEVEL_3_ONLY,
    WRONG_PASSWORD,
    OTHER_LEVEL,
    PASSWORD_REFUSED,
};

/* The controller: a copy of it is in the server's process. */
struct dc {
    enum way way;
    uint8_t key[16];
    uint8_t client_challenge[8];
    uint8_t challenge[8];
    uint8_t client_credential[8];
    struct netlogon_chain chain;
};

static const struct netlogon_names names = { "WS1$", "WS1", "CORP", "corp.test", "dc1.corp.test" };

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
read_bytes(struct reader *r, uint8_t *out, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);

    must(p != NULL);
    memcpy(out, p, n);
}

/* Steps over LOGONSRV_HANDLE, unique or not, which must be what the client calls the controller. */
static void
step_over_server(struct reader *r, bool unique)
{
    const char *server;

    if (unique)
        must(ndr_pointer(r));
    server = ndr_text(NULL, r);
    must(server != NULL && strcmp(server, "\\\\dc1.corp.test") == 0);
}

static void
step_over_text(struct reader *r, const char *expected)
{
    const char *text = ndr_text(NULL, r);

    must(text != NULL && strcmp(text, expected) == 0);
}

static void
step_over_account(struct reader *r)
{
    step_over_text(r, "WS1$");
    must(ndr_u16(r) == 2);
    step_over_text(r, "WS1");
}

static void
answer_challenge(struct dc *dc, struct reader *r, struct writer *out)
{
    step_over_server(r, true);
    step_over_text(r, "WS1");
    read_bytes(r, dc->client_challenge, 8);
    must(reader_done(r));
    memcpy(dc->challenge, dc->way == REFLECTS ? dc->client_challenge : (const uint8_t *)"\1\2\3\4\5\6\7\10", 8);
    writer_bytes(out, dc->challenge, 8);
    writer_u32(out, dc->way == NO_CHALLENGE ? NTSTATUS_ACCESS_DENIED : 0);
}

static void
answer_authenticate(struct dc *dc, struct reader *r, struct writer *out)
{
    uint8_t hash[16], expected[8], credential[8];
    uint32_t flags;

    step_over_server(r, true);
    step_over_account(r);
    read_bytes(r, dc->client_credential, 8);
    flags = ndr_u32(r);
    must(reader_done(r) && flags == NETLOGON_NEGOTIATE);
    must(nt_hash(dc->way == OTHER_PASSWORD ? "another" : PASSWORD, hash));
    must(netlogon_session_key(hash, dc->client_challenge, dc->challenge, dc->key));
    must(netlogon_credential(dc->key, dc->client_challenge, expected));
    if (dc->way != OTHER_PASSWORD)
        must(memcmp(expected, dc->client_credential, 8) == 0);
    memcpy(dc->chain.stored, dc->client_credential, 8);
    must(netlogon_credential(dc->key, dc->challenge, credential));
    if (dc->way == REFLECTS)
        memcpy(credential, dc->client_credential, 8);
    if (dc->way == NO_AES)
        flags &= ~NETLOGON_NEGOTIATE_AES;
    if (dc->way == NO_SECURE_RPC)
        flags &= ~NETLOGON_NEGOTIATE_SECURE_RPC;
    writer_bytes(out, credential, 8);
    writer_u32(out, flags);
    writer_u32(out, 1105);
    writer_u32(out, dc->way == DENIES ? NTSTATUS_ACCESS_DENIED : 0);
    if (dc->way == MALFORMED_ANSWER)
        writer_u8(out, 0);
}

/* The client's authenticator must follow; gives the credential to return. */
static void
take_authenticator(struct dc *dc, struct reader *r, uint8_t credential[static 8])
{
    uint8_t theirs[8], expected[8];
    uint32_t timestamp;

    reader_align(r, 4);
    read_bytes(r, theirs, 8);
    timestamp = reader_u32(r);
    must(netlogon_chain_next(&dc->chain, dc->key, timestamp, expected));
    must(memcmp(theirs, expected, 8) == 0);
    must(netlogon_chain_next(&dc->chain, dc->key, 1, credential));
    if (dc->way == WRONG_RETURN)
        credential[0] ^= 1;
}

static void
answer_capabilities(struct dc *dc, struct reader *r, struct writer *out)
{
    uint8_t credential[8];

    step_over_server(r, false);
    must(ndr_pointer(r));
    step_over_text(r, "WS1");
    take_authenticator(dc, r, credential);
    (void)reader_bytes(r, 12);
    must(ndr_u32(r) == 1 && reader_done(r));
    writer_bytes(out, credential, 8);
    writer_u32(out, 0);
    writer_u32(out, 1);
    writer_u32(out, dc->way == DOWNGRADED ? NETLOGON_NEGOTIATE & ~0x4000U : NETLOGON_NEGOTIATE);
    writer_u32(out, dc->way == NO_CAPABILITIES ? NTSTATUS_NOT_IMPLEMENTED : 0);
}

/* NETLOGON_INTERACTIVE_INFO: the names, and the NT hash under the session key. */
static void
check_interactive(struct dc *dc, struct reader *r)
{
    struct ndr_string domain = ndr_string_head(r), user, workstation;
    uint8_t nt[16], hash[16];
    const struct crypt_stream stream = { .data = nt, .len = 16 };
    const char *text;

    must(ndr_u32(r) == 0x800);
    (void)ndr_hyper(r);
    user = ndr_string_head(r);
    workstation = ndr_string_head(r);
    (void)reader_bytes(r, 16);
    read_bytes(r, nt, 16);
    must(crypt_aes_cfb8(dc->key, NULL, &stream, false) && nt_hash("Passw0rd-alice", hash) && memcmp(nt, hash, 16) == 0);
    text = ndr_string_body(NULL, r, &domain);
    must(text != NULL && strcmp(text, "CORP") == 0);
    text = ndr_string_body(NULL, r, &user);
    must(text != NULL && strcmp(text, "alice") == 0);
    text = ndr_string_body(NULL, r, &workstation);
    must(text != NULL && strcmp(text, "WS1") == 0);
}

static void
answer_logon(struct dc *dc, struct reader *r, struct writer *out, bool with_flags)
{
    struct built_logon spec;
    uint8_t credential[8];
    struct built places;
    uint16_t level;

    step_over_server(r, true);
    must(ndr_pointer(r));
    step_over_text(r, "WS1");
    if (with_flags) {
        must(ndr_pointer(r));
        take_authenticator(dc, r, credential);
        must(ndr_pointer(r));
        (void)reader_bytes(r, 12);
    }
    must(ndr_u16(r) == 1 && ndr_u16(r) == 1 && ndr_pointer(r));
    check_interactive(dc, r);
    level = ndr_u16(r);
    (void)ndr_u32(r);
    must(reader_done(r));
    spec = built_alice(dc->way == OTHER_LEVEL ? 3 : level);
    spec.credential = with_flags ? credential : NULL;
    if (dc->way == WRONG_PASSWORD)
        spec.status = NTSTATUS_WRONG_PASSWORD;
    if (dc->way == LEVEL_3_ONLY && level == 6)
        spec.status = NTSTATUS_INVALID_INFO_CLASS;
    spec.has_info = spec.status == 0;
    build_logon(out, &spec, &places);
}

static void
answer_password(struct dc *dc, struct reader *r, struct writer *out)
{
    uint8_t credential[8], secret[NETLOGON_PASSWORD_BYTES];
    const struct crypt_stream stream = { .data = secret, .len = sizeof(secret) };
    static const uint8_t expected[] = { 'n', 0, 0xe4, 0, 'c', 0, 'h', 0, 's', 0, 't', 0, 'e', 0, 's', 0 };

    step_over_server(r, true);
    step_over_account(r);
    take_authenticator(dc, r, credential);
    read_bytes(r, secret, sizeof(secret));
    must(reader_done(r) && crypt_aes_cfb8(dc->key, NULL, &stream, false));
    must(secret[512] == sizeof(expected) && secret[513] == 0 && secret[514] == 0 && secret[515] == 0);
    must(memcmp(secret + 512 - sizeof(expected), expected, sizeof(expected)) == 0);
    writer_bytes(out, credential, 8);
    writer_u32(out, 0);
    writer_u32(out, dc->way == PASSWORD_REFUSED ? NTSTATUS_PASSWORD_RESTRICTION : 0);
}

static void
answer(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out)
{
    struct reader r = reader_init(in, len);
    struct built places;

    switch (opnum) {
    case 4: answer_challenge(arg, &r, out); break;
    case 26: answer_authenticate(arg, &r, out); break;
    case 21: answer_capabilities(arg, &r, out); break;
    case 39: answer_logon(arg, &r, out, false); break;
    case 45: answer_logon(arg, &r, out, true); break;
    case 30: answer_password(arg, &r, out); break;
    case 34: build_dc(out, 0, &places); break;
    case 40: build_trusts(out, 0, &places); break;
    default: abort();
    }
}

/* A controller, and what a client has of it. */
struct fixture {
    struct dc dc;
    struct fake_rpc server;
    TALLOC_CTX *mem;
    struct netlogon_session *session;
    struct rpc *channel;
    struct rpc_failure why;
};

static int64_t
soon(void)
{
    return clock_ms() + 5000;
}

static bool
authenticate(struct fixture *f, enum way way)
{
    uint8_t hash[16];

    memset(f, 0, sizeof(*f));
    f->dc.way = way;
    f->server = (struct fake_rpc){ .key = f->dc.key, .answer = answer, .arg = &f->dc };
    f->mem = talloc_new(NULL);
    fake_rpc_start(&f->server);
    assert_true(nt_hash(PASSWORD, hash));
    f->session = netlogon_authenticate(f->mem, &f->server.address, &names, hash, soon(), &f->why);
    return f->session != NULL;
}

static void
open_channel(struct fixture *f, enum way way)
{
    assert_true(authenticate(f, way));
    f->channel = netlogon_channel(f->mem, f->session, &f->server.address, &netlogon_interface, soon(), &f->why);
    assert_non_null(f->channel);
}

static void
done(struct fixture *f)
{
    talloc_free(f->mem);
    fake_rpc_stop(&f->server);
}

static bool
logon(struct fixture *f, enum netlogon_method method, struct netlogon_verdict *v)
{
    uint8_t hash[16];
    const struct netlogon_logon l = { .method = method, .user = "alice", .domain = "CORP", .workstation = "WS1",
                                      .nt_hash = hash, .parameter_control = 0x800 };

    assert_true(nt_hash("Passw0rd-alice", hash));
    return netlogon_logon(f->session, f->channel, &l, f->mem, v, soon(), &f->why);
}

static void
both_sides_prove_themselves(void **state)
{
    struct netlogon_verdict v;
    struct fixture f;

    (void)state;
    open_channel(&f, HONEST);
    assert_int_equal(netlogon_flags(f.session), NETLOGON_NEGOTIATE);
    assert_int_equal(netlogon_rid(f.session), 1105);
    assert_true(netlogon_check_capabilities(f.session, f.channel, soon(), &f.why));
    for (int i = 0; i < 3; i++) {
        assert_true(logon(&f, i == 1 ? NETLOGON_WITH_FLAGS : NETLOGON_EX, &v));
        assert_int_equal(v.status, 0);
        assert_string_equal(v.info->account, "alice");
        assert_string_equal(v.info->upn, "alice@corp.test");
    }
    assert_true(netlogon_set_password(f.session, f.channel, NEW_PASSWORD, soon(), &f.why));
    assert_true(netlogon_check_capabilities(f.session, f.channel, soon(), &f.why));
    assert_int_equal(netlogon_list_trusts(f.session, f.channel, NETLOGON_TRUST_ANY, f.mem, soon(), &f.why)->n, 3);
    assert_string_equal(netlogon_find_dc(f.session, f.channel, NULL, 0, f.mem, soon(), &f.why)->domain, "corp.test");
    done(&f);
}

static void
who_cannot_or_will_not_is_refused(void **state)
{
    static const struct {
        enum way way;
        enum rpc_error error;
        uint32_t code;
    } cases[] = {
        { OTHER_PASSWORD, RPC_IMPOSTOR, 0 },
        { REFLECTS, RPC_IMPOSTOR, 0 },
        { DENIES, RPC_STATUS, 0xc0000022 },
        { NO_CHALLENGE, RPC_STATUS, 0xc0000022 },
        { NO_AES, RPC_WEAK, 0x602fffff },
        { NO_SECURE_RPC, RPC_WEAK, 0x212fffff },
        { MALFORMED_ANSWER, RPC_MALFORMED, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        assert_false(authenticate(&f, cases[i].way));
        assert_int_equal(f.why.error, cases[i].error);
        assert_int_equal(f.why.code, cases[i].code);
        done(&f);
    }
}

static void
a_changed_negotiation_is_found(void **state)
{
    static const struct {
        enum way way;
        enum rpc_error error;
        uint32_t code;
    } cases[] = {
        { DOWNGRADED, RPC_DOWNGRADE, NETLOGON_NEGOTIATE & ~0x4000U },
        { NO_CAPABILITIES, RPC_STATUS, 0xc0000002 },
        { WRONG_RETURN, RPC_IMPOSTOR, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        open_channel(&f, cases[i].way);
        assert_false(netlogon_check_capabilities(f.session, f.channel, soon(), &f.why));
        assert_int_equal(f.why.error, cases[i].error);
        assert_int_equal(f.why.code, cases[i].code);
        done(&f);
    }
}

static void
a_lost_chain_is_not_gone_on_with(void **state)
{
    struct netlogon_verdict v;
    struct fixture f;

    (void)state;
    open_channel(&f, WRONG_RETURN);
    assert_false(logon(&f, NETLOGON_WITH_FLAGS, &v));
    assert_int_equal(f.why.error, RPC_IMPOSTOR);
    assert_null(v.info);
    assert_false(logon(&f, NETLOGON_WITH_FLAGS, &v));
    assert_int_equal(f.why.error, RPC_DEAD);
    assert_false(netlogon_set_password(f.session, f.channel, NEW_PASSWORD, soon(), &f.why));
    assert_int_equal(f.why.error, RPC_DEAD);
    /* This one needs none. */
    assert_true(logon(&f, NETLOGON_EX, &v));
    assert_string_equal(v.info->account, "alice");
    done(&f);
}

static void
a_name_that_does_not_fit_costs_nothing(void **state)
{
    static char name[9000];
    uint8_t hash[16] = { 0 };
    struct netlogon_logon l = { .user = name, .domain = "CORP", .workstation = "WS1", .nt_hash = hash };
    struct netlogon_verdict v;
    struct fixture f;

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    open_channel(&f, HONEST);
    for (int i = 0; i < 4; i++) {
        l.method = i % 2 == 0 ? NETLOGON_EX : NETLOGON_WITH_FLAGS;
        l.user = i < 2 ? name : "al\377ice";
        assert_false(netlogon_logon(f.session, f.channel, &l, f.mem, &v, soon(), &f.why));
        assert_int_equal(f.why.error, RPC_ARGUMENT);
    }
    assert_true(logon(&f, NETLOGON_WITH_FLAGS, &v));
    assert_true(logon(&f, NETLOGON_EX, &v));
    done(&f);
}

static void
a_controller_without_level_6(void **state)
{
    struct netlogon_verdict v;
    struct fixture f;

    (void)state;
    open_channel(&f, LEVEL_3_ONLY);
    for (int i = 0; i < 2; i++) {
        assert_true(logon(&f, i == 0 ? NETLOGON_EX : NETLOGON_WITH_FLAGS, &v));
        assert_int_equal(v.status, 0);
        assert_string_equal(v.info->account, "alice");
        assert_string_equal(v.info->upn, "");
    }
    done(&f);
}

static void
verdicts_are_told(void **state)
{
    struct netlogon_verdict v;
    struct fixture f;

    (void)state;
    open_channel(&f, WRONG_PASSWORD);
    assert_true(logon(&f, NETLOGON_EX, &v));
    assert_int_equal(v.status, 0xc000006a);
    assert_null(v.info);
    assert_true(logon(&f, NETLOGON_WITH_FLAGS, &v));
    assert_int_equal(v.status, 0xc000006a);
    done(&f);
    open_channel(&f, OTHER_LEVEL);
    assert_false(logon(&f, NETLOGON_EX, &v));
    assert_int_equal(f.why.error, RPC_MALFORMED);
    assert_null(v.info);
    done(&f);
    open_channel(&f, PASSWORD_REFUSED);
    assert_false(netlogon_set_password(f.session, f.channel, NEW_PASSWORD, soon(), &f.why));
    assert_int_equal(f.why.error, RPC_STATUS);
    assert_int_equal(f.why.code, 0xc000006c);
    done(&f);
}

static void
a_password_that_does_not_fit_is_not_sent(void **state)
{
    static char text[300];
    struct fixture f;

    (void)state;
    open_channel(&f, HONEST);
    memset(text, 'a', 257);
    assert_false(netlogon_set_password(f.session, f.channel, text, soon(), &f.why));
    assert_int_equal(f.why.error, RPC_ARGUMENT);
    assert_false(netlogon_set_password(f.session, f.channel, "", soon(), &f.why));
    assert_int_equal(f.why.error, RPC_ARGUMENT);
    assert_true(netlogon_check_capabilities(f.session, f.channel, soon(), &f.why));
    done(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_prove_themselves),
        cmocka_unit_test(who_cannot_or_will_not_is_refused),
        cmocka_unit_test(a_changed_negotiation_is_found),
        cmocka_unit_test(a_lost_chain_is_not_gone_on_with),
        cmocka_unit_test(a_name_that_does_not_fit_costs_nothing),
        cmocka_unit_test(a_controller_without_level_6),
        cmocka_unit_test(verdicts_are_told),
        cmocka_unit_test(a_password_that_does_not_fit_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
