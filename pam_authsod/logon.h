/* What a logon leaves in the PAM handle for the calls after it; erased with the handle. */
#ifndef AUTHSOD_PAM_LOGON_H
#define AUTHSOD_PAM_LOGON_H

#include <stdbool.h>

#include "pam_authsod/call.h"

struct logon {
    char user[PROTO_NAME_MAX + 1];     /* whose it is */
    uint8_t handle[PROTO_HANDLE_LEN];  /* the daemon's name for it */
    bool has_handle;
    bool established;                  /* the session has its tickets, in ccname */
    char ccname[PROTO_TEXT_MAX + 1];
};

/* That of the call's user; NULL where there is none. An alias, until logon_new or logon_forget. */
struct logon *logon_find(const struct call *call);

/* Replaces it by an empty one of the call's user; NULL where there is no memory. */
struct logon *logon_new(const struct call *call);

void logon_forget(const struct call *call);

#endif
