/*
 * The network half of authsodctl, which has no rights: finds a domain
 * controller, logs on, opens the directory.  Each function says on the channel
 * what it does and, where it gives false, why it failed.
 */
#ifndef AUTHSOD_TOOLS_NET_H
#define AUTHSOD_TOOLS_NET_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <talloc.h>

#include "daemon/config.h"
#include "lib/directory/ldap_write.h"
#include "lib/directory/locator.h"
#include "lib/krb/krb.h"
#include "lib/membership/keytab.h"
#include "tools/errors.h"

struct net {
    TALLOC_CTX *mem;
    int channel;
    const struct config *config;
    const char *wanted_dc;      /* --dc; NULL: whichever answers */
    struct dc dc;               /* after net_locate */
    krb5_context krb;           /* after net_locate: pinned to that one */
    krb5_creds tgt;             /* of who has logged on */
    char who[300];              /* that is, for sentences */
    struct directory *d;        /* after net_open */
    int profile;
    bool quiet;                 /* a failure is kept in error and text, and not told */
    enum ctl_error error;
    char text[2048];
};

void net_init(struct net *n, TALLOC_CTX *mem, int channel, const struct config *config, const char *wanted_dc);
void net_done(struct net *n);

/* The target that the private profile pins; aliases of n's. */
struct krb_target net_target(const struct net *n);
struct membership_names net_names(const struct net *n);

void net_step(struct net *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Always false. */
bool net_fail(struct net *n, enum ctl_error error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What a failure of Kerberos means to who joins; what: whose logon. Always false. */
bool net_fail_krb(struct net *n, const struct krb_failure *f, const char *who);

/* Finds a domain controller that may be written to. */
bool net_locate(struct net *n);
/* Sees that its ports for Kerberos and LDAP answer: before somebody is asked for a password in vain. */
bool net_check_ports(struct net *n);

/* A person of the domain, "U", "U@suffix" or "CORP\U"; asks the upper half for the password. */
bool net_logon_person(struct net *n, const char *user);
/* With a ticket of a credential cache, which is copied. */
bool net_logon_ticket(struct net *n, const krb5_creds *tgt);
/* The computer, by a password. */
bool net_logon_computer(struct net *n, const char *password);
/* The computer, by a keytab. */
bool net_logon_keytab(struct net *n, krb5_keytab keytab);

/* The account of who has logged on, as the domain calls it. False if it is none. */
bool net_account(const struct net *n, char account[static 257]);

/* Opens the directory as who has logged on. */
bool net_open(struct net *n);
void net_close(struct net *n);

/*
 * Is the account one of a computer, and no other computer's?  Whoever takes
 * over or deletes another's throws that one out of the domain.
 */
bool net_is_own(struct net *n, const struct dir_computer *c);

/* Is a TCP port of the address open? why: the reason if not. */
bool net_port(const char *address, unsigned port, int ms, const char **why_out);

#endif
