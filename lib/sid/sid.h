/*
 * Security identifiers [MS-DTYP] 2.4.2: a fixed-size value, copied freely.
 */
#ifndef AUTHSOD_SID_SID_H
#define AUTHSOD_SID_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define SID_SUBS_MAX 15
#define SID_TEXT_MAX 192                       /* bytes of the longest text form with its NUL */
#define SID_BINARY_MAX (8 + 4 * SID_SUBS_MAX)

struct sid {
    uint8_t n_subs;                            /* 0 to SID_SUBS_MAX */
    uint64_t authority;                        /* 48 bits */
    uint32_t subs[SID_SUBS_MAX];               /* those past n_subs are 0, so sid_equal is exact */
};

/* The binary form of [MS-DTYP] 2.4.2.2 (also objectSid and tokenGroups): revision 1, count, authority, subs. */
bool sid_read(struct reader *r, struct sid *sid_out);
void sid_write(struct writer *w, const struct sid *sid);

/* "S-1-5-21-..."; exactly that, decimal or 0x authority, nothing after it. */
bool sid_parse(const char *text, struct sid *sid_out);
/* Gives text. */
const char *sid_text(const struct sid *sid, char text[static SID_TEXT_MAX]);

bool sid_equal(const struct sid *a, const struct sid *b);
/* For qsort and bsearch. */
int sid_compare(const void *a, const void *b);

/* Appends a RID; false if sid is full. */
bool sid_append(struct sid *sid, uint32_t rid);

/* Splits off the last sub-authority; false if there is none. */
bool sid_split(const struct sid *sid, struct sid *domain_out, uint32_t *rid_out);

/* S-1-5-21-a-b-c: the SID of a domain. */
bool sid_is_domain(const struct sid *sid);
/* S-1-5-21-a-b-c-rid: an account of a domain. */
bool sid_in_domain(const struct sid *sid, const struct sid *domain);

#endif
