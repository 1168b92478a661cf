/* The state of an account, from what the directory says of it. */
#include "lib/directory/ldap_private.h"

#define HOURS_BYTES 21
#define WEEK_SECONDS (7 * 24 * 3600)
#define EPOCH_WEEKDAY 4 /* 1 January 1970 was a Thursday; the week begins on Sunday */

bool
directory_hours_allow(const uint8_t *hours, size_t len, int64_t now)
{
    int64_t second, hour;

    if (hours == NULL)
        return true;
    /* What we cannot read does not allow anything. */
    if (len != HOURS_BYTES)
        return false;
    second = (now % WEEK_SECONDS + WEEK_SECONDS + EPOCH_WEEKDAY * 24 * 3600) % WEEK_SECONDS;
    hour = second / 3600;
    return (hours[hour / 8] >> (hour % 8) & 1) != 0;
}

/*
 * The computed attribute knows the domain's lockout duration; without it a
 * lockout time means locked.
 */
static bool
is_locked(const struct account_facts *f)
{
    if (f->computed != FILETIME_ABSENT)
        return (f->computed & UF_LOCKOUT) != 0;
    return f->lockout_time != 0 && f->lockout_time != FILETIME_ABSENT;
}

static bool
is_expired(const struct account_facts *f, int64_t now)
{
    if (f->account_expires == 0 || f->account_expires == FILETIME_ABSENT || f->account_expires == FILETIME_NEVER)
        return false;
    return filetime_seconds((uint64_t)f->account_expires) <= now;
}

void
account_state_of(const struct account_facts *f, int64_t now, struct account_state *out)
{
    /* Their passwords do not expire, [MS-ADTS] 3.1.1.4.5.17. */
    bool exempt = (f->control & (UF_DONT_EXPIRE_PASSWD | UF_SMARTCARD_REQUIRED | UF_MACHINE)) != 0;

    *out = (struct account_state){ .password_expires = INT64_MAX };
    out->disabled = (f->control & UF_ACCOUNTDISABLE) != 0;
    out->locked = is_locked(f);
    out->expired = is_expired(f, now);
    out->must_change = f->password_last_set == 0 && !exempt;
    if (f->password_expires != FILETIME_ABSENT && !exempt)
        out->password_expires = filetime_seconds((uint64_t)f->password_expires);
    if (!out->must_change && !exempt)
        out->password_expired = (f->computed != FILETIME_ABSENT && (f->computed & UF_PASSWORD_EXPIRED) != 0) ||
                                out->password_expires <= now;
    out->outside_hours = !directory_hours_allow(f->hours, f->hours_len, now);
}
