/* What the two halves of join share. */
#ifndef AUTHSOD_TOOLS_JOIN_H
#define AUTHSOD_TOOLS_JOIN_H

#include <krb5/krb5.h>

#include "daemon/config.h"
#include "tools/options.h"

/* What the network half has to know; in memory that both have. */
struct join_job {
    const struct ctl_options *options;
    const struct config *config;
    const krb5_creds *ticket;    /* of the administrator; NULL: the password is asked for */
    char os_name[64];
    char os_version[64];
};

/*
 * The network half.  It is told the new password (SECRET), finds a controller,
 * makes the account or takes it over, says so (ACCOUNT), gets the keytab and
 * the machine secret as they were written (VERIFY), logs on with both, says so
 * (VERIFIED), and lets go at COMMIT (COMMITTED): before any file has its name,
 * so that none ever stands there without its account.  Without COMMIT, or at
 * the UNDO that may follow it, it deletes the account that it
 * made.  arg: struct join_job.
 */
bool join_network(int channel, void *arg);

#endif
