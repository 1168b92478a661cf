/* Trusted domains and their accounts: what directory and member want to know of the own domain's controller. */
#include <stdio.h>
#include <string.h>

#include "daemon/netlogon.h"
#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/proto/client.h"
#include "lib/rpc/epm.h"
#include "lib/rpc/lsa.h"
#include "lib/sid/name.h"

#define TRUST_TYPE_ACTIVE_DIRECTORY 2 /* [MS-ADTS] 6.1.6.7.15 */
#define LSA_RETRY_MS 5000             /* after a lookup that had no answer */

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void
netlogon_make_trusts(const struct config *c, const struct netlogon_trusts *told, struct trusts *t_out)
{
    memset(t_out, 0, sizeof(*t_out));
    /* First: nobody else is to have this SID. */
    for (size_t i = 0; i < told->n; i++) {
        if ((told->list[i].flags & NETLOGON_TRUST_PRIMARY) != 0 && sid_is_domain(&told->list[i].sid))
            t_out->own = told->list[i].sid;
    }
    for (size_t i = 0; i < told->n; i++) {
        const struct netlogon_trust *d = &told->list[i];
        struct trust trust = { .sid = d->sid, .mutual = (d->flags & NETLOGON_TRUST_INBOUND) != 0 };

        if ((d->flags & NETLOGON_TRUST_PRIMARY) != 0 || (d->flags & NETLOGON_TRUST_OUTBOUND) == 0 ||
            d->type != TRUST_TYPE_ACTIVE_DIRECTORY || !name_fold(d->dns, trust.dns, sizeof(trust.dns)) ||
            !name_fold(d->netbios, trust.netbios, sizeof(trust.netbios)) || !trusts_may_be(c, trust.dns))
            continue;
        if (!trusts_add(t_out, c, &trust))
            log_warning("the trusted domain %s (%s) is left out: it cannot be told from another one", trust.dns,
                        trust.netbios);
    }
}

static void
tell_trusts(struct netlogon_role *n, int fd, enum err err)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_trusts(&w, (uint32_t)err, n->trusts);
    if (fd >= 0 && (!writer_ok(&w) || !channel_send(fd, packet, w.len, NULL, 0, false)))
        log_warning("the table of trusted domains is not taken");
}

static void
take_trusts(struct netlogon_role *n, const struct netlogon_trusts *told)
{
    struct trusts *t = talloc_zero(n, struct trusts);

    if (t == NULL)
        return;
    netlogon_make_trusts(n->config, told, t);
    if (n->trusts == NULL || memcmp(n->trusts, t, sizeof(*t)) != 0) {
        for (size_t i = 0; i < t->n; i++)
            log_info("%s trusts %s (%s)%s", n->config->name, t->list[i].dns, t->list[i].netbios,
                     t->list[i].mutual ? ", and is trusted" : "");
        if (t->n == 0)
            log_info("%s trusts no other domain whose users may log on here", n->config->name);
    }
    talloc_free(n->trusts);
    n->trusts = t;
    n->trusts_at = client_now();
    /* Whoever asked: member is not to know less than directory does. */
    tell_trusts(n, n->member, ERR_OK);
    tell_trusts(n, n->directory, ERR_OK);
}

enum err
netlogon_learn_trusts(struct netlogon_role *n, int64_t deadline, int64_t age_ms)
{
    TALLOC_CTX *mem;
    struct netlogon_trusts *told;
    struct ipc_result r = { .err = ERR_OK };
    struct rpc_failure f;
    char text[256];

    if (n->trusts != NULL && client_now() - n->trusts_at < age_ms)
        return ERR_OK;
    if (!trusts_are_wanted(n->config)) {
        take_trusts(n, &(struct netlogon_trusts){ .n = 0 });
        return n->trusts != NULL ? ERR_OK : ERR_INTERNAL;
    }
    if (!netlogon_open(n, deadline, &r))
        return (enum err)r.err;
    mem = talloc_new(n);
    told = netlogon_list_trusts(n->session, n->channel, NETLOGON_TRUST_ANY, mem, deadline, &f);
    if (told != NULL) {
        n->used = client_now();
        take_trusts(n, told);
    } else {
        netlogon_describe(&f, text, sizeof(text));
        log_warning("the trusted domains are not to be had: %s", text);
        r.err = netlogon_err_of_failure(&f, false);
        netlogon_drop(n);
    }
    talloc_free(mem);
    return r.err == ERR_OK && n->trusts == NULL ? ERR_INTERNAL : (enum err)r.err;
}

/* The connection for lookups: made when it is first needed. */
static struct rpc *
open_lsa(struct netlogon_role *n, int64_t deadline, struct rpc_failure *f)
{
    struct sockaddr_storage server, endpoint;
    struct ipc_result r;

    if (n->lsa != NULL && rpc_is_alive(n->lsa))
        return n->lsa;
    TALLOC_FREE(n->lsa);
    if (!netlogon_open(n, deadline, &r)) {
        (void)rpc_fail(f, RPC_CONNECT, 0, "the secure channel");
        return NULL;
    }
    if (!address_parse(n->dc.address, EPM_PORT, &server)) {
        (void)rpc_fail(f, RPC_ARGUMENT, 0, "the controller's address");
        return NULL;
    }
    address_set_port(&server, EPM_PORT);
    if (epm_map(&server, &lsa_interface, &endpoint, deadline, f))
        n->lsa = netlogon_channel(n, n->session, &endpoint, &lsa_interface, deadline, f);
    return n->lsa;
}

/* What is looked up, in LSA's words. */
struct lookup {
    const struct sid *sids; /* NULL: names */
    const char *const *names;
    size_t n;
};

static struct lsa_account *
look_up_once(struct netlogon_role *n, const struct lookup *l, TALLOC_CTX *mem, int64_t deadline, struct rpc_failure *f)
{
    struct rpc *lsa = open_lsa(n, deadline, f);

    if (lsa == NULL)
        return NULL;
    if (l->sids != NULL)
        return lsa_lookup_sids(lsa, l->sids, l->n, mem, deadline, f);
    return lsa_lookup_names(lsa, l->names, l->n, mem, deadline, f);
}

/*
 * NULL with *f.  A connection that was left alone may be gone, and is made anew
 * once.  RPC_FAULT is how Samba says that it has no answer: no such name, or
 * the other domain does not answer it either.
 */
static struct lsa_account *
look_up(struct netlogon_role *n, const struct lookup *l, TALLOC_CTX *mem, int64_t until, struct rpc_failure *f)
{
    int64_t deadline = sooner(until, client_now() + NETLOGON_LSA_MS);
    struct lsa_account *a = NULL;
    bool again = n->lsa != NULL;

    do {
        a = look_up_once(n, l, mem, deadline, f);
        if (a == NULL)
            TALLOC_FREE(n->lsa);
        again = again && a == NULL && (f->error == RPC_CLOSED || f->error == RPC_DEAD);
    } while (again);
    if (a == NULL && f->error == RPC_TIMEOUT)
        n->lsa_retry_at = client_now() + LSA_RETRY_MS;
    return a;
}

static bool
is_account_name(const char *name)
{
    struct name parsed;
    size_t len = strlen(name);

    return len > 0 && len <= PROTO_NAME_MAX && name_parse(name, len, &parsed) && parsed.form == NAME_SHORT;
}

/* Computers' and trusts' accounts are nobody here. */
static uint8_t
kind_of(const struct lsa_account *a)
{
    size_t len = strlen(a->name);

    if (!is_account_name(a->name))
        return IPC_ACCOUNT_UNKNOWN;
    if (a->kind == LSA_GROUP)
        return IPC_ACCOUNT_GROUP;
    return a->kind == LSA_USER && a->name[len - 1] != '$' ? IPC_ACCOUNT_USER : IPC_ACCOUNT_UNKNOWN;
}

/*
 * The names of m->sids, into are.  What the controller says of an account of
 * one domain counts only where it names that domain.
 */
static bool
name_sids(struct netlogon_role *n, const struct ipc_accounts *m, TALLOC_CTX *mem, struct ipc_accounts_are *are,
          struct rpc_failure *f)
{
    const struct lookup l = { .sids = m->sids, .n = m->n };
    struct lsa_account *a = look_up(n, &l, mem, m->deadline, f);

    if (a == NULL)
        return false;
    are->n = m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct trust *trust = trusts_by_account(n->trusts, &m->sids[i]);
        struct ipc_account *out = &are->accounts[i];

        memset(out, 0, sizeof(*out));
        if (trust == NULL || !sid_equal(&a[i].domain_sid, &trust->sid))
            continue;
        out->kind = kind_of(&a[i]);
        out->sid = m->sids[i];
        if (out->kind != IPC_ACCOUNT_UNKNOWN)
            (void)snprintf(out->account, sizeof(out->account), "%s", a[i].name);
    }
    return true;
}

/* The SID first, then how its name is written: the controller finds names in more than one spelling. */
static bool
find_name(struct netlogon_role *n, const struct ipc_accounts *m, TALLOC_CTX *mem, struct ipc_accounts_are *are,
          struct rpc_failure *f)
{
    const struct trust *trust = trusts_by_word(n->trusts, m->domain);
    const char *name = trust == NULL ? NULL : talloc_asprintf(mem, "%s\\%s", trust->netbios, m->name);
    const struct lookup l = { .names = &name, .n = 1 };
    struct ipc_accounts by_sid = { .deadline = m->deadline, .n = 1 };
    struct lsa_account *a;

    are->n = 1;
    memset(&are->accounts[0], 0, sizeof(are->accounts[0]));
    if (name == NULL)
        return true;
    a = look_up(n, &l, mem, m->deadline, f);
    if (a == NULL)
        return false;
    if ((a->kind != LSA_USER && a->kind != LSA_GROUP) || !sid_equal(&a->domain_sid, &trust->sid) ||
        !sid_in_domain(&a->sid, &trust->sid))
        return true;
    by_sid.sids[0] = a->sid;
    return name_sids(n, &by_sid, mem, are, f);
}

static void
answer_accounts(struct netlogon_role *n, const struct ipc_accounts *m, struct ipc_accounts_are *are)
{
    TALLOC_CTX *mem = talloc_new(n);
    struct rpc_failure f;
    char text[256];
    bool ok;

    are->err = ERR_NO_KDC;
    if (client_now() < m->deadline && client_now() >= n->lsa_retry_at)
        are->err = (uint32_t)netlogon_learn_trusts(n, m->deadline, INT64_MAX);
    if (are->err != ERR_OK)
        goto done;
    ok = m->n > 0 ? name_sids(n, m, mem, are, &f) : find_name(n, m, mem, are, &f);
    if (ok)
        goto done;
    netlogon_describe(&f, text, sizeof(text));
    log_debug("lookup of %s: %s", m->n > 0 ? "SIDs" : m->name, text);
    if (f.error == RPC_FAULT) {
        are->n = m->n > 0 ? m->n : 1;
        memset(are->accounts, 0, sizeof(are->accounts));
    } else {
        are->err = (uint32_t)netlogon_err_of_failure(&f, false);
    }

done:
    if (are->err != ERR_OK)
        are->n = 0;
    talloc_free(mem);
}

static bool
do_accounts(struct netlogon_role *n, const uint8_t *packet, size_t len)
{
    static struct ipc_accounts m;
    static struct ipc_accounts_are are;
    static uint8_t answer[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(answer, sizeof(answer));

    if (!ipc_get_accounts(packet, len, &m))
        return false;
    memset(&are, 0, sizeof(are));
    are.request = m.request;
    answer_accounts(n, &m, &are);
    ipc_put_accounts_are(&w, &are);
    /* Whoever does not take it has its own deadline. */
    (void)channel_send(n->directory, answer, w.len, NULL, 0, false);
    return true;
}

static bool
do_trusts(struct netlogon_role *n, enum role from)
{
    int64_t at = n->trusts != NULL ? n->trusts_at : -1;
    enum err err = netlogon_learn_trusts(n, client_now() + NETLOGON_LSA_MS, NETLOGON_TRUSTS_MS);

    /* Else both have been told. */
    if (err != ERR_OK || (n->trusts != NULL && at == n->trusts_at))
        tell_trusts(n, from == ROLE_MEMBER ? n->member : n->directory, err);
    return true;
}

bool
netlogon_question(struct netlogon_role *n, enum role from, const uint8_t *packet, size_t len)
{
    if (ipc_get_empty(packet, len, IPC_GET_TRUSTS))
        return do_trusts(n, from);
    return from == ROLE_DIRECTORY && ipc_type(packet, len) == IPC_ACCOUNTS && do_accounts(n, packet, len);
}
