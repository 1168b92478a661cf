/* lib/card/chain.h: lists of revoked certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "tests/unit/chain_fixture.h"

/* Serial numbers: see the fixture. */
static const unsigned user_revoked[] = { 5, 17, 0 }, between_revoked[] = { 2, 0 }, others_revoked[] = { 5, 18, 0 };

static void
revoked_by_the_issuer(void **state)
{
    (void)state;
    put_certificate("anchors", &w.root);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = others_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_judged(judge_strictly(&w.user), CERTIFICATE_FIT);
    assert_string_equal(w.why, "");
    put_away("crls");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = user_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
    assert_why("CN=Alice Liddell,O=corp: ");
    assert_judged(judge_strictly(&w.user), CERTIFICATE_REVOKED);
    put_away("crls");
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
}

static void
revoked_on_the_way(void **state)
{
    (void)state;
    put_certificate("anchors", &w.root);
    put_certificate("between", &w.between);
    w.user.issuer = &w.between;
    put_crl("crls", &(struct crl_spec){ .issuer = &w.between });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
    assert_why("CN=Between,O=corp: ");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = others_revoked });
    assert_judged(judge_strictly(&w.user), CERTIFICATE_FIT);
    put_away("crls");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = between_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
    assert_why("CN=Between,O=corp: ");
    /* The number is another issuer's. */
    put_away("crls");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = user_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    /* Who is not trusted is not asked of. */
    w.user.issuer = &w.stranger;
    put_crl("crls", &(struct crl_spec){ .issuer = &w.stranger, .revoked = user_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
}

/* Each would revoke it, if it could be used. */
static void
lists_that_are_as_none(void **state)
{
    static const uint8_t null[] = { 5, 0 };
    const struct {
        struct crl_spec spec;
        const char *why;
    } cases[] = {
        { { .next_update = BUILT_NOW }, "has expired" },
        { { .next_update = BUILT_NOW + 1 }, NULL },
        { { .next_update = -1 }, "does not say when" },
        { { .last_update = BUILT_NOW + 1 }, "not in force yet" },
        { { .last_update = BUILT_NOW }, NULL },
        { { .key = w.stranger_key }, "signed wrongly" },
        { { .digest = "SHA1" }, "weak digest" },
        { { .digest = "SHA384" }, NULL },
        { { .issuer = &w.stranger }, "" },
        { { .raw_nid = NID_issuing_distribution_point, .raw = null, .raw_len = sizeof(null) }, "cannot be read" },
    };

    (void)state;
    put_certificate("anchors", &w.root);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct crl_spec spec = cases[i].spec;
        enum certificate_unfit got, strictly;

        spec.issuer = spec.issuer != NULL ? spec.issuer : &w.root;
        spec.revoked = user_revoked;
        put_crl("crls", &spec);
        strictly = judge_strictly(&w.user);
        got = judge(&w.user);
        if (got != (cases[i].why == NULL ? CERTIFICATE_REVOKED : CERTIFICATE_FIT) ||
            strictly != (cases[i].why == NULL ? CERTIFICATE_REVOKED : CERTIFICATE_NO_CRL))
            fail_msg("case %zu: %s, %s: %s", i, certificate_unfit_name(got), certificate_unfit_name(strictly), w.why);
        if (cases[i].why != NULL)
            assert_why(cases[i].why);
        put_away("crls");
    }
}

static void
lists_of_an_authority_that_may_sign_none(void **state)
{
    (void)state;
    w.root.usage = "critical,keyCertSign";
    put_certificate("anchors", &w.root);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = user_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_why("CN=Root,O=corp: it may not sign lists");
    assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
}

/* A list that is as none hides no other. */
static void
several_lists(void **state)
{
    const struct crl_spec good = { .issuer = &w.root, .revoked = user_revoked, .last_update = BUILT_NOW - 7200 };
    const struct crl_spec others[] = {
        { .issuer = &w.root, .key = w.stranger_key, .last_update = BUILT_NOW - 60 },
        { .issuer = &w.root, .next_update = BUILT_NOW - 60, .last_update = BUILT_NOW - 120 },
        { .issuer = &w.root, .last_update = BUILT_NOW + 60 },
        { .issuer = &w.root, .digest = "SHA1", .last_update = BUILT_NOW - 60 },
        { .issuer = &w.root, .delta = true, .last_update = BUILT_NOW - 60 },
    };
    /* issuingDistributionPoint with one URI, and an extension that is none of X.509's. */
    static const uint8_t point[] = { 0x30, 14, 0xa0, 12, 0xa0, 10, 0x86, 8, 'h', 't', 't', 'p', ':', '/', '/', 'a' };
    static const uint8_t strange[] = { 0x05, 0x00 };
    const struct crl_spec several[] = {
        { .issuer = &w.root, .revoked = user_revoked, .last_update = BUILT_NOW - 7200,
          .raw_nid = NID_issuing_distribution_point, .raw = point, .raw_len = sizeof(point) },
        { .issuer = &w.root, .revoked = user_revoked, .last_update = BUILT_NOW - 7200,
          .raw_nid = NID_netscape_comment, .raw = strange, .raw_len = sizeof(strange) },
    };

    (void)state;
    put_certificate("anchors", &w.root);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        put_crl("crls", &others[i]);
        put_crl("crls", &good);
        assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
        put_away("crls");
    }
    /* The newer one of two good ones counts. */
    put_crl("crls", &good);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .last_update = BUILT_NOW - 60 });
    assert_judged(judge_strictly(&w.user), CERTIFICATE_FIT);
    put_away("crls");
    /* But of several that are about some certificates each, or have what nobody knows, all do. */
    for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++) {
        put_crl("crls", &several[i]);
        put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .last_update = BUILT_NOW - 60 });
        assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
        put_away("crls");
    }
    put_crl("crls", &good);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .last_update = BUILT_NOW - 60 });
    /* As it may: with an old one that has run out nothing need be told. */
    put_crl("crls", &others[1]);
    assert_judged(judge_strictly(&w.user), CERTIFICATE_FIT);
    assert_string_equal(w.why, "");
}

static void
deltas(void **state)
{
    (void)state;
    put_certificate("anchors", &w.root);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root });
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .delta = true, .revoked = others_revoked });
    assert_judged(judge_strictly(&w.user), CERTIFICATE_FIT);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .delta = true, .revoked = user_revoked });
    assert_judged(judge_strictly(&w.user), CERTIFICATE_REVOKED);
    put_away("crls");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .delta = true, .revoked = user_revoked });
    assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
    put_away("crls");
    /* One alone does not say who is not revoked. */
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .delta = true });
    assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
    /* As none, like others. */
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .delta = true, .revoked = user_revoked, .key = w.stranger_key });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
}

/* What it revokes is; of what else it says nothing is known. */
static void
lists_of_something_else(void **state)
{
    static const uint8_t null[] = { 5, 0 }, only_authorities[] = { 0x30, 0x03, 0x82, 0x01, 0xff },
                         some_reasons[] = { 0x30, 0x04, 0x83, 0x02, 0x06, 0x40 },
                         of_others[] = { 0x30, 0x03, 0x84, 0x01, 0xff };
    const struct crl_spec lists[] = {
        { .issuer = &w.root, .raw_nid = NID_title, .raw = null, .raw_len = sizeof(null) },
        { .issuer = &w.root, .raw_nid = NID_issuing_distribution_point, .raw = only_authorities,
          .raw_len = sizeof(only_authorities) },
        { .issuer = &w.root, .raw_nid = NID_issuing_distribution_point, .raw = some_reasons,
          .raw_len = sizeof(some_reasons) },
        { .issuer = &w.root, .raw_nid = NID_issuing_distribution_point, .raw = of_others, .raw_len = sizeof(of_others) },
    };

    (void)state;
    put_certificate("anchors", &w.root);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct crl_spec list = lists[i];

        put_crl("crls", &list);
        assert_judged(judge(&w.user), CERTIFICATE_FIT);
        assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
        put_away("crls");
        list.revoked = user_revoked;
        put_crl("crls", &list);
        assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
        assert_int_not_equal(judge_strictly(&w.user), CERTIFICATE_FIT);
        put_away("crls");
    }
}

/* One list or two, in both orders. */
static void
the_last_lists(void **state)
{
    static const uint8_t only_users[] = { 0x30, 0x03, 0x81, 0x01, 0xff };
    const int64_t old = BUILT_NOW - 7200, newer = BUILT_NOW - 3600, over = BUILT_NOW - 60;
    const struct {
        struct crl_spec lists[2]; /* the second one may be missing: last_update 0 */
        enum certificate_unfit want, strictly;
    } cases[] = {
        { { { .last_update = old, .next_update = over, .revoked = user_revoked } }, CERTIFICATE_REVOKED,
          CERTIFICATE_REVOKED },
        { { { .last_update = old, .next_update = over, .revoked = others_revoked } }, CERTIFICATE_FIT,
          CERTIFICATE_FIT },
        { { { .last_update = old, .next_update = BUILT_NOW, .revoked = user_revoked } }, CERTIFICATE_REVOKED,
          CERTIFICATE_REVOKED },
        { { { .last_update = old, .revoked = user_revoked } }, CERTIFICATE_REVOKED, CERTIFICATE_REVOKED },
        /* What is wrong otherwise is as none. */
        { { { .last_update = BUILT_NOW + 1, .revoked = user_revoked } }, CERTIFICATE_FIT, CERTIFICATE_NO_CRL },
        { { { .last_update = old, .next_update = -1, .revoked = user_revoked } }, CERTIFICATE_FIT, CERTIFICATE_NO_CRL },
        { { { .last_update = old, .next_update = over, .revoked = user_revoked, .key = w.stranger_key } },
          CERTIFICATE_FIT, CERTIFICATE_NO_CRL },
        { { { .last_update = old, .next_update = over, .revoked = user_revoked, .digest = "SHA1" } }, CERTIFICATE_FIT,
          CERTIFICATE_NO_CRL },
        /* The newer one of two, in force or not. */
        { { { .last_update = old, .next_update = over, .revoked = user_revoked },
            { .last_update = newer, .next_update = over } }, CERTIFICATE_FIT, CERTIFICATE_FIT },
        { { { .last_update = old, .next_update = over },
            { .last_update = newer, .next_update = over, .revoked = user_revoked } }, CERTIFICATE_REVOKED,
          CERTIFICATE_REVOKED },
        { { { .last_update = old, .revoked = user_revoked }, { .last_update = newer, .next_update = over } },
          CERTIFICATE_FIT, CERTIFICATE_FIT },
        { { { .last_update = old }, { .last_update = newer, .next_update = over, .revoked = user_revoked } },
          CERTIFICATE_REVOKED, CERTIFICATE_REVOKED },
        { { { .last_update = old, .next_update = over, .revoked = user_revoked }, { .last_update = BUILT_NOW + 60 } },
          CERTIFICATE_REVOKED, CERTIFICATE_REVOKED },
        { { { .last_update = old, .next_update = over, .revoked = user_revoked },
            { .last_update = newer, .next_update = over, .key = w.stranger_key } }, CERTIFICATE_REVOKED,
          CERTIFICATE_REVOKED },
        /* One about users only, and in force, does not stand before one about all. */
        { { { .last_update = old, .raw_nid = NID_issuing_distribution_point, .raw = only_users,
              .raw_len = sizeof(only_users) },
            { .last_update = newer, .next_update = over, .revoked = user_revoked } }, CERTIFICATE_REVOKED,
          CERTIFICATE_REVOKED },
        /* Deltas revoke, and say of none that it is not. */
        { { { .last_update = newer, .next_update = over, .delta = true, .revoked = user_revoked },
            { .last_update = old, .next_update = over } }, CERTIFICATE_REVOKED, CERTIFICATE_REVOKED },
        { { { .last_update = newer, .next_update = over, .delta = true } }, CERTIFICATE_FIT, CERTIFICATE_NO_CRL },
    };

    (void)state;
    put_certificate("anchors", &w.root);
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct crl_spec lists[2] = { cases[i / 2].lists[i % 2], cases[i / 2].lists[1 - i % 2] };
        enum certificate_unfit got, strictly;

        for (size_t j = 0; j < 2; j++) {
            lists[j].issuer = &w.root;
            if (lists[j].last_update != 0)
                put_crl("crls", &lists[j]);
        }
        got = judge_by_last_lists(&w.user, false, BUILT_NOW);
        strictly = judge_by_last_lists(&w.user, true, BUILT_NOW);
        if (got != cases[i / 2].want || strictly != cases[i / 2].strictly)
            fail_msg("case %zu: %s, %s: %s", i / 2, certificate_unfit_name(got), certificate_unfit_name(strictly),
                     w.why);
        put_away("crls");
    }
}

/* It is lists alone that may have run out. */
static void
the_last_lists_and_the_certificates_dates(void **state)
{
    const struct crl_spec of_root = { .issuer = &w.root, .next_update = BUILT_NOW - 60 },
                          of_between = { .issuer = &w.between, .next_update = BUILT_NOW - 60 };
    struct certificate_spec user = w.user, between = w.between;

    (void)state;
    put_certificate("anchors", &w.root);
    put_certificate("between", &w.between);
    put_crl("crls", &of_root);
    user.issuer = &w.between;
    assert_judged(judge_by_last_lists(&user, true, BUILT_NOW), CERTIFICATE_NO_CRL);
    put_crl("crls", &of_between);
    assert_judged(judge_by_last_lists(&user, true, BUILT_NOW), CERTIFICATE_FIT);
    assert_string_equal(w.why, "");
    assert_judged(judge_strictly(&user), CERTIFICATE_NO_CRL);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = between_revoked, .last_update = BUILT_NOW - 120,
                                        .next_update = BUILT_NOW - 60 });
    assert_judged(judge_by_last_lists(&user, false, BUILT_NOW), CERTIFICATE_REVOKED);
    assert_why("CN=Between,O=corp: ");
    put_away("crls");
    put_crl("crls", &of_root);
    put_crl("crls", &of_between);
    user.not_after = BUILT_NOW - 3600;
    assert_judged(judge_by_last_lists(&user, true, BUILT_NOW), CERTIFICATE_UNTRUSTED);
    assert_why("has expired");
    user.not_after = 0;
    between.not_after = BUILT_NOW - 3600;
    put_away("between");
    put_certificate("between", &between);
    assert_judged(judge_by_last_lists(&user, true, BUILT_NOW), CERTIFICATE_UNTRUSTED);
    assert_why("has expired");
}

static void
lists_signed_in_other_ways(void **state)
{
    (void)state;
    w.root.key = w.rsa_key;
    put_certificate("anchors", &w.root);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = user_revoked, .pss = true });
    assert_judged(judge(&w.user), CERTIFICATE_REVOKED);
    put_away("crls");
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = user_revoked, .pss = true, .digest = "SHA1" });
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_why("weak digest");
}

static int
group_setup(void **state)
{
    w.rsa_key = build_rsa_key(2048);
    return chain_group_setup(state);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, chain_setup, chain_teardown)
    const struct CMUnitTest tests[] = {
        T(revoked_by_the_issuer), T(revoked_on_the_way), T(lists_that_are_as_none),
        T(lists_of_an_authority_that_may_sign_none), T(several_lists), T(deltas),
        T(lists_of_something_else), T(the_last_lists), T(the_last_lists_and_the_certificates_dates),
        T(lists_signed_in_other_ways),
    };

    return cmocka_run_group_tests_name("card_crl", tests, group_setup, chain_group_teardown);
}
