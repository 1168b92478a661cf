/* Makes the answers of Netlogon and LSA for the tests: what a controller would send, and what it never would. */
#ifndef AUTHSOD_TESTS_UNIT_NETLOGON_BUILDER_H
#define AUTHSOD_TESTS_UNIT_NETLOGON_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define BUILT_DOMAIN "S-1-5-21-1004336348-1177238915-682003330"
#define BUILT_MAX 65536

/* The places that a test spoils: offsets of counts and pointers. */
#define BUILT_PLACES_MAX 64
struct built {
    size_t at[BUILT_PLACES_MAX];
    size_t n;
};

struct built_logon {
    uint16_t level;                 /* 3 or 6 */
    const uint8_t *credential;      /* 8 bytes; NULL: no authenticator */
    bool has_info;
    uint32_t n_groups;
    uint32_t n_extra;
    uint32_t user_rid;
    const char *account;
    uint32_t status;
};

/* alice of CORP: 3 groups, 2 extra SIDs. */
struct built_logon built_alice(uint16_t level);
void build_logon(struct writer *w, const struct built_logon *spec, struct built *places);

/* Three trusts: the domain itself, a child of it, and one without a SID. */
void build_trusts(struct writer *w, uint32_t status, struct built *places);
void build_dc(struct writer *w, uint32_t status, struct built *places);

/* Two domains; three accounts: one of each domain, one unknown. */
void build_lsa_names(struct writer *w, uint32_t status, struct built *places);
void build_lsa_sids(struct writer *w, uint32_t status, struct built *places);

#endif
