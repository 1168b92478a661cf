#include "daemon/password_key.h"

#include <dlfcn.h>
#include <krb5/krb5.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"

#define NAME "krb5_c_string_to_key_with_params"
#define ROUNDS 4096
#define KEY_MAX 32    /* bytes; a shorter key is made of the first of them */
#define BLOCK 16      /* of AES */
#define INPUT_MAX 4096

typedef krb5_error_code string_to_key_fn(krb5_context, krb5_enctype, const krb5_data *, const krb5_data *,
                                         const krb5_data *, krb5_keyblock *);

/*
 * What was made ahead, with a copy of all that it was made of: whatever becomes
 * of the caller's, this is never another password's.  One logon at a time is
 * made in a process.
 */
static struct made {
    char password[SECRET_MAX];
    char salt[512];
    uint8_t rounds[KEY_MAX];
    bool used;
} *ahead; /* secret memory; NULL: nothing was made */

static bool
make_rounds(const char *password, size_t n_password, const char *salt, size_t n_salt, size_t n, uint8_t *out)
{
    return PKCS5_PBKDF2_HMAC(password, (int)n_password, (const unsigned char *)salt, (int)n_salt, ROUNDS, EVP_sha1(),
                             (int)n, out) == 1;
}

void
password_key_ahead(const char *password, const char *realm, const char *account)
{
    size_t n_password = strlen(password), n_realm = strlen(realm), n_account = strlen(account);

    (void)password_key_forget();
    if (n_password >= sizeof(ahead->password) || n_realm + n_account >= sizeof(ahead->salt))
        return;
    ahead = secret_new(sizeof(*ahead));
    if (ahead == NULL)
        return;
    memcpy(ahead->password, password, n_password + 1);
    memcpy(ahead->salt, realm, n_realm);
    memcpy(ahead->salt + n_realm, account, n_account + 1);
    if (!make_rounds(ahead->password, n_password, ahead->salt, n_realm + n_account, KEY_MAX, ahead->rounds))
        (void)password_key_forget();
}

bool
password_key_forget(void)
{
    bool used = ahead != NULL && ahead->used;

    secret_free(ahead, sizeof(*ahead));
    ahead = NULL;
    return used;
}

static bool
is_same(const krb5_data *data, const char *text)
{
    return data->length == strlen(text) && CRYPTO_memcmp(data->data, text, data->length) == 0;
}

/* PBKDF2, or what was made of the same before. */
static bool
find_rounds(const krb5_data *string, const krb5_data *salt, size_t n, uint8_t *out)
{
    if (ahead != NULL && is_same(string, ahead->password) && is_same(salt, ahead->salt)) {
        ahead->used = true;
        memcpy(out, ahead->rounds, n);
        return true;
    }
    return make_rounds(string->data, string->length, salt->data, salt->length, n, out);
}

/* DK(rounds, "kerberos"), RFC 3961 5.1: the constant, folded to a block, is encrypted over and over. */
static bool
derive(const uint8_t *rounds, size_t n, uint8_t *key)
{
    static const uint8_t folded[BLOCK] = { 'k', 'e', 'r', 'b', 'e', 'r', 'o', 's',
                                           0x7b, 0x9b, 0x5b, 0x2b, 0x93, 0x13, 0x2b, 0x93 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const uint8_t *from = folded;
    bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, n == KEY_MAX ? EVP_aes_256_ecb() : EVP_aes_128_ecb(), NULL, rounds,
                                                NULL) == 1;

    for (size_t i = 0; ok && i < n; i += BLOCK) {
        int made = 0;

        ok = EVP_EncryptUpdate(ctx, key + i, &made, from, BLOCK) == 1 && made == BLOCK;
        from = key + i;
    }
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* Bytes of a key that is made here; 0: libk5crypto makes it. */
static size_t
key_size(krb5_enctype enctype, const krb5_data *string, const krb5_data *salt, const krb5_data *params)
{
    static const uint8_t rounds[] = { 0, 0, ROUNDS >> 8, ROUNDS & 0xff };

    if (string == NULL || salt == NULL || string->length > INPUT_MAX || salt->length > INPUT_MAX)
        return 0;
    if (params != NULL && params->data != NULL &&
        (params->length != sizeof(rounds) || memcmp(params->data, rounds, sizeof(rounds)) != 0))
        return 0;
    return enctype == ENCTYPE_AES256_CTS_HMAC_SHA1_96 ? 32 : enctype == ENCTYPE_AES128_CTS_HMAC_SHA1_96 ? 16 : 0;
}

/* libk5crypto's own, which stands behind ours. */
static krb5_error_code
ask_library(krb5_context ctx, krb5_enctype enctype, const krb5_data *string, const krb5_data *salt,
            const krb5_data *params, krb5_keyblock *key)
{
    void *found = dlsym(RTLD_NEXT, NAME);
    string_to_key_fn *fn = NULL;

    memcpy(&fn, &found, sizeof(fn));
    return fn == NULL ? KRB5_CRYPTO_INTERNAL : fn(ctx, enctype, string, salt, params, key);
}

__attribute__((visibility("default"))) krb5_error_code KRB5_CALLCONV
krb5_c_string_to_key_with_params(krb5_context ctx, krb5_enctype enctype, const krb5_data *string,
                                 const krb5_data *salt, const krb5_data *params, krb5_keyblock *key)
{
    size_t n = key_size(enctype, string, salt, params);
    uint8_t rounds[KEY_MAX];
    krb5_keyblock made = { .magic = KV5M_KEYBLOCK, .enctype = enctype, .length = (unsigned)n };
    bool ok = false;

    if (n > 0)
        made.contents = malloc(n);
    if (made.contents != NULL)
        ok = find_rounds(string, salt, n, rounds) && derive(rounds, n, made.contents);
    secret_erase(rounds, sizeof(rounds));
    if (ok) {
        *key = made;
        return 0;
    }
    krb5_free_keyblock_contents(ctx, &made);
    return ask_library(ctx, enctype, string, salt, params, key);
}
