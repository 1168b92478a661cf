#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/keeper_fixture.h"

struct keeper *k;
struct child *front;
int to_front;
uint8_t packet[CHANNEL_PACKET_MAX];
static pid_t victims[4];  /* processes that only wait for their end */
static size_t n_victims;

static void
complain(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

int
keeper_begin(void **state)
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

int
keeper_end(void **state)
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

pid_t
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

void
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

bool
takes(enum role role, const void *message, size_t len, int descriptor)
{
    struct child from = { .pid = getpid(), .role = role, .channel = front->channel };
    int fds[CHANNEL_FDS_MAX] = { descriptor, -1, -1, -1 };

    return keeper_request(k, role == ROLE_FRONT ? front : &from, message, len, fds);
}

unsigned
count(enum role role)
{
    unsigned n = 0;

    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        n += k->children[i].pid != 0 && k->children[i].role == role;
    return n;
}

size_t
put_ccache(enum ipc_type type, uint32_t uid, uint32_t gid, const char *user)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache m = { .request = 7, .uid = uid, .gid = gid };

    (void)snprintf(m.user, sizeof(m.user), "%s", user);
    ipc_put_ccache(&w, type, &m);
    assert_true(writer_ok(&w));
    return w.len;
}
