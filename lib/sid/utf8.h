/*
 * UTF-8 and Unicode's simple lower case, without locales.
 */
#ifndef AUTHSOD_SID_UTF8_H
#define AUTHSOD_SID_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4 /* of one character */

/*
 * Reads the character at *s and moves *s behind it.  False, and *s stays, if
 * there is none before end or it is not UTF-8 (Unicode 3.9, table 3-7: nothing
 * overlong, no surrogates, nothing past U+10FFFF).
 */
bool utf8_get(const char **s, const char *end, uint32_t *c_out);

/* Writes c, a character and no surrogate, to bytes; gives how many. */
size_t utf8_put(uint32_t c, char bytes[static UTF8_BYTES_MAX]);

uint32_t unicode_lower(uint32_t c);

#endif
