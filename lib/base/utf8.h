/*
 * UTF-8, without locales.
 */
#ifndef AUTHSOD_BASE_UTF8_H
#define AUTHSOD_BASE_UTF8_H

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

/* True for a control character: C0, DEL, C1. */
bool utf8_is_control(uint32_t c);

/* False for those, which could drive a terminal or forge a line, and for what breaks a line or turns the direction of
 * writing. */
bool utf8_is_visible(uint32_t c);

#endif
