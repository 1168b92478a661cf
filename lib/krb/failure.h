/*
 * From libkrb5's codes and the KDC's NTSTATUS to ours.
 */
#ifndef AUTHSOD_KRB_FAILURE_H
#define AUTHSOD_KRB_FAILURE_H

#include "lib/krb/exchange.h"
#include "lib/krb/krb.h"

/* A clock that differs by more than this many seconds is wrong for Kerberos. */
#define CLOCK_SKEW 300

/*
 * Fills *f: step (static), code and libkrb5's sentence for it, err from the
 * table of codes.  Everything else is cleared.
 */
void failure_set(krb5_context ctx, struct krb_failure *f, const char *step, krb5_error_code code);

/* failure_set with an err and a sentence of our own; code may be 0. */
void failure_say(struct krb_failure *f, const char *step, enum err err, krb5_error_code code, const char *text);

/* failure_set for an exchange, with what x knows besides: NTSTATUS, clock. */
void failure_of_exchange(krb5_context ctx, struct krb_failure *f, const char *step, krb5_error_code code,
                         const struct exchange *x);

#endif
