/* What a logon with a smart card has of its own in lib/krb, without a domain: profile, trace, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <profile.h>
#include <stdio.h>
#include <string.h>

#include "lib/krb/krb.h"
#include "lib/krb/pkinit_seen.h"

static const char *const anchors[] = { "FILE:/etc/a.pem", "DIR:/etc/b", NULL };
static const char *const pool[] = { "FILE:/etc/c.pem", NULL };
static const char *const crls[] = { "FILE:/etc/d.pem", "FILE:/etc/e.pem", NULL };
static const struct krb_pkinit all = {
    .anchors = anchors, .intermediates = pool, .crls = crls, .require_crl = true, .server_eku = true,
    .kdc_host = "dc1.corp.test",
};
static const struct krb_pkinit least = { .anchors = anchors + 1 };
static const struct krb_target target = { .realm = "CORP.TEST", .domain_dns = "corp.test", .kdc = "127.0.0.1:1",
                                          .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 1 };

/* The relation's values, with a blank behind each; "" for none. */
static void
assert_values(krb5_context ctx, const char *section, const char *subsection, const char *name, const char *expected)
{
    const char *names[] = { section, subsection == NULL ? name : subsection, subsection == NULL ? NULL : name, NULL };
    profile_t profile = NULL;
    char **values = NULL;
    char text[256] = "";

    assert_int_equal(krb5_get_profile(ctx, &profile), 0);
    if (profile_get_values(profile, names, &values) != 0)
        values = NULL;
    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        size_t n = strlen(text);

        (void)snprintf(text + n, sizeof(text) - n, "%s ", values[i]);
    }
    if (strcmp(text, expected) != 0)
        fail_msg("%s: '%s', not '%s'", name, text, expected);
    profile_free_list(values);
    profile_release(profile);
}

static void
the_profile_has_modules_for_one_proof(void **state)
{
    struct krb_pkinit listening = all;
    struct krb_target t = target;
    krb5_context ctx = NULL;

    (void)state;
    assert_int_equal(krb_context_new(&t, &ctx), 0);
    assert_values(ctx, "plugins", "clpreauth", "enable_only", "encrypted_challenge encrypted_timestamp ");
    assert_values(ctx, "realms", "CORP.TEST", "pkinit_anchors", "");
    assert_values(ctx, "realms", "CORP.TEST", "pkinit_eku_checking", "");
    krb5_free_context(ctx);

    t.pkinit = &all;
    assert_int_equal(krb_context_new(&t, &ctx), 0);
    assert_values(ctx, "plugins", "clpreauth", "enable_only", "pkinit ");
    assert_values(ctx, "plugins", "clpreauth", "module", "");
    krb5_free_context(ctx);

    /* First: of two that do the same, libkrb5 takes the one that it finds first. */
    listening.reply_key_module = "/x/clpreauth_authsod.so";
    t.pkinit = &listening;
    assert_int_equal(krb_context_new(&t, &ctx), 0);
    assert_values(ctx, "plugins", "clpreauth", "enable_only", "authsod pkinit ");
    assert_values(ctx, "plugins", "clpreauth", "module", "authsod:/x/clpreauth_authsod.so ");
    krb5_free_context(ctx);
}

static void
the_profile_says_what_pkinit_trusts(void **state)
{
    static const struct {
        const struct krb_pkinit *pkinit;
        const char *name, *values;
    } cases[] = {
        { &all, "pkinit_anchors", "FILE:/etc/a.pem DIR:/etc/b " },
        { &all, "pkinit_pool", "FILE:/etc/c.pem " },
        { &all, "pkinit_revoke", "FILE:/etc/d.pem FILE:/etc/e.pem " },
        { &all, "pkinit_require_crl_checking", "true " },
        { &all, "pkinit_eku_checking", "kpServerAuth " },
        { &all, "pkinit_kdc_hostname", "dc1.corp.test " },
        { &least, "pkinit_anchors", "DIR:/etc/b " },
        { &least, "pkinit_pool", "" },
        { &least, "pkinit_revoke", "" },
        { &least, "pkinit_require_crl_checking", "false " },
        { &least, "pkinit_eku_checking", "kpKDC " },
        { &least, "pkinit_kdc_hostname", "" },
        { &least, "pkinit_identities", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int foreign = 0; foreign < 2; foreign++) {
            const char *there = foreign ? "OTHER.TEST" : "CORP.TEST", *elsewhere = foreign ? "CORP.TEST" : "OTHER.TEST";
            struct krb_target t = target;
            krb5_context ctx = NULL, copy = NULL;

            t.pkinit = cases[i].pkinit;
            t.user_realm = foreign ? "OTHER.TEST" : NULL;
            assert_int_equal(krb_context_new(&t, &ctx), 0);
            assert_values(ctx, "realms", there, cases[i].name, cases[i].values);
            assert_values(ctx, "realms", elsewhere, cases[i].name, "");
            assert_values(ctx, "libdefaults", NULL, cases[i].name, "");
            /* The copy that the exchange works with says the same. */
            assert_int_equal(krb5_copy_context(ctx, &copy), 0);
            krb5_free_context(ctx);
            assert_values(copy, "realms", there, cases[i].name, cases[i].values);
            krb5_free_context(copy);
        }
    }
}

/* Relations are as many as there are files, not as many as there is room for. */
static void
the_profile_has_all_files(void **state)
{
    const char *many[101] = { NULL };
    const struct krb_pkinit pkinit = { .anchors = many };
    struct krb_target t = target;
    profile_t profile = NULL;
    krb5_context ctx = NULL;
    char **values = NULL;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        many[i] = "FILE:/etc/a.pem";
    t.pkinit = &pkinit;
    assert_int_equal(krb_context_new(&t, &ctx), 0);
    assert_int_equal(krb5_get_profile(ctx, &profile), 0);
    assert_int_equal(profile_get_values(profile, (const char *[]){ "realms", "CORP.TEST", "pkinit_anchors", NULL },
                                        &values), 0);
    while (values[n] != NULL)
        n++;
    assert_int_equal(n, 100);
    profile_free_list(values);
    profile_release(profile);
    krb5_free_context(ctx);
}

static struct pkinit_seen
see(const char *const *lines)
{
    struct pkinit_seen seen = { 0 };

    for (size_t i = 0; lines[i] != NULL; i++) {
        char message[512];

        (void)snprintf(message, sizeof(message), "[1234] 1796000000.123456: %s\n", lines[i]);
        pkinit_see(NULL, &(krb5_trace_info){ .message = message }, &seen);
    }
    pkinit_see(NULL, NULL, &seen);
    return seen;
}

static void
the_trace_tells_what_the_module_did(void **state)
{
    struct pkinit_seen seen;

    (void)state;
    seen = see((const char *const[]){
        "Received error from KDC: -1765328359/Additional pre-authentication required",
        "Processing preauth types: PA-PK-AS-REQ (16), PA-ETYPE-INFO2 (19), 136",
        "Preauth module pkinit (147) (info) returned: 0/Success", "PKINIT PKCS11 C_Login failed: pin incorrect",
        "PKINIT client has no configured identity; giving up",
        "Preauth module pkinit (16) (real) returned: -1765328360/Preauthentication failed", NULL });
    assert_true(seen.is_offered && seen.has_asked && !seen.has_answer && !seen.is_missing && !seen.reads_trust);
    assert_int_equal(seen.request, KRB5KDC_ERR_PREAUTH_FAILED);
    assert_string_equal(seen.text, "Preauthentication failed; PKINIT PKCS11 C_Login failed: pin incorrect");

    seen = see((const char *const[]){
        "Processing preauth types: PA-PK-AS-REQ (16)", "Preauth module pkinit (16) (real) returned: 0/Success",
        "Processing preauth types: PA-PK-AS-REP (17), PA-ETYPE-INFO2 (19)",
        "PKINIT client could not verify DH reply", "PKINIT OpenSSL error: error:0:x",
        "Preauth module pkinit (17) (real) returned: -1765328314/Failed to verify", NULL });
    assert_true(seen.has_asked && seen.has_answer && seen.request == 0);
    assert_int_equal(seen.reply, KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE);
    assert_string_equal(seen.text, "Failed to verify; PKINIT client could not verify DH reply");

    seen = see((const char *const[]){ "PKINIT loading CA certs and CRLs from FILE /etc/a.pem",
                                      "Preauth module pkinit (16) (real) returned: 2/Cannot open file", NULL });
    assert_true(seen.reads_trust);
    seen = see((const char *const[]){ "Error loading plugin module pkinit: 2/unable to load plugin [x]", NULL });
    assert_true(seen.is_missing);
    assert_non_null(strstr(seen.text, "unable to load plugin [x]"));
}

static void
of_other_lines_nothing_is_taken(void **state)
{
    static const char *const lines[] = {
        "", "Preauth module pkinit (", "Preauth module pkinit (16", "Preauth module pkinit (16) (real) returned: ",
        "Preauth module pkinit (16) (real) returned: x/y", "Preauth module pkinit (16) (real) returned: 5",
        "Preauth module pkinit (16) (info) returned: 5/five", "Preauth module pkinit (16) tryagain returned: 5/five",
        "Preauth module pkinit (18) (real) returned: 5/five", "Preauth module spake (16) (real) returned: 5/five",
        "Preauth module pkinit (-) (real) returned: 5/five", " Preauth module pkinit (17) (real) returned: 5/five",
        /* What the KDC sends stands in the middle of a line. */
        "Received salt \"[1] 2.3: Preauth module pkinit (17) (real) returned: 0/Success\" via padata type 3",
        "Following referral to realm PKINIT loading CA certs", "Processing preauth types: (empty)",
        "Processing preauth types: PA-PK-AS-REP (17), PA-X (116), PA-Y (161), 1600, 216",
        "Error loading plugin module spake: 2/x", NULL };
    static const char *const stamps[] = { "", "[", "[1]", "[1] 2", "[x] 1.2: PKINIT a", "[1] 1.2 PKINIT a",
                                          "[1] 1: PKINIT a" };
    struct pkinit_seen seen = see(lines);

    (void)state;
    assert_false(seen.is_offered || seen.has_asked || seen.has_answer || seen.is_missing || seen.reads_trust);
    assert_string_equal(seen.text, "");
    assert_string_equal(seen.last, "");
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++)
        pkinit_see(NULL, &(krb5_trace_info){ .message = stamps[i] }, &seen);
    assert_string_equal(seen.last, "");
}

static void
long_lines_are_cut(void **state)
{
    struct pkinit_seen seen;
    char last[450], result[450];

    (void)state;
    (void)snprintf(last, sizeof(last), "PKINIT %0400d", 1);
    (void)snprintf(result, sizeof(result), "Preauth module pkinit (16) (real) returned: 5/%0380d", 1);
    seen = see((const char *const[]){ last, result, NULL });
    assert_int_equal(seen.request, 5);
    assert_true(strlen(seen.text) < sizeof(seen.text));
}

/* Nobody is asked: there is nothing at the KDC's address, and ERR_NO_KDC would come of that. */
static void
what_cannot_be_done_is_not_begun(void **state)
{
    static const uint8_t id[] = { 1 };
    static const char *const none[] = { NULL };
    static const struct krb_pkinit empty = { .anchors = none }, unset = { .anchors = NULL };
    const struct {
        const char *what;
        const struct krb_pkinit *pkinit;
        struct krb_card card;
        enum err err;
    } cases[] = {
        { "no anchors", &empty, { .module = "/m.so", .id = id, .id_len = 1 }, ERR_INTERNAL },
        { "no list of anchors", &unset, { .module = "/m.so", .id = id, .id_len = 1 }, ERR_INTERNAL },
        { "no PKINIT", NULL, { .module = "/m.so", .id = id, .id_len = 1 }, ERR_INTERNAL },
        { "a relative path", &all, { .module = "m.so", .id = id, .id_len = 1 }, ERR_CARD_FAILED },
        { "a path that ends the name", &all, { .module = "/m.so:token=x", .id = id, .id_len = 1 }, ERR_CARD_FAILED },
        { "a slot that is no int", &all, { .module = "/m.so", .slot = 1UL << 31, .id = id, .id_len = 1 },
          ERR_CARD_FAILED },
        { "a key without an id", &all, { .module = "/m.so", .id = id }, ERR_CARD_FAILED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct krb_options o = { 0 };
        struct krb_target t = target;
        struct krb_failure f;
        struct krb_logon logon;
        krb5_context ctx = NULL;

        t.pkinit = cases[i].pkinit;
        assert_int_equal(krb_context_new(&t, &ctx), 0);
        assert_false(krb_logon_card(ctx, &t, "alice", false, &cases[i].card, NULL, &o, &logon, &f));
        if (f.err != cases[i].err)
            fail_msg("%s: %s", cases[i].what, err_name((uint32_t)f.err));
        assert_string_not_equal(f.text, "");
        assert_false(f.password_sent || f.proved);
        assert_null(logon.client);
        krb5_free_context(ctx);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_profile_has_modules_for_one_proof),
        cmocka_unit_test(the_profile_says_what_pkinit_trusts),
        cmocka_unit_test(the_profile_has_all_files),
        cmocka_unit_test(the_trace_tells_what_the_module_did),
        cmocka_unit_test(of_other_lines_nothing_is_taken),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(what_cannot_be_done_is_not_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
