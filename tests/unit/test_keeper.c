/* daemon/keeper: what a role that was taken over may ask for, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/proto/sealed.h"

#define DOMAIN_UID 2001104U /* in the range, and nobody's here */
#define DOMAIN_GID 2000513U

static struct keeper *k;
static struct child *front;
static int to_front;      /* what keeper tells front */
static uint8_t packet[CHANNEL_PACKET_MAX];
static pid_t victims[4];  /* processes that only wait for their end */
static size_t n_victims;

static void
complain(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static int
setup(void **state)
{
    static const char text[] = "[domain]\nname = corp.test\n[logon]\nworkers = 4\n";
    int pair[2];

    (void)state;
    k = talloc_zero(NULL, struct keeper);
    k->config = config_parse_as(k, text, sizeof(text) - 1, "c", "ws1", complain, NULL);
    assert_non_null(k->config);
    assert_true(channel_pair(pair));
    k->config_fd = k->nss_fd = k->pam_fd = -1;
    front = &k->children[0];
    front->pid = getpid();
    front->role = ROLE_FRONT;
    front->channel = pair[0];
    to_front = pair[1];
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    while (n_victims > 0) {
        (void)kill(victims[--n_victims], SIGKILL);
        (void)waitpid(victims[n_victims], NULL, 0);
    }
    (void)close(front->channel);
    (void)close(to_front);
    talloc_free(k);
    return 0;
}

/* A process that keeper may end. It holds none of our descriptors, and ends with us, too. */
static pid_t
victim_new(void)
{
    pid_t test = getpid(), pid = fork();

    assert_true(pid >= 0 && n_victims < sizeof(victims) / sizeof(victims[0]));
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == test && close_range(0, ~0U, 0) == 0)
            (void)pause();
        _exit(0);
    }
    victims[n_victims++] = pid;
    return pid;
}

/* It is ended by a signal, at once. */
static void
assert_ended(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (size_t i = 0; i < n_victims; i++) {
        if (victims[i] == pid)
            victims[i] = victims[--n_victims];
    }
}

/* True if keeper takes the message of a process of that role; false: it ends the role. */
static bool
takes(enum role role, const void *message, size_t len, int descriptor)
{
    struct child from = { .pid = getpid(), .role = role, .channel = front->channel };
    int fds[CHANNEL_FDS_MAX] = { descriptor, -1, -1, -1 };

    return keeper_request(k, role == ROLE_FRONT ? front : &from, message, len, fds);
}

static unsigned
count(enum role role)
{
    unsigned n = 0;

    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        n += k->children[i].pid != 0 && k->children[i].role == role;
    return n;
}

static size_t
put_ccache(enum ipc_type type, uint32_t uid, uint32_t gid, const char *user)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache m = { .request = 7, .uid = uid, .gid = gid };

    (void)snprintf(m.user, sizeof(m.user), "%s", user);
    ipc_put_ccache(&w, type, &m);
    assert_true(writer_ok(&w));
    return w.len;
}

/* The code that front is told for its request. */
static uint32_t
told(void)
{
    struct ipc_ccache_done done;
    int fds[CHANNEL_FDS_MAX];
    uint8_t answer[2048];
    ssize_t n = channel_recv(to_front, answer, sizeof(answer), fds, 0);

    assert_true(n > 0 && ipc_get_ccache_done(answer, (size_t)n, &done));
    assert_int_equal(done.request, 7);
    return done.code;
}

static void
caches_are_for_users_of_the_domain_alone(void **state)
{
    static const struct {
        uint32_t uid, gid;
        const char *user;
    } cases[] = {
        { 0, 0, "root" },
        { 0, DOMAIN_GID, "alice" },
        { 1, DOMAIN_GID, "alice" },
        { 999, DOMAIN_GID, "alice" },
        { 1000, DOMAIN_GID, "alice" },
        { 65534, DOMAIN_GID, "alice" },
        { 199999, DOMAIN_GID, "alice" },
        { 2000200000, DOMAIN_GID, "alice" },
        { UINT32_MAX, DOMAIN_GID, "alice" },
        { DOMAIN_UID, 0, "alice" },
        { DOMAIN_UID, 27, "alice" },
        { DOMAIN_UID, 1000, "alice" },
        { DOMAIN_UID, 199999, "alice" },
        { DOMAIN_UID, UINT32_MAX, "alice" },
        { DOMAIN_UID, DOMAIN_GID, "root" },
        { DOMAIN_UID, DOMAIN_GID, "daemon" },
    };
    int descriptor = sealed_new("t", "x", 1);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum ipc_type type = IPC_CCACHE_WRITE; type <= IPC_CCACHE_DESTROY; type++) {
            size_t n = put_ccache(type, cases[i].uid, cases[i].gid, cases[i].user);

            if (takes(ROLE_FRONT, packet, n, descriptor))
                fail_msg("%u:%u %s", cases[i].uid, cases[i].gid, cases[i].user);
        }
    }
    /* A write without credentials is none. */
    assert_false(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_WRITE, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
    assert_int_equal(count(ROLE_CCACHE), 0);
    (void)close(descriptor);
}

/* What is more waits in line, and the line has an end. */
static void
only_so_many_caches_are_written_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= KEEPER_CCACHES_MAX; i++) {
        k->children[i].pid = getpid();
        k->children[i].role = ROLE_CCACHE;
        k->children[i].id = i;
    }
    for (int i = 0; i < KEEPER_CCACHES_QUEUED; i++)
        assert_true(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_DESTROY, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
    for (int i = 0; i < 100; i++) {
        assert_true(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_DESTROY, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
        assert_int_equal(told(), EAGAIN);
    }
    assert_int_equal(count(ROLE_CCACHE), KEEPER_CCACHES_MAX);
    keeper_ccache_forget(k);
}

/* A process that stands ready at that place; gives its end of the channel. */
static int
spare_at(size_t place, pid_t pid)
{
    struct child *c = &k->children[place];
    int pair[2];

    assert_true(channel_pair(pair));
    *c = (struct child){ .pid = pid, .role = ROLE_CCACHE, .channel = pair[0] };
    return pair[1];
}

/* The request that the process was given; 0: none. */
static uint32_t
given(int fd)
{
    struct ipc_ccache m = { 0 };
    uint8_t message[4096];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(fd, message, sizeof(message), fds, 0);

    if (n < 0)
        return 0;
    channel_close_fds(fds);
    assert_true(ipc_get_ccache(message, (size_t)n, IPC_CCACHE_DESTROY, &m));
    assert_int_equal(m.uid, DOMAIN_UID);
    assert_int_equal(m.gid, DOMAIN_GID);
    return m.request;
}

/* Places for processes are all taken: who writes a cache has none to spare. */
static void
keep_busy(size_t first)
{
    for (size_t i = first; i <= KEEPER_CCACHES_MAX; i++)
        k->children[i] = (struct child){ .pid = getpid(), .role = ROLE_CCACHE, .id = 100 + (uint32_t)i, .channel = -1 };
}

static void
what_waits_goes_to_the_next_that_stands_ready(void **state)
{
    int process;

    (void)state;
    keep_busy(1);
    assert_true(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_DESTROY, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
    keeper_ccache_tick(k);
    assert_non_null(k->ccaches);
    process = spare_at(3, getpid());
    keeper_ccache_tick(k);
    assert_null(k->ccaches);
    assert_int_equal(given(process), 7);
    assert_int_equal(k->children[3].id, 7);
    assert_true(k->children[3].deadline > 0);
    /* Once. */
    keeper_ccache_tick(k);
    assert_int_equal(given(process), 0);
    (void)close(k->children[3].channel);
    (void)close(process);
}

static void
a_process_that_has_ended_is_given_nothing(void **state)
{
    pid_t seen = victim_new(), victim = victim_new();
    int hung_up, ready;

    (void)state;
    keep_busy(4);
    /* One whose end keeper has seen, one that has ended just now, and one that lives. */
    (void)close(spare_at(1, seen));
    (void)close(k->children[1].channel);
    k->children[1].channel = -1;
    hung_up = spare_at(2, victim);
    (void)close(hung_up);
    ready = spare_at(3, getpid());
    assert_true(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_DESTROY, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
    assert_int_equal(given(ready), 7);
    assert_null(k->ccaches);
    assert_int_equal(waitpid(seen, NULL, WNOHANG), 0);
    assert_int_equal(k->children[1].id, 0);
    /* That one is ended, and its end is not taken for an answer to the request. */
    assert_ended(victim);
    keeper_ccache_result(k, &k->children[2], NULL, 0);
    assert_int_equal(recv(to_front, packet, sizeof(packet), MSG_DONTWAIT), -1);
    (void)close(k->children[2].channel);
    (void)close(k->children[3].channel);
    (void)close(ready);
}

/* The process whose copies do the work, at place 1; gives its end of the channel. */
static int
parent_new(void)
{
    int end = spare_at(1, getppid());

    k->children[1].copies = k->children[1].answered = true;
    return end;
}

/* The channel of the copy that the parent is to make; -1: of none. */
static int
wanted(int parent)
{
    uint8_t message[16];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(parent, message, sizeof(message), fds, 0);

    if (n < 0)
        return -1;
    assert_true(ipc_get_empty(message, (size_t)n, IPC_CCACHE_CHILD) && fds[0] >= 0);
    return fds[0];
}

static bool
says(struct child *c, enum ipc_type type, uint32_t number)
{
    uint8_t message[16];
    struct writer w = writer_init(message, sizeof(message));

    ipc_put_number(&w, type, number);
    return keeper_ccache_message(k, c, message, w.len);
}

static void
a_copy_says_which_process_it_is(void **state)
{
    int parent = parent_new(), channel;
    pid_t victim = victim_new(), taken = victim_new();
    struct child *c;

    (void)state;
    k->children[5].pid = taken;
    keeper_ccache_tick(k);
    channel = wanted(parent);
    assert_true(channel >= 0);
    c = keeper_spare_ccache(k);
    assert_non_null(c);
    assert_int_equal(c->pid, CHILD_UNBORN);
    assert_true(c->deadline > 0);
    /* One is enough. */
    keeper_ccache_tick(k);
    assert_int_equal(wanted(parent), -1);
    /* It is none that keeper could not wait for, or knows as another one. */
    assert_false(says(c, IPC_CCACHE_BORN, 0));
    assert_false(says(c, IPC_CCACHE_BORN, 1));
    assert_false(says(c, IPC_CCACHE_BORN, (uint32_t)getpid()));
    assert_false(says(c, IPC_CCACHE_BORN, (uint32_t)taken));
    assert_false(says(c, IPC_CCACHE_BORN, UINT32_MAX));
    assert_false(says(c, IPC_PING, (uint32_t)victim));
    assert_false(says(&k->children[1], IPC_CCACHE_BORN, (uint32_t)victim));
    assert_int_equal(c->pid, CHILD_UNBORN);
    assert_true(says(c, IPC_CCACHE_BORN, (uint32_t)victim));
    assert_int_equal(c->pid, victim);
    assert_int_equal(c->deadline, 0);
    assert_false(k->reap_again);
    /* Once. */
    assert_false(says(c, IPC_CCACHE_BORN, (uint32_t)victim));
    k->children[5].pid = 0;
    (void)close(c->channel);
    (void)close(channel);
    (void)close(k->children[1].channel);
    (void)close(parent);
}

/* Its work may be with it before it says who it is, and it may have ended before keeper hears that. */
static void
a_copy_may_be_quicker_than_keeper(void **state)
{
    int parent = parent_new(), channel;
    pid_t victim = victim_new();
    siginfo_t ended;
    struct child *c;

    (void)state;
    assert_true(takes(ROLE_FRONT, packet, put_ccache(IPC_CCACHE_DESTROY, DOMAIN_UID, DOMAIN_GID, "alice"), -1));
    assert_null(k->ccaches);
    channel = wanted(parent);
    assert_int_equal(given(channel), 7);
    c = &k->children[2];
    assert_int_equal(c->pid, CHILD_UNBORN);
    assert_int_equal(c->id, 7);
    (void)kill(victim, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)victim, &ended, WEXITED | WNOWAIT), 0);
    assert_true(says(c, IPC_CCACHE_BORN, (uint32_t)victim));
    assert_true(k->reap_again);
    assert_true(c->deadline > 0);
    (void)close(c->channel);
    (void)close(channel);
    (void)close(k->children[1].channel);
    (void)close(parent);
}

static void
a_new_configuration_is_for_new_processes(void **state)
{
    int parent = parent_new(), spare = spare_at(2, getppid()), busy = spare_at(3, getppid());
    char c;

    (void)state;
    k->children[3].id = 9;
    keeper_ccache_renew(k);
    assert_int_equal(recv(parent, &c, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(spare, &c, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(busy, &c, 1, MSG_DONTWAIT), -1);
    assert_null(keeper_ccache_parent(k));
    assert_null(keeper_spare_ccache(k));
    for (size_t i = 1; i <= 3; i++)
        (void)close(k->children[i].channel);
    (void)close(parent);
    (void)close(spare);
    (void)close(busy);
}

static void
workers_are_started_up_to_a_bound(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_number(&w, IPC_SPAWN, ROLE_LOGON);
    for (size_t i = 1; i < 8; i++) {
        k->children[i].pid = getpid();
        k->children[i].role = ROLE_LOGON;
    }
    for (int i = 0; i < 1000; i++)
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    /* Twice the configured number; the one that was missing was started, and it is this program again. */
    assert_int_equal(count(ROLE_LOGON), 8);
    assert_int_equal(waitpid(k->children[8].pid, NULL, 0), k->children[8].pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    (void)close(k->children[8].channel);
    k->children[8].pid = 0;
    /* None when the end has begun. */
    k->stopping = true;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(count(ROLE_LOGON), 7);
}

/* Beside the others, whose number does not count. */
static void
card_workers_are_started_up_to_a_bound(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_number(&w, IPC_SPAWN, ROLE_CARD);
    for (size_t i = 1; i < 8 + KEEPER_CARDS_MAX; i++) {
        k->children[i].pid = getpid();
        k->children[i].role = i < 8 ? ROLE_CARD : ROLE_LOGON;
    }
    for (int i = 0; i < 1000; i++)
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(count(ROLE_CARD), KEEPER_CARDS_MAX);
    assert_int_equal(k->children[8 + KEEPER_CARDS_MAX].role, ROLE_CARD);
    assert_true(k->children[8 + KEEPER_CARDS_MAX].id != 0);
    assert_int_equal(waitpid(k->children[8 + KEEPER_CARDS_MAX].pid, NULL, 0), k->children[8 + KEEPER_CARDS_MAX].pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    (void)close(k->children[8 + KEEPER_CARDS_MAX].channel);
    k->children[8 + KEEPER_CARDS_MAX].pid = 0;
    /* Of those that are about sessions there is one, and one on its way out. */
    for (enum role role = ROLE_WATCH; role <= ROLE_SESSION; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_SPAWN, role);
        k->children[1].role = k->children[2].role = role;
        for (int i = 0; i < 10; i++)
            assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_int_equal(count(role), KEEPER_WATCHERS_MAX);
    }
    /* What is no worker is not started so. */
    for (uint32_t role = 0; role < 16; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_SPAWN, role);
        k->stopping = true;
        assert_int_equal(takes(ROLE_FRONT, packet, w.len, -1), role == ROLE_LOGON || role == ROLE_CARD ||
                                                                   role == ROLE_WATCH || role == ROLE_SESSION);
    }
}

static void
nobody_else_is_ended_for_a_worker(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    pid_t victim = victim_new();

    (void)state;
    k->children[1].pid = victim;
    k->children[1].role = ROLE_MEMBER;
    k->children[1].id = 5;
    ipc_put_number(&w, IPC_END_WORKER, 5);
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(waitpid(victim, NULL, WNOHANG), 0);
    k->children[1].role = ROLE_LOGON;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_ended(victim);
    victim = victim_new();
    k->children[1].pid = victim;
    k->children[1].role = ROLE_CARD;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_ended(victim);
}

static void
a_role_that_broke_the_protocol_is_ended(void **state)
{
    static const enum role roles[] = { ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON };
    struct writer w;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pid_t victim = victim_new();

        k->children[1].pid = victim;
        k->children[1].role = roles[i];
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, roles[(i + 1) % 3]);
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_int_equal(waitpid(victim, NULL, WNOHANG), 0);
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, roles[i]);
        assert_false(takes(roles[i], packet, w.len, -1));
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_ended(victim);
        k->children[1].pid = 0;
    }
    for (uint32_t role = 0; role < 16; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, role);
        assert_int_equal(takes(ROLE_FRONT, packet, w.len, -1), role == ROLE_MEMBER || role == ROLE_DIRECTORY || role == ROLE_NETLOGON);
    }
}

static void
the_table_is_closed(void **state)
{
    static const enum role roles[] = { ROLE_FRONT, ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON, ROLE_LOGON, ROLE_CCACHE,
                                       ROLE_KEYTAB, ROLE_CARD, ROLE_WATCH, ROLE_SESSION, ROLE_KEEPER };
    uint8_t bytes[64] = { 0 };

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bytes[0] = (uint8_t)type;
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
            bool may = (roles[i] == ROLE_FRONT && type == IPC_SPAWN) || (roles[i] == ROLE_MEMBER && type == IPC_GET_KEYTAB) ||
                       (roles[i] == ROLE_NETLOGON && type == IPC_GET_SECRET);

            /* A type alone is a message for those only that have no fields. */
            if (!may && takes(roles[i], bytes, 1, -1))
                fail_msg("%u by %s", type, role_name(roles[i]));
            if (takes(roles[i], bytes, sizeof(bytes), -1))
                fail_msg("%u, too long, by %s", type, role_name(roles[i]));
        }
    }
    assert_false(takes(ROLE_FRONT, bytes, 0, -1));
    assert_int_equal(count(ROLE_LOGON), 0);
}

static void
each_request_is_one_role_s(void **state)
{
    static const enum role others[] = { ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON, ROLE_LOGON, ROLE_CCACHE, ROLE_KEYTAB,
                                        ROLE_CARD, ROLE_WATCH, ROLE_SESSION };
    struct writer w = writer_init(packet, sizeof(packet));
    const struct ipc_rotate_holds holds = { .slot = 3, .controller = "dc1" };
    const struct ipc_rotate_end end = { .outcome = IPC_ROTATE_TAKEN, .controller = "dc1" };
    int descriptor = sealed_new("t", "x", 1);
    size_t n;

    (void)state;
    ipc_put_number(&w, IPC_PING, 5);
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(k->ping_seen, 5);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_PING, 6);
        assert_false(takes(others[i], packet, w.len, -1));
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_WORKER, 1);
        assert_false(takes(others[i], packet, w.len, -1));
        n = put_ccache(IPC_CCACHE_WRITE, DOMAIN_UID, DOMAIN_GID, "alice");
        assert_false(takes(others[i], packet, n, descriptor));
    }
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_GET_KEYTAB);
    assert_false(takes(ROLE_FRONT, packet, w.len, -1));
    assert_false(takes(ROLE_DIRECTORY, packet, w.len, -1));
    assert_false(takes(ROLE_LOGON, packet, w.len, -1));
    assert_false(takes(ROLE_NETLOGON, packet, w.len, -1));
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_GET_SECRET);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    /* What nobody has asked for is passed over; keys come from nobody else, and a failure has no descriptor. */
    w = writer_init(packet, sizeof(packet));
    ipc_put_rotate_holds(&w, &holds);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    w = writer_init(packet, sizeof(packet));
    ipc_put_rotate_end(&w, &end);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    w = writer_init(packet, sizeof(packet));
    ipc_put_number(&w, IPC_KEYTAB, 0);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, descriptor), role == ROLE_KEYTAB);
    assert_false(takes(ROLE_KEYTAB, packet, w.len, -1));
    assert_int_equal(k->ping_seen, 5);
    (void)close(descriptor);
}

int
main(int argc, char **argv)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(caches_are_for_users_of_the_domain_alone),
        TEST(only_so_many_caches_are_written_at_once),
        TEST(what_waits_goes_to_the_next_that_stands_ready),
        TEST(a_process_that_has_ended_is_given_nothing),
        TEST(a_copy_says_which_process_it_is),
        TEST(a_copy_may_be_quicker_than_keeper),
        TEST(a_new_configuration_is_for_new_processes),
        TEST(workers_are_started_up_to_a_bound),
        TEST(card_workers_are_started_up_to_a_bound),
        TEST(nobody_else_is_ended_for_a_worker),
        TEST(a_role_that_broke_the_protocol_is_ended),
        TEST(the_table_is_closed),
        TEST(each_request_is_one_role_s),
    };

    if (argc > 1 && strncmp(argv[1], "--role=", 7) == 0)
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
