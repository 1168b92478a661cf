/*
 * keeper's two requests about credential caches, each done by a process that
 * becomes the user (ccache_main.c).  So many at once, the rest waits in line.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define DEADLINE_MS 10000
#define WAIT_MS 18000 /* a little less than front waits */

/* A request that waits. */
struct ccache_job {
    struct ccache_job *next;
    enum ipc_type type;
    struct ipc_ccache m;
    int credentials;       /* memfd; -1 */
    int64_t until;         /* client_now() based: front waits no longer */
};

static void
answer(struct keeper *k, uint32_t request, uint32_t code, const char *name)
{
    uint8_t packet[PROTO_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache_done m = { .request = request, .code = code };
    const struct child *front = keeper_child(k, ROLE_FRONT);

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_ccache_done(&w, &m);
    if (front != NULL && !channel_send(front->channel, packet, w.len, NULL, 0, false))
        log_error("front does not take the result of a credential cache: %s", strerror(errno));
}

bool
keeper_is_domain_user(const struct keeper *k, const struct ipc_ccache *m)
{
    if (m->uid < k->config->range_lower || m->uid >= k->config->range_upper || m->gid < k->config->range_lower ||
        m->gid >= k->config->range_upper)
        return false;
    return getpwuid(m->uid) == NULL && getpwnam(m->user) == NULL && getgrgid(m->gid) == NULL;
}

static void
job_free(struct ccache_job *job)
{
    if (job->credentials >= 0)
        (void)close(job->credentials);
    talloc_free(job);
}

/* Tells the child, which becomes the user and does the work. False if it does not hear. */
static bool
give(struct child *c, const struct ccache_job *job)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_ccache(&w, job->type, &job->m);
    if (!writer_ok(&w) ||
        !channel_send(c->channel, packet, w.len, &job->credentials, job->credentials < 0 ? 0 : 1, false))
        return false;
    c->id = job->m.request;
    c->deadline = client_now() + DEADLINE_MS;
    return true;
}

/* A child that stands ready, or a new one. NULL: none for now. */
static struct child *
find_child(struct keeper *k)
{
    struct child *c = keeper_spare_ccache(k);

    return c != NULL ? c : keeper_start_ccache(k);
}

void
keeper_ccache_next(struct keeper *k)
{
    while (k->ccaches != NULL) {
        struct ccache_job *job = k->ccaches;
        bool late = client_now() >= job->until;
        struct child *c = late ? NULL : find_child(k);

        if (c == NULL && !late)
            return;
        if (c != NULL && !give(c, job)) {
            /* It is ending: the next turn finds another for this job. */
            c->id = UINT32_MAX;
            c->answered = true;
            keeper_kill(c);
            continue;
        }
        if (late)
            answer(k, job->m.request, EAGAIN, "");
        k->ccaches = job->next;
        job_free(job);
    }
}

/* Has one process ready for the next cache; not while somebody waits for his, who needs the processor more. */
static void
keep_spare(struct keeper *k)
{
    if (client_now() < k->restart_at[ROLE_CCACHE])
        return;
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid != 0 && k->children[i].role == ROLE_CCACHE && !k->children[i].answered)
            return;
    }
    if (keeper_start_ccache(k) == NULL)
        k->restart_at[ROLE_CCACHE] = client_now() + KEEPER_PAUSE_MS;
}

void
keeper_ccache_tick(struct keeper *k)
{
    keep_spare(k);
    keeper_ccache_next(k);
}

void
keeper_ccache_forget(struct keeper *k)
{
    while (k->ccaches != NULL) {
        struct ccache_job *job = k->ccaches;

        k->ccaches = job->next;
        job_free(job);
    }
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].role == ROLE_CCACHE && k->children[i].id != 0)
            k->children[i].answered = true;
    }
}

/* Takes the memfd over. */
static void
queue(struct keeper *k, enum ipc_type type, const struct ipc_ccache *m, int credentials)
{
    struct ccache_job *job = talloc_zero(k, struct ccache_job), **end = &k->ccaches;
    unsigned n = 0;

    for (; *end != NULL; end = &(*end)->next)
        n++;
    if (job == NULL || n >= KEEPER_CCACHES_QUEUED) {
        if (credentials >= 0)
            (void)close(credentials);
        talloc_free(job);
        answer(k, m->request, EAGAIN, "");
        return;
    }
    job->type = type;
    job->m = *m;
    job->credentials = credentials;
    job->until = client_now() + WAIT_MS;
    *end = job;
    keeper_ccache_next(k);
}

static bool
do_ccache(struct keeper *k, enum ipc_type type, const uint8_t *packet, size_t len, int *fds)
{
    bool is_write = type == IPC_CCACHE_WRITE;
    struct ipc_ccache m;

    if (!ipc_get_ccache(packet, len, type, &m) || m.request == 0 || (is_write && fds[0] < 0))
        return false;
    if (!keeper_is_domain_user(k, &m)) {
        log_alarm("front asked for a credential cache of %s, uid %u, gid %u: not a user of the domain", m.user, m.uid,
                  m.gid);
        return false;
    }
    queue(k, type, &m, is_write ? channel_take_fd(fds) : -1);
    return true;
}

bool
keeper_ccache_write(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_ccache(k, IPC_CCACHE_WRITE, packet, len, fds);
}

bool
keeper_ccache_destroy(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_ccache(k, IPC_CCACHE_DESTROY, packet, len, fds);
}

void
keeper_ccache_renew(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        struct child *c = &k->children[i];

        if (c->pid == 0 || c->role != ROLE_CCACHE || c->id != 0 || c->channel < 0)
            continue;
        c->id = UINT32_MAX;
        c->answered = true;
        if (c->deadline == 0)
            c->deadline = client_now() + KEEPER_BIRTH_MS;
        (void)shutdown(c->channel, SHUT_WR);
    }
}

/* It is one of ours, and no other that is known. *ended_out: it was. */
static bool
is_new_child(const struct keeper *k, pid_t pid, bool *ended_out)
{
    siginfo_t ended = { 0 };

    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid == pid)
            return false;
    }
    if (pid <= 0 || waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0)
        return false;
    *ended_out = ended.si_pid != 0;
    return true;
}

/* Which process it is; what it does until it is told whose it becomes is in time. */
static bool
take_born(struct keeper *k, struct child *c, const uint8_t *packet, size_t len)
{
    uint32_t pid;
    bool ended;

    if (c->pid != CHILD_UNBORN || !ipc_get_number(packet, len, IPC_CCACHE_BORN, &pid) ||
        !is_new_child(k, (pid_t)pid, &ended))
        return false;
    c->pid = (pid_t)pid;
    if (c->id == 0)
        c->deadline = 0;
    k->reap_again = k->reap_again || ended;
    return true;
}

bool
keeper_ccache_message(struct keeper *k, struct child *c, const uint8_t *packet, size_t len)
{
    if (ipc_type(packet, len) == IPC_CCACHE_BORN)
        return take_born(k, c, packet, len);
    if (c->copies || c->pid <= 0)
        return false;
    keeper_ccache_result(k, c, packet, len);
    return true;
}

void
keeper_ccache_result(struct keeper *k, struct child *c, const uint8_t *packet, size_t len)
{
    struct ipc_ccache_done m = { 0 };

    if (c->answered || c->id == 0)
        return;
    c->answered = true;
    if (packet == NULL || !ipc_get_ccache_done(packet, len, &m)) {
        log_error("the process that writes a credential cache ended without a result");
        m.code = EIO;
        m.name[0] = '\0';
    }
    answer(k, c->id, m.code, m.name);
}

