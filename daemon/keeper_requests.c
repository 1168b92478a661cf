/*
 * The closed table of what keeper does for the others.  What is not in it, or
 * comes from a role that may not ask for it, ends the role that asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/proto/client.h"

#define KEYTAB_MAX (1U << 20)
#define CCACHE_DEADLINE_MS 10000

static void
answer_ccache(struct keeper *k, uint32_t request, uint32_t code, const char *name)
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

/* Only ids of the domain's range that are nobody's here. */
static bool
is_domain_user(const struct keeper *k, const struct ipc_ccache *m)
{
    if (m->uid < k->config->range_lower || m->uid >= k->config->range_upper || m->gid < k->config->range_lower ||
        m->gid >= k->config->range_upper)
        return false;
    return getpwuid(m->uid) == NULL && getpwnam(m->user) == NULL && getgrgid(m->gid) == NULL;
}

/* Gives it to a child, which becomes the user and does the work. */
static void
give_ccache(struct keeper *k, enum ipc_type type, const struct ipc_ccache *m, int credentials)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    struct child *c = keeper_spare_ccache(k);

    if (c == NULL)
        c = keeper_start_ccache(k);
    ipc_put_ccache(&w, type, m);
    if (c == NULL || !writer_ok(&w) ||
        !channel_send(c->channel, packet, w.len, &credentials, credentials < 0 ? 0 : 1, false)) {
        answer_ccache(k, m->request, EAGAIN, "");
        return;
    }
    c->id = m->request;
    c->deadline = client_now() + CCACHE_DEADLINE_MS;
}

static bool
do_ccache(struct keeper *k, enum ipc_type type, const uint8_t *packet, size_t len, int *fds)
{
    bool is_write = type == IPC_CCACHE_WRITE;
    struct ipc_ccache m;

    if (!ipc_get_ccache(packet, len, type, &m) || m.request == 0 || (is_write && fds[0] < 0))
        return false;
    if (!is_domain_user(k, &m)) {
        log_alarm("front asked for a credential cache of %s, uid %u, gid %u: not a user of the domain", m.user, m.uid,
                  m.gid);
        return false;
    }
    give_ccache(k, type, &m, is_write ? fds[0] : -1);
    return true;
}

static bool
do_ccache_write(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_ccache(k, IPC_CCACHE_WRITE, packet, len, fds);
}

static bool
do_ccache_destroy(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_ccache(k, IPC_CCACHE_DESTROY, packet, len, fds);
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
    answer_ccache(k, c->id, m.code, m.name);
}

/* The keytab as a sealed memfd; -1 with errno. */
static int
read_keytab(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), memfd = -1, err;
    char *text = NULL;
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        goto done;
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_size <= 0 || st.st_size > (off_t)KEYTAB_MAX) {
        errno = EINVAL;
        goto done;
    }
    if ((st.st_mode & 077) != 0)
        log_warning("%s can be read by others than root (mode %03o): chmod 600 it", path, st.st_mode & 0777U);
    text = secret_new((size_t)st.st_size);
    if (text == NULL)
        goto done;
    n = read(fd, text, (size_t)st.st_size);
    if (n > 0)
        memfd = keeper_memfd("keytab", text, (size_t)n);

done:
    err = errno;
    secret_free(text, (size_t)st.st_size);
    (void)close(fd);
    errno = err;
    return memfd;
}

static bool
do_get_keytab(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    uint8_t answer[16];
    struct writer w = writer_init(answer, sizeof(answer));
    int fd;

    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_GET_KEYTAB))
        return false;
    fd = read_keytab(k->config->keytab);
    ipc_put_number(&w, IPC_KEYTAB, fd < 0 ? (uint32_t)errno : 0);
    if (fd < 0)
        log_error("cannot read the keytab %s: %s", k->config->keytab,
                  errno == EINVAL ? "it is not a regular file of root's with something in it" : strerror(errno));
    if (!channel_send(from->channel, answer, w.len, &fd, fd < 0 ? 0 : 1, false))
        log_error("member does not take the keytab: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return true;
}

static bool
do_spawn(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    unsigned running = 0;

    (void)from;
    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_SPAWN))
        return false;
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        running += k->children[i].pid != 0 && k->children[i].role == ROLE_LOGON;
    /* Workers that front has let go may still be on their way out. */
    if (running < KEEPER_WORKERS_MAX && !k->stopping)
        (void)keeper_start_worker(k);
    return true;
}

static bool
do_end_worker(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    uint32_t id;

    (void)from;
    (void)fds;
    if (!ipc_get_number(packet, len, IPC_END_WORKER, &id))
        return false;
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++) {
        if (k->children[i].pid != 0 && k->children[i].role == ROLE_LOGON && k->children[i].id == id)
            keeper_kill(&k->children[i]);
    }
    return true;
}

static bool
do_ping(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    (void)fds;
    return ipc_get_number(packet, len, IPC_PING, &k->ping_seen);
}

static const struct {
    enum ipc_type type;
    enum role who;
    bool (*handler)(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
} table[] = {
    { IPC_PING, ROLE_FRONT, do_ping },
    { IPC_SPAWN, ROLE_FRONT, do_spawn },
    { IPC_END_WORKER, ROLE_FRONT, do_end_worker },
    { IPC_CCACHE_WRITE, ROLE_FRONT, do_ccache_write },
    { IPC_CCACHE_DESTROY, ROLE_FRONT, do_ccache_destroy },
    { IPC_GET_KEYTAB, ROLE_MEMBER, do_get_keytab },
};

bool
keeper_request(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].type == ipc_type(packet, len) && table[i].who == from->role)
            return table[i].handler(k, from, packet, len, fds);
    }
    return false;
}
