/* Logons with a smart card: what is asked, of whom, and what a card leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/card_stage.h"

#define WORKER 9

static void
see_one(struct fixture *x, int worker)
{
    struct ipc_card card = stage_card(1);

    stage_see(x, worker, &card, 1);
}

static void
cards_are_used_where_they_may_be(void **state)
{
    static const struct {
        const char *smartcard, *user, *rhost;
        enum proto_card card;
        const char *first; /* word for the module */
        enum proto_operation operation;
    } cases[] = {
        { "auto", "alice", "", PROTO_CARD_DEFAULT, "WAIT", PROTO_AUTHENTICATE },
        { "require", "alice", "", PROTO_CARD_DEFAULT, "WAIT", PROTO_AUTHENTICATE },
        { "off", "alice", "", PROTO_CARD_DEFAULT, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "off", "alice", "", PROTO_CARD_TRY, "WAIT", PROTO_AUTHENTICATE },
        { "off", "alice", "", PROTO_CARD_REQUIRE, "WAIT", PROTO_AUTHENTICATE },
        { "off", "alice", "", PROTO_CARD_ONLY, "WAIT", PROTO_AUTHENTICATE },
        { "auto", "alice", "", PROTO_CARD_NEVER, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "require", "alice", "", PROTO_CARD_NEVER, "DONE CARD_UNASKED", PROTO_AUTHENTICATE },
        { "require", "alice", "10.0.0.9", PROTO_CARD_NEVER, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "require", "alice", "10.0.0.9", PROTO_CARD_DEFAULT, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "auto", "alice", "10.0.0.9", PROTO_CARD_TRY, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "auto", "alice", "10.0.0.9", PROTO_CARD_REQUIRE, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { "auto", "", "10.0.0.9", PROTO_CARD_REQUIRE, "DONE DENIED", PROTO_AUTHENTICATE },
        { "auto", "alice", "10.0.0.9", PROTO_CARD_ONLY, "DONE NOT_OURS", PROTO_AUTHENTICATE },
        { "require", "alice", "", PROTO_CARD_DEFAULT, "DONE NO_CHANGE", PROTO_CHANGE_PASSWORD },
        { "auto", "alice", "10.0.0.9 (he says)", PROTO_CARD_DEFAULT, "WAIT", PROTO_AUTHENTICATE },
        { "auto", "", "", PROTO_CARD_DEFAULT, "WAIT", PROTO_AUTHENTICATE },
        { "off", "", "", PROTO_CARD_DEFAULT, "DONE NOT_OURS", PROTO_AUTHENTICATE },
        { "auto", "", "", PROTO_CARD_NEVER, "DONE NOT_OURS", PROTO_AUTHENTICATE },
        { "auto", "", "10.0.0.9", PROTO_CARD_DEFAULT, "DONE NOT_OURS", PROTO_AUTHENTICATE },
        { "require", "", "", PROTO_CARD_DEFAULT, "DONE NOT_OURS", PROTO_ACCOUNT },
        { NULL, "alice", "", PROTO_CARD_DEFAULT, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { NULL, "alice", "", PROTO_CARD_TRY, "ASK PASSWORD", PROTO_AUTHENTICATE },
        { NULL, "alice", "", PROTO_CARD_REQUIRE, "DONE CARD_NOT_SET_UP", PROTO_AUTHENTICATE },
        { NULL, "alice", "", PROTO_CARD_ONLY, "DONE NOT_OURS", PROTO_AUTHENTICATE },
        { NULL, "", "", PROTO_CARD_DEFAULT, "DONE NOT_OURS", PROTO_AUTHENTICATE },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proto_begin b = { .operation = cases[i].operation, .card = cases[i].card };
        char what[32];
        int module;

        (void)snprintf(what, sizeof(what), "case %zu", i);
        (void)snprintf(b.user, sizeof(b.user), "%s", cases[i].user);
        (void)snprintf(b.rhost, sizeof(b.rhost), "%s", cases[i].rhost);
        if (cases[i].smartcard != NULL)
            stage_config(x, cases[i].smartcard);
        else /* no authority that a certificate must lead to */
            reload(x, "[domain]\nname = corp.test\n");
        /* An unprivileged program is at this computer. */
        peer_uid = strchr(b.rhost, '(') != NULL ? stage_id(ALICE_SID) : 0;
        module = stage_begin_as(x, &b);
        assert_string_equal(stage_who(x), cases[i].user);
        if (cases[i].user[0] != '\0')
            stage_is(x, "alice", ALICE_SID);
        stage_expect(what, module, cases[i].first, NULL);
        /* Who looks is ended with the look, which nobody has taken. */
        (void)close(module);
        (void)turn(x);
        waited_ms += FRONT_LOOK_MS;
        tick(x);
        assert_null(x->f->conversations);
    }
}

/* Nothing is looked for before somebody is known to be ours. */
static void
nobody_looks_for_strangers(void **state)
{
    struct fixture *x = *state;
    int module;

    stage_config(x, "require");
    (void)stage_spawns(x, ROLE_CARD);
    module = stage_begin(x, "mallory", PROTO_CARD_REQUIRE);
    assert_string_equal(stage_who(x), "mallory");
    stage_is(x, NULL, NULL);
    stage_expect("a stranger", module, "DONE NOT_OURS", NULL);
    assert_int_equal(stage_spawns(x, ROLE_CARD), 0);
    stage_clear(x, module);
}

/* Whoever is far away learns by a password that he is refused, and that one is given to nobody. */
static void
no_password_stands_in_for_a_card_that_is_needed(void **state)
{
    const struct proto_begin far = { .operation = PROTO_AUTHENTICATE, .card = PROTO_CARD_REQUIRE, .user = "alice",
                                     .service = "sshd", .rhost = "10.0.0.9" };
    struct fixture *x = *state;
    int module, worker;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_LOGON, WORKER);
    module = stage_begin_as(x, &far);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("far away", module, "ASK PASSWORD", NULL);
    stage_answer(x, module, "right");
    stage_expect("far away", module, "DONE DENIED", NULL);
    assert_int_equal(recv(worker, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
    stage_clear(x, module);
    (void)close(worker);
    (void)turn(x);
}

/* Wrong PINs end a card, and who runs a program here need not have put it in. */
static void
an_unprivileged_program_tries_its_own_user_s_card_alone(void **state)
{
    static const struct {
        const char *smartcard, *upn, *is, *sid, *then;
    } cases[] = {
        { "auto", "alice@corp.test", "alice", ALICE_SID, "ASK PASSWORD" },
        { "require", "alice@corp.test", "alice", ALICE_SID, "DONE CARD_NOT_YOURS" },
        { "auto", "nobody@corp.test", NULL, NULL, "ASK PASSWORD" },
        { "require", "nobody@corp.test", NULL, NULL, "DONE CARD_UNKNOWN" },
        { "auto", "", NULL, NULL, "ASK PASSWORD" },
        { "auto", "bob@corp.test", "bob", BOB_SID, "ASK PIN Token" },
    };
    struct fixture *x = *state;

    peer_uid = stage_id(BOB_SID);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_card card = stage_card(1);
        int worker, module;

        stage_config(x, cases[i].smartcard);
        worker = stage_worker(x, ROLE_CARD, WORKER);
        module = stage_waits(x, "bob", BOB_SID, PROTO_CARD_DEFAULT);
        (void)snprintf(card.upn, sizeof(card.upn), "%s", cases[i].upn);
        stage_see(x, worker, &card, 1);
        if (cases[i].upn[0] != '\0') {
            assert_string_equal(stage_who(x), cases[i].upn);
            stage_is(x, cases[i].is, cases[i].sid);
        }
        stage_expect(cases[i].upn, module, cases[i].then, NULL);
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
    peer_uid = 0;
}

/* Whose the card is cannot be asked: that keeps nobody out of his own session whose password will do. */
static void
a_card_that_nobody_can_be_asked_about_is_none(void **state)
{
    static const struct {
        const char *what, *smartcard, *user, *then;
        bool gone; /* and the person, too */
    } cases[] = {
        { "later", "auto", "bob", "ASK PASSWORD", false },
        { "later", "require", "bob", "DONE NO_KDC", false },
        { "later", "auto", "", "DONE NO_KDC", false },
        { "later", "auto", "bob", "END", true },
        { "no answer", "auto", "bob", "ASK PASSWORD", false },
        { "no answer", "require", "bob", "DONE TIMEOUT", false },
        { "no answer", "auto", "", "DONE TIMEOUT", false },
        { "no answer", "auto", "bob", "END", true },
        { "directory gone", "auto", "bob", "ASK PASSWORD", false },
        { "directory gone", "require", "bob", "DONE INTERNAL", false },
        { "directory gone", "auto", "", "DONE INTERNAL", false },
        { "directory gone", "auto", "bob", "END", true },
        { "without directory", "auto", "bob", "ASK PASSWORD", false },
        { "without directory", "require", "bob", "DONE INTERNAL", false },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const bool named = cases[i].user[0] != '\0';
        int worker, module;

        peer_uid = stage_id(BOB_SID);
        stage_config(x, cases[i].smartcard);
        worker = stage_worker(x, ROLE_CARD, WORKER);
        module = stage_waits(x, cases[i].user, named ? BOB_SID : NULL, PROTO_CARD_DEFAULT);
        if (cases[i].what[0] == 'w') {
            (void)close(x->directory);
            (void)turn(x);
        }
        see_one(x, worker);
        if (cases[i].what[0] != 'w')
            assert_string_equal(stage_who(x), "alice@corp.test");
        if (cases[i].gone) {
            (void)close(module);
            (void)turn(x);
        }
        if (cases[i].what[0] == 'l') {
            stage_is_later(x);
        } else if (cases[i].what[0] == 'n') {
            waited_ms += FRONT_WAIT_MS + 1;
            tick(x);
        } else {
            int before = introduce(x, ROLE_DIRECTORY);

            (void)turn(x);
            if (cases[i].what[0] == 'd')
                (void)close(before);
        }
        if (!cases[i].gone) {
            stage_expect(cases[i].what, module, cases[i].then, NULL);
            (void)close(module);
            (void)turn(x);
        }
        assert_null(x->f->conversations);
        (void)close(worker);
        (void)turn(x);
    }
    peer_uid = 0;
}

static void
without_a_card_it_depends_on_whether_one_is_needed(void **state)
{
    static const struct {
        const char *smartcard, *user;
        enum proto_card card;
        enum err unfit;
        const char *next;
    } cases[] = {
        { "auto", "alice", PROTO_CARD_DEFAULT, ERR_NO_CARD, "ASK PASSWORD" },
        { "auto", "alice", PROTO_CARD_DEFAULT, ERR_CARD_EXPIRED, "ASK PASSWORD" },
        { "auto", "alice", PROTO_CARD_TRY, ERR_NO_CARD, "ASK PASSWORD" },
        { "require", "alice", PROTO_CARD_TRY, ERR_NO_CARD, "ASK PASSWORD" },
        { "require", "alice", PROTO_CARD_DEFAULT, ERR_NO_CARD, "DONE NO_CARD" },
        { "require", "alice", PROTO_CARD_DEFAULT, ERR_CARD_REVOKED, "DONE CARD_REVOKED" },
        { "auto", "alice", PROTO_CARD_REQUIRE, ERR_NO_CARD, "DONE NO_CARD" },
        { "auto", "alice", PROTO_CARD_REQUIRE, ERR_CARD_FAILED, "DONE CARD_FAILED" },
        { "auto", "alice", PROTO_CARD_REQUIRE, ERR_CARD_UNFIT, "DONE CARD_UNFIT" },
        { "auto", "alice", PROTO_CARD_REQUIRE, ERR_CARD_UNTRUSTED, "DONE CARD_UNTRUSTED" },
        { "auto", "alice", PROTO_CARD_ONLY, ERR_NO_CARD, "DONE NOT_OURS" },
        { "auto", "alice", PROTO_CARD_ONLY, ERR_CARD_EXPIRED, "DONE CARD_EXPIRED" },
        { "auto", "", PROTO_CARD_DEFAULT, ERR_NO_CARD, "DONE NOT_OURS" },
        { "auto", "", PROTO_CARD_TRY, ERR_CARD_EXPIRED, "DONE NOT_OURS" },
        { "require", "", PROTO_CARD_DEFAULT, ERR_NO_CARD, "DONE NO_CARD" },
        { "auto", "", PROTO_CARD_REQUIRE, ERR_NO_CARD, "DONE NO_CARD" },
        { "auto", "", PROTO_CARD_ONLY, ERR_NO_CARD, "DONE NOT_OURS" },
        { "auto", "", PROTO_CARD_ONLY, ERR_CARD_UNTRUSTED, "DONE CARD_UNTRUSTED" },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char what[32];
        int module, worker;

        (void)snprintf(what, sizeof(what), "case %zu", i);
        stage_config(x, cases[i].smartcard);
        module = stage_waits(x, cases[i].user, cases[i].user[0] != '\0' ? ALICE_SID : NULL, cases[i].card);
        worker = stage_worker(x, ROLE_CARD, WORKER);
        stage_no_cards(x, worker, cases[i].unfit);
        stage_expect(what, module, cases[i].next, NULL);
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
}

/* What the worker is given: the user and the certificate that were agreed on. Gives the job. */
static uint32_t
takes_job(int worker, bool pin_pad, int *fd_out)
{
    struct ipc_card card = stage_card(1);
    struct ipc_job job;

    assert_true(stage_job(worker, &job, fd_out));
    assert_true(job.with_card && !job.no_kdc);
    assert_int_equal(job.pin_pad, pin_pad);
    assert_int_equal(*fd_out >= 0, !pin_pad);
    assert_string_equal(job.principal, "alice");
    assert_memory_equal(&job.card, &card.key, sizeof(card.key));
    return job.job;
}

static void
a_card_and_its_pin_let_in(void **state)
{
    struct ipc_result r = { .err = ERR_OK };
    struct fixture *x = *state;

    stage_config(x, "auto");
    x->f->no_kdc_until = INT64_MAX; /* for passwords alone */
    for (int nameless = 0; nameless <= 1; nameless++) {
        int module = nameless ? stage_waits(x, "", NULL, PROTO_CARD_DEFAULT) : stage_alice_waits(x), fd;
        int worker = stage_worker(x, ROLE_CARD, WORKER);
        char pin[64], text[512];

        see_one(x, worker);
        if (nameless) {
            stage_expect("before the name is known", module, NULL);
            assert_string_equal(stage_who(x), "alice@corp.test");
            stage_is(x, "alice", ALICE_SID);
        }
        stage_expect("the PIN", module, "ASK PIN Token", NULL);
        assert_string_equal(front_card_text(x->f->conversations, text, sizeof(text)),
                            " by smart card (Alice, issued by Corp CA)");
        stage_answer(x, module, "4711");
        r.job = takes_job(worker, false, &fd);
        /* The PIN is there still: front has not read it. */
        assert_int_equal(recv(fd, pin, sizeof(pin), MSG_DONTWAIT), 2 + 4 + 4);
        assert_memory_equal(pin + 6, "4711", 4);
        (void)close(fd);
        stage_result(x, worker, WORKER, &r, ALICE_SID);
        assert_true(stage_learned(x));
        if (nameless)
            stage_expect("in", module, "SET alice", "DONE OK", NULL);
        else
            stage_expect("in", module, "DONE OK", NULL);
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
}

/* A worker that was taken over lets nobody in, and a password's workers hear nothing of cards. */
static void
only_member_s_word_counts(void **state)
{
    static const struct {
        const char *sid;
        uint32_t id;
        const char *last;
    } cases[] = {
        { NULL, WORKER, "DONE INTERNAL" },
        { BOB_SID, WORKER, "DONE WRONG_ACCOUNT" },
        { ALICE_SID, WORKER + 1, "DONE INTERNAL" },
    };
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_result r = { .err = ERR_OK };
        int module = stage_alice_waits(x), worker = stage_worker(x, ROLE_CARD, WORKER), fd;

        see_one(x, worker);
        stage_expect("the PIN", module, "ASK PIN Token", NULL);
        stage_answer(x, module, "4711");
        r.job = takes_job(worker, false, &fd);
        (void)close(fd);
        stage_result(x, worker, cases[i].id, &r, cases[i].sid);
        assert_false(stage_learned(x));
        stage_expect("not in", module, cases[i].last, NULL);
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
}

static void
refusals_are_told(void **state)
{
    static const enum err errs[] = { ERR_PIN_WRONG, ERR_PIN_LAST_TRY, ERR_PIN_LOCKED, ERR_CARD_REMOVED, ERR_CARD_NOT_YOURS,
                                     ERR_KDC_CERTIFICATE, ERR_NO_CARD_LOGON, ERR_CANCELLED };
    struct fixture *x = *state;
    int worker = -1;

    stage_config(x, "auto");
    for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
        struct ipc_result r = { .err = errs[i] };
        int module = stage_alice_waits(x), fd;
        char last[64];

        worker = i == 0 ? stage_worker(x, ROLE_CARD, WORKER) : worker;
        see_one(x, worker);
        stage_expect("the PIN", module, "ASK PIN Token", NULL);
        stage_answer(x, module, "4711");
        r.job = takes_job(worker, false, &fd);
        (void)close(fd);
        stage_result(x, worker, WORKER, &r, NULL);
        (void)snprintf(last, sizeof(last), "DONE %s", err_name(errs[i]));
        stage_expect("refused", module, last, NULL);
        stage_clear(x, module);
    }
    (void)close(worker);
}

static void
what_the_card_says_of_its_pin_is_told(void **state)
{
    static const struct {
        const char *what, *user;
        enum proto_card card;
        bool locked, last_try, pad;
        const char *words[4];
    } cases[] = {
        { "last try", "alice", PROTO_CARD_DEFAULT, false, true, false, { "NOTICE PIN_LAST_TRY", "ASK PIN Token" } },
        { "at the reader", "alice", PROTO_CARD_DEFAULT, false, false, true, { "NOTICE PIN_AT_READER Token" } },
        { "both", "alice", PROTO_CARD_DEFAULT, false, true, true, { "NOTICE PIN_LAST_TRY", "NOTICE PIN_AT_READER Token" } },
        { "locked", "alice", PROTO_CARD_DEFAULT, true, false, false, { "SAY PIN_LOCKED", "ASK PASSWORD" } },
        { "locked, needed", "alice", PROTO_CARD_REQUIRE, true, false, false, { "DONE PIN_LOCKED" } },
        { "locked, nothing else", "alice", PROTO_CARD_ONLY, true, false, true, { "DONE PIN_LOCKED" } },
        { "locked, nobody", "", PROTO_CARD_DEFAULT, true, false, false, { "SAY PIN_LOCKED", "DONE NOT_OURS" } },
        { "locked, nobody, needed", "", PROTO_CARD_REQUIRE, true, false, false, { "DONE PIN_LOCKED" } },
    };
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int module = stage_waits(x, cases[i].user, cases[i].user[0] != '\0' ? ALICE_SID : NULL, cases[i].card), fd = -1;
        int worker = stage_worker(x, ROLE_CARD, WORKER);
        struct ipc_card card = stage_card(1);
        struct ipc_result r = { .err = ERR_CANCELLED };

        card.pin_locked = cases[i].locked;
        card.pin_last_try = cases[i].last_try;
        card.pin_pad = cases[i].pad;
        stage_see(x, worker, &card, 1);
        stage_expect(cases[i].what, module, cases[i].words[0], cases[i].words[1], NULL);
        /* With a pad there is nothing to wait for but the person at the reader. */
        if (cases[i].pad && !cases[i].locked) {
            r.job = takes_job(worker, true, &fd);
            stage_result(x, worker, WORKER, &r, NULL);
            stage_expect(cases[i].what, module, "DONE CANCELLED", NULL);
        } else {
            assert_false(stage_job(worker, &(struct ipc_job){ 0 }, &fd));
        }
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
}

static void
a_card_may_be_nobody_s(void **state)
{
    static const struct {
        const char *what, *upn, *asked, *name, *sid;
        uint32_t uid; /* of the module; 1: alice's, 2: bob's */
        enum proto_card card;
        const char *last;
    } cases[] = {
        { "no UPN", "", "", NULL, NULL, 0, PROTO_CARD_DEFAULT, "DONE NOT_OURS" },
        { "no UPN, required", "", "", NULL, NULL, 0, PROTO_CARD_REQUIRE, "DONE NOT_OURS" },
        { "no UPN, nothing else", "", "", NULL, NULL, 0, PROTO_CARD_ONLY, "DONE CARD_UNFIT" },
        { "unknown", "x@corp.test", "x@corp.test", NULL, NULL, 0, PROTO_CARD_DEFAULT, "DONE CARD_UNKNOWN" },
        { "a local name", "root", "", NULL, NULL, 0, PROTO_CARD_DEFAULT, "DONE CARD_UNKNOWN" },
        { "a local user's", "r@corp.test", "r@corp.test", "root", ALICE_SID, 0, PROTO_CARD_ONLY, "DONE CARD_UNKNOWN" },
        { "somebody else's", "b@corp.test", "b@corp.test", "bob", BOB_SID, 1, PROTO_CARD_DEFAULT, "DONE CARD_NOT_YOURS" },
        { "his own", "b@corp.test", "b@corp.test", "bob", BOB_SID, 2, PROTO_CARD_DEFAULT, "ASK PIN Token" },
    };
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_card card = stage_card(1);
        int module, worker;

        peer_uid = cases[i].uid == 0 ? 0 : stage_id(cases[i].uid == 1 ? ALICE_SID : BOB_SID);
        module = stage_waits(x, "", NULL, cases[i].card);
        worker = stage_worker(x, ROLE_CARD, WORKER);
        (void)snprintf(card.upn, sizeof(card.upn), "%s", cases[i].upn);
        stage_see(x, worker, &card, 1);
        assert_string_equal(stage_who(x), cases[i].asked);
        if (cases[i].asked[0] != '\0')
            stage_is(x, cases[i].name, cases[i].sid);
        stage_expect(cases[i].what, module, cases[i].last, NULL);
        stage_clear(x, module);
        (void)close(worker);
        (void)turn(x);
    }
}

/* The name that was typed is who logs on; whose the certificate is the domain knows. */
static void
a_typed_name_stays(void **state)
{
    struct fixture *x = *state;
    int module, worker;
    struct ipc_card card = stage_card(1);

    stage_config(x, "auto");
    module = stage_alice_waits(x);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    (void)snprintf(card.upn, sizeof(card.upn), "bob@corp.test");
    stage_see(x, worker, &card, 1);
    assert_string_equal(stage_who(x), "");
    stage_expect("the PIN", module, "ASK PIN Token", NULL);
    stage_answer(x, module, NULL);
    stage_expect("cancelled", module, "DONE CANCELLED", NULL);
    stage_clear(x, module);
    (void)close(worker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(cards_are_used_where_they_may_be),
        FRONT_TEST(nobody_looks_for_strangers),
        FRONT_TEST(no_password_stands_in_for_a_card_that_is_needed),
        FRONT_TEST(an_unprivileged_program_tries_its_own_user_s_card_alone),
        FRONT_TEST(a_card_that_nobody_can_be_asked_about_is_none),
        FRONT_TEST(without_a_card_it_depends_on_whether_one_is_needed),
        FRONT_TEST(a_card_and_its_pin_let_in),
        FRONT_TEST(only_member_s_word_counts),
        FRONT_TEST(refusals_are_told),
        FRONT_TEST(what_the_card_says_of_its_pin_is_told),
        FRONT_TEST(a_card_may_be_nobody_s),
        FRONT_TEST(a_typed_name_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
