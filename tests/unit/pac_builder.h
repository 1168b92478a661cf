/*
 * Makes PACs ([MS-PAC]) for the tests: what a domain controller would send,
 * and with a few bytes changed what it never would.
 */
#ifndef AUTHSOD_TESTS_UNIT_PAC_BUILDER_H
#define AUTHSOD_TESTS_UNIT_PAC_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAC_LIST_MAX 8
#define PAC_ORDER_MAX 32
#define PAC_SIZE_MAX 65536

#define PAC_DOMAIN "S-1-5-21-1004336348-1177238915-682003330"
#define PAC_OTHER_DOMAIN "S-1-5-21-3623811015-3361044348-30300820"
#define PAC_AUTHTIME 1700000000

struct pac_member {
    uint32_t rid;
    uint32_t attributes;
};

struct pac_extra {
    const char *sid;
    uint32_t attributes;
};

/* Strings are UTF-8; NULL makes a NULL pointer, or leaves the thing out. */
struct pac_spec {
    const char *account;
    const char *full_name;
    const char *logon_script;
    const char *profile_path;
    const char *home_directory;
    const char *home_drive;
    const char *logon_server;
    const char *domain_netbios;
    uint32_t user_rid;
    uint32_t primary_rid;
    uint32_t account_control;
    uint64_t times[6];                      /* FILETIMEs, LogonTime to PasswordMustChange */
    const char *domain;
    struct pac_member groups[PAC_LIST_MAX]; /* each list ends at RID 0 or a NULL SID */
    struct pac_extra extra[PAC_LIST_MAX];
    const char *resource_domain;
    struct pac_member resource[PAC_LIST_MAX];
    bool strings_have_nul;                  /* MaximumLength counts a NUL, as Windows does for some */

    const char *client;
    int64_t authtime;
    const char *upn;
    const char *dns;
    uint32_t upn_flags;                     /* 1: made up by the KDC; 2: extended */
    const char *sam_name;
    const char *upn_sid;
    const char *requestor;

    uint32_t order[PAC_ORDER_MAX];          /* types of the buffers, ends at 0 */
    bool sizes_are_rounded;                 /* cbBufferSize is a multiple of 8 */
};

/* Where things are in a built PAC. */
enum pac_place {
    AT_START,
    AT_LOGON_INFO, /* its type header */
    AT_GROUPS,     /* the conformance of each list */
    AT_EXTRA,
    AT_RESOURCE,
    AT_DOMAIN,     /* the conformance of each SID */
    AT_RESOURCE_DOMAIN,
    AT_CLIENT,
    AT_UPN,
    AT_ATTRIBUTES,
    AT_REQUESTOR,
    AT_SERVER_CHECKSUM,
    N_PLACES,
};

struct pac_built {
    uint8_t data[PAC_SIZE_MAX];
    size_t len;
    size_t place[N_PLACES];
};

/* alice of CORP, with groups in every list and every buffer that is read, and unknown ones. */
struct pac_spec pac_spec_alice(void);

void pac_build(const struct pac_spec *spec, struct pac_built *built_out);

#endif
