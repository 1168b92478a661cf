/*
 * SIDs to uids and gids: SSSD's own algorithm by libsss_idmap (a domain's
 * slice is chosen by a hash of its SID), so that a computer that moves over
 * from SSSD keeps its file owners.  One number space for users and groups.
 */
#ifndef AUTHSOD_SID_IDMAP_H
#define AUTHSOD_SID_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/sid/sid.h"

#define IDMAP_LOWER_DEFAULT 200000U
#define IDMAP_UPPER_DEFAULT 2000200000U
#define IDMAP_SLICE_DEFAULT 200000U

struct idmap;

/* NULL if the range is impossible: lower < 1000, upper <= lower, no whole slice. */
struct idmap *idmap_new(TALLOC_CTX *mem, uint32_t lower, uint32_t upper, uint32_t slice);

/*
 * Makes a domain known.  name: for libsss_idmap's own books, unique.  True
 * also where the domain is known already.  False where its slice is taken by
 * another domain and none is free, name is another domain's, or sid is not a
 * domain's.
 */
bool idmap_add_domain(struct idmap *map, const char *name, const struct sid *domain);

/*
 * The id of an account of a known domain.  False if the domain is unknown, the
 * RID is past 2^31, its slice is taken by another domain's, the domain has
 * used up its slices (64 past the first), or the id would be nobody's (65534,
 * 65535).
 */
bool idmap_id(struct idmap *map, const struct sid *sid, uint32_t *id_out);

/* The SID behind an id of a known domain: one that idmap_id gives this id for. */
bool idmap_sid(struct idmap *map, uint32_t id, struct sid *sid_out);

/* True if id lies in [lower, upper) at all: front refuses everything else before asking. */
bool idmap_in_range(const struct idmap *map, uint32_t id);

#endif
