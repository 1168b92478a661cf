/*
 * Why cards, certificates and modules were left out: the log hears it when it
 * is new, and not each time that somebody looks.
 */
#ifndef AUTHSOD_DAEMON_CARD_REASONS_H
#define AUTHSOD_DAEMON_CARD_REASONS_H

#include <talloc.h>

#include "lib/base/log.h"

#define REASONS_MAX 64 /* of one look; a card must not flood the log */

struct reasons;

/* NULL if out of memory. */
struct reasons *reasons_new(TALLOC_CTX *mem);

/* One more of this look. Without memory it is logged at once. */
void reasons_add(struct reasons *r, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The look is over: logs what the one before did not have. */
void reasons_tell(struct reasons *r);

#endif
