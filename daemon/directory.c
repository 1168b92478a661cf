#include "daemon/directory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

typedef bool handler_fn(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);

static void
close_channel(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool
on_peer(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_peer m;

    if (!ipc_get_peer(packet, len, &m) || fds[0] < 0 ||
        (m.role != ROLE_FRONT && m.role != ROLE_MEMBER && m.role != ROLE_NETLOGON))
        return false;
    if (m.role == ROLE_NETLOGON) {
        close_channel(&d->netlogon);
        dir_netlogon_gone(d);
        d->netlogon = channel_take_fd(fds);
        return true;
    }
    if (m.role == ROLE_FRONT) {
        close_channel(&d->front);
        d->front = channel_take_fd(fds);
        dir_cards_tell(d);
        return true;
    }
    close_channel(&d->member);
    d->member = channel_take_fd(fds);
    d->tickets_due = 0;
    dir_dc_push(d);
    /* What failed for want of a ticket is tried again. */
    d->link.retry_at = 0;
    return true;
}

static bool
on_config(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct config *c;

    if (!ipc_get_empty(packet, len, IPC_CONFIG) || fds[0] < 0)
        return false;
    c = role_config(d, fds[0]);
    if (c == NULL)
        return true;
    log_init("directory", c->log_level);
    local_names_config(d->names, c);
    return dir_adopt(d, c);
}

static const struct {
    enum ipc_type type;
    enum role from;
    handler_fn *handler;
} messages[] = {
    { IPC_PEER, ROLE_KEEPER, on_peer },
    { IPC_CONFIG, ROLE_KEEPER, on_config },
    { IPC_LOOKUP, ROLE_FRONT, dir_on_lookup },
    { IPC_WHO, ROLE_FRONT, dir_on_who },
    { IPC_LEARN, ROLE_FRONT, dir_on_learn },
    { IPC_STATE, ROLE_FRONT, dir_on_state },
    { IPC_NEED_DC, ROLE_FRONT, dir_on_need_dc },
    { IPC_LAST_CARD, ROLE_FRONT, dir_on_last_card },
    { IPC_TICKET_IS, ROLE_MEMBER, dir_on_ticket_is },
    { IPC_TRUSTS, ROLE_NETLOGON, dir_on_trusts },
    { IPC_ACCOUNTS_ARE, ROLE_NETLOGON, dir_on_accounts },
};

static bool
handle(struct dir *d, enum role from, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    unsigned type = ipc_type(packet, len);

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].type == type && messages[i].from == from)
            return messages[i].handler(d, packet, len, fds);
    }
    return false;
}

bool
dir_dispatch(struct dir *d, enum role from, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    d->asking = (struct dir_asking){ .want = DIR_WANT_NOTHING };
    return handle(d, from, packet, len, fds);
}

void
dir_resume(struct dir *d, unsigned asked, bool answered, const uint8_t *packet, size_t len)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };

    d->asking = (struct dir_asking){ .asked = asked, .answered = answered };
    (void)handle(d, ROLE_FRONT, packet, len, fds);
}

void
dir_reply(struct dir *d, const struct writer *w, int fd)
{
    if (!writer_ok(w)) {
        log_error("a reply to front is longer than thought");
        return;
    }
    if (d->front >= 0 && !channel_send(d->front, w->data, w->len, &fd, fd < 0 ? 0 : 1, true))
        log_warning("front does not take a reply: %s", strerror(errno));
}

/* People log on with a full disk too: only what was learned is lost with this process. */
static struct store *
open_store(struct dir *d, const char *statedir, const char **why_out)
{
    struct store *s = store_open(d, statedir, why_out);

    if (s != NULL || errno == EBUSY)
        return s;
    log_error("cannot keep what is learned in %s: %s; it is kept in memory until the service is started again", statedir,
              *why_out);
    return store_open_memory(d);
}

struct dir *
dir_new(TALLOC_CTX *mem, struct config *config, const char *statedir)
{
    struct dir *d = talloc_zero(mem, struct dir);
    const char *why = "no memory";

    if (d == NULL)
        return NULL;
    d->keeper = d->front = d->member = d->netlogon = d->krb5_profile = -1;
    d->pending = talloc_array(d, uint32_t, DIR_PENDING_MAX);
    d->store = open_store(d, statedir, &why);
    if (d->pending == NULL || d->store == NULL) {
        log_error("cannot keep what is learned in %s: %s", statedir, why);
        goto fail;
    }
    if (!dir_adopt(d, config))
        goto fail;
    d->names = local_names_new(d, d->config);
    if (d->names == NULL)
        goto fail;
    return d;

fail:
    dir_free(d);
    return NULL;
}

void
dir_free(struct dir *d)
{
    if (d == NULL)
        return;
    dir_link_close(d);
    dir_ping_close(d);
    if (d->store != NULL)
        store_close(d->store);
    close_channel(&d->keeper);
    close_channel(&d->front);
    close_channel(&d->member);
    close_channel(&d->netlogon);
    close_channel(&d->krb5_profile);
    talloc_free(d);
}

/* One message from fd. False where the process has to end. */
static bool
read_message(struct dir *d, enum role from, int *fd)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(*fd, packet, sizeof(packet), fds, 0);
    bool ok;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return true;
    if (n <= 0) {
        /* keeper brings a new channel when the other side is there again. */
        close_channel(fd);
        if (from == ROLE_NETLOGON)
            dir_netlogon_gone(d);
        return from != ROLE_KEEPER;
    }
    ok = dir_dispatch(d, from, packet, (size_t)n, fds);
    channel_close_fds(fds);
    if (!ok)
        log_alarm("%s sent what it may not (message %u)", role_name(from), ipc_type(packet, (size_t)n));
    /* Channels come in pairs of processes: with the end of this one the other's ends, too. */
    return ok;
}

/* Milliseconds until something is to be done that nobody asks for. */
static int
until_due(const struct dir *d)
{
    int link = dir_pending_due(d) ? 0 : dir_link_due(d), trust = dir_trust_due(d);

    return trust >= 0 && trust < link ? trust : link;
}

bool
dir_turn(struct dir *d)
{
    struct pollfd p[] = {
        { .fd = d->keeper, .events = POLLIN },
        { .fd = d->member, .events = POLLIN },
        { .fd = d->front, .events = POLLIN },
        { .fd = d->netlogon, .events = POLLIN },
    };
    int n = poll(p, sizeof(p) / sizeof(p[0]), until_due(d));

    if (n < 0)
        return errno == EINTR;
    if (p[0].revents != 0 && !read_message(d, ROLE_KEEPER, &d->keeper))
        return false;
    if (p[1].revents != 0 && d->member == p[1].fd && !read_message(d, ROLE_MEMBER, &d->member))
        return false;
    if (p[2].revents != 0 || p[3].revents != 0)
        dir_namesakes_check(d);
    if (p[3].revents != 0 && d->netlogon == p[3].fd && !read_message(d, ROLE_NETLOGON, &d->netlogon))
        return false;
    if (p[2].revents != 0 && d->front == p[2].fd && !read_message(d, ROLE_FRONT, &d->front))
        return false;
    dir_trust_tick(d);
    dir_link_tick(d);
    dir_namesakes_refresh(d);
    if (n == 0)
        dir_pending_work(d);
    return true;
}

int
directory_main(void)
{
    struct dir *d;
    int status;

    d = dir_new(NULL, role_begin(NULL, ROLE_DIRECTORY), AUTHSOD_STATEDIR);
    if (d == NULL)
        return EXIT_FAILURE;
    d->keeper = FD_KEEPER;
    d->front = FD_FRONT;
    d->member = FD_OTHER;
    d->netlogon = FD_THIRD;
    dir_cards_tell(d);
    while (dir_turn(d))
        ;
    /* keeper has closed its channel where all is well. */
    status = d->keeper < 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    dir_free(d);
    return status;
}
