/* What the parts of lib/card/chain.h share. */
#ifndef AUTHSOD_CARD_CHAIN_PRIVATE_H
#define AUTHSOD_CARD_CHAIN_PRIVATE_H

#include <openssl/x509.h>

#include "lib/card/chain.h"

/* Appends a reason to the others, made visible. */
__attribute__((format(printf, 2, 3))) void why_add(char why[static CHAIN_WHY_MAX], const char *format, ...);

/* The same, about a name. */
void why_add_name(char why[static CHAIN_WHY_MAX], const X509_NAME *name, const char *what);

/*
 * Reads what chain_new's paths name: certificates where crls is NULL, lists
 * where certificates is.  Each is there once.  False if out of memory.
 */
bool pem_read(const char *const *paths, STACK_OF(X509) *certificates, STACK_OF(X509_CRL) *crls,
              char why[static CHAIN_WHY_MAX]);

/*
 * Of all lists, those that can be used for what the authorities of a chain
 * issued (a chain's first is the certificate itself); references are borrowed.
 * partial: deltas, those for some reasons, and those that are about others'
 * certificates, too; and of the whole ones those that are for some certificates
 * only, or have a critical extension that is not known.  last_lists: those that
 * have run out, too, and an issuer's other whole ones are left out but for the
 * newest, which is in partial as well: OpenSSL would rather take one in force.
 * why says which issuer has some and none that can be used.  False if out of memory.
 */
bool crl_choose(STACK_OF(X509_CRL) *all, STACK_OF(X509) *chain, int64_t now, bool last_lists,
                STACK_OF(X509_CRL) *whole, STACK_OF(X509_CRL) *partial, char why[static CHAIN_WHY_MAX]);

/* Does one of these lists, all usable, revoke the certificate? */
bool crl_revokes(STACK_OF(X509_CRL) *lists, X509 *x);

#endif
