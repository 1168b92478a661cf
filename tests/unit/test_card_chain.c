/* lib/card/chain.h: who issued a certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/chain_fixture.h"

static void
ways_that_lead_to_an_anchor(void **state)
{
    (void)state;
    put_certificate("anchors", &w.stranger);
    put_certificate("anchors", &w.root);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_string_equal(w.why, "");
    put_certificate("between", &w.between);
    w.user.issuer = &w.between;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    put_certificate("between", &w.second);
    w.user.issuer = &w.second;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    assert_string_equal(w.why, "");
    /* Names alone do, too. */
    w.user.key_ids = false;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
}

static void
ways_that_lead_nowhere(void **state)
{
    struct certificate_spec self = built_alice_certificate(w.user_key);

    (void)state;
    put_certificate("anchors", &w.root);
    w.user.issuer = &w.second;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    put_certificate("between", &w.second);
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    assert_why("CN=Second,O=corp: ");
    put_certificate("between", &w.between);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    /* An authority that is not trusted gains nothing by being one of those between. */
    put_certificate("between", &w.stranger);
    w.user.issuer = &w.stranger;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    self.issuer = &self;
    assert_judged(judge(&self), CERTIFICATE_UNTRUSTED);
    put_certificate("between", &self);
    assert_judged(judge(&self), CERTIFICATE_UNTRUSTED);
}

static void
another_issuer_of_the_same_name(void **state)
{
    struct certificate_spec twin = w.between;

    (void)state;
    twin.key = w.stranger_key;
    put_certificate("anchors", &w.root);
    put_certificate("between", &twin);
    w.user.issuer = &w.between;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    w.user.key_ids = false;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    /* Both: the right one is found by its key's name. */
    w.user.key_ids = true;
    put_certificate("between", &w.between);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.issuer = &twin;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    /* A root that is not ours and says that it is. */
    w.stranger.name = "Root";
    w.user.issuer = &w.stranger;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    w.user.key_ids = false;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
}

static void
all_are_valid_at_that_time(void **state)
{
    struct certificate_spec *all[] = { &w.root, &w.between, &w.user };

    (void)state;
    w.user.issuer = &w.between;
    for (size_t i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++) {
        struct certificate_spec *one = all[i / 2], before = *one;

        if (i % 2 == 0)
            one->not_before = BUILT_NOW + 3600;
        else
            one->not_after = BUILT_NOW - 3600;
        put_certificate("anchors", &w.root);
        put_certificate("between", &w.between);
        assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
        assert_why(i % 2 == 0 ? "not yet valid" : "has expired");
        /* It is the caller's time that counts. */
        assert_judged(judge_at(&w.user, false, i % 2 == 0 ? BUILT_NOW + 7200 : BUILT_NOW - 7200), CERTIFICATE_FIT);
        *one = before;
        put_away("anchors");
        put_away("between");
    }
    put_certificate("anchors", &w.root);
    put_certificate("between", &w.between);
    assert_judged(judge_at(&w.user, false, INT64_MAX), CERTIFICATE_UNTRUSTED);
    assert_judged(judge_at(&w.user, false, INT64_MIN), CERTIFICATE_UNTRUSTED);
    assert_judged(judge_at(&w.user, false, 0), CERTIFICATE_UNTRUSTED);
}

/* One thing is wrong with who stands between. */
static void
who_may_issue(void **state)
{
    static const uint8_t bytes[] = { 5, 0 };
    static const struct {
        struct certificate_spec change;
        enum certificate_unfit want;
    } cases[] = {
        { { .name = NULL }, CERTIFICATE_FIT },
        { { .basic = "CA:TRUE" }, CERTIFICATE_FIT },
        { { .basic = "critical,CA:TRUE,pathlen:0" }, CERTIFICATE_FIT },
        { { .basic = "CA:FALSE" }, CERTIFICATE_UNTRUSTED },
        { { .basic = "" }, CERTIFICATE_UNTRUSTED },
        { { .usage = "critical,digitalSignature,cRLSign" }, CERTIFICATE_UNTRUSTED },
        { { .usage = "" }, CERTIFICATE_FIT },
        { { .constraints = "critical,permitted;DNS:corp.test" }, CERTIFICATE_FIT },
        { { .constraints = "critical,permitted;DNS:other.test" }, CERTIFICATE_UNTRUSTED },
        { { .constraints = "critical,excluded;DNS:corp.test" }, CERTIFICATE_UNTRUSTED },
        { { .policies = "critical,requireExplicitPolicy:0" }, CERTIFICATE_UNTRUSTED },
        { { .policies = "critical,requireExplicitPolicy:5" }, CERTIFICATE_FIT },
        { { .raw_nid = NID_title, .raw = bytes, .raw_len = 2 }, CERTIFICATE_FIT },
        { { .raw_nid = NID_title, .raw = bytes, .raw_len = 2, .raw_critical = true }, CERTIFICATE_UNTRUSTED },
        { { .raw_nid = NID_basic_constraints, .raw = bytes, .raw_len = 2 }, CERTIFICATE_UNTRUSTED },
    };

    (void)state;
    put_certificate("anchors", &w.root);
    w.user.issuer = &w.between;
    w.user.alternative = BUILT_UPN("alice@corp.test") ",DNS:ws1.corp.test";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct certificate_spec one = w.between;
        const struct certificate_spec *change = &cases[i].change;
        enum certificate_unfit got;

        if (change->basic != NULL)
            one.basic = change->basic[0] == '\0' ? NULL : change->basic;
        if (change->usage != NULL)
            one.usage = change->usage[0] == '\0' ? NULL : change->usage;
        one.constraints = change->constraints;
        one.policies = change->policies;
        one.raw_nid = change->raw_nid;
        one.raw = change->raw;
        one.raw_len = change->raw_len;
        one.raw_critical = change->raw_critical;
        put_certificate("between", &one);
        got = judge(&w.user);
        if (got != cases[i].want)
            fail_msg("case %zu: %s: %s", i, certificate_unfit_name(got), w.why);
        put_away("between");
    }
    /* In the certificate itself. */
    w.user.issuer = &w.root;
    w.user.raw_nid = NID_title;
    w.user.raw = bytes;
    w.user.raw_len = 2;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.raw_critical = true;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
}

static void
long_ways(void **state)
{
    struct certificate_spec way[CHAIN_BETWEEN_MAX + 1];
    char names[CHAIN_BETWEEN_MAX + 1][16];

    (void)state;
    put_certificate("anchors", &w.root);
    for (size_t i = 0; i <= CHAIN_BETWEEN_MAX; i++) {
        way[i] = w.between;
        (void)snprintf(names[i], sizeof(names[i]), "Step %zu", i);
        way[i].name = names[i];
        way[i].issuer = i == 0 ? &w.root : &way[i - 1];
        put_certificate("between", &way[i]);
    }
    w.user.issuer = &way[CHAIN_BETWEEN_MAX - 1];
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.issuer = &way[CHAIN_BETWEEN_MAX];
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    /* Fewer are allowed by the second one. */
    put_away("between");
    w.between.basic = "critical,CA:TRUE,pathlen:0";
    put_certificate("between", &w.between);
    put_certificate("between", &w.second);
    w.user.issuer = &w.second;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    assert_why("path length");
}

static void
weak_signatures_and_keys(void **state)
{
    EVP_PKEY *small = build_rsa_key(1024);
    struct certificate_spec user = w.user;

    (void)state;
    /* An anchor's own signature says nothing. */
    w.root.digest = "SHA1";
    put_certificate("anchors", &w.root);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.digest = "SHA1";
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    assert_why("too weak");
    w.user.digest = "SHA512";
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.key = small;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    user.issuer = &w.between;
    w.between.digest = "SHA1";
    put_certificate("between", &w.between);
    assert_judged(judge(&user), CERTIFICATE_UNTRUSTED);
    put_away("between");
    w.between.digest = NULL;
    w.between.key = small;
    put_certificate("between", &w.between);
    assert_judged(judge(&user), CERTIFICATE_UNTRUSTED);
    put_away("between");
    w.between.key = w.rsa_key;
    put_certificate("between", &w.between);
    user.pss = true;
    assert_judged(judge(&user), CERTIFICATE_FIT);
    user.digest = "SHA1";
    assert_judged(judge(&user), CERTIFICATE_UNTRUSTED);
    EVP_PKEY_free(small);
}

/* Whatever is broken in it, it is not fit; nor does anything come to libcrypto's list of errors. */
static void
certificates_that_are_none(void **state)
{
    static uint8_t der[BUILT_CERTIFICATE_MAX], big[CERTIFICATE_MAX + 1];
    struct chain *c;
    size_t n = build_certificate(&w.user, der);
    unsigned long error;

    (void)state;
    put_certificate("anchors", &w.root);
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root });
    c = open_chain(false);
    assert_non_null(c);
    ERR_raise(ERR_LIB_USER, 7);
    error = ERR_peek_last_error();
    assert_int_equal(chain_judge(c, der, n, BUILT_NOW, false, w.why), CERTIFICATE_FIT);
    for (size_t i = 0; i < n; i++) {
        uint8_t *copy = malloc(n);
        uint8_t *cut = malloc(i == 0 ? 1 : i);

        assert_non_null(copy);
        assert_non_null(cut);
        memcpy(cut, der, i);
        assert_int_equal(chain_judge(c, cut, i, BUILT_NOW, false, w.why), CERTIFICATE_UNTRUSTED);
        memcpy(copy, der, n);
        copy[i] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(chain_judge(c, copy, n, BUILT_NOW, false, w.why), CERTIFICATE_UNTRUSTED);
        free(copy);
        free(cut);
    }
    assert_int_equal(chain_judge(c, der, n + 1, BUILT_NOW, false, w.why), CERTIFICATE_UNTRUSTED);
    assert_string_equal(w.why, "it cannot be read");
    assert_int_equal(chain_judge(c, big, sizeof(big), BUILT_NOW, false, w.why), CERTIFICATE_UNTRUSTED);
    assert_int_equal(ERR_peek_last_error(), error);
    ERR_clear_error();
    talloc_free(c);
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
        T(ways_that_lead_to_an_anchor), T(ways_that_lead_nowhere), T(another_issuer_of_the_same_name),
        T(all_are_valid_at_that_time), T(who_may_issue), T(long_ways), T(weak_signatures_and_keys),
        T(certificates_that_are_none),
    };

    return cmocka_run_group_tests_name("card_chain", tests, group_setup, chain_group_teardown);
}
