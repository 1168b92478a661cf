/*
 * The rotation of the computer's password: what becomes of the machine secret,
 * step by step.  No file and no network here; daemon/keeper_rotate.c has both.
 *
 * A controller that has lost an answer, or lags behind another one, may have
 * any of the three passwords.  Which one it has is found out by logging on with
 * it, the pending one first: some controllers take the one before, too.
 *
 * While a password is pending no other one is made.  It may be in force on
 * another controller, and sent again it ends up in force on all of them.
 */
#ifndef AUTHSOD_MEMBERSHIP_ROTATION_H
#define AUTHSOD_MEMBERSHIP_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/membership/machine_secret.h"

/*
 * Seconds: longer than any ticket under the keys of the previous password
 * lives (10 h unless a domain says otherwise; service tickets are not renewed
 * behind that), and than controllers take to tell each other of a password.
 */
#define ROTATION_SETTLED (2 * 86400)

/*
 * When the current password is to be replaced, seconds since 1970: so long
 * after it was made, less up to a tenth, by the computer's name and the time
 * at which it was made, so that not all computers come at once.  INT64_MAX for interval 0: never.
 */
int64_t rotation_due(const struct machine_secret *s, int64_t interval);

/* Is there anything to be done: a new password, a pending one to be settled, an old one to be let go? */
bool rotation_has_work(const struct machine_secret *s, int64_t interval, int64_t now);

enum rotation_work {
    ROTATION_NOTHING = 0,
    ROTATION_SET,      /* the pending password is to be set, when file and keytab have it */
    ROTATION_COMPLETE, /* the domain has the pending one: it is the current one now */
    ROTATION_TIDY,     /* the previous one has gone */
    ROTATION_LAGS,     /* this controller has not heard yet of the last rotation: another time */
    ROTATION_NO_KVNO,  /* the version of the current keys is not known, so neither is the next one */
    ROTATION_NO_RANDOM,
};

/*
 * The controller has the password in the slot `holds`: what is to be done, and
 * s as it will be then.  wanted: a new password is.  *fresh_out: the pending
 * one was made by this call, so no controller has ever heard of it.
 */
enum rotation_work rotation_plan(struct machine_secret *s, enum machine_slot holds, bool wanted, int64_t now,
                                 bool *fresh_out);

/* The domain has taken the pending password. */
void rotation_taken(struct machine_secret *s, const char *controller, int64_t now);

/*
 * A controller that has the current password refuses the pending one.  That one
 * goes if no controller can have it: it is fresh, or it is so old that they all
 * would.  True if it went.
 */
bool rotation_refused(struct machine_secret *s, bool fresh, int64_t now);

#endif
