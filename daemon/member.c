#include "daemon/member.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/krb/ccache.h"
#include "lib/proto/client.h"

#define PACKET_MAX CHANNEL_PACKET_MAX

static void
add_worker(struct member *m, const struct ipc_peer *peer, int fd)
{
    for (size_t i = 0; i < MEMBER_WORKERS_MAX; i++) {
        if (m->workers[i].fd < 0) {
            m->workers[i].fd = fd;
            m->workers[i].id = peer->id;
            m->workers[i].has_cards = peer->role == ROLE_CARD;
            return;
        }
    }
    (void)close(fd);
}

static bool
take_peer(struct member *m, const struct ipc_peer *peer, int fd)
{
    int *at = peer->role == ROLE_FRONT ? &m->front : peer->role == ROLE_DIRECTORY ? &m->directory : &m->netlogon;

    if (role_is_worker(peer->role)) {
        add_worker(m, peer, fd);
        return true;
    }
    if (peer->role != ROLE_FRONT && peer->role != ROLE_DIRECTORY && peer->role != ROLE_NETLOGON) {
        (void)close(fd);
        return false;
    }
    if (*at >= 0)
        (void)close(*at);
    *at = fd;
    if (peer->role == ROLE_NETLOGON)
        member_end_waiting(m);
    return true;
}

static void
take_config(struct member *m, struct config *c)
{
    /* What the verifier has seen it goes on remembering, unless it was for another computer. */
    if (strcmp(c->realm, m->config->realm) != 0 || strcmp(c->fqdn, m->config->fqdn) != 0 ||
        strcmp(c->computer, m->config->computer) != 0)
        TALLOC_FREE(m->verifier);
    if (strcmp(c->name, m->config->name) != 0) {
        memset(&m->trusts, 0, sizeof(m->trusts));
        m->trusts_known = false;
    }
    talloc_free(m->config);
    m->config = c;
    log_init("member", c->log_level);
    m->keytab_due = true;
    m->tgt_retry = 0;
    member_open_context(m);
    member_apply_trusts(m);
    member_offline_begin(m);
}

bool
member_keeper_message(struct member *m, const uint8_t *packet, size_t len, int *fds)
{
    struct ipc_peer peer;
    struct config *c;

    switch (ipc_type(packet, len)) {
    case IPC_PEER:
        return ipc_get_peer(packet, len, &peer) && fds[0] >= 0 && take_peer(m, &peer, channel_take_fd(fds));
    case IPC_CONFIG:
        c = fds[0] < 0 ? NULL : role_config(m, fds[0]);
        if (c == NULL)
            return false;
        take_config(m, c);
        return true;
    case IPC_KEYTAB:
        if (!ipc_get_number(packet, len, IPC_KEYTAB, &m->keytab_errno))
            return false;
        member_take_keytab(m, m->keytab_errno == 0 ? channel_take_fd(fds) : -1);
        return true;
    default:
        return false;
    }
}

static bool
do_armor(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    uint8_t answer[1024];
    struct writer w = writer_init(answer, sizeof(answer));
    struct ipc_reason why = { .err = ERR_OK };
    uint32_t refused;
    int fd = -1;
    bool ok;

    if (!ipc_get_number(packet, len, IPC_ARMOR, &refused) || refused > 1)
        return false;
    /* The KDC may have lost its memory of our ticket's key: a new one, but not at every worker's wish. */
    if (refused == 1 && client_now() >= m->tgt_made + MEMBER_TGT_RETRY_MS)
        member_drop_tgt(m);
    if (member_tgt(m) != ERR_OK)
        why = m->tgt_why;
    else if ((m->fast_offered || m->config->fast == CONFIG_FAST_REQUIRE))
        fd = ccache_to_memfd(m->krb, &m->tgt);
    ipc_put_armor_is(&w, &why, m->fast_offered);
    ok = channel_send(from->fd, answer, w.len, &fd, fd < 0 ? 0 : 1, false);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static bool
vouch(struct member *m, uint32_t worker, uint32_t job, const struct logon_info *info)
{
    static uint8_t packet[PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_vouch(&w, worker, job, info);
    return writer_ok(&w) && m->front >= 0 && channel_send(m->front, packet, w.len, NULL, 0, true);
}

/* libkrb5 could not open it with the keys that there are; what it opened, and we refused, it would not take twice. */
static bool
is_about_keys(const struct krb_failure *f)
{
    return f->err == ERR_STALE_KEYTAB || f->err == ERR_NO_KEYTAB || (f->err == ERR_UNTRUSTED_KDC && f->code != 0);
}

bool
member_verify(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len, bool may_wait)
{
    TALLOC_CTX *mem = talloc_new(m);
    struct ipc_verified verified = { .result = { .err = ERR_NO_KEYTAB } };
    struct ipc_result *r = &verified.result;
    struct krb_sealed sealed = { .len = 0 };
    struct logon_info *info = NULL;
    struct krb_failure failure;
    struct ipc_verify v;
    uint8_t answer[2048 + KRB_CREDENTIAL_INFO_MAX];
    struct writer w = writer_init(answer, sizeof(answer));
    char *client = NULL;
    bool ok = false;

    memset(&failure, 0, sizeof(failure));
    failure.err = ERR_NO_KEYTAB;
    failure.step = "ticket check";
    if (!ipc_get_verify(packet, len, &v) || (v.certificate_len > 0 && !from->has_cards)) {
        talloc_free(mem);
        return false;
    }
    r->job = v.job;
    if (m->keytab != NULL || member_reread_keytab(m))
        ok = krb_verify_sealed(m->verifier, v.ap_req, v.ap_req_len, NULL, mem, &info, &client, &sealed, &failure);
    /* The key may have been changed since the keytab was read. */
    if (!ok && is_about_keys(&failure) && member_reread_keytab(m))
        ok = krb_verify_sealed(m->verifier, v.ap_req, v.ap_req_len, NULL, mem, &info, &client, &sealed, &failure);
    if (!ok && may_wait && failure.unknown_realm && member_wait_for_trusts(m, from, packet, len)) {
        talloc_free(mem);
        return true;
    }
    /* No alarm where it may well be trusted. */
    if (!ok && failure.unknown_realm && !m->trusts_known && trusts_are_wanted(m->config)) {
        failure.err = ERR_NO_KDC;
        (void)snprintf(r->value, sizeof(r->value), "%s", m->config->name);
        (void)snprintf(failure.text, sizeof(failure.text), "no controller has told which domains are trusted");
    }
    r->err = ok ? (vouch(m, from->id, r->job, info) ? ERR_OK : ERR_INTERNAL) : failure.err;
    r->proved = true;
    if (r->err == ERR_OK)
        member_offline_took(m, &info->user, v.certificate, v.certificate_len);
    if (!ok) {
        (void)snprintf(r->step, sizeof(r->step), "%s", failure.step == NULL ? "" : failure.step);
        memcpy(r->text, member_reason(m, &failure).text, sizeof(r->text));
    }
    /* For who has the AS reply key, and only where it is wanted. */
    if (r->err == ERR_OK && from->has_cards && m->config->keep_nt_hash) {
        verified.sealed = sealed.bytes;
        verified.sealed_len = sealed.len;
    }
    ipc_put_verified(&w, &verified);
    talloc_free(mem);
    return channel_send(from->fd, answer, w.len, NULL, 0, false);
}

static bool
card_message(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    switch (ipc_type(packet, len)) {
    case IPC_OFFLINE:
        return member_offline_asked(m, from, packet, len);
    case IPC_PROOF:
        return member_offline_proof(m, from, packet, len);
    case IPC_FORGET:
        return member_offline_forget(packet, len, false);
    default:
        return false;
    }
}

static void
worker_ready(struct member *m, struct worker_link *from)
{
    static uint8_t packet[PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(from->fd, packet, sizeof(packet), fds, 0);
    bool ok = false;

    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && ipc_type(packet, (size_t)n) == IPC_ARMOR)
        ok = do_armor(m, from, packet, (size_t)n);
    else if (n > 0 && ipc_type(packet, (size_t)n) == IPC_VERIFY)
        ok = from->waiting == NULL && member_verify(m, from, packet, (size_t)n, true);
    else if (n > 0 && from->has_cards)
        ok = card_message(m, from, packet, (size_t)n);
    if (ok)
        return;
    TALLOC_FREE(from->waiting);
    TALLOC_FREE(from->offline);
    (void)close(from->fd);
    from->fd = -1;
}

static bool
do_ticket(struct member *m, const char *service)
{
    uint8_t answer[1024];
    struct writer w = writer_init(answer, sizeof(answer));
    struct ipc_reason why = { .err = member_tgt(m) };
    struct krb_target t = member_target(m); /* after that: it may have brought another configuration */
    struct krb_failure failure;
    krb5_creds creds;
    int fd = -1;
    bool ok;

    memset(&failure, 0, sizeof(failure));
    memset(&creds, 0, sizeof(creds));
    if (why.err != ERR_OK)
        why = m->tgt_why;
    else if (!krb_service_ticket(m->krb, &t, &m->tgt, service, &creds, &failure))
        why = member_reason(m, &failure);
    if (why.err == ERR_OK) {
        fd = ccache_to_memfd(m->krb, &creds);
        krb5_free_cred_contents(m->krb, &creds);
        if (fd < 0)
            why.err = ERR_INTERNAL;
    }
    ipc_put_ticket_is(&w, &why);
    ok = channel_send(m->directory, answer, w.len, &fd, fd < 0 ? 0 : 1, false);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static bool
directory_message(struct member *m, const uint8_t *packet, size_t len)
{
    char service[256 + 1];
    struct ipc_dc dc;

    if (ipc_type(packet, len) == IPC_DC && ipc_get_dc(packet, len, &dc)) {
        bool moved = strcmp(dc.address, m->dc.address) != 0;

        m->dc = dc;
        m->tgt_retry = 0;
        if (moved) {
            m->patient = false;
            member_open_context(m);
        }
        return true;
    }
    return ipc_type(packet, len) == IPC_TICKET && ipc_get_ticket(packet, len, service) && do_ticket(m, service);
}

static void
directory_ready(struct member *m)
{
    uint8_t packet[2048];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(m->directory, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && directory_message(m, packet, (size_t)n))
        return;
    (void)close(m->directory);
    m->directory = -1;
}

static void
keeper_ready(struct member *m)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !member_keeper_message(m, packet, (size_t)n, fds))
        exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    channel_close_fds(fds);
}

static void
front_ready(struct member *m)
{
    uint8_t packet[SID_TEXT_MAX + 64];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(m->front, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && member_offline_forget(packet, (size_t)n, true))
        return;
    (void)close(m->front);
    m->front = -1;
}

static void
netlogon_ready(struct member *m)
{
    static uint8_t packet[PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(m->netlogon, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    if ((n < 0 && errno == EAGAIN) || (n > 0 && member_netlogon_message(m, packet, (size_t)n)))
        return;
    (void)close(m->netlogon);
    m->netlogon = -1;
    member_end_waiting(m);
}

/* Milliseconds until those who wait for netlogon have waited long enough; -1: nobody does. */
static int
until_due(const struct member *m)
{
    int64_t left = m->trusts_due - client_now();

    return m->trusts_due == 0 ? -1 : left <= 0 ? 0 : (int)left;
}

#define OTHERS 4 /* keeper, front, directory, netlogon */

static void
turn(struct member *m)
{
    struct pollfd p[OTHERS + MEMBER_WORKERS_MAX] = { { .fd = FD_KEEPER, .events = POLLIN },
                                                     { .fd = m->front, .events = POLLIN },
                                                     { .fd = m->directory, .events = POLLIN },
                                                     { .fd = m->netlogon, .events = POLLIN } };

    for (size_t i = 0; i < MEMBER_WORKERS_MAX; i++) {
        p[OTHERS + i].fd = m->workers[i].fd;
        p[OTHERS + i].events = POLLIN;
    }
    if (poll(p, OTHERS + MEMBER_WORKERS_MAX, until_due(m)) < 0)
        return;
    if (p[3].revents != 0 && m->netlogon == p[3].fd)
        netlogon_ready(m);
    if (until_due(m) == 0)
        member_end_waiting(m);
    /* First: a worker may ask because directory has just found a controller. */
    if (p[2].revents != 0)
        directory_ready(m);
    for (size_t i = 0; i < MEMBER_WORKERS_MAX; i++) {
        if (p[OTHERS + i].revents != 0 && m->workers[i].fd == p[OTHERS + i].fd && m->workers[i].fd >= 0)
            worker_ready(m, &m->workers[i]);
    }
    if (p[1].revents != 0)
        front_ready(m);
    /* Last: it replaces descriptors. */
    if (p[0].revents != 0)
        keeper_ready(m);
    if (m->keytab_due)
        member_read_keytab(m);
}

int
member_main(void)
{
    struct member *m = talloc_zero(NULL, struct member);

    m->config = role_begin(m, ROLE_MEMBER);
    m->front = FD_FRONT;
    m->directory = FD_OTHER;
    m->netlogon = FD_THIRD;
    m->keytab_file.fd = -1;
    m->dc.err = ERR_NO_KDC;
    for (size_t i = 0; i < MEMBER_WORKERS_MAX; i++)
        m->workers[i].fd = -1;
    member_open_context(m);
    member_read_keytab(m);
    member_offline_begin(m);
    for (;;)
        turn(m);
}
