#include "daemon/keeper.h"

#include <errno.h>
#include <nss.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define PING_EVERY_MS 2000
#define PING_DEADLINE_MS 15000
#define STOP_DEADLINE_MS 35000
#define WELL_MS 60000          /* who ran for so long does not keep ending */
#define FIXED 4                /* descriptors of keeper's own that are polled */

static void
tell_error(void *arg, const char *message)
{
    (void)arg;
    log_error("%s", message);
}

/* Reads the file; on success the configuration and the memfd with its text are replaced. */
static bool
load_config(struct keeper *k)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = NULL;
    bool ok = false;
    char *text;
    size_t len;
    int fd = -1;

    text = config_read(mem, k->config_path, &len, tell_error, NULL);
    if (text != NULL)
        c = config_parse(mem, text, len, k->config_path, tell_error, NULL);
    if (c == NULL)
        goto done;
    if (c->name[0] == '\0') {
        log_error("%s names no domain: set `name` in [domain], see authsod.conf(5)", k->config_path);
        goto done;
    }
    /* An empty file has no text that could be mapped. */
    fd = sealed_new("authsod.conf", len > 0 ? text : "\n", len > 0 ? len : 1);
    if (fd < 0)
        goto done;
    if (k->config_fd >= 0)
        (void)close(k->config_fd);
    k->config_fd = fd;
    talloc_free(k->config);
    k->config = talloc_steal(NULL, c);
    log_init("keeper", k->debug ? LOG_LEVEL_DEBUG : c->log_level);
    ok = true;

done:
    talloc_free(mem);
    return ok;
}

static void
send_all(struct keeper *k, enum ipc_type type, int fd)
{
    static const enum role roles[] = { ROLE_DIRECTORY, ROLE_MEMBER, ROLE_NETLOGON, ROLE_FRONT };
    uint8_t packet[1];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_empty(&w, type);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        const struct child *c = keeper_child(k, roles[i]);

        if (c != NULL && !channel_send(c->channel, packet, w.len, &fd, fd < 0 ? 0 : 1, false))
            log_error("%s does not take a message: %s", role_name(roles[i]), strerror(errno));
    }
}

static void
reload(struct keeper *k)
{
    notify("RELOADING=1");
    if (load_config(k)) {
        keeper_ntlm_config(k);
        keeper_local_config(k);
        keeper_rotate_config(k);
        send_all(k, IPC_CONFIG, k->config_fd);
        keeper_ccache_renew(k);
        log_info("the configuration was read again");
    } else {
        log_error("the configuration was not read again: what was in force stays");
    }
    notify("READY=1");
}

static void
stop(struct keeper *k)
{
    const struct child *front = keeper_child(k, ROLE_FRONT);
    uint8_t packet[1];
    struct writer w = writer_init(packet, sizeof(packet));

    if (k->stopping)
        return;
    log_info("ending when what runs has ended");
    notify("STOPPING=1");
    k->stopping = true;
    k->stop_at = client_now() + STOP_DEADLINE_MS;
    ipc_put_empty(&w, IPC_STOP);
    if (front != NULL)
        (void)channel_send(front->channel, packet, w.len, NULL, 0, false);
}

/* The next one hears nothing of what this one asked for. */
static void
front_gone(struct keeper *k)
{
    keeper_ccache_forget(k);
    keeper_map_front_gone(k);
}

/* A role's process has ended. */
static void
bury(struct keeper *k, struct child *c, int status)
{
    enum role role = c->role;
    pid_t pid = c->pid;
    bool spare = c->id == 0, was_well = client_now() - c->started >= WELL_MS;

    if (role == ROLE_CCACHE && !spare)
        keeper_ccache_result(k, c, NULL, 0);
    else if (WIFSIGNALED(status))
        log_error("%s (process %ld) was ended by signal %d", role_name(role), (long)c->pid, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_error("%s (process %ld) ended with status %d", role_name(role), (long)c->pid, WEXITSTATUS(status));
    if (c->channel >= 0)
        (void)close(c->channel);
    memset(c, 0, sizeof(*c));
    c->channel = -1;
    if (role == ROLE_CCACHE)
        keeper_ccache_next(k);
    else if (role == ROLE_FRONT)
        front_gone(k);
    else
        keeper_rotate_gone(k, role, pid);
    if (k->stopping || role == ROLE_KEYTAB || (role == ROLE_CCACHE && !spare) || role_is_worker(role))
        return;
    /* Workers know one member and one front: new ones come with the new. */
    if (role == ROLE_FRONT || role == ROLE_MEMBER) {
        for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
            if (role_is_worker(k->children[i].role))
                keeper_kill(&k->children[i]);
        }
    }
    if (was_well)
        k->restarts[role] = 0;
    k->restart_at[role] = client_now() + (KEEPER_PAUSE_MS << (k->restarts[role] > 6 ? 6 : k->restarts[role])) -
                          (k->restarts[role] == 0 ? KEEPER_PAUSE_MS : 0);
    k->restarts[role]++;
}

static void
read_child(struct keeper *k, struct child *c)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(c->channel, packet, sizeof(packet), fds, 0);
    bool good;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    good = n > 0 && (c->role == ROLE_CCACHE ? keeper_ccache_message(k, c, packet, (size_t)n)
                                            : keeper_request(k, c, packet, (size_t)n, fds));
    if (n > 0 && !good) {
        log_alarm("%s asked for what it may not (message %u): it is ended", role_name(c->role),
                  ipc_type(packet, (size_t)n));
        keeper_kill(c);
    } else if (n <= 0) {
        (void)close(c->channel);
        c->channel = -1;
        if (!role_is_worker(c->role) && c->role != ROLE_CCACHE && c->role != ROLE_KEYTAB && !k->stopping)
            keeper_kill(c);
    }
    /* Of such a one there is nothing but its channel. */
    if (!good && c->pid == CHILD_UNBORN) {
        bury(k, c, 0);
        k->reap_again = true;
    }
    channel_close_fds(fds);
}

static bool
is_known(const struct keeper *k, pid_t pid)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid == pid)
            return true;
    }
    return false;
}

static bool
is_unborn(const struct keeper *k)
{
    return is_known(k, CHILD_UNBORN);
}

/* Copies that have ended without a first word: of nobody who is still to say one. */
static void
reap_unknown(struct keeper *k)
{
    siginfo_t ended = { 0 };

    while (!is_unborn(k) && waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0 &&
           !is_known(k, ended.si_pid)) {
        (void)waitpid(ended.si_pid, NULL, WNOHANG);
        ended.si_pid = 0;
    }
}

static void
reap(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        struct child *c = &k->children[i];
        siginfo_t ended = { 0 };
        int status;

        if (c->pid <= 0 || waitid(P_PID, (id_t)c->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0)
            continue;
        /* The result of one that has done its work may still wait in its channel. */
        if ((c->role == ROLE_CCACHE || c->role == ROLE_KEYTAB) && c->channel >= 0)
            read_child(k, c);
        if (waitpid(c->pid, &status, WNOHANG) == c->pid)
            bury(k, c, status);
    }
    reap_unknown(k);
}

/* Starts what has ended and is due. */
static void
restart_due(struct keeper *k)
{
    for (enum role role = ROLE_FRONT; role <= ROLE_NETLOGON; role++) {
        if (role == ROLE_LOGON || keeper_child(k, role) != NULL || client_now() < k->restart_at[role])
            continue;
        log_warning("starting %s again", role_name(role));
        if (!keeper_restart(k, role))
            k->restart_at[role] = client_now() + KEEPER_PAUSE_MS;
        else if (role == ROLE_FRONT || role == ROLE_MEMBER)
            (void)keeper_start_worker(k, ROLE_LOGON);
        k->ping_seen = k->ping_sent;
    }
}

/* Asks front whether it lives; one that does not answer is replaced. */
static void
ping(struct keeper *k)
{
    struct child *front = keeper_child(k, ROLE_FRONT);
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));
    int64_t now = client_now();

    if (front == NULL)
        return;
    if (k->ping_seen == k->ping_sent) {
        if (!k->ready && k->ping_sent > 0) {
            k->ready = true;
            log_info("ready: domain %s, this computer is %s", k->config->name, k->config->fqdn);
            notify("READY=1");
        }
        if (k->ready && k->watchdog > 0 && now >= k->watchdog_at) {
            notify("WATCHDOG=1");
            k->watchdog_at = now + k->watchdog;
        }
        if (k->ping_sent > 0 && now < k->ping_at + PING_EVERY_MS)
            return;
        k->ping_at = now;
        ipc_put_number(&w, IPC_PING, ++k->ping_sent);
        (void)channel_send(front->channel, packet, w.len, NULL, 0, false);
    } else if (now >= k->ping_at + PING_DEADLINE_MS) {
        log_error("front does not answer: it is ended and started again");
        k->ping_at = now;
        keeper_kill(front);
    }
}

/* It has not come: the one whose copy it was to be hangs. */
static void
give_up_unborn(struct keeper *k, struct child *c)
{
    /* One that is let go was of an older one, which has a deadline of its own. */
    struct child *parent = c->id == UINT32_MAX ? NULL : keeper_ccache_parent(k);

    if (parent != NULL)
        keeper_kill(parent);
    bury(k, c, 0);
    k->reap_again = true;
}

static void
end_late_children(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        struct child *c = &k->children[i];

        if (c->pid == 0 || c->deadline == 0 || client_now() < c->deadline)
            continue;
        if (c->pid == CHILD_UNBORN)
            give_up_unborn(k, c);
        else
            keeper_kill(c);
    }
}

static void
on_signal(struct keeper *k, int signal_fd)
{
    struct signalfd_siginfo si;

    while (read(signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        switch (si.ssi_signo) {
        case SIGHUP:
            reload(k);
            break;
        case SIGTERM:
        case SIGINT:
            stop(k);
            break;
        default: /* SIGCHLD */
            reap(k);
        }
    }
}

/* One turn of the loop. busy: there is something to do, and nothing to wait for. */
static void
turn(struct keeper *k, int signal_fd, bool busy)
{
    struct pollfd p[KEEPER_CHILDREN_MAX + FIXED] = { { .fd = signal_fd, .events = POLLIN },
                                                     { .fd = keeper_local_watch(k), .events = POLLIN },
                                                     { .fd = k->control_fd, .events = POLLIN },
                                                     { .fd = k->control_client, .events = POLLIN } };
    struct child *who[KEEPER_CHILDREN_MAX + FIXED];
    nfds_t n = FIXED;

    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid == 0 || k->children[i].channel < 0)
            continue;
        who[n] = &k->children[i];
        p[n].events = POLLIN;
        p[n++].fd = k->children[i].channel;
    }
    if (poll(p, n, busy ? 0 : k->ready ? 500 : 20) < 0 && errno != EINTR)
        log_error("poll: %s", strerror(errno));
    if (p[1].revents != 0)
        keeper_local_refresh(k);
    keeper_local_tick(k);
    for (nfds_t i = FIXED; i < n; i++) {
        if (p[i].revents != 0 && who[i]->channel == p[i].fd)
            read_child(k, who[i]);
    }
    if ((p[0].revents & POLLIN) != 0)
        on_signal(k, signal_fd);
    if (k->reap_again) {
        k->reap_again = false;
        reap(k);
    }
    end_late_children(k);
    keeper_control_turn(k, p[2].revents != 0, p[3].revents != 0);
}

static int
make_signal_fd(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ends whatever is left, front last of those that had something to finish. */
static void
end_all(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        struct child *c = &k->children[i];

        if (c->pid <= 0)
            continue;
        keeper_kill(c);
        (void)waitpid(c->pid, NULL, 0);
        c->pid = 0;
    }
}

int
keeper_main(const char *config_path, bool debug)
{
    struct keeper *k = talloc_zero(NULL, struct keeper);
    struct rlimit none = { 0, 0 };
    int signal_fd, status = EXIT_FAILURE;
    bool busy = false;

    log_init("keeper", debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    k->config_path = config_path;
    k->debug = debug;
    k->watchdog = notify_watchdog_interval();
    k->config_fd = k->lock_fd = k->cards_fd = k->nss_fd = k->pam_fd = k->run_fd = k->control_fd = k->control_client = -1;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)__nss_configure_lookup("passwd", "files");
    (void)__nss_configure_lookup("group", "files");
    (void)__nss_configure_lookup("initgroups", "files");
    signal_fd = make_signal_fd();
    if (signal_fd < 0 || chdir("/") != 0 || !load_config(k) || !keeper_setup(k) || !sandbox_enter(ROLE_KEEPER))
        goto done;
    if (!keeper_map_begin(k, AUTHSOD_RUNDIR) || !keeper_local_begin(k) || !keeper_start_roles(k))
        goto done;
    keeper_ntlm_config(k);
    keeper_rotate_begin(k);
    keeper_control_begin(k);
    while (!k->stopping || (keeper_child(k, ROLE_FRONT) != NULL && client_now() < k->stop_at)) {
        turn(k, signal_fd, busy);
        busy = keeper_map_turn(k);
        if (!k->stopping) {
            restart_due(k);
            keeper_ccache_tick(k);
            keeper_rotate_tick(k);
            ping(k);
        }
    }
    status = EXIT_SUCCESS;

done:
    end_all(k);
    keeper_local_end(k);
    keeper_map_end(k);
    keeper_control_end(k);
    keeper_cleanup(k);
    if (status == EXIT_SUCCESS)
        log_info("ended");
    talloc_free(k->config);
    talloc_free(k);
    return status;
}
