/* Whose word lets somebody in: a worker's alone never does. And netlogon's channel with front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/front_fixture.h"

#define DOMAIN "S-1-5-21-1004336348-1177238915-682003330"
#define WORKER 5
#define JOB 77

static uint8_t packet[CHANNEL_PACKET_MAX];

/* A worker that has alice's conversation. */
struct scene {
    struct fixture *x;
    struct conversation *c;
    int worker, module; /* our ends */
};

static struct scene
scene(struct fixture *x)
{
    struct scene s = { .x = x, .c = talloc_zero(x->f, struct conversation) };
    int pair[2];

    assert_true(channel_pair(pair));
    s.worker = pair[0];
    assert_true(front_pool_add(x->f, ROLE_LOGON, WORKER, pair[1]));
    assert_true(channel_pair(pair));
    s.module = pair[0];
    s.c->watch.fd = pair[1];
    s.c->tgt.fd = -1;
    s.c->id = JOB;
    s.c->state = CONVERSATION_RUNNING;
    s.c->deadline = INT64_MAX;
    s.c->begin.operation = PROTO_AUTHENTICATE;
    s.c->worker = x->f->logons.workers;
    s.c->next = x->f->conversations;
    (void)snprintf(s.c->begin.user, sizeof(s.c->begin.user), "alice");
    (void)snprintf(s.c->who.name, sizeof(s.c->who.name), "alice");
    assert_true(sid_parse(DOMAIN "-1103", &s.c->who.sid));
    x->f->conversations = s.c;
    x->f->n_conversations++;
    x->f->logons.workers->conversation = s.c;
    return s;
}

static void
scene_end(const struct scene *s)
{
    if (s->x->f->logons.workers != NULL)
        s->x->f->logons.workers->conversation = NULL;
    if (s->x->f->conversations != NULL)
        front_pam_end(s->x->f, s->x->f->conversations, ERR_CANCELLED, false, NULL);
    (void)close(s->module);
    (void)close(s->worker);
    (void)turn(s->x);
}

static void
vouch(int channel, uint32_t worker, uint32_t job, const char *sid)
{
    struct logon_info *info = talloc_zero(NULL, struct logon_info);
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(sid_parse(sid, &info->user));
    info->primary_rid = 513;
    info->user_account_control = USER_NORMAL_ACCOUNT;
    info->account = "alice";
    info->full_name = info->domain_netbios = info->domain_dns = info->upn = info->logon_server = info->logon_script =
        info->profile_path = info->home_directory = info->home_drive = "";
    assert_true(logon_info_settle_groups(info));
    ipc_put_vouch(&w, worker, job, info);
    assert_true(writer_ok(&w) && channel_send(channel, packet, w.len, NULL, 0, false));
    talloc_free(info);
}

/* The worker says that alice is in. */
static void
claim(const struct scene *s, bool passed_through, bool tickets)
{
    struct ipc_result r = { .job = JOB, .err = ERR_OK, .passed_through = passed_through };
    struct writer w = writer_init(packet, sizeof(packet));
    int fd = tickets ? sealed_new("t", "x", 1) : -1;

    ipc_put_result(&w, IPC_RESULT, &r);
    assert_true(channel_send(s->worker, packet, w.len, &fd, tickets ? 1 : 0, false));
    if (fd >= 0)
        (void)close(fd);
    (void)turn(s->x);
}

/* directory is told to learn it: alice is as good as in. The request, 0 if not. */
static uint32_t
learning(const struct scene *s)
{
    char name[PROTO_NAME_MAX + 1];
    struct logon_info *info;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(s->x->directory, packet, sizeof(packet), fds, 0);
    uint32_t request = 0;

    if (n <= 0)
        return 0;
    assert_true(ipc_get_learn(NULL, packet, (size_t)n, &request, name, &info));
    talloc_free(info);
    return request;
}

/* What the module is told at the end. */
static enum err
ended(const struct scene *s, uint32_t *notice_out)
{
    struct proto_order order;
    struct proto_done done;
    ssize_t n = recv(s->module, packet, sizeof(packet), MSG_DONTWAIT);

    *notice_out = 0;
    if (n > 0 && proto_get_order(packet, (size_t)n, &order)) {
        *notice_out = order.code;
        n = recv(s->module, packet, sizeof(packet), MSG_DONTWAIT);
    }
    assert_true(n > 0 && proto_get_done(packet, (size_t)n, &done));
    return done.err;
}

static void
a_worker_s_word_is_not_enough(void **state)
{
    static const struct {
        const char *what;
        enum role by;      /* who vouches; 0: nobody */
        uint32_t worker, job;
        const char *sid;
        bool passed_through, tickets;
        bool in;
        enum err err;      /* told where not in */
    } cases[] = {
        { "a ticket that member has checked", ROLE_MEMBER, WORKER, JOB, DOMAIN "-1103", false, true, true, ERR_OK },
        { "a password that netlogon has passed", ROLE_NETLOGON, WORKER, JOB, DOMAIN "-1103", true, false, true, ERR_OK },
        { "nobody's word for a ticket", 0, 0, 0, NULL, false, true, false, ERR_INTERNAL },
        { "nobody's word for a password", 0, 0, 0, NULL, true, false, false, ERR_INTERNAL },
        { "member's word for a password", ROLE_MEMBER, WORKER, JOB, DOMAIN "-1103", true, false, false, ERR_INTERNAL },
        { "netlogon's word for a ticket", ROLE_NETLOGON, WORKER, JOB, DOMAIN "-1103", false, true, false, ERR_INTERNAL },
        { "the word for another worker", ROLE_NETLOGON, WORKER + 1, JOB, DOMAIN "-1103", true, false, false, ERR_INTERNAL },
        { "the word for another logon", ROLE_NETLOGON, WORKER, JOB - 1, DOMAIN "-1103", true, false, false, ERR_INTERNAL },
        { "the word for another user", ROLE_NETLOGON, WORKER, JOB, DOMAIN "-1104", true, false, false, ERR_WRONG_ACCOUNT },
        { "tickets of a logon that has none", ROLE_NETLOGON, WORKER, JOB, DOMAIN "-1103", true, true, false, ERR_INTERNAL },
        { "no tickets of a logon that has some", ROLE_MEMBER, WORKER, JOB, DOMAIN "-1103", false, false, false, ERR_INTERNAL },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = scene(x);
        uint32_t notice;

        if (cases[i].by != 0)
            vouch(cases[i].by == ROLE_MEMBER ? x->member : x->netlogon, cases[i].worker, cases[i].job, cases[i].sid);
        claim(&s, cases[i].passed_through, cases[i].tickets);
        if ((learning(&s) != 0) != cases[i].in)
            fail_msg("%s: %s", cases[i].what, cases[i].in ? "is not enough" : "lets alice in");
        if (!cases[i].in && ended(&s, &notice) != cases[i].err)
            fail_msg("%s: told something else", cases[i].what);
        scene_end(&s);
    }
}

static void
learn(const struct scene *s, uint32_t request)
{
    struct ipc_learned m = { .request = request, .err = ERR_OK };
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_learned(&w, &m);
    assert_true(channel_send(s->x->directory, packet, w.len, NULL, 0, false));
    (void)turn(s->x);
}

static void
who_has_no_tickets_is_told_so(void **state)
{
    struct fixture *x = *state;
    struct scene s = scene(x);
    uint32_t notice;

    vouch(x->netlogon, WORKER, JOB, DOMAIN "-1103");
    claim(&s, true, false);
    learn(&s, learning(&s));
    assert_int_equal(ended(&s, &notice), ERR_OK);
    assert_int_equal(notice, NOTICE_NO_TICKETS_BY_NTLM);
    scene_end(&s);
    s = scene(x);
    vouch(x->member, WORKER, JOB, DOMAIN "-1103");
    claim(&s, false, true);
    learn(&s, learning(&s));
    assert_int_equal(ended(&s, &notice), ERR_OK);
    assert_int_equal(notice, 0);
    scene_end(&s);
}

/* NTSTATUS has said what there is to say: directory, which may have nobody to ask, is not asked for more. */
static void
a_refusal_by_ntlm_is_final(void **state)
{
    static const enum err errs[] = { ERR_POLICY, ERR_PASSWORD_EXPIRED, ERR_REVOKED };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
        struct scene s = scene(x);
        struct ipc_result r = { .job = JOB, .err = errs[i], .proved = true, .passed_through = true };
        struct writer w = writer_init(packet, sizeof(packet));
        uint32_t notice;

        ipc_put_result(&w, IPC_RESULT, &r);
        assert_true(channel_send(s.worker, packet, w.len, NULL, 0, false));
        (void)turn(x);
        assert_int_equal(ended(&s, &notice), errs[i]);
        scene_end(&s);
    }
}

static void
need_dc(struct fixture *x, uint32_t request)
{
    struct ipc_need_dc m = { .request = request, .avoid = "10.0.0.1" };
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_need_dc(&w, &m);
    assert_true(channel_send(x->netlogon, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

static void
netlogon_is_told_which_controller(void **state)
{
    struct fixture *x = *state;
    struct scene s = scene(x);
    struct ipc_need_dc m;
    struct ipc_dc dc = { .err = ERR_OK, .address = "10.0.0.2" };
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    /* The number of a request of netlogon's is that of a worker. */
    need_dc(x, WORKER);
    n = channel_recv(x->directory, packet, sizeof(packet), fds, 0);
    assert_true(n > 0 && ipc_get_need_dc(packet, (size_t)n, &m));
    assert_string_equal(m.avoid, "10.0.0.1");
    dc.request = m.request;
    ipc_put_dc(&w, &dc);
    assert_true(channel_send(x->directory, packet, w.len, NULL, 0, false));
    (void)turn(x);
    n = channel_recv(x->netlogon, packet, sizeof(packet), fds, 0);
    assert_true(n > 0 && ipc_get_dc(packet, (size_t)n, &dc));
    assert_int_equal(dc.request, WORKER);
    assert_string_equal(dc.address, "10.0.0.2");
    assert_int_equal(channel_recv(s.worker, packet, sizeof(packet), fds, 0), -1);
    scene_end(&s);
}

/* True if keeper was told to end netlogon, among other things. */
static bool
netlogon_is_ended(struct fixture *x)
{
    int fds[CHANNEL_FDS_MAX];
    uint32_t role;

    for (;;) {
        ssize_t n = channel_recv(x->keeper, packet, sizeof(packet), fds, 0);

        if (n <= 0)
            return false;
        channel_close_fds(fds);
        if (ipc_get_number(packet, (size_t)n, IPC_END_ROLE, &role))
            return role == ROLE_NETLOGON;
    }
}

static void
a_netlogon_that_breaks_the_protocol_is_ended(void **state)
{
    struct fixture *x = *state;

    need_dc(x, 0x80000001U);
    assert_true(netlogon_is_ended(x));
    assert_int_equal(x->f->netlogon.fd, -1);
    (void)close(introduce(x, ROLE_NETLOGON));
    (void)turn(x);
    assert_true(channel_send(x->netlogon, "\x7f", 1, NULL, 0, false));
    (void)turn(x);
    assert_true(netlogon_is_ended(x));
}

/* Workers that have the channel of one that has ended. */
static void
a_new_netlogon_has_new_workers(void **state)
{
    struct fixture *x = *state;
    struct scene s = scene(x);

    (void)close(introduce(x, ROLE_NETLOGON));
    (void)turn(x);
    /* That one has a logon to finish. */
    assert_int_equal(x->f->logons.n_workers, 1);
    assert_true(x->f->logons.workers->retire);
    vouch(x->member, WORKER, JOB, DOMAIN "-1103");
    claim(&s, false, true);
    assert_true(learning(&s) != 0);
    assert_int_equal(x->f->logons.n_workers, 0);
    scene_end(&s);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_s_word_is_not_enough),   TEST(who_has_no_tickets_is_told_so),
        TEST(a_refusal_by_ntlm_is_final),      TEST(netlogon_is_told_which_controller),
        TEST(a_netlogon_that_breaks_the_protocol_is_ended), TEST(a_new_netlogon_has_new_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
