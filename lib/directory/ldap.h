/*
 * The domain's directory by LDAP with the computer's credentials: SASL GSSAPI,
 * signed and sealed, one connection kept.  Every operation ends within its
 * deadline.  Filters are built by one function that escapes by type.
 */
#ifndef AUTHSOD_DIRECTORY_LDAP_H
#define AUTHSOD_DIRECTORY_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/ndr/logon_info.h"
#include "lib/proto/messages.h"
#include "lib/sid/sid.h"

struct directory;

/*
 * Connects to the domain controller at address (numeric, with an optional
 * port) whose name is host, and binds with the ticket for ldap/<host> that the
 * process's default credential cache must hold (KRB5CCNAME and KRB5_CONFIG of
 * this process): no KDC is asked.  SSF at least 56, refuses less.
 * Reads defaultNamingContext and the domain's own objectSid and nETBIOSName.
 * timeout_ms: for this, and then for each operation, all its requests together.
 * NULL: *err_out ERR_NO_KDC (no answer, or of another domain), ERR_NO_KEYTAB (no
 * ticket, or the bind was refused), with the reason in *why_out (under mem).
 *
 * What ldap.conf, .ldaprc and LDAP* variables say to libldap does not count:
 * LDAPNOINIT is put into the environment before libldap's first call, which
 * must be this one.
 */
struct directory *directory_open(TALLOC_CTX *mem, const char *address, const char *host, const char *domain_dns,
                                 int timeout_ms, enum err *err_out, const char **why_out);

const struct sid *directory_domain_sid(const struct directory *d);
const char *directory_domain_netbios(const struct directory *d);
/* Bits of the key that seals the connection. */
unsigned directory_ssf(const struct directory *d);

/*
 * State of an account at the time when it was asked for, from
 * userAccountControl, msDS-User-Account-Control-Computed, accountExpires,
 * lockoutTime, pwdLastSet, msDS-UserPasswordExpiryTimeComputed, logonHours.
 */
struct account_state {
    bool disabled, locked, expired, outside_hours;
    bool must_change, password_expired;  /* one at most */
    int64_t password_expires;  /* seconds since 1970, INT64_MAX never, 0 where it must be changed */
};

struct dir_user {
    struct sid sid;
    uint32_t primary_rid;
    const char *dn;
    const char *account;       /* sAMAccountName */
    const char *upn;           /* userPrincipalName; "" if none */
    const char *full_name;     /* displayName, else cn; UTF-8 without control characters; "" if none */
    const char *workstations;  /* userWorkstations: names between commas; "" for every computer */
    bool is_machine;           /* computer or trust account */
    struct account_state state;
};

struct dir_group {
    struct sid sid;
    const char *dn;
    const char *account;       /* sAMAccountName */
};

/*
 * Each gives ERR_OK with the object under mem, ERR_UNKNOWN_PRINCIPAL where
 * there is none (or the entry is malformed: logged), or ERR_NO_KDC where the
 * directory did not answer or had an error of its own: then d is dead
 * (directory_close it).  Names match in any letter case, but not without
 * accents, as Active Directory's own matching would have it.
 */
enum err directory_user_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_user **out);
/* userPrincipalName, else account@<the domain's DNS name>. Two accounts with that UPN are none. */
enum err directory_user_by_upn(struct directory *d, TALLOC_CTX *mem, const char *upn, struct dir_user **out);
enum err directory_user_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sid, struct dir_user **out);
/* Security groups only, here and below: no others are in anybody's token. */
enum err directory_group_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_group **out);

/* Groups of up to LOGON_GROUPS_MAX SIDs, in requests of 100; those not found are left out. */
enum err directory_groups_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n,
                                 struct dir_group **out, size_t *n_out);
/* The same for sAMAccountNames, in any case. */
enum err directory_groups_by_account(struct directory *d, TALLOC_CTX *mem, const char *const *accounts, size_t n,
                                     struct dir_group **out, size_t *n_out);

/*
 * All groups of a user, nested ones, the primary one and builtin ones (S-1-5-32)
 * too: tokenGroups by a base search.  ERR_UNKNOWN_PRINCIPAL where there is none:
 * the entry is gone, or this computer may not read the attribute.
 */
enum err directory_token_groups(struct directory *d, TALLOC_CTX *mem, const char *user_dn, struct sid **out,
                                size_t *n_out);

/*
 * sAMAccountNames of all users in a group or in those within it
 * (1.2.840.113556.1.4.1941), by member or as the primary group of either;
 * machine accounts left out.  At most max are looked at.
 * This can be too much for a controller, which has DIRECTORY_MEMBERS_MS for it:
 * ERR_BUSY where it says so; ERR_TIMEOUT where it says nothing, and d is dead, for
 * it may still be at it, but the controller need not be.
 */
#define DIRECTORY_MEMBERS_MS 2500 /* half a second of it for the controller to say that 2 s were not enough */
enum err directory_members(struct directory *d, TALLOC_CTX *mem, const struct dir_group *group, size_t max,
                           const char ***out, size_t *n_out);

/*
 * Security groups of this domain that have one of n accounts of other domains
 * in them, or a group that has, and so on: by the accounts' entries in this
 * domain, foreignSecurityPrincipals ([MS-ADTS] 6.1.1.4.10).  *n_out is 0 where
 * there are none; of more than DIRECTORY_RESOURCE_MAX the rest is left out
 * (logged).  One search where no account has such an entry, two where some
 * have, one more for each level of groups in groups; all of them, for 100
 * accounts or groups at once, within DIRECTORY_RESOURCE_MS.  ERR_BUSY and
 * ERR_TIMEOUT as above.
 */
#define DIRECTORY_RESOURCE_MAX 1024 /* a token holds 1,015 */
#define DIRECTORY_RESOURCE_MS 1500
enum err directory_resource_groups(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n,
                                   struct sid **out, size_t *n_out);

/* Frees the connection. NULL is fine. */
void directory_close(struct directory *d);

/* Decoders under these, for tests and fuzzing. */
/* logonHours [MS-ADA1]: 168 bits, one an hour from Sunday 0:00 UTC on. NULL: at any time; of another length: never. */
bool directory_hours_allow(const uint8_t *hours, size_t len, int64_t now);

/*
 * printf for filters: %s text and %b binary (pointer, size_t), both escaped per
 * RFC 4515; nothing else.  NULL if out of memory.
 */
char *directory_filter(TALLOC_CTX *mem, const char *fmt, ...);

#endif
