/*
 * Conversations: who may talk, the first prompt, and the last word.  What the
 * person answers is never read here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "daemon/front.h"
#include "daemon/notice.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "lib/sid/idmap.h"

static void
conversation_free(struct front *f, struct conversation *c)
{
    struct conversation **at = &f->conversations;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    f->n_conversations--;
    sealed_drop(&c->tgt);
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
    const char *user = c->who.name[0] != '\0' ? c->who.name : c->begin.user;
    bool alarm = err == ERR_UNTRUSTED_KDC || err == ERR_BAD_PAC || err == ERR_WRONG_ACCOUNT || err == ERR_NO_FAST;

    if (c->begin.operation != PROTO_AUTHENTICATE && err == ERR_OK)
        return;
    log_set_logon(c->id);
    if (err == ERR_OK)
        log_info("%s has logged on (%s, %s) in %lld ms%s%s", user, c->begin.service, where(c),
                 (long long)(client_now() - c->started), r->text[0] != '\0' ? ", " : "", r->text);
    else if (err == ERR_NOT_OURS || err == ERR_CANCELLED || (err == ERR_NO_TICKETS && !c->begin.has_handle))
        log_debug("%s (%s, %s): %s", user, c->begin.service, where(c), err_name(err));
    else
        log_write(alarm ? LOG_LEVEL_ALARM : LOG_LEVEL_INFO, "%s refused (%s, %s): %s%s%s%s%s", user, c->begin.service,
                  where(c), err_name(err), r->step[0] != '\0' ? " in the " : "", r->step,
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
        conversation_free(f, c);
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
    conversation_free(f, c);
}

void
front_pam_order(const struct conversation *c, const struct proto_order *order)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_order(&w, order);
    (void)send_packet(c, &w);
}

/* The person is in: does the password expire soon? */
static void
warn_of_expiry(const struct front *f, const struct conversation *c)
{
    struct proto_order order;

    if (c->vouched != NULL && notice_password(c->vouched->password_must_change, (int64_t)time(NULL),
                                              f->config->password_warning, &order))
        front_pam_order(c, &order);
}

/* And are there no tickets? */
static void
tell_of_ntlm(const struct conversation *c)
{
    const struct proto_order order = { .type = PROTO_SAY, .code = NOTICE_NO_TICKETS_BY_NTLM };

    if (c->result.passed_through)
        front_pam_order(c, &order);
}

static void
ask_password(struct front *f, struct conversation *c)
{
    uint8_t packet[64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct proto_order order = { .type = PROTO_ASK, .how = PROTO_HOW_SECRET, .code = PROMPT_PASSWORD };

    if (f->stopping) {
        front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
        return;
    }
    proto_put_order(&w, &order);
    if (!send_packet(c, &w)) {
        conversation_free(f, c);
        return;
    }
    c->state = CONVERSATION_ANSWER;
    c->deadline = client_now() + FRONT_ASK_MS;
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

/* Who it is, by directory's word or as the logon of just now found it; the id has been held against the SID. */
static void
take_identity(struct front *f, struct conversation *c, const struct ipc_identity *m)
{
    if (local_names_has_user(f->names, m->name) || local_names_has_uid(f->names, m->uid)) {
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
        return;
    }
    c->who = *m;
    if (c->peer.uid != 0 && c->peer.uid != m->uid)
        front_pam_end(f, c, ERR_FORBIDDEN, false, NULL);
    else if (c->begin.operation == PROTO_AUTHENTICATE)
        ask_password(f, c);
    else if (c->begin.operation == PROTO_CHANGE_PASSWORD)
        front_pam_end(f, c, ERR_NO_CHANGE, true, NULL);
    else
        front_cred_begin(f, c);
}

static void
take_begin(struct front *f, struct conversation *c)
{
    uint8_t packet[8 * PROTO_TEXT_MAX], ask[PROTO_NAME_MAX + 64];
    struct writer w = writer_init(ask, sizeof(ask));
    ssize_t n = recv(c->watch.fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
    struct ipc_identity known;
    struct ipc_who who = { 0 };

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (size_t)n > sizeof(packet) || !proto_get_begin(packet, (size_t)n, &c->begin)) {
        conversation_free(f, c);
        return;
    }
    if (c->begin.pid != (uint32_t)c->peer.pid || c->peer.uid != 0)
        c->begin.parent = 0;
    if (c->peer.uid != 0)
        believe_less(&c->begin, c->peer.uid);
    if (c->begin.user[0] == '\0' || local_names_has_user(f->names, c->begin.user)) {
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
        return;
    }
    if (front_ticket_who(f, &c->begin, &known) && is_id_of(f, &known.sid, known.uid)) {
        take_identity(f, c, &known);
        return;
    }
    who.request = c->request = front_request(f);
    memcpy(who.name, c->begin.user, sizeof(who.name));
    ipc_put_who(&w, &who);
    c->state = CONVERSATION_WHO;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, c->peer.uid == 0))
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
}

/* The prompt has been answered: only the type of the packet is looked at. */
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
    /* The answer stays in the socket: from here on only a hang-up is of interest. */
    if (!front_watch(f, &c->watch, 0)) {
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
        return;
    }
    c->started = client_now();
    front_pool_run(f, c);
}

/*
 * What has been asked of directory, keeper or a worker goes on to its end, and
 * counts as long as it does: nobody gets more of them done by hanging up.
 */
static void
hung_up(struct front *f, struct conversation *c)
{
    if (c->state == CONVERSATION_BEGIN || c->state == CONVERSATION_ANSWER) {
        conversation_free(f, c);
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
    c->tgt.fd = -1;
    c->started = client_now();
    c->deadline = c->started + FRONT_BEGIN_MS;
    c->next = f->conversations;
    f->conversations = c;
    f->n_conversations++;
    if (!front_watch(f, &c->watch, EPOLLIN))
        conversation_free(f, c);
}

/* The conversation that waits in that state for the answer to that request. */
static struct conversation *
find_waiting(struct front *f, enum conversation_state state, uint32_t request)
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
    front_pam_end(f, c, known ? (enum err)why->err : ERR_NO_KDC, false, known ? why->value : f->config->name);
}

bool
front_pam_identity(struct front *f, const uint8_t *packet, size_t len)
{
    struct ipc_identity m;
    struct conversation *c;
    char text[SID_TEXT_MAX];

    if (!ipc_get_identity(packet, len, &m))
        return false;
    c = find_waiting(f, CONVERSATION_WHO, m.request);
    if (c == NULL)
        return true;
    if (c->gone) {
        conversation_free(f, c);
        return true;
    }
    if (m.status == IPC_STATUS_LATER) {
        not_found_out(f, c, &m.why);
        return true;
    }
    if (m.status == IPC_STATUS_NONE)
        front_record_forget(f, c->begin.user);
    if (m.status != IPC_STATUS_FOUND) {
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
    } else if (!is_id_of(f, &m.sid, m.uid)) {
        log_alarm("directory says that %s, uid %u, is the account %s, which has another id", m.name, m.uid,
                  sid_text(&m.sid, text));
        front_pam_end(f, c, ERR_WRONG_ACCOUNT, false, NULL);
    } else {
        take_identity(f, c, &m);
    }
    return true;
}

/* Whose word a worker's success needs. */
static enum role
voucher_of(const struct conversation *c)
{
    return c->result.passed_through ? ROLE_NETLOGON : ROLE_MEMBER;
}

/* Success of a worker counts only where member, or for NTLM netlogon, vouched for this very user. */
static void
take_success(struct front *f, struct conversation *c)
{
    uint8_t *packet = talloc_array(c, uint8_t, CHANNEL_PACKET_MAX);
    struct writer w = writer_init(packet, packet == NULL ? 0 : CHANNEL_PACKET_MAX);
    char text[SID_TEXT_MAX];

    if (c->vouched == NULL || c->voucher != voucher_of(c)) {
        log_alarm("worker says that %s has logged on, and %s does not", c->who.name, role_name(voucher_of(c)));
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
        return;
    }
    if (!sid_equal(&c->vouched->user, &c->who.sid)) {
        (void)snprintf(c->result.text, sizeof(c->result.text), "%s is of %s",
                       c->result.passed_through ? "the verdict" : "the PAC", sid_text(&c->vouched->user, text));
        front_pam_end(f, c, ERR_WRONG_ACCOUNT, false, NULL);
        return;
    }
    c->request = front_request(f);
    ipc_put_learn(&w, c->request, c->who.name, c->vouched);
    c->state = CONVERSATION_LEARN;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, true))
        front_pam_end(f, c, ERR_INTERNAL, true, NULL);
    else
        talloc_free(packet);
}

/* Under FAST libkrb5 hides why an account may not log on: the directory knows. */
static void
ask_state(struct front *f, struct conversation *c)
{
    uint8_t packet[SID_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_state m = { .sid = c->who.sid, .password = true };

    m.request = c->request = front_request(f);
    ipc_put_state(&w, &m);
    c->state = CONVERSATION_STATE;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, true))
        front_pam_end(f, c, ERR_NO_STATE, false, NULL);
}

void
front_pam_result(struct front *f, struct conversation *c, const struct ipc_result *result, int tgt_fd)
{
    c->worker = NULL;
    sealed_hold(&c->tgt, tgt_fd);
    if (result != NULL)
        c->result = *result;
    /* Who has hung up learns nothing; the log learns of a refusal. */
    if (c->gone && (result == NULL || result->err == ERR_OK))
        conversation_free(f, c);
    else if (result == NULL)
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
    else if (result->err == ERR_OK)
        take_success(f, c);
    else if (!result->passed_through &&
             (result->err == ERR_REVOKED || result->err == ERR_PASSWORD_EXPIRED || result->err == ERR_POLICY))
        ask_state(f, c);
    else
        front_pam_end(f, c, (enum err)result->err, result->proved, result->value);
}

bool
front_pam_learned(struct front *f, const uint8_t *packet, size_t len)
{
    struct ipc_learned m;
    struct conversation *c;

    if (!ipc_get_learned(packet, len, &m))
        return false;
    c = find_waiting(f, CONVERSATION_LEARN, m.request);
    if (c == NULL)
        return true;
    if (m.err == ERR_OK) {
        front_record_learned(f, &m);
        tell_of_ntlm(c);
        warn_of_expiry(f, c);
    }
    front_pam_end(f, c, (enum err)m.err, true, NULL);
    return true;
}

/* The state as the detail of a refusal, or as the answer to acct_mgmt. */
bool
front_pam_state(struct front *f, const uint8_t *packet, size_t len)
{
    struct ipc_state_is m;
    struct conversation *c;
    bool proved = true;
    enum err err;

    if (!ipc_get_state_is(packet, len, &m))
        return false;
    c = find_waiting(f, CONVERSATION_STATE, m.request);
    if (c == NULL)
        return true;
    err = (enum err)m.err;
    /* Another module of the stack, who still saw the user, could let him in. */
    if (err == ERR_UNKNOWN_PRINCIPAL) {
        front_record_forget(f, c->begin.user);
        front_record_forget(f, c->who.name);
    }
    if (c->begin.operation == PROTO_AUTHENTICATE) {
        proved = c->result.proved ||
                 (c->result.proved_unless_locked && err != ERR_OK && err != ERR_NO_STATE && err != ERR_LOCKED);
        if (err == ERR_OK || err == ERR_NO_STATE)
            err = (enum err)c->result.err;
    }
    front_pam_end(f, c, err, proved, NULL);
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
            front_pam_end(f, c, ERR_TIMEOUT, false, NULL);
            break;
        case CONVERSATION_QUEUED: /* front_pool_tick takes it out */
            break;
        case CONVERSATION_BEGIN:
            conversation_free(f, c);
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
        if (c->state == CONVERSATION_WHO || c->state == CONVERSATION_LEARN || c->state == CONVERSATION_STATE)
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
            conversation_free(f, c);
        else if (c->state == CONVERSATION_ANSWER && !has_answered(c))
            front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
    }
}
