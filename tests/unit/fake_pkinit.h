/* A pkinit.so for test_krb_reply_key, which sets one key as the AS reply key. */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_PKINIT_H
#define AUTHSOD_TESTS_UNIT_FAKE_PKINIT_H

#include <krb5/clpreauth_plugin.h>

/* What its process is given as modreq, and fills in. */
struct fake_pkinit {
    krb5_clpreauth_callbacks callbacks;
};

#endif
