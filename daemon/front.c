#include "daemon/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

#define TICK_MS 250
#define LINGER_MS 1000 /* after a success while stopping: the module looks the user up before it believes it */
#define TELL_MS 60000 /* the log says at most this often that there are no descriptors */

int64_t
front_clock(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
front_watch(struct front *f, struct watch *w, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = w };

    if (epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) == 0)
        return true;
    return errno == EEXIST && epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) == 0;
}

void
front_unwatch(struct front *f, struct watch *w)
{
    if (w->fd < 0)
        return;
    (void)epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    (void)close(w->fd);
    w->fd = -1;
}

int
front_accept(struct front *f, struct watch *w)
{
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int64_t now = client_now();

    if (fd >= 0 || (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM))
        return fd;
    if (f->full_told == 0 || now >= f->full_told + TELL_MS) {
        f->full_told = now;
        log_error("cannot take a connection: %s", strerror(errno));
    }
    /* It stays readable: without a pause we would do nothing else. */
    f->full = true;
    (void)front_watch(f, w, 0);
    return -1;
}

/* Listeners that front_accept has put aside. One that is out of epoll stays out. */
static void
listen_again(struct front *f)
{
    struct watch *listeners[] = { &f->nss, &f->pam };

    for (size_t i = 0; f->full && i < 2; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = listeners[i] };

        (void)epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, listeners[i]->fd, &e);
    }
    f->full = false;
}

bool
front_send(struct watch *w, const struct writer *packet, const int *fds, size_t n_fds)
{
    if (w->fd < 0 || !writer_ok(packet))
        return false;
    return channel_send(w->fd, packet->data, packet->len, fds, n_fds, false);
}

uint32_t
front_request(struct front *f)
{
    f->last_request++;
    if (f->last_request == 0)
        f->last_request++;
    return f->last_request;
}

/* Whoever waits for what directory was asked waits in vain. */
static void
directory_gone(struct front *f)
{
    front_unwatch(f, &f->directory);
    front_outbox_clear(f);
    front_nss_directory_gone(f);
    front_pam_peer_gone(f);
}

/* A role that breaks the protocol is ended: it would not find the way back to us, and keeper starts another one. */
static void
peer_broke(struct front *f, enum role role)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    log_alarm("%s broke the protocol: it is ended", role_name(role));
    ipc_put_number(&w, IPC_END_ROLE, role);
    if (!front_send(&f->keeper, &w, NULL, 0))
        log_error("keeper does not take a message: %s", strerror(errno));
    if (role == ROLE_DIRECTORY)
        directory_gone(f);
    else
        front_unwatch(f, role == ROLE_MEMBER ? &f->member : &f->netlogon);
}

#define NETLOGON_REQUEST 0x80000000U /* of NEED_DC: netlogon's, and no worker's */

static void
tell_netlogon(struct front *f, const struct ipc_dc *dc)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_dc answer = *dc;

    answer.request &= ~NETLOGON_REQUEST;
    ipc_put_dc(&w, &answer);
    (void)front_send(&f->netlogon, &w, NULL, 0);
}

static void
tell_dc(struct front *f, const struct ipc_dc *dc)
{
    if ((dc->request & NETLOGON_REQUEST) != 0)
        tell_netlogon(f, dc);
    else
        front_pool_dc(f, dc);
}

/* netlogon asks for a domain controller: directory knows. */
static bool
forward_need_dc(struct front *f, const uint8_t *packet, size_t len)
{
    uint8_t forward[128];
    struct writer w = writer_init(forward, sizeof(forward));
    struct ipc_dc none = { .err = ERR_NO_KDC };
    struct ipc_need_dc m;

    if (!ipc_get_need_dc(packet, len, &m) || (m.request & NETLOGON_REQUEST) != 0)
        return false;
    m.request |= NETLOGON_REQUEST;
    ipc_put_need_dc(&w, &m);
    none.request = m.request;
    if (!front_ask(f, &w, true))
        tell_netlogon(f, &none);
    return true;
}

static bool
directory_message(struct front *f, const uint8_t *packet, size_t len, int *fds)
{
    struct ipc_dc dc;

    switch (ipc_type(packet, len)) {
    case IPC_FOUND:
        return front_nss_found(f, packet, len, fds);
    case IPC_IDENTITY:
        return front_pam_identity(f, packet, len);
    case IPC_LEARNED:
        return front_pam_learned(f, packet, len);
    case IPC_STATE_IS:
        return front_pam_state(f, packet, len);
    case IPC_LAST_CARDS:
        return front_card_told(f, packet, len);
    case IPC_DC:
        if (!ipc_get_dc(packet, len, &dc))
            return false;
        f->dc = dc;
        tell_dc(f, &dc);
        return true;
    default:
        return false;
    }
}

/* channel_recv gave n: a message that no role sends. Anything else below 1 is the end of the other side. */
static bool
is_breach(ssize_t n)
{
    return n < 0 && errno == EMSGSIZE;
}

static void
directory_ready(struct front *f, struct watch *w, uint32_t events)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    if ((events & EPOLLOUT) != 0)
        front_outbox_flush(f);
    n = channel_recv(w->fd, packet, sizeof(packet), fds, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (is_breach(n) || (n > 0 && !directory_message(f, packet, (size_t)n, fds)))
        peer_broke(f, ROLE_DIRECTORY);
    else if (n <= 0)
        directory_gone(f);
    channel_close_fds(fds);
}

static bool
voucher_message(struct front *f, enum role role, const uint8_t *packet, size_t len)
{
    if (role == ROLE_NETLOGON && ipc_type(packet, len) == IPC_NEED_DC)
        return forward_need_dc(f, packet, len);
    return front_pool_vouch(f, role, packet, len);
}

/* One message of member or netlogon; false if there is none. */
static bool
read_voucher(struct front *f, enum role role)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    struct watch *w = role == ROLE_MEMBER ? &f->member : &f->netlogon;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    if (w->fd < 0)
        return false;
    n = channel_recv(w->fd, packet, sizeof(packet), fds, 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (is_breach(n) || (n > 0 && !voucher_message(f, role, packet, (size_t)n)))
        peer_broke(f, role);
    else if (n <= 0)
        front_unwatch(f, w);
    channel_close_fds(fds);
    return n > 0;
}

static void
member_ready(struct front *f, struct watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    (void)read_voucher(f, ROLE_MEMBER);
}

static void
netlogon_ready(struct front *f, struct watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    (void)read_voucher(f, ROLE_NETLOGON);
}

void
front_drain_vouchers(struct front *f)
{
    while (read_voucher(f, ROLE_MEMBER) || read_voucher(f, ROLE_NETLOGON))
        ;
}

static bool
take_peer(struct front *f, const struct ipc_peer *m, int fd)
{
    struct watch *w = m->role == ROLE_DIRECTORY ? &f->directory : m->role == ROLE_MEMBER ? &f->member : &f->netlogon;

    if (m->role == ROLE_LOGON || m->role == ROLE_CARD)
        return front_pool_add(f, (enum role)m->role, m->id, fd);
    if (m->role == ROLE_WATCH || m->role == ROLE_SESSION) {
        front_removal_add(f, (enum role)m->role, m->id, fd);
        return true;
    }
    if (m->role != ROLE_DIRECTORY && m->role != ROLE_MEMBER && m->role != ROLE_NETLOGON)
        return false;
    /* The end of the one before may not have been read yet. */
    if (m->role == ROLE_DIRECTORY)
        directory_gone(f);
    else
        front_unwatch(f, w);
    /* Workers know the netlogon that has ended: those that work now end their logons, new ones know the new. */
    if (m->role == ROLE_NETLOGON)
        front_pool_retire(f, &f->logons);
    w->fd = fd;
    return front_watch(f, w, EPOLLIN);
}

/* Does an id mean the same account as before? */
static bool
same_ids(const struct config *a, const struct config *b)
{
    return strcmp(a->name, b->name) == 0 && a->range_lower == b->range_lower && a->range_upper == b->range_upper &&
           a->range_size == b->range_size;
}

static void
take_config(struct front *f, int fd)
{
    struct config *c = role_config(f, fd);

    if (c == NULL)
        return;
    if (!same_ids(f->config, c))
        front_card_forget(f);
    talloc_free(f->config);
    f->config = c;
    log_init("front", c->log_level);
    local_names_config(f->names, c);
    front_nss_forget(f);
    front_pool_retire(f, &f->logons);
    front_pool_retire(f, &f->cards);
    front_removal_config(f);
}

/* No conversation begins any more; lookups are answered to the end. */
static void
begin_stop(struct front *f)
{
    f->stopping = true;
    (void)epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, f->pam.fd, NULL);
    front_pam_stop(f);
}

static bool
may_end(const struct front *f)
{
    return f->stopping && f->n_conversations == 0 && (f->succeeded == 0 || client_now() >= f->succeeded + LINGER_MS);
}

static bool
keeper_message(struct front *f, const uint8_t *packet, size_t len, int *fds)
{
    uint8_t answer[8];
    struct writer w = writer_init(answer, sizeof(answer));
    struct ipc_peer peer;
    uint32_t number;

    switch (ipc_type(packet, len)) {
    case IPC_PEER:
        return ipc_get_peer(packet, len, &peer) && fds[0] >= 0 && take_peer(f, &peer, channel_take_fd(fds));
    case IPC_CONFIG:
        if (fds[0] >= 0)
            take_config(f, fds[0]);
        return fds[0] >= 0;
    case IPC_CCACHE_DONE:
        return front_pam_ccache(f, packet, len);
    case IPC_MAP_IS:
        return front_map_is(f, packet, len, fds);
    case IPC_PING:
        if (!ipc_get_number(packet, len, IPC_PING, &number))
            return false;
        ipc_put_number(&w, IPC_PING, number);
        return front_send(&f->keeper, &w, NULL, 0);
    case IPC_STOP:
        begin_stop(f);
        return true;
    default:
        return false;
    }
}

static void
keeper_ready(struct front *f, struct watch *w, uint32_t events)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(w->fd, packet, sizeof(packet), fds, 0);

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    /* Without keeper there is nothing to go on for. */
    if (n <= 0 || !keeper_message(f, packet, (size_t)n, fds))
        exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    channel_close_fds(fds);
}

/* A local account was added, changed or removed: what we hold may be its namesake. */
static void
local_ready(struct front *f, struct watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    if (local_names_refresh(f->names))
        front_nss_forget(f);
}

void
front_tick(struct front *f)
{
    int64_t now = client_now();

    if (now < f->tick_at)
        return;
    f->tick_at = now + TICK_MS;
    front_map_tick(f);
    listen_again(f);
    front_nss_tick(f, now);
    front_pam_tick(f, now);
    front_cred_tick(f, front_clock());
    front_pool_tick(f, now);
    front_removal_tick(f, now);
}

static void
set_watch(struct watch *w, int fd, void (*ready)(struct front *, struct watch *, uint32_t))
{
    w->fd = fd;
    w->ready = ready;
}

bool
front_begin(struct front *f)
{
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    f->names = local_names_new(f, f->config);
    f->cache = cache_new(f);
    if (f->epoll_fd < 0 || f->names == NULL || f->cache == NULL || !front_nss_begin(f) ||
        !front_removal_begin(f))
        return false;
    f->dc.err = ERR_NO_KDC;
    front_pool_begin(f);
    set_watch(&f->keeper, FD_KEEPER, keeper_ready);
    if (!front_map_begin(f))
        return false;
    set_watch(&f->directory, FD_DIRECTORY, directory_ready);
    set_watch(&f->member, FD_MEMBER, member_ready);
    set_watch(&f->netlogon, FD_NETLOGON, netlogon_ready);
    set_watch(&f->nss, FD_NSS, front_nss_accept);
    set_watch(&f->pam, FD_PAM, front_pam_accept);
    set_watch(&f->local, local_names_watch(f->names), local_ready);
    if (f->local.fd >= 0 && !front_watch(f, &f->local, EPOLLIN))
        return false;
    return front_watch(f, &f->keeper, EPOLLIN) && front_watch(f, &f->directory, EPOLLIN) &&
           front_watch(f, &f->member, EPOLLIN) && front_watch(f, &f->netlogon, EPOLLIN) && front_watch(f, &f->nss, EPOLLIN) &&
           front_watch(f, &f->pam, EPOLLIN);
}

int
front_main(void)
{
    struct front *f = talloc_zero(NULL, struct front);
    struct epoll_event e;

    f->config = role_begin(f, ROLE_FRONT);
    if (!front_begin(f)) {
        log_error("cannot begin: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    while (!may_end(f)) {
        /* One event at a time: what it frees is in no list of events. */
        int n = epoll_wait(f->epoll_fd, &e, 1, front_map_busy(f) ? 0 : TICK_MS);

        if (n == 1) {
            struct watch *w = e.data.ptr;

            w->ready(f, w, e.events);
        } else if (n < 0 && errno != EINTR) {
            log_error("epoll_wait: %s", strerror(errno));
            return EXIT_FAILURE;
        }
        front_map_turn(f);
        front_tick(f);
    }
    return EXIT_SUCCESS;
}
