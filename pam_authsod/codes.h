/* The one place where a failure becomes a PAM code. */
#ifndef AUTHSOD_PAM_CODES_H
#define AUTHSOD_PAM_CODES_H

#include "lib/proto/messages.h"
#include "lib/proto/proto.h"

/*
 * The code of err for a caller of operation.  authenticate, acct_mgmt and
 * chauthtok give the code of the table in messages.h.  setcred and the session
 * calls know fewer codes, and there PAM_IGNORE stands for a user who is not
 * ours: applications call them without an authenticate before, and a module
 * that has nothing to do must not fail the stack.
 */
int codes_pam(enum err err, enum proto_operation operation);

#endif
