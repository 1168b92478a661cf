/*
 * The list of local names, version 2: names and ids that are no domain's,
 * whatever `front` says: those of /etc/passwd, of /etc/group, and reserved_names.
 * keeper writes it, and a new file at each change; the NSS module reads it.
 *
 *     struct local_list_head, then four tables of `slots` each: u64 hashes of
 *     the users' names, of the groups' names; u32 uids, gids.  0 is empty.
 *     Open addressing from (hash mod slots), of an id's identmap_hash_id(), at
 *     most half full.  The id 0 is nobody's but root's, and hash 0 is kept as 1.
 *
 * Names are compared in lower case (ASCII) by their 64-bit hash alone: a name
 * that is on the list is always found; that another one is taken for it is a
 * matter of 2^-64 and costs that one its answer.
 */
#ifndef AUTHSOD_IDENTMAP_LOCAL_LIST_H
#define AUTHSOD_IDENTMAP_LOCAL_LIST_H

#include "lib/identmap/shared.h"

#define LOCAL_LIST_PATH AUTHSOD_RUNDIR "/local-names"
#define LOCAL_LIST_MAGIC "authslcl"
#define LOCAL_LIST_VERSION 2U

enum local_list_table { LOCAL_LIST_USERS, LOCAL_LIST_GROUPS, LOCAL_LIST_UIDS, LOCAL_LIST_GIDS, LOCAL_LIST_TABLES };

struct local_list_head {
    struct shared_head shared;
    struct {
        uint32_t offset;  /* a multiple of 8 */
        uint32_t slots;   /* a power of two */
        uint32_t highest; /* of ids: the highest in it */
        uint32_t unused;
    } tables[LOCAL_LIST_TABLES];
};

_Static_assert(sizeof(struct local_list_head) == 104, "the same for 32-bit programs");

/* True if the table of list (len bytes of shared_get()) has the hash or the id. A damaged list has every name, and every id up to its highest. */
bool local_list_has_name(const void *list, size_t len, enum local_list_table table, uint64_t hash);
bool local_list_has_id(const void *list, size_t len, enum local_list_table table, uint32_t id);

/* No id of the table is above it; UINT32_MAX if the list is damaged. */
uint32_t local_list_highest(const void *list, size_t len, enum local_list_table table);

/* The bytes of a list with so many entries in its tables (2^24 at most), a multiple of SHARED_UNIT. */
size_t local_list_size(const uint32_t n[static LOCAL_LIST_TABLES]);

/* Begins a list in data: local_list_size(n) bytes, all zero but for the struct shared_head. */
void local_list_begin(void *data, const uint32_t n[static LOCAL_LIST_TABLES]);

/* Adds one of the n. Hashes are by the head's key, of the name in lower case (local_list_fold). */
void local_list_add_name(void *data, enum local_list_table table, uint64_t hash);
void local_list_add_id(void *data, enum local_list_table table, uint32_t id);

/*
 * ASCII letters to lower case: len bytes of name to out.  It has room for the
 * next multiple of 8, and there are NULs behind the name: it is written by
 * words, as who hashes and compares it reads it.
 */
void local_list_fold(const char *name, size_t len, char *out);

#endif
