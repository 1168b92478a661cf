/* Several certificates: how they are told apart, which comes first, and what is a choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/card_stage.h"

#define WORKER 9

static int
asked_which(struct fixture *x, const char *user, const char *sid, int worker, const struct ipc_card *cards, uint32_t n,
            const char *choice)
{
    int module = stage_waits(x, user, sid, PROTO_CARD_DEFAULT);

    stage_see(x, worker, cards, n);
    stage_expect("which", module, choice, NULL);
    return module;
}

static void
several_are_told_apart(void **state)
{
    struct fixture *x = *state;
    struct ipc_card cards[IPC_CARDS_MAX];
    int worker, module;

    stage_config(x, "auto");
    for (uint8_t i = 0; i < IPC_CARDS_MAX; i++)
        cards[i] = stage_card(i);
    module = stage_alice_waits(x);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    /* 0 and 1 are twins but for the issuer, which 2 to 4 need not show. */
    (void)snprintf(cards[1].issuer, sizeof(cards[1].issuer), "Other CA");
    (void)snprintf(cards[2].token, sizeof(cards[2].token), "T2");
    (void)snprintf(cards[3].name, sizeof(cards[3].name), "Bob");
    cards[4].not_after += 86400;
    cards[5].not_after = INT64_MAX;
    cards[6].not_after = INT64_MIN;
    cards[6].issuer[0] = '\0';
    /* The longest of all: cut so that all is there. */
    memset(cards[7].name, 'n', sizeof(cards[7].name) - 1);
    memset(cards[7].token, 't', sizeof(cards[7].token) - 1);
    stage_see(x, worker, cards, IPC_CARDS_MAX);
    {
        char choice[1024];

        (void)snprintf(choice, sizeof(choice),
                       "CHOICE Alice (Token, Corp CA, 2027-05-02)|Alice (Token, Other CA, 2027-05-02)|"
                       "Alice (T2, 2027-05-02)|Bob (Token, 2027-05-02)|Alice (Token, 2027-05-03)|Alice (Token, Corp CA)|"
                       "Alice (Token)|%s (%s, 2027-05-02)",
                       cards[7].name, cards[7].token);
        stage_expect("which", module, choice, NULL);
    }
    stage_answer(x, module, "8");
    {
        char pin[128];

        (void)snprintf(pin, sizeof(pin), "ASK PIN %s", cards[7].token);
        stage_expect("the last", module, pin, NULL);
    }
    stage_clear(x, module);
    (void)close(worker);
}

/* Each value has room in the message, also of twins whose texts are the longest. */
static void
long_twins_are_cut(void **state)
{
    struct fixture *x = *state;
    struct ipc_card cards[2] = { stage_card(1), stage_card(2) };
    char choice[1024], name[65], token[65], issuer[97];
    int worker = -1, module;

    stage_config(x, "auto");
    for (size_t i = 0; i < 2; i++) {
        memset(cards[i].name, 'n', sizeof(cards[i].name) - 1);
        memset(cards[i].token, 't', sizeof(cards[i].token) - 1);
        memset(cards[i].issuer, i == 0 ? 'a' : 'b', sizeof(cards[i].issuer) - 1);
    }
    (void)snprintf(name, sizeof(name), "%.64s", cards[0].name);
    (void)snprintf(token, sizeof(token), "%s", cards[0].token);
    (void)snprintf(issuer, sizeof(issuer), "%.96s", cards[0].issuer);
    module = stage_alice_waits(x);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    stage_see(x, worker, cards, 2);
    (void)snprintf(choice, sizeof(choice), "CHOICE %s (%s, %s, 2027-05-02)|", name, token, issuer);
    (void)snprintf(issuer, sizeof(issuer), "%.96s", cards[1].issuer);
    (void)snprintf(choice + strlen(choice), sizeof(choice) - strlen(choice), "%s (%s, %s, 2027-05-02)", name, token, issuer);
    stage_expect("twins", module, choice, NULL);
    stage_clear(x, module);
    (void)close(worker);
}

static void
the_last_choice_comes_first(void **state)
{
    static const char first[] = "CHOICE A (Token, 2027-05-02)|B (Token, 2027-05-02)|C (Token, 2027-05-02)";
    static const char third[] = "CHOICE C (Token, 2027-05-02)|A (Token, 2027-05-02)|B (Token, 2027-05-02)";
    struct fixture *x = *state;
    struct ipc_card cards[3] = { stage_card(1), stage_card(2), stage_card(3) };
    struct ipc_job job;
    int worker, module, fd;

    stage_config(x, "auto");
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(cards[i].name, sizeof(cards[i].name), "%c", (int)('A' + i));
    worker = stage_worker(x, ROLE_CARD, WORKER);
    module = asked_which(x, "alice", ALICE_SID, worker, cards, 3, first);
    stage_answer(x, module, "3");
    stage_expect("the PIN", module, "ASK PIN Token", NULL);
    stage_answer(x, module, "4711");
    /* It is that certificate that the worker gets. */
    assert_true(stage_job(worker, &job, &fd));
    (void)close(fd);
    assert_memory_equal(&job.card, &cards[2].key, sizeof(job.card));
    stage_result(x, worker, WORKER, &(struct ipc_result){ .job = job.job, .err = ERR_PIN_WRONG }, NULL);
    (void)stage_hear(module);
    stage_clear(x, module);
    module = asked_which(x, "alice", ALICE_SID, worker, cards, 3, third);
    /* And the place is that in the list as it was shown. */
    stage_answer(x, module, "1");
    assert_memory_equal(&x->f->conversations->card->key, &cards[2].key, sizeof(cards[2].key));
    stage_clear(x, module);
    /* It is hers alone, and that of nobody whom no name was given for. */
    stage_clear(x, asked_which(x, "bob", BOB_SID, worker, cards, 3, first));
    module = asked_which(x, "", NULL, worker, cards, 3, first);
    stage_answer(x, module, "3");
    assert_string_equal(stage_who(x), "alice@corp.test");
    stage_is(x, NULL, NULL);
    stage_clear(x, module);
    stage_clear(x, asked_which(x, "", NULL, worker, cards, 3, third));
    stage_clear(x, asked_which(x, "bob", BOB_SID, worker, cards, 3, first));
    /* An unprivileged program chooses for its own user, whether it names him or not. */
    peer_uid = stage_id(ALICE_SID);
    module = asked_which(x, "", NULL, worker, cards, 3, third);
    stage_answer(x, module, "3");
    assert_string_equal(stage_who(x), "alice@corp.test");
    stage_is(x, NULL, NULL);
    stage_clear(x, module);
    peer_uid = 0;
    stage_clear(x, asked_which(x, "", NULL, worker, cards, 3, third));
    (void)close(worker);
}

/* A choice says whose card comes first, and not whose it is: else he who may not try a PIN would choose, and then might. */
static void
what_was_chosen_is_nobody_s_until_he_logs_on(void **state)
{
    struct fixture *x = *state;
    struct ipc_card cards[2] = { stage_card(1), stage_card(2) };
    int worker, module;

    stage_config(x, "auto");
    cards[1].name[0] = 'B';
    worker = stage_worker(x, ROLE_CARD, WORKER);
    for (int by_root = 0; by_root <= 1; by_root++) {
        const char *user = by_root ? "bob" : "";

        /* alice's card is chosen by bob's program without a name, or for him where he logs on. */
        peer_uid = by_root ? 0 : stage_id(BOB_SID);
        module = asked_which(x, user, by_root ? BOB_SID : NULL, worker, cards, 2,
                             by_root ? "CHOICE Blice (Token, 2027-05-02)|Alice (Token, 2027-05-02)"
                                     : "CHOICE Alice (Token, 2027-05-02)|Blice (Token, 2027-05-02)");
        stage_answer(x, module, by_root ? "1" : "2");
        if (!by_root) {
            assert_string_equal(stage_who(x), "alice@corp.test");
            stage_is(x, "alice", ALICE_SID);
        }
        stage_clear(x, module);
        peer_uid = stage_id(BOB_SID);
        module = stage_waits(x, "bob", BOB_SID, PROTO_CARD_DEFAULT);
        stage_see(x, worker, &cards[1], 1);
        assert_string_equal(stage_who(x), "alice@corp.test");
        stage_is(x, "alice", ALICE_SID);
        stage_expect("not his", module, "ASK PASSWORD", NULL);
        stage_clear(x, module);
    }
    (void)close(worker);
}

/* A certificate of that hash, as directory tells it of somebody. */
static struct ipc_last_card
last_card(uint32_t uid, uint8_t n)
{
    struct ipc_last_card c = { .uid = uid };

    memset(c.hash, n, sizeof(c.hash));
    return c;
}

/* In the list that user is asked from, "" for nobody, of the cards A, B and C. */
static char
comes_first(struct fixture *x, int worker, const char *user, const char *sid)
{
    struct ipc_card cards[3] = { stage_card(1), stage_card(2), stage_card(3) };
    int module = stage_waits(x, user, sid, PROTO_CARD_DEFAULT);
    char first;

    for (size_t i = 0; i < 3; i++)
        cards[i].name[0] = (char)('A' + (int)i);
    stage_see(x, worker, cards, 3);
    first = stage_hear(module)[strlen("CHOICE ")];
    stage_clear(x, module);
    return first;
}

/* user, "" for nobody, who is alice, chooses B of A and B and logs on with it. */
static void
alice_uses_b(struct fixture *x, int worker, const char *user)
{
    struct ipc_card cards[2] = { stage_card(1), stage_card(2) };
    struct ipc_result r = { .err = ERR_OK };
    int module = stage_waits(x, user, user[0] != '\0' ? ALICE_SID : NULL, PROTO_CARD_DEFAULT), fd;
    struct ipc_job job;

    cards[1].name[0] = 'B';
    stage_see(x, worker, cards, 2);
    stage_answer(x, module, stage_hear(module)[strlen("CHOICE ")] == 'B' ? "1" : "2");
    if (user[0] == '\0') {
        assert_string_equal(stage_who(x), "alice@corp.test");
        stage_is(x, "alice", ALICE_SID);
    }
    stage_expect("the PIN", module, "ASK PIN Token", NULL);
    stage_answer(x, module, "4711");
    assert_true(stage_job(worker, &job, &fd));
    (void)close(fd);
    r.job = job.job;
    stage_result(x, worker, WORKER, &r, ALICE_SID);
    assert_true(stage_learned(x));
    stage_clear(x, module);
}

static void
assert_kept(struct fixture *x, uint32_t uid, uint8_t n)
{
    struct ipc_last_card kept, wanted = last_card(uid, n);

    assert_true(stage_kept(x, &kept));
    assert_memory_equal(&kept, &wanted, sizeof(kept));
}

/* What led to a logon is for directory to keep; a choice alone is not. */
static void
a_logon_is_kept(void **state)
{
    struct fixture *x = *state;
    struct ipc_card card = stage_card(1);
    struct ipc_last_card kept;
    int worker;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    alice_uses_b(x, worker, "alice");
    assert_kept(x, stage_id(ALICE_SID), 2);
    assert_false(stage_kept(x, &kept));
    assert_int_equal(comes_first(x, worker, "alice", ALICE_SID), 'B');
    assert_false(stage_kept(x, &kept));
    /* Without a name it was nobody's choice in particular, too. */
    alice_uses_b(x, worker, "");
    assert_kept(x, stage_id(ALICE_SID), 2);
    assert_kept(x, IPC_ANYBODY, 2);
    assert_false(stage_kept(x, &kept));
    /* And nobody waits for a directory that is gone. */
    front_unwatch(x->f, &x->f->directory);
    front_card_used(x->f, &(struct conversation){ .card = &card, .who.uid = 5000 });
    (void)close(worker);
}

static void
what_directory_has_kept_orders_the_list(void **state)
{
    const struct ipc_last_card told[] = { last_card(IPC_ANYBODY, 3), last_card(stage_id(ALICE_SID), 3),
                                          last_card(stage_id(BOB_SID), 2), last_card(stage_id(BOB_SID), 3) };
    struct fixture *x = *state;
    struct ipc_last_card many[IPC_LAST_CARDS_MAX];
    struct ipc_card card = stage_card(1);
    int worker;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    /* It comes when we have learned something ourselves, which is newer. */
    alice_uses_b(x, worker, "alice");
    stage_tell_last(x, told, 4);
    assert_int_equal(comes_first(x, worker, "alice", ALICE_SID), 'B');
    assert_int_equal(comes_first(x, worker, "bob", BOB_SID), 'B');
    assert_int_equal(comes_first(x, worker, "", NULL), 'C');
    /* A directory that is started again has nothing to say that is newer, and takes nobody's place. */
    for (uint32_t i = 0; i < IPC_LAST_CARDS_MAX; i++)
        many[i] = last_card(i == 0 ? stage_id(ALICE_SID) : i == 1 ? IPC_ANYBODY : 300000 + i, 1);
    (void)close(introduce(x, ROLE_DIRECTORY));
    (void)turn(x);
    stage_tell_last(x, many, IPC_LAST_CARDS_MAX);
    assert_int_equal(comes_first(x, worker, "alice", ALICE_SID), 'B');
    assert_int_equal(comes_first(x, worker, "bob", BOB_SID), 'B');
    assert_int_equal(comes_first(x, worker, "", NULL), 'C');
    /* There is no place left, and what is used now takes that of one who was told of. */
    alice_uses_b(x, worker, "");
    assert_int_equal(comes_first(x, worker, "", NULL), 'B');
    front_card_used(x->f, &(struct conversation){ .card = &card, .who.uid = 5000 });
    assert_int_equal(comes_first(x, worker, "alice", ALICE_SID), 'B');
    (void)close(worker);
}

/* Who could lie about it would have PINs tried on cards of others. */
static void
what_directory_has_kept_is_no_logon(void **state)
{
    const struct ipc_last_card told = last_card(stage_id(ALICE_SID), 2);
    struct ipc_card card = stage_card(2);
    struct fixture *x = *state;
    int worker, module;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    stage_tell_last(x, &told, 1);
    card.upn[0] = '\0';
    for (int used = 0; used <= 1; used++) {
        peer_uid = stage_id(ALICE_SID);
        module = stage_alice_waits(x);
        stage_see(x, worker, &card, 1);
        stage_expect("her screen locker", module, used ? "ASK PIN Token" : "ASK PASSWORD", NULL);
        stage_clear(x, module);
        peer_uid = 0;
        if (!used)
            alice_uses_b(x, worker, "alice");
    }
    (void)close(worker);
}

/* Ids that mean other people: the card that was alice's may be anybody's. */
static void
other_ids_are_other_people(void **state)
{
    static const struct {
        const char *domain, *identity;
        bool same;
    } cases[] = {
        { "corp.test", "", true },
        { "corp.test", "[identity]\nrange_lower = 1000000\n", false },
        { "corp.test", "[identity]\nrange_upper = 1000000000\n", false },
        { "corp.test", "[identity]\nrange_size = 100000\n", false },
        { "other.test", "", false },
    };
    struct fixture *x = *state;
    struct ipc_card card = stage_card(1);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct conversation c = { .card = &card, .who.uid = 300000 };
        char text[256];

        (void)snprintf(text, sizeof(text), "[domain]\nname = %s\n%s", cases[i].domain, cases[i].identity);
        stage_config(x, "auto");
        front_card_used(x->f, &c);
        assert_int_equal(x->f->used_cards[0].uid, 300000);
        assert_int_equal(x->f->last_cards[0].uid, 300000);
        x->f->conversations = &c;
        reload(x, text);
        assert_string_equal(x->f->config->name, cases[i].domain);
        x->f->conversations = NULL;
        assert_int_equal(x->f->used_cards[0].at != 0, cases[i].same);
        assert_int_equal(x->f->last_cards[0].at != 0, cases[i].same);
        /* Who is on his way has the id that he had. */
        front_card_used(x->f, &c);
        assert_int_equal(x->f->used_cards[0].at != 0, cases[i].same);
        assert_int_equal(x->f->last_cards[0].at != 0, cases[i].same);
        front_card_forget(x->f);
    }
}

static void
a_directory_that_tells_nonsense_is_ended(void **state)
{
    struct fixture *x = *state;
    const struct ipc_last_card told = last_card(999, 1);
    uint32_t role;

    stage_tell_last(x, &told, 1);
    assert_int_equal(x->f->directory.fd, -1);
    assert_true(told_keeper(x, IPC_END_ROLE, &role));
    assert_int_equal(role, ROLE_DIRECTORY);
}

static void
only_a_place_in_the_list_is_a_choice(void **state)
{
    static const char *const answers[] = { "0", "3", "01", "1 ", "", "x", "-1", "4294967297", "18446744073709551617", NULL };
    static char huge[PROTO_SECRET_MAX + 1];
    struct fixture *x = *state;
    struct ipc_card cards[2] = { stage_card(1), stage_card(2) };
    int worker = -1;

    stage_config(x, "auto");
    cards[1].name[0] = 'B';
    memset(huge, '1', sizeof(huge) - 1);
    for (size_t i = 0; i <= sizeof(answers) / sizeof(answers[0]); i++) {
        int module = stage_alice_waits(x);

        worker = i == 0 ? stage_worker(x, ROLE_CARD, WORKER) : worker;
        stage_see(x, worker, cards, 2);
        stage_expect("which", module, "CHOICE Alice (Token, 2027-05-02)|Blice (Token, 2027-05-02)", NULL);
        stage_answer(x, module, i < sizeof(answers) / sizeof(answers[0]) ? answers[i] : huge);
        stage_expect("no choice", module, "DONE CANCELLED", NULL);
        stage_clear(x, module);
    }
    /* And a packet that is none. */
    {
        int module = stage_alice_waits(x);

        stage_see(x, worker, cards, 2);
        (void)stage_hear(module);
        assert_int_equal(send(module, "\1\21\1\0\0", 5, MSG_NOSIGNAL), 5);
        (void)turn(x);
        stage_expect("no choice", module, "DONE CANCELLED", NULL);
        stage_clear(x, module);
    }
    (void)close(worker);
}

/* Who is asked when we are to end is told so, at each question. */
static void
nobody_is_asked_while_we_end(void **state)
{
    struct fixture *x = *state;
    struct ipc_card cards[2] = { stage_card(1), stage_card(2) };
    int worker = -1;

    stage_config(x, "auto");
    for (unsigned i = 0; i < 4; i++) {
        int module = stage_alice_waits(x);

        worker = i == 0 ? stage_worker(x, ROLE_CARD, WORKER) : worker;
        cards[0].pin_pad = i == 2;
        x->f->stopping = true;
        if (i < 3)
            stage_see(x, worker, cards, i == 0 ? 2 : 1);
        else
            stage_no_cards(x, worker, ERR_NO_CARD);
        stage_expect("the end", module, "DONE NO_SERVICE", NULL);
        x->f->stopping = false;
        stage_clear(x, module);
    }
    {
        int module = stage_alice_waits(x);

        stage_see(x, worker, cards, 2);
        (void)stage_hear(module);
        front_pam_stop(x->f);
        stage_expect("a choice that stands", module, "DONE NO_SERVICE", NULL);
        stage_clear(x, module);
    }
    (void)close(worker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(several_are_told_apart),
        FRONT_TEST(long_twins_are_cut),
        FRONT_TEST(the_last_choice_comes_first),
        FRONT_TEST(what_was_chosen_is_nobody_s_until_he_logs_on),
        FRONT_TEST(a_logon_is_kept),
        FRONT_TEST(what_directory_has_kept_orders_the_list),
        FRONT_TEST(what_directory_has_kept_is_no_logon),
        FRONT_TEST(other_ids_are_other_people),
        FRONT_TEST(a_directory_that_tells_nonsense_is_ended),
        FRONT_TEST(only_a_place_in_the_list_is_a_choice),
        FRONT_TEST(nobody_is_asked_while_we_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
