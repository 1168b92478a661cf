#include "tests/unit/certificate_builder.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define YEAR (365 * 86400)

static void
require(int good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "certificate_builder: %s\n", what);
        abort();
    }
}

struct certificate_spec
built_alice_certificate(EVP_PKEY *key)
{
    return (struct certificate_spec){
        .key = key,
        .name = "Alice Liddell",
        .basic = "CA:FALSE",
        .usage = "digitalSignature,keyEncipherment",
        .extended = "msSmartcardLogin,clientAuth",
        .alternative = BUILT_UPN("alice@corp.test"),
    };
}

static void
add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    require(extension != NULL && X509_add_ext(x, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static X509_EXTENSION *
raw_extension(int nid, const uint8_t *raw, size_t len, bool critical)
{
    ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    require(ASN1_OCTET_STRING_set(bytes, raw, (int)len) == 1, "bytes");
    extension = X509_EXTENSION_create_by_NID(NULL, nid, critical, bytes);
    require(extension != NULL, "raw extension");
    ASN1_OCTET_STRING_free(bytes);
    return extension;
}

/* Any bytes that are the key's own do. */
static ASN1_OCTET_STRING *
key_id(const EVP_PKEY *key)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    uint8_t *der = NULL, hash[32];
    int n = i2d_PUBKEY(key, &der);

    require(n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1 &&
                ASN1_OCTET_STRING_set(id, hash, 20) == 1, "key identifier");
    OPENSSL_free(der);
    return id;
}

static void
add_key_ids(X509 *x, const EVP_PKEY *key, const EVP_PKEY *issuer)
{
    ASN1_OCTET_STRING *own = key_id(key);
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();

    authority->keyid = key_id(issuer);
    require(X509_add1_ext_i2d(x, NID_subject_key_identifier, own, 0, 0) == 1 &&
                X509_add1_ext_i2d(x, NID_authority_key_identifier, authority, 0, 0) == 1, "key identifiers");
    AUTHORITY_KEYID_free(authority);
    ASN1_OCTET_STRING_free(own);
}

static X509_NAME *
make_name(const char *common)
{
    X509_NAME *name = X509_NAME_new();

    require(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"corp", -1, -1, 0) == 1, "O");
    if (common != NULL)
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common, -1, -1, 0) == 1, "CN");
    return name;
}

static EVP_MD_CTX *
signer(EVP_PKEY *key, const char *digest, bool pss)
{
    const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_get_digestbyname(digest != NULL ? digest : "SHA256");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context;

    require(EVP_DigestSignInit(context, &key_context, md, NULL, key) == 1, "signer");
    if (pss)
        require(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1, "PSS");
    return context;
}

static void
fill_certificate(X509 *x, const struct certificate_spec *spec, const EVP_PKEY *issuer_key)
{
    X509_NAME *name = make_name(spec->name), *issuer = make_name(spec->issuer != NULL ? spec->issuer->name : NULL);
    X509_EXTENSION *raw;

    require(X509_set_version(x, X509_VERSION_3) == 1, "X509_new");
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), spec->serial != 0 ? (long)spec->serial : 17);
    require(X509_set_issuer_name(x, issuer) == 1, "issuer");
    require(X509_set_subject_name(x, name) == 1, "subject");
    (void)ASN1_TIME_set(X509_getm_notBefore(x), spec->not_before != 0 ? spec->not_before : BUILT_NOW - YEAR);
    (void)ASN1_TIME_set(X509_getm_notAfter(x), spec->not_after != 0 ? spec->not_after : BUILT_NOW + YEAR);
    require(X509_set_pubkey(x, spec->key) == 1, "key");
    add_extension(x, NID_basic_constraints, spec->basic);
    add_extension(x, NID_key_usage, spec->usage);
    add_extension(x, NID_ext_key_usage, spec->extended);
    add_extension(x, NID_subject_alt_name, spec->alternative);
    add_extension(x, NID_name_constraints, spec->constraints);
    add_extension(x, NID_policy_constraints, spec->policies);
    if (spec->key_ids)
        add_key_ids(x, spec->key, issuer_key);
    if (spec->raw_nid != 0) {
        raw = raw_extension(spec->raw_nid, spec->raw, spec->raw_len, spec->raw_critical);
        require(X509_add_ext(x, raw, -1) == 1, "raw extension");
        X509_EXTENSION_free(raw);
    }
    X509_NAME_free(name);
    X509_NAME_free(issuer);
}

size_t
build_certificate(const struct certificate_spec *spec, uint8_t der[static BUILT_CERTIFICATE_MAX])
{
    EVP_PKEY *issuer_key = spec->issuer != NULL ? spec->issuer->key : spec->key;
    EVP_MD_CTX *context = signer(issuer_key, spec->digest, spec->pss);
    X509 *x = X509_new();
    uint8_t *end = der;
    int n;

    require(x != NULL, "X509_new");
    fill_certificate(x, spec, issuer_key);
    require(X509_sign_ctx(x, context) > 0, "sign");
    n = i2d_X509(x, NULL);
    require(n > 0 && n <= BUILT_CERTIFICATE_MAX && i2d_X509(x, &end) == n, "DER");
    EVP_MD_CTX_free(context);
    X509_free(x);
    return (size_t)n;
}

static void
revoke(X509_CRL *crl, unsigned serial, int64_t when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *date = ASN1_TIME_set(NULL, when);

    require(ASN1_INTEGER_set(number, (long)serial) == 1 && X509_REVOKED_set_serialNumber(entry, number) == 1 &&
                X509_REVOKED_set_revocationDate(entry, date) == 1 && X509_CRL_add0_revoked(crl, entry) == 1, "revoke");
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(date);
}

static void
fill_crl(X509_CRL *crl, const struct crl_spec *spec)
{
    int64_t last = spec->last_update != 0 ? spec->last_update : BUILT_NOW - 86400;
    ASN1_TIME *from = ASN1_TIME_set(NULL, last);
    ASN1_TIME *to = ASN1_TIME_set(NULL, spec->next_update != 0 ? spec->next_update : BUILT_NOW + 86400);
    X509_NAME *name = make_name(spec->issuer->name);
    ASN1_INTEGER *base = ASN1_INTEGER_new();
    X509_EXTENSION *raw;

    require(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 && X509_CRL_set_issuer_name(crl, name) == 1 &&
                X509_CRL_set1_lastUpdate(crl, from) == 1, "CRL");
    if (spec->next_update != -1)
        require(X509_CRL_set1_nextUpdate(crl, to) == 1, "nextUpdate");
    for (const unsigned *serial = spec->revoked; serial != NULL && *serial != 0; serial++)
        revoke(crl, *serial, last);
    require(ASN1_INTEGER_set(base, 1) == 1, "number");
    if (spec->delta)
        require(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0) == 1, "delta");
    if (spec->raw_nid != 0) {
        raw = raw_extension(spec->raw_nid, spec->raw, spec->raw_len, true);
        require(X509_CRL_add_ext(crl, raw, -1) == 1, "raw extension");
        X509_EXTENSION_free(raw);
    }
    ASN1_INTEGER_free(base);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_NAME_free(name);
}

size_t
build_crl(const struct crl_spec *spec, uint8_t der[static BUILT_CERTIFICATE_MAX])
{
    EVP_MD_CTX *context = signer(spec->key != NULL ? spec->key : spec->issuer->key, spec->digest, spec->pss);
    X509_CRL *crl = X509_CRL_new();
    uint8_t *end = der;
    int n;

    require(crl != NULL, "X509_CRL_new");
    fill_crl(crl, spec);
    require(X509_CRL_sort(crl) == 1 && X509_CRL_sign_ctx(crl, context) > 0, "sign");
    n = i2d_X509_CRL(crl, NULL);
    require(n > 0 && n <= BUILT_CERTIFICATE_MAX && i2d_X509_CRL(crl, &end) == n, "DER");
    EVP_MD_CTX_free(context);
    X509_CRL_free(crl);
    return (size_t)n;
}

void
append_pem(const char *path, const char *kind, const uint8_t *der, size_t len)
{
    FILE *f = fopen(path, "ae");

    require(f != NULL && PEM_write(f, kind, "", der, (long)len) > 0 && fclose(f) == 0, path);
}

/* The next key of that size that was made before; NULL if there is none. */
static EVP_PKEY *
made_rsa_key(unsigned bits)
{
    static unsigned taken;
    const char *folder = getenv("AUTHSOD_TEST_KEYS");
    EVP_PKEY *key = NULL;
    char path[4096];
    FILE *f;

    if (folder == NULL)
        return NULL;
    (void)snprintf(path, sizeof(path), "%s/rsa-%u-%u.pem", folder, bits, taken);
    f = fopen(path, "re");
    if (f != NULL) {
        key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        require(key != NULL, path);
        (void)fclose(f);
        taken++;
    }
    return key;
}

EVP_PKEY *
build_rsa_key(unsigned bits)
{
    EVP_PKEY *key = made_rsa_key(bits);

    if (key == NULL)
        key = EVP_RSA_gen(bits);
    require(key != NULL, "RSA key");
    return key;
}

EVP_PKEY *
build_ec_key(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);

    require(key != NULL, curve);
    return key;
}
