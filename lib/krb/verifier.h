/*
 * The inside of struct krb_verifier.
 */
#ifndef AUTHSOD_KRB_VERIFIER_H
#define AUTHSOD_KRB_VERIFIER_H

#include "lib/krb/krb.h"

/* An AP-REQ is made and checked on one computer; this is what a busy one may need for it. Seconds. */
#define AP_REQ_AGE_MAX 60

#define KRB_AP_REQ_MAX (1U << 20)

#define SEEN_MAX 16384 /* AP-REQs remembered: 136 logons a second for as long as they must be */
#define SEEN_BYTES 32  /* a SHA-256 */

struct seen {
    uint8_t digest[SEEN_BYTES];
    int64_t until; /* CLOCK_BOOTTIME, seconds */
};

struct krb_verifier {
    krb5_context ctx;
    struct krb_target target; /* realm, fqdn and computer; children of the struct */
    krb5_principal host;      /* host/<fqdn>@REALM */
    krb5_keytab keytab;       /* in memory, all of it host's; NULL: no keys */
    struct krb_trusted *trusted; /* n_trusted of them */
    size_t n_trusted;
    struct seen *seen;        /* a ring, in the order of time */
    size_t n_seen, first, size;
};

/*
 * Remembers an AP-REQ by its digest.  False if it has been seen before, or if
 * there is no room for another one that has to be remembered.
 */
bool verifier_is_new(struct krb_verifier *v, const uint8_t digest[static SEEN_BYTES]);

#endif
