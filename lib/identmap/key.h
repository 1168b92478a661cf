/* What reader and writer of an identity map both do with a key. */
#ifndef AUTHSOD_IDENTMAP_KEY_H
#define AUTHSOD_IDENTMAP_KEY_H

#include <string.h>

#include "lib/base/word.h"
#include "lib/identmap/reader.h"

#define IDENTMAP_TAG_BITS (32U - IDENTMAP_OFFSET_BITS)

/* The table that has such keys; IDENTMAP_TABLES if none has. */
static inline enum identmap_table
identmap_table_of(enum record_kind kind, enum proto_by by)
{
    if (by != PROTO_BY_NAME && by != PROTO_BY_ID)
        return IDENTMAP_TABLES;
    switch (kind) {
    case RECORD_PASSWD:
        return by == PROTO_BY_NAME ? IDENTMAP_PASSWD_NAME : IDENTMAP_PASSWD_UID;
    case RECORD_GROUP:
        return by == PROTO_BY_NAME ? IDENTMAP_GROUP_NAME : IDENTMAP_GROUP_GID;
    case RECORD_GROUPS:
        return by == PROTO_BY_NAME ? IDENTMAP_GROUPS_NAME : IDENTMAP_TABLES;
    default:
        return IDENTMAP_TABLES;
    }
}

static inline uint64_t
identmap_key_hash(const struct identmap_key *key)
{
    return key->by == PROTO_BY_NAME ? key->hash : identmap_hash_id(key->id);
}

/* The upper bits of a slot for it. */
static inline uint32_t
identmap_tag(uint64_t hash)
{
    return (uint32_t)hash << IDENTMAP_OFFSET_BITS;
}

/* The first slot of its set, in a table of `sets`, a power of two. */
static inline size_t
identmap_set(uint64_t hash, uint32_t sets)
{
    return (size_t)((hash >> IDENTMAP_TAG_BITS) & (sets - 1)) * IDENTMAP_WAYS;
}

/* The first none slot of key's set. */
static inline size_t
identmap_none_set(const struct identmap_key *key)
{
    uint64_t hash = identmap_key_hash(key) >> (8 * ((unsigned)key->kind & 3));

    return (size_t)(hash % (IDENTMAP_NONE_SLOTS / IDENTMAP_NONE_WAYS)) * IDENTMAP_NONE_WAYS;
}

static inline size_t
identmap_slot_offset(uint32_t slot)
{
    return (size_t)(slot & ((1U << IDENTMAP_OFFSET_BITS) - 1)) * IDENTMAP_UNIT;
}

/* The record is of key's kind, and of its name or id. */
static inline bool
identmap_is_of(const struct record *rec, const struct identmap_key *key)
{
    if (rec->kind != key->kind)
        return false;
    if (key->by == PROTO_BY_ID)
        return key->id == (key->kind == RECORD_GROUP ? rec->gid : rec->uid);
    return rec->name.len == key->len && word_equal(rec->name.s, key->name, key->len);
}

/* What a none slot says of key in `what`. */
static inline uint32_t
identmap_none_what(const struct identmap_key *key)
{
    return (uint32_t)key->kind << 24 | (uint32_t)key->by << 16 |
           (key->by == PROTO_BY_NAME ? (uint32_t)key->len : 0);
}

/* The words of a none slot's name, for a key by name of at most IDENTMAP_NONE_NAME bytes; all 0 by id. */
static inline void
identmap_none_name(const struct identmap_key *key, uint64_t words_out[static IDENTMAP_NONE_NAME / 8])
{
    memset(words_out, 0, IDENTMAP_NONE_NAME);
    if (key->by == PROTO_BY_NAME)
        memcpy(words_out, key->name, key->len);
}

#endif
