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
 * Connects to the domain controller at address (numeric) whose name is host,
 * binds with the tickets of the process's default credential cache
 * (KRB5CCNAME and KRB5_CONFIG of this process), SSF at least 56, refuses less.
 * Reads defaultNamingContext and the domain's own objectSid and nETBIOSName.
 * NULL: *err_out ERR_NO_KDC (no answer), ERR_NO_KEYTAB (bind refused), with
 * the reason in *why_out (under mem).
 */
struct directory *directory_open(TALLOC_CTX *mem, const char *address, const char *host, const char *domain_dns,
                                 int timeout_ms, enum err *err_out, const char **why_out);

const struct sid *directory_domain_sid(const struct directory *d);
const char *directory_domain_netbios(const struct directory *d);

/* State bits of an account, from userAccountControl, msDS-User-Account-Control-Computed, accountExpires, lockoutTime, pwdLastSet, logonHours. */
struct account_state {
    bool disabled, locked, expired, password_expired, must_change, outside_hours;
    int64_t password_expires;  /* seconds since 1970, INT64_MAX never */
};

struct dir_user {
    struct sid sid;
    uint32_t primary_rid;
    const char *dn;
    const char *account;       /* sAMAccountName */
    const char *upn;           /* "" if none */
    const char *full_name;     /* displayName, else cn */
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
 * directory did not answer: then d is dead (directory_close it).
 */
enum err directory_user_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_user **out);
enum err directory_user_by_upn(struct directory *d, TALLOC_CTX *mem, const char *upn, struct dir_user **out);
enum err directory_user_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sid, struct dir_user **out);
enum err directory_group_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_group **out);

/* Groups of many SIDs at once, in requests of up to 100 SIDs; those not found are left out. */
enum err directory_groups_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n,
                                 struct dir_group **out, size_t *n_out);

/* All groups of a user, nested ones too: tokenGroups by a base search. */
enum err directory_token_groups(struct directory *d, TALLOC_CTX *mem, const char *user_dn, struct sid **out,
                                size_t *n_out);

/* sAMAccountNames of all users in a group, nested ones too (1.2.840.113556.1.4.1941), paged, primary members included;
 * machine accounts left out.  At most max. */
enum err directory_members(struct directory *d, TALLOC_CTX *mem, const struct dir_group *group, size_t max,
                           const char ***out, size_t *n_out);

/* Frees the connection. NULL is fine. */
void directory_close(struct directory *d);

/* Decoders under these, for tests and fuzzing. */
bool directory_hours_allow(const uint8_t *hours, size_t len, int64_t now); /* logonHours [MS-ADA1]: 168 bits in UTC */

/*
 * printf for filters: %s text and %b binary (pointer, size_t), both escaped per
 * RFC 4515; nothing else.  NULL if out of memory.
 */
char *directory_filter(TALLOC_CTX *mem, const char *fmt, ...);

#endif
