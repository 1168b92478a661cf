/*
 * What may stand in passwd(5) and group(5), whoever says so.  `front` checks
 * it before it sends, the modules check it again before they believe.
 */
#ifndef AUTHSOD_PROTO_TEXT_H
#define AUTHSOD_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True for n bytes of valid UTF-8 without control characters (C0, DEL, C1) and
 * without ':': a field that cannot break the line that getent(1) makes of it.
 * An empty one is fine.
 */
bool text_is_field(const char *s, size_t n);

/*
 * Copies n bytes, and looks at each while it has it: whoever may be changing
 * `from` changes nothing of that.  True: all that was copied is ASCII that a
 * field may have, or NULs.  False says nothing: see text_is_field.
 */
bool text_copy(char *to, const char *from, size_t n);

/*
 * True for a field that may be a user's or group's name, in any spelling that
 * is asked or answered: 1 to PROTO_NAME_MAX bytes, no '/', no leading '-',
 * none of "." ".." and "root", and no number below PROTO_ID_MIN: chown(1) looks
 * "0" up as a name first.
 */
bool text_is_name(const char *s, size_t n);

#endif
