/* lib/rpc/netlogon.h: the secure channel, against a domain controller that we drive, honest and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/wait.h"
#include "lib/rpc/netlogon.h"
#include "tests/unit/fake_controller.h"
#include "tests/unit/fake_rpc.h"

static const struct netlogon_names names = { "WS1$", "WS1", "CORP", "corp.test", "dc1.corp.test" };

/* A controller, and what a client has of it. */
struct fixture {
    struct controller dc;
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
authenticate(struct fixture *f, enum controller_way way)
{
    uint8_t hash[16];

    memset(f, 0, sizeof(*f));
    f->dc.way = way;
    f->dc.control = CONTROLLER_CONTROL;
    f->server = (struct fake_rpc){ .key = f->dc.key, .answer = controller_answer, .arg = &f->dc };
    f->mem = talloc_new(NULL);
    fake_rpc_start(&f->server);
    assert_true(nt_hash(CONTROLLER_PASSWORD, hash));
    f->session = netlogon_authenticate(f->mem, &f->server.address, &names, hash, soon(), &f->why);
    return f->session != NULL;
}

static void
open_channel(struct fixture *f, enum controller_way way)
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
                                      .nt_hash = hash, .parameter_control = CONTROLLER_CONTROL };

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
    assert_true(netlogon_set_password(f.session, f.channel, CONTROLLER_NEW_PASSWORD, soon(), &f.why));
    assert_true(netlogon_check_capabilities(f.session, f.channel, soon(), &f.why));
    assert_int_equal(netlogon_list_trusts(f.session, f.channel, NETLOGON_TRUST_ANY, f.mem, soon(), &f.why)->n, 3);
    assert_string_equal(netlogon_find_dc(f.session, f.channel, NULL, 0, f.mem, soon(), &f.why)->domain, "corp.test");
    done(&f);
}

static void
who_cannot_or_will_not_is_refused(void **state)
{
    static const struct {
        enum controller_way way;
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
        enum controller_way way;
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
    assert_false(netlogon_set_password(f.session, f.channel, CONTROLLER_NEW_PASSWORD, soon(), &f.why));
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
    assert_false(netlogon_set_password(f.session, f.channel, CONTROLLER_NEW_PASSWORD, soon(), &f.why));
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
