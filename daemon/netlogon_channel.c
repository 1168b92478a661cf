/* The secure channel: made when it is first needed, kept while it answers, made anew when it does not. */
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/netlogon.h"
#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/base/secret.h"
#include "lib/proto/client.h"
#include "lib/rpc/epm.h"

#define IDLE_CHECK_MS 1500           /* for a session that was idle to say that it is there */
#define REQUESTS_MASK 0x7fffffffU    /* front needs one bit */

/* One logon on its way. */
struct passing {
    struct netlogon_role *n;
    const struct ipc_pass *m;
    struct ipc_result *r;
    struct trust home;             /* of the user; dns "": the own domain */
};

void
netlogon_drop(struct netlogon_role *n)
{
    TALLOC_FREE(n->lsa);
    TALLOC_FREE(n->channel);
    TALLOC_FREE(n->session);
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of one step: the configured time, or what is left of the logon's. */
static int64_t
step_deadline(const struct passing *p)
{
    return sooner(p->m->deadline, client_now() + (int64_t)p->n->config->timeout * 1000);
}

static bool
fail(const struct passing *p, const struct ipc_reason *why)
{
    p->r->err = why->err;
    memcpy(p->r->value, why->value, sizeof(p->r->value));
    memcpy(p->r->text, why->text, sizeof(p->r->text));
    return false;
}

static bool
fail_with(const struct passing *p, enum err err, const char *text)
{
    struct ipc_reason why = { .err = err };

    (void)snprintf(why.text, sizeof(why.text), "%s", text);
    return fail(p, &why);
}

/* Not at every logon's wish: those in line get the same answer at once. */
static void
remember(struct netlogon_role *n, enum err err, const char *text)
{
    bool quick = err == ERR_NO_KEYTAB || err == ERR_INTERNAL;

    memset(&n->why, 0, sizeof(n->why));
    n->why.err = err;
    (void)snprintf(n->why.text, sizeof(n->why.text), "%s", text);
    n->retry_at = client_now() + (quick ? NETLOGON_QUICK_RETRY_MS : NETLOGON_RETRY_MS);
    memcpy(n->retry_address, n->dc.address, sizeof(n->retry_address));
}

static void
remember_failure(struct netlogon_role *n, const struct rpc_failure *f, bool sent)
{
    enum err err = netlogon_err_of_failure(f, sent);
    char text[256], whole[480];

    netlogon_describe(f, text, sizeof(text));
    (void)snprintf(whole, sizeof(whole), "%s, domain controller %.100s%s", text, n->dc.host,
                   err == ERR_STALE_KEYTAB ? ": the domain knows another password of this computer, which must be joined again" : "");
    remember(n, err, whole);
}

/* The answer to that request of ours; older ones are passed over. */
static bool
take_dc(struct netlogon_role *n, uint32_t request, int64_t deadline, struct ipc_dc *dc_out)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    int64_t left;

    for (left = deadline - client_now(); left > 0; left = deadline - client_now()) {
        ssize_t len = channel_recv(n->front, packet, sizeof(packet), fds, (int)left);

        channel_close_fds(fds);
        if (len <= 0 || !ipc_get_dc(packet, (size_t)len, dc_out))
            return false;
        if (dc_out->request == request)
            return true;
    }
    return false;
}

/* The controller in use, or another one than that which has just failed. */
static bool
need_dc(const struct passing *p, const char *avoid)
{
    struct ipc_need_dc m = { .request = ++p->n->last_request & REQUESTS_MASK };
    struct ipc_dc dc = { .err = ERR_NO_KDC };
    uint8_t packet[128];
    struct writer w = writer_init(packet, sizeof(packet));

    (void)snprintf(m.avoid, sizeof(m.avoid), "%s", avoid);
    ipc_put_need_dc(&w, &m);
    if (p->n->front < 0 || !channel_send(p->n->front, packet, w.len, NULL, 0, false) ||
        !take_dc(p->n, m.request, sooner(p->m->deadline, client_now() + NETLOGON_DC_MS), &dc))
        return fail_with(p, ERR_NO_KDC, "nobody says which domain controller to ask");
    if (dc.err != ERR_OK)
        return fail_with(p, (enum err)dc.err, "no domain controller is known");
    if (strcmp(dc.address, p->n->dc.address) != 0 || strcmp(dc.host, p->n->dc.host) != 0)
        netlogon_drop(p->n);
    p->n->dc = dc;
    p->n->dc_at = client_now();
    return true;
}

/* A controller says nothing by itself: what can be read is the end. */
bool
netlogon_is_connected(const struct netlogon_role *n)
{
    struct pollfd fd = { .fd = n->channel == NULL ? -1 : rpc_fd(n->channel), .events = POLLIN };

    return n->channel != NULL && rpc_is_alive(n->channel) && poll(&fd, 1, 0) == 0;
}

/* Those who come one right after the other do not ask each time: that costs more than the rest of what we do. */
static bool
know_dc(const struct passing *p)
{
    const struct netlogon_role *n = p->n;

    if (n->session != NULL && netlogon_is_connected(n) && client_now() - n->dc_at < NETLOGON_DC_FRESH_MS)
        return true;
    return need_dc(p, "");
}

/*
 * Is there a session?  It is better to know than to find out by a logon: a
 * password whose answer is lost may have been counted, and is not sent again.
 */
static bool
is_alive(const struct passing *p, struct rpc_failure *f)
{
    struct netlogon_role *n = p->n;
    bool connected;

    (void)rpc_fail(f, RPC_NONE, 0, "");
    if (n->session == NULL)
        return false;
    connected = netlogon_is_connected(n);
    if (connected && client_now() - n->used < NETLOGON_IDLE_MS)
        return true;
    if (connected && netlogon_check_capabilities(n->session, n->channel,
                                                 sooner(p->m->deadline, client_now() + IDLE_CHECK_MS), f)) {
        n->used = client_now();
        return true;
    }
    log_info("the session with %s has ended", n->dc.host);
    netlogon_drop(n);
    return false;
}

/* With one of the keys; *f where that comes to nothing. */
static bool
open_with(struct netlogon_role *n, const uint8_t *hash, const struct sockaddr_storage *endpoint, int64_t deadline,
          struct rpc_failure *f)
{
    struct netlogon_names names = { .computer = n->config->computer, .domain_netbios = n->dc.netbios,
                                    .domain_dns = n->config->name, .controller = n->dc.host };
    char account[64];

    (void)snprintf(account, sizeof(account), "%s$", n->config->computer);
    names.account = account;
    n->session = netlogon_authenticate(n, endpoint, &names, hash, deadline, f);
    if (n->session != NULL)
        n->channel = netlogon_channel(n, n->session, endpoint, &netlogon_interface, deadline, f);
    if (n->channel != NULL && netlogon_check_capabilities(n->session, n->channel, deadline, f)) {
        n->used = client_now();
        return true;
    }
    netlogon_drop(n);
    return false;
}

static bool
is_refused(const struct rpc_failure *f)
{
    return f->error == RPC_STATUS && f->code == NTSTATUS_ACCESS_DENIED;
}

static bool
open_session(struct netlogon_role *n, int64_t deadline, struct rpc_failure *f)
{
    struct sockaddr_storage server, endpoint;
    bool ok = false;

    if (!address_parse(n->dc.address, EPM_PORT, &server))
        return rpc_fail(f, RPC_ARGUMENT, 0, "the controller's address");
    address_set_port(&server, EPM_PORT);
    if (!epm_map(&server, &netlogon_interface, &endpoint, deadline, f))
        return false;
    (void)rpc_fail(f, RPC_STATUS, NTSTATUS_ACCESS_DENIED, "");
    for (unsigned i = 0; !ok && i < n->keys->n && is_refused(f); i++) {
        ok = open_with(n, n->keys->hash[i], &endpoint, deadline, f);
        n->slot = n->keys->slot[i];
    }
    return ok;
}

/* Reads the keys again, if they were not a moment ago. True if there are others now. */
static bool
reread_keys(struct netlogon_role *n)
{
    struct netlogon_keys old;
    bool changed;

    if (client_now() < n->keys_at + NETLOGON_QUICK_RETRY_MS)
        return false;
    old = *n->keys;
    netlogon_read_keys(n);
    changed = n->keys->n > 0 && CRYPTO_memcmp(&old, n->keys, sizeof(old)) != 0;
    secret_erase(&old, sizeof(old));
    return changed;
}

/* The controller may be away, or be hindered; another one may be there. */
static bool
is_about_controller(const struct rpc_failure *f)
{
    return netlogon_err_of_failure(f, false) == ERR_NO_KDC;
}

/* Makes a session with the controller of n->dc, or with another one. */
static bool
make_session(const struct passing *p, struct rpc_failure *f)
{
    struct netlogon_role *n = p->n;
    char avoid[sizeof(n->dc.address)];

    if (open_session(n, step_deadline(p), f) ||
        (is_refused(f) && reread_keys(n) && open_session(n, step_deadline(p), f)))
        return true;
    if (!is_about_controller(f))
        return false;
    memcpy(avoid, n->dc.address, sizeof(avoid));
    return need_dc(p, avoid) && strcmp(avoid, n->dc.address) != 0 && open_session(n, step_deadline(p), f);
}

/* There is a session when this returns true. */
static bool
get_session(const struct passing *p)
{
    struct netlogon_role *n = p->n;
    struct rpc_failure f;

    if (is_alive(p, &f))
        return true;
    if (f.error == RPC_TIMEOUT || f.error == RPC_DOWNGRADE) {
        remember_failure(n, &f, false);
        return fail(p, &n->why);
    }
    if (client_now() < n->retry_at && strcmp(n->retry_address, n->dc.address) == 0 &&
        !(n->why.err == ERR_STALE_KEYTAB && reread_keys(n)))
        return fail(p, &n->why);
    if (!n->keys_known || n->keys->n == 0)
        netlogon_read_keys(n);
    if (n->keys->n == 0) {
        remember(n, ERR_NO_KEYTAB, n->keys_text);
    } else if (make_session(p, &f)) {
        log_info("there is a secure channel with %s", n->dc.host);
        n->retry_at = 0;
        return true;
    } else {
        remember_failure(n, &f, false);
    }
    log_error("no secure channel: %s: %s", err_name(n->why.err), n->why.text);
    return fail(p, &n->why);
}

bool
netlogon_open(struct netlogon_role *n, int64_t deadline, struct ipc_result *r)
{
    const struct ipc_pass m = { .deadline = deadline };
    const struct passing p = { .n = n, .m = &m, .r = r };

    memset(r, 0, sizeof(*r));
    return need_dc(&p, "") && get_session(&p);
}

static bool
ask(const struct passing *p, TALLOC_CTX *mem, struct netlogon_verdict *v_out)
{
    struct netlogon_role *n = p->n;
    struct netlogon_logon l = { .method = NETLOGON_WITH_FLAGS,
                                .user = p->m->account,
                                .domain = p->m->domain[0] != '\0' ? p->m->domain : n->dc.netbios,
                                .workstation = n->config->computer,
                                .nt_hash = p->m->nt_hash };
    struct rpc_failure f;

    for (int i = 0; i < 2; i++) {
        if (!get_session(p))
            return false;
        if (netlogon_logon(n->session, n->channel, &l, mem, v_out, step_deadline(p), &f)) {
            n->used = client_now();
            return true;
        }
        netlogon_drop(n);
        /* Sealed: the controller has ended the session, and has not looked at the password. All else is final. */
        if (!is_refused(&f))
            break;
    }
    if (f.error == RPC_ARGUMENT)
        return fail_with(p, ERR_INTERNAL, "the user's name does not fit");
    remember_failure(n, &f, true);
    return fail(p, &n->why);
}

/*
 * The own controller answers for the user's domain: what that one says is about
 * its own accounts, and nobody else's.
 */
static bool
is_about_home(const struct passing *p, struct logon_info *info)
{
    const struct trusts *t = p->n->trusts;

    if (p->home.dns[0] != '\0')
        return logon_info_keep_domain(info, &p->home.sid);
    return t == NULL || t->own.n_subs == 0 || sid_in_domain(&info->user, &t->own);
}

static void
judge(const struct passing *p, const struct netlogon_verdict *v, struct logon_info **info_out)
{
    struct ipc_result *r = p->r;

    r->err = netlogon_err_of_status(v->status, &r->proved);
    if (r->err == ERR_OK && v->info == NULL)
        r->err = ERR_INTERNAL;
    if (r->err == ERR_OK && logon_info_is_machine(v->info))
        r->err = ERR_NOT_A_PERSON;
    if (r->err == ERR_OK && v->info->is_service_asserted)
        r->err = ERR_BAD_PAC;
    if (r->err == ERR_OK && !is_about_home(p, v->info))
        r->err = ERR_WRONG_ACCOUNT;
    if (v->status == NTSTATUS_SUCCESS)
        (void)snprintf(r->text, sizeof(r->text), "domain controller %.100s", p->n->dc.host);
    else
        (void)snprintf(r->text, sizeof(r->text), "%s %08X, domain controller %.100s", ntstatus_name(v->status),
                       (unsigned)v->status, p->n->dc.host);
    if (r->err == ERR_OK)
        *info_out = v->info;
}

/* The user's domain is one that the own one trusts, by the own one's word. */
static bool
find_home(struct passing *p)
{
    enum err err = netlogon_learn_trusts(p->n, p->m->deadline, INT64_MAX);
    const struct trust *home = err == ERR_OK ? trusts_by_word(p->n->trusts, p->m->domain) : NULL;

    if (err != ERR_OK)
        return fail_with(p, err, "the trusted domains are not known");
    if (home == NULL)
        return fail_with(p, ERR_NO_REALM, "the user's domain is not trusted");
    p->home = *home;
    return true;
}

void
netlogon_pass(struct netlogon_role *n, const struct ipc_pass *m, TALLOC_CTX *mem, struct ipc_result *r,
              struct logon_info **info_out)
{
    struct passing p = { .n = n, .m = m, .r = r };
    struct netlogon_verdict v;

    *info_out = NULL;
    memset(r, 0, sizeof(*r));
    (void)snprintf(r->step, sizeof(r->step), "NTLM pass-through");
    if (client_now() >= m->deadline)
        (void)fail_with(&p, ERR_NO_KDC, "its time was up before those in line had had theirs");
    else if (m->domain[0] != '\0' && !find_home(&p))
        ;
    else if (know_dc(&p) && ask(&p, mem, &v))
        judge(&p, &v, info_out);
}
