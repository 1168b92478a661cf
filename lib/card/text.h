/* Texts of a token on their way to a person or a log. */
#ifndef AUTHSOD_CARD_TEXT_H
#define AUTHSOD_CARD_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#define CARD_FIELD_MAX 255 /* bytes that card_text takes */

/*
 * n bytes, padded with blanks or ended by a NUL that need not be there, as a
 * string under mem: without the padding, visible (lib/base/visible.h).  ""
 * where nothing is left, or n is more than CARD_FIELD_MAX.  NULL if out of
 * memory.
 */
const char *card_text(TALLOC_CTX *mem, const void *p, size_t n);

#endif
