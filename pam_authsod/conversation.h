/*
 * The conversation with the daemon: begin, then do as told until it is done.
 * Nothing that the daemon sets takes effect here; the caller applies it once
 * the outcome has been checked.
 */
#ifndef AUTHSOD_PAM_CONVERSATION_H
#define AUTHSOD_PAM_CONVERSATION_H

#include <stdbool.h>

#include "pam_authsod/call.h"
#include "pam_authsod/logon.h"

#ifndef CONVERSATION_DAEMON_MS
#define CONVERSATION_DAEMON_MS 60000     /* that the daemon may take in all; a person's typing does not count */
#endif
#ifndef CONVERSATION_FIRST_MS
#define CONVERSATION_FIRST_MS 25000      /* until its first word: front never waits longer, or is replaced */
#endif
#ifndef CONVERSATION_NAMELESS_MS
#define CONVERSATION_NAMELESS_MS 1000    /* until its first question, where it is only asked who is there */
#endif
#define CONVERSATION_CONNECT_MS 2000
#define CONVERSATION_ORDERS_MAX 64       /* packets of the daemon in one conversation */

struct outcome {
    struct proto_done done;              /* of DONE; zero where the conversation ended otherwise */
    bool asked;                          /* the person was asked something */
    bool declined;                       /* and gave no answer to a question about a smart card, but was there */
    bool hush;                           /* the person knows why it ended: no sentence is to be shown */
    char user[PROTO_NAME_MAX + 1];       /* SET USER, "" where there was none */
    char ccname[PROTO_TEXT_MAX + 1];     /* SET KRB5CCNAME, checked; "" where there was none */
    char ntlm_file[PROTO_NTLM_FILE_MAX]; /* SET NTLM_USER_FILE, likewise */
};

/*
 * Runs one conversation for the call.  logon: whose handle goes into BEGIN, or
 * NULL.  Gives the error of DONE, or the module's own: NO_SERVICE, BUSY, TIMEOUT,
 * PROTOCOL (the daemon broke the rules), INTERNAL (it went away), CANCELLED,
 * DENIED (there is no password that could be sent).
 */
enum err conversation_run(const struct call *call, const struct logon *logon, struct outcome *out);

#endif
