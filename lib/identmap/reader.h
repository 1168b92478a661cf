/* Finding records in an identity map. Libc only, no allocation, no lock, no system call. */
#ifndef AUTHSOD_IDENTMAP_READER_H
#define AUTHSOD_IDENTMAP_READER_H

#include "lib/identmap/format.h"

enum identmap_found {
    IDENTMAP_MISS, /* the map does not know, or is damaged there */
    IDENTMAP_NONE, /* there is no such entry */
    IDENTMAP_HIT
};

struct identmap_key {
    enum record_kind kind;
    enum proto_by by;      /* GROUPS: by name alone */
    const char *name;      /* by name: ASCII letters in lower case, as records have them */
    size_t len;            /* of it, PROTO_NAME_MAX at most */
    uint64_t hash;         /* by name: hash_keyed() of it with the map's key */
    uint32_t id;           /* by id */
};

/*
 * Finds key in map, len bytes of shared_get().  now: identmap_now().
 * HIT: *rec_out is the record, parsed, of that kind, and of that name or id; it
 * aliases the map, whose writer may lie and may be writing: copy, then check
 * the copy (record.h), then shared_is_good().  *stale_out: past its refresh.
 * A record past its end is a MISS, and *rec_out nothing that may be used.
 */
enum identmap_found identmap_find(const void *map, size_t len, const struct identmap_key *key, uint64_t now,
                                  struct record *rec_out, bool *stale_out);

#endif
