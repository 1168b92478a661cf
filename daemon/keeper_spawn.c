#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define FILES_FRONT 16384

struct child *
keeper_child(struct keeper *k, enum role role)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid != 0 && k->children[i].role == role)
            return &k->children[i];
    }
    return NULL;
}

struct child *
keeper_free_child(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid == 0) {
            struct child *c = &k->children[i];

            memset(c, 0, sizeof(*c));
            c->channel = -1;
            return c;
        }
    }
    return NULL;
}

void
keeper_kill(struct child *c)
{
    if (c->pid > 0)
        (void)kill(c->pid, SIGKILL);
}

/* In the child: every descriptor at its place, all others close at exec. */
static bool
place_descriptors(const int *fds, size_t n_fds)
{
    int high[ROLE_FDS_MAX];

    for (size_t i = 0; i < n_fds; i++) {
        high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
        if (fds[i] >= 0 && high[i] < 0)
            return false;
    }
    for (size_t i = 0; i < n_fds; i++) {
        if (high[i] >= 0 && dup2(high[i], FD_KEEPER + (int)i) < 0)
            return false;
    }
    return true;
}

/* In the child: this program again, which becomes `as` itself (role_begin); NULL: not yet. */
static void
become(const struct keeper *k, pid_t keeper, enum role role, const struct account *as, const int *fds, size_t n_fds)
{
    struct rlimit files = { FILES_FRONT, FILES_FRONT };
    char role_option[32], as_option[48];
    const char *argv[5] = { "authsodd", role_option };
    /* A role has no environment but what a sanitizer wants to read. */
    const char *envp[2] = { NULL, NULL };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;
    size_t n = 2;

#ifdef __SANITIZE_ADDRESS__
    envp[0] = "ASAN_OPTIONS=detect_leaks=0:abort_on_error=1";
#endif
    (void)snprintf(role_option, sizeof(role_option), "--role=%s", role_name(role));
    if (as != NULL) {
        (void)snprintf(as_option, sizeof(as_option), "--as=%lu:%lu", (unsigned long)as->uid, (unsigned long)as->gid);
        argv[n++] = as_option;
    }
    if (k->debug)
        argv[n++] = "--debug";
    argv[n] = NULL;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (role == ROLE_FRONT)
        (void)setrlimit(RLIMIT_NOFILE, &files);
    /* No role has anything to read or to type at the terminal that keeper may have been started from. */
    if (!place_descriptors(fds, n_fds) || setsid() < 0 || dup2(null, STDIN_FILENO) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(126);
    (void)umask(077);
    if (getppid() != keeper)
        _exit(126);
    (void)execve("/proc/self/exe", (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
    _exit(127);
}

bool
keeper_spawn(struct keeper *k, struct child *c, enum role role, const struct account *as, const int *fds,
             size_t n_fds)
{
    pid_t keeper = getpid(), pid = fork();

    if (pid < 0) {
        log_error("cannot start %s: %s", role_name(role), strerror(errno));
        return false;
    }
    if (pid == 0)
        become(k, keeper, role, as, fds, n_fds);
    c->pid = pid;
    c->role = role;
    c->started = client_now();
    return true;
}

static void
close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

/* Gives a running role a new channel to one of its peers. */
static void
introduce(const struct child *to, enum role peer, uint32_t id, int fd)
{
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_peer m = { .role = peer, .id = id };

    if (to == NULL)
        return;
    ipc_put_peer(&w, &m);
    if (!channel_send(to->channel, packet, w.len, &fd, 1, false))
        log_error("%s does not take a new channel: %s", role_name(to->role), strerror(errno));
}

static const struct account *
account_of(const struct keeper *k, enum role role)
{
    if (role == ROLE_MEMBER || role == ROLE_NETLOGON || role == ROLE_KEYTAB)
        return &k->member;
    /* logind lets the daemon's user do what it lets no worker that loads other people's code. */
    return role_is_worker(role) && role != ROLE_SESSION ? &k->logon : &k->daemon;
}

#define PEERS_MAX 3

/* With whom a role has a channel, workers apart, in the order of its descriptors. */
static const struct {
    enum role role;
    size_t n;
    enum role peers[PEERS_MAX];
} links[] = {
    { ROLE_FRONT, 3, { ROLE_DIRECTORY, ROLE_MEMBER, ROLE_NETLOGON } },
    { ROLE_DIRECTORY, 3, { ROLE_FRONT, ROLE_MEMBER, ROLE_NETLOGON } },
    { ROLE_MEMBER, 3, { ROLE_FRONT, ROLE_DIRECTORY, ROLE_NETLOGON } },
    { ROLE_NETLOGON, 3, { ROLE_FRONT, ROLE_DIRECTORY, ROLE_MEMBER } },
};

static size_t
peers_of(enum role role, enum role peers_out[PEERS_MAX])
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i].role == role) {
            memcpy(peers_out, links[i].peers, sizeof(links[i].peers));
            return links[i].n;
        }
    }
    return 0;
}

bool
keeper_restart(struct keeper *k, enum role role)
{
    int own[2] = { -1, -1 }, pairs[PEERS_MAX][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    int fds[ROLE_FDS_MAX - FD_KEEPER];
    struct child *c = keeper_free_child(k);
    enum role peers[PEERS_MAX];
    size_t n = 0, n_peers = peers_of(role, peers);
    bool ok = channel_pair(own);

    for (size_t i = 0; ok && i < n_peers; i++)
        ok = channel_pair(pairs[i]);
    if (!ok)
        goto done;
    fds[n++] = own[1];
    fds[n++] = k->config_fd;
    if (role == ROLE_FRONT) {
        fds[n++] = k->nss_fd;
        fds[n++] = k->pam_fd;
    }
    for (size_t i = 0; i < n_peers; i++)
        fds[n++] = pairs[i][1];
    if (role == ROLE_MEMBER)
        fds[n++] = k->cards_fd;
    ok = c != NULL && keeper_spawn(k, c, role, account_of(k, role), fds, n);
    if (!ok)
        goto done;
    c->channel = own[0];
    own[0] = -1;
    for (size_t i = 0; i < n_peers; i++)
        introduce(keeper_child(k, peers[i]), role, 0, pairs[i][0]);

done:
    close_all(own, 2);
    for (size_t i = 0; i < PEERS_MAX; i++)
        close_all(pairs[i], 2);
    return ok;
}

/*
 * Each role starts with channels to nobody yet, and is introduced to those
 * that start after it: the same way as after a restart.
 */
bool
keeper_start_roles(struct keeper *k)
{
    return keeper_restart(k, ROLE_DIRECTORY) && keeper_restart(k, ROLE_MEMBER) && keeper_restart(k, ROLE_NETLOGON) &&
           keeper_restart(k, ROLE_FRONT) && keeper_start_worker(k, ROLE_LOGON);
}

/* With how many of its possible peers a worker has a channel. NTLM is for passwords alone. */
static size_t
worker_peers(enum role role)
{
    return role == ROLE_LOGON ? PEERS_MAX : role == ROLE_CARD ? PEERS_MAX - 1 : 1;
}

bool
keeper_start_worker(struct keeper *k, enum role role)
{
    /* In the order of its descriptors. */
    static const enum role peers[PEERS_MAX] = { ROLE_FRONT, ROLE_MEMBER, ROLE_NETLOGON };
    size_t n_peers = worker_peers(role);
    int own[2] = { -1, -1 }, pairs[PEERS_MAX][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    struct child *c = keeper_free_child(k);
    bool ok = c != NULL && channel_pair(own);

    for (size_t i = 0; ok && i < n_peers; i++)
        ok = channel_pair(pairs[i]);
    ok = ok && keeper_spawn(k, c, role, account_of(k, role),
                            (int[]){ own[1], k->config_fd, pairs[0][1], pairs[1][1], pairs[2][1] }, 2 + n_peers);
    if (ok) {
        c->id = ++k->last_worker;
        c->channel = own[0];
        own[0] = -1;
        /* front last: it may give the worker something to do at once. */
        for (size_t i = n_peers; i-- > 0;)
            introduce(keeper_child(k, peers[i]), role, c->id, pairs[i][0]);
    }
    close_all(own, 2);
    for (size_t i = 0; i < PEERS_MAX; i++)
        close_all(pairs[i], 2);
    return ok;
}

struct child *
keeper_ccache_parent(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid != 0 && k->children[i].copies && k->children[i].id == 0 && k->children[i].channel >= 0)
            return &k->children[i];
    }
    return NULL;
}

static struct child *
start_ccache_parent(struct keeper *k)
{
    struct child *c = keeper_free_child(k);
    int own[2] = { -1, -1 };

    if (c == NULL || !channel_pair(own))
        return NULL;
    if (keeper_spawn(k, c, ROLE_CCACHE, NULL, (int[]){ own[1], k->config_fd }, 2)) {
        c->channel = own[0];
        c->copies = c->answered = true;
        own[0] = -1;
    } else {
        c = NULL;
    }
    close_all(own, 2);
    return c;
}

/* Has the parent make a copy of itself, with the channel. */
static bool
copy(const struct child *parent, int channel)
{
    uint8_t packet[1];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_empty(&w, IPC_CCACHE_CHILD);
    return channel_send(parent->channel, packet, w.len, &channel, 1, false);
}

struct child *
keeper_start_ccache(struct keeper *k)
{
    struct child *parent = keeper_ccache_parent(k), *c;
    int own[2] = { -1, -1 };
    unsigned running = 0;

    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        running += k->children[i].pid != 0 && k->children[i].role == ROLE_CCACHE && !k->children[i].copies;
    if (running >= KEEPER_CCACHES_MAX)
        return NULL;
    if (parent == NULL)
        parent = start_ccache_parent(k);
    c = keeper_free_child(k);
    if (parent == NULL || c == NULL || !channel_pair(own))
        return NULL;
    if (copy(parent, own[1])) {
        c->pid = CHILD_UNBORN;
        c->role = ROLE_CCACHE;
        c->started = client_now();
        c->deadline = c->started + KEEPER_BIRTH_MS;
        c->channel = own[0];
        own[0] = -1;
    } else {
        c = NULL;
    }
    close_all(own, 2);
    return c;
}

struct child *
keeper_start_keytab(struct keeper *k)
{
    struct child *c = keeper_free_child(k);
    int own[2] = { -1, -1 };

    errno = EAGAIN;
    if (c == NULL || !channel_pair(own))
        return NULL;
    if (keeper_spawn(k, c, ROLE_KEYTAB, account_of(k, ROLE_KEYTAB), (int[]){ own[1], k->config_fd }, 2)) {
        c->channel = own[0];
        own[0] = -1;
    } else {
        c = NULL;
    }
    close_all(own, 2);
    return c;
}

struct child *
keeper_spare_ccache(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid != 0 && k->children[i].role == ROLE_CCACHE && !k->children[i].copies &&
            k->children[i].id == 0 && k->children[i].channel >= 0)
            return &k->children[i];
    }
    return NULL;
}
