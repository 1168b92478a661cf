/* What lib/krb and clpreauth_authsod.so have in common: libc and libkrb5 only. */
#include "lib/krb/reply_key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
reply_key_value(const struct reply_key_note *note, char value_out[REPLY_KEY_VALUE_MAX])
{
    (void)snprintf(value_out, REPLY_KEY_VALUE_MAX, "%" PRIxPTR ":%zx", (uintptr_t)note, sizeof(*note));
}

struct reply_key_note *
reply_key_note_of(const char *value)
{
    char again[REPLY_KEY_VALUE_MAX];
    char *end = NULL;
    struct reply_key_note *note;

    errno = 0;
    note = (struct reply_key_note *)(uintptr_t)strtoumax(value, &end, 16);
    if (errno != 0 || end == value || note == NULL)
        return NULL;
    /* Nothing but what reply_key_value writes. */
    reply_key_value(note, again);
    return strcmp(value, again) == 0 ? note : NULL;
}

void
reply_key_set(struct krb_key *key_out, const krb5_keyblock *key)
{
    unsigned length = 0;

    memset(key_out, 0, sizeof(*key_out));
    if (key != NULL && key->enctype == ENCTYPE_AES256_CTS_HMAC_SHA1_96)
        length = 32;
    if (key != NULL && key->enctype == ENCTYPE_AES128_CTS_HMAC_SHA1_96)
        length = 16;
    if (length == 0 || key->length != length)
        return;
    key_out->enctype = key->enctype;
    key_out->length = length;
    memcpy(key_out->bytes, key->contents, length);
}
