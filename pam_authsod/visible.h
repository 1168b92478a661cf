/* Text from outside on its way to a person or a log. */
#ifndef AUTHSOD_PAM_VISIBLE_H
#define AUTHSOD_PAM_VISIBLE_H

#include <stddef.h>

/*
 * Copies src to dst (size bytes, always terminated, cut between characters).
 * What is not printable UTF-8 becomes '?': control characters, which could
 * drive a terminal or forge a line, marks that turn the direction of writing,
 * and bytes that are no UTF-8.  Gives the length.
 */
size_t visible_text(char *dst, size_t size, const char *src);

/* The same with '?' for blanks too: one word of a line of the log. */
size_t visible_word(char *dst, size_t size, const char *src);

#endif
