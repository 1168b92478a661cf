/* Whom the module serves, and the check of whom the daemon vouched for. */
#ifndef AUTHSOD_PAM_USERS_H
#define AUTHSOD_PAM_USERS_H

#include <stdbool.h>

#include "pam_authsod/call.h"
#include "pam_authsod/conversation.h"

/*
 * True for a user who is certainly not the domain's: one of the local file, or
 * one with an id below the minimum.  Asks nothing of the daemon's PAM socket, so
 * that local users log on while it is dead.
 */
bool users_pass_over(const struct call *call);

/*
 * After the daemon said OK: the user is still the one that the call began with,
 * the name belongs to the id that the daemon vouches for, and that id may be
 * granted.  Else the error to answer with; lies are logged as alarms.
 */
enum err users_check(const struct call *call, const struct outcome *outcome);

/* True if no source of users on this computer knows the call's user. */
bool users_is_nobody(const struct call *call);

#endif
