/* daemon/watch.h with tests/unit/fake_pkcs11.c: when a card counts as removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/watch.h"
#include "tests/unit/card_fixture.h"

static struct watched w;
static bool unknown;

/* Alice's card is watched. */
static void
watch_her(void)
{
    struct card_token *t = the_token();

    memset(&w, 0, sizeof(w));
    memcpy(w.token, t->identity, sizeof(w.token));
}

/* One look: "" for nothing to tell, "away", "there"; unknown is set anew. */
static const char *
look_once(void)
{
    static struct card_glance g;
    struct ipc_card_is m;

    unknown = false;
    card_glance(cards, &g);
    if (!watch_judge(&w, cards, &g, &m, &unknown))
        return "";
    assert_memory_equal(m.token, w.token, sizeof(m.token));
    return m.there ? "there" : "away";
}

static void
a_card_is_removed_at_the_second_absence(void **state)
{
    (void)state;
    watch_her();
    for (int i = 0; i < 3; i++)
        assert_string_equal(look_once(), "");
    fake->tokens[0].absent = true;
    assert_string_equal(look_once(), "");
    assert_string_equal(look_once(), "away");
    /* That is told once, and told again when it is true again. */
    for (int i = 0; i < 5; i++)
        assert_string_equal(look_once(), "");
    fake->tokens[0].absent = false;
    assert_string_equal(look_once(), "there");
    assert_string_equal(look_once(), "");
    fake->tokens[0].absent = true;
    assert_string_equal(look_once(), "");
    assert_string_equal(look_once(), "away");
    assert_false(unknown);
}

static void
a_card_that_was_away_for_a_moment_is_there(void **state)
{
    (void)state;
    watch_her();
    for (int i = 0; i < 6; i++) {
        fake->tokens[0].absent = i % 2 == 1;
        assert_string_equal(look_once(), "");
    }
}

/* Also before it was ever seen: it was there for the logon. */
static void
a_card_that_was_pulled_before_the_first_look(void **state)
{
    (void)state;
    watch_her();
    fake->tokens[0].absent = true;
    assert_string_equal(look_once(), "");
    assert_string_equal(look_once(), "away");
}

static void
another_card_in_its_place_is_not_it(void **state)
{
    (void)state;
    watch_her();
    assert_string_equal(look_once(), "");
    describe(&fake->tokens[0], "Alice's card", "0002");
    assert_string_equal(look_once(), "");
    assert_string_equal(look_once(), "away");
    describe(&fake->tokens[0], "Alice's card", "0001");
    assert_string_equal(look_once(), "there");
}

/* In another reader it is the same. */
static void
a_card_that_moves_is_there(void **state)
{
    (void)state;
    watch_her();
    assert_string_equal(look_once(), "");
    fake->tokens[1] = fake->tokens[0];
    fake->n_tokens = 2;
    fake->tokens[0].absent = true;
    for (int i = 0; i < 3; i++)
        assert_string_equal(look_once(), "");
}

static void
who_fails_says_nothing(void **state)
{
    static const struct {
        const char *fail;
        CK_RV code;
        bool positive;
    } cases[] = {
        { "C_GetSlotList", CKR_DEVICE_ERROR, false },   { "C_GetSlotList", CKR_GENERAL_ERROR, false },
        { "C_GetTokenInfo", CKR_GENERAL_ERROR, false }, { "C_GetTokenInfo", CKR_DEVICE_ERROR, false },
        { "C_GetTokenInfo", CKR_HOST_MEMORY, false },   { "C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, true },
        { "C_GetTokenInfo", CKR_DEVICE_REMOVED, true }, { "C_GetTokenInfo", CKR_TOKEN_NOT_RECOGNIZED, true },
    };

    (void)state;
    for (size_t seen = 0; seen < 2; seen++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            fake->fail = NULL;
            watch_her();
            if (seen == 1)
                assert_string_equal(look_once(), "");
            fake->fail = cases[i].fail;
            fake->fail_code = cases[i].code;
            for (int n = 0; n < 5; n++) {
                const char *told = look_once();

                if (strcmp(told, n == 1 && cases[i].positive ? "away" : "") != 0 || unknown == cases[i].positive)
                    fail_msg("%s %lu, look %d: %s", cases[i].fail, cases[i].code, n, told);
            }
        }
    }
    fake->fail = NULL;
}

/* An absence, a failure and an absence are not two absences in a row. */
static void
a_failure_begins_the_count_anew(void **state)
{
    (void)state;
    watch_her();
    assert_string_equal(look_once(), "");
    for (int i = 0; i < 3; i++) {
        fake->tokens[0].absent = true;
        fake->fail = NULL;
        assert_string_equal(look_once(), "");
        fake->fail = "C_GetSlotList";
        fake->fail_code = CKR_DEVICE_ERROR;
        assert_string_equal(look_once(), "");
        assert_true(unknown);
    }
    fake->fail = NULL;
}

static void
too_many_slots_are_a_failure(void **state)
{
    (void)state;
    watch_her();
    assert_string_equal(look_once(), "");
    fake->tokens[0].absent = true;
    fake->say_slots = CARD_SLOTS_MAX + 1;
    for (int i = 0; i < 3; i++)
        assert_string_equal(look_once(), "");
    assert_true(unknown);
    fake->say_slots = 0;
}

/* A module that does not load any more is no absence. */
static void
a_module_that_is_gone_says_nothing(void **state)
{
    (void)state;
    watch_her();
    assert_string_equal(look_once(), "");
    card_close(cards);
    cards = card_open(mem, "/nonexistent.so");
    for (int i = 0; i < 3; i++)
        assert_string_equal(look_once(), "");
    assert_true(unknown);
    again();
    assert_string_equal(look_once(), "");
    assert_false(unknown);
}

static void
what_is_known_of_a_card_stays_with_it(void **state)
{
    static struct watched_cards all;
    static struct ipc_watch m;

    (void)state;
    m.n = 3;
    memset(m.cards[0].token, 1, IPC_TOKEN_BYTES);
    memset(m.cards[1].token, 2, IPC_TOKEN_BYTES);
    memset(m.cards[2].token, 1, IPC_TOKEN_BYTES);
    watch_set(&all, &m);
    assert_int_equal(all.n, 2);
    all.cards[1].absences = 1;
    memcpy(all.cards[1].module, "/m.so", 6);
    m.n = 1;
    memset(m.cards[0].token, 2, IPC_TOKEN_BYTES);
    m.cards[0].gone = true;
    watch_set(&all, &m);
    assert_int_equal(all.n, 1);
    assert_int_equal(all.cards[0].absences, 1);
    assert_string_equal(all.cards[0].module, "/m.so");
    assert_true(all.cards[0].gone);
    m.n = 0;
    watch_set(&all, &m);
    assert_int_equal(all.n, 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, card_setup, card_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_card_is_removed_at_the_second_absence), TEST(a_card_that_was_away_for_a_moment_is_there),
        TEST(a_card_that_was_pulled_before_the_first_look), TEST(another_card_in_its_place_is_not_it),
        TEST(a_card_that_moves_is_there), TEST(who_fails_says_nothing), TEST(a_failure_begins_the_count_anew),
        TEST(too_many_slots_are_a_failure), TEST(a_module_that_is_gone_says_nothing),
        TEST(what_is_known_of_a_card_stays_with_it),
    };

    return cmocka_run_group_tests(tests, card_group_setup, card_group_teardown);
}
