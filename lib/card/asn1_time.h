/* Times of certificates and of lists of those revoked (RFC 5280 4.1.2.5). */
#ifndef AUTHSOD_CARD_ASN1_TIME_H
#define AUTHSOD_CARD_ASN1_TIME_H

#include <openssl/asn1.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Seconds since 1970. False for NULL, or what is no time. */
static inline bool
asn1_seconds(const ASN1_TIME *t, int64_t *seconds_out)
{
    struct tm tm;

    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *seconds_out = (int64_t)timegm(&tm);
    return true;
}

#endif
