/*
 * Shares: how much of front everybody may take.  A user on this computer can
 * have many uids (subordinate ones), so the unprivileged are counted each and
 * all together; half of everything is root's.
 */
#include "daemon/front.h"

#define BUCKETS 1024U

static const struct {
    unsigned all, each;
} limits[SHARES] = {
    [SHARE_CLIENTS] = { FRONT_NSS_CLIENTS_MAX, FRONT_NSS_CLIENTS_PER_UID },
    [SHARE_LARGE] = { FRONT_LARGE_MAX, FRONT_LARGE_PER_UID },
    [SHARE_QUESTIONS] = { FRONT_PENDING_MAX, FRONT_PENDING_PER_UID },
};

struct user {
    struct user *next;
    uint32_t uid;
    unsigned n[SHARES];
};

struct shares {
    unsigned n[SHARES], unprivileged[SHARES];
    struct user *buckets[BUCKETS];
};

struct shares *
shares_new(TALLOC_CTX *mem)
{
    return talloc_zero(mem, struct shares);
}

static struct user **
find(struct shares *s, uint32_t uid)
{
    struct user **at = &s->buckets[uid % BUCKETS];

    while (*at != NULL && (*at)->uid != uid)
        at = &(*at)->next;
    return at;
}

static bool
take_of_user(struct shares *s, enum share what, uint32_t uid)
{
    struct user **at = find(s, uid);

    if (s->unprivileged[what] >= limits[what].all / 2)
        return false;
    if (*at == NULL) {
        *at = talloc_zero(s, struct user);
        if (*at == NULL)
            return false;
        (*at)->uid = uid;
    }
    if ((*at)->n[what] >= limits[what].each)
        return false;
    (*at)->n[what]++;
    s->unprivileged[what]++;
    return true;
}

bool
share_take(struct shares *s, enum share what, uint32_t uid)
{
    if (s->n[what] >= limits[what].all || (uid != 0 && !take_of_user(s, what, uid)))
        return false;
    s->n[what]++;
    return true;
}

void
share_give(struct shares *s, enum share what, uint32_t uid)
{
    struct user **at = find(s, uid), *u = *at;

    s->n[what]--;
    if (uid == 0)
        return;
    s->unprivileged[what]--;
    u->n[what]--;
    for (unsigned i = 0; i < SHARES; i++) {
        if (u->n[i] > 0)
            return;
    }
    *at = u->next;
    talloc_free(u);
}
