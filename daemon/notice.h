/* What a person is told beside a success. */
#ifndef AUTHSOD_DAEMON_NOTICE_H
#define AUTHSOD_DAEMON_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/proto.h"

/*
 * True, with the notice, if the password must be changed (seconds since 1970;
 * 0 not told, INT64_MAX never) within `warning` seconds from now; 0 warns of
 * nothing.  Days are counted as the calendar of this computer's time zone has
 * them: a password that runs out in three hours may do so tomorrow.
 */
bool notice_password(int64_t must_change, int64_t now, int warning, struct proto_order *order_out);

#endif
