#include "lib/rpc/netlogon_crypt.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"

bool
crypt_hmac_sha256(const uint8_t key[static NETLOGON_KEY_BYTES], const struct crypt_part *parts, size_t n_parts,
                  uint8_t mac[static HMAC_SHA256_BYTES])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                  OSSL_PARAM_construct_end() };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    size_t len = 0;
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key, NETLOGON_KEY_BYTES, params) == 1;

    for (size_t i = 0; ok && i < n_parts; i++)
        ok = parts[i].len == 0 || EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_MAC_final(ctx, mac, &len, HMAC_SHA256_BYTES) == 1 && len == HMAC_SHA256_BYTES;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac);
    return ok;
}

static bool
update(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len)
{
    int n = 0;

    if (len > INT_MAX)
        return false;
    return len == 0 || (EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 && n == (int)len);
}

bool
crypt_aes_cfb8(const uint8_t key[static NETLOGON_KEY_BYTES], const uint8_t *iv, const struct crypt_stream *stream,
               bool encrypt)
{
    static const uint8_t zeros[16];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL &&
              EVP_CipherInit_ex2(ctx, EVP_aes_128_cfb8(), key, iv == NULL ? zeros : iv, encrypt ? 1 : 0, NULL) == 1 &&
              update(ctx, stream->first, stream->first_len) && update(ctx, stream->data, stream->len);

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool
netlogon_session_key(const uint8_t nt_hash[static 16], const uint8_t client_challenge[static NETLOGON_CREDENTIAL_BYTES],
                     const uint8_t server_challenge[static NETLOGON_CREDENTIAL_BYTES],
                     uint8_t key_out[static NETLOGON_KEY_BYTES])
{
    const struct crypt_part parts[] = { { client_challenge, NETLOGON_CREDENTIAL_BYTES },
                                        { server_challenge, NETLOGON_CREDENTIAL_BYTES } };
    uint8_t mac[HMAC_SHA256_BYTES] = { 0 };
    bool ok = crypt_hmac_sha256(nt_hash, parts, 2, mac);

    memcpy(key_out, mac, NETLOGON_KEY_BYTES);
    secret_erase(mac, sizeof(mac));
    return ok;
}

bool
netlogon_credential(const uint8_t key[static NETLOGON_KEY_BYTES], const uint8_t in[static NETLOGON_CREDENTIAL_BYTES],
                    uint8_t out[static NETLOGON_CREDENTIAL_BYTES])
{
    const struct crypt_stream stream = { .data = out, .len = NETLOGON_CREDENTIAL_BYTES };

    memmove(out, in, NETLOGON_CREDENTIAL_BYTES);
    return crypt_aes_cfb8(key, NULL, &stream, true);
}

/* Its first four bytes are a number. */
static void
add(struct netlogon_chain *chain, uint32_t n)
{
    struct reader r = reader_init(chain->stored, sizeof(uint32_t));
    struct writer w = writer_init(chain->stored, sizeof(uint32_t));

    writer_u32(&w, reader_u32(&r) + n);
}

bool
netlogon_chain_next(struct netlogon_chain *chain, const uint8_t key[static NETLOGON_KEY_BYTES], uint32_t timestamp,
                    uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES])
{
    add(chain, timestamp);
    return netlogon_credential(key, chain->stored, credential_out);
}

bool
netlogon_chain_check(struct netlogon_chain *chain, const uint8_t key[static NETLOGON_KEY_BYTES],
                     const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES])
{
    uint8_t expected[NETLOGON_CREDENTIAL_BYTES];

    add(chain, 1);
    return netlogon_credential(key, chain->stored, expected) &&
           CRYPTO_memcmp(expected, credential, sizeof(expected)) == 0;
}
