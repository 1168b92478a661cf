/*
 * Writing an identity map: one process, one thread.  No allocation, no system
 * call.  The caller has the file's bytes mapped for reading and writing, sees
 * to the lease (shared.h), and makes a new map when this one is tight.
 */
#ifndef AUTHSOD_IDENTMAP_WRITER_H
#define AUTHSOD_IDENTMAP_WRITER_H

#include "lib/identmap/reader.h"

struct identmap_writer {
    uint8_t *data;
    size_t size;
    size_t used;                           /* where the next record goes */
    size_t dead;                           /* bytes of records that no slot names any more, about */
    uint32_t entries[IDENTMAP_TABLES];     /* slots in use */
};

struct identmap_times {
    uint32_t refresh, end;                 /* seconds of CLOCK_BOOTTIME */
};

/*
 * Begins a map in data, size bytes (a power of two from IDENTMAP_SIZE_MIN to
 * IDENTMAP_SIZE_MAX), all zero but for the struct shared_head of IDENTMAP_MAGIC
 * that root has written.  False: size is none of these.
 */
bool identmap_begin(struct identmap_writer *w, void *data, size_t size);

/* Renews the lease. now: seconds of CLOCK_BOOTTIME. */
void identmap_renew(struct identmap_writer *w, uint32_t now);

/*
 * Publishes a record: `body` is its encoding, `len` bytes, `rec` what record_get
 * made of it, safe.  It becomes the answer by name, by id or by both, as told
 * (GROUPS: by name).  Where the map has the same bytes already under one of
 * these keys only slots and times change.  Where a set is full the entry with
 * the nearest end gives way.  False: no room; what it would have replaced is
 * not answered any more.
 */
bool identmap_put(struct identmap_writer *w, const struct record *rec, const void *body, size_t len, bool by_name,
                  bool by_id, struct identmap_times times);

/* The map does not answer key any more. */
void identmap_remove(struct identmap_writer *w, const struct identmap_key *key);

/* There is no such entry, until end. Names longer than IDENTMAP_NONE_NAME are not kept. */
void identmap_put_none(struct identmap_writer *w, const struct identmap_key *key, uint32_t end);

/* Key is not stale before refresh: whoever reads it need not say so again. */
void identmap_defer(struct identmap_writer *w, const struct identmap_key *key, uint32_t refresh);

/* Forgets everything; the room of its records is not won back. */
void identmap_clear(struct identmap_writer *w);

/* True where a new map should be made soon: little room is left, or a table is more than half full. */
bool identmap_is_tight(const struct identmap_writer *w);

/* The size a new map should have, for what this one holds; IDENTMAP_SIZE_MAX at most. */
size_t identmap_next_size(const struct identmap_writer *w);

/*
 * Copies what is not past its end from `from` to `to`, part by part: begin with
 * *at = 0, true while there is more.  A part is `slots` slots.  What `to` has
 * already is newer, and stays.  Between the parts both may be changed, the same
 * change to both.
 */
bool identmap_copy(struct identmap_writer *to, const struct identmap_writer *from, uint32_t *at, uint32_t slots,
                   uint64_t now);

#endif
