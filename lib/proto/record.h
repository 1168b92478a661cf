/*
 * The records that NSS asks for, in the one encoding that the socket and the
 * identity map share (after the packet's head, or at a map's offset):
 *
 *   PASSWD  u8 1, u32 uid, u32 gid, u16 lengths of name, gecos, home and shell, then these, each with a NUL
 *   GROUP   u8 2, u32 gid, u32 n, str name, n u16 lengths of members, then the members, each with a NUL
 *   GROUPS  u8 3, u32 uid, u32 gid (primary), u32 n, n u32 gids, str name   (initgroups)
 *
 * Decoding allocates nothing: strings are aliases into the encoded bytes, not
 * terminated.  Who reads bytes that somebody may be changing meanwhile (a map)
 * copies what he needs, and then checks the copy.
 */
#ifndef AUTHSOD_PROTO_RECORD_H
#define AUTHSOD_PROTO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/proto/proto.h"

enum record_kind { RECORD_PASSWD = 1, RECORD_GROUP = 2, RECORD_GROUPS = 3 };

struct record_str {
    const char *s;
    size_t len;
};

struct record {
    enum record_kind kind;
    uint32_t uid;               /* PASSWD, GROUPS */
    uint32_t gid;               /* all */
    struct record_str name;     /* PASSWD: gecos, home and shell stand behind it, each with its NUL */
    struct record_str gecos;    /* PASSWD */
    struct record_str home;     /* PASSWD */
    struct record_str shell;    /* PASSWD */
    uint32_t n;                 /* members of GROUP, gids of GROUPS */
    const uint8_t *list;        /* the n gids of GROUPS, see record_gid; the n lengths of GROUP, see record_members */
    const char *members;        /* GROUP: the n names, each with its NUL, one behind the other */
    size_t members_len;         /* bytes of them all */
};

/* Writes a record; members: n terminated strings; gids: n ids. */
void record_put_passwd(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const char *gecos,
                       const char *home, const char *shell);
void record_put_group(struct writer *w, uint32_t gid, const char *name, const char *const *members, uint32_t n);
void record_put_groups(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const uint32_t *gids,
                       uint32_t n);

/*
 * Reads the rest of r as one record: everything is where it says.  False if
 * malformed.  What is in the strings record_head_is_safe looks at, and
 * record_members at members.
 */
bool record_get(struct reader *r, struct record *rec_out);

/* A u32 of a record. */
static inline uint32_t
record_u32(const uint8_t p[static 4])
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The i-th gid of a GROUPS record, below n. */
static inline uint32_t
record_gid(const struct record *rec, uint32_t i)
{
    return record_u32(rec->list + 4 * (size_t)i);
}

/*
 * Checks the members of a GROUP record in copy, which is rec->members or
 * members_len bytes that were copied from there: exactly n names that may be
 * believed.  Where members_out is not NULL it is given the n pointers into copy.
 */
bool record_members(const struct record *rec, char *copy, char **members_out);

/* True for what may be a uid or gid of the domain: neither below PROTO_ID_MIN nor UINT32_MAX, "no id". */
static inline bool
record_id_is_safe(uint32_t id)
{
    return id >= PROTO_ID_MIN && id != UINT32_MAX;
}

/*
 * record_is_safe but for the list: gids and members.  plain: its strings are
 * where text_copy has put them, and it said true; each ends at its first NUL.
 */
bool record_head_is_safe(const struct record *rec, bool plain);

/*
 * True for a record that may be believed: every string what text.h allows in
 * its place, home and shell absolute or empty, and no uid or gid below
 * PROTO_ID_MIN or UINT32_MAX ("no id") anywhere.  `front` checks what it sends,
 * the modules check what they get.
 */
bool record_is_safe(const struct record *rec);

#endif
