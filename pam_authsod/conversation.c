#include "pam_authsod/conversation.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/proto/client.h"
#include "pam_authsod/choice.h"
#include "pam_authsod/sentence.h"

struct conversation {
    const struct call *call;
    struct outcome *out;
    int fd;
    int64_t left;                /* milliseconds that the daemon still has */
    int64_t given;               /* that it was given in all */
    struct client_sender front;  /* who sent the first packet; pid 0 before it */
    struct client_sender sender; /* who sent the last one */
    uint8_t packet[8192];        /* every packet of this socket is smaller: see PROTO_TEXT_MAX */
};

static enum err
broken(const struct conversation *c, const char *how)
{
    call_log(c->call, LOG_ALERT, "%s: the daemon broke the rules of the conversation: %s", call_name(c->call), how);
    return ERR_PROTOCOL;
}

static enum err
open_connection(struct conversation *c)
{
    int64_t most = c->left < CONVERSATION_CONNECT_MS ? c->left : CONVERSATION_CONNECT_MS;
    int priority = LOG_ERR, err;

    c->fd = client_connect_named(CLIENT_PATH_PAM, client_now() + most);
    if (c->fd >= 0)
        return ERR_OK;
    err = errno;
    if (err == EPERM)
        priority = LOG_ALERT;
    else if (c->call->nameless)
        priority = LOG_DEBUG; /* the name is asked for next, and may be a local one */
    call_log(c->call, priority, "%s: %s: %s", call_name(c->call), CLIENT_PATH_PAM,
             err == EPERM ? "who listens there is not root" : strerror(err));
    return err == EAGAIN ? ERR_BUSY : ERR_NO_SERVICE;
}

static void
spend(struct conversation *c, int64_t since)
{
    c->left -= client_now() - since;
    if (c->left < 0)
        c->left = 0;
}

static enum err
failed_io(const struct conversation *c, int err)
{
    if (err == ETIMEDOUT) {
        call_log(c->call, LOG_ERR, "%s: no answer of the daemon in time", call_name(c->call));
        return ERR_TIMEOUT;
    }
    if (err == EMSGSIZE)
        return broken(c, "a packet that is too long");
    call_log(c->call, LOG_ERR, "%s: the daemon hung up: %s", call_name(c->call), strerror(err));
    return ERR_INTERNAL;
}

/* Sends what the writer holds and erases it. */
static enum err
send_packet(struct conversation *c, struct writer *w)
{
    int64_t start = client_now();
    int err = 0;

    if (!writer_ok(w)) {
        secret_erase(w->data, w->size);
        return ERR_INTERNAL;
    }
    if (client_send(c->fd, w->data, w->len, start + c->left) != 0)
        err = errno;
    secret_erase(w->data, w->len);
    spend(c, start);
    /* A daemon that answered and left has still been heard: its last word is in our queue. */
    return err == 0 || err == EPIPE || err == ECONNRESET ? ERR_OK : failed_io(c, err);
}

static enum err
receive(struct conversation *c, size_t *len_out)
{
    int64_t start = client_now(), end = start + c->left;
    ptrdiff_t n;
    int err;

    *len_out = 0;
    if (c->front.pid == 0 && c->left > CONVERSATION_FIRST_MS)
        end = start + CONVERSATION_FIRST_MS;
    n = client_recv_sender(c->fd, c->packet, sizeof(c->packet), &c->sender, end);
    /* The kernel tells of a daemon that left before it read us, once, ahead of what it said. */
    if (n < 0 && errno == ECONNRESET)
        n = client_recv_sender(c->fd, c->packet, sizeof(c->packet), &c->sender, end);
    err = n < 0 ? errno : EPIPE;
    spend(c, start);
    if (n <= 0)
        return failed_io(c, err);
    *len_out = (size_t)n;
    return ERR_OK;
}

/* True if the packet may be of this type from whom it came: a logon worker asks and says, only front sets and ends. */
static bool
may_send(struct conversation *c, unsigned type)
{
    if (c->front.pid == 0)
        c->front = c->sender;
    if (type != PROTO_SET && type != PROTO_DONE)
        return true;
    return c->sender.pid != 0 && c->sender.pid == c->front.pid && c->sender.uid == c->front.uid;
}

/* What is too long is cut: only its beginning can mean anything to the daemon. */
static void
put_item(char *dst, const char *src)
{
    size_t n = strnlen(src, PROTO_TEXT_MAX);

    memcpy(dst, src, n);
    dst[n] = '\0';
}

/*
 * The session's credential cache.  A screen locker, a process of the session,
 * opens a PAM session of its own and has it in its environment.  The daemon
 * takes it only for one that it has made for this user.
 */
static const char *
session_ccname(const struct call *call)
{
    const char *name = pam_getenv(call->pamh, "KRB5CCNAME");

    if (name == NULL && (call->operation == PROTO_CRED_REINITIALIZE || call->operation == PROTO_CRED_REFRESH))
        name = secure_getenv("KRB5CCNAME");
    return name;
}

/* What a module before us was told; NULL where that is nothing. */
static const char *
token_there(const struct conversation *c)
{
    const void *token = NULL;

    return pam_get_item(c->call->pamh, PAM_AUTHTOK, &token) == PAM_SUCCESS ? token : NULL;
}

/* Who may not be asked, or has been asked for his password already, is not to be asked for a card: unless it must be one. */
static enum proto_card
card_wanted(const struct conversation *c)
{
    enum proto_card card = c->call->options.card;

    if (c->call->operation != PROTO_AUTHENTICATE)
        return PROTO_CARD_DEFAULT;
    if (card == PROTO_CARD_REQUIRE || card == PROTO_CARD_ONLY)
        return card;
    return c->call->options.use_first_pass || token_there(c) != NULL ? PROTO_CARD_NEVER : card;
}

static enum err
send_begin(struct conversation *c, const struct logon *logon)
{
    struct proto_begin b = { .operation = c->call->operation, .card = card_wanted(c) };
    struct writer w = writer_init(c->packet, sizeof(c->packet));
    const char *ccname = session_ccname(c->call);
    enum err err;

    if (logon != NULL && logon->has_handle) {
        b.has_handle = true;
        memcpy(b.handle, logon->handle, sizeof(b.handle));
    }
    b.pid = (uint32_t)getpid();
    b.parent = (uint32_t)getppid();
    memcpy(b.user, c->call->user, sizeof(b.user));
    put_item(b.service, call_item(c->call, PAM_SERVICE));
    put_item(b.tty, call_item(c->call, PAM_TTY));
    put_item(b.rhost, call_item(c->call, PAM_RHOST));
    put_item(b.ruser, call_item(c->call, PAM_RUSER));
    put_item(b.ccname, ccname != NULL ? ccname : "");
    proto_put_begin(&w, &b);
    err = send_packet(c, &w);
    secret_erase(&b, sizeof(b));
    return err;
}

static void
send_cancel(struct conversation *c)
{
    struct writer w = writer_init(c->packet, sizeof(c->packet));

    proto_put_head(&w, PROTO_CANCEL);
    (void)send_packet(c, &w);
}

/* True if the question is for what PAM calls the authentication token. */
static bool
asks_token(const struct conversation *c, const struct proto_order *ask)
{
    return c->call->operation == PROTO_AUTHENTICATE && ask->how == PROTO_HOW_SECRET && ask->code == PROMPT_PASSWORD;
}

/* The first question for the password may be answered by what a module before us was told. */
static const char *
token_of_stack(const struct conversation *c, const struct proto_order *ask)
{
    return c->out->asked || !asks_token(c, ask) ? NULL : token_there(c);
}

/* Gives what the person typed, to be erased and freed by the caller, or NULL. */
static char *
ask_person(const struct conversation *c, const struct proto_order *ask, const char *sentence)
{
    int style = ask->how == PROTO_HOW_SECRET ? PAM_PROMPT_ECHO_OFF : PAM_PROMPT_ECHO_ON;
    char *typed = NULL;

    if (pam_prompt(c->call->pamh, style, &typed, "%s", sentence) != PAM_SUCCESS)
        return NULL;
    if (typed != NULL && asks_token(c, ask))
        (void)pam_set_item(c->call->pamh, PAM_AUTHTOK, typed);
    return typed;
}

/* An empty password or PIN, or one longer than any, is wrong: nobody need be asked, and no bad one is counted. */
static enum err
send_answer(struct conversation *c, const struct proto_order *ask, const char *answer)
{
    struct writer w = writer_init(c->packet, sizeof(c->packet));
    size_t n = strlen(answer);

    if (n == 0 || n > PROTO_SECRET_MAX) {
        send_cancel(c);
        c->out->declined = n == 0 && ask->code == PROMPT_PIN;
        return ask->code == PROMPT_PIN ? ERR_PIN_WRONG : ERR_DENIED;
    }
    proto_put_answer(&w, answer, n);
    return send_packet(c, &w);
}

/* So much it has in all, counted from the beginning: saying so once more gives it nothing. */
static void
take_time(struct conversation *c, int64_t ms)
{
    c->left += ms - c->given;
    c->given = ms;
}

/* A card is being looked for, which takes longer than to say that nobody is there. */
static void
obey_wait(struct conversation *c)
{
    if (c->call->nameless && !c->out->asked)
        take_time(c, CONVERSATION_FIRST_MS);
}

/* Somebody is there: from here on a nameless conversation is a logon like any other. */
static void
begin_logon(struct conversation *c)
{
    if (!c->out->asked && c->call->nameless)
        take_time(c, CONVERSATION_DAEMON_MS);
    c->out->asked = true;
}

static enum err
obey_choice(struct conversation *c, const struct proto_order *ask, const char *sentence)
{
    char answer[8];
    unsigned place = 0;
    enum choice_end end = choice_ask(c->call, ask, sentence, &place);

    if (end != CHOICE_MADE) {
        send_cancel(c);
        c->out->declined = end == CHOICE_NONE;
        c->out->hush = end != CHOICE_WRONG;
        return ERR_CANCELLED;
    }
    (void)snprintf(answer, sizeof(answer), "%u", place);
    return send_answer(c, ask, answer);
}

static enum err
obey_ask(struct conversation *c, const struct proto_order *ask)
{
    char sentence[SENTENCE_MAX];
    const char *token = token_of_stack(c, ask);
    char *typed = NULL;
    enum err err;

    if (token == NULL && c->call->options.use_first_pass) {
        call_log(c->call, LOG_DEBUG, "%s: use_first_pass, and no password of a module before", call_name(c->call));
        send_cancel(c);
        c->out->hush = true;
        return ERR_DENIED;
    }
    if (!sentence_prompt(ask->code, ask->n_values, ask->values, sentence))
        return broken(c, "a question that this module does not know");
    begin_logon(c);
    if (ask->how == PROTO_HOW_CHOICE)
        return obey_choice(c, ask, sentence);
    if (token == NULL) {
        typed = ask_person(c, ask, sentence);
        if (typed == NULL) {
            send_cancel(c);
            c->out->hush = true;
            return ERR_CANCELLED;
        }
    }
    err = send_answer(c, ask, token != NULL ? token : typed);
    secret_erase_str(typed);
    free(typed);
    return err;
}

static void
obey_say(struct conversation *c, const struct proto_order *say)
{
    char sentence[SENTENCE_MAX];
    bool known;

    /* What is typed at the reader is asked for by the reader. */
    if (!say->is_error && say->code == NOTICE_PIN_AT_READER)
        begin_logon(c);
    known = say->is_error ? sentence_error(say->code, say->n_values, say->values, sentence)
                          : sentence_notice(say->code, say->n_values, say->values, sentence);
    if (!known)
        call_log(c->call, LOG_ERR, "%s: the daemon says %s %lu, which this module does not know", call_name(c->call),
                 say->is_error ? "error" : "notice", (unsigned long)say->code);
    else if (!c->call->mute)
        (void)pam_prompt(c->call->pamh, say->is_error ? PAM_ERROR_MSG : PAM_TEXT_INFO, NULL, "%s", sentence);
}

/* The types of libkrb5 that can outlive a process, or a plain path. */
static bool
is_ccname(const char *name)
{
    static const char types[][9] = { "FILE:", "DIR:", "KEYRING:", "KCM:", "/" };
    bool known = false;

    for (const char *p = name; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~')
            return false;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        known = known || strncmp(name, types[i], strlen(types[i])) == 0;
    return known;
}

/* A name in our folder. */
static bool
is_ntlm_file(const char *path)
{
    static const char folder[] = PROTO_NTLM_FOLDER "/";
    const char *name = path + sizeof(folder) - 1;

    return strncmp(path, folder, sizeof(folder) - 1) == 0 && strlen(path) < PROTO_NTLM_FILE_MAX && name[0] != '\0' &&
           name[0] != '.' && strspn(name, "0123456789abcdef.") == strlen(name);
}

static bool
may_set_environment(enum proto_operation operation)
{
    return operation == PROTO_CRED_ESTABLISH || operation == PROTO_CRED_REINITIALIZE ||
           operation == PROTO_CRED_REFRESH;
}

static enum err
obey_set(struct conversation *c, const struct proto_order *set)
{
    struct outcome *out = c->out;

    switch (set->what) {
    case PROTO_SET_KRB5CCNAME:
        if (!may_set_environment(c->call->operation) || !is_ccname(set->text))
            return broken(c, "it set KRB5CCNAME where it may not or to what it may not");
        memcpy(out->ccname, set->text, sizeof(out->ccname));
        return ERR_OK;
    case PROTO_SET_NTLM_FILE:
        if (!may_set_environment(c->call->operation) || !is_ntlm_file(set->text))
            return broken(c, "it set NTLM_USER_FILE where it may not or to what it may not");
        memcpy(out->ntlm_file, set->text, strlen(set->text) + 1);
        return ERR_OK;
    case PROTO_SET_USER:
        if (c->call->operation != PROTO_AUTHENTICATE || !c->call->nameless || set->text[0] == '\0' ||
            strlen(set->text) > PROTO_NAME_MAX)
            return broken(c, "it set PAM_USER where it may not or to what it may not");
        memcpy(out->user, set->text, sizeof(out->user));
        return ERR_OK;
    }
    return broken(c, "it set what does not exist");
}

static enum err
obey_order(struct conversation *c, size_t len)
{
    struct proto_order order;

    if (!proto_get_order(c->packet, len, &order))
        return broken(c, "an order that is malformed");
    switch (order.type) {
    case PROTO_ASK:
        return obey_ask(c, &order);
    case PROTO_SAY:
        obey_say(c, &order);
        return ERR_OK;
    case PROTO_SET:
        return obey_set(c, &order);
    case PROTO_WAIT:
        obey_wait(c);
        return ERR_OK;
    default:
        return broken(c, "an order that is malformed");
    }
}

static enum err
take_done(struct conversation *c, size_t len)
{
    if (!proto_get_done(c->packet, len, &c->out->done))
        return broken(c, "a DONE that is malformed");
    call_log(c->call, LOG_DEBUG, "%s: the daemon is done: %s, uid %lu", call_name(c->call),
             err_name((uint32_t)c->out->done.err), (unsigned long)c->out->done.uid);
    return c->out->done.err;
}

static enum err
obey(struct conversation *c)
{
    for (unsigned n = 0; n < CONVERSATION_ORDERS_MAX; n++) {
        unsigned type;
        enum err err;
        size_t len;

        err = receive(c, &len);
        if (err != ERR_OK)
            return err;
        type = proto_peek(c->packet, len);
        if (!may_send(c, type))
            return broken(c, "another process than the one that began it sets or ends");
        switch (type) {
        case PROTO_DONE:
            return take_done(c, len);
        case PROTO_ASK:
        case PROTO_SAY:
        case PROTO_SET:
        case PROTO_WAIT:
            err = obey_order(c, len);
            if (err != ERR_OK)
                return err;
            break;
        default:
            return broken(c, "a packet of another version or type");
        }
    }
    return broken(c, "no end of it");
}

enum err
conversation_run(const struct call *call, const struct logon *logon, struct outcome *out)
{
    struct conversation c = { .call = call, .out = out, .fd = -1 };
    enum err err;

    memset(out, 0, sizeof(*out));
    c.left = c.given = call->nameless ? CONVERSATION_NAMELESS_MS : CONVERSATION_DAEMON_MS;
    err = open_connection(&c);
    if (err == ERR_OK)
        err = send_begin(&c, logon);
    if (err == ERR_OK)
        err = obey(&c);
    if (c.fd >= 0)
        (void)close(c.fd);
    secret_erase(&c, sizeof(c));
    return err;
}
