/* The role: who asks, and what it is told. */
#include "daemon/netlogon.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/proto/client.h"

static void
add_worker(struct netlogon_role *n, uint32_t id, int fd)
{
    for (size_t i = 0; i < NETLOGON_WORKERS_MAX; i++) {
        if (n->workers[i].fd < 0) {
            n->workers[i].fd = fd;
            n->workers[i].id = id;
            return;
        }
    }
    (void)close(fd);
}

static bool
take_peer(struct netlogon_role *n, const struct ipc_peer *peer, int fd)
{
    int *at = peer->role == ROLE_FRONT ? &n->front : peer->role == ROLE_DIRECTORY ? &n->directory : &n->member;

    if (peer->role == ROLE_LOGON) {
        add_worker(n, peer->id, fd);
        return true;
    }
    if (peer->role != ROLE_FRONT && peer->role != ROLE_DIRECTORY && peer->role != ROLE_MEMBER) {
        (void)close(fd);
        return false;
    }
    if (*at >= 0)
        (void)close(*at);
    *at = fd;
    return true;
}

/* Everything is found out anew when it is next needed. */
static void
take_config(struct netlogon_role *n, struct config *c)
{
    talloc_free(n->config);
    n->config = c;
    log_init("netlogon", c->log_level);
    netlogon_drop(n);
    TALLOC_FREE(n->trusts);
    n->keys_known = false;
    n->retry_at = 0;
}

bool
netlogon_keeper_message(struct netlogon_role *n, const uint8_t *packet, size_t len, int *fds)
{
    struct ipc_peer peer;
    struct config *c;
    uint32_t error;

    switch (ipc_type(packet, len)) {
    case IPC_PEER:
        return ipc_get_peer(packet, len, &peer) && fds[0] >= 0 && take_peer(n, &peer, channel_take_fd(fds));
    case IPC_CONFIG:
        c = fds[0] < 0 ? NULL : role_config(n, fds[0]);
        if (c == NULL)
            return false;
        take_config(n, c);
        return true;
    case IPC_MACHINE_SECRET:
        if (!ipc_get_empty(packet, len, IPC_MACHINE_SECRET) || fds[0] < 0)
            return false;
        netlogon_take_secret(n, fds[0]);
        return true;
    case IPC_KEYTAB:
        if (!ipc_get_number(packet, len, IPC_KEYTAB, &error) || (error == 0) != (fds[0] >= 0))
            return false;
        netlogon_take_keytab(n, error, fds[0]);
        return true;
    case IPC_ROTATE:
        n->rotate_due = true;
        return ipc_get_number(packet, len, IPC_ROTATE, &n->rotate_due_run);
    case IPC_ROTATE_SET:
        if (fds[0] < 0 || n->rotate_set >= 0 || !ipc_get_number(packet, len, IPC_ROTATE_SET, &n->rotate_set_run))
            return false;
        n->rotate_set = channel_take_fd(fds);
        return true;
    default:
        return false;
    }
}

/* front hears it from us, so that a worker that was taken over lets nobody in. */
static bool
vouch(struct netlogon_role *n, uint32_t worker, uint32_t job, const struct logon_info *info)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_vouch(&w, worker, job, info);
    return writer_ok(&w) && n->front >= 0 && channel_send(n->front, packet, w.len, NULL, 0, true);
}

static bool
do_pass(struct netlogon_role *n, const struct netlogon_link *from, const uint8_t *packet, size_t len)
{
    TALLOC_CTX *mem = talloc_new(n);
    struct ipc_result r = { .err = ERR_INTERNAL };
    struct logon_info *info = NULL;
    uint8_t answer[2048];
    struct writer w = writer_init(answer, sizeof(answer));
    struct ipc_pass m;
    bool ok = mem != NULL && ipc_get_pass(packet, len, &m);

    if (ok) {
        netlogon_pass(n, &m, mem, &r, &info);
        r.job = m.job;
        if (r.err == ERR_OK && !vouch(n, from->id, m.job, info))
            r.err = ERR_INTERNAL;
        r.passed_through = true;
        ipc_put_result(&w, IPC_PASSED, &r);
        ok = channel_send(from->fd, answer, w.len, NULL, 0, false);
    }
    secret_erase(&m, sizeof(m));
    talloc_free(mem);
    return ok;
}

static void
worker_ready(struct netlogon_role *n, struct netlogon_link *from)
{
    uint8_t packet[2 * PROTO_NAME_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(from->fd, packet, sizeof(packet), fds, 0);
    bool ok;

    channel_close_fds(fds);
    if (len < 0 && errno == EAGAIN)
        return;
    ok = len > 0 && do_pass(n, from, packet, (size_t)len);
    secret_erase(packet, sizeof(packet));
    if (ok)
        return;
    (void)close(from->fd);
    from->fd = -1;
}

static void
keeper_ready(struct netlogon_role *n)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, 0);

    if (len < 0 && errno == EAGAIN)
        return;
    if (len <= 0 || !netlogon_keeper_message(n, packet, (size_t)len, fds))
        exit(len == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    channel_close_fds(fds);
}

/* front speaks only when it was asked: an answer that came too late, or its end. */
static void
front_ready(struct netlogon_role *n)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(n->front, packet, sizeof(packet), fds, 0);
    struct ipc_dc dc;

    channel_close_fds(fds);
    if ((len < 0 && errno == EAGAIN) || (len > 0 && ipc_get_dc(packet, (size_t)len, &dc)))
        return;
    (void)close(n->front);
    n->front = -1;
}

/* One question of directory's or member's. */
static void
question_ready(struct netlogon_role *n, enum role from, int *fd)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(*fd, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    if ((len < 0 && errno == EAGAIN) || (len > 0 && netlogon_question(n, from, packet, (size_t)len)))
        return;
    (void)close(*fd);
    *fd = -1;
}

#define OTHERS 4 /* keeper, front, directory, member */

static void
turn(struct netlogon_role *n)
{
    struct pollfd p[OTHERS + NETLOGON_WORKERS_MAX] = { { .fd = FD_KEEPER, .events = POLLIN },
                                                       { .fd = n->front, .events = POLLIN },
                                                       { .fd = n->directory, .events = POLLIN },
                                                       { .fd = n->member, .events = POLLIN } };

    for (size_t i = 0; i < NETLOGON_WORKERS_MAX; i++) {
        p[OTHERS + i].fd = n->workers[i].fd;
        p[OTHERS + i].events = POLLIN;
    }
    if (poll(p, OTHERS + NETLOGON_WORKERS_MAX, -1) < 0)
        return;
    for (size_t i = 0; i < NETLOGON_WORKERS_MAX; i++) {
        if (p[OTHERS + i].revents != 0 && n->workers[i].fd == p[OTHERS + i].fd)
            worker_ready(n, &n->workers[i]);
    }
    /* After the logons, for which somebody waits who has typed a password; one at a time. */
    if (p[3].revents != 0 && n->member == p[3].fd)
        question_ready(n, ROLE_MEMBER, &n->member);
    if (p[2].revents != 0 && n->directory == p[2].fd)
        question_ready(n, ROLE_DIRECTORY, &n->directory);
    if (p[1].revents != 0 && n->front == p[1].fd)
        front_ready(n);
    /* Last: it replaces descriptors. */
    if (p[0].revents != 0)
        keeper_ready(n);
    netlogon_rotate_turn(n);
}

int
netlogon_main(void)
{
    struct netlogon_role *n = talloc_zero(NULL, struct netlogon_role);

    n->config = role_begin(n, ROLE_NETLOGON);
    n->front = FD_FRONT;
    n->directory = FD_OTHER;
    n->member = FD_THIRD;
    n->rotate_set = -1;
    for (size_t i = 0; i < NETLOGON_WORKERS_MAX; i++)
        n->workers[i].fd = -1;
    n->keys = secret_new(sizeof(*n->keys));
    if (n->keys == NULL) {
        log_error("cannot begin: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    for (;;)
        turn(n);
}
