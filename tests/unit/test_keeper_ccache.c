/* keeper's processes that write credential caches: for whom, how many, and which one it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/keeper_fixture.h"

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

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(caches_are_for_users_of_the_domain_alone),
        KEEPER_TEST(only_so_many_caches_are_written_at_once),
        KEEPER_TEST(what_waits_goes_to_the_next_that_stands_ready),
        KEEPER_TEST(a_process_that_has_ended_is_given_nothing),
        KEEPER_TEST(a_copy_says_which_process_it_is),
        KEEPER_TEST(a_copy_may_be_quicker_than_keeper),
        KEEPER_TEST(a_new_configuration_is_for_new_processes),
    };

    return KEEPER_MAIN(argc, argv, tests);
}
