/*
 * The records that NSS asks for, in the one encoding that the socket and the
 * identity map share (after the packet's head, or at a map's offset):
 *
 *   PASSWD  u8 1, u32 uid, u32 gid, str name, str gecos, str home, str shell
 *   GROUP   u8 2, u32 gid, u32 n, str name, n str members
 *   GROUPS  u8 3, u32 uid, u32 gid (primary), u32 n, n u32 gids, str name   (initgroups)
 *
 * Decoding allocates nothing: strings are aliases into the encoded bytes, not
 * terminated.
 */
#ifndef AUTHSOD_PROTO_RECORD_H
#define AUTHSOD_PROTO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

enum record_kind { RECORD_PASSWD = 1, RECORD_GROUP = 2, RECORD_GROUPS = 3 };

struct record_str {
    const char *s;
    size_t len;
};

struct record {
    enum record_kind kind;
    uint32_t uid;               /* PASSWD, GROUPS */
    uint32_t gid;               /* all */
    struct record_str name;
    struct record_str gecos;    /* PASSWD */
    struct record_str home;     /* PASSWD */
    struct record_str shell;    /* PASSWD */
    uint32_t n;                 /* members of GROUP, gids of GROUPS */
    struct reader list;         /* stands at the first of the n: reader_str or reader_u32 */
    size_t list_strings;        /* bytes of all members together, without NULs */
};

/* Writes a record; members: n terminated strings; gids: n ids. */
void record_put_passwd(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const char *gecos,
                       const char *home, const char *shell);
void record_put_group(struct writer *w, uint32_t gid, const char *name, const char *const *members, uint32_t n);
void record_put_groups(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const uint32_t *gids,
                       uint32_t n);

/* Reads the rest of r as one record, checks all of it, list elements too. False if malformed. */
bool record_get(struct reader *r, struct record *rec_out);

/*
 * True for a record that may be believed: every string what text.h allows in
 * its place, home and shell absolute or empty, and no uid or gid below
 * PROTO_ID_MIN or UINT32_MAX ("no id") anywhere.  `front` checks what it sends,
 * the modules check what they get.
 */
bool record_is_safe(const struct record *rec);

#endif
