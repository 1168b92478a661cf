/* Workers for smart cards: when there are some, what becomes of those that hang, die or lie, and who has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/unit/card_stage.h"

#define WORKER 9

static uint8_t packet[CHANNEL_PACKET_MAX];

static void
end(struct fixture *x, int module)
{
    (void)close(module);
    (void)turn(x);
}

static void
send_raw(struct fixture *x, int worker, const struct writer *w)
{
    assert_true(writer_ok(w) && channel_send(worker, packet, w->len, NULL, 0, false));
    (void)turn(x);
}

static void
workers_come_when_they_are_needed_and_go(void **state)
{
    struct fixture *x = *state;
    int modules[6], workers[CARD_WORKERS_MAX];

    stage_config(x, "auto");
    tick(x);
    assert_int_equal(stage_spawns(x, ROLE_CARD), 0);
    for (size_t i = 0; i < 6; i++)
        modules[i] = stage_alice_waits(x);
    /* As many as may be, and no more for those who wait. */
    assert_int_equal(stage_spawns(x, ROLE_CARD), CARD_WORKERS_MAX);
    for (uint32_t i = 0; i < CARD_WORKERS_MAX; i++) {
        workers[i] = stage_worker(x, ROLE_CARD, WORKER + i);
        assert_true(stage_look(workers[i]) != 0);
    }
    tick(x);
    assert_int_equal(stage_spawns(x, ROLE_CARD), 0);
    assert_int_equal(x->f->cards.looks.n, 2);
    for (size_t i = 0; i < 6; i++)
        end(x, modules[i]);
    /* Who hung up is looked for no more, but what looks goes on until it has an end. */
    assert_int_equal(x->f->n_conversations, 6);
    tick(x);
    assert_int_equal(x->f->n_conversations, CARD_WORKERS_MAX);
    waited_ms += FRONT_LOOK_MS;
    tick(x);
    assert_int_equal(x->f->n_conversations, 0);
    assert_int_equal(x->f->cards.n_workers, 0);
    for (size_t i = 0; i < CARD_WORKERS_MAX; i++)
        (void)close(workers[i]);
}

static void
idle_ones_are_let_go_to_the_last(void **state)
{
    struct fixture *x = *state;
    int module, worker, logon;

    stage_config(x, "auto");
    logon = stage_worker(x, ROLE_LOGON, 1);
    module = stage_alice_waits(x);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    stage_no_cards(x, worker, ERR_NO_CARD);
    end(x, module);
    waited_ms += FRONT_WORKER_IDLE_MS - 1000;
    tick(x);
    assert_int_equal(x->f->cards.n_workers, 1);
    waited_ms += 1000;
    tick(x);
    assert_int_equal(x->f->cards.n_workers, 0);
    assert_int_equal(x->f->logons.n_workers, 1);
    (void)close(worker);
    (void)close(logon);
    (void)turn(x);
}

/* A password worker never gets a look, a card worker never a password, and neither's queue is the other's. */
static void
neither_kind_holds_up_the_other(void **state)
{
    struct fixture *x = *state;
    struct ipc_job job;
    int looks[2], password, fd, logon, card;

    stage_config(x, "auto");
    card = stage_worker(x, ROLE_CARD, WORKER);
    password = stage_begin(x, "alice", PROTO_CARD_NEVER);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("a password", password, "ASK PASSWORD", NULL);
    stage_answer(x, password, "correct");
    assert_false(stage_job(card, &job, &fd));
    /* A look waits for no password, */
    looks[0] = stage_alice_waits(x);
    assert_true(stage_look(card) != 0);
    looks[1] = stage_alice_waits(x);
    assert_int_equal(x->f->cards.looks.n, 1);
    /* and a password for no look. */
    logon = stage_worker(x, ROLE_LOGON, 1);
    assert_true(stage_job(logon, &job, &fd));
    assert_false(job.with_card);
    (void)close(fd);
    stage_result(x, logon, 1, &(struct ipc_result){ .job = job.job, .err = ERR_WRONG_PASSWORD }, NULL);
    stage_expect("refused", password, "DONE WRONG_PASSWORD", NULL);
    assert_int_equal(stage_look(logon), 0);
    end(x, password);
    (void)close(logon);
    (void)close(card);
    (void)turn(x);
    end(x, looks[0]);
    end(x, looks[1]);
}

static void
a_look_has_an_end(void **state)
{
    enum how { HANGS, DIES, NEVER_COMES };
    static const struct {
        enum how how;
        enum proto_card card;
        const char *last;
    } cases[] = {
        { HANGS, PROTO_CARD_DEFAULT, "ASK PASSWORD" },   { HANGS, PROTO_CARD_REQUIRE, "DONE CARD_FAILED" },
        { HANGS, PROTO_CARD_ONLY, "DONE CARD_FAILED" },  { DIES, PROTO_CARD_DEFAULT, "ASK PASSWORD" },
        { DIES, PROTO_CARD_REQUIRE, "DONE CARD_FAILED" }, { NEVER_COMES, PROTO_CARD_DEFAULT, "ASK PASSWORD" },
        { NEVER_COMES, PROTO_CARD_REQUIRE, "DONE INTERNAL" },
    };
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int module = stage_waits(x, "alice", ALICE_SID, cases[i].card), worker = -1;

        if (cases[i].how != NEVER_COMES) {
            /* Its time begins when it does. */
            waited_ms += FRONT_LOOK_MS - 1000;
            worker = stage_worker(x, ROLE_CARD, WORKER);
            assert_true(stage_look(worker) != 0);
            waited_ms += FRONT_LOOK_MS - 1000;
            tick(x);
            stage_expect("in time", module, NULL);
        }
        (void)stage_ended(x, WORKER);
        if (cases[i].how == DIES) {
            (void)close(worker);
            (void)turn(x);
        } else {
            waited_ms += FRONT_LOOK_MS;
            tick(x);
            assert_int_equal(stage_ended(x, WORKER), cases[i].how == HANGS);
        }
        stage_expect("at the end", module, cases[i].last, NULL);
        end(x, module);
        assert_int_equal(x->f->n_conversations, 0);
        if (cases[i].how == HANGS)
            (void)close(worker);
        (void)turn(x);
        assert_int_equal(x->f->cards.n_workers, 0);
    }
}

static void
put_lie(struct writer *w, size_t lie, uint32_t job)
{
    struct ipc_cards m = { .job = job, .n = 1 };
    const struct ipc_result r = { .job = job, .err = ERR_PIN_WRONG };
    const struct ipc_need_dc need = { .avoid = "" };

    m.cards[0] = stage_card(1);
    switch (lie) {
    case 0: /* of another look */
        m.job = job + 1;
        ipc_put_cards(w, &m);
        break;
    case 1: /* of more bytes than there are fields */
        ipc_put_cards(w, &m);
        writer_u8(w, 0);
        break;
    case 2: /* with a name that would forge a line of the log */
        (void)snprintf(m.cards[0].name, sizeof(m.cards[0].name), "Alice\nauthsodd: alarm");
        ipc_put_cards(w, &m);
        break;
    case 3: /* that there is one, and none */
        m.unfit = ERR_NO_CARD;
        ipc_put_cards(w, &m);
        break;
    case 4: /* a logon's end */
        ipc_put_result(w, IPC_RESULT, &r);
        break;
    case 5: /* a logon's question */
        ipc_put_need_dc(w, &need);
        break;
    default: /* nothing at all */
        writer_u8(w, 0);
    }
}

static void
a_look_that_lies_ends_the_worker(void **state)
{
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (size_t lie = 0; lie < 7; lie++) {
        int module = stage_alice_waits(x), worker = stage_worker(x, ROLE_CARD, WORKER);
        struct writer w = writer_init(packet, sizeof(packet));
        uint32_t job = stage_look(worker);

        w = writer_init(packet, sizeof(packet));
        put_lie(&w, lie, job);
        send_raw(x, worker, &w);
        if (!stage_ended(x, WORKER))
            fail_msg("lie %zu: the worker lives on", lie);
        assert_int_equal(x->f->cards.n_workers, 0);
        stage_expect("a lie", module, "ASK PASSWORD", NULL);
        end(x, module);
        (void)close(worker);
    }
}

/* Alice's PIN is with the worker. The job. */
static uint32_t
running(struct fixture *x, int worker, int *module_out)
{
    struct ipc_card card = stage_card(1);
    struct ipc_job job;
    int fd;

    *module_out = stage_alice_waits(x);
    stage_see(x, worker, &card, 1);
    stage_expect("the PIN", *module_out, "ASK PIN Token", NULL);
    stage_answer(x, *module_out, "4711");
    assert_true(stage_job(worker, &job, &fd));
    (void)close(fd);
    return job.job;
}

static void
a_job_that_ends_badly_is_one_logon_s(void **state)
{
    enum { DIES, HANGS, CARDS, NTLM, NO_KDC, OTHER_JOB, CASES };
    struct fixture *x = *state;

    stage_config(x, "auto");
    for (unsigned i = 0; i < CASES; i++) {
        struct writer w = writer_init(packet, sizeof(packet));
        struct ipc_result r = { .err = i == NTLM ? ERR_OK : ERR_PIN_WRONG };
        struct ipc_cards cards = { .unfit = ERR_NO_CARD };
        int worker = stage_worker(x, ROLE_CARD, WORKER), module;
        bool dies = false;

        cards.job = r.job = running(x, worker, &module);
        (void)stage_ended(x, WORKER);
        r.passed_through = i == NTLM;
        r.no_kdc = i == NO_KDC;
        r.job += i == OTHER_JOB;
        w = writer_init(packet, sizeof(packet));
        if (i == HANGS) {
            waited_ms += (int64_t)x->f->config->deadline * 1000;
            tick(x);
        } else if (i == DIES) {
            (void)close(worker);
            dies = true;
            (void)turn(x);
        } else if (i == CARDS) {
            ipc_put_cards(&w, &cards);
            send_raw(x, worker, &w);
        } else {
            stage_result(x, worker, WORKER, &r, ALICE_SID);
        }
        assert_true(stage_ended(x, WORKER));
        stage_expect("badly", module, i == HANGS ? "DONE CARD_LATE" : "DONE INTERNAL", NULL);
        end(x, module);
        if (!dies)
            (void)close(worker);
        assert_int_equal(x->f->cards.n_workers, 0);
        assert_int_equal(x->f->n_conversations, 0);
    }
}

/* A ticket that a worker has while it only looks is nobody's logon. */
static void
a_look_is_vouched_for_in_vain(void **state)
{
    struct fixture *x = *state;
    int worker, module;
    struct ipc_cards m = { .n = 1 };

    stage_config(x, "auto");
    module = stage_alice_waits(x);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    m.job = stage_look(worker);
    m.cards[0] = stage_card(1);
    stage_vouch(x, WORKER, m.job, ALICE_SID);
    assert_null(x->f->conversations->vouched);
    stage_cards(x, worker, &m);
    stage_expect("the PIN", module, "ASK PIN Token", NULL);
    end(x, module);
    (void)close(worker);
}

static void
a_module_may_hang_up_at_any_time(void **state)
{
    struct fixture *x = *state;
    struct ipc_card two[2] = { stage_card(1), stage_card(2) };
    int worker = -1, module;

    stage_config(x, "auto");
    /* before a worker is there */
    module = stage_alice_waits(x);
    end(x, module);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    assert_int_equal(stage_look(worker), 0);
    assert_int_equal(x->f->n_conversations, 0);
    /* or talk out of turn */
    module = stage_alice_waits(x);
    stage_answer(x, module, "4711");
    stage_see(x, worker, two, 1);
    stage_expect("out of turn", module, NULL);
    assert_string_equal(stage_hear(module), "END");
    end(x, module);
    assert_int_equal(x->f->n_conversations, 0);
    /* while one looks */
    module = stage_alice_waits(x);
    end(x, module);
    assert_int_equal(x->f->n_conversations, 1);
    stage_see(x, worker, two, 2);
    assert_int_equal(x->f->n_conversations, 0);
    /* while the choice, or the PIN, is asked for */
    module = stage_alice_waits(x);
    stage_see(x, worker, two, 2);
    end(x, module);
    assert_int_equal(x->f->n_conversations, 0);
    module = stage_alice_waits(x);
    stage_see(x, worker, two, 1);
    end(x, module);
    assert_int_equal(x->f->n_conversations, 0);
    assert_false(stage_ended(x, WORKER));
    (void)close(worker);
}

/* Everybody else's program: one at a time for a user, half of the workers for all of them. */
static void
unprivileged_users_starve_nobody(void **state)
{
    struct fixture *x = *state;
    int first, second, third, workers[CARD_WORKERS_MAX], others[2], roots;
    uint32_t looks = 0;

    stage_config(x, "auto");
    peer_uid = stage_id(ALICE_SID);
    first = stage_alice_waits(x);
    second = stage_begin(x, "alice", PROTO_CARD_DEFAULT);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("one more", second, "ASK PASSWORD", NULL);
    third = stage_begin(x, "alice", PROTO_CARD_REQUIRE);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("one more that needs a card", third, "DONE CARD_BUSY", NULL);
    end(x, second);
    end(x, third);
    /* It counts until its end, also where he has hung up. */
    for (uint32_t i = 0; i < CARD_WORKERS_MAX; i++)
        workers[i] = stage_worker(x, ROLE_CARD, WORKER + i);
    end(x, first);
    second = stage_begin(x, "alice", PROTO_CARD_REQUIRE);
    assert_string_equal(stage_who(x), "alice");
    stage_is(x, "alice", ALICE_SID);
    stage_expect("one after another", second, "DONE CARD_BUSY", NULL);
    end(x, second);
    /* Two other users (front is told that they are known as themselves): one runs, one waits. */
    for (uint32_t i = 0; i < 2; i++) {
        char sid[96];

        (void)snprintf(sid, sizeof(sid), "%.*s%u", (int)strlen(ALICE_SID) - 4, ALICE_SID, 1200 + i);
        peer_uid = stage_id(sid);
        others[i] = stage_waits(x, i == 0 ? "carol" : "dave", sid, PROTO_CARD_DEFAULT);
    }
    assert_int_equal(x->f->cards.looks.n, 1);
    /* root's does not. */
    peer_uid = 0;
    roots = stage_waits(x, "bob", BOB_SID, PROTO_CARD_DEFAULT);
    assert_int_equal(x->f->cards.looks.n, 1);
    for (size_t i = 0; i < CARD_WORKERS_MAX; i++)
        looks += stage_look(workers[i]) != 0;
    assert_int_equal(looks, 3);
    for (size_t i = 0; i < CARD_WORKERS_MAX; i++)
        (void)close(workers[i]);
    (void)turn(x);
    end(x, roots);
    end(x, others[0]);
    end(x, others[1]);
    waited_ms += FRONT_LOOK_MS;
    tick(x);
    assert_int_equal(x->f->n_conversations, 0);
}

/* A PIN at the reader holds a worker for as long as nobody types it: he has one such job at a time. */
static void
an_unprivileged_user_has_one_job(void **state)
{
    struct fixture *x = *state;
    struct ipc_card card = stage_card(1);
    struct ipc_job job;
    int worker, modules[2], fd;

    stage_config(x, "auto");
    peer_uid = stage_id(ALICE_SID);
    worker = stage_worker(x, ROLE_CARD, WORKER);
    for (size_t i = 0; i < 2; i++) {
        modules[i] = stage_alice_waits(x);
        stage_see(x, worker, &card, 1);
        assert_string_equal(stage_who(x), card.upn);
        stage_is(x, "alice", ALICE_SID);
        stage_expect("the PIN", modules[i], "ASK PIN Token", NULL);
    }
    stage_answer(x, modules[0], "1");
    assert_true(stage_job(worker, &job, &fd));
    (void)close(fd);
    stage_answer(x, modules[1], "2");
    stage_expect("the second", modules[1], "DONE CARD_BUSY", NULL);
    stage_result(x, worker, WORKER, &(struct ipc_result){ .job = job.job, .err = ERR_PIN_WRONG }, NULL);
    stage_expect("the first", modules[0], "DONE PIN_WRONG", NULL);
    end(x, modules[0]);
    end(x, modules[1]);
    (void)close(worker);
}

/* Who has typed his PIN is not behind those who wait to be asked for it. */
static void
jobs_come_before_looks(void **state)
{
    struct fixture *x = *state;
    struct ipc_card card = stage_card(1);
    struct ipc_job job;
    int worker, typed, looking, waiting, fd;

    stage_config(x, "auto");
    worker = stage_worker(x, ROLE_CARD, WORKER);
    typed = stage_alice_waits(x);
    stage_see(x, worker, &card, 1);
    stage_expect("the PIN", typed, "ASK PIN Token", NULL);
    looking = stage_alice_waits(x);
    waiting = stage_alice_waits(x);
    stage_answer(x, typed, "4711");
    stage_see(x, worker, &card, 1);
    assert_true(stage_job(worker, &job, &fd) && job.with_card);
    (void)close(fd);
    (void)close(worker);
    (void)turn(x);
    end(x, typed);
    end(x, looking);
    end(x, waiting);
}

static void
a_new_configuration_has_new_workers(void **state)
{
    struct fixture *x = *state;
    int idle, busy, module;

    stage_config(x, "auto");
    module = stage_alice_waits(x);
    busy = stage_worker(x, ROLE_CARD, WORKER);
    idle = stage_worker(x, ROLE_CARD, WORKER + 1);
    stage_config(x, "off");
    assert_int_equal(x->f->cards.n_workers, 1);
    /* What has begun ends as it began. */
    stage_no_cards(x, busy, ERR_NO_CARD);
    stage_expect("a password", module, "ASK PASSWORD", NULL);
    assert_int_equal(x->f->cards.n_workers, 0);
    end(x, module);
    (void)close(idle);
    (void)close(busy);
    (void)turn(x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(workers_come_when_they_are_needed_and_go), FRONT_TEST(idle_ones_are_let_go_to_the_last),
        FRONT_TEST(neither_kind_holds_up_the_other),          FRONT_TEST(a_look_has_an_end),
        FRONT_TEST(a_look_that_lies_ends_the_worker),         FRONT_TEST(a_job_that_ends_badly_is_one_logon_s),
        FRONT_TEST(a_look_is_vouched_for_in_vain),            FRONT_TEST(a_module_may_hang_up_at_any_time),
        FRONT_TEST(unprivileged_users_starve_nobody),         FRONT_TEST(an_unprivileged_user_has_one_job),
        FRONT_TEST(jobs_come_before_looks),                   FRONT_TEST(a_new_configuration_has_new_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
