#include "pam_authsod/operations.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/base/visible.h"
#include "pam_authsod/codes.h"
#include "pam_authsod/conversation.h"
#include "pam_authsod/logon.h"
#include "pam_authsod/sentence.h"
#include "pam_authsod/users.h"

/* One conversation about call->user, and the check of what it came to. */
static enum err
talk(const struct call *call, const struct logon *logon, struct outcome *out)
{
    /* The logon was ours, so its user is none to pass over; what follows it is checked in the end all the same. */
    bool is_ours = logon != NULL && logon->has_handle;
    enum err err;

    if (call->user[0] == '\0' || (!is_ours && users_pass_over(call))) {
        memset(out, 0, sizeof(*out));
        return ERR_NOT_OURS;
    }
    err = conversation_run(call, logon, out);
    return err == ERR_OK ? users_check(call, out) : err;
}

/* In the words that pam_unix made the standard, so that what watches the log for guessers finds them. */
static void
log_authentication(const struct call *call, int priority, const char *what)
{
    static const int items[] = { PAM_TTY, PAM_RUSER, PAM_RHOST };
    char words[3][PROTO_TEXT_MAX + 1], user[PROTO_NAME_MAX + 1];

    for (size_t i = 0; i < 3; i++)
        visible_word(words[i], sizeof(words[i]), call_item(call, items[i]));
    visible_word(user, sizeof(user), call->user);
    call_log(call, priority, "authentication %s; logname= uid=%lu euid=%lu tty=%s ruser=%s rhost=%s user=%s", what,
             (unsigned long)getuid(), (unsigned long)geteuid(), words[0], words[1], words[2], user);
}

static void
log_result(const struct call *call, enum err err)
{
    char user[PROTO_NAME_MAX + 1];
    int priority = LOG_NOTICE;

    if (call->operation == PROTO_AUTHENTICATE && err == ERR_OK) {
        log_authentication(call, LOG_INFO, "success");
        return;
    }
    if (call->operation == PROTO_AUTHENTICATE && (err == ERR_DENIED || err == ERR_WRONG_PASSWORD)) {
        log_authentication(call, LOG_NOTICE, "failure");
        return;
    }
    if (err == ERR_OK || err == ERR_NOT_OURS)
        priority = LOG_DEBUG;
    visible_word(user, sizeof(user), call->user);
    call_log(call, priority, "%s: user=%s: %s", call_name(call), user, err_name((uint32_t)err));
}

/* The person's sentence, the administrator's line, the application's code. Erases out. */
static int
conclude(const struct call *call, enum err err, struct outcome *out)
{
    if (!out->hush)
        call_tell(call, err, out->done.n_values, out->done.values);
    log_result(call, err);
    secret_erase(out, sizeof(*out));
    return codes_pam(err, call->operation);
}

int
operation_plain(struct call *call)
{
    struct outcome out;
    enum err err = talk(call, logon_find(call), &out);

    /* A session that ends has nobody left to read a sentence. */
    if (call->operation == PROTO_CLOSE_SESSION)
        out.hush = true;
    return conclude(call, err, &out);
}

/* Keeps what the calls after this one need. */
static enum err
keep_logon(struct call *call, const struct outcome *out)
{
    struct logon *logon;

    if (call->nameless && pam_set_item(call->pamh, PAM_USER, out->user) != PAM_SUCCESS)
        return ERR_INTERNAL;
    call_take_user(call);
    logon = logon_new(call);
    if (logon == NULL)
        return ERR_INTERNAL;
    logon->has_handle = out->done.has_handle;
    memcpy(logon->handle, out->done.handle, sizeof(logon->handle));
    return ERR_OK;
}

/*
 * A conversation about nobody by name has come to its end.  Somebody who was
 * asked for his card and gave no answer wants to log on without it, and who has
 * a card that tells no name has one himself: unless nothing but a card will do,
 * and it says who it is.
 */
static bool
settles(const struct call *call, enum err err, const struct outcome *out)
{
    if (err == ERR_OK || call->options.card == PROTO_CARD_ONLY)
        return true;
    return out->asked && !out->declined && err != ERR_NOT_OURS;
}

/*
 * The application gave no name.  The daemon may see who is there (a card); if
 * it does not, or is not there itself, the name is asked for as every module
 * asks.  True where that settles the matter, with *code_out.
 */
static bool
authenticate_nameless(struct call *call, int *code_out)
{
    struct outcome out;
    enum err err = conversation_run(call, NULL, &out);
    const char *user = NULL;

    if (settles(call, err, &out)) {
        if (err == ERR_OK)
            err = users_check(call, &out);
        if (err == ERR_OK)
            err = keep_logon(call, &out);
        *code_out = conclude(call, err, &out);
        return true;
    }
    secret_erase(&out, sizeof(out));
    *code_out = pam_get_user(call->pamh, &user, NULL);
    if (*code_out == PAM_CONV_AGAIN)
        *code_out = PAM_INCOMPLETE;
    call_take_user(call);
    return *code_out != PAM_SUCCESS;
}

/*
 * A name that nobody has, and somebody far away who tries it: he is asked for
 * a password and hears the sentence that a wrong one has, or the silence would
 * tell him which names are worth guessing for.  The modules after this one get
 * the password, and the code is what it is without this.
 */
static void
deny_nobody(const struct call *call)
{
    char sentence[SENTENCE_MAX];
    const void *token = NULL;
    char *typed = NULL;

    if (call_item(call, PAM_RHOST)[0] == '\0' || call->user[0] == '\0' || !users_is_nobody(call))
        return;
    if (pam_get_item(call->pamh, PAM_AUTHTOK, &token) != PAM_SUCCESS || token == NULL) {
        if (call->options.use_first_pass || !sentence_prompt(PROMPT_PASSWORD, 0, NULL, sentence) ||
            pam_prompt(call->pamh, PAM_PROMPT_ECHO_OFF, &typed, "%s", sentence) != PAM_SUCCESS || typed == NULL)
            return;
        (void)pam_set_item(call->pamh, PAM_AUTHTOK, typed);
        secret_erase_str(typed);
        free(typed);
    }
    call_tell(call, ERR_DENIED, 0, NULL);
}

int
operation_authenticate(struct call *call)
{
    struct outcome out;
    enum err err;
    int code;

    logon_forget(call);
    if (call->nameless && authenticate_nameless(call, &code))
        return code;
    err = talk(call, NULL, &out);
    if (err == ERR_OK)
        err = keep_logon(call, &out);
    /* With card_only nobody is asked for anything, whatever his name. */
    if (err == ERR_NOT_OURS && call->options.card != PROTO_CARD_ONLY)
        deny_nobody(call);
    return conclude(call, err, &out);
}

/* KRB5CCNAME of the PAM environment is what we put there. */
static bool
still_ours(const struct call *call, const struct logon *logon)
{
    const char *now = pam_getenv(call->pamh, "KRB5CCNAME");

    return logon != NULL && logon->established && now != NULL && strcmp(now, logon->ccname) == 0;
}

static enum err
put_ccname(const struct call *call, const char *ccname)
{
    char setting[sizeof("KRB5CCNAME=") + PROTO_TEXT_MAX];
    struct logon *logon = logon_find(call);

    if (ccname[0] == '\0')
        return ERR_OK;
    (void)snprintf(setting, sizeof(setting), "KRB5CCNAME=%s", ccname);
    if (pam_putenv(call->pamh, setting) != PAM_SUCCESS)
        return ERR_INTERNAL;
    /* A logon in another process left nothing here: sshd authenticates in a child. */
    if (logon == NULL)
        logon = logon_new(call);
    if (logon == NULL)
        return ERR_INTERNAL;
    logon->established = true;
    memcpy(logon->ccname, ccname, sizeof(logon->ccname));
    return ERR_OK;
}

/* Somebody's own choice stays. */
static bool
may_put_ntlm_file(const struct call *call)
{
    const char *now = pam_getenv(call->pamh, "NTLM_USER_FILE");

    return now == NULL || strncmp(now, PROTO_NTLM_FOLDER "/", sizeof(PROTO_NTLM_FOLDER)) == 0;
}

static enum err
put_ntlm_file(const struct call *call, const char *path)
{
    char setting[sizeof("NTLM_USER_FILE=") + PROTO_NTLM_FILE_MAX];

    if (path[0] == '\0' || !may_put_ntlm_file(call))
        return ERR_OK;
    (void)snprintf(setting, sizeof(setting), "NTLM_USER_FILE=%s", path);
    return pam_putenv(call->pamh, setting) == PAM_SUCCESS ? ERR_OK : ERR_INTERNAL;
}

static void
drop_ccname(const struct call *call, struct logon *logon)
{
    if (pam_getenv(call->pamh, "NTLM_USER_FILE") != NULL && may_put_ntlm_file(call))
        (void)pam_putenv(call->pamh, "NTLM_USER_FILE");
    if (still_ours(call, logon))
        (void)pam_putenv(call->pamh, "KRB5CCNAME");
    if (logon != NULL)
        logon->established = false;
}

/*
 * The daemon holds none for us.  Nothing is wrong where the session has those
 * that it was given, or after a logon by another method (a key, root's su).
 */
static enum err
no_tickets(const struct call *call, const struct logon *logon)
{
    if (still_ours(call, logon))
        return ERR_OK;
    return logon != NULL && logon->has_handle ? ERR_NO_TICKETS : ERR_NOT_OURS;
}

int
operation_cred(struct call *call)
{
    struct logon *logon = logon_find(call);
    bool again = call->operation == PROTO_CRED_ESTABLISH || call->operation == PROTO_CRED_REINITIALIZE;
    struct outcome out;
    enum err err;

    /* sshd and others establish, then reinitialize: the tickets that the session has are the newest. */
    if (again && still_ours(call, logon)) {
        call_log(call, LOG_DEBUG, "%s: the session has its tickets", call_name(call));
        return PAM_SUCCESS;
    }
    err = talk(call, logon, &out);
    if (err == ERR_OK && call->operation == PROTO_CRED_DELETE)
        drop_ccname(call, logon);
    else if (err == ERR_OK)
        err = put_ccname(call, out.ccname);
    if (err == ERR_OK && call->operation != PROTO_CRED_DELETE)
        err = put_ntlm_file(call, out.ntlm_file);
    if (err == ERR_NO_TICKETS)
        err = no_tickets(call, logon);
    return conclude(call, err, &out);
}
