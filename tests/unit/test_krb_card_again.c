/*
 * The second AS exchange of a logon with a card: when there is one, and what
 * comes of it.  libkrb5's steps are ours here: what each exchange is to tell in
 * the trace, and how it ends, is written down in advance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/krb/krb.h"
#include "lib/krb/pkinit_seen.h"

#define OFFERED "Processing preauth types: PA-PK-AS-REQ (16)"
#define SIGNED "Preauth module pkinit (16) (real) returned: 0/Success"
#define GOOD "Preauth module pkinit (17) (real) returned: 0/Success"
#define SUCCESS { { OFFERED, SIGNED, GOOD }, .code = 0 }
#define BAD "Preauth module pkinit (17) (real) returned: -1765328314/Failed to verify"

/* One AS exchange as libkrb5 makes it. */
struct script {
    const char *trace[4];
    bool asks; /* a request goes out, to where nobody listens */
    krb5_error_code code;
};

static const struct script *scripts;
static unsigned n_scripts, n_made;
static krb5_trace_callback trace;
static void *trace_data;

krb5_error_code
krb5_set_trace_callback(krb5_context ctx, krb5_trace_callback fn, void *data)
{
    (void)ctx;
    trace = fn;
    trace_data = data;
    return 0;
}

krb5_error_code
krb5_init_creds_step(krb5_context ctx, krb5_init_creds_context ic, krb5_data *in, krb5_data *out, krb5_data *realm,
                     unsigned *flags)
{
    const struct script *script = &scripts[n_made];

    (void)ic;
    (void)in;
    (void)out;
    (void)realm;
    assert_true(n_made < n_scripts);
    n_made++;
    for (size_t i = 0; i < sizeof(script->trace) / sizeof(script->trace[0]) && script->trace[i] != NULL; i++) {
        char message[256];

        (void)snprintf(message, sizeof(message), "[1] 2.3: %s\n", script->trace[i]);
        trace(ctx, &(krb5_trace_info){ .message = message }, trace_data);
    }
    *flags = script->asks ? KRB5_INIT_CREDS_STEP_FLAG_CONTINUE : 0;
    return script->code;
}

krb5_error_code
krb5_init_creds_get_creds(krb5_context ctx, krb5_init_creds_context ic, krb5_creds *creds)
{
    krb5_error_code code;

    (void)ic;
    memset(creds, 0, sizeof(*creds));
    code = krb5_parse_name(ctx, "alice@CORP.TEST", &creds->client);
    return code == 0 ? krb5_parse_name(ctx, "krbtgt/CORP.TEST@CORP.TEST", &creds->server) : code;
}

/* Who has a TGT gets all the rest here. */
krb5_error_code
krb5_tkt_creds_step(krb5_context ctx, krb5_tkt_creds_context tc, krb5_data *in, krb5_data *out, krb5_data *realm,
                    unsigned *flags)
{
    (void)ctx;
    (void)tc;
    (void)in;
    (void)out;
    (void)realm;
    *flags = 0;
    return 0;
}

krb5_error_code
krb5_tkt_creds_get_creds(krb5_context ctx, krb5_tkt_creds_context tc, krb5_creds *creds)
{
    (void)ctx;
    (void)tc;
    memset(creds, 0, sizeof(*creds));
    return 0;
}

krb5_error_code
krb5_mk_req_extended(krb5_context ctx, krb5_auth_context *ac, krb5_flags options, krb5_data *data, krb5_creds *creds,
                     krb5_data *out)
{
    (void)ctx;
    (void)ac;
    (void)options;
    (void)data;
    (void)creds;
    memset(out, 0, sizeof(*out));
    return 0;
}

/* A card logon by those scripts: so many exchanges are made, and this comes of it. */
static void
log_on(const struct script list[], unsigned n, const char *pin, unsigned n_expected, enum err err)
{
    static const char *const anchors[] = { "FILE:/etc/a.pem", NULL };
    static const struct krb_pkinit pkinit = { .anchors = anchors };
    static const struct krb_target target = { .realm = "CORP.TEST", .domain_dns = "corp.test", .kdc = "127.0.0.1:1",
                                              .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 1,
                                              .pkinit = &pkinit };
    static const uint8_t id[] = { 1 };
    const struct krb_card card = { .module = "/m.so", .id = id, .id_len = sizeof(id), .pin = pin };
    const struct krb_options o = { 0 };
    static const struct krb_failure no_failure;
    struct krb_logon logon;
    struct krb_failure f;
    krb5_context ctx = NULL;

    scripts = list;
    n_scripts = n;
    n_made = 0;
    assert_int_equal(krb_context_new(&target, &ctx), 0);
    assert_int_equal(krb_logon_card(ctx, &target, "alice", false, &card, NULL, &o, &logon, &f), err == ERR_OK);
    assert_int_equal(n_made, n_expected);
    assert_int_equal(logon.twice, n_expected == 2);
    assert_string_equal(err_name((uint32_t)f.err), err_name((uint32_t)err));
    assert_false(f.password_sent || f.armor_refused);
    if (err == ERR_OK)
        assert_memory_equal(&f, &no_failure, sizeof(f));
    else
        assert_string_equal(f.step, "AS exchange");
    krb_logon_done(ctx, &logon);
    krb5_free_context(ctx);
}

static const struct script cut = { { OFFERED, SIGNED, GOOD }, .code = KRB5_LIBOS_CANTREADPWD };

static void
a_second_one_makes_it_good(void **state)
{
    const struct script list[] = { cut, SUCCESS };

    (void)state;
    log_on(list, 2, "1234", 2, ERR_OK);
}

/* Whoever has damaged the first answer has the second exchange in his hands, too. */
static void
a_second_one_makes_nothing_else_of_it(void **state)
{
    static const struct script second[] = {
        { { NULL }, .asks = true }, /* silence */
        { { OFFERED, SIGNED }, .code = KRB5_KDC_UNREACH },
        { { NULL }, .code = KRB5KRB_ERR_GENERIC },
        { { NULL }, .code = KRB5KDC_ERR_SVC_UNAVAILABLE },
        { { NULL }, .code = KRB5KDC_ERR_WRONG_REALM },
        { { NULL }, .code = KRB5KRB_AP_ERR_TKT_EXPIRED },
        { { OFFERED, SIGNED }, .code = KRB5KDC_ERR_REVOKED_CERTIFICATE },
        { { OFFERED, SIGNED, BAD }, .code = KRB5_LIBOS_CANTREADPWD },
        { { "Error loading plugin module pkinit: 2/x" }, .code = KRB5_PLUGIN_NAME_NOTFOUND },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
        const struct script list[] = { cut, second[i] };

        log_on(list, 2, "1234", 2, ERR_UNTRUSTED_KDC);
    }
}

static void
there_is_no_third_one(void **state)
{
    const struct script list[] = { cut, cut, SUCCESS };

    (void)state;
    log_on(list, 3, "1234", 2, ERR_UNTRUSTED_KDC);
}

static void
nothing_else_is_tried_twice(void **state)
{
    static const struct {
        struct script first;
        const char *pin;
        enum err err;
    } cases[] = {
        { { { OFFERED, SIGNED, GOOD }, .code = KRB5_LIBOS_CANTREADPWD }, NULL, ERR_UNTRUSTED_KDC },
        { { { OFFERED, SIGNED, BAD }, .code = KRB5_LIBOS_CANTREADPWD }, "1234", ERR_KDC_CERTIFICATE },
        { { { OFFERED, SIGNED, GOOD }, .code = KRB5_KDCREP_MODIFIED }, "1234", ERR_UNTRUSTED_KDC },
        { { { NULL }, .asks = true }, "1234", ERR_NO_KDC },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct script list[] = { cases[i].first, SUCCESS };

        log_on(list, 2, cases[i].pin, 1, cases[i].err);
    }
}

/* Every single thing that is not as it is with a key that was cut short. */
static void
what_looks_like_a_key_cut_short(void **state)
{
    static const struct pkinit_seen good = { .traced = true, .is_offered = true, .has_asked = true,
                                             .has_answer = true };
    static const struct {
        const char *what;
        bool untraced, no_answer, expected, no_pin;
        krb5_error_code reply, error, code;
    } cases[] = {
        { "it", .code = KRB5_LIBOS_CANTREADPWD, .expected = true },
        { "nothing is known", .code = KRB5_LIBOS_CANTREADPWD, .untraced = true },
        { "no proof", .code = KRB5_LIBOS_CANTREADPWD, .no_answer = true },
        { "a bad certificate", .code = KRB5_LIBOS_CANTREADPWD, .reply = KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE },
        { "another name's", .code = KRB5_LIBOS_CANTREADPWD, .reply = KRB5KDC_ERR_KDC_NAME_MISMATCH },
        { "no memory", .code = KRB5_LIBOS_CANTREADPWD, .reply = 12 },
        { "a word of the KDC", .code = KRB5_LIBOS_CANTREADPWD, .error = KRB5KDC_ERR_PREAUTH_REQUIRED },
        { "a PIN pad", .code = KRB5_LIBOS_CANTREADPWD, .no_pin = true },
        { "success", .code = 0 },
        { "silence", .code = KRB5_KDC_UNREACH },
        { "another nonce", .code = KRB5_KDCREP_MODIFIED },
        { "another time", .code = KRB5_KDCREP_SKEW },
        { "another checksum", .code = KRB5KRB_AP_ERR_BAD_INTEGRITY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pkinit_seen seen = good;

        seen.traced = !cases[i].untraced;
        seen.has_answer = !cases[i].no_answer;
        seen.reply = cases[i].reply;
        if (pkinit_is_key_cut(&seen, cases[i].error, cases[i].code, !cases[i].no_pin) != cases[i].expected)
            fail_msg("%s", cases[i].what);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_makes_it_good),
        cmocka_unit_test(a_second_one_makes_nothing_else_of_it),
        cmocka_unit_test(there_is_no_third_one),
        cmocka_unit_test(nothing_else_is_tried_twice),
        cmocka_unit_test(what_looks_like_a_key_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
