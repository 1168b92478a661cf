/*
 * The AS reply key of an exchange with a certificate, which libkrb5 gives nobody
 * but its module for PKINIT: what lib/krb and clpreauth_authsod.so, which stands
 * between the two, tell each other within one process.
 */
#ifndef AUTHSOD_KRB_REPLY_KEY_H
#define AUTHSOD_KRB_REPLY_KEY_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/krb/krb.h"

/*
 * The attribute (krb5_get_init_creds_opt_set_pa) that asks for the key:
 * "ADDRESS:SIZE", hexadecimal, of a struct reply_key_note that lives as long as
 * the exchange.  A module of another build, for which it has another size,
 * leaves it alone.
 */
#define REPLY_KEY_ATTRIBUTE "authsod_reply_key"
#define REPLY_KEY_VALUE_MAX 40

/* Filled in by the module. */
struct reply_key_note {
    struct krb_key reply; /* as PKINIT made it */
    struct krb_key armor; /* FAST's */
};

/* The attribute's value for note. */
void reply_key_value(const struct reply_key_note *note, char value_out[REPLY_KEY_VALUE_MAX]);

/* The note that the value names; NULL unless it is one, of the size that we have. */
struct reply_key_note *reply_key_note_of(const char *value);

/* Copies a key of AES; of another kind, or NULL, there is none. */
void reply_key_set(struct krb_key *key_out, const krb5_keyblock *key);

/*
 * All that a CREDENTIAL_INFO may be encrypted with: the key that PKINIT made and,
 * where FAST was used, that one strengthened with the KDC's share of it in as_rep
 * (RFC 6113 5.4.3), an AS-REP that libkrb5 has verified.  KDCs differ in what they
 * take for the AS reply key: Samba up to 4.20 the former, from 4.21 on the latter.
 */
void reply_key_all(krb5_context ctx, const struct reply_key_note *note, const krb5_data *as_rep,
                   struct krb_reply_keys *keys_out);

/* The two steps of it that read what a KDC has sent. False: there is none, or it is malformed. */
bool reply_key_find_fast(const void *as_rep, size_t len, krb5_enc_data *fast_out);           /* an alias */
bool reply_key_read_strengthen(const void *fast_response, size_t len, struct krb_key *key_out); /* decrypted */

#endif
