#include "lib/krb/reply_key.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/ber.h"
#include "lib/base/secret.h"
#include "lib/krb/edata.h"
#include "lib/ndr/credentials.h"

#define AS_REP 0x6b              /* [APPLICATION 11] */
#define CREDENTIAL_USAGE 16      /* KERB_NON_KERB_SALT, [MS-PAC] 2.6.1 */
#define FAST_REPLY_MAX 65536

static krb5_keyblock
keyblock(const struct krb_key *key)
{
    return (krb5_keyblock){ .magic = KV5M_KEYBLOCK, .enctype = key->enctype, .length = key->length,
                            .contents = (krb5_octet *)(uintptr_t)key->bytes };
}

static uint32_t
read_number(struct reader *r, uint8_t tag)
{
    struct reader inside = ber_enter(r, tag);
    uint32_t v = ber_uint(&inside, BER_INTEGER);

    if (!reader_done(&inside))
        reader_fail(r);
    return v;
}

static struct reader
read_octets(struct reader *r, uint8_t tag)
{
    struct reader inside = ber_enter(r, tag);
    struct reader octets = ber_enter(&inside, BER_OCTETS);

    if (!reader_done(&inside))
        reader_fail(r);
    return octets;
}

/* The inside of an EncryptedData (RFC 4120 5.2.9). */
static bool
read_encrypted(struct reader r, krb5_enc_data *out)
{
    struct reader cipher;

    memset(out, 0, sizeof(*out));
    out->enctype = (krb5_enctype)read_number(&r, BER_CONTEXT(0));
    if (ber_next_is(&r, BER_CONTEXT(1)))
        (void)read_number(&r, BER_CONTEXT(1)); /* kvno */
    cipher = read_octets(&r, BER_CONTEXT(2));
    if (!reader_done(&r) || cipher.len > FAST_REPLY_MAX)
        return false;
    out->ciphertext.data = (char *)(uintptr_t)cipher.data;
    out->ciphertext.length = (unsigned)cipher.len;
    return true;
}

bool
reply_key_find_fast(const void *as_rep, size_t len, krb5_enc_data *fast_out)
{
    struct reader r = reader_init(as_rep, len);
    struct reader application = ber_enter(&r, AS_REP), rep = ber_enter(&application, BER_SEQUENCE);
    struct reader padata, fast, armored, members, encrypted;

    (void)ber_enter(&rep, BER_CONTEXT(0)); /* pvno */
    (void)ber_enter(&rep, BER_CONTEXT(1)); /* msg-type */
    padata = ber_enter(&rep, BER_CONTEXT(2));
    if (!reader_done(&r) || padata.failed || !edata_fast(padata.data, padata.len, &fast))
        return false;
    armored = ber_enter(&fast, BER_CONTEXT(0));
    members = ber_enter(&armored, BER_SEQUENCE);
    encrypted = ber_enter(&members, BER_CONTEXT(0));
    return read_encrypted(ber_enter(&encrypted, BER_SEQUENCE), fast_out) && reader_done(&fast);
}

bool
reply_key_read_strengthen(const void *fast_response, size_t len, struct krb_key *key_out)
{
    struct reader r = reader_init(fast_response, len), response = ber_enter(&r, BER_SEQUENCE);
    struct reader tagged, members, value;
    krb5_keyblock key = { .magic = KV5M_KEYBLOCK };

    memset(key_out, 0, sizeof(*key_out));
    (void)ber_enter(&response, BER_CONTEXT(0)); /* padata */
    tagged = ber_enter(&response, BER_CONTEXT(1));
    members = ber_enter(&tagged, BER_SEQUENCE);
    key.enctype = (krb5_enctype)read_number(&members, BER_CONTEXT(0));
    value = read_octets(&members, BER_CONTEXT(1));
    if (response.failed || !reader_done(&members) || value.len > sizeof(key_out->bytes))
        return false;
    key.length = (unsigned)value.len;
    key.contents = (krb5_octet *)(uintptr_t)value.data;
    reply_key_set(key_out, &key);
    return key_out->enctype != 0;
}

/* Freed, and erased, by plain_done. */
static krb5_error_code
decrypt(krb5_context ctx, const struct krb_key *key, krb5_keyusage usage, const krb5_enc_data *in, krb5_data *plain_out)
{
    krb5_keyblock block = keyblock(key);
    krb5_error_code code;

    plain_out->length = in->ciphertext.length;
    plain_out->data = calloc(1, plain_out->length + 1);
    if (plain_out->data == NULL)
        return KRB5_CRYPTO_INTERNAL;
    code = krb5_c_decrypt(ctx, &block, usage, NULL, in, plain_out);
    return code == 0 && plain_out->length > in->ciphertext.length ? KRB5_CRYPTO_INTERNAL : code;
}

static void
plain_done(krb5_data *plain, size_t size)
{
    secret_erase(plain->data, plain->data == NULL ? 0 : size);
    free(plain->data);
}

/* The key with the KDC's share in it. */
static bool
strengthen(krb5_context ctx, const struct reply_key_note *note, const krb5_data *as_rep, struct krb_key *key_out)
{
    krb5_keyblock first, second = keyblock(&note->reply), *strong = NULL;
    krb5_enc_data fast;
    krb5_data plain = { 0 };
    struct krb_key share;
    bool ok;

    if (note->armor.enctype == 0 || !reply_key_find_fast(as_rep->data, as_rep->length, &fast))
        return false;
    ok = decrypt(ctx, &note->armor, KRB5_KEYUSAGE_FAST_REP, &fast, &plain) == 0 &&
         reply_key_read_strengthen(plain.data, plain.length, &share);
    plain_done(&plain, fast.ciphertext.length);
    if (!ok)
        return false;
    first = keyblock(&share);
    ok = krb5_c_fx_cf2_simple(ctx, &first, "strengthenkey", &second, "replykey", &strong) == 0;
    secret_erase(&share, sizeof(share));
    if (ok)
        reply_key_set(key_out, strong);
    krb5_free_keyblock(ctx, strong);
    return ok && key_out->enctype != 0;
}

void
reply_key_all(krb5_context ctx, const struct reply_key_note *note, const krb5_data *as_rep,
              struct krb_reply_keys *keys_out)
{
    memset(keys_out, 0, sizeof(*keys_out));
    if (note->reply.enctype == 0)
        return;
    keys_out->list[keys_out->n++] = note->reply;
    if (strengthen(ctx, note, as_rep, &keys_out->list[keys_out->n]))
        keys_out->n++;
}

static const char *
open_with(krb5_context ctx, const struct krb_key *key, const struct credential_info *info, uint8_t *nt_out,
          bool *opened_out)
{
    krb5_enc_data in = { .magic = KV5M_ENC_DATA, .enctype = (krb5_enctype)info->enctype };
    krb5_data plain = { 0 };
    const char *why = NULL;

    in.ciphertext.data = (char *)(uintptr_t)info->data;
    in.ciphertext.length = (unsigned)info->len;
    *opened_out = key->enctype == in.enctype && decrypt(ctx, key, CREDENTIAL_USAGE, &in, &plain) == 0;
    if (*opened_out)
        why = credential_data_nt_hash((const uint8_t *)plain.data, plain.length, nt_out);
    plain_done(&plain, in.ciphertext.length);
    return why;
}

const char *
krb_nt_hash(krb5_context ctx, const struct krb_reply_keys *keys, const void *bytes, size_t len,
            uint8_t nt_out[NT_HASH_BYTES])
{
    struct credential_info info;
    const char *why = len > KRB_CREDENTIAL_INFO_MAX ? "CREDENTIAL_INFO is too long"
                                                    : credential_info_read(reader_init(bytes, len), &info);
    bool opened = false;

    memset(nt_out, 0, NT_HASH_BYTES);
    if (why != NULL)
        return why;
    for (unsigned i = 0; i < keys->n && !opened; i++)
        why = open_with(ctx, &keys->list[i], &info, nt_out, &opened);
    if (opened)
        return why;
    return keys->n == 0 ? "libkrb5 gave no AS reply key: clpreauth_authsod.so does not load or does not fit"
                        : "CREDENTIAL_INFO is not under the AS reply key";
}
