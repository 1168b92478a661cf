#include "tests/unit/certificate_builder.h"

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

static void
add_raw_extension(X509 *x, const struct certificate_spec *spec)
{
    ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    require(ASN1_OCTET_STRING_set(bytes, spec->raw, (int)spec->raw_len) == 1, "bytes");
    extension = X509_EXTENSION_create_by_NID(NULL, spec->raw_nid, 0, bytes);
    require(extension != NULL && X509_add_ext(x, extension, -1) == 1, "raw extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(bytes);
}

size_t
build_certificate(const struct certificate_spec *spec, uint8_t der[static BUILT_CERTIFICATE_MAX])
{
    X509 *x = X509_new();
    X509_NAME *name = X509_NAME_new();
    uint8_t *end = der;
    int n;

    require(x != NULL && name != NULL && X509_set_version(x, X509_VERSION_3) == 1, "X509_new");
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 17);
    require(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"corp", -1, -1, 0) == 1, "O");
    require(X509_set_issuer_name(x, name) == 1, "issuer");
    if (spec->name != NULL)
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)spec->name, -1, -1, 0) == 1, "CN");
    require(X509_set_subject_name(x, name) == 1, "subject");
    (void)ASN1_TIME_set(X509_getm_notBefore(x), spec->not_before != 0 ? spec->not_before : BUILT_NOW - YEAR);
    (void)ASN1_TIME_set(X509_getm_notAfter(x), spec->not_after != 0 ? spec->not_after : BUILT_NOW + YEAR);
    require(X509_set_pubkey(x, spec->key) == 1, "key");
    add_extension(x, NID_basic_constraints, spec->basic);
    add_extension(x, NID_key_usage, spec->usage);
    add_extension(x, NID_ext_key_usage, spec->extended);
    add_extension(x, NID_subject_alt_name, spec->alternative);
    if (spec->raw_nid != 0)
        add_raw_extension(x, spec);
    require(X509_sign(x, spec->key, EVP_PKEY_is_a(spec->key, "ED25519") ? NULL : EVP_sha256()) > 0, "sign");
    n = i2d_X509(x, NULL);
    require(n > 0 && n <= BUILT_CERTIFICATE_MAX && i2d_X509(x, &end) == n, "DER");
    X509_NAME_free(name);
    X509_free(x);
    return (size_t)n;
}

EVP_PKEY *
build_rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);

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
