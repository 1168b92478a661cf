/* daemon/card_look.c, card_reasons.c: what front is told of the cards that are there, and the log of those left out. */
#include <string.h>
#include <time.h>

#include "tests/unit/card_worker_fixture.h"

static void
a_card_is_told(void **state)
{
    (void)state;
    look();
    assert_int_equal(cards.unfit, ERR_OK);
    assert_int_equal(cards.n, 1);
    assert_string_equal(cards.cards[0].token, "Alice's card");
    assert_string_equal(cards.cards[0].name, "Alice");
    assert_string_equal(cards.cards[0].upn, "alice@corp.test");
    assert_string_equal(cards.cards[0].issuer, ROOT);
    assert_true(cards.cards[0].not_after > time(NULL));
    assert_false(cards.cards[0].pin_pad || cards.cards[0].pin_last_try || cards.cards[0].pin_locked);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(logged("left out"), 0);
    assert_int_equal(shared->logins, 0);
}

static void
what_the_token_says_of_its_pin_is_told(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "", "0002", &bob);
    fake->tokens[0].info.flags |= CKF_USER_PIN_FINAL_TRY | CKF_PROTECTED_AUTHENTICATION_PATH;
    fake->tokens[1].info.flags |= CKF_USER_PIN_LOCKED;
    look();
    assert_int_equal(cards.n, 2);
    assert_true(cards.cards[0].pin_pad && cards.cards[0].pin_last_try && !cards.cards[0].pin_locked);
    assert_true(cards.cards[1].pin_locked && !cards.cards[1].pin_last_try && !cards.cards[1].pin_pad);
    /* One without a label is called after who made it. */
    assert_string_equal(cards.cards[1].token, "Fake");
    assert_string_equal(cards.cards[1].name, "Bob");
}

static void
no_card(void)
{
    fake->n_tokens = 0;
}

static void
blank_card(void)
{
    fake->tokens[0].n_objects = 0;
}

static void
old_card(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &old);
}

static void
strange_card(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &strange);
}

/* What is nearest to a certificate for logon is what is told of. */
static void
old_and_no_certificate(void)
{
    old_card();
    fake->tokens[0].objects[2] = (struct fake_object){
        .class = CKO_CERTIFICATE, .id = "\x02", .der = (const uint8_t *)"none", .der_len = 4
    };
    fake->tokens[0].n_objects = 3;
}

static void
card_that_cannot_be_read(void)
{
    fake->fail = "C_GetTokenInfo";
    fake->fail_code = CKR_DEVICE_ERROR;
}

static void
why_there_is_none(void **state)
{
    static const struct {
        void (*describe)(void);
        enum err unfit;
        const char *logged; /* once, however often it is looked at */
    } cases[] = {
        { no_card, ERR_NO_CARD, NULL },
        { blank_card, ERR_CARD_UNFIT, NULL },
        { old_card, ERR_CARD_EXPIRED, "info: logon 7: card \"Alice's card\": the certificate \"Old Alice\" of " ROOT " is left out: "
                                      "it has expired" },
        { old_and_no_certificate, ERR_CARD_EXPIRED, "it is no certificate that can be read" },
        { strange_card, ERR_CARD_UNTRUSTED, "it does not lead to an authority that is trusted here" },
        { card_without_pin, ERR_CARD_UNFIT, "info: logon 7: card \"Alice's card\" is left out: it wants no PIN" },
        { card_that_cannot_be_read, ERR_CARD_FAILED, "fake_pkcs11.so slot 70 is left out" },
        { module_that_does_not_begin, ERR_CARD_FAILED, "warning: logon 7: PKCS#11: " TEST_FAKE_PKCS11 " is left out" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)worker_setup(state);
        cases[i].describe();
        look();
        look();
        if (cards.n != 0 || cards.unfit != cases[i].unfit || end_worker() != 0)
            fail_msg("case %zu: %u %s", i, cards.n, err_name(cards.unfit));
        if (cases[i].logged != NULL && logged(cases[i].logged) != 1)
            fail_msg("case %zu: logged %zu times", i, logged(cases[i].logged));
        if (cases[i].logged == NULL && logged("authsodd") != 0)
            fail_msg("case %zu: logged", i);
        (void)worker_teardown(state);
    }
}

static void
a_good_card_beside_bad_ones_is_told(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    card_without_pin();
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    look();
    assert_int_equal(cards.n, 1);
    assert_int_equal(cards.unfit, ERR_OK);
    assert_string_equal(cards.cards[0].token, "Bob's card");
}

static void
more_than_can_be_told_are_left_out(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    for (size_t i = 0; i < 2; i++) {
        static const char *const ids[FAKE_OBJECTS] = { "1", "2", "3", "4", "5", "6" };

        for (size_t n = 0; n < FAKE_OBJECTS; n++) {
            fake->tokens[i].objects[n] = fake->tokens[i].objects[0];
            fake->tokens[i].objects[n].id = ids[n];
        }
        fake->tokens[i].n_objects = FAKE_OBJECTS;
    }
    look();
    assert_int_equal(cards.n, IPC_CARDS_MAX);
    assert_int_equal(end_worker(), 0);
    assert_true(logged("there are more than 8") > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_card_is_told),
        TEST(what_the_token_says_of_its_pin_is_told),
        TEST(why_there_is_none),
        TEST(a_good_card_beside_bad_ones_is_told),
        TEST(more_than_can_be_told_are_left_out),
    };

    return cmocka_run_group_tests(tests, worker_group_setup, worker_group_teardown);
}
