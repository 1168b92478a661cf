/* Distinguished names (RFC 5280 4.1.2.4) on their way to a person or a log. */
#ifndef AUTHSOD_CARD_NAME_H
#define AUTHSOD_CARD_NAME_H

#include <openssl/x509.h>
#include <talloc.h>

/*
 * "CN=alice,OU=people" under mem: RFC 2253, visible, cut at CERTIFICATE_TEXT_MAX.
 * NULL if out of memory.
 */
const char *name_text(TALLOC_CTX *mem, const X509_NAME *name);

/* The last common name, which is the most specific one, likewise; "" where there is none. */
const char *name_common(TALLOC_CTX *mem, const X509_NAME *name);

#endif
