/* What each entry of the module does once its arguments are read. Each gives the PAM code. */
#ifndef AUTHSOD_PAM_OPERATIONS_H
#define AUTHSOD_PAM_OPERATIONS_H

#include "pam_authsod/call.h"

int operation_authenticate(struct call *call);

/* Establish, reinitialize, refresh and delete, by call->operation. */
int operation_cred(struct call *call);

/* Account, open and close session, change password: nothing beyond the conversation. */
int operation_plain(struct call *call);

#endif
