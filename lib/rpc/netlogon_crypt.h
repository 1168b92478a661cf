/*
 * What the Netlogon protocol computes where AES was negotiated ([MS-NRPC]
 * 3.1.4.3.1, 3.1.4.4.1, 3.1.4.5).  All false where the cryptographic library
 * fails; outputs are not to be used then.
 */
#ifndef AUTHSOD_RPC_NETLOGON_CRYPT_H
#define AUTHSOD_RPC_NETLOGON_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLOGON_KEY_BYTES 16
#define NETLOGON_CREDENTIAL_BYTES 8
#define HMAC_SHA256_BYTES 32

/* Parts of a message, in order. */
struct crypt_part {
    const uint8_t *data;
    size_t len;
};

bool crypt_hmac_sha256(const uint8_t key[static NETLOGON_KEY_BYTES], const struct crypt_part *parts, size_t n_parts,
                       uint8_t mac[static HMAC_SHA256_BYTES]);

/*
 * AES-128 in 8-bit cipher feedback mode, in place.  first and then data are
 * one stream; first NULL and first_len 0 for data alone.  iv NULL: zeros.
 */
struct crypt_stream {
    uint8_t *first;
    size_t first_len;
    uint8_t *data;
    size_t len;
};
bool crypt_aes_cfb8(const uint8_t key[static NETLOGON_KEY_BYTES], const uint8_t *iv, const struct crypt_stream *stream,
                    bool encrypt);

/* The session key of two challenges and the account's NT hash, 3.1.4.3.1. */
bool netlogon_session_key(const uint8_t nt_hash[static 16],
                          const uint8_t client_challenge[static NETLOGON_CREDENTIAL_BYTES],
                          const uint8_t server_challenge[static NETLOGON_CREDENTIAL_BYTES],
                          uint8_t key_out[static NETLOGON_KEY_BYTES]);

/* ComputeNetlogonCredential, 3.1.4.4.1. */
bool netlogon_credential(const uint8_t key[static NETLOGON_KEY_BYTES],
                         const uint8_t in[static NETLOGON_CREDENTIAL_BYTES],
                         uint8_t out[static NETLOGON_CREDENTIAL_BYTES]);

/*
 * The chain of authenticators, 3.1.4.5: stored is what both sides keep.  next:
 * moves it on by the time and gives the authenticator's credential.  check:
 * true if the server's is the one that follows, and moves on by one.
 */
struct netlogon_chain {
    uint8_t stored[NETLOGON_CREDENTIAL_BYTES];
};
bool netlogon_chain_next(struct netlogon_chain *chain, const uint8_t key[static NETLOGON_KEY_BYTES], uint32_t timestamp,
                         uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES]);
bool netlogon_chain_check(struct netlogon_chain *chain, const uint8_t key[static NETLOGON_KEY_BYTES],
                          const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES]);

#endif
