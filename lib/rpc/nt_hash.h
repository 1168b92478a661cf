/*
 * The NT hash of a password ([MS-NLMP] 3.3.1, NTOWFv1): MD4 of its UTF-16LE.
 *
 * MD4 (RFC 1320) is our own: OpenSSL 3 has it in the legacy provider alone,
 * which other distributions package apart or leave out, and which would be a
 * file to load in a sandboxed process.  So nothing switches weak cryptography
 * on, for us or for a library beside us.
 */
#ifndef AUTHSOD_RPC_NT_HASH_H
#define AUTHSOD_RPC_NT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NT_HASH_BYTES 16
#define NT_HASH_PASSWORD_MAX 1024 /* bytes of UTF-8, more than any domain takes */

void md4(const uint8_t *p, size_t n, uint8_t digest[static NT_HASH_BYTES]);

/* False, and zeros, if the password is not UTF-8 or too long. The caller erases the hash; whatever else was made of the
 * password is erased here. */
bool nt_hash(const char *password, uint8_t hash[static NT_HASH_BYTES]);

#endif
