/*
 * A certificate of a card: what it says, and whether one can log on with it
 * (RFC 5280, RFC 4556, [MS-PKCA] 3.1.5).  Functions of bytes alone; whether its
 * issuer is trusted and has not revoked it is for lib/card/chain.h, and for the
 * KDC.
 */
#ifndef AUTHSOD_CARD_CERTIFICATE_H
#define AUTHSOD_CARD_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#define CERTIFICATE_MAX 16384        /* bytes of DER */
#define CERTIFICATE_TEXT_MAX 512     /* bytes of a name for people, its NUL included */
#define CERTIFICATE_UPN_MAX 1024     /* bytes of a user principal name */
#define CERTIFICATE_RSA_BITS_MAX 8192
#define CERTIFICATE_EC_BITS_MIN 256
#define CERTIFICATE_HASH_BYTES 32

enum certificate_key { CERTIFICATE_KEY_OTHER, CERTIFICATE_KEY_RSA, CERTIFICATE_KEY_EC };

struct certificate_facts {
    const char *subject;      /* "CN=alice,OU=people": visible, cut where it is too long */
    const char *issuer;
    const char *name;         /* the subject's common name; the subject where it has none */
    const char *upn;          /* of subjectAltName (1.3.6.1.4.1.311.20.2.3); NULL for none. UTF-8, visible, one '@' or more */
    int64_t not_before;       /* seconds since 1970, the last one included */
    int64_t not_after;
    enum certificate_key key;
    unsigned key_bits;
    bool ca;                  /* it may sign certificates */
    bool signs;               /* keyUsage allows signatures, or is not there */
    bool logon_eku;           /* 1.3.6.1.4.1.311.20.2.2 or 1.3.6.1.5.2.3.4 is among its extended key usages */
    bool upn_good;            /* no UPN, or one that can be used; more than one cannot */
    uint8_t hash[CERTIFICATE_HASH_BYTES]; /* SHA-256 of the DER */
};

struct chain;

/* What the caller wants of a certificate. */
struct certificate_rules {
    int64_t now;           /* seconds since 1970 */
    bool logon_eku;        /* an extended key usage for logon is required */
    bool elliptic;         /* keys on elliptic curves can be used (libkrb5: from 1.22 on) */
    unsigned rsa_bits_min; /* shorter keys are too small: 2048 */
    bool last_lists;       /* as chain_judge's, for card_look */
    const struct chain *chain; /* lib/card/chain.h, for card_look; NULL: issuers are for the KDC to judge */
};

/* X(NAME, what is wrong), in the order in which they are looked for */
#define CERTIFICATE_UNFIT(X) \
    X(FIT, "it is fit for logon") \
    X(UNREADABLE, "it is no certificate that can be read") \
    X(CA, "it is a certification authority's") \
    X(KEY_KIND, "its key is of a kind that cannot be used") \
    X(KEY_SMALL, "its key is too small") \
    X(NO_SIGNATURE, "its key is not meant for signatures") \
    X(NO_EKU, "it is not meant for logon") \
    X(BAD_UPN, "its user principal name cannot be used") \
    X(NOT_YET, "it is not valid yet") \
    X(EXPIRED, "it has expired") \
    X(UNTRUSTED, "it does not lead to an authority that is trusted here") \
    X(REVOKED, "it was revoked, or an authority between was") \
    X(NO_CRL, "no list that is in force says whether it was revoked") \
    X(NO_KEY, "its private key is not on the card")

enum certificate_unfit {
#define X(name, text) CERTIFICATE_##name,
    CERTIFICATE_UNFIT(X)
#undef X
};

/*
 * Reads a certificate and nothing but it; its signature is not looked at.
 * Strings are under mem.  False, and *facts_out all zero, if it is none, has an
 * extension twice or one of those above that is malformed, or if out of memory.
 */
bool certificate_read(TALLOC_CTX *mem, const uint8_t *der, size_t len, struct certificate_facts *facts_out);

/*
 * The first reason against it, or CERTIFICATE_FIT.  What it cannot know is the caller's: UNREADABLE, UNTRUSTED, REVOKED,
 * NO_CRL and NO_KEY.
 */
enum certificate_unfit certificate_judge(const struct certificate_facts *facts, const struct certificate_rules *rules);

/* "NO_EKU"; "?" for a number that is not in the list. */
const char *certificate_unfit_name(enum certificate_unfit unfit);

/* "it is not meant for logon". */
const char *certificate_unfit_text(enum certificate_unfit unfit);

#endif
