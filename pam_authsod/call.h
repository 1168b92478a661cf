/* One call of the application into the module: what every step of it needs. */
#ifndef AUTHSOD_PAM_CALL_H
#define AUTHSOD_PAM_CALL_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "lib/proto/proto.h"
#include "pam_authsod/options.h"

struct call {
    pam_handle_t *pamh;              /* alias */
    enum proto_operation operation;
    int flags;
    struct options options;
    bool mute;                       /* nothing is said, only asked */
    bool nameless;                   /* the application gave no PAM_USER */
    char user[PROTO_NAME_MAX + 1];   /* PAM_USER as it was at the start; "" where it was none or too long */
};

void call_init(struct call *call, pam_handle_t *pamh, enum proto_operation operation, int flags, int argc,
               const char **argv);

/* Takes PAM_USER as it is now. */
void call_take_user(struct call *call);

/* Logs the code and gives it back. */
int call_done(struct call *call, int code);

/* A PAM item that is a string; "" where there is none. An alias, until the item is set anew. */
const char *call_item(const struct call *call, int item);

/* "authenticate", "setcred establish": for the log. */
const char *call_name(const struct call *call);

/* One line in the system's log; LOG_DEBUG only with the option debug. Values from outside: visible_word first. */
void call_log(const struct call *call, int priority, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Lets the application show the sentence of err, if there is one and the call is not mute. */
void call_tell(const struct call *call, enum err err, unsigned n, char const (*values)[256]);

#endif
