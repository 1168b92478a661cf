/*
 * Conversations: who may talk, the first prompt, and the last word.  What the
 * person answers is never read here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "lib/sid/idmap.h"

void
front_pam_free(struct front *f, struct conversation *c)
{
    struct conversation **at = &f->conversations;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    f->n_conversations--;
    sealed_drop(&c->tgt);
    sealed_drop(&c->ntlm);
    front_unwatch(f, &c->watch);
    talloc_free(c);
}

static bool
send_packet(const struct conversation *c, const struct writer *w)
{
    return c->watch.fd >= 0 && writer_ok(w) && channel_send(c->watch.fd, w->data, w->len, NULL, 0, false);
}

/* Where the person sits, for the log. */
static const char *
where(const struct conversation *c)
{
    return c->begin.rhost[0] != '\0' ? c->begin.rhost : c->begin.tty[0] != '\0' ? c->begin.tty : "this computer";
}

static void
log_end(const struct conversation *c, enum err err)
{
    const struct ipc_result *r = &c->result;
    const char *user = c->who.name[0] != '\0' ? c->who.name : c->begin.user[0] != '\0' ? c->begin.user : "(no name)";
    char card[512];
    bool alarm = err == ERR_UNTRUSTED_KDC || err == ERR_BAD_PAC || err == ERR_WRONG_ACCOUNT || err == ERR_NO_FAST ||
                 err == ERR_KDC_CERTIFICATE;

    if (c->begin.operation != PROTO_AUTHENTICATE && err == ERR_OK)
        return;
    (void)front_card_text(c, card, sizeof(card));
    log_set_logon(c->id);
    if (err == ERR_OK)
        log_info("%s has logged on (%s, %s)%s in %lld ms%s%s", user, c->begin.service, where(c), card,
                 (long long)(client_now() - c->started), r->text[0] != '\0' ? ", " : "", r->text);
    else if (err == ERR_NOT_OURS || err == ERR_CANCELLED || (err == ERR_NO_TICKETS && !c->begin.has_handle))
        log_debug("%s (%s, %s): %s", user, c->begin.service, where(c), err_name(err));
    else
        log_write(alarm ? LOG_LEVEL_ALARM : LOG_LEVEL_INFO, "%s refused (%s, %s)%s: %s%s%s%s%s", user,
                  c->begin.service, where(c), card, err_name(err), r->step[0] != '\0' ? " in the " : "", r->step,
                  r->text[0] != '\0' ? ": " : "", r->text);
    log_set_logon(0);
}

void
front_pam_end(struct front *f, struct conversation *c, enum err err, bool proved, const char *value)
{
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));
    struct proto_done done = { .uid = UINT32_MAX };
    char sid[SID_TEXT_MAX];

    log_end(c, c->gone && err == ERR_OK ? ERR_CANCELLED : err);
    if (c->gone) {
        front_pam_free(f, c);
        return;
    }
    done.err = err_for_peer(err, proved, c->begin.rhost[0] == '\0');
    if (value != NULL && value[0] != '\0' && done.err == err) {
        done.n_values = 1;
        (void)snprintf(done.values[0], sizeof(done.values[0]), "%s", value);
    }
    if (err == ERR_OK) {
        const struct ticket *t = c->begin.operation == PROTO_AUTHENTICATE ? front_ticket_keep(f, c) : NULL;

        done.uid = c->who.uid;
        (void)snprintf(done.sid, sizeof(done.sid), "%s", sid_text(&c->who.sid, sid));
        if (t != NULL) {
            done.has_handle = true;
            memcpy(done.handle, t->handle, sizeof(done.handle));
        }
        if (f->stopping)
            f->succeeded = client_now();
    }
    proto_put_done(&w, &done);
    (void)send_packet(c, &w);
    front_pam_free(f, c);
}

void
front_pam_order(const struct conversation *c, const struct proto_order *order)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_order(&w, order);
    (void)send_packet(c, &w);
}

void
front_pam_ask(struct front *f, struct conversation *c, const struct proto_order *ask, enum conversation_state state)
{
    uint8_t packet[PROTO_VALUES_MAX * 256 + 256];
    struct writer w = writer_init(packet, sizeof(packet));

    if (f->stopping) {
        front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
        return;
    }
    proto_put_order(&w, ask);
    if (!send_packet(c, &w)) {
        front_pam_free(f, c);
        return;
    }
    c->state = state;
    c->deadline = client_now() + FRONT_ASK_MS;
}

void
front_pam_ask_password(struct front *f, struct conversation *c)
{
    static const struct proto_order ask = { .type = PROTO_ASK, .how = PROTO_HOW_SECRET, .code = PROMPT_PASSWORD };

    front_pam_ask(f, c, &ask, CONVERSATION_ANSWER);
}

/*
 * An unprivileged program is at this computer, and its user's own: where else
 * it says that it is would be read in the log as another program's word.
 */
static void
believe_less(struct proto_begin *b, uid_t uid)
{
    char service[32];

    (void)snprintf(service, sizeof(service), "%.10s", b->service);
    (void)snprintf(b->service, sizeof(b->service), "%s of uid %lu", service, (unsigned long)uid);
    b->tty[0] = b->rhost[0] = b->ruser[0] = '\0';
}

/*
 * Ids come from SIDs, and not from directory, which reads what the network
 * sends: by its word alone Mallory's password would open Alice's account.
 */
static bool
is_id_of(struct front *f, const struct sid *sid, uint32_t uid)
{
    const struct config *config = f->config;
    struct idmap *map = idmap_new(f, config->range_lower, config->range_upper, config->range_size);
    struct sid domain;
    uint32_t rid, id;
    bool ok;

    ok = map != NULL && sid_split(sid, &domain, &rid) && idmap_add_domain(map, config->name, &domain) &&
         idmap_id(map, sid, &id) && id == uid;
    talloc_free(map);
    return ok;
}

/*
 * Whose it is cannot be found out: err, and the value of its sentence.  An
 * unprivileged program's card is one that we cannot try then; its user is known,
 * and goes on without it.
 */
static void
not_known(struct front *f, struct conversation *c, enum err err, const char *value)
{
    if (c->card == NULL || c->begin.user[0] == '\0' || front_card_is_needed(f, c)) {
        front_pam_end(f, c, err, false, value);
        return;
    }
    memset(&c->result, 0, sizeof(c->result));
    front_card_not_his(f, c, err);
}

/* The domain has no such user, or none that may be one here. */
static void
not_ours(struct front *f, struct conversation *c)
{
    if (c->card != NULL)
        front_card_not_his(f, c, ERR_CARD_UNKNOWN);
    else
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
}

/* Who it is, by directory's word or as the logon of just now found it; the id has been held against the SID. */
static void
take_identity(struct front *f, struct conversation *c, const struct ipc_identity *m)
{
    if (local_names_has_user(f->names, m->name) || local_names_has_uid(f->names, m->uid)) {
        not_ours(f, c);
        return;
    }
    if (c->peer.uid != 0 && c->peer.uid != m->uid && c->card != NULL) {
        front_card_not_his(f, c, ERR_CARD_NOT_YOURS);
        return;
    }
    c->who = *m;
    if (c->peer.uid != 0 && c->peer.uid != m->uid)
        front_pam_end(f, c, ERR_FORBIDDEN, false, NULL);
    else if (c->card != NULL)
        front_card_ask_pin(f, c);
    else if (c->begin.operation == PROTO_AUTHENTICATE)
        front_card_begin(f, c);
    else if (c->begin.operation == PROTO_CHANGE_PASSWORD)
        front_pam_end(f, c, ERR_NO_CHANGE, true, NULL);
    else
        front_cred_begin(f, c);
}

void
front_pam_who(struct front *f, struct conversation *c, const char *name)
{
    uint8_t ask[PROTO_NAME_MAX + 64];
    struct writer w = writer_init(ask, sizeof(ask));
    struct ipc_who who = { 0 };

    if (local_names_has_user(f->names, name)) {
        not_ours(f, c);
        return;
    }
    who.request = c->request = front_request(f);
    (void)snprintf(who.name, sizeof(who.name), "%s", name);
    ipc_put_who(&w, &who);
    c->state = CONVERSATION_WHO;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, c->peer.uid == 0))
        not_known(f, c, ERR_INTERNAL, NULL);
}

static void
take_begin(struct front *f, struct conversation *c)
{
    uint8_t packet[8 * PROTO_TEXT_MAX];
    ssize_t n = recv(c->watch.fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
    struct ipc_identity known;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (size_t)n > sizeof(packet) || !proto_get_begin(packet, (size_t)n, &c->begin)) {
        front_pam_free(f, c);
        return;
    }
    if (c->begin.pid != (uint32_t)c->peer.pid || c->peer.uid != 0)
        c->begin.parent = 0;
    if (c->peer.uid != 0)
        believe_less(&c->begin, c->peer.uid);
    if (c->begin.user[0] == '\0' && c->begin.operation == PROTO_AUTHENTICATE)
        front_card_begin(f, c);
    else if (c->begin.user[0] == '\0' || local_names_has_user(f->names, c->begin.user))
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
    else if (front_ticket_who(f, &c->begin, &known) && is_id_of(f, &known.sid, known.uid))
        take_identity(f, c, &known);
    else
        front_pam_who(f, c, c->begin.user);
}

bool
front_pam_deaf(struct front *f, struct conversation *c)
{
    if (front_watch(f, &c->watch, 0))
        return true;
    front_pam_end(f, c, ERR_INTERNAL, false, NULL);
    return false;
}

/* The prompt has been answered: only the type of the packet is looked at, and the answer stays in the socket. */
static void
take_answer(struct front *f, struct conversation *c)
{
    uint8_t head[2];
    ssize_t n = recv(c->watch.fd, head, sizeof(head), MSG_DONTWAIT | MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || proto_peek(head, (size_t)n) != PROTO_ANSWER) {
        front_pam_end(f, c, ERR_CANCELLED, false, NULL);
        return;
    }
    if (!front_pam_deaf(f, c))
        return;
    c->started = client_now();
    if (c->card != NULL)
        front_card_run(f, c);
    else if (front_card_is_needed(f, c))
        front_pam_end(f, c, ERR_CARD_REQUIRED, false, NULL);
    else
        front_pool_run(f, c);
}

/*
 * What has been asked of directory, keeper or a worker goes on to its end, and
 * counts as long as it does: nobody gets more of them done by hanging up.
 */
static void
hung_up(struct front *f, struct conversation *c)
{
    if (c->state == CONVERSATION_BEGIN || c->state == CONVERSATION_ANSWER || c->state == CONVERSATION_CHOICE) {
        front_pam_free(f, c);
        return;
    }
    c->gone = true;
    front_unwatch(f, &c->watch);
}

static void
conversation_ready(struct front *f, struct watch *w, uint32_t events)
{
    struct conversation *c = (struct conversation *)w;

    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        hung_up(f, c);
    else if (c->state == CONVERSATION_BEGIN)
        take_begin(f, c);
    else if (c->state == CONVERSATION_ANSWER)
        take_answer(f, c);
    else if (c->state == CONVERSATION_CHOICE)
        front_card_chosen(f, c);
    else /* it talks out of turn */
        hung_up(f, c);
}

static unsigned
conversations_of(const struct front *f, uid_t uid)
{
    unsigned n = 0;

    for (const struct conversation *c = f->conversations; c != NULL; c = c->next)
        n += c->peer.uid == uid;
    return n;
}

/* Half of all places are root's: other users' programs never keep sshd or login out. */
static bool
may_talk(const struct front *f, uid_t uid)
{
    if (uid == 0)
        return f->n_conversations < FRONT_CONVERSATIONS_MAX;
    return f->n_conversations < FRONT_CONVERSATIONS_MAX / 2 && conversations_of(f, uid) < FRONT_CONVERSATIONS_PER_UID;
}

static void
refuse(int fd)
{
    uint8_t packet[64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct proto_done done = { .err = ERR_BUSY, .uid = UINT32_MAX };

    proto_put_done(&w, &done);
    (void)channel_send(fd, packet, w.len, NULL, 0, false);
    (void)close(fd);
}

void
front_pam_accept(struct front *f, struct watch *w, uint32_t events)
{
    socklen_t len = sizeof(struct ucred);
    struct conversation *c;
    int fd;

    (void)events;
    fd = front_accept(f, w);
    if (fd < 0)
        return;
    c = talloc_zero(f, struct conversation);
    if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &len) != 0 || !may_talk(f, c->peer.uid)) {
        refuse(fd);
        talloc_free(c);
        return;
    }
    c->watch.fd = fd;
    c->watch.ready = conversation_ready;
    c->id = ++f->last_conversation;
    c->tgt.fd = c->ntlm.fd = -1;
    c->started = client_now();
    c->deadline = c->started + FRONT_BEGIN_MS;
    c->next = f->conversations;
    f->conversations = c;
    f->n_conversations++;
    if (!front_watch(f, &c->watch, EPOLLIN))
        front_pam_free(f, c);
}

struct conversation *
front_pam_waiting(struct front *f, enum conversation_state state, uint32_t request)
{
    struct conversation *c = f->conversations;

    while (c != NULL && (c->state != state || c->request != request))
        c = c->next;
    return c;
}

/* Who it is only the domain could say, and directory says why that could not be asked. */
static void
not_found_out(struct front *f, struct conversation *c, const struct ipc_reason *why)
{
    bool known = why->err != ERR_OK && why->err != ERR_NOT_OURS && err_name(why->err)[0] != '?';

    (void)snprintf(c->result.step, sizeof(c->result.step), "search for the user");
    memcpy(c->result.text, why->text, sizeof(c->result.text));
    not_known(f, c, known ? (enum err)why->err : ERR_NO_KDC, known ? why->value : f->config->name);
}

bool
front_pam_identity(struct front *f, const uint8_t *packet, size_t len)
{
    struct ipc_identity m;
    struct conversation *c;
    char text[SID_TEXT_MAX];

    if (!ipc_get_identity(packet, len, &m))
        return false;
    c = front_pam_waiting(f, CONVERSATION_WHO, m.request);
    if (c == NULL)
        return true;
    if (c->gone) {
        front_pam_free(f, c);
        return true;
    }
    if (m.status == IPC_STATUS_LATER) {
        not_found_out(f, c, &m.why);
        return true;
    }
    if (m.status == IPC_STATUS_NONE)
        front_record_forget(f, c->card != NULL ? c->card->upn : c->begin.user);
    if (m.status != IPC_STATUS_FOUND) {
        not_ours(f, c);
    } else if (!is_id_of(f, &m.sid, m.uid)) {
        log_alarm("directory says that %s, uid %u, is the account %s, which has another id", m.name, m.uid,
                  sid_text(&m.sid, text));
        front_pam_end(f, c, ERR_WRONG_ACCOUNT, false, NULL);
    } else {
        take_identity(f, c, &m);
    }
    return true;
}

void
front_pam_tick(struct front *f, int64_t now)
{
    struct conversation *next;

    for (struct conversation *c = f->conversations; c != NULL; c = next) {
        next = c->next;
        if (now < c->deadline)
            continue;
        switch (c->state) {
        case CONVERSATION_RUNNING:
            log_error("a logon worker is past its deadline: it is ended");
            front_pool_release(f, c->worker, true);
            c->worker = NULL;
            front_pam_end(f, c, c->card != NULL ? ERR_CARD_LATE : ERR_TIMEOUT, false, NULL);
            break;
        case CONVERSATION_LOOK:
            if (c->worker == NULL)
                break;
            log_error("a card worker is past its deadline: it is ended");
            front_pool_release(f, c->worker, true);
            front_card_seen(f, c, NULL);
            break;
        case CONVERSATION_QUEUED: /* front_pool_tick takes it out, as it does looks */
            break;
        case CONVERSATION_BEGIN:
            front_pam_free(f, c);
            break;
        case CONVERSATION_WHO:
            not_known(f, c, ERR_TIMEOUT, NULL);
            break;
        default:
            front_pam_end(f, c, ERR_TIMEOUT, false, NULL);
        }
    }
}

void
front_pam_peer_gone(struct front *f)
{
    struct conversation *next;

    for (struct conversation *c = f->conversations; c != NULL; c = next) {
        next = c->next;
        if (c->state == CONVERSATION_WHO)
            not_known(f, c, ERR_INTERNAL, NULL);
        else if (c->state == CONVERSATION_LEARN || c->state == CONVERSATION_STATE)
            front_pam_end(f, c, ERR_INTERNAL, false, NULL);
    }
}

static bool
has_answered(const struct conversation *c)
{
    char byte;

    return recv(c->watch.fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_PEEK) >= 0;
}

void
front_pam_stop(struct front *f)
{
    struct conversation *next;

    for (struct conversation *c = f->conversations; c != NULL; c = next) {
        next = c->next;
        if (c->state == CONVERSATION_BEGIN)
            front_pam_free(f, c);
        else if ((c->state == CONVERSATION_ANSWER || c->state == CONVERSATION_CHOICE) && !has_answered(c))
            front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
    }
}
