/* What text from outside must be before anybody uses it. Internal to lib/directory. */
#ifndef AUTHSOD_DIRECTORY_TEXT_H
#define AUTHSOD_DIRECTORY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* n bytes of UTF-8 (shortest forms, no surrogates) without NUL and other control characters. */
bool text_ok(const char *s, size_t n);

#define DNS_NAME_SIZE 256 /* of a name as text, its NUL included */

/*
 * A domain name of RFC 1035 4.1.4 at r's place, which r steps over, as text
 * without the last dot ("" for the root).  Compressed names must point
 * backwards, at first or later.  dots: a label may hold a dot, which then can't be
 * told from the end of a label.  False, and r failed, if malformed.
 */
bool dns_name_read(struct reader *r, size_t first, bool dots, char buf[static DNS_NAME_SIZE]);

#endif
