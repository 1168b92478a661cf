/*
 * As much of BER (X.690) as one CLDAP exchange and Kerberos's error data need,
 * over the bounded reader and writer: definite lengths, low tag numbers.
 */
#ifndef AUTHSOD_BASE_BER_H
#define AUTHSOD_BASE_BER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define BER_BOOLEAN 0x01
#define BER_INTEGER 0x02
#define BER_OCTETS 0x04
#define BER_ENUMERATED 0x0a
#define BER_SEQUENCE 0x30
#define BER_SET 0x31
#define BER_CONTEXT(n) (0xa0 | (n))

/* Begins an element; gives what ber_end wants, which fills in its length (always in the form of four bytes). */
size_t ber_begin(struct writer *w, uint8_t tag);
void ber_end(struct writer *w, size_t begun);

void ber_put_bytes(struct writer *w, uint8_t tag, const void *p, size_t n);
void ber_put_text(struct writer *w, uint8_t tag, const char *s);
/* INTEGER, ENUMERATED or BOOLEAN of at most 31 bits, in as few bytes as it takes. */
void ber_put_uint(struct writer *w, uint8_t tag, uint32_t v);

/*
 * The content of the next element, which r steps over.  Where its tag is
 * another or its length does not fit, both readers have failed.  Lengths of up
 * to four bytes, not only the shortest form: Windows writes 84 00 00 00 nn.
 */
struct reader ber_enter(struct reader *r, uint8_t tag);

/* A non-negative INTEGER or ENUMERATED of at most 31 bits; else fails r. */
uint32_t ber_uint(struct reader *r, uint8_t tag);

/* True if the next element has that tag. */
bool ber_next_is(const struct reader *r, uint8_t tag);

#endif
