/* What a logon came to: whose word it needs, what directory makes of it, and what the person is told at the end. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/front.h"
#include "daemon/notice.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

/* The person is in, with a password: does it expire soon? */
static void
warn_of_expiry(const struct front *f, const struct conversation *c)
{
    struct proto_order order;

    if (c->card == NULL && c->vouched != NULL && notice_password(c->vouched->password_must_change, (int64_t)time(NULL),
                                              f->config->password_warning, &order))
        front_pam_order(c, &order);
}

/* And are there no tickets? */
static void
tell_of_tickets(const struct conversation *c)
{
    const struct proto_order order = { .type = PROTO_SAY,
                                       .code = c->result.offline ? NOTICE_OFFLINE : NOTICE_NO_TICKETS_BY_NTLM };

    if (c->result.passed_through || c->result.offline)
        front_pam_order(c, &order);
}

/* Whom the card showed is who the session is for. */
static void
tell_name(const struct conversation *c)
{
    struct proto_order order = { .type = PROTO_SET, .what = PROTO_SET_USER };

    if (c->begin.user[0] != '\0')
        return;
    (void)snprintf(order.text, sizeof(order.text), "%s", c->who.name);
    front_pam_order(c, &order);
}

/* Whose word a worker's success needs. */
static enum role
voucher_of(const struct conversation *c)
{
    return c->result.passed_through ? ROLE_NETLOGON : ROLE_MEMBER;
}

/* Nothing stands in the way any more. */
static void
welcome(struct front *f, struct conversation *c)
{
    front_card_used(f, c);
    tell_name(c);
    tell_of_tickets(c);
    warn_of_expiry(f, c);
}

static const struct sid *
vouched_user(const struct conversation *c)
{
    if (c->result.offline)
        return c->vouched_offline ? &c->vouched_user : NULL;
    return c->vouched != NULL && c->voucher == voucher_of(c) ? &c->vouched->user : NULL;
}

static const char *
where_user_stands(const struct conversation *c)
{
    return c->result.offline ? "the remembered card" : c->result.passed_through ? "the verdict" : "the PAC";
}

/* directory stores what member or netlogon has said of the user: front_pam_learned goes on. */
static void
learn(struct front *f, struct conversation *c)
{
    uint8_t *packet = talloc_array(c, uint8_t, CHANNEL_PACKET_MAX);
    struct writer w = writer_init(packet, packet == NULL ? 0 : CHANNEL_PACKET_MAX);

    c->request = front_request(f);
    ipc_put_learn(&w, c->request, c->who.name, c->vouched);
    c->state = CONVERSATION_LEARN;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, true))
        front_pam_end(f, c, ERR_INTERNAL, true, NULL);
    else
        talloc_free(packet);
}

/* Success of a worker counts only where member, or for NTLM netlogon, vouched for this very user. */
static void
take_success(struct front *f, struct conversation *c)
{
    const struct sid *user = vouched_user(c);
    char text[SID_TEXT_MAX];

    if (user == NULL) {
        log_alarm("worker says that %s has logged on, and %s does not", c->who.name, role_name(voucher_of(c)));
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
        return;
    }
    if (!sid_equal(user, &c->who.sid)) {
        (void)snprintf(c->result.text, sizeof(c->result.text), "%s is of %s", where_user_stands(c),
                       sid_text(user, text));
        front_pam_end(f, c, ERR_WRONG_ACCOUNT, false, NULL);
        return;
    }
    if (!c->result.offline) {
        learn(f, c);
        return;
    }
    /* There is nothing new to learn: who he is and his groups are what is known. */
    welcome(f, c);
    front_pam_end(f, c, ERR_OK, true, NULL);
}

/* Under FAST libkrb5 hides why an account may not log on: the directory knows. */
static void
ask_state(struct front *f, struct conversation *c)
{
    uint8_t packet[SID_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    /* That a password has run out is nothing to who has not used it, but where the domain says that. */
    bool password = c->card == NULL || c->result.err == ERR_PASSWORD_EXPIRED;
    struct ipc_state m = { .sid = c->who.sid, .password = password };

    m.request = c->request = front_request(f);
    ipc_put_state(&w, &m);
    c->state = CONVERSATION_STATE;
    c->deadline = client_now() + FRONT_WAIT_MS;
    if (!front_ask(f, &w, true))
        front_pam_end(f, c, ERR_NO_STATE, false, NULL);
}

void
front_pam_result(struct front *f, struct conversation *c, const struct ipc_result *result, int tgt_fd, int ntlm_fd)
{
    c->worker = NULL;
    sealed_hold(&c->tgt, tgt_fd);
    sealed_hold(&c->ntlm, ntlm_fd);
    if (result != NULL)
        c->result = *result;
    /* Who has hung up learns nothing; the log learns of a refusal. */
    if (c->gone && (result == NULL || result->err == ERR_OK))
        front_pam_free(f, c);
    else if (result == NULL)
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
    else if (result->err == ERR_OK)
        take_success(f, c);
    else if (!result->passed_through &&
             (result->err == ERR_REVOKED || result->err == ERR_PASSWORD_EXPIRED || result->err == ERR_POLICY ||
              result->err == ERR_DISABLED || result->err == ERR_ACCOUNT_EXPIRED))
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
    c = front_pam_waiting(f, CONVERSATION_LEARN, m.request);
    if (c == NULL)
        return true;
    if (m.err == ERR_OK) {
        front_record_learned(f, &m);
        welcome(f, c);
    }
    front_pam_end(f, c, (enum err)m.err, true, NULL);
    return true;
}

/* Whom the domain turns away for good does not get in by pulling out the network's plug. */
static void
have_forgotten(struct front *f, const struct conversation *c, enum err err)
{
    struct ipc_forget m = { .user = c->who.sid, .all = true };
    uint8_t packet[SID_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));

    if (!f->config->offline_smartcard || (err != ERR_DISABLED && err != ERR_ACCOUNT_EXPIRED && err != ERR_UNKNOWN_PRINCIPAL))
        return;
    ipc_put_forget(&w, &m);
    if (!front_send(&f->member, &w, NULL, 0))
        log_warning("member does not hear that the cards of %s let nobody in any more", c->who.name);
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
    c = front_pam_waiting(f, CONVERSATION_STATE, m.request);
    if (c == NULL)
        return true;
    err = (enum err)m.err;
    have_forgotten(f, c, err);
    /* Another module of the stack, who still saw the user, could let him in. */
    if (err == ERR_UNKNOWN_PRINCIPAL) {
        if (c->begin.user[0] != '\0')
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
