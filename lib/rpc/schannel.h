/*
 * The Netlogon security support provider ([MS-NRPC] 3.3): authentication type
 * 68 at level privacy, with AES-128-CFB8 and HMAC-SHA256 and nothing else.
 * One for each connection, since it counts messages.
 */
#ifndef AUTHSOD_RPC_SCHANNEL_H
#define AUTHSOD_RPC_SCHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/rpc/netlogon_crypt.h"

#define SCHANNEL_AUTH_TYPE 68
#define SCHANNEL_AUTH_LEVEL 6         /* privacy */
#define SCHANNEL_SIGNATURE_BYTES 56   /* NL_AUTH_SHA2_SIGNATURE */
#define SCHANNEL_CONFOUNDER_BYTES 8
#define SCHANNEL_TOKEN_MAX 512        /* bytes of NL_AUTH_MESSAGE */

struct schannel;

/*
 * A copy of the key is kept in memory of lib/base/secret.h and erased by
 * talloc_free.  initiator: the client's side; the other one is there for the
 * tests.  NULL without memory.
 */
struct schannel *schannel_new(TALLOC_CTX *mem, const uint8_t key[static NETLOGON_KEY_BYTES], bool initiator);

/*
 * NL_AUTH_MESSAGE ([MS-NRPC] 2.2.1.3.1) for the bind: the NetBIOS names of
 * domain and computer, in ASCII.  A domain whose NetBIOS name is not ASCII is
 * named by domain_dns.  Gives the bytes written to token (SCHANNEL_TOKEN_MAX
 * at most); 0 if names are too long or not ASCII.
 */
size_t schannel_token(const char *domain_netbios, const char *domain_dns, const char *computer, uint8_t *token,
                      size_t size);

/* True if the token of a bind_ack is the positive answer. */
bool schannel_token_is_answer(const uint8_t *token, size_t len);

/* A fragment: what is signed and sealed, between what is only signed (both 0 bytes where headers are not signed). */
struct schannel_message {
    struct crypt_part before;
    uint8_t *data;          /* sealed in place */
    size_t len;
    struct crypt_part after;
};

/* Seals, and writes the signature. False where the cryptographic library fails. */
bool schannel_seal(struct schannel *s, const struct schannel_message *m,
                   uint8_t signature[static SCHANNEL_SIGNATURE_BYTES]);

/* The same, with this confounder in place of a random one: for published vectors. */
bool schannel_seal_with(struct schannel *s, const struct schannel_message *m,
                        const uint8_t confounder[static SCHANNEL_CONFOUNDER_BYTES],
                        uint8_t signature[static SCHANNEL_SIGNATURE_BYTES]);

/*
 * Unseals in place.  False for anything that the peer did not seal as its next
 * message: another algorithm, sequence number or checksum.  The data is to be
 * thrown away then, and the connection with it.
 */
bool schannel_unseal(struct schannel *s, const struct schannel_message *m, const uint8_t *signature,
                     size_t signature_len);

#endif
