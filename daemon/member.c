/*
 * member: holds the computer's keys.  It checks the tickets that workers
 * receive, and keeps the computer's own TGT for FAST and for directory.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/krb/ccache.h"
#include "lib/krb/krb.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define WORKERS_MAX 320
#define TGT_LIFETIME 3600          /* seconds: what a worker that was taken over could use it for */
#define TGT_RETRY_MS 5000          /* after one that cost time, or may count as a wrong password of the computer's */
#define TGT_QUICK_RETRY_MS 1000    /* after another; a logon does not wait for the next */
#define KEYTAB_RETRY_MS 1000       /* how often a keytab that does not fit is read again */
#define PATIENCE_MS 1500           /* with a controller that says nothing at all: directory may find another */
#define KEYTAB_MAX (1U << 20)
#define KEEPER_MS 5000
#define PACKET_MAX CHANNEL_PACKET_MAX

struct worker_link {
    int fd;                        /* -1: free */
    uint32_t id;
};

struct member {
    struct config *config;
    struct worker_link workers[WORKERS_MAX];
    int front, directory;
    struct ipc_dc dc;
    krb5_context krb;              /* over dc; NULL until one is known */
    krb5_keytab keytab;            /* NULL: none could be read */
    struct krb_verifier *verifier; /* with the keys of the keytab; NULL with it */
    struct sealed_secret keytab_file;
    uint32_t keytab_errno;
    int64_t keytab_at;             /* read again not before */
    bool keytab_due;               /* the configuration has changed: read it again */
    krb5_creds tgt;                /* of the computer; ticket.length 0: none */
    bool fast_offered;             /* by the domain, in an answer under our key */
    int64_t tgt_made;
    int64_t tgt_retry;
    struct ipc_reason tgt_why;
    bool patient;                  /* the controller has been silent before, and is the only one */
    char keytab_text[160];         /* why keytab is NULL */
    bool keytab_is_new;            /* another one than that before it */
};

static struct krb_target
target_of(const struct member *m)
{
    struct krb_target t = { .realm = m->config->realm, .domain_dns = m->config->name, .fqdn = m->config->fqdn,
                            .computer = m->config->computer, .timeout = m->config->timeout,
                            .patience = m->patient ? 0 : PATIENCE_MS };

    t.kdc = m->dc.address[0] != '\0' ? m->dc.address : NULL;
    return t;
}

static void
drop_tgt(struct member *m)
{
    if (m->krb != NULL)
        krb5_free_cred_contents(m->krb, &m->tgt);
    memset(&m->tgt, 0, sizeof(m->tgt));
}

static void
close_keytab(struct member *m)
{
    if (m->keytab != NULL)
        (void)krb5_kt_close(m->krb, m->keytab);
    m->keytab = NULL;
}

static void
open_keytab(struct member *m)
{
    struct krb_target t = target_of(m);
    struct krb_failure failure;
    char name[64];

    close_keytab(m);
    if (m->keytab_file.fd < 0)
        (void)snprintf(m->keytab_text, sizeof(m->keytab_text), "%s", role_keytab_error((int)m->keytab_errno));
    if (m->keytab_file.fd < 0 || m->krb == NULL)
        return;
    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", m->keytab_file.fd);
    if (krb5_kt_resolve(m->krb, name, &m->keytab) != 0) {
        m->keytab = NULL;
        return;
    }
    /* The verifier outlives a keytab: it remembers what it has seen. */
    if (m->verifier == NULL)
        m->verifier = krb_verifier_new(m, &t);
    memset(&failure, 0, sizeof(failure));
    if (m->verifier == NULL || !krb_verifier_keytab(m->verifier, m->keytab, &failure)) {
        log_error("the keytab %s has no key for this computer, host/%s: %s", m->config->keytab, m->config->fqdn,
                  failure.text);
        (void)snprintf(m->keytab_text, sizeof(m->keytab_text), "it has no key for this computer: %.100s", failure.text);
        close_keytab(m);
    }
}

/* The context follows the domain controller. */
static void
open_context(struct member *m)
{
    struct krb_target t = target_of(m);

    drop_tgt(m);
    close_keytab(m);
    if (m->krb != NULL)
        krb5_free_context(m->krb);
    m->krb = NULL;
    if (krb_context_new(&t, &m->krb) != 0) {
        log_error("libkrb5 does not take our profile");
        exit(EXIT_FAILURE);
    }
    open_keytab(m);
}

static bool keeper_message(struct member *m, const uint8_t *packet, size_t len, int *fds);

/* Asks keeper for the keytab as it is now. */
static void
read_keytab(struct member *m)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    m->keytab_at = client_now() + KEYTAB_RETRY_MS;
    m->keytab_due = false;
    ipc_put_empty(&w, IPC_GET_KEYTAB);
    if (!channel_send(FD_KEEPER, packet, w.len, NULL, 0, true))
        exit(EXIT_FAILURE);
    /* Other messages of keeper's may come before the answer. */
    do {
        n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, KEEPER_MS);
        if (n <= 0 || !keeper_message(m, packet, (size_t)n, fds)) {
            log_error("keeper does not answer");
            exit(EXIT_FAILURE);
        }
        channel_close_fds(fds);
    } while (ipc_type(packet, (size_t)n) != IPC_KEYTAB);
    open_keytab(m);
}

static void
add_worker(struct member *m, uint32_t id, int fd)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (m->workers[i].fd < 0) {
            m->workers[i].fd = fd;
            m->workers[i].id = id;
            return;
        }
    }
    (void)close(fd);
}

static bool
take_peer(struct member *m, const struct ipc_peer *peer, int fd)
{
    int *at = peer->role == ROLE_FRONT ? &m->front : &m->directory;

    if (peer->role == ROLE_LOGON) {
        add_worker(m, peer->id, fd);
        return true;
    }
    if (peer->role != ROLE_FRONT && peer->role != ROLE_DIRECTORY) {
        (void)close(fd);
        return false;
    }
    if (*at >= 0)
        (void)close(*at);
    *at = fd;
    return true;
}

static bool
is_same_file(int a, int b)
{
    const void *x = NULL, *y = NULL;
    size_t n = 0, k = 0;
    bool same = a >= 0 && b >= 0 && sealed_map(a, KEYTAB_MAX, &x, &n) == 0 && sealed_map(b, KEYTAB_MAX, &y, &k) == 0 &&
                n == k && memcmp(x, y, n) == 0;

    if (x != NULL)
        (void)munmap((void *)(uintptr_t)x, n);
    if (y != NULL)
        (void)munmap((void *)(uintptr_t)y, k);
    return same;
}

static void
take_keytab(struct member *m, int fd)
{
    m->keytab_is_new = fd >= 0 && !is_same_file(m->keytab_file.fd, fd);
    sealed_drop(&m->keytab_file);
    sealed_hold(&m->keytab_file, fd);
}

static void
take_config(struct member *m, struct config *c)
{
    /* What the verifier has seen it goes on remembering, unless it was for another computer. */
    if (strcmp(c->realm, m->config->realm) != 0 || strcmp(c->fqdn, m->config->fqdn) != 0 ||
        strcmp(c->computer, m->config->computer) != 0)
        TALLOC_FREE(m->verifier);
    talloc_free(m->config);
    m->config = c;
    log_init("member", c->log_level);
    m->keytab_due = true;
    m->tgt_retry = 0;
    open_context(m);
}

static bool
keeper_message(struct member *m, const uint8_t *packet, size_t len, int *fds)
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
        take_keytab(m, m->keytab_errno == 0 ? channel_take_fd(fds) : -1);
        return true;
    default:
        return false;
    }
}

/* Reads the keytab again, if it was not a moment ago. */
static bool
reread_keytab(struct member *m)
{
    if (client_now() < m->keytab_at)
        return false;
    read_keytab(m);
    return m->keytab != NULL;
}

/* With another key the computer's own logon may succeed that has just failed. */
static bool
has_new_keytab(struct member *m)
{
    return reread_keytab(m) && m->keytab_is_new;
}

static bool
is_fresh(const krb5_creds *creds)
{
    int64_t now = (int64_t)time(NULL), left = (int64_t)(uint32_t)creds->times.endtime - now;
    int64_t start = creds->times.starttime != 0 ? (int64_t)(uint32_t)creds->times.starttime
                                                : (int64_t)(uint32_t)creds->times.authtime;

    return creds->ticket.length > 0 && left > ((int64_t)(uint32_t)creds->times.endtime - start) / 4;
}

/* What a failure comes to, for whoever needs the computer's ticket. */
static struct ipc_reason
reason_of(const struct member *m, const struct krb_failure *f)
{
    struct ipc_reason why = { .err = f->err };
    char text[320];

    krb_failure_value(f, m->config->name, why.value, sizeof(why.value));
    krb_failure_describe(f, text, sizeof(text));
    if (f->err == ERR_NO_KEYTAB && m->keytab == NULL)
        (void)snprintf(why.text, sizeof(why.text), "the keytab %s: %s", m->config->keytab, m->keytab_text);
    else if (f->err == ERR_NO_KEYTAB || f->err == ERR_STALE_KEYTAB)
        (void)snprintf(why.text, sizeof(why.text), "with the key in the keytab %s: %s", m->config->keytab, text);
    else
        (void)snprintf(why.text, sizeof(why.text), "%s", text[0] != '\0' ? text : "no domain controller");
    return why;
}

/* Not at every logon's wish: it makes everybody wait, or may count as a wrong password of the computer's. */
static bool
is_costly(enum err err)
{
    return err == ERR_NO_KDC || err == ERR_TIMEOUT || err == ERR_STALE_KEYTAB;
}

/* One logon with the keytab as it is now: reading that again may have brought another configuration along. */
static bool
log_on_computer(struct member *m, krb5_creds *tgt_out, bool *fast_out, struct krb_failure *failure_out)
{
    struct krb_target t = target_of(m);

    memset(failure_out, 0, sizeof(*failure_out));
    failure_out->err = m->keytab == NULL ? ERR_NO_KEYTAB : m->dc.err != ERR_OK ? ERR_NO_KDC : ERR_OK;
    return failure_out->err == ERR_OK &&
           krb_computer_tgt(m->krb, &t, m->keytab, TGT_LIFETIME, tgt_out, fast_out, failure_out);
}

/* The ticket that is there serves to its end, whatever became of the try for a new one. */
static enum err
unless_it_serves(const struct member *m, enum err err)
{
    return m->tgt.ticket.length > 0 && (int64_t)(uint32_t)m->tgt.times.endtime > (int64_t)time(NULL) ? ERR_OK : err;
}

/* The computer's own TGT: kept, and renewed by a new logon before it ends. */
static enum err
computer_tgt(struct member *m)
{
    struct krb_failure failure;
    krb5_creds tgt = { 0 };
    bool fast = false, ok;

    if (is_fresh(&m->tgt))
        return ERR_OK;
    if (client_now() < m->tgt_retry && !(m->tgt_why.err == ERR_STALE_KEYTAB && has_new_keytab(m)))
        return unless_it_serves(m, (enum err)m->tgt_why.err);
    if (m->keytab == NULL)
        (void)reread_keytab(m);
    ok = log_on_computer(m, &tgt, &fast, &failure);
    /* The key may have been changed since the keytab was read. */
    if (!ok && failure.err == ERR_STALE_KEYTAB && has_new_keytab(m))
        ok = log_on_computer(m, &tgt, &fast, &failure);
    if (ok) {
        drop_tgt(m);
        m->tgt = tgt;
        m->tgt_made = client_now();
        m->fast_offered = m->fast_offered || fast;
        m->tgt_retry = 0;
        m->patient = false;
        log_debug("the computer has a ticket for an hour; FAST is %s", fast ? "offered" : "not offered");
        return ERR_OK;
    }
    m->tgt_why = reason_of(m, &failure);
    m->tgt_retry = client_now() + (is_costly(failure.err) ? TGT_RETRY_MS : TGT_QUICK_RETRY_MS);
    m->patient = failure.err == ERR_NO_KDC;
    log_error("the computer's own logon failed: %s: %s", err_name(failure.err), m->tgt_why.text);
    return unless_it_serves(m, failure.err);
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
    if (refused == 1 && client_now() >= m->tgt_made + TGT_RETRY_MS)
        drop_tgt(m);
    if (computer_tgt(m) != ERR_OK)
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

/* Step 5 of the logon. */
static bool
do_verify(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    TALLOC_CTX *mem = talloc_new(m);
    struct ipc_result r = { .err = ERR_NO_KEYTAB };
    struct logon_info *info = NULL;
    struct krb_failure failure;
    const uint8_t *ap_req;
    uint8_t answer[2048];
    struct writer w = writer_init(answer, sizeof(answer));
    char *client = NULL;
    size_t n;
    bool ok = false;

    memset(&failure, 0, sizeof(failure));
    failure.err = ERR_NO_KEYTAB;
    failure.step = "ticket check";
    if (!ipc_get_verify(packet, len, &r.job, &ap_req, &n)) {
        talloc_free(mem);
        return false;
    }
    if (m->keytab != NULL || reread_keytab(m))
        ok = krb_verify(m->verifier, ap_req, n, NULL, mem, &info, &client, &failure);
    /* The key may have been changed since the keytab was read. */
    if (!ok && is_about_keys(&failure) && reread_keytab(m))
        ok = krb_verify(m->verifier, ap_req, n, NULL, mem, &info, &client, &failure);
    r.err = ok ? (vouch(m, from->id, r.job, info) ? ERR_OK : ERR_INTERNAL) : failure.err;
    r.proved = true;
    if (!ok) {
        (void)snprintf(r.step, sizeof(r.step), "%s", failure.step == NULL ? "" : failure.step);
        memcpy(r.text, reason_of(m, &failure).text, sizeof(r.text));
    }
    ipc_put_result(&w, IPC_VERIFIED, &r);
    talloc_free(mem);
    return channel_send(from->fd, answer, w.len, NULL, 0, false);
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
        ok = do_verify(m, from, packet, (size_t)n);
    if (ok)
        return;
    (void)close(from->fd);
    from->fd = -1;
}

static bool
do_ticket(struct member *m, const char *service)
{
    uint8_t answer[1024];
    struct writer w = writer_init(answer, sizeof(answer));
    struct ipc_reason why = { .err = computer_tgt(m) };
    struct krb_target t = target_of(m); /* after that: it may have brought another configuration */
    struct krb_failure failure;
    krb5_creds creds;
    int fd = -1;
    bool ok;

    memset(&failure, 0, sizeof(failure));
    memset(&creds, 0, sizeof(creds));
    if (why.err != ERR_OK)
        why = m->tgt_why;
    else if (!krb_service_ticket(m->krb, &t, &m->tgt, service, &creds, &failure))
        why = reason_of(m, &failure);
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
            open_context(m);
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
    if (n <= 0 || !keeper_message(m, packet, (size_t)n, fds))
        exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    channel_close_fds(fds);
}

/* front only listens: its channel is watched for its end. */
static void
front_ready(struct member *m)
{
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(m->front, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    (void)close(m->front);
    m->front = -1;
}

static void
turn(struct member *m)
{
    struct pollfd p[3 + WORKERS_MAX] = { { .fd = FD_KEEPER, .events = POLLIN }, { .fd = m->front, .events = POLLIN },
                                         { .fd = m->directory, .events = POLLIN } };

    for (size_t i = 0; i < WORKERS_MAX; i++) {
        p[3 + i].fd = m->workers[i].fd;
        p[3 + i].events = POLLIN;
    }
    if (poll(p, 3 + WORKERS_MAX, -1) < 0)
        return;
    /* First: a worker may ask because directory has just found a controller. */
    if (p[2].revents != 0)
        directory_ready(m);
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (p[3 + i].revents != 0 && p[3 + i].fd >= 0)
            worker_ready(m, &m->workers[i]);
    }
    if (p[1].revents != 0)
        front_ready(m);
    /* Last: it replaces descriptors. */
    if (p[0].revents != 0)
        keeper_ready(m);
    if (m->keytab_due)
        read_keytab(m);
}

int
member_main(void)
{
    struct member *m = talloc_zero(NULL, struct member);

    m->config = role_begin(m, ROLE_MEMBER);
    m->front = FD_FRONT;
    m->directory = FD_OTHER;
    m->keytab_file.fd = -1;
    m->dc.err = ERR_NO_KDC;
    for (size_t i = 0; i < WORKERS_MAX; i++)
        m->workers[i].fd = -1;
    open_context(m);
    read_keytab(m);
    for (;;)
        turn(m);
}
