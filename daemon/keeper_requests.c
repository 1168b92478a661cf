/*
 * The closed table of what keeper does for the others.  What is not in it, or
 * comes from a role that may not ask for it, ends the role that asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

int
keeper_read_secret(const char *path, const char *name, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), memfd = -1, err;
    char *text = NULL;
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        goto done;
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_size <= 0 || st.st_size > (off_t)max) {
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
        memfd = sealed_new(name, text, (size_t)n);

done:
    err = errno;
    secret_free(text, (size_t)st.st_size);
    (void)close(fd);
    errno = err;
    return memfd;
}

/* Hands it over, if there is one. */
static void
send_secret(const struct child *to, const struct writer *w, int fd)
{
    if (!channel_send(to->channel, w->data, w->len, &fd, fd < 0 ? 0 : 1, false))
        log_error("%s does not take what it asked for: %s", role_name(to->role), strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

void
keeper_send_keytab(const struct keeper *k, const struct child *to)
{
    uint8_t answer[16];
    struct writer w = writer_init(answer, sizeof(answer));
    int fd;

    if (to == NULL)
        return;
    fd = keeper_read_secret(k->config->keytab, "keytab", MEMBERSHIP_KEYTAB_MAX);
    ipc_put_number(&w, IPC_KEYTAB, fd < 0 ? (uint32_t)errno : 0);
    if (fd < 0)
        log_error("cannot read the keytab %s: %s", k->config->keytab, role_keytab_error(errno));
    send_secret(to, &w, fd);
}

static bool
do_get_keytab(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_GET_KEYTAB))
        return false;
    keeper_send_keytab(k, from);
    return true;
}

static bool
do_get_secret(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    uint8_t answer[16];
    struct writer w = writer_init(answer, sizeof(answer));
    int fd;

    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_GET_SECRET))
        return false;
    fd = keeper_read_secret(MACHINE_SECRET_PATH, "machine-secret", MACHINE_SECRET_FILE_MAX);
    if (fd < 0 && errno != ENOENT)
        log_error("cannot read the machine secret " MACHINE_SECRET_PATH ": %s", role_keytab_error(errno));
    if (fd < 0) {
        keeper_send_keytab(k, from);
        return true;
    }
    ipc_put_empty(&w, IPC_MACHINE_SECRET);
    send_secret(from, &w, fd);
    return true;
}

/* Workers that front has let go may still be on their way out. */
static unsigned
most_workers(const struct keeper *k, enum role role)
{
    unsigned most = 2 * (unsigned)k->config->workers;

    if (role == ROLE_CARD)
        return KEEPER_CARDS_MAX;
    if (role == ROLE_WATCH || role == ROLE_SESSION)
        return KEEPER_WATCHERS_MAX;
    return most < KEEPER_WORKERS_MAX ? most : KEEPER_WORKERS_MAX;
}

static bool
do_spawn(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    unsigned running = 0;
    uint32_t role;

    (void)from;
    (void)fds;
    if (!ipc_get_number(packet, len, IPC_SPAWN, &role) || !role_is_worker(role))
        return false;
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        running += k->children[i].pid != 0 && k->children[i].role == role;
    if (running < most_workers(k, (enum role)role) && !k->stopping)
        (void)keeper_start_worker(k, (enum role)role);
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
        if (k->children[i].pid != 0 && role_is_worker(k->children[i].role) && k->children[i].id == id)
            keeper_kill(&k->children[i]);
    }
    return true;
}

/* It is started again when it is buried. */
static bool
do_end_role(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct child *c;
    uint32_t role;

    (void)from;
    (void)fds;
    if (!ipc_get_number(packet, len, IPC_END_ROLE, &role) || (role != ROLE_MEMBER && role != ROLE_DIRECTORY && role != ROLE_NETLOGON))
        return false;
    c = keeper_child(k, (enum role)role);
    if (c != NULL)
        keeper_kill(c);
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
    { IPC_END_ROLE, ROLE_FRONT, do_end_role },
    { IPC_CCACHE_WRITE, ROLE_FRONT, keeper_ccache_write },
    { IPC_CCACHE_DESTROY, ROLE_FRONT, keeper_ccache_destroy },
    { IPC_NTLM_KEEP, ROLE_FRONT, keeper_ntlm_keep },
    { IPC_NTLM_RENEW, ROLE_FRONT, keeper_ntlm_renew },
    { IPC_NTLM_DROP, ROLE_FRONT, keeper_ntlm_drop },
    { IPC_MAP_NEW, ROLE_FRONT, keeper_map_new },
    { IPC_MAP_PLACE, ROLE_FRONT, keeper_map_place },
    { IPC_GET_KEYTAB, ROLE_MEMBER, do_get_keytab },
    { IPC_GET_SECRET, ROLE_NETLOGON, do_get_secret },
    { IPC_ROTATE_HOLDS, ROLE_NETLOGON, keeper_rotate_holds },
    { IPC_ROTATE_END, ROLE_NETLOGON, keeper_rotate_ended },
    { IPC_KEYTAB, ROLE_KEYTAB, keeper_rotate_keytab },
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
