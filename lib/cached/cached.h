/*
 * Which certificates on cards the domain has taken for which user: what lets
 * somebody log on with a card while no domain controller answers.
 *
 * A folder of the caller's own, which nobody else can write to; in it a file a
 * user, called by his SID.  Nothing in it is secret, and everything in it is
 * believed: a file counts only if it is a regular one of this process's user
 * (effective), that nobody else can write to, of the format below, whole.
 *
 *   "authsodc", u32 version (1), str SID, u32 n (1 to CACHED_CARDS_MAX),
 *   n times: u64 taken, u32 length, certificate (DER); each another one
 *   then SHA-256 of all that: a file that a crash has left half written is none
 *
 * (u32, u64 and str as in lib/base/buf.h.)  A file is replaced by rename, so it
 * is the old one or the new one; it is not synced: what a crash loses, the next
 * logon brings back, and what it loses of a forgetting could have been had by
 * not asking the domain.
 *
 * One process at a time writes there.  Which of a user's cards was taken last
 * their order says, not their times: the clock may have been set meanwhile.
 * How old is too old, and what comes of a time in the future, is the caller's.
 */
#ifndef AUTHSOD_CACHED_CACHED_H
#define AUTHSOD_CACHED_CACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/sid/sid.h"

#define CACHED_CARDS_MAX 4              /* of one user */
#define CACHED_CERTIFICATE_MAX 16384    /* bytes of DER; as CERTIFICATE_MAX of lib/card, which is not known here */
#define CACHED_USERS_MAX 1024           /* files in the folder; where there are more, the oldest go */
#define CACHED_HASH_BYTES 32

struct cached_card {
    int64_t taken;       /* when the domain last took it: seconds since 1970, 0 or more */
    const uint8_t *der;  /* the certificate; belongs to the cached_cards that it was read with */
    size_t der_len;      /* 1 to CACHED_CERTIFICATE_MAX */
};

struct cached_cards {
    uint32_t n;          /* 1 or more; the one that was taken last comes first */
    struct cached_card cards[CACHED_CARDS_MAX];
};

/*
 * What is known of a user, under mem; the caller frees with talloc.  NULL, with
 * errno: ENOENT (nothing), EBADMSG (damaged, of another format or owner, no
 * file, of somebody else's SID), ENOMEM, or what opening or reading gave.
 */
struct cached_cards *cached_read(int folder, TALLOC_CTX *mem, const struct sid *user);

/*
 * The domain has just taken this certificate for that user: it is the first
 * one from now on; of more than CACHED_CARDS_MAX the one that was taken
 * longest ago goes.  A file that is damaged is begun anew.  One that says so
 * already, less than an hour ago, is left as it is: no disk is kept awake by
 * screens that are unlocked.  False, with errno, if it could not be written
 * (EINVAL: no certificate can be as long as that, or now is before 1970): then
 * all is as it was.
 */
bool cached_take(int folder, const struct sid *user, const uint8_t *der, size_t len, int64_t now);

/*
 * The domain takes it no more: the certificate with that SHA-256 (NULL: all of
 * them) is forgotten.  Where there is no room for a file without it, or the
 * file is damaged, all of the user's are.  False, with errno, if something is
 * still there.
 */
bool cached_forget(int folder, const struct sid *user, const uint8_t hash[CACHED_HASH_BYTES]);

/*
 * Removes what is of no use any more: files that nothing was taken into since
 * `before` (seconds since 1970), damaged ones, and what a crash has left of one
 * that was being written.  Other names are left alone.  False, with errno, if
 * something could not be removed, or the folder not be read.
 */
bool cached_expire(int folder, int64_t before);

/* For tests and the fuzz target: a file's bytes, which are copied.  As cached_read, EBADMSG or ENOMEM. */
struct cached_cards *cached_parse(TALLOC_CTX *mem, const struct sid *user, const uint8_t *bytes, size_t len);

#endif
