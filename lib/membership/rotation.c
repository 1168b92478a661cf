#include "lib/membership/rotation.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/secret.h"

static bool
has(const struct machine_secret *s, enum machine_slot slot)
{
    return s->slots[slot].text[0] != '\0';
}

/* By a clock that was set back a little nothing is; by one that was far ahead once, all is. */
static bool
is_settled(int64_t since, int64_t now)
{
    return now - since >= ROTATION_SETTLED || since - now >= ROTATION_SETTLED;
}

int64_t
rotation_due(const struct machine_secret *s, int64_t interval)
{
    static const uint8_t key[HASH_KEY_LEN];
    int64_t made = s->slots[MACHINE_CURRENT].time, jitter;
    char text[400];
    int n;

    if (interval <= 0 || made > INT64_MAX - interval)
        return INT64_MAX;
    n = snprintf(text, sizeof(text), "%s@%s %lld", s->account, s->realm, (long long)made);
    jitter = (int64_t)(hash_keyed(key, text, (size_t)n) % (uint64_t)(interval / 10 + 1));
    return made + interval - jitter;
}

bool
rotation_has_work(const struct machine_secret *s, int64_t interval, int64_t now)
{
    return has(s, MACHINE_PENDING) || now >= rotation_due(s, interval) ||
           (has(s, MACHINE_PREVIOUS) && is_settled(s->slots[MACHINE_CURRENT].time, now));
}

static void
move(struct machine_secret *s, enum machine_slot from, enum machine_slot to)
{
    s->slots[to] = s->slots[from];
    secret_erase(&s->slots[from], sizeof(s->slots[from]));
}

static void
swap(struct machine_secret *s, enum machine_slot a, enum machine_slot b)
{
    /* The slot 0 is not used, and in the same locked memory. */
    s->slots[0] = s->slots[a];
    move(s, b, a);
    move(s, 0, b);
}

static enum rotation_work
plan_set(struct machine_secret *s, int64_t now, bool *fresh_out)
{
    struct machine_password *p = &s->slots[MACHINE_PENDING];
    uint32_t kvno = s->slots[MACHINE_CURRENT].kvno;

    if (kvno == 0 || kvno == UINT32_MAX)
        return ROTATION_NO_KVNO;
    if (p->text[0] == '\0') {
        if (!machine_password_make(p->text)) {
            secret_erase(p, sizeof(*p));
            return ROTATION_NO_RANDOM;
        }
        p->time = now;
        *fresh_out = true;
    }
    p->kvno = kvno + 1;
    return ROTATION_SET;
}

enum rotation_work
rotation_plan(struct machine_secret *s, enum machine_slot holds, bool wanted, int64_t now, bool *fresh_out)
{
    const int64_t since = s->slots[MACHINE_CURRENT].time;

    *fresh_out = false;
    if ((int)holds < 1 || (int)holds > MACHINE_SLOTS || !has(s, holds))
        return ROTATION_NOTHING;
    if (holds == MACHINE_PENDING) {
        rotation_taken(s, NULL, now);
        return ROTATION_COMPLETE;
    }
    if (holds == MACHINE_PREVIOUS) {
        if (!is_settled(since, now))
            return ROTATION_LAGS;
        /* The domain has gone back, as one does that is restored from a backup: so do we, and on from there. */
        swap(s, MACHINE_CURRENT, MACHINE_PREVIOUS);
        return plan_set(s, now, fresh_out);
    }
    if (has(s, MACHINE_PENDING) || wanted)
        return plan_set(s, now, fresh_out);
    if (!has(s, MACHINE_PREVIOUS) || !is_settled(since, now))
        return ROTATION_NOTHING;
    secret_erase(&s->slots[MACHINE_PREVIOUS], sizeof(s->slots[MACHINE_PREVIOUS]));
    return ROTATION_TIDY;
}

void
rotation_taken(struct machine_secret *s, const char *controller, int64_t now)
{
    if (!has(s, MACHINE_PENDING))
        return;
    move(s, MACHINE_CURRENT, MACHINE_PREVIOUS);
    move(s, MACHINE_PENDING, MACHINE_CURRENT);
    /* Tickets under the old keys may be as young as that. */
    s->slots[MACHINE_CURRENT].time = now;
    if (controller != NULL)
        (void)snprintf(s->controller, sizeof(s->controller), "%s", controller);
}

bool
rotation_refused(struct machine_secret *s, bool fresh, int64_t now)
{
    struct machine_password *p = &s->slots[MACHINE_PENDING];

    if (!fresh && !is_settled(p->time, now))
        return false;
    secret_erase(p, sizeof(*p));
    return true;
}
