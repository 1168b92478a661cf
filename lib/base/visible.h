/* Text from outside on its way to a person or a log. */
#ifndef AUTHSOD_BASE_VISIBLE_H
#define AUTHSOD_BASE_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes of the character at text, which is before end; a byte that is no
 * UTF-8 counts as one.  *visible_out: it may be shown as it is
 * (utf8_is_visible).
 */
size_t visible_next(const char *text, const char *end, bool *visible_out);

/*
 * Copies src to dst (size bytes, always terminated, cut between characters).
 * What is not to be shown becomes '?': control characters, which could drive a
 * terminal or forge a line, marks that turn the direction of writing, and
 * bytes that are no UTF-8.  Gives the length.
 */
size_t visible_text(char *dst, size_t size, const char *src);

/* The same with '?' for blanks too: one word of a line of the log. */
size_t visible_word(char *dst, size_t size, const char *src);

#endif
