/*
 * The domains whose users may log on here beside the computer's own: what the
 * own domain says over the secure channel, limited by the configuration.
 * `netlogon` learns the table, `directory` and `member` are told.
 *
 * Only direct trusts to Active Directory domains that the own domain trusts
 * are in it.  Whatever brings a table (the network, another process, the
 * store) fills it by trusts_add, which keeps its rules.
 */
#ifndef AUTHSOD_DAEMON_TRUSTS_H
#define AUTHSOD_DAEMON_TRUSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "daemon/config.h"
#include "lib/base/buf.h"
#include "lib/sid/sid.h"

#define TRUSTS_MAX 128          /* domains */
#define TRUST_DNS_MAX 255       /* bytes, as of a DNS name */
#define TRUST_NETBIOS_MAX 63
#define TRUSTS_TEXT_MAX (TRUSTS_MAX * (TRUST_DNS_MAX + TRUST_NETBIOS_MAX + SID_TEXT_MAX + 8) + SID_TEXT_MAX)

struct trust {
    char dns[TRUST_DNS_MAX + 1];         /* lower case */
    char netbios[TRUST_NETBIOS_MAX + 1]; /* lower case */
    struct sid sid;
    bool mutual;                         /* it trusts the own domain, too: the computer gets tickets from it */
};

struct trusts {
    struct sid own;                      /* of the own domain; n_subs 0: not told */
    struct trust list[TRUSTS_MAX];
    size_t n;
};

/*
 * Adds a copy of trust.  False where it is none: a DNS name that is none or has
 * but one label, a NetBIOS name that is empty or has a dot or what no name has,
 * a SID that is no domain's; where another one in t, or the own domain (dns and
 * netbios, "" if not known; t->own), has one of its names or its SID; where t
 * is full.
 */
bool trusts_add(struct trusts *t, const struct config *c, const struct trust *trust);

/* Are these what a DNS and a NetBIOS name look like in the table? */
bool trust_names_ok(const char *dns, const char *netbios);

/* Does the configuration want this domain's users here? */
bool trusts_are_wanted(const struct config *c);
bool trusts_may_be(const struct config *c, const char *dns);

/* NULL where there is none. word: a DNS or NetBIOS name in lower case. */
const struct trust *trusts_by_word(const struct trusts *t, const char *word);
const struct trust *trusts_by_domain(const struct trusts *t, const struct sid *domain);
/* Of an account of it. */
const struct trust *trusts_by_account(const struct trusts *t, const struct sid *account);

/* The Kerberos realm: the DNS name in capitals. */
void trust_realm(const char *dns, char realm_out[static TRUST_DNS_MAX + 1]);

/* As text, for the store: TRUSTS_TEXT_MAX bytes of buf. False: it does not fit. */
bool trusts_text(const struct trusts *t, char *buf, size_t size);
/* What trusts_text made; false, and an empty table, where it is anything else, or would be another table today. */
bool trusts_of_text(const char *text, const struct config *c, struct trusts *t_out);

/* As bytes, for a message: the own SID and all domains. */
void trusts_write(struct writer *w, const struct trusts *t);
/* The rest of r. False, and r failed, unless all of it is a table with the rules above, but those of the own names. */
bool trusts_read(struct reader *r, struct trusts *t_out);

#endif
