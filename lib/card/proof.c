#include "lib/card/proof.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

static const char context[] = "authsod card proof 1";

#define MESSAGE_BYTES (sizeof(context) + CERTIFICATE_HASH_BYTES + PROOF_CHALLENGE_BYTES)

static void
make_message(const uint8_t *certificate_hash, const uint8_t *challenge, uint8_t message[static MESSAGE_BYTES])
{
    memcpy(message, context, sizeof(context));
    memcpy(message + sizeof(context), certificate_hash, CERTIFICATE_HASH_BYTES);
    memcpy(message + sizeof(context) + CERTIFICATE_HASH_BYTES, challenge, PROOF_CHALLENGE_BYTES);
}

bool
proof_challenge(uint8_t challenge[static PROOF_CHALLENGE_BYTES])
{
    return RAND_bytes(challenge, PROOF_CHALLENGE_BYTES) == 1;
}

bool
proof_hash(const uint8_t certificate_hash[static CERTIFICATE_HASH_BYTES],
           const uint8_t challenge[static PROOF_CHALLENGE_BYTES], uint8_t hash[static PROOF_HASH_BYTES])
{
    uint8_t message[MESSAGE_BYTES];

    make_message(certificate_hash, challenge, message);
    return EVP_Digest(message, sizeof(message), hash, NULL, EVP_sha256(), NULL) == 1;
}

void
proof_digest_info(const uint8_t hash[static PROOF_HASH_BYTES], uint8_t info[static PROOF_DIGEST_INFO_BYTES])
{
    /* SEQUENCE { SEQUENCE { id-sha256, NULL }, OCTET STRING of 32 } */
    static const uint8_t sha256[PROOF_DIGEST_INFO_BYTES - PROOF_HASH_BYTES] = {
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
    };

    memcpy(info, sha256, sizeof(sha256));
    memcpy(info + sizeof(sha256), hash, PROOF_HASH_BYTES);
}

bool
proof_of_ecdsa(const uint8_t *rs, size_t len, struct proof *proof_out)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *s = NULL;
    uint8_t *end = proof_out->signature;
    bool good = false;
    int n;

    *proof_out = (struct proof){ .len = 0 };
    /* Both with some room for DER. */
    if (sig == NULL || len == 0 || len % 2 != 0 || len > sizeof(proof_out->signature) / 2)
        goto done;
    r = BN_bin2bn(rs, (int)(len / 2), NULL);
    s = BN_bin2bn(rs + len / 2, (int)(len / 2), NULL);
    if (r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1)
        goto done;
    r = NULL;
    s = NULL;
    n = i2d_ECDSA_SIG(sig, NULL);
    if (n <= 0 || (size_t)n > sizeof(proof_out->signature) || i2d_ECDSA_SIG(sig, &end) != n)
        goto done;
    proof_out->len = (size_t)n;
    good = true;

done:
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return good;
}

bool
proof_verify(const uint8_t *der, size_t len, const uint8_t challenge[static PROOF_CHALLENGE_BYTES],
             const struct proof *proof)
{
    uint8_t hash[CERTIFICATE_HASH_BYTES], message[MESSAGE_BYTES];
    const uint8_t *p = der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    X509 *x = NULL;
    EVP_PKEY *key;
    bool good = false;

    if (ctx == NULL || len > CERTIFICATE_MAX || proof->len == 0 || proof->len > sizeof(proof->signature) ||
        EVP_Digest(der, len, hash, NULL, EVP_sha256(), NULL) != 1)
        goto done;
    x = d2i_X509(NULL, &p, (long)len);
    key = x == NULL || p != der + len ? NULL : X509_get0_pubkey(x);
    /* What RSA-PSS, EdDSA and others mean by a signature is something else. */
    if (key == NULL || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")))
        goto done;
    make_message(hash, challenge, message);
    good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(ctx, proof->signature, proof->len, message, sizeof(message)) == 1;

done:
    X509_free(x);
    EVP_MD_CTX_free(ctx);
    return good;
}
