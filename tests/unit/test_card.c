/* lib/card/card.h against tests/unit/fake_pkcs11.c: what is there, the PIN, signatures; and what a module may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "lib/card/card.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/fake_pkcs11.h"

static const struct certificate_rules strict = { .now = BUILT_NOW, .logon_eku = true, .rsa_bits_min = 2048 };
static const uint8_t challenge[PROOF_CHALLENGE_BYTES] = { 1, 2, 3 };

static void *library;
static struct fake_pkcs11 *fake;
static EVP_PKEY *rsa, *other, *ec;
static uint8_t alice[BUILT_CERTIFICATE_MAX], bob[BUILT_CERTIFICATE_MAX], curve[BUILT_CERTIFICATE_MAX];
static size_t alice_len, bob_len, curve_len;
static TALLOC_CTX *mem;
static struct cards *cards;

static void
pad(unsigned char *field, size_t n, const char *text)
{
    memset(field, ' ', n);
    memcpy(field, text, strlen(text));
}

static void
describe(struct fake_token *t, const char *label, const char *serial)
{
    pad(t->info.label, sizeof(t->info.label), label);
    pad(t->info.manufacturerID, sizeof(t->info.manufacturerID), "Fake");
    pad(t->info.model, sizeof(t->info.model), "One");
    pad(t->info.serialNumber, sizeof(t->info.serialNumber), serial);
    t->info.flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    t->info.ulMinPinLen = 4;
    t->info.ulMaxPinLen = 8;
    t->pin = "123456";
    t->tries = 3;
}

static int
group_setup(void **state)
{
    struct certificate_spec spec;

    (void)state;
    /* Held, so that what we write stays when lib/card lets its own go. */
    library = dlopen(TEST_FAKE_PKCS11, RTLD_NOW);
    fake = library == NULL ? NULL : dlsym(library, "fake_pkcs11");
    rsa = build_rsa_key(2048);
    other = build_rsa_key(2048);
    ec = build_ec_key("P-256");
    spec = built_alice_certificate(rsa);
    alice_len = build_certificate(&spec, alice);
    spec = built_alice_certificate(ec);
    curve_len = build_certificate(&spec, curve);
    spec = built_alice_certificate(other);
    spec.name = "Bob";
    spec.alternative = BUILT_UPN("bob@corp.test");
    spec.extended = "clientAuth";
    bob_len = build_certificate(&spec, bob);
    return fake == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
    return dlclose(library);
}

/* One token, Alice's, with her certificate and a key that is seen by who knows the PIN. */
static int
setup(void **state)
{
    struct fake_token *t = &fake->tokens[0];

    (void)state;
    memset(fake, 0, sizeof(*fake));
    fake->n_tokens = 1;
    describe(t, "Alice's card", "0001");
    t->objects[0] = (struct fake_object){
        .class = CKO_CERTIFICATE, .id = "\x01", .label = "logon", .der = alice, .der_len = alice_len
    };
    t->objects[1] = (struct fake_object){ .class = CKO_PRIVATE_KEY, .id = "\x01", .key = rsa, .hidden = true };
    t->n_objects = 2;
    mem = talloc_new(NULL);
    cards = card_open(mem, TEST_FAKE_PKCS11);
    return cards == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
    (void)state;
    card_close(cards);
    talloc_free(mem);
    return fake->opened == fake->closed && !fake->logged_in ? 0 : -1;
}

static struct card_view *
look(void)
{
    struct card_view *view = card_look(cards, mem, &strict);

    assert_non_null(view);
    return view;
}

static struct card_token *
the_token(void)
{
    struct card_view *view = look();

    assert_int_equal(view->n_tokens, 1);
    return view->tokens;
}

/* Opened again: the module begins from the start, as each case of a table does. */
static void
again(void)
{
    card_close(cards);
    cards = NULL;
    talloc_free(mem);
    assert_int_equal(setup(NULL), 0);
}

static void
what_is_there(void **state)
{
    struct card_view *view = look();
    const struct card_token *t = view->tokens;
    const struct card_certificate *c;

    (void)state;
    assert_int_equal(view->n_left_out, 0);
    assert_int_equal(view->n_tokens, 1);
    assert_string_equal(t->module, TEST_FAKE_PKCS11);
    assert_int_equal(t->slot, 70);
    assert_string_equal(t->label, "Alice's card");
    assert_string_equal(t->manufacturer, "Fake");
    assert_string_equal(t->model, "One");
    assert_string_equal(t->serial, "0001");
    assert_true(t->login_required);
    assert_false(t->pin_pad || t->pin.low || t->pin.last_try || t->pin.locked || t->pin.to_change);
    assert_int_equal(t->pin_min, 4);
    assert_int_equal(t->pin_max, 8);
    assert_int_equal(t->n_certificates, 1);
    c = t->certificates;
    assert_int_equal(c->id_len, 1);
    assert_int_equal(c->id[0], 1);
    assert_string_equal(c->label, "logon");
    assert_int_equal(c->der_len, alice_len);
    assert_memory_equal(c->der, alice, alice_len);
    assert_string_equal(c->facts.upn, "alice@corp.test");
    assert_int_equal(c->unfit, CERTIFICATE_FIT);
    assert_int_equal(c->key, CARD_KEY_HIDDEN);
    assert_int_equal(fake->logins, 0);
}

static void
flags_of_a_token(void **state)
{
    struct fake_token *fake_token = &fake->tokens[0];
    const struct card_token *t;

    (void)state;
    fake_token->info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH | CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
                              CKF_USER_PIN_LOCKED | CKF_USER_PIN_TO_BE_CHANGED;
    t = the_token();
    assert_true(t->pin_pad && t->pin.low && t->pin.last_try && t->pin.locked && t->pin.to_change);
    fake_token->info.flags = CKF_TOKEN_INITIALIZED;
    fake_token->info.ulMaxPinLen = CK_UNAVAILABLE_INFORMATION;
    t = the_token();
    assert_false(t->login_required || t->pin_pad || t->pin.low || t->pin.last_try || t->pin.locked || t->pin.to_change);
    assert_int_equal(t->pin_max, 0);
    assert_int_equal(t->pin_min, 0);
    /* Who has nothing to hide has no key either. */
    assert_int_equal(t->certificates[0].key, CARD_KEY_MISSING);
    assert_int_equal(t->certificates[0].unfit, CERTIFICATE_NO_KEY);
    fake_token->info.flags = 0;
    assert_int_equal(look()->n_tokens, 0);
}

static void
several_certificates(void **state)
{
    struct fake_token *t = &fake->tokens[0];
    const struct card_certificate *c;

    (void)state;
    t->objects[1].hidden = false;
    t->objects[2] = (struct fake_object){ .class = CKO_CERTIFICATE, .id = "2", .der = bob, .der_len = bob_len };
    t->objects[3] = (struct fake_object){ .class = CKO_CERTIFICATE, .id = "", .der = alice, .der_len = alice_len };
    t->objects[4] = (struct fake_object){ .class = CKO_CERTIFICATE, .id = "4", .der = alice, .der_len = alice_len - 1 };
    t->objects[5] = (struct fake_object){ .class = CKO_CERTIFICATE, .label = "\xff \n", .der = NULL };
    t->n_objects = 6;
    fake->repeat = true;
    c = the_token()->certificates;
    assert_int_equal(c[0].unfit, CERTIFICATE_FIT);
    assert_int_equal(c[0].key, CARD_KEY_THERE);
    assert_int_equal(c[1].unfit, CERTIFICATE_NO_EKU);
    assert_string_equal(c[1].label, "");
    assert_int_equal(c[1].key, CARD_KEY_HIDDEN);
    /* Nothing says which key could be its own. */
    assert_int_equal(c[2].unfit, CERTIFICATE_NO_KEY);
    assert_int_equal(c[2].key, CARD_KEY_MISSING);
    assert_int_equal(c[3].unfit, CERTIFICATE_UNREADABLE);
    assert_int_equal(c[5].unfit, CERTIFICATE_UNREADABLE);
    assert_null(c[5].der);
    assert_string_equal(c[5].label, "? ?");
    assert_int_equal(the_token()->n_certificates, 7);
}

static void
cards_come_and_go(void **state)
{
    (void)state;
    describe(&fake->tokens[1], "Second", "0002");
    fake->n_tokens = 2;
    assert_int_equal(look()->n_tokens, 2);
    fake->tokens[0].absent = true;
    assert_string_equal(the_token()->label, "Second");
    fake->tokens[1].absent = true;
    assert_int_equal(look()->n_tokens, 0);
    fake->tokens[0].absent = false;
    assert_string_equal(the_token()->label, "Alice's card");
}

static void
modules_that_do_not_load(void **state)
{
    static const char *const paths[] = { "/nonexistent/module.so", "/etc/passwd", "relative.so", "" };
    struct card_view *view;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct cards *none = card_open(mem, paths[i]);

        assert_non_null(none);
        view = card_look(none, mem, &strict);
        assert_non_null(view);
        assert_int_equal(view->n_tokens, 0);
        assert_int_equal(view->n_left_out, 1);
        assert_string_equal(view->left_out[0].what, paths[i]);
        assert_true(strlen(view->left_out[0].why) > 0);
        card_close(none);
    }
    card_close(cards);
    fake->fail = "C_Initialize";
    fake->fail_code = CKR_DEVICE_ERROR;
    cards = card_open(mem, TEST_FAKE_PKCS11);
    view = look();
    assert_int_equal(view->n_tokens, 0);
    assert_int_equal(view->n_left_out, 1);
}

/* Every call that a look makes fails, the first time, later, for ever: there is less to see, and it says so. */
static void
calls_that_fail(void **state)
{
    static const char *const calls[] = { "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_FindObjectsInit",
                                         "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue" };
    static const CK_RV codes[] = { CKR_GENERAL_ERROR, CKR_DEVICE_REMOVED, CKR_HOST_MEMORY, 0x80001234,
                                   CK_UNAVAILABLE_INFORMATION };

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) * 5 * 4; i++) {
        struct card_view *view;

        fake->fail = calls[i / 20];
        fake->fail_code = codes[i / 4 % 5];
        fake->fail_from = (unsigned)(i % 4 + 1);
        view = look();
        if (view->n_tokens == 0)
            assert_int_equal(view->n_left_out, 1);
        for (size_t k = 0; k < view->n_tokens; k++)
            assert_true(view->tokens[k].n_certificates <= 1);
        again();
    }
    fake->fail = "C_GetAttributeValue";
    fake->fail_code = CKR_DEVICE_ERROR;
    assert_int_equal(the_token()->certificates[0].unfit, CERTIFICATE_UNREADABLE);
}

static void
numbers_that_are_lies(void **state)
{
    static const CK_ULONG lies[] = { 65, 1000, 0x7fffffff, 0xffffffff, 1UL << 63, CK_UNAVAILABLE_INFORMATION };
    struct card_view *view;

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        fake->say_slots = lies[i];
        view = look();
        assert_int_equal(view->n_tokens, 0);
        assert_int_equal(view->n_left_out, 1);
        assert_string_equal(view->left_out[0].why, "it has too many slots");
        fake->say_slots = 0;
        fake->say_found = lies[i];
        assert_int_equal(look()->n_tokens, 0);
        fake->say_found = 0;
    }
    for (size_t i = 2; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const struct card_certificate *c;

        fake->say_length = lies[i];
        c = the_token()->certificates;
        assert_int_equal(c->unfit, CERTIFICATE_UNREADABLE);
        assert_int_equal(c->id_len, 0);
        assert_int_equal(c->der_len, 0);
        assert_string_equal(c->label, "");
    }
    fake->say_length = 0;
    fake->say_longer = true;
    assert_int_equal(the_token()->certificates[0].unfit, CERTIFICATE_UNREADABLE);
    fake->say_longer = false;
    fake->endless = true;
    assert_int_equal(the_token()->n_certificates, 1);
}

static void
many_certificates_that_differ(void **state)
{
    static uint8_t broken[] = { 0x30 };

    (void)state;
    fake->tokens[0].objects[0].der = broken;
    fake->tokens[0].objects[0].der_len = sizeof(broken);
    fake->endless = true;
    assert_int_equal(the_token()->n_certificates, CARD_CERTIFICATES_MAX);
}

static void
too_long_a_certificate(void **state)
{
    static uint8_t big[CERTIFICATE_MAX + 1];

    (void)state;
    fake->tokens[0].objects[0].der = big;
    fake->tokens[0].objects[0].der_len = sizeof(big);
    assert_int_equal(the_token()->certificates[0].unfit, CERTIFICATE_UNREADABLE);
}

static void
pulled_while_we_look(void **state)
{
    static const char *const calls[] = { "C_GetTokenInfo", "C_OpenSession", "C_FindObjects", "C_GetAttributeValue" };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(calls) / sizeof(calls[0]); i++) {
        fake->pull_at = calls[i / 2];
        /* From the second C_GetTokenInfo on: the first one sees the card. */
        fake->pull_from = i < 2 ? 2 : 1;
        fake->swap = i % 2 != 0;
        assert_int_equal(look()->n_tokens, 0);
        again();
    }
}

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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_there), T(flags_of_a_token), T(several_certificates), T(cards_come_and_go),
        T(modules_that_do_not_load), T(calls_that_fail), T(numbers_that_are_lies), T(many_certificates_that_differ),
        T(too_long_a_certificate), T(pulled_while_we_look), T(the_right_pin), T(the_key_is_missing), T(wrong_pins),
        T(no_pins_at_all), T(what_a_login_comes_to), T(other_calls_that_fail), T(a_card_that_cannot_log_out),
        T(another_card_gets_no_pin), T(a_pin_pad), T(a_card_without_pin), T(a_signature),
        T(a_key_that_wants_the_pin_each_time), T(a_key_on_a_curve), T(signatures_that_are_none),
    };

    return cmocka_run_group_tests_name("card", tests, group_setup, group_teardown);
}
