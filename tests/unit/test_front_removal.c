/* Sessions that were begun with a smart card: which front knows, when somebody watches, and what logind is asked. */
#include <config.h> /* not daemon/config.h */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/card_stage.h"

#define CARD_WORKER 9
#define WATCHER 20
#define ACTOR 30
#define REMOVAL(what) CARDS_CONFIG "card_removal = " what "\n"

static uint8_t packet[CHANNEL_PACKET_MAX];

/* A process that opens a session and lives until it is told not to. */
static pid_t
leader_new(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)close_range(0, ~0U, 0);
        for (;;)
            (void)pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void
leader_end(struct fixture *x, pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)turn(x);
}

/* That process of root's begins a session of Alice's, or ends it. */
static void
session(struct fixture *x, pid_t pid, enum proto_operation operation)
{
    const struct proto_begin b = { .operation = operation, .service = "login", .user = "alice" };
    int module;

    peer_pid = pid;
    module = stage_begin_as(x, &b);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("the session", module, "DONE OK", NULL);
    stage_clear(x, module);
}

/* Alice logs on in that process, with the card whose token is t bytes, or (0) with a password. */
static void
log_on(struct fixture *x, pid_t pid, uint8_t t)
{
    struct ipc_card card = stage_card(1);
    int module, worker, fd;
    struct ipc_job job;

    peer_pid = pid;
    module = t != 0 ? stage_alice_waits(x) : stage_begin(x, "alice", PROTO_CARD_NEVER);
    worker = stage_worker(x, t != 0 ? ROLE_CARD : ROLE_LOGON, CARD_WORKER);
    if (t != 0) {
        memset(card.key.token, t, sizeof(card.key.token));
        stage_see(x, worker, &card, 1);
        if (peer_uid != 0) {
            assert_string_equal(stage_who(x), card.upn);
            stage_is(x, "alice", ALICE_SID);
        }
        stage_expect("the PIN", module, "ASK PIN Token", NULL);
    } else {
        assert_string_equal(stage_who(x), "alice");
        stage_is(x, "alice", ALICE_SID);
        stage_expect("the password", module, "ASK PASSWORD", NULL);
    }
    stage_answer(x, module, "4711");
    assert_true(stage_job(worker, &job, &fd));
    (void)close(fd);
    stage_result(x, worker, CARD_WORKER, &(struct ipc_result){ .job = job.job, .err = ERR_OK }, ALICE_SID);
    assert_true(stage_learned(x));
    stage_expect("in", module, "DONE OK", NULL);
    stage_clear(x, module);
    (void)close(worker);
    (void)turn(x);
}

static pid_t
card_session(struct fixture *x, uint8_t t)
{
    pid_t pid = leader_new();

    log_on(x, pid, t);
    session(x, pid, PROTO_OPEN_SESSION);
    return pid;
}

/* What the watcher is told, the last that came; n = UINT32_MAX: nothing. */
static struct ipc_watch *
told(int watcher)
{
    static struct ipc_watch m;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    m.n = UINT32_MAX;
    while ((n = channel_recv(watcher, packet, sizeof(packet), fds, 0)) > 0)
        assert_true(ipc_get_watch(packet, (size_t)n, &m));
    return &m;
}

static bool
has_hung_up(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void
card_is(struct fixture *x, int watcher, uint8_t t, bool there)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_card_is m = { .there = there };

    memset(m.token, t, sizeof(m.token));
    ipc_put_card_is(&w, &m);
    assert_true(channel_send(watcher, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

/* The next thing that logind is to be asked. False: nothing. */
static bool
is_asked(int actor, struct ipc_act *m_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(actor, packet, sizeof(packet), fds, 0);

    if (n <= 0)
        return false;
    assert_true(ipc_get_act(packet, (size_t)n, m_out));
    return true;
}

static void
answer(struct fixture *x, int actor, uint32_t n, const char *text)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_acted m = { .n = n };

    (void)snprintf(m.text, sizeof(m.text), "%s", text);
    ipc_put_acted(&w, &m);
    assert_true(channel_send(actor, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

static void
nobody_watches_where_nothing_is_to_happen(void **state)
{
    struct fixture *x = *state;
    pid_t pid;

    reload(x, REMOVAL("ignore"));
    pid = card_session(x, 1);
    tick(x);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    leader_end(x, pid);
    /* Nor for who logged on with a password, or has logged on and no session, */
    reload(x, REMOVAL("lock"));
    pid = leader_new();
    log_on(x, pid, 0);
    session(x, pid, PROTO_OPEN_SESSION);
    log_on(x, pid, 1);
    tick(x);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    leader_end(x, pid);
    /* or for a session of another process's. */
    pid = leader_new();
    session(x, pid, PROTO_OPEN_SESSION);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    leader_end(x, pid);
}

static void
a_session_is_watched_until_it_ends(void **state)
{
    struct fixture *x = *state;

    reload(x, REMOVAL("lock"));
    for (int way = 0; way < 2; way++) {
        pid_t pid = card_session(x, 1);
        const struct ipc_watch *m;
        int watcher;

        assert_int_equal(stage_spawns(x, ROLE_WATCH), 1);
        tick(x);
        assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
        watcher = stage_worker(x, ROLE_WATCH, WATCHER);
        m = told(watcher);
        assert_int_equal(m->n, 1);
        assert_int_equal(m->cards[0].token[95], 1);
        assert_false(m->cards[0].gone);
        if (way == 0)
            session(x, pid, PROTO_CLOSE_SESSION);
        else
            leader_end(x, pid);
        assert_true(has_hung_up(watcher));
        if (way == 0)
            leader_end(x, pid);
        (void)close(watcher);
        tick(x);
        assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    }
}

static void
one_watcher_for_all(void **state)
{
    struct fixture *x = *state;
    pid_t pids[3];
    int watcher;

    reload(x, REMOVAL("lock"));
    pids[0] = card_session(x, 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    assert_int_equal(told(watcher)->n, 1);
    pids[1] = card_session(x, 2);
    assert_int_equal(told(watcher)->n, 2);
    /* Two sessions with one card. */
    pids[2] = card_session(x, 2);
    assert_int_equal(told(watcher)->n, 2);
    (void)stage_spawns(x, ROLE_WATCH);
    leader_end(x, pids[1]);
    assert_int_equal(told(watcher)->n, 2);
    leader_end(x, pids[2]);
    assert_int_equal(told(watcher)->n, 1);
    leader_end(x, pids[0]);
    assert_true(has_hung_up(watcher));
    (void)close(watcher);
}

static void
the_card_is_pulled(void **state)
{
    static const char *const configs[] = { REMOVAL("lock"), REMOVAL("logoff") };
    struct fixture *x = *state;

    for (uint32_t i = 0; i < 2; i++) {
        struct ipc_act m;
        int watcher, actor;
        pid_t pid, other;

        reload(x, configs[i]);
        pid = card_session(x, 1);
        other = card_session(x, 2);
        watcher = stage_worker(x, ROLE_WATCH, WATCHER);
        (void)stage_spawns(x, ROLE_SESSION);
        card_is(x, watcher, 1, false);
        assert_int_equal(stage_spawns(x, ROLE_SESSION), 1);
        actor = stage_worker(x, ROLE_SESSION, ACTOR);
        assert_true(is_asked(actor, &m));
        assert_int_equal(m.kind, i == 0 ? IPC_ACT_LOCK : IPC_ACT_TERMINATE);
        assert_int_equal(m.uid, stage_id(ALICE_SID));
        assert_int_equal(m.leader, pid);
        answer(x, actor, 1, "");
        assert_true(has_hung_up(actor));
        (void)close(actor);
        /* Once, until it was put back. */
        card_is(x, watcher, 1, false);
        assert_int_equal(stage_spawns(x, ROLE_SESSION), 0);
        card_is(x, watcher, 1, true);
        assert_int_equal(stage_spawns(x, ROLE_SESSION), 0);
        card_is(x, watcher, 1, false);
        assert_int_equal(stage_spawns(x, ROLE_SESSION), 1);
        /* Who ends meanwhile is not asked for. */
        leader_end(x, pid);
        actor = stage_worker(x, ROLE_SESSION, ACTOR);
        assert_true(has_hung_up(actor));
        (void)close(actor);
        leader_end(x, other);
        (void)close(watcher);
        (void)turn(x);
    }
}

static void
two_sessions_are_asked_for_one_after_the_other(void **state)
{
    struct fixture *x = *state;
    int watcher, actor;
    struct ipc_act m;
    pid_t pids[2];

    reload(x, REMOVAL("lock"));
    for (size_t i = 0; i < 2; i++)
        pids[i] = card_session(x, 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    card_is(x, watcher, 1, false);
    actor = stage_worker(x, ROLE_SESSION, ACTOR);
    for (size_t i = 0; i < 2; i++) {
        assert_true(is_asked(actor, &m));
        assert_int_equal(m.leader, pids[i]);
        assert_false(is_asked(actor, &m));
        /* logind may not know of it. */
        answer(x, actor, i == 0 ? 1 : 0, "");
    }
    assert_true(has_hung_up(actor));
    (void)close(actor);
    (void)close(watcher);
    for (size_t i = 0; i < 2; i++)
        leader_end(x, pids[i]);
}

static void
what_logind_does_not_do_is_asked_for_again(void **state)
{
    enum how { REFUSES, DIES, HANGS };
    struct fixture *x = *state;
    int watcher;
    pid_t pid;

    reload(x, REMOVAL("lock"));
    pid = card_session(x, 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    for (int how = REFUSES; how <= HANGS; how++) {
        card_is(x, watcher, 1, true);
        card_is(x, watcher, 1, false);
        for (int i = 0; i < FRONT_ACT_TRIES; i++) {
            struct ipc_act m;
            int actor;

            assert_int_equal(stage_spawns(x, ROLE_SESSION), 1);
            actor = stage_worker(x, ROLE_SESSION, ACTOR);
            assert_true(is_asked(actor, &m));
            if (how == REFUSES)
                answer(x, actor, 0, "Access denied");
            if (how == HANGS) {
                waited_ms += FRONT_ACT_MS;
                card_is(x, watcher, 1, false);
                tick(x);
            }
            if (how != DIES)
                assert_true(has_hung_up(actor));
            (void)close(actor);
            (void)turn(x);
            /* After a pause, in which the watcher is heard. */
            tick(x);
            assert_int_equal(stage_spawns(x, ROLE_SESSION), 0);
            waited_ms += 60000;
            card_is(x, watcher, 1, false);
            tick(x);
        }
        /* But not for ever. */
        assert_int_equal(stage_spawns(x, ROLE_SESSION), 0);
    }
    leader_end(x, pid);
    (void)close(watcher);
}

static void
a_watcher_is_replaced(void **state)
{
    enum how { DIES, HANGS, LIES };
    struct fixture *x = *state;
    pid_t pid;

    reload(x, REMOVAL("lock"));
    pid = card_session(x, 1);
    for (int how = DIES; how <= LIES; how++) {
        struct writer w = writer_init(packet, sizeof(packet));
        int watcher;

        waited_ms += 60000;
        tick(x);
        watcher = stage_worker(x, ROLE_WATCH, WATCHER);
        assert_int_equal(told(watcher)->n, 1);
        card_is(x, watcher, 1, false);
        (void)stage_ended(x, WATCHER);
        if (how == DIES)
            (void)close(watcher);
        if (how == HANGS) {
            waited_ms += FRONT_WATCHED_MS;
            tick(x);
        }
        if (how == LIES) {
            ipc_put_empty(&w, IPC_STOP);
            assert_true(channel_send(watcher, packet, w.len, NULL, 0, false));
        }
        (void)turn(x);
        assert_int_equal(stage_ended(x, WATCHER), how != DIES);
        if (how != DIES)
            (void)close(watcher);
        /* After a pause, and the next one knows what front knows. */
        tick(x);
        assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
        waited_ms += 60000;
        tick(x);
        assert_int_equal(stage_spawns(x, ROLE_WATCH), 1);
        watcher = stage_worker(x, ROLE_WATCH, WATCHER);
        assert_true(told(watcher)->cards[0].gone);
        card_is(x, watcher, 1, true);
        (void)close(watcher);
        (void)turn(x);
    }
    leader_end(x, pid);
}

/* It lives as long as it says that it looks. */
static void
a_watcher_that_looks_stays(void **state)
{
    struct fixture *x = *state;
    int watcher;
    pid_t pid;

    reload(x, REMOVAL("lock"));
    pid = card_session(x, 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    (void)told(watcher);
    for (int i = 0; i < 10; i++) {
        struct writer w = writer_init(packet, sizeof(packet));

        waited_ms += FRONT_WATCHED_MS - 1;
        ipc_put_empty(&w, IPC_WATCHED);
        assert_true(channel_send(watcher, packet, w.len, NULL, 0, false));
        (void)turn(x);
        tick(x);
    }
    assert_false(has_hung_up(watcher));
    leader_end(x, pid);
    assert_true(has_hung_up(watcher));
    (void)close(watcher);
}

static void
the_table_is_bounded(void **state)
{
    pid_t pids[FRONT_CARD_SESSIONS + 1];
    struct fixture *x = *state;
    const struct ipc_watch *m;
    int watcher;

    reload(x, REMOVAL("lock"));
    for (uint8_t i = 0; i <= FRONT_CARD_SESSIONS; i++)
        pids[i] = card_session(x, (uint8_t)(i + 1));
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    m = told(watcher);
    assert_int_equal(m->n, FRONT_CARD_SESSIONS);
    /* The oldest has gone. */
    for (uint32_t i = 0; i < m->n; i++)
        assert_int_not_equal(m->cards[i].token[0], 1);
    for (size_t i = 0; i <= FRONT_CARD_SESSIONS; i++)
        leader_end(x, pids[i]);
    (void)told(watcher);
    assert_true(has_hung_up(watcher));
    (void)close(watcher);
}

static void
an_unprivileged_program_opens_no_session(void **state)
{
    struct proto_begin b = { .operation = PROTO_OPEN_SESSION, .service = "login", .user = "alice", .has_handle = true };
    struct fixture *x = *state;
    pid_t pid = leader_new();
    int module;

    reload(x, REMOVAL("lock"));
    peer_uid = stage_id(ALICE_SID);
    log_on(x, pid, 1);
    /* Also where it knows which logon it was. */
    assert_true(x->f->tickets[0].with_card);
    memcpy(b.handle, x->f->tickets[0].handle, sizeof(b.handle));
    module = stage_begin_as(x, &b);
    stage_expect("the session", module, "DONE OK", NULL);
    stage_clear(x, module);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    leader_end(x, pid);
    /* Nor does it close root's. */
    peer_uid = 0;
    pid = card_session(x, 1);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 1);
    peer_uid = stage_id(ALICE_SID);
    session(x, pid, PROTO_CLOSE_SESSION);
    peer_uid = 0;
    waited_ms += 60000;
    tick(x);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 1);
    leader_end(x, pid);
}

static void
a_new_configuration(void **state)
{
    struct fixture *x = *state;
    int watcher;
    pid_t pid;

    reload(x, REMOVAL("lock"));
    pid = card_session(x, 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    (void)told(watcher);
    (void)stage_spawns(x, ROLE_WATCH);
    /* Another module, perhaps: another watcher. */
    reload(x, REMOVAL("logoff"));
    assert_true(has_hung_up(watcher));
    (void)close(watcher);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 1);
    watcher = stage_worker(x, ROLE_WATCH, WATCHER);
    assert_int_equal(told(watcher)->n, 1);
    reload(x, REMOVAL("ignore"));
    assert_true(has_hung_up(watcher));
    (void)close(watcher);
    assert_int_equal(stage_spawns(x, ROLE_WATCH), 0);
    leader_end(x, pid);
}

/* What nobody asked for. */
static void
a_process_too_many_is_let_go(void **state)
{
    static const enum role roles[] = { ROLE_WATCH, ROLE_SESSION };
    struct fixture *x = *state;

    for (size_t i = 0; i < 2; i++) {
        int process = stage_worker(x, roles[i], WATCHER);

        assert_true(has_hung_up(process));
        (void)close(process);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(nobody_watches_where_nothing_is_to_happen), FRONT_TEST(a_session_is_watched_until_it_ends),
        FRONT_TEST(one_watcher_for_all),                       FRONT_TEST(the_card_is_pulled),
        FRONT_TEST(two_sessions_are_asked_for_one_after_the_other),
        FRONT_TEST(what_logind_does_not_do_is_asked_for_again), FRONT_TEST(a_watcher_is_replaced),
        FRONT_TEST(a_watcher_that_looks_stays),                FRONT_TEST(the_table_is_bounded),
        FRONT_TEST(an_unprivileged_program_opens_no_session),  FRONT_TEST(a_new_configuration),
        FRONT_TEST(a_process_too_many_is_let_go),
    };

#ifndef HAVE_SD_BUS
    (void)fprintf(stderr, "this build has no libsystemd, and so no card_removal\n");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
