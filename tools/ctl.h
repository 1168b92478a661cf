/* The commands, and what they share. */
#ifndef AUTHSOD_TOOLS_CTL_H
#define AUTHSOD_TOOLS_CTL_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <talloc.h>

#include "daemon/config.h"
#include "lib/membership/keytab.h"
#include "tools/options.h"
#include "tools/report.h"

#define CTL_ADMINISTRATOR "Administrator" /* who is asked for a password where nobody is named */

/* Each does its command and reports; what is to be freed is under mem. */
void ctl_join(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r);
void ctl_leave(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r);
void ctl_testjoin(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r);
void ctl_rotate(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r);
void ctl_status(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r);

/* False after a report unless the caller is root. */
bool ctl_is_root(struct report *r);

/*
 * What changes the membership is done by one at a time, the service or an
 * authsodctl: the lock is held until the descriptor is closed.  Finishes then what a join that died has left half
 * done.  Makes AUTHSOD_CONFDIR where there is none: *made_out (NULL where the
 * caller does not want it made).  -1 after a report.
 */
int ctl_lock(struct report *r, bool *made_out);

/* The same for who changes nothing: false after a report. */
bool ctl_finish_join(struct report *r);

/* The configuration of a computer that is set up for a domain; NULL after a report. */
struct config *ctl_config(TALLOC_CTX *mem, struct report *r);

/* What config_load tells, as the failure. arg: the report. */
void ctl_config_error(void *arg, const char *message);

struct membership_names ctl_names(const struct config *c);

/* A context for keys and keytabs, which knows no KDC. NULL after a report. */
krb5_context ctl_krb(const struct config *c, struct report *r);

/* The file's bytes in a memfd, at most 1 MiB; -1 with errno. */
int ctl_memfd(const char *path);

/*
 * The TGT for realm of a credential cache: the one called name, or the default
 * one.  False after a report.  Freed with krb5_free_cred_contents.
 */
bool ctl_ticket(const char *name, const char *realm, krb5_creds *tgt_out, struct report *r);

/*
 * Lets programs use the domain: the service started where there is systemd,
 * nsswitch.conf and PAM told.  A failure is reported.
 */
void ctl_enable(struct report *r);
/* What is left for the person to do if not. */
void ctl_say_next(struct report *r);

/* The text of an nsswitch.conf with authsod before files of passwd and group, if it is not there. NULL: no memory. */
char *ctl_nsswitch(TALLOC_CTX *mem, const char *text);

#endif
