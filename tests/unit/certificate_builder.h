/* Certificates and lists of revoked ones, of all kinds, for tests of lib/card. */
#ifndef AUTHSOD_TESTS_UNIT_CERTIFICATE_BUILDER_H
#define AUTHSOD_TESTS_UNIT_CERTIFICATE_BUILDER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILT_CERTIFICATE_MAX 16384
#define BUILT_NOW 1767225600 /* 2026-01-01: within the validity of a certificate that says nothing else */

/* Extensions as in openssl's configuration; NULL for none. */
struct certificate_spec {
    EVP_PKEY *key;           /* whose certificate */
    const struct certificate_spec *issuer; /* whose name and key sign it; NULL: "O=corp" and its own key */
    const char *name;        /* common name; NULL for none */
    const char *basic;       /* basicConstraints */
    const char *usage;       /* keyUsage */
    const char *extended;    /* extendedKeyUsage */
    const char *alternative; /* subjectAltName */
    const char *constraints; /* nameConstraints */
    const char *policies;    /* policyConstraints */
    bool key_ids;            /* subjectKeyIdentifier and authorityKeyIdentifier */
    unsigned serial;         /* 0: 17 */
    const char *digest;      /* of the signature; NULL: SHA256 */
    bool pss;                /* RSASSA-PSS */
    int64_t not_before;      /* 0: a year before BUILT_NOW */
    int64_t not_after;       /* 0: a year after */
    int raw_nid;             /* an extension of these bytes, valid or not; 0 for none */
    const uint8_t *raw;
    size_t raw_len;
    bool raw_critical;
};

struct crl_spec {
    const struct certificate_spec *issuer;
    EVP_PKEY *key;           /* who signs it; NULL: the issuer */
    const unsigned *revoked; /* serial numbers, up to 0; NULL for none */
    const char *digest;      /* NULL: SHA256 */
    bool pss;
    int64_t last_update;     /* 0: a day before BUILT_NOW */
    int64_t next_update;     /* 0: a day after; -1: none */
    bool delta;
    int raw_nid;             /* a critical extension of these bytes; 0 for none */
    const uint8_t *raw;
    size_t raw_len;
};

#define BUILT_UPN(upn) "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:" upn

/* Alice's, good in every way. */
struct certificate_spec built_alice_certificate(EVP_PKEY *key);

/* Writes DER; gives its length. Ends the test's process where libcrypto refuses. */
size_t build_certificate(const struct certificate_spec *spec, uint8_t der[static BUILT_CERTIFICATE_MAX]);

/* The same for a list. */
size_t build_crl(const struct crl_spec *spec, uint8_t der[static BUILT_CERTIFICATE_MAX]);

/* Writes it as PEM of that kind ("CERTIFICATE", "X509 CRL") behind what is in the file. */
void append_pem(const char *path, const char *kind, const uint8_t *der, size_t len);

/*
 * Keys; the caller frees them.  Those of RSA are new, or, in the order of the
 * calls, what was made before: $AUTHSOD_TEST_KEYS/rsa-BITS-N.pem, N from 0.
 */
EVP_PKEY *build_rsa_key(unsigned bits);
EVP_PKEY *build_ec_key(const char *curve);

#endif
