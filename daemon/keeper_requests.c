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
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define KEYTAB_MAX (1U << 20)

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
        memfd = sealed_new("keytab", text, (size_t)n);

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
        log_error("cannot read the keytab %s: %s", k->config->keytab, role_keytab_error(errno));
    if (!channel_send(from->channel, answer, w.len, &fd, fd < 0 ? 0 : 1, false))
        log_error("member does not take the keytab: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return true;
}

static bool
do_spawn(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    /* Workers that front has let go may still be on their way out. */
    unsigned most = 2 * (unsigned)k->config->workers, running = 0;

    (void)from;
    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_SPAWN))
        return false;
    if (most > KEEPER_WORKERS_MAX)
        most = KEEPER_WORKERS_MAX;
    for (size_t i = 0; i < KEEPER_CHILDREN_MAX; i++)
        running += k->children[i].pid != 0 && k->children[i].role == ROLE_LOGON;
    if (running < most && !k->stopping)
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

/* It is started again when it is buried. */
static bool
do_end_role(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct child *c;
    uint32_t role;

    (void)from;
    (void)fds;
    if (!ipc_get_number(packet, len, IPC_END_ROLE, &role) || (role != ROLE_MEMBER && role != ROLE_DIRECTORY))
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
    { IPC_MAP_NEW, ROLE_FRONT, keeper_map_new },
    { IPC_MAP_PLACE, ROLE_FRONT, keeper_map_place },
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
