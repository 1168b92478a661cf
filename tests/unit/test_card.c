/* lib/card/card.h against tests/unit/fake_pkcs11.c: what is there; and what a module may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/card_fixture.h"
#include "tests/unit/chain_fixture.h"

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

/* After everything else that may be wrong with a certificate. */
static void
issuers_are_judged_last(void **state)
{
    struct certificate_rules rules = strict;
    struct fake_token *t = &fake->tokens[0];
    static uint8_t der[BUILT_CERTIFICATE_MAX];
    const struct card_certificate *c;
    struct card_view *view;
    struct chain *chain;

    (void)state;
    assert_int_equal(chain_group_setup(NULL), 0);
    assert_int_equal(chain_setup(NULL), 0);
    put_certificate("anchors", &w.root);
    chain = open_chain(false);
    assert_non_null(chain);
    rules.chain = chain;
    rules.elliptic = true;
    t->objects[2] = (struct fake_object){ .class = CKO_CERTIFICATE, .id = "2", .der = der };
    t->objects[2].der_len = build_certificate(&w.user, der);
    t->objects[3] = (struct fake_object){ .class = CKO_CERTIFICATE, .id = "3", .der = bob, .der_len = bob_len };
    t->n_objects = 4;
    view = card_look(cards, mem, &rules);
    assert_non_null(view);
    c = view->tokens[0].certificates;
    assert_int_equal(c[0].unfit, CERTIFICATE_UNTRUSTED);
    assert_non_null(strstr(c[0].why, "CN=Alice Liddell,O=corp: "));
    assert_int_equal(c[1].unfit, CERTIFICATE_FIT);
    assert_string_equal(c[1].why, "");
    assert_int_equal(c[2].unfit, CERTIFICATE_NO_EKU);
    assert_string_equal(c[2].why, "");
    /* The rules' time, not the clock's. */
    w.root.not_after = BUILT_NOW - 1;
    put_away("anchors");
    put_certificate("anchors", &w.root);
    talloc_free(chain);
    chain = open_chain(false);
    rules.chain = chain;
    assert_int_equal(card_look(cards, mem, &rules)->tokens[0].certificates[1].unfit, CERTIFICATE_UNTRUSTED);
    rules.now = BUILT_NOW - 10;
    assert_int_equal(card_look(cards, mem, &rules)->tokens[0].certificates[1].unfit, CERTIFICATE_FIT);
    talloc_free(chain);
    assert_int_equal(chain_teardown(NULL), 0);
    assert_int_equal(chain_group_teardown(NULL), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, card_setup, card_teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_there), T(flags_of_a_token), T(several_certificates), T(cards_come_and_go),
        T(modules_that_do_not_load), T(calls_that_fail), T(numbers_that_are_lies), T(many_certificates_that_differ),
        T(too_long_a_certificate), T(pulled_while_we_look), T(issuers_are_judged_last),
    };

    return cmocka_run_group_tests_name("card", tests, card_group_setup, card_group_teardown);
}
