/* Logons that wait for a worker: how many begin, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/front_fixture.h"

#define WORKERS 12
#define LOGONS 20
#define TOGETHER 8 /* that begin at once */

/* Our ends: of the workers, and of the modules whose logons wait. */
static int workers[WORKERS], modules[LOGONS];
static uint8_t packet[CHANNEL_PACKET_MAX];

static void
add_workers(struct fixture *x)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        int pair[2];

        assert_true(channel_pair(pair));
        workers[i] = pair[0];
        assert_true(front_pool_add(x->f, ROLE_LOGON, i + 1, pair[1]));
    }
}

/* All of them have answered their prompts at the same time. */
static void
add_logons(struct fixture *x)
{
    for (uint32_t i = 0; i < LOGONS; i++) {
        struct conversation *c = talloc_zero(x->f, struct conversation);
        int pair[2];

        assert_true(channel_pair(pair));
        modules[i] = pair[0];
        c->watch.fd = pair[1];
        c->tgt.fd = -1;
        c->id = i + 1;
        c->begin.operation = PROTO_AUTHENTICATE;
        c->next = x->f->conversations;
        x->f->conversations = c;
        x->f->n_conversations++;
        front_pool_run(x->f, c);
    }
}

static bool no_kdc; /* of the job that begun() has seen last */

/* How many jobs the workers were sent since the last call; the job of one of them, and whose. */
static unsigned
begun(uint32_t *job_out, int *worker_out)
{
    unsigned n = 0;

    for (size_t i = 0; i < WORKERS; i++) {
        int fds[CHANNEL_FDS_MAX];
        ssize_t len = channel_recv(workers[i], packet, sizeof(packet), fds, 0);
        struct ipc_job job;

        if (len <= 0)
            continue;
        assert_true(ipc_get_job(packet, (size_t)len, &job));
        channel_close_fds(fds);
        *job_out = job.job;
        no_kdc = job.no_kdc;
        *worker_out = workers[i];
        n++;
    }
    return n;
}

static void
tell(struct fixture *x, int worker, const struct ipc_result *r)
{
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_result(&w, IPC_RESULT, r);
    assert_true(channel_send(worker, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

static void
refuse(struct fixture *x, uint32_t job, int worker)
{
    tell(x, worker, &(struct ipc_result){ .job = job, .err = ERR_WRONG_PASSWORD });
}

static void
end(struct fixture *x)
{
    for (size_t i = 0; i < WORKERS; i++)
        (void)close(workers[i]);
    (void)turn(x);
    while (x->f->conversations != NULL)
        front_pam_end(x->f, x->f->conversations, ERR_CANCELLED, false, NULL);
    for (size_t i = 0; i < LOGONS; i++)
        (void)close(modules[i]);
    (void)turn(x);
}

static void
so_many_begin_together_and_no_more(void **state)
{
    struct fixture *x = *state;
    uint32_t job = 0;
    int worker = -1;

    add_workers(x);
    add_logons(x);
    assert_int_equal(begun(&job, &worker), TOGETHER);
    /* Nothing has ended, and no time has gone by. */
    tick(x);
    assert_int_equal(begun(&job, &worker), 0);
    /* One that ends makes room for one. */
    assert_true(worker >= 0);
    refuse(x, job, worker);
    assert_int_equal(begun(&job, &worker), 1);
    end(x);
}

static void
who_comes_after_one_whom_no_kdc_answered_begins_with_ntlm(void **state)
{
    struct fixture *x = *state;
    struct ipc_result r = { .err = ERR_WRONG_PASSWORD, .passed_through = true, .no_kdc = true };
    uint32_t job = 0;
    int worker = -1;

    add_workers(x);
    add_logons(x);
    assert_int_equal(begun(&job, &worker), TOGETHER);
    assert_false(no_kdc);
    r.job = job;
    tell(x, worker, &r);
    assert_int_equal(begun(&job, &worker), 1);
    assert_true(no_kdc);
    /* That one has not asked a KDC itself, so it does not prolong it. */
    r.job = job;
    r.no_kdc = false;
    waited_ms += 2000;
    tell(x, worker, &r);
    assert_true(begun(&job, &worker) > 0);
    assert_true(no_kdc);
    waited_ms += 2000;
    refuse(x, job, worker);
    assert_true(begun(&job, &worker) > 0);
    assert_false(no_kdc);
    end(x);
}

static void
a_slow_controller_holds_up_nobody(void **state)
{
    struct fixture *x = *state;
    uint32_t job = 0, number;
    int worker = -1;

    add_workers(x);
    while (told_keeper(x, IPC_SPAWN, &number))
        ;
    add_logons(x);
    assert_int_equal(begun(&job, &worker), TOGETHER);
    waited_ms += 1000;
    tick(x);
    assert_int_equal(begun(&job, &worker), WORKERS - TOGETHER);
    /* Those that are left have no worker yet: as many are asked for as may begin. */
    assert_int_equal(x->f->logons.jobs.n, LOGONS - WORKERS);
    assert_int_equal(x->f->logons.n_starting, TOGETHER - (WORKERS - TOGETHER));
    end(x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(so_many_begin_together_and_no_more),
        FRONT_TEST(who_comes_after_one_whom_no_kdc_answered_begins_with_ntlm),
        FRONT_TEST(a_slow_controller_holds_up_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
