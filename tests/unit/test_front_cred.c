/* What a logon leaves, and who may claim it, for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "daemon/front.h"
#include "lib/proto/client.h"

#define ALICE 200001
#define BOB 200002
#define NOBODYS 65534

struct desk {
    struct front *f;
    int keeper;      /* keeper's end of its channel with front */
    int module;      /* the module's end of the connection */
};

/* A connection of a process, about a user of the domain. */
static struct conversation *
conversation(struct desk *d, uint32_t uid, pid_t pid, uid_t peer)
{
    struct conversation *c = talloc_zero(d->f, struct conversation);
    int pair[2];

    assert_true(channel_pair(pair));
    c->watch.fd = pair[0];
    d->module = pair[1];
    c->tgt.fd = c->ntlm.fd = -1;
    c->peer = (struct ucred){ .pid = pid, .uid = peer, .gid = peer };
    c->who.uid = uid;
    c->who.gid = uid;
    (void)snprintf(c->who.name, sizeof(c->who.name), "%s", uid == ALICE ? "alice" : "bob");
    c->next = d->f->conversations;
    d->f->conversations = c;
    d->f->n_conversations++;
    return c;
}

/* A user logs on in the process pid, whose parent is parent. */
static void
log_on(struct desk *d, uint32_t uid, pid_t pid, pid_t parent, uint8_t handle[PROTO_HANDLE_LEN])
{
    struct conversation *c = conversation(d, uid, pid, 0);
    struct ticket *t;
    int pair[2];

    assert_int_equal(pipe(pair), 0);
    (void)close(pair[1]);
    c->tgt.fd = pair[0];
    c->begin.operation = PROTO_AUTHENTICATE;
    c->begin.parent = (uint32_t)parent;
    t = front_ticket_keep(d->f, c);
    assert_non_null(t);
    memcpy(handle, t->handle, PROTO_HANDLE_LEN);
    front_pam_end(d->f, c, ERR_CANCELLED, false, NULL);
    (void)close(d->module);
}

/* What setcred comes to: ERR_OK where keeper is asked to write them. */
static enum err
claim(struct desk *d, uint32_t uid, pid_t pid, uid_t peer, const uint8_t *handle, bool *written_out)
{
    struct conversation *c = conversation(d, uid, pid, peer);
    uint8_t packet[8192];
    struct proto_done done = { .err = ERR_OK };
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    c->begin.operation = PROTO_CRED_ESTABLISH;
    c->begin.has_handle = handle != NULL;
    if (handle != NULL)
        memcpy(c->begin.handle, handle, PROTO_HANDLE_LEN);
    front_cred_begin(d->f, c);
    n = channel_recv(d->keeper, packet, sizeof(packet), fds, 0);
    *written_out = n > 0;
    if (n > 0) {
        assert_int_equal(ipc_type(packet, (size_t)n), IPC_CCACHE_WRITE);
        assert_true(fds[0] >= 0);
        channel_close_fds(fds);
    } else {
        n = recv(d->module, packet, sizeof(packet), MSG_DONTWAIT);
        assert_true(n > 0 && proto_get_done(packet, (size_t)n, &done));
    }
    (void)close(d->module);
    return done.err;
}

static struct desk
begin(void)
{
    struct desk d = { .f = talloc_zero(NULL, struct front) };
    int pair[2];

    assert_true(channel_pair(pair));
    d.f->epoll_fd = -1;
    d.f->keeper.fd = pair[0];
    d.keeper = pair[1];
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        d.f->tickets[i].tgt.fd = d.f->tickets[i].ntlm.fd = -1;
    return d;
}

static void
end(struct desk *d)
{
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        front_ticket_drop(&d->f->tickets[i]);
    while (d->f->conversations != NULL)
        front_pam_end(d->f, d->f->conversations, ERR_CANCELLED, false, NULL);
    (void)close(d->f->keeper.fd);
    (void)close(d->keeper);
    talloc_free(d->f);
}

static void
who_may_claim(void **state)
{
    static const struct {
        const char *what;
        uint32_t uid;
        pid_t pid;
        uid_t peer;
        bool handle;
        bool gets;
    } cases[] = {
        { "the process that logged on", ALICE, 1001, 0, false, true },
        { "its parent, as sshd does", ALICE, 1000, 0, false, true },
        { "another process of root's", ALICE, 1002, 0, false, false },
        { "another process that has the handle", ALICE, 1002, 0, true, true },
        { "the same process for another user", BOB, 1001, 0, false, false },
        { "with the handle for another user", BOB, 1001, 0, true, false },
        { "a process of no rights with the same id", ALICE, 1001, NOBODYS, false, false },
        { "a process of no rights with the handle: a lock screen", ALICE, 1001, NOBODYS, true, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct desk d = begin();
        uint8_t handle[PROTO_HANDLE_LEN];
        bool written;
        enum err err;

        log_on(&d, ALICE, 1001, 1000, handle);
        err = claim(&d, cases[i].uid, cases[i].pid, cases[i].peer, cases[i].handle ? handle : NULL, &written);
        if (written != cases[i].gets || err != (cases[i].gets ? ERR_OK : ERR_NO_TICKETS))
            fail_msg("%s: %s", cases[i].what, err_name((uint32_t)err));
        end(&d);
    }
}

static void
they_are_claimed_once(void **state)
{
    struct desk d = begin();
    uint8_t handle[PROTO_HANDLE_LEN];
    bool written;

    (void)state;
    log_on(&d, ALICE, 1001, 1000, handle);
    assert_int_equal(claim(&d, ALICE, 1001, 0, handle, &written), ERR_OK);
    assert_true(written);
    /* Again is no error, and nothing is written. */
    assert_int_equal(claim(&d, ALICE, 1001, 0, handle, &written), ERR_OK);
    assert_false(written);
    end(&d);
}

static void
they_wait_two_minutes(void **state)
{
    struct desk d = begin();
    uint8_t handle[PROTO_HANDLE_LEN];
    bool written;

    (void)state;
    log_on(&d, ALICE, 1001, 1000, handle);
    front_cred_tick(d.f, front_clock() + 119 * 1000);
    assert_int_equal(d.f->tickets[0].uid + d.f->tickets[1].uid, ALICE);
    front_cred_tick(d.f, front_clock() + 120 * 1000);
    assert_int_equal(claim(&d, ALICE, 1001, 0, handle, &written), ERR_NO_TICKETS);
    assert_false(written);
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        assert_int_equal(d.f->tickets[i].tgt.fd, -1);
    end(&d);
}

static void
the_newest_of_one_process(void **state)
{
    struct desk d = begin();
    uint8_t first[PROTO_HANDLE_LEN], second[PROTO_HANDLE_LEN];
    bool written;
    unsigned left = 0;

    (void)state;
    log_on(&d, ALICE, 1001, 1000, first);
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        d.f->tickets[i].until -= d.f->tickets[i].until != 0 ? 10 : 0;
    log_on(&d, ALICE, 1001, 1000, second);
    assert_int_equal(claim(&d, ALICE, 1001, 0, NULL, &written), ERR_OK);
    assert_true(written);
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        left += d.f->tickets[i].tgt.fd >= 0 && memcmp(d.f->tickets[i].handle, first, sizeof(first)) == 0;
    assert_int_equal(left, 1);
    end(&d);
}

/* One user's many logons take the places of his own, not of others. */
static void
a_user_has_a_share_of_the_places(void **state)
{
    struct desk d = begin();
    uint8_t first[PROTO_HANDLE_LEN], others[PROTO_HANDLE_LEN];
    bool written;

    (void)state;
    log_on(&d, ALICE, 1001, 1000, first);
    d.f->tickets[0].until--;
    for (pid_t pid = 2000; pid < 2000 + 2 * FRONT_TICKETS_MAX; pid++)
        log_on(&d, BOB, pid, 1, others);
    assert_int_equal(claim(&d, ALICE, 1001, 0, first, &written), ERR_OK);
    assert_true(written);
    assert_int_equal(claim(&d, BOB, 2000 + 2 * FRONT_TICKETS_MAX - 1, 0, others, &written), ERR_OK);
    assert_true(written);
    assert_int_equal(claim(&d, BOB, 2000, 0, NULL, &written), ERR_NO_TICKETS);
    end(&d);
}

/* keeper's few processes are not all one user's, who can stop those that have become him. */
static void
caches_at_once_of_an_unprivileged_user(void **state)
{
    struct desk d = begin();
    bool busy[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct conversation *c = conversation(&d, ALICE, 1001, i < 3 ? ALICE : 0);
        struct proto_done done;
        uint8_t packet[8192];
        ssize_t n;

        c->begin.operation = PROTO_CRED_DELETE;
        (void)snprintf(c->begin.ccname, sizeof(c->begin.ccname), "FILE:/tmp/x");
        front_cred_begin(d.f, c);
        n = recv(d.module, packet, sizeof(packet), MSG_DONTWAIT);
        busy[i] = n > 0 && proto_get_done(packet, (size_t)n, &done) && done.err == ERR_BUSY;
        (void)close(d.module);
    }
    assert_false(busy[0] || busy[1]);
    assert_true(busy[2]);
    assert_false(busy[3]); /* root's */
    end(&d);
}

/* The type of what keeper is told; 0: nothing. */
static unsigned
told(struct desk *d)
{
    uint8_t packet[8192];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(d->keeper, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    return n > 0 ? ipc_type(packet, (size_t)n) : 0;
}

/* keeper's word on the cache of the last conversation. */
static void
written(struct desk *d, uint32_t code, const char *name)
{
    struct ipc_ccache_done m = { .request = d->f->conversations->request, .code = code };
    uint8_t packet[512];
    struct writer w = writer_init(packet, sizeof(packet));

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_ccache_done(&w, &m);
    assert_true(front_pam_ccache(d->f, packet, w.len));
}

/* What keeper is told of a file for NTLM after that; 0: nothing. *line_out: the byte that came along. */
static unsigned
told_of_ntlm(struct desk *d, char *line_out)
{
    uint8_t packet[8192];
    struct ipc_ccache m;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(d->keeper, packet, sizeof(packet), fds, 0);
    unsigned type = n > 0 ? ipc_type(packet, (size_t)n) : 0;

    *line_out = 0;
    if (type == 0)
        return 0;
    assert_true(ipc_get_ccache(packet, (size_t)n, (enum ipc_type)type, &m));
    assert_int_equal(m.uid, ALICE);
    assert_string_equal(m.user, "alice");
    assert_string_equal(m.name, "FILE:/tmp/x");
    if (fds[0] >= 0)
        assert_int_equal(pread(fds[0], line_out, 1, 0), 1);
    channel_close_fds(fds);
    return type;
}

/* Is the module told of such a file? It is told of the cache, and that all is done, in any case. */
static bool
module_has_file(int module)
{
    struct proto_order order;
    bool has = false;
    uint8_t packet[8192];
    ssize_t n;

    while ((n = recv(module, packet, sizeof(packet), MSG_DONTWAIT)) > 0 && proto_get_order(packet, (size_t)n, &order)) {
        if (order.what != PROTO_SET_NTLM_FILE)
            continue;
        has = strncmp(order.text, PROTO_NTLM_FOLDER "/200001.", sizeof(PROTO_NTLM_FOLDER "/200001.") - 1) == 0;
    }
    return has;
}

static void
the_nt_hash_goes_where_the_tickets_go(void **state)
{
    static const struct {
        bool keep, has_line;
        uid_t peer;
        unsigned type;
        char line;
    } cases[] = {
        { true, true, 0, IPC_NTLM_KEEP, 'A' },
        { true, true, ALICE, IPC_NTLM_RENEW, 'A' }, /* a lock screen of hers, and no new session */
        { true, false, 0, IPC_NTLM_DROP, 0 },       /* a password, which may be another one by now */
        { false, true, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config = { .keep_nt_hash = cases[i].keep };
        struct desk d = begin();
        struct conversation *c;
        uint8_t handle[PROTO_HANDLE_LEN];
        char line;

        d.f->config = &config;
        c = conversation(&d, ALICE, 1001, 0);
        c->tgt.fd = sealed_new("t", "T", 1);
        c->ntlm.fd = cases[i].has_line ? sealed_new("n", "A", 1) : -1;
        memcpy(handle, front_ticket_keep(d.f, c)->handle, sizeof(handle));
        assert_int_equal(c->ntlm.fd, -1);
        front_pam_end(d.f, c, ERR_CANCELLED, false, NULL);
        (void)close(d.module);
        c = conversation(&d, ALICE, 1001, cases[i].peer);
        c->begin.operation = PROTO_CRED_ESTABLISH;
        c->begin.has_handle = true;
        memcpy(c->begin.handle, handle, sizeof(handle));
        front_cred_begin(d.f, c);
        assert_int_equal(told(&d), IPC_CCACHE_WRITE);
        written(&d, 0, "FILE:/tmp/x");
        assert_int_equal(told_of_ntlm(&d, &line), cases[i].type);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(module_has_file(d.module), cases[i].type == IPC_NTLM_KEEP);
        (void)close(d.module);
        end(&d);
    }
}

/* A cache that sessions share stays at a session's end, and keeper names none then. */
static void
the_nt_hash_goes_with_a_cache_that_has_gone(void **state)
{
    static const struct {
        enum proto_operation operation;
        bool keep;
        uint32_t code;
        const char *name;
        unsigned type;
    } cases[] = {
        { PROTO_CRED_DELETE, true, 0, "FILE:/tmp/x", IPC_NTLM_DROP },
        { PROTO_CLOSE_SESSION, true, 0, "FILE:/tmp/x", IPC_NTLM_DROP },
        { PROTO_CRED_DELETE, true, 0, "", 0 },
        { PROTO_CLOSE_SESSION, true, 0, "", 0 },
        { PROTO_CRED_DELETE, true, 5, "FILE:/tmp/x", 0 },
        { PROTO_CRED_DELETE, false, 0, "FILE:/tmp/x", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config = { .keep_nt_hash = cases[i].keep };
        struct desk d = begin();
        /* Not root's, whose sessions with cards are looked after there, too. */
        struct conversation *c = conversation(&d, ALICE, 1001, ALICE);
        char line;

        d.f->config = &config;
        c->begin.operation = cases[i].operation;
        (void)snprintf(c->begin.ccname, sizeof(c->begin.ccname), "FILE:/tmp/x");
        front_cred_begin(d.f, c);
        assert_int_equal(told(&d), IPC_CCACHE_DESTROY);
        written(&d, cases[i].code, cases[i].name);
        assert_int_equal(told_of_ntlm(&d, &line), cases[i].type);
        assert_int_equal(line, 0);
        (void)close(d.module);
        end(&d);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_claim),
        cmocka_unit_test(they_are_claimed_once),
        cmocka_unit_test(they_wait_two_minutes),
        cmocka_unit_test(the_newest_of_one_process),
        cmocka_unit_test(a_user_has_a_share_of_the_places),
        cmocka_unit_test(caches_at_once_of_an_unprivileged_user),
        cmocka_unit_test(the_nt_hash_goes_where_the_tickets_go),
        cmocka_unit_test(the_nt_hash_goes_with_a_cache_that_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
