/*
 * Proof that somebody has the private key of a certificate: it signs a
 * challenge that nobody has signed before.
 *
 * What is signed is never the challenge alone, so that no other protocol's
 * message can be got from a card by way of it:
 *
 *   "authsod card proof 1" with its NUL, SHA-256 of the certificate, challenge
 *
 * with RSA PKCS #1 v1.5 or ECDSA, and SHA-256.  Functions of bytes alone: who
 * made the challenge verifies, and needs no card for that.
 */
#ifndef AUTHSOD_CARD_PROOF_H
#define AUTHSOD_CARD_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/card/certificate.h"

#define PROOF_CHALLENGE_BYTES 32
#define PROOF_HASH_BYTES 32
#define PROOF_DIGEST_INFO_BYTES (19 + PROOF_HASH_BYTES)
#define PROOF_SIGNATURE_MAX (CERTIFICATE_RSA_BITS_MAX / 8)

struct proof {
    uint8_t signature[PROOF_SIGNATURE_MAX]; /* RSA: as it is; ECDSA: DER of r and s */
    size_t len;
};

/* From OpenSSL's generator. False if that fails. */
bool proof_challenge(uint8_t challenge[static PROOF_CHALLENGE_BYTES]);

/* SHA-256 of what is signed; what ECDSA takes. False if libcrypto fails. */
bool proof_hash(const uint8_t certificate_hash[static CERTIFICATE_HASH_BYTES],
                const uint8_t challenge[static PROOF_CHALLENGE_BYTES], uint8_t hash[static PROOF_HASH_BYTES]);

/* The hash as a DigestInfo (RFC 8017 9.2): what CKM_RSA_PKCS pads and signs. */
void proof_digest_info(const uint8_t hash[static PROOF_HASH_BYTES], uint8_t info[static PROOF_DIGEST_INFO_BYTES]);

/* From r and s side by side, as PKCS#11 gives an ECDSA signature. False if it is none or libcrypto fails. */
bool proof_of_ecdsa(const uint8_t *rs, size_t len, struct proof *proof_out);

/* True if the key of that certificate (DER) signed the challenge. */
bool proof_verify(const uint8_t *der, size_t len, const uint8_t challenge[static PROOF_CHALLENGE_BYTES],
                  const struct proof *proof);

#endif
