/*
 * Files that root places and every process maps read-only: the identity map,
 * and the list of local names.
 *
 * The reader's half works in other people's processes: libc only, no
 * allocation, no lock, no thread, no descriptor kept, and no system call while
 * the mapping that a process has is good.  A mapping is given up only when
 * nobody can be reading it; where that can't be known (a process that forked
 * while another of its threads was reading) it stays, as long as the process.
 *
 * What a file holds is believed by nobody: the map's writer is a process that
 * everyone can talk to.  Root makes the file, fully allocated, and no one else
 * can make it shorter, so reading inside the mapping is safe whatever is there.
 */
#ifndef AUTHSOD_IDENTMAP_SHARED_H
#define AUTHSOD_IDENTMAP_SHARED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"

#define SHARED_MAGIC_LEN 8
#define SHARED_UNIT 4096U    /* bytes: a file has a multiple of it */
#define SHARED_SIZE_MAX (1U << 30)
#define SHARED_LEASE_MS 5000 /* how long what is in a file may be believed after its writer was last seen alive */

/* Every process uses them on a mapping that it can't write, 32-bit ones too. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
               "atomics without a lock");

/* The beginning of each such file. Integers in the machine's own order. */
struct shared_head {
    char magic[SHARED_MAGIC_LEN];      /* which kind of file, no NUL */
    uint32_t version;                  /* of its format: another one is not read */
    _Atomic(uint32_t) superseded;      /* not 0: there is a newer file, or none at all */
    alignas(8) _Atomic(uint64_t) lease; /* shared_now() until which it may be believed: its writer renews it */
    uint8_t key[HASH_KEY_LEN];         /* of its hash_keyed() */
};

_Static_assert(offsetof(struct shared_head, lease) == 16 && sizeof(struct shared_head) == 40,
               "the same for 32-bit programs");

/*
 * Milliseconds of CLOCK_MONOTONIC_COARSE, up to 10 old: what a lookup has the
 * time for.  Time asleep does not count: nobody writes then, either.  The same
 * for all but who has a time namespace of his own.
 */
uint64_t shared_now(void);

/*
 * Writers.  shared_head_init writes the head of a new file, its lease run out,
 * the magic last.  shared_renew lets it be believed for SHARED_LEASE_MS more.
 */
void shared_head_init(void *data, const char magic[static SHARED_MAGIC_LEN], uint32_t version,
                      const uint8_t key[static HASH_KEY_LEN]);
void shared_renew(void *data, uint64_t now);
void shared_supersede(void *data);

/*
 * Readers.  A process has one struct shared_readers, static and zero, in which
 * those who are reading are counted, and a struct shared_place for each file.
 *
 *     unsigned r = shared_enter(&readers);
 *     const void *data = shared_get(&readers, &place, now, &len);
 *     ... read; copy; then, before what was copied is used: shared_is_good(data) ...
 *     shared_leave(&readers, r);
 *
 * Nothing that waits may happen between enter and leave.
 */
#define SHARED_STRIPES 32 /* so that threads do not write to the same cache line */

struct shared_stripe {
    alignas(64) _Atomic(uint32_t) readers;
};

struct shared_mapping; /* in a page of its own behind the file's last: see shared.c */

struct shared_readers {
    struct shared_stripe stripes[SHARED_STRIPES];
    alignas(64) _Atomic(struct shared_mapping *) retired; /* mappings that were replaced, and may be being read */
};

struct shared_place {
    const char *path;                  /* of the file, absolute */
    char magic[SHARED_MAGIC_LEN];
    uint32_t version;
    _Atomic(struct shared_mapping *) current;
};

/* Counts the calling thread among the readers; gives its stripe, for shared_leave. Never nested in one thread. */
unsigned shared_enter(struct shared_readers *readers);
void shared_leave(struct shared_readers *readers, unsigned stripe);

/*
 * The file's bytes, which can be read until shared_leave, and their number (a
 * struct shared_head at least); NULL where there is no file that may be
 * believed at `now`: none, of another magic or version, superseded, its lease
 * run out or further off than twice SHARED_LEASE_MS (`now` may be of a moment
 * before the lease was renewed), or not a regular file of root's that nobody
 * else can write.  Where the mapping that the process has is not
 * good the file is mapped anew.  errno is kept.
 */
const void *shared_get(struct shared_readers *readers, struct shared_place *place, uint64_t now, size_t *len_out);

/* Has not been superseded: what was copied out of it is whole. (A superseded file is emptied a minute later.) */
bool shared_is_good(const void *data);

#endif
