/* lib/card/card.h against tests/unit/fake_pkcs11.c: the PIN, signatures; and what a module may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/card_fixture.h"

static const uint8_t challenge[PROOF_CHALLENGE_BYTES] = { 1, 2, 3 };

static void
the_right_pin(void **state)
{
    static const char pin[] = "123456";
    struct card_token *t = the_token();
    struct card_failure f;

    (void)state;
    fake->tokens[0].info.flags |= CKF_USER_PIN_COUNT_LOW;
    assert_true(card_check_pin(cards, t, pin, &f));
    assert_int_equal(f.error, CARD_NONE);
    assert_int_equal(fake->logins, 1);
    assert_int_equal(fake->logouts, 1);
    assert_false(fake->logged_in);
    assert_ptr_equal(fake->pin_seen, pin);
    assert_int_equal(fake->pin_seen_len, 6);
    assert_false(t->pin.low);
    assert_int_equal(t->certificates[0].key, CARD_KEY_THERE);
    assert_int_equal(t->certificates[0].unfit, CERTIFICATE_FIT);
}

static void
the_key_is_missing(void **state)
{
    struct card_token *t;
    struct card_failure f;
    struct proof proof;

    (void)state;
    fake->tokens[0].objects[1].id = "\x02";
    t = the_token();
    assert_int_equal(t->certificates[0].unfit, CERTIFICATE_FIT);
    assert_true(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(t->certificates[0].unfit, CERTIFICATE_NO_KEY);
    assert_int_equal(t->certificates[0].key, CARD_KEY_MISSING);
    assert_false(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_int_equal(f.error, CARD_NO_KEY);
}

static void
wrong_pins(void **state)
{
    struct card_token *t = the_token();
    struct card_failure f;

    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        assert_false(card_check_pin(cards, t, "999999", &f));
        assert_int_equal(f.error, CARD_PIN_WRONG);
        assert_int_equal(f.code, CKR_PIN_INCORRECT);
        assert_string_equal(f.step, "C_Login");
        assert_int_equal(fake->logins, i);
        assert_true(t->pin.low);
        assert_int_equal(t->pin.last_try, i >= 2);
        assert_int_equal(t->pin.locked, i == 3);
    }
    /* Now it costs nothing to know. */
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_PIN_LOCKED);
    assert_int_equal(fake->logins, 3);
}

static void
no_pins_at_all(void **state)
{
    static const char *const pins[] = { NULL, "", "123", "123456789" };
    static char long_pin[CARD_PIN_MAX + 2];
    struct card_token *t = the_token();
    struct card_failure f;

    (void)state;
    for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
        assert_false(card_check_pin(cards, t, pins[i], &f));
        assert_int_equal(f.error, CARD_PIN_UNUSABLE);
    }
    /* A token that says nothing of its PINs' lengths. */
    fake->tokens[0].info.ulMaxPinLen = 0;
    t = the_token();
    memset(long_pin, '1', sizeof(long_pin) - 1);
    assert_false(card_check_pin(cards, t, long_pin, &f));
    assert_int_equal(f.error, CARD_PIN_UNUSABLE);
    assert_int_equal(fake->logins, 0);
    assert_false(card_check_pin(cards, t, "1", &f));
    assert_int_equal(f.error, CARD_PIN_WRONG);
}

static void
what_a_login_comes_to(void **state)
{
    static const struct {
        CK_RV code;
        enum card_error want;
    } cases[] = {
        { CKR_PIN_INCORRECT, CARD_PIN_WRONG },
        { CKR_PIN_LOCKED, CARD_PIN_LOCKED },
        { CKR_PIN_LEN_RANGE, CARD_PIN_UNUSABLE },
        { CKR_PIN_INVALID, CARD_PIN_UNUSABLE },
        { CKR_PIN_EXPIRED, CARD_PIN_EXPIRED },
        { CKR_USER_PIN_NOT_INITIALIZED, CARD_PIN_UNSET },
        { CKR_FUNCTION_CANCELED, CARD_CANCELLED },
        { CKR_FUNCTION_REJECTED, CARD_CANCELLED },
        { CKR_DEVICE_REMOVED, CARD_REMOVED },
        { CKR_TOKEN_NOT_PRESENT, CARD_REMOVED },
        { CKR_SESSION_HANDLE_INVALID, CARD_REMOVED },
        { CKR_HOST_MEMORY, CARD_MEMORY },
        { CKR_DEVICE_ERROR, CARD_MODULE },
        { CKR_USER_ALREADY_LOGGED_IN, CARD_MODULE },
        { CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CARD_MODULE },
        { 0x80000001, CARD_MODULE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct card_token *t = the_token();
        struct card_failure f;

        fake->fail = "C_Login";
        fake->fail_code = cases[i].code;
        assert_false(card_check_pin(cards, t, "123456", &f));
        if (f.error != cases[i].want)
            fail_msg("code %lx: %s", cases[i].code, card_error_name(f.error));
        assert_int_equal(f.code, cases[i].code);
        assert_int_equal(fake->logins, 1);
        again();
    }
}

static void
other_calls_that_fail(void **state)
{
    static const struct {
        const char *call;
        unsigned logins;
    } cases[] = {
        { "C_GetTokenInfo", 0 }, { "C_OpenSession", 0 }, { "C_FindObjectsInit", 1 },
        { "C_FindObjects", 1 }, { "C_FindObjectsFinal", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct card_token *t = the_token();
        struct card_failure f;

        fake->fail = cases[i].call;
        fake->fail_code = CKR_FUNCTION_FAILED;
        assert_false(card_check_pin(cards, t, "123456", &f));
        assert_int_equal(f.error, CARD_MODULE);
        assert_string_equal(f.step, cases[i].call);
        assert_int_equal(fake->logins, cases[i].logins);
        assert_false(fake->logged_in);
        again();
    }
}

static void
a_card_that_cannot_log_out(void **state)
{
    struct card_token *t = the_token();
    struct card_failure f;

    (void)state;
    fake->fail = "C_Logout";
    fake->fail_code = CKR_FUNCTION_FAILED;
    assert_true(card_check_pin(cards, t, "123456", &f));
    assert_false(fake->logged_in);
}

static void
another_card_gets_no_pin(void **state)
{
    struct card_token *t = the_token();
    struct card_failure f;

    (void)state;
    pad(fake->tokens[0].info.serialNumber, 16, "0002");
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_REMOVED);
    fake->tokens[0].absent = true;
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_REMOVED);
    again();
    /* Changed at the last moment at which a session can be had with it. */
    t = the_token();
    fake->pull_at = "C_OpenSession";
    fake->pull_from = 1;
    fake->swap = true;
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_REMOVED);
    assert_int_equal(fake->logins, 0);
}

static void
a_pin_pad(void **state)
{
    struct card_token *t;
    struct card_failure f;

    (void)state;
    fake->tokens[0].info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    t = the_token();
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_PIN_AT_READER);
    assert_int_equal(fake->logins, 0);
    assert_true(card_check_pin(cards, t, NULL, &f));
    assert_int_equal(fake->logins, 1);
    assert_null(fake->pin_seen);
    assert_int_equal(fake->pin_seen_len, 0);
}

static void
a_card_without_pin(void **state)
{
    struct card_token *t;
    struct card_failure f;
    struct proof proof;

    (void)state;
    fake->tokens[0].info.flags = CKF_TOKEN_INITIALIZED;
    fake->tokens[0].objects[1].hidden = false;
    t = the_token();
    assert_int_equal(t->certificates[0].key, CARD_KEY_THERE);
    assert_false(card_check_pin(cards, t, "123456", &f));
    assert_int_equal(f.error, CARD_NO_LOGIN);
    assert_true(card_sign(cards, t, t->certificates, NULL, challenge, &proof, &f));
    assert_int_equal(fake->logins, 0);
}

static void
a_signature(void **state)
{
    struct card_token *t = the_token();
    struct card_failure f;
    struct proof proof;

    (void)state;
    assert_true(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_int_equal(proof.len, 256);
    assert_true(proof_verify(alice, alice_len, challenge, &proof));
    assert_int_equal(fake->logins, 1);
    assert_int_equal(fake->context_logins, 0);
    assert_int_equal(fake->logouts, 1);
    assert_false(card_sign(cards, t, t->certificates, "999999", challenge, &proof, &f));
    assert_int_equal(f.error, CARD_PIN_WRONG);
    assert_int_equal(proof.len, 0);
    assert_true(t->pin.low);
    assert_int_equal(fake->signs, 1);
}

static void
a_key_that_wants_the_pin_each_time(void **state)
{
    struct card_token *t;
    struct card_failure f;
    struct proof proof;

    (void)state;
    fake->tokens[0].objects[1].always = true;
    t = the_token();
    assert_true(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_int_equal(fake->logins, 1);
    assert_int_equal(fake->context_logins, 1);
}

static void
a_key_on_a_curve(void **state)
{
    struct card_token *t;
    struct card_failure f;
    struct proof proof;

    (void)state;
    fake->tokens[0].objects[0].der = curve;
    fake->tokens[0].objects[0].der_len = curve_len;
    fake->tokens[0].objects[1].key = ec;
    t = the_token();
    assert_int_equal(t->certificates[0].unfit, CERTIFICATE_KEY_KIND);
    assert_true(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_true(proof_verify(curve, curve_len, challenge, &proof));
}

static void
signatures_that_are_none(void **state)
{
    static const CK_ULONG lies[] = { 1, 255, 1025, CK_UNAVAILABLE_INFORMATION };
    static const char *const calls[] = { "C_SignInit", "C_Sign" };
    struct card_token *t = the_token();
    struct card_failure f;
    struct proof proof;

    (void)state;
    fake->sign_with = other;
    assert_false(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_int_equal(f.error, CARD_FORGED);
    fake->sign_with = NULL;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        fake->say_signed = lies[i];
        assert_false(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
        assert_int_equal(f.error, CARD_FORGED);
        assert_int_equal(proof.len, 0);
    }
    fake->say_signed = 0;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        fake->fail = calls[i];
        fake->fail_code = CKR_DEVICE_REMOVED;
        assert_false(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
        assert_int_equal(f.error, CARD_REMOVED);
        assert_string_equal(f.step, calls[i]);
    }
    fake->fail = NULL;
    t->certificates[0].facts.key = CERTIFICATE_KEY_OTHER;
    assert_false(card_sign(cards, t, t->certificates, "123456", challenge, &proof, &f));
    assert_int_equal(f.error, CARD_KEY_KIND);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, card_setup, card_teardown)
    const struct CMUnitTest tests[] = {
        T(the_right_pin), T(the_key_is_missing), T(wrong_pins), T(no_pins_at_all), T(what_a_login_comes_to),
        T(other_calls_that_fail), T(a_card_that_cannot_log_out), T(another_card_gets_no_pin), T(a_pin_pad),
        T(a_card_without_pin), T(a_signature), T(a_key_that_wants_the_pin_each_time), T(a_key_on_a_curve),
        T(signatures_that_are_none),
    };

    return cmocka_run_group_tests_name("card_pin", tests, card_group_setup, card_group_teardown);
}
