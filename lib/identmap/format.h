/*
 * The identity map, version 3: what `front` writes, and every process reads.
 *
 *     struct identmap_head     at 0, in a page of its own, the only one that is kept when a map is emptied
 *     none slots               names and ids of which it is known that the domain has none
 *     five tables              of sets of IDENTMAP_WAYS slots
 *     records                  up to the end, appended
 *
 * A slot of a table is 32 bits: the record's offset in units of IDENTMAP_UNIT
 * in the lower 26, in the upper 6 the lowest bits of the key's hash; 0 is
 * empty.  A key's set is ((hash >> 6) mod sets).  The hash of a name is
 * hash_keyed() by the head's key, the kind left out, so that one hash serves
 * all tables (and the list of local names, which has the same key); of an id
 * identmap_hash_id().  The set of a none slot is ((hash >> 8 * kind) mod sets),
 * so that the three kinds of one name do not fill one set.  Slots are written with release and read with acquire.
 *
 * A record is struct identmap_record, then `len` bytes of record.h's encoding.
 * Its bytes never change once a slot names it; its two times may.
 *
 * Integers in the machine's own order, times in seconds of CLOCK_BOOTTIME: time
 * asleep counts.  What time it is the reader takes from the head, where it is as
 * old as the lease: that clock costs a sixth of a whole lookup.
 */
#ifndef AUTHSOD_IDENTMAP_FORMAT_H
#define AUTHSOD_IDENTMAP_FORMAT_H

#include "lib/identmap/shared.h"
#include "lib/proto/proto.h"
#include "lib/proto/record.h"

#define IDENTMAP_PATH AUTHSOD_RUNDIR "/identmap"
#define IDENTMAP_MAGIC "authsidm"
#define IDENTMAP_VERSION 3U
#define IDENTMAP_SIZE_MIN (256U << 10) /* bytes; sizes are powers of two */
#define IDENTMAP_SIZE_MAX (1U << 30)
#define IDENTMAP_PAGE 4096U
#define IDENTMAP_UNIT 16U              /* records begin at multiples of it */
#define IDENTMAP_WAYS 16U              /* slots of a set: one cache line */
#define IDENTMAP_OFFSET_BITS 26U
#define IDENTMAP_NONE_SLOTS 512U       /* in sets of IDENTMAP_NONE_WAYS */
#define IDENTMAP_NONE_WAYS 4U
#define IDENTMAP_NONE_NAME 48U         /* a longer name is not remembered as missing */

enum identmap_table {
    IDENTMAP_PASSWD_NAME,
    IDENTMAP_PASSWD_UID,
    IDENTMAP_GROUP_NAME,
    IDENTMAP_GROUP_GID,
    IDENTMAP_GROUPS_NAME, /* initgroups */
    IDENTMAP_TABLES
};

struct identmap_head {
    struct shared_head shared;
    uint32_t none;                           /* offset of the none slots */
    struct {
        uint32_t offset;                     /* of the first set; a multiple of 64 */
        uint32_t sets;                       /* a power of two */
    } tables[IDENTMAP_TABLES];
    uint32_t records;                        /* offset of the first record */
    _Atomic(uint32_t) now;                   /* what time it was when the lease was last renewed */
};

struct identmap_record {
    uint32_t len;
    _Atomic(uint32_t) refresh;               /* from then on it is served and asked for again */
    _Atomic(uint32_t) end;                   /* from then on it is not served */
};

/*
 * A none slot: changed in place, so `turn` is odd while it is written, and the
 * reader who finds it odd, or another one after reading, has found nothing.
 */
struct identmap_none {
    _Atomic(uint32_t) turn;
    _Atomic(uint32_t) end;                   /* 0: empty */
    _Atomic(uint32_t) what;                  /* enum record_kind << 24, enum proto_by << 16, length of the name */
    _Atomic(uint32_t) id;                    /* by id */
    alignas(8) _Atomic(uint64_t) name[IDENTMAP_NONE_NAME / 8]; /* by name: its bytes, NULs behind them */
};

_Static_assert(sizeof(struct identmap_none) == 64, "a cache line");
_Static_assert(sizeof(struct identmap_head) == 96 && offsetof(struct identmap_head, now) == 88 &&
                   sizeof(struct identmap_record) == 12 && offsetof(struct identmap_none, name) == 16,
               "the same for 32-bit programs");

/* What time it is, for the records' times. */
static inline uint32_t
identmap_now(const void *map)
{
    const struct identmap_head *head = map;

    return atomic_load_explicit(&head->now, memory_order_relaxed);
}

/* Ids are the domain's own, chosen by its administrators: no key. */
static inline uint64_t
identmap_hash_id(uint32_t id)
{
    uint64_t x = id * 0x9e3779b97f4a7c15U;

    return x ^ x >> 32;
}

#endif
