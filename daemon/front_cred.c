/*
 * What comes after authentication: the account's state, the tickets of the
 * logon, the session's credential cache.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/krb/ntlm_file.h"
#include "lib/proto/client.h"

void
front_ticket_drop(struct ticket *t)
{
    if (t->until != 0) {
        sealed_drop(&t->tgt);
        sealed_drop(&t->ntlm);
    }
    memset(t, 0, sizeof(*t));
    t->tgt.fd = t->ntlm.fd = -1;
}

/* A free place, else the oldest; the user's own oldest where he has his share: one user's logons push nobody's out. */
static struct ticket *
find_place(struct front *f, uint32_t uid)
{
    struct ticket *place = &f->tickets[0], *own = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++) {
        struct ticket *t = &f->tickets[i];

        if (t->until < place->until)
            place = t;
        if (t->until == 0 || t->uid != uid)
            continue;
        n++;
        if (own == NULL || t->until < own->until)
            own = t;
    }
    return n >= FRONT_TICKETS_PER_UID ? own : place;
}

struct ticket *
front_ticket_keep(struct front *f, struct conversation *c)
{
    struct ticket *t = find_place(f, c->who.uid);

    front_ticket_drop(t);
    if (getrandom(t->handle, sizeof(t->handle), 0) != (ssize_t)sizeof(t->handle))
        return NULL;
    t->uid = c->who.uid;
    t->gid = c->who.gid;
    t->sid = c->who.sid;
    t->pid = (uint32_t)c->peer.pid;
    t->parent = c->begin.parent;
    memcpy(t->name, c->who.name, sizeof(t->name));
    t->offline = c->result.offline;
    t->with_card = c->card != NULL;
    if (t->with_card) {
        t->card = c->card->key;
        memcpy(t->token, c->card->token, sizeof(t->token));
    }
    t->tgt = c->tgt;
    t->ntlm = c->ntlm;
    c->tgt = c->ntlm = (struct sealed_secret){ .fd = -1 };
    t->until = front_clock() + FRONT_TICKETS_MS;
    return t;
}

void
front_cred_tick(struct front *f, int64_t now)
{
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++) {
        if (f->tickets[i].until != 0 && now >= f->tickets[i].until)
            front_ticket_drop(&f->tickets[i]);
    }
}

static bool
has_handle(const struct ticket *t, const struct proto_begin *b)
{
    return t->until != 0 && b->has_handle && CRYPTO_memcmp(t->handle, b->handle, sizeof(t->handle)) == 0;
}

bool
front_ticket_who(const struct front *f, const struct proto_begin *b, struct ipc_identity *who_out)
{
    const struct ticket *t = NULL;

    /* A new logon asks anew. */
    if (b->operation == PROTO_AUTHENTICATE || b->operation == PROTO_CHANGE_PASSWORD)
        return false;
    for (size_t i = 0; t == NULL && i < FRONT_TICKETS_MAX; i++) {
        if (has_handle(&f->tickets[i], b))
            t = &f->tickets[i];
    }
    /* In another spelling it may be somebody else's name by now. */
    if (t == NULL || strcmp(t->name, b->user) != 0)
        return false;
    memset(who_out, 0, sizeof(*who_out));
    who_out->status = IPC_STATUS_FOUND;
    who_out->uid = t->uid;
    who_out->gid = t->gid;
    who_out->sid = t->sid;
    memcpy(who_out->name, t->name, sizeof(who_out->name));
    return true;
}

/*
 * What this application's logon left: by its handle; for root also by the
 * process, since sshd authenticates in a child and PAM's data is lost with it.
 */
static struct ticket *
find_ticket(struct front *f, const struct conversation *c)
{
    struct ticket *found = NULL;

    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++) {
        struct ticket *t = &f->tickets[i];
        uint32_t pid = (uint32_t)c->peer.pid;

        if (t->until == 0 || t->uid != c->who.uid)
            continue;
        if (has_handle(t, &c->begin))
            return t;
        if (c->peer.uid == 0 && pid != 0 && (t->pid == pid || t->parent == pid) &&
            (found == NULL || t->until > found->until))
            found = t;
    }
    return found;
}

/* True where an unprivileged program keeps so many of keeper's few processes busy. */
static bool
is_greedy(const struct front *f, uid_t uid)
{
    unsigned n = 0;

    for (const struct conversation *c = f->conversations; c != NULL && uid != 0; c = c->next)
        n += c->state == CONVERSATION_CCACHE && c->peer.uid == uid;
    return n >= FRONT_CCACHES_PER_UID;
}

static bool
ask_keeper(struct front *f, struct conversation *c, enum ipc_type type, const char *name, int fd)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache m = { .uid = c->who.uid, .gid = c->who.gid };

    m.request = c->request = front_request(f);
    memcpy(m.user, c->who.name, sizeof(m.user));
    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_ccache(&w, type, &m);
    c->state = CONVERSATION_CCACHE;
    c->deadline = client_now() + FRONT_WAIT_MS;
    return front_send(&f->keeper, &w, &fd, fd < 0 ? 0 : 1);
}

static void
begin_account(struct front *f, struct conversation *c)
{
    uint8_t packet[SID_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_state m = { .sid = c->who.sid };
    const struct ticket *t = find_ticket(f, c);

    /* The domain has just let this user in, at this very application. */
    if (t != NULL && !t->offline) {
        front_pam_end(f, c, ERR_OK, true, NULL);
        return;
    }
    (void)snprintf(c->result.step, sizeof(c->result.step), "check of the account");
    m.request = c->request = front_request(f);
    ipc_put_state(&w, &m);
    c->state = CONVERSATION_STATE;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, true))
        front_pam_end(f, c, ERR_NO_STATE, true, NULL);
}

static void
begin_establish(struct front *f, struct conversation *c)
{
    bool anew = c->begin.operation == PROTO_CRED_ESTABLISH;
    struct ticket *t = find_ticket(f, c);

    /* A logon by ssh key left none; those of a logon long ago are gone. */
    if (t == NULL) {
        front_pam_end(f, c, ERR_NO_TICKETS, true, NULL);
        return;
    }
    /* They are in the cache already. */
    if (t->tgt.fd < 0) {
        front_pam_end(f, c, ERR_OK, true, NULL);
        return;
    }
    sealed_drop(&c->ntlm);
    c->ntlm = t->ntlm;
    t->ntlm = (struct sealed_secret){ .fd = -1 };
    if (!ask_keeper(f, c, IPC_CCACHE_WRITE, anew ? "" : c->begin.ccname, t->tgt.fd))
        front_pam_end(f, c, ERR_INTERNAL, true, NULL);
    sealed_drop(&t->tgt);
}

/* Of the file that goes with the cache; nothing where there are none. */
static bool
tell_ntlm(struct front *f, const struct conversation *c, enum ipc_type type, const char *ccname)
{
    bool has_line = type != IPC_NTLM_DROP;
    struct ipc_ccache m = { .uid = c->who.uid, .gid = c->who.gid };
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    if (!f->config->keep_nt_hash)
        return false;
    memcpy(m.user, c->who.name, sizeof(m.user));
    (void)snprintf(m.name, sizeof(m.name), "%s", ccname);
    ipc_put_ccache(&w, type, &m);
    if (front_send(&f->keeper, &w, &c->ntlm.fd, has_line ? 1 : 0))
        return true;
    log_error("keeper does not hear that the file for NTLM of %s is to be %s", m.user, has_line ? "written" : "removed");
    return false;
}

/* Beside the tickets in that cache. */
static void
keep_ntlm(struct front *f, struct conversation *c, const char *ccname)
{
    enum ipc_type type = c->ntlm.fd < 0 ? IPC_NTLM_DROP : c->peer.uid == 0 ? IPC_NTLM_KEEP : IPC_NTLM_RENEW;
    struct proto_order order = { .type = PROTO_SET, .what = PROTO_SET_NTLM_FILE };

    if (tell_ntlm(f, c, type, ccname) && type == IPC_NTLM_KEEP) {
        ntlm_file_path(c->who.uid, ccname, order.text);
        front_pam_order(c, &order);
    }
    sealed_drop(&c->ntlm);
}

static void
begin_delete(struct front *f, struct conversation *c)
{
    if (c->begin.ccname[0] == '\0')
        front_pam_end(f, c, ERR_OK, true, NULL);
    else if (!ask_keeper(f, c, IPC_CCACHE_DESTROY, c->begin.ccname, -1))
        front_pam_end(f, c, ERR_INTERNAL, true, NULL);
}

/* Nothing is to be done but to know it. */
static void
begin_session(struct front *f, const struct conversation *c)
{
    const struct ticket *t = find_ticket(f, c);

    if (t != NULL)
        front_removal_open(f, c, t);
}

void
front_cred_begin(struct front *f, struct conversation *c)
{
    switch (c->begin.operation) {
    case PROTO_ACCOUNT:
        begin_account(f, c);
        break;
    case PROTO_CRED_ESTABLISH:
    case PROTO_CRED_REINITIALIZE:
    case PROTO_CRED_REFRESH:
        if (is_greedy(f, c->peer.uid))
            front_pam_end(f, c, ERR_BUSY, true, NULL);
        else
            begin_establish(f, c);
        break;
    case PROTO_CRED_DELETE:
    case PROTO_CLOSE_SESSION:
        if (c->begin.operation == PROTO_CLOSE_SESSION)
            front_removal_close(f, c);
        if (is_greedy(f, c->peer.uid))
            front_pam_end(f, c, ERR_BUSY, true, NULL);
        else
            begin_delete(f, c);
        break;
    default: /* PROTO_OPEN_SESSION */
        begin_session(f, c);
        front_pam_end(f, c, ERR_OK, true, NULL);
    }
}

bool
front_pam_ccache(struct front *f, const uint8_t *packet, size_t len)
{
    struct proto_order order = { 0 };
    struct conversation *c;
    struct ipc_ccache_done m;

    if (!ipc_get_ccache_done(packet, len, &m))
        return false;
    c = front_pam_waiting(f, CONVERSATION_CCACHE, m.request);
    if (c == NULL)
        return true;
    if (c->begin.operation != PROTO_CRED_DELETE && c->begin.operation != PROTO_CLOSE_SESSION) {
        if (m.code == 0) {
            order.type = PROTO_SET;
            order.what = PROTO_SET_KRB5CCNAME;
            memcpy(order.text, m.name, sizeof(order.text));
            keep_ntlm(f, c, m.name);
        } else {
            /* The person gets in all the same. */
            order.type = PROTO_SAY;
            order.is_error = true;
            order.code = ERR_NO_CCACHE;
        }
        front_pam_order(c, &order);
    } else if (m.code == 0 && m.name[0] != '\0') {
        /* A cache that stays, since other sessions have it, has its file still. */
        (void)tell_ntlm(f, c, IPC_NTLM_DROP, m.name);
    }
    front_pam_end(f, c, ERR_OK, true, NULL);
    return true;
}
