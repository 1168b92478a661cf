/* A logon with a card that no controller has had a part in: whose word it needs, and what it is worth afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/card_stage.h"

#define WORKER 9

/* Alice's card worker has her PIN. Gives the job's number. */
static uint32_t
running(struct fixture *x, int worker, int *module_out)
{
    struct ipc_card card = stage_card(1);
    struct ipc_job job;
    char sid[SID_TEXT_MAX];
    int fd;

    *module_out = stage_alice_waits(x);
    stage_see(x, worker, &card, 1);
    stage_expect("the PIN", *module_out, "ASK PIN Token", NULL);
    stage_answer(x, *module_out, "4711");
    assert_true(stage_job(worker, &job, &fd));
    assert_string_equal(sid_text(&job.user, sid), ALICE_SID);
    (void)close(fd);
    return job.job;
}

static void
a_worker_s_word_is_not_enough(void **state)
{
    enum { NOBODY, TICKET, REMEMBERED };
    static const struct {
        const char *what;
        int vouched;
        const char *sid;
        bool offline; /* what the worker says */
        const char *first, *second;
    } cases[] = {
        { "a card that member remembers", REMEMBERED, ALICE_SID, true, "NOTICE OFFLINE", "DONE OK" },
        { "nobody's word", NOBODY, NULL, true, "DONE INTERNAL", NULL },
        { "another one's card", REMEMBERED, BOB_SID, true, "DONE WRONG_ACCOUNT", NULL },
        { "a ticket, and no logon by it", TICKET, ALICE_SID, true, "DONE INTERNAL", NULL },
        { "a card that is remembered, and no ticket", REMEMBERED, ALICE_SID, false, "DONE INTERNAL", NULL },
    };
    struct fixture *x = *state;
    int worker;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_result r = { .err = ERR_OK, .offline = cases[i].offline };
        int module;

        r.job = running(x, worker, &module);
        if (cases[i].vouched == TICKET)
            stage_vouch(x, WORKER, r.job, cases[i].sid);
        else if (cases[i].vouched == REMEMBERED)
            stage_vouch_offline(x, WORKER, r.job, cases[i].sid);
        stage_result(x, worker, WORKER, &r, NULL);
        stage_expect(cases[i].what, module, cases[i].first, cases[i].second, NULL);
        /* What is known of a user is newer than what a card can say. */
        assert_false(stage_learned(x));
        stage_clear(x, module);
    }
    (void)close(worker);
}

static void
the_word_for_another_logon_does_not_count(void **state)
{
    struct fixture *x = *state;
    struct ipc_result r = { .err = ERR_OK, .offline = true };
    int worker, module;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    r.job = running(x, worker, &module);
    stage_vouch_offline(x, WORKER, r.job + 1, ALICE_SID);
    stage_vouch_offline(x, WORKER + 1, r.job, ALICE_SID);
    stage_result(x, worker, WORKER, &r, NULL);
    stage_expect("another", module, "DONE INTERNAL", NULL);
    stage_clear(x, module);
    (void)close(worker);
}

/* What the logon leaves says so: front_cred.c asks for the account's state then. */
static void
what_it_leaves_is_marked(void **state)
{
    struct fixture *x = *state;
    struct ipc_result r = { .err = ERR_OK, .offline = true };
    const struct ticket *left = NULL;
    int worker, module;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    r.job = running(x, worker, &module);
    stage_vouch_offline(x, WORKER, r.job, ALICE_SID);
    stage_result(x, worker, WORKER, &r, NULL);
    stage_expect("her", module, "NOTICE OFFLINE", "DONE OK", NULL);
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++) {
        if (x->f->tickets[i].until != 0)
            left = &x->f->tickets[i];
    }
    assert_non_null(left);
    assert_true(left->offline && left->with_card);
    assert_int_equal(left->tgt.fd, -1);
    stage_clear(x, module);
    (void)close(worker);
}

/* What member is told to forget; "": nothing. */
static const char *
forgotten(struct fixture *x)
{
    static char text[SID_TEXT_MAX];
    uint8_t bytes[512];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(x->member, bytes, sizeof(bytes), fds, 0);
    struct ipc_forget m;

    if (n <= 0)
        return "";
    assert_true(ipc_get_forget(bytes, (size_t)n, &m) && m.all);
    return sid_text(&m.user, text);
}

/* directory says why the KDC has refused her. */
static void
state_is(struct fixture *x, enum err err)
{
    uint8_t bytes[512];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(x->directory, bytes, sizeof(bytes), fds, 0);
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_state_is is = { .err = (uint32_t)err };
    struct ipc_state asked;

    assert_true(n > 0 && ipc_get_state(bytes, (size_t)n, &asked));
    is.request = asked.request;
    ipc_put_state_is(&w, &is);
    assert_true(channel_send(x->directory, bytes, w.len, NULL, 0, false));
    (void)turn(x);
}

static void
an_account_that_is_turned_away_has_no_cards(void **state)
{
    static const struct {
        enum err said, is; /* by the KDC; by the directory */
        bool allowed, forgets;
    } cases[] = {
        { ERR_REVOKED, ERR_DISABLED, true, true },          { ERR_REVOKED, ERR_ACCOUNT_EXPIRED, true, true },
        { ERR_DISABLED, ERR_DISABLED, true, true },         { ERR_ACCOUNT_EXPIRED, ERR_ACCOUNT_EXPIRED, true, true },
        { ERR_REVOKED, ERR_UNKNOWN_PRINCIPAL, true, true }, { ERR_REVOKED, ERR_LOCKED, true, false },
        { ERR_REVOKED, ERR_LOGON_HOURS, true, false },      { ERR_DISABLED, ERR_NO_STATE, true, false },
        { ERR_REVOKED, ERR_DISABLED, false, false },
    };
    struct fixture *x = *state;
    int worker;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_result r = { .err = cases[i].said, .proved = true };
        int module;

        x->f->config->offline_smartcard = cases[i].allowed;
        r.job = running(x, worker, &module);
        stage_result(x, worker, WORKER, &r, NULL);
        state_is(x, cases[i].is);
        if ((forgotten(x)[0] != '\0') != cases[i].forgets)
            fail_msg("%s, %s", err_name(cases[i].said), err_name(cases[i].is));
        stage_clear(x, module);
    }
    (void)close(worker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(a_worker_s_word_is_not_enough), FRONT_TEST(the_word_for_another_logon_does_not_count),
        FRONT_TEST(what_it_leaves_is_marked),
        FRONT_TEST(an_account_that_is_turned_away_has_no_cards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
