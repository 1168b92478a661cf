/*
 * The domains that ours trusts, as netlogon tells them, and the messages of
 * front's that wait until netlogon has answered.  directory itself waits for
 * nothing here: a netlogon that hangs costs those who ask for other domains'
 * accounts, and nobody else.
 */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

#define FACT_TRUSTS "trusts"
#define OLD_MS 3600000   /* a table so old is asked for again when it is used */
#define AGAIN_MS 60000   /* for a domain that is not in it, it is asked for again once a minute */

static unsigned
bit(enum dir_want want)
{
    return 1U << want;
}

const struct trust *
dir_trust_of(const struct dir *d, const struct sid *account)
{
    return trusts_by_account(&d->trusts.t, account);
}

/* Keeps those of t that can be used here. */
static void
adopt(struct dir *d, const struct trusts *t)
{
    struct trusts kept = { .own = t->own };

    for (size_t i = 0; i < t->n; i++) {
        if (trusts_may_be(d->config, t->list[i].dns) && dir_add_trust(d, &t->list[i]))
            (void)trusts_add(&kept, d->config, &t->list[i]);
    }
    d->trusts.t = kept;
}

void
dir_trusts_recall(struct dir *d)
{
    char *text = store_fact(d->store, d, FACT_TRUSTS);
    struct trusts *t = talloc_zero(d, struct trusts);

    memset(&d->trusts, 0, sizeof(d->trusts));
    if (text != NULL && t != NULL && trusts_of_text(text, d->config, t) && d->own.known &&
        sid_equal(&t->own, &d->own.sid))
        adopt(d, t);
    talloc_free(t);
    talloc_free(text);
}

static void
remember(struct dir *d, const struct trusts *t)
{
    char *text = talloc_size(d, TRUSTS_TEXT_MAX);

    if (text != NULL && trusts_text(t, text, TRUSTS_TEXT_MAX))
        (void)store_put_fact(d->store, FACT_TRUSTS, text);
    talloc_free(text);
}

static bool
send_to_netlogon(struct dir *d, const struct writer *w)
{
    return d->netlogon >= 0 && writer_ok(w) && channel_send(d->netlogon, w->data, w->len, NULL, 0, false);
}

/* Somebody has just asked for it. */
static bool
is_due(const struct dir *d)
{
    for (size_t i = 0; i < DIR_WAITING_MAX; i++) {
        if (d->waiting[i].packet != NULL && d->waiting[i].what == DIR_WANT_TRUSTS)
            return true;
    }
    return false;
}

static bool
ask_trusts(struct dir *d)
{
    uint8_t packet[1];
    struct writer w = writer_init(packet, sizeof(packet));

    if (is_due(d))
        return true;
    d->trusts.asked_at = client_now();
    ipc_put_empty(&w, IPC_GET_TRUSTS);
    return send_to_netlogon(d, &w);
}

static bool
ask_accounts(struct dir *d, struct ipc_accounts *m)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    m->request = ++d->last_question;
    m->deadline = client_now() + DIR_NETLOGON_MS;
    ipc_put_accounts(&w, m);
    return send_to_netlogon(d, &w);
}

static bool
may_want(struct dir *d, enum dir_want want)
{
    return d->netlogon >= 0 && trusts_are_wanted(d->config) && (d->asking.asked & bit(want)) == 0 &&
           d->asking.want == DIR_WANT_NOTHING;
}

bool
dir_want_trusts(struct dir *d)
{
    bool recent = d->trusts.asked_at != 0 && client_now() - d->trusts.asked_at < AGAIN_MS;

    if (!may_want(d, DIR_WANT_TRUSTS) || (recent && !is_due(d)))
        return false;
    d->asking.want = DIR_WANT_TRUSTS;
    return true;
}

bool
dir_want_name(struct dir *d, const struct trust *trust, const char *account)
{
    struct ipc_accounts *q = &d->asking.question;

    if (!may_want(d, DIR_WANT_ACCOUNTS))
        return false;
    d->asking.want = DIR_WANT_ACCOUNTS;
    memset(q, 0, sizeof(*q));
    memcpy(q->domain, trust->dns, sizeof(trust->dns));
    memcpy(q->name, account, strlen(account) + 1);
    return true;
}

bool
dir_want_sid(struct dir *d, const struct sid *sid)
{
    struct ipc_accounts *q = &d->asking.question;

    if (!may_want(d, DIR_WANT_ACCOUNTS))
        return false;
    d->asking.want = DIR_WANT_ACCOUNTS;
    memset(q, 0, sizeof(*q));
    q->sids[0] = *sid;
    q->n = 1;
    return true;
}

/* Half of the places are for those who log on: lookups are everybody's. */
static struct dir_waiting *
free_place(struct dir *d, unsigned type)
{
    for (size_t i = type == IPC_WHO ? 0 : DIR_WAITING_MAX / 2; i < DIR_WAITING_MAX; i++) {
        if (d->waiting[i].packet == NULL)
            return &d->waiting[i];
    }
    return NULL;
}

bool
dir_put_aside(struct dir *d, const uint8_t *packet, size_t len)
{
    struct dir_asking *a = &d->asking;
    struct dir_waiting *w = a->want == DIR_WANT_NOTHING ? NULL : free_place(d, ipc_type(packet, len));
    uint8_t *copy = w == NULL ? NULL : talloc_memdup(d, packet, len);

    if (copy == NULL || !(a->want == DIR_WANT_TRUSTS ? ask_trusts(d) : ask_accounts(d, &a->question))) {
        talloc_free(copy);
        return false;
    }
    w->packet = copy;
    w->len = len;
    w->asked = a->asked | bit(a->want);
    w->what = a->want;
    w->question = a->question.request;
    w->deadline = client_now() + DIR_NETLOGON_MS;
    return true;
}

/* Its handler may put it aside again, for something else. */
static void
go_on(struct dir *d, struct dir_waiting *w, bool answered)
{
    struct dir_waiting at = *w;

    memset(w, 0, sizeof(*w));
    dir_resume(d, at.asked, answered, at.packet, at.len);
    talloc_free(at.packet);
}

/* All that wait for what, and if that is accounts for this question. */
static void
go_on_all(struct dir *d, enum dir_want what, uint32_t question, bool answered)
{
    bool was_waiting[DIR_WAITING_MAX];

    for (size_t i = 0; i < DIR_WAITING_MAX; i++)
        was_waiting[i] = d->waiting[i].packet != NULL && d->waiting[i].what == what &&
                         (what != DIR_WANT_ACCOUNTS || d->waiting[i].question == question);
    for (size_t i = 0; i < DIR_WAITING_MAX; i++) {
        if (was_waiting[i])
            go_on(d, &d->waiting[i], answered);
    }
}

void
dir_ask_names(struct dir *d, const struct sid *sids, size_t n)
{
    struct ipc_accounts *q = talloc_zero(d, struct ipc_accounts);

    for (size_t i = 0; q != NULL && i < n && q->n < IPC_ACCOUNTS_MAX; i++) {
        struct store_group *row;
        uint32_t gid;
        bool known;

        if (dir_trust_of(d, &sids[i]) == NULL || !idmap_id(d->idmap, &sids[i], &gid))
            continue;
        row = store_group_by_gid(d->store, NULL, gid);
        known = row != NULL && sid_equal(&row->sid, &sids[i]) && dir_fresh(d, row->refreshed, false);
        talloc_free(row);
        if (!known)
            q->sids[q->n++] = sids[i];
    }
    if (q != NULL && q->n > 0)
        (void)ask_accounts(d, q);
    talloc_free(q);
}

void
dir_netlogon_gone(struct dir *d)
{
    d->trusts.heard = false;
    d->trusts.asked_at = 0;
    for (size_t i = 0; i < DIR_WAITING_MAX; i++) {
        if (d->waiting[i].packet != NULL)
            go_on(d, &d->waiting[i], false);
    }
}

/* The own domain is another one than netlogon's controller says: nothing it tells is about this one. */
static bool
is_of_own(struct dir *d, const struct trusts *t)
{
    char told[SID_TEXT_MAX], known[SID_TEXT_MAX];

    if (t->own.n_subs == 0)
        return d->own.known && t->n == 0;
    if (!d->own.known)
        dir_learn_own(d, &t->own, d->own.netbios);
    if (d->own.known && sid_equal(&d->own.sid, &t->own))
        return true;
    log_alarm("the secure channel is with the domain %s, and the directory with %s: its trusts are not taken",
              sid_text(&t->own, told), sid_text(&d->own.sid, known));
    return false;
}

bool
dir_on_trusts(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct trusts *t = talloc_zero(d, struct trusts);
    uint32_t err;
    bool ok = t != NULL && ipc_get_trusts(packet, len, &err, t), taken = false;

    (void)fds;
    if (ok && err == ERR_OK && (t->n > 0 || t->own.n_subs > 0 || !trusts_are_wanted(d->config)))
        taken = is_of_own(d, t);
    if (taken) {
        adopt(d, t);
        remember(d, &d->trusts.t);
        d->trusts.heard = true;
        d->trusts.heard_at = client_now();
    }
    talloc_free(t);
    if (ok)
        go_on_all(d, DIR_WANT_TRUSTS, 0, taken);
    return ok;
}

bool
dir_on_accounts(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_accounts_are *m = talloc_zero(d, struct ipc_accounts_are);
    bool ok = m != NULL && ipc_get_accounts_are(packet, len, m);

    (void)fds;
    if (ok) {
        (void)store_begin(d->store);
        for (uint32_t i = 0; i < m->n; i++)
            dir_foreign_learn(d, &m->accounts[i]);
        (void)store_commit(d->store);
        go_on_all(d, DIR_WANT_ACCOUNTS, m->request, m->err == ERR_OK);
    }
    talloc_free(m);
    return ok;
}

/* A table that is in use and old. */
static bool
is_old(const struct dir *d)
{
    const struct dir_trusts *t = &d->trusts;
    int64_t now = client_now();

    return t->used && d->netlogon >= 0 && (!t->heard || now - t->heard_at >= OLD_MS) &&
           (t->asked_at == 0 || now - t->asked_at >= AGAIN_MS);
}

void
dir_trust_tick(struct dir *d)
{
    int64_t now = client_now();

    for (size_t i = 0; i < DIR_WAITING_MAX; i++) {
        if (d->waiting[i].packet != NULL && now >= d->waiting[i].deadline)
            go_on(d, &d->waiting[i], false);
    }
    if (is_old(d))
        (void)ask_trusts(d);
    d->trusts.used = false;
}

int
dir_trust_due(const struct dir *d)
{
    int64_t now = client_now(), at = INT64_MAX;

    for (size_t i = 0; i < DIR_WAITING_MAX; i++) {
        if (d->waiting[i].packet != NULL && d->waiting[i].deadline < at)
            at = d->waiting[i].deadline;
    }
    return at == INT64_MAX ? -1 : at <= now ? 0 : (int)(at - now);
}
