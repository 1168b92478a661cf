/* lib/card/certificate.h, proof.h, text.h: what certificates say, and who may log on with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/card/certificate.h"
#include "lib/card/failure.h"
#include "lib/card/proof.h"
#include "lib/card/text.h"
#include "tests/unit/certificate_builder.h"

static EVP_PKEY *rsa, *small_rsa, *ec, *small_ec, *edwards;
static uint8_t der[BUILT_CERTIFICATE_MAX];
static TALLOC_CTX *mem;

static const struct certificate_rules strict = { .now = BUILT_NOW, .logon_eku = true, .rsa_bits_min = 2048 };

static int
setup(void **state)
{
    (void)state;
    rsa = build_rsa_key(2048);
    small_rsa = build_rsa_key(1024);
    ec = build_ec_key("P-256");
    small_ec = build_ec_key("P-224");
    edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    mem = talloc_new(NULL);
    return edwards != NULL && mem != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    talloc_free(mem);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small_rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(small_ec);
    EVP_PKEY_free(edwards);
    return 0;
}

/* A copy of exactly n bytes, so that a sanitizer sees a read past them. */
static bool
read_exactly(const uint8_t *bytes, size_t n, struct certificate_facts *facts)
{
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    bool good;

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    good = certificate_read(mem, copy, n, facts);
    free(copy);
    return good;
}

static enum certificate_unfit
judge(const struct certificate_spec *spec, const struct certificate_rules *rules)
{
    struct certificate_facts facts;

    return read_exactly(der, build_certificate(spec, der), &facts) ? certificate_judge(&facts, rules)
                                                                   : CERTIFICATE_UNREADABLE;
}

static void
facts_are_read(void **state)
{
    struct certificate_spec spec = built_alice_certificate(rsa);
    struct certificate_facts facts;
    uint8_t hash[CERTIFICATE_HASH_BYTES];
    size_t n = build_certificate(&spec, der);

    (void)state;
    assert_true(read_exactly(der, n, &facts));
    assert_string_equal(facts.subject, "CN=Alice Liddell,O=corp");
    assert_string_equal(facts.issuer, "O=corp");
    assert_string_equal(facts.name, "Alice Liddell");
    assert_string_equal(facts.upn, "alice@corp.test");
    assert_int_equal(facts.not_before, BUILT_NOW - 365 * 86400);
    assert_int_equal(facts.not_after, BUILT_NOW + 365 * 86400);
    assert_int_equal(facts.key, CERTIFICATE_KEY_RSA);
    assert_int_equal(facts.key_bits, 2048);
    assert_false(facts.ca);
    assert_true(facts.signs && facts.logon_eku && facts.upn_good);
    assert_int_equal(EVP_Digest(der, n, hash, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(facts.hash, hash, sizeof(hash));
    assert_int_equal(certificate_judge(&facts, &strict), CERTIFICATE_FIT);
}

static void
names_for_people(void **state)
{
    struct certificate_spec spec = built_alice_certificate(rsa);
    struct certificate_facts facts;

    (void)state;
    spec.name = "Jos\xc3\xa9 \xe2\x80\xae\x1b[31m";
    assert_true(read_exactly(der, build_certificate(&spec, der), &facts));
    assert_string_equal(facts.name, "Jos\xc3\xa9 ??[31m");
    assert_string_equal(facts.subject, "CN=Jos\xc3\xa9 ?\\1B[31m,O=corp");
    spec.name = NULL;
    assert_true(read_exactly(der, build_certificate(&spec, der), &facts));
    assert_string_equal(facts.name, "O=corp");
}

/* One thing is wrong in each; what else is given is Alice's. */
static void
unfit_for_one_reason(void **state)
{
    static const struct {
        EVP_PKEY **key;
        struct certificate_spec spec;
        enum certificate_unfit want;
    } cases[] = {
        { &rsa, { .basic = "CA:TRUE" }, CERTIFICATE_CA },
        { &rsa, { .usage = "keyCertSign" }, CERTIFICATE_NO_SIGNATURE },
        { &ec, { .name = NULL }, CERTIFICATE_KEY_KIND },
        { &edwards, { .usage = "digitalSignature" }, CERTIFICATE_KEY_KIND },
        { &small_rsa, { .name = NULL }, CERTIFICATE_KEY_SMALL },
        { &rsa, { .usage = "keyEncipherment" }, CERTIFICATE_NO_SIGNATURE },
        { &rsa, { .extended = "clientAuth" }, CERTIFICATE_NO_EKU },
        { &rsa, { .extended = "anyExtendedKeyUsage" }, CERTIFICATE_NO_EKU },
        { &rsa, { .extended = "1.3.6.1.5.2.3.5" }, CERTIFICATE_NO_EKU },
        { &rsa, { .extended = "1.3.6.1.5.2.3.4" }, CERTIFICATE_FIT },
        { &rsa, { .alternative = "DNS:ws1.corp.test" }, CERTIFICATE_FIT },
        { &rsa, { .alternative = BUILT_UPN("alice") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("@corp.test") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("alice@") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("ali\xe2\x80\xae" "ce@corp.test") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("ali\nce@corp.test") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("a@corp.test") "," BUILT_UPN("b@corp.test") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = BUILT_UPN("a") "," BUILT_UPN("b@corp.test") }, CERTIFICATE_BAD_UPN },
        { &rsa, { .alternative = "otherName:1.3.6.1.4.1.311.20.2.3;IA5:a@corp.test" }, CERTIFICATE_BAD_UPN },
        { &rsa, { .not_before = BUILT_NOW + 1 }, CERTIFICATE_NOT_YET },
        { &rsa, { .not_before = BUILT_NOW }, CERTIFICATE_FIT },
        { &rsa, { .not_after = BUILT_NOW - 1 }, CERTIFICATE_EXPIRED },
        { &rsa, { .not_after = BUILT_NOW }, CERTIFICATE_FIT },
        /* Past what 32 bits of time hold. */
        { &rsa, { .not_after = 253370764800 }, CERTIFICATE_FIT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct certificate_spec spec = built_alice_certificate(*cases[i].key), *one = &spec;
        const struct certificate_spec *change = &cases[i].spec;

        one->basic = change->basic != NULL ? change->basic : one->basic;
        one->usage = change->usage != NULL ? change->usage : one->usage;
        one->extended = change->extended != NULL ? change->extended : one->extended;
        one->alternative = change->alternative != NULL ? change->alternative : one->alternative;
        one->not_before = change->not_before;
        one->not_after = change->not_after;
        if (judge(&spec, &strict) != cases[i].want)
            fail_msg("case %zu: %s, not %s", i, certificate_unfit_name(judge(&spec, &strict)),
                     certificate_unfit_name(cases[i].want));
    }
}

static void
rules_are_the_callers(void **state)
{
    struct certificate_rules rules = strict;
    struct certificate_spec spec = built_alice_certificate(ec);

    (void)state;
    rules.elliptic = true;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_FIT);
    spec.key = small_ec;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_KEY_SMALL);
    spec = built_alice_certificate(small_rsa);
    rules.rsa_bits_min = 1024;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_FIT);
    spec = built_alice_certificate(rsa);
    spec.extended = NULL;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_NO_EKU);
    rules.logon_eku = false;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_FIT);
    spec.usage = NULL;
    assert_int_equal(judge(&spec, &rules), CERTIFICATE_FIT);
}

/* Extensions that are no such thing. */
static void
malformed_extensions(void **state)
{
    static const uint8_t cut[] = { 0x30, 0x20, 0x06, 0x01 }, trailing[] = { 0x30, 0x00, 0x00 }, text[] = "no DER",
                         empty[1];
    /* GeneralNames with one otherName 1.3.6.1.4.1.311.20.2.3 whose value is a UTF8String "a<NUL>@b", one that is no
     * UTF-8, an INTEGER. */
    static const uint8_t nul[] = { 0x30, 0x16, 0xa0, 0x14, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82,
                                   0x37, 0x14, 0x02, 0x03, 0xa0, 0x06, 0x0c, 0x04, 'a',  0x00, '@',  'b' };
    static const uint8_t latin[] = { 0x30, 0x16, 0xa0, 0x14, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82,
                                     0x37, 0x14, 0x02, 0x03, 0xa0, 0x06, 0x0c, 0x04, 'a',  0xe9, '@',  'b' };
    static const uint8_t number[] = { 0x30, 0x13, 0xa0, 0x11, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01,
                                      0x82, 0x37, 0x14, 0x02, 0x03, 0xa0, 0x03, 0x02, 0x01, 0x05 };
    static const struct {
        int nid;
        const uint8_t *bytes;
        size_t n;
        enum certificate_unfit want;
    } cases[] = {
        { NID_subject_alt_name, cut, sizeof(cut), CERTIFICATE_UNREADABLE },
        { NID_subject_alt_name, text, sizeof(text), CERTIFICATE_UNREADABLE },
        { NID_subject_alt_name, empty, 0, CERTIFICATE_UNREADABLE },
        { NID_subject_alt_name, nul, sizeof(nul), CERTIFICATE_BAD_UPN },
        { NID_subject_alt_name, latin, sizeof(latin), CERTIFICATE_BAD_UPN },
        { NID_subject_alt_name, number, sizeof(number), CERTIFICATE_BAD_UPN },
        { NID_ext_key_usage, cut, sizeof(cut), CERTIFICATE_UNREADABLE },
        { NID_ext_key_usage, text, sizeof(text), CERTIFICATE_UNREADABLE },
        { NID_key_usage, cut, sizeof(cut), CERTIFICATE_UNREADABLE },
        { NID_basic_constraints, cut, sizeof(cut), CERTIFICATE_UNREADABLE },
        { NID_basic_constraints, trailing, sizeof(trailing), CERTIFICATE_FIT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct certificate_spec spec = built_alice_certificate(rsa);

        spec.raw_nid = cases[i].nid;
        spec.raw = cases[i].bytes;
        spec.raw_len = cases[i].n;
        if (spec.raw_nid == NID_subject_alt_name)
            spec.alternative = NULL;
        if (spec.raw_nid == NID_ext_key_usage)
            spec.extended = NULL;
        if (spec.raw_nid == NID_key_usage)
            spec.usage = NULL;
        if (spec.raw_nid == NID_basic_constraints)
            spec.basic = NULL;
        if (judge(&spec, &strict) != cases[i].want)
            fail_msg("case %zu: %s, not %s", i, certificate_unfit_name(judge(&spec, &strict)),
                     certificate_unfit_name(cases[i].want));
    }
}

static void
an_extension_twice(void **state)
{
    static const uint8_t any[] = { 0x30, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x25, 0x00 };
    struct certificate_spec spec = built_alice_certificate(rsa);

    (void)state;
    spec.raw_nid = NID_ext_key_usage;
    spec.raw = any;
    spec.raw_len = sizeof(any);
    assert_int_equal(judge(&spec, &strict), CERTIFICATE_UNREADABLE);
}

/* Cut at every length, with one byte more, and every byte changed: never more than a wrong fact. */
static void
damaged_der(void **state)
{
    struct certificate_spec spec = built_alice_certificate(small_rsa);
    struct certificate_facts facts, none = { 0 };
    size_t n = build_certificate(&spec, der);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_false(read_exactly(der, i, &facts));
        assert_memory_equal(&facts, &none, sizeof(none));
    }
    der[n] = 0;
    assert_false(read_exactly(der, n + 1, &facts));
    for (size_t i = 0; i < n; i++) {
        der[i] ^= 0xff;
        (void)read_exactly(der, n, &facts);
        der[i] ^= 0xff;
    }
    memset(der, 0x30, sizeof(der));
    assert_false(read_exactly(der, sizeof(der), &facts));
}

static void
too_long_a_certificate(void **state)
{
    static uint8_t big[CERTIFICATE_MAX + 1] = { 0x30, 0x82, 0x3f, 0xfd };
    struct certificate_facts facts;

    (void)state;
    assert_false(certificate_read(mem, big, sizeof(big), &facts));
}

static void
labels(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *want;
    } cases[] = {
        { "Alice's card                    ", 32, "Alice's card" },
        { "12345678901234567890123456789012", 32, "12345678901234567890123456789012" },
        { "                                ", 32, "" },
        { "  two blanks before  ", 21, "  two blanks before" },
        { "ended\0and more                  ", 32, "ended" },
        { "Jos\xc3\xa9 ", 6, "Jos\xc3\xa9" },
        { "cut \xc3", 5, "cut ?" },
        { "\x1b[2J\n<0>", 8, "?[2J?<0>" },
        { "\xe2\x80\xae" "abc", 6, "?abc" },
        { "", 0, "" },
        { "not read", CARD_FIELD_MAX + 1, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* No byte more than said. */
        char *copy = malloc(cases[i].n + 1);

        assert_non_null(copy);
        memcpy(copy, cases[i].bytes, cases[i].n > CARD_FIELD_MAX ? 0 : cases[i].n);
        copy = realloc(copy, cases[i].n == 0 ? 1 : cases[i].n);
        assert_non_null(copy);
        assert_string_equal(card_text(mem, copy, cases[i].n), cases[i].want);
        free(copy);
    }
}

static void
prove(EVP_PKEY *key, const uint8_t *hash, struct proof *proof)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t info[PROOF_DIGEST_INFO_BYTES];
    bool is_rsa = EVP_PKEY_is_a(key, "RSA");

    proof_digest_info(hash, info);
    proof->len = sizeof(proof->signature);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, proof->signature, &proof->len, is_rsa ? info : hash,
                                   is_rsa ? sizeof(info) : PROOF_HASH_BYTES), 1);
    EVP_PKEY_CTX_free(ctx);
}

static void
proofs(void **state)
{
    EVP_PKEY *keys[] = { rsa, ec };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct certificate_spec spec = built_alice_certificate(keys[i]);
        uint8_t challenge[PROOF_CHALLENGE_BYTES], other[PROOF_CHALLENGE_BYTES], hash[PROOF_HASH_BYTES];
        struct certificate_facts facts;
        struct proof proof;
        size_t n = build_certificate(&spec, der);

        assert_true(certificate_read(mem, der, n, &facts));
        assert_true(proof_challenge(challenge) && proof_challenge(other));
        assert_memory_not_equal(challenge, other, sizeof(other));
        assert_true(proof_hash(facts.hash, challenge, hash));
        prove(keys[i], hash, &proof);
        assert_true(proof_verify(der, n, challenge, &proof));
        assert_false(proof_verify(der, n, other, &proof));
        assert_false(proof_verify(der, n - 1, challenge, &proof));
        proof.signature[7] ^= 1;
        assert_false(proof_verify(der, n, challenge, &proof));
        proof.signature[7] ^= 1;
        proof.len = 0;
        assert_false(proof_verify(der, n, challenge, &proof));
        proof.len = sizeof(proof.signature) + 1;
        assert_false(proof_verify(der, n, challenge, &proof));
        /* The challenge itself, signed, proves nothing. */
        prove(keys[i], challenge, &proof);
        assert_false(proof_verify(der, n, challenge, &proof));
        /* Nor does the proof of another certificate with the same key. */
        spec.name = "Somebody else";
        n = build_certificate(&spec, der);
        prove(keys[i], hash, &proof);
        assert_false(proof_verify(der, n, challenge, &proof));
    }
}

static void
proofs_from_r_and_s(void **state)
{
    static const uint8_t zeros[2 * PROOF_SIGNATURE_MAX], rs[] = { 0x80, 1, 0, 2 };
    static const uint8_t want[] = { 0x30, 8, 2, 3, 0, 0x80, 1, 2, 1, 2 };
    struct proof proof;

    (void)state;
    assert_true(proof_of_ecdsa(rs, sizeof(rs), &proof));
    assert_int_equal(proof.len, sizeof(want));
    assert_memory_equal(proof.signature, want, sizeof(want));
    assert_false(proof_of_ecdsa(rs, 0, &proof));
    assert_false(proof_of_ecdsa(rs, 3, &proof));
    assert_false(proof_of_ecdsa(zeros, sizeof(zeros), &proof));
    assert_int_equal(proof.len, 0);
}

static void
names_of_reasons(void **state)
{
    (void)state;
    assert_string_equal(certificate_unfit_name(CERTIFICATE_NO_KEY), "NO_KEY");
    assert_string_equal(certificate_unfit_text(CERTIFICATE_EXPIRED), "it has expired");
    assert_string_equal(certificate_unfit_name((enum certificate_unfit)99), "?");
    assert_string_equal(certificate_unfit_text((enum certificate_unfit)99), "?");
    assert_string_equal(card_error_name(CARD_MODULE), "MODULE");
    assert_string_equal(card_error_text(CARD_PIN_WRONG), "the PIN is wrong");
    assert_string_equal(card_error_name((enum card_error)99), "?");
    assert_string_equal(card_error_text((enum card_error)99), "?");
    assert_string_equal(card_code_text(0), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_read),
        cmocka_unit_test(names_for_people),
        cmocka_unit_test(unfit_for_one_reason),
        cmocka_unit_test(rules_are_the_callers),
        cmocka_unit_test(malformed_extensions),
        cmocka_unit_test(an_extension_twice),
        cmocka_unit_test(damaged_der),
        cmocka_unit_test(too_long_a_certificate),
        cmocka_unit_test(labels),
        cmocka_unit_test(proofs),
        cmocka_unit_test(proofs_from_r_and_s),
        cmocka_unit_test(names_of_reasons),
    };

    return cmocka_run_group_tests_name("card_certificate", tests, setup, teardown);
}
