/*
 * The persistent cache of identities: SQLite, WAL, keyed by SID.  What front
 * serves can be rebuilt from it at any time.  One process at a time has it
 * open.  A damaged file is set aside (renamed *.damaged; *.newer where a later
 * version of ours made it) and a new one begun; the log says so.  Lost with it
 * is, beside what can be learned again, which certificates people use.
 *
 * Strings are UTF-8; what is looked up is in lower case and compared byte by
 * byte.  No row ever holds an id below PROTO_ID_MIN.
 */
#ifndef AUTHSOD_STORE_STORE_H
#define AUTHSOD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/sid/sid.h"

#define STORE_FILE "store.db"

struct store;

struct store_user {
    struct sid sid;
    uint32_t uid;
    uint32_t gid;                 /* of the primary group */
    const char *name;             /* canonical, as NSS answers it: lower case, short or qualified */
    const char *account;          /* sAMAccountName, as the directory spells it */
    const char *upn;              /* lower case, "" if none */
    const char *full_name;
    int64_t refreshed;            /* when it was last learned, seconds since 1970 */
    uint32_t state;               /* STORE_STATE_ bits as last learned */
    int64_t state_learned;        /* 0: never */
    const uint32_t *gids;         /* memberships, primary left out; NULL and 0 if never learned */
    uint32_t n_gids;
    int64_t groups_learned;       /* 0: never */
    const uint32_t *resource_gids; /* of a user of another domain: memberships in groups of the computer's own */
    uint32_t n_resource_gids;
    int64_t resource_learned;     /* 0: never */
};

#define STORE_STATE_DISABLED 0x01U
#define STORE_STATE_LOCKED 0x02U
#define STORE_STATE_EXPIRED 0x04U
#define STORE_STATE_PASSWORD_EXPIRED 0x08U
#define STORE_STATE_MUST_CHANGE 0x10U
#define STORE_STATE_OUTSIDE_HOURS 0x20U
#define STORE_STATE_OTHER_WORKSTATION 0x40U

struct store_group {
    struct sid sid;
    uint32_t gid;
    const char *name;             /* canonical, lower case */
    int64_t refreshed;
    const char *const *members;   /* canonical names; NULL and 0 if never learned */
    uint32_t n_members;
    int64_t members_learned;      /* 0: never */
};

/* Opens or makes STORE_FILE in dir (0600). NULL only where not even a new one can be made, or another process has it
 * open (errno EBUSY); *why_out says why (under mem). */
struct store *store_open(TALLOC_CTX *mem, const char *dir, const char **why_out);

/* One that ends with the process, for a disk that is full or cannot be written. NULL: out of memory. */
struct store *store_open_memory(TALLOC_CTX *mem);

/* NULL is fine; so is freeing the talloc context. What was begun and not committed is forgotten. */
void store_close(struct store *s);

/*
 * Inserts or replaces by SID.  A row of another SID that has the same name or
 * id is removed: names and ids are unique.  What the argument says was never
 * learned keeps what the row has.  False if the store cannot be written
 * (logged once a minute) or the row is impossible: a name that is empty, an id
 * below PROTO_ID_MIN.
 */
bool store_put_user(struct store *s, const struct store_user *u);
bool store_put_group(struct store *s, const struct store_group *g);

/*
 * What is put or dropped between the two is one transaction: after any failure
 * in it store_commit takes all of it back and gives false.
 */
bool store_begin(struct store *s);
bool store_commit(struct store *s);

/* Each gives NULL where there is none. */
struct store_user *store_user_by_name(struct store *s, TALLOC_CTX *mem, const char *name); /* canonical, else a UPN that one user alone has */
struct store_user *store_user_by_sid(struct store *s, TALLOC_CTX *mem, const struct sid *sid);
struct store_group *store_group_by_name(struct store *s, TALLOC_CTX *mem, const char *name);
struct store_group *store_group_by_gid(struct store *s, TALLOC_CTX *mem, uint32_t gid);

void store_drop_user(struct store *s, const struct sid *sid);
void store_drop_group(struct store *s, const struct sid *sid);

/* Which certificate on a smart card somebody has logged on with last. */
#define STORE_HASH_BYTES 32
#define STORE_CARDS_MAX 64        /* rows; the oldest go */
#define STORE_ANYBODY UINT32_MAX
struct store_card {
    uint32_t uid;                 /* STORE_ANYBODY: whoever gave no name */
    uint8_t hash[STORE_HASH_BYTES]; /* SHA-256 of the certificate */
};

/*
 * Inserts or replaces by uid, as the newest.  False as store_put_user, and
 * without a word where the store is one of an earlier version that had no room
 * for the table: it has no card then.
 */
bool store_put_card(struct store *s, const struct store_card *c);
/* The newest first; gives how many. Rows that are malformed are left out. */
size_t store_cards(struct store *s, struct store_card cards_out[static STORE_CARDS_MAX]);

/* Forgets all users, groups and cards; facts and domains stay. */
bool store_clear(struct store *s);

/* Small facts that outlive a restart: "site", "dc", "domain_sid", "fast". value "" removes. */
bool store_put_fact(struct store *s, const char *key, const char *value);
char *store_fact(struct store *s, TALLOC_CTX *mem, const char *key);

/*
 * Known domains: name (DNS, lower case) and SID, for the id mapping.  Which
 * slice a domain gets depends on those before it, so they come back in the
 * order in which they first came, and none is ever forgotten: one whose name
 * a domain with another SID has taken over goes on under a unique name made
 * of its SID ("-sid-..."), with netbios "".
 */
bool store_put_domain(struct store *s, const char *dns, const char *netbios, const struct sid *sid);
typedef void store_domain_fn(void *arg, const char *dns, const char *netbios, const struct sid *sid);
/* fn must not call the store. */
void store_domains(struct store *s, store_domain_fn *fn, void *arg);

#endif
