/*
 * Logon information: what the domain says of somebody who has just logged on.
 * One type, whoever said it: a PAC, Netlogon's validation levels, or the cache.
 */
#ifndef AUTHSOD_NDR_LOGON_INFO_H
#define AUTHSOD_NDR_LOGON_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/base/buf.h"
#include "lib/sid/sid.h"

/* Group attributes, [MS-PAC] 2.2.1 */
#define SE_GROUP_MANDATORY 0x00000001U
#define SE_GROUP_ENABLED_BY_DEFAULT 0x00000002U
#define SE_GROUP_ENABLED 0x00000004U
#define SE_GROUP_OWNER 0x00000008U
#define SE_GROUP_USE_FOR_DENY_ONLY 0x00000010U
#define SE_GROUP_RESOURCE 0x20000000U

/* USER_ACCOUNT codes of UserAccountControl, [MS-SAMR] 2.2.1.12 */
#define USER_ACCOUNT_DISABLED 0x00000001U
#define USER_NORMAL_ACCOUNT 0x00000010U
#define USER_INTERDOMAIN_TRUST_ACCOUNT 0x00000040U
#define USER_WORKSTATION_TRUST_ACCOUNT 0x00000080U
#define USER_SERVER_TRUST_ACCOUNT 0x00000100U

#define LOGON_GROUPS_MAX 8192 /* groups of one user; a token holds 1,015 */
#define LOGON_TEXT_MAX 98301  /* bytes of one string: 32,767 UTF-16 units of three */

struct logon_group {
    struct sid sid;
    uint32_t attributes;
};

struct logon_info {
    struct sid user;                  /* of the account */
    uint32_t primary_rid;             /* primary group, in the user's domain */
    struct logon_group *groups;       /* all of them, from every list, primary included; each SID once, sorted */
    size_t n_groups;
    uint32_t user_account_control;    /* USER_ACCOUNT codes */
    bool is_service_asserted;         /* S-1-18-2 was among the SIDs: no proof of a password */

    /* strings are UTF-8, "" where not told; talloc children of the struct */
    const char *account;              /* sAMAccountName (EffectiveName) */
    const char *full_name;
    const char *domain_netbios;       /* LogonDomainName */
    const char *domain_dns;           /* UPN_DNS_INFO or level 6 */
    const char *upn;
    const char *logon_server;
    const char *logon_script;
    const char *profile_path;
    const char *home_directory;
    const char *home_drive;

    /* seconds since 1970; 0 never or not told, INT64_MAX never expires */
    int64_t logon_time;
    int64_t logoff_time;              /* end of the logon hours in force */
    int64_t kickoff_time;
    int64_t password_last_set;
    int64_t password_can_change;
    int64_t password_must_change;
};

/*
 * FILETIME ([MS-DTYP] 2.3.3) to seconds since 1970 as above: 0 stays 0,
 * 0x7fffffffffffffff and more is INT64_MAX; what lies before 1970 is 1, so
 * that it is past and not "never".
 */
int64_t filetime_seconds(uint64_t filetime);

/*
 * True if the group is to be mapped: enabled, and not deny-only.
 */
bool logon_group_is_active(const struct logon_group *g);

/* True if the account is a computer's or a trust's: it never logs on (design, 2 step 6). */
bool logon_info_is_machine(const struct logon_info *info);

/*
 * What another domain said of one of its users, limited to what is its to say:
 * drops the groups that are not of that domain.  False, and nothing changed,
 * where user is no account of it.
 */
bool logon_info_keep_domain(struct logon_info *info, const struct sid *domain);

/*
 * Makes of info->groups, collected from every list, what the struct promises:
 * adds the primary group, sorts, keeps each SID once with the attributes of
 * all its entries, sets is_service_asserted.  False without memory, if there
 * are too many or user is no account of a domain.
 */
bool logon_info_settle_groups(struct logon_info *info);

/*
 * Between our processes, and in the store:
 *   u8 1, SID user, u32 primary_rid, u32 user_account_control,
 *   ten str and six u64 in the order of the struct,
 *   u32 n, n of { SID, u32 attributes } in ascending order
 * size: what write will write; about 400 bytes and 32 a group.  write: the
 * caller sees writer_ok().  read: the whole of r; NULL unless well-formed.
 */
size_t logon_info_size(const struct logon_info *info);
void logon_info_write(struct writer *w, const struct logon_info *info);
struct logon_info *logon_info_read(TALLOC_CTX *mem, struct reader *r);

#endif
