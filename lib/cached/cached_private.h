/* What the parts of lib/cached/cached.h share. */
#ifndef AUTHSOD_CACHED_CACHED_PRIVATE_H
#define AUTHSOD_CACHED_CACHED_PRIVATE_H

#include "lib/cached/cached.h"

#define CACHED_MAGIC "authsodc"
#define CACHED_MAGIC_BYTES 8
#define CACHED_VERSION 1
/* A file's bytes: magic, version, SID, n, certificates, hash. */
#define CACHED_FILE_MAX \
    (CACHED_MAGIC_BYTES + 4 + 4 + SID_TEXT_MAX + 4 + CACHED_CARDS_MAX * (8 + 4 + CACHED_CERTIFICATE_MAX) + \
     CACHED_HASH_BYTES)

/*
 * The bytes of a file of that name, of the kind that counts, under mem.  NULL,
 * with errno: as cached_read.
 */
uint8_t *cached_load(int folder, TALLOC_CTX *mem, const char *name, size_t *len_out);

/* Puts a new file in the place of that name.  False, with errno: then all is as it was. */
bool cached_replace(int folder, const char *name, const uint8_t *bytes, size_t len);

/* Is it the name that cached_replace gives a file that is being written? */
bool cached_is_unfinished(const char *name);

/* Of more than CACHED_USERS_MAX files removes the oldest, but never that user's.  What cannot be removed stays. */
void cached_trim(int folder, const struct sid *user);

#endif
