#include "daemon/notice.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The date at that time as days since 1970. False for a time past what a calendar has. */
static bool
date_of(int64_t seconds, int64_t *days_out)
{
    const int64_t day = 24 * 60 * 60;
    time_t t = (time_t)seconds;
    struct tm tm;

    if (t != seconds || localtime_r(&t, &tm) == NULL)
        return false;
    *days_out = (seconds + tm.tm_gmtoff) / day;
    return true;
}

bool
notice_password(int64_t must_change, int64_t now, int warning, struct proto_order *order_out)
{
    int64_t today, last;

    /* 0, and what has run out: the domain lets nobody in with such a password, so it meant something else. */
    if (must_change <= now || must_change - now > warning)
        return false;
    if (!date_of(now, &today) || !date_of(must_change, &last))
        return false;
    memset(order_out, 0, sizeof(*order_out));
    order_out->type = PROTO_SAY;
    order_out->code = last == today       ? NOTICE_PASSWORD_EXPIRES_TODAY
                      : last == today + 1 ? NOTICE_PASSWORD_EXPIRES_TOMORROW
                                          : NOTICE_PASSWORD_EXPIRES_DAYS;
    if (order_out->code == NOTICE_PASSWORD_EXPIRES_DAYS) {
        order_out->n_values = 1;
        (void)snprintf(order_out->values[0], sizeof(order_out->values[0]), "%d", (int)(last - today));
    }
    return true;
}
