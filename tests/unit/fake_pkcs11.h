/*
 * A PKCS#11 module for tests of lib/card: tokens that the test describes, and
 * lies of all kinds.  The test loads tests/unit/fake_pkcs11.la, finds
 * `fake_pkcs11` in it by dlsym and writes there; lib/card loads the same file.
 */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_PKCS11_H
#define AUTHSOD_TESTS_UNIT_FAKE_PKCS11_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

#define FAKE_TOKENS 2
#define FAKE_OBJECTS 6

struct fake_object {
    CK_OBJECT_CLASS class; /* CKO_CERTIFICATE or CKO_PRIVATE_KEY */
    const char *id;        /* its bytes without the NUL; NULL: the attribute is not there */
    const char *label;     /* the same */
    const unsigned char *der;
    size_t der_len;
    EVP_PKEY *key;
    bool hidden;           /* seen only after C_Login */
    bool always;           /* CKA_ALWAYS_AUTHENTICATE */
};

struct fake_token {
    bool absent;
    CK_TOKEN_INFO info;
    const char *pin;
    unsigned tries;        /* wrong ones until it is locked */
    struct fake_object objects[FAKE_OBJECTS];
    size_t n_objects;
};

struct fake_pkcs11 {
    struct fake_token tokens[FAKE_TOKENS]; /* slot 70 + index */
    size_t n_tokens;

    /* The call of this name fails with this code, from the nth on (1: from the first); "" or NULL: none. */
    const char *fail;
    CK_RV fail_code;
    unsigned fail_from;
    const char *crash_at;  /* the call of this name does not come back: the process dies, */
    const char *hang_at;   /* or waits for ever */
    /* Right before the nth call of this name the first token is taken out, or another card put in. */
    const char *pull_at;
    unsigned pull_from;
    bool swap;

    CK_ULONG say_slots;    /* 0: the truth. Said by C_GetSlotList */
    CK_ULONG say_length;   /* 0: the truth. Said for attributes of certificates, which are not written then */
    bool say_longer;       /* each time that an attribute is read it is one byte longer than asked for */
    CK_ULONG say_found;    /* 0: the truth. Said by C_FindObjects */
    bool endless;          /* C_FindObjects finds the first object for ever */
    bool repeat;           /* every object is found twice */
    CK_ULONG say_signed;   /* 0: the truth. Length said by C_Sign */
    EVP_PKEY *sign_with;   /* another key than the object's */
    bool logged_in_before; /* C_Login says that somebody is logged in already */

    /* What was seen. */
    unsigned logins, logouts, opened, closed, signs, context_logins;
    bool logged_in;
    const void *pin_seen;  /* where the last PIN was */
    CK_ULONG pin_seen_len;
};

extern struct fake_pkcs11 fake_pkcs11;

#endif
