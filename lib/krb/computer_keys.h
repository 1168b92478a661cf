/* The computer's keys in a keytab but the account's newest.  For lib/krb alone. */
#ifndef AUTHSOD_KRB_COMPUTER_KEYS_H
#define AUTHSOD_KRB_COMPUTER_KEYS_H

#include "lib/krb/krb.h"

#define COMPUTER_KEYS_MAX 2

/*
 * The i-th other version of the keys of host/<fqdn>, which are the account's,
 * too: newer ones than the account's newest come first, then the older ones.
 * As a keytab in memory, of the account; krb5_kt_close frees it.  NULL: there
 * are no more.
 */
krb5_keytab computer_keys_other(krb5_context ctx, const struct krb_target *t, krb5_keytab keytab, unsigned i);

#endif
