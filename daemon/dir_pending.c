/*
 * Groups that are known by their ids alone: a logon brings up to a thousand of
 * them.  Their names are learned in batches while nobody waits, and a batch at
 * once where somebody asks for one of them.
 */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"

static bool
is_pending(const struct dir *d, uint32_t gid, size_t *at_out)
{
    for (size_t i = 0; i < d->n_pending; i++) {
        if (d->pending[i] == gid) {
            *at_out = i;
            return true;
        }
    }
    return false;
}

void
dir_pending_add(struct dir *d, const uint32_t *gids, uint32_t n)
{
    struct sid sid;
    size_t at;

    for (uint32_t i = 0; i < n; i++) {
        if (is_pending(d, gids[i], &at) || !idmap_sid(d->idmap, gids[i], &sid) || !dir_is_own(d, &sid))
            continue;
        /* Those that do not fit are learned when somebody asks for them. */
        if (d->n_pending == DIR_PENDING_MAX)
            return;
        d->pending[d->n_pending++] = gids[i];
    }
}

void
dir_learn_names(struct dir *d, const struct store_user *u)
{
    struct sid *sids = talloc_array(NULL, struct sid, u->n_gids + 1);
    size_t n = 0;

    dir_pending_add(d, &u->gid, 1);
    dir_pending_add(d, u->gids, u->n_gids);
    dir_pending_add(d, u->resource_gids, u->n_resource_gids);
    for (uint32_t i = 0; sids != NULL && i <= u->n_gids; i++) {
        if (idmap_sid(d->idmap, i == u->n_gids ? u->gid : u->gids[i], &sids[n]))
            n++;
    }
    if (n > 0)
        dir_ask_names(d, sids, n);
    talloc_free(sids);
}

size_t
dir_pending_peek(const struct dir *d, uint32_t gid, size_t *at_out, struct sid sids[static DIR_BATCH])
{
    size_t n = 0;

    *at_out = 0;
    if (!is_pending(d, gid, at_out))
        return 0;
    while (n < DIR_BATCH && *at_out + n < d->n_pending && idmap_sid(d->idmap, d->pending[*at_out + n], &sids[n]))
        n++;
    return n;
}

void
dir_pending_remove(struct dir *d, size_t at, size_t n)
{
    if (n > d->n_pending || at > d->n_pending - n)
        return;
    memmove(d->pending + at, d->pending + at + n, (d->n_pending - at - n) * sizeof(d->pending[0]));
    d->n_pending -= n;
}

bool
dir_pending_due(const struct dir *d)
{
    return d->n_pending > 0 && d->link.ldap != NULL;
}

/* Takes what is known well enough off the head of the list; gives how many of the rest are in sids. */
static size_t
next_batch(struct dir *d, struct sid sids[static DIR_BATCH])
{
    size_t kept = 0, seen = 0;

    while (seen < d->n_pending && kept < DIR_BATCH && seen < 2 * (size_t)DIR_BATCH) {
        uint32_t gid = d->pending[seen];
        struct store_group *row = store_group_by_gid(d->store, NULL, gid);
        bool known = row != NULL && dir_fresh(d, row->refreshed, false);

        talloc_free(row);
        seen++;
        if (known || !idmap_sid(d->idmap, gid, &sids[kept]))
            continue;
        d->pending[kept++] = gid;
    }
    dir_pending_remove(d, kept, seen - kept);
    return kept;
}

void
dir_pending_work(struct dir *d)
{
    struct sid sids[DIR_BATCH];
    struct store_group *unused;
    TALLOC_CTX *mem;
    size_t n;

    if (!dir_pending_due(d))
        return;
    n = next_batch(d, sids);
    if (n == 0)
        return;
    mem = talloc_new(NULL);
    if (dir_fetch_groups(d, mem, sids, n, NULL, &unused) == ERR_OK) {
        dir_pending_remove(d, 0, n);
        log_debug("learned the names of up to %zu groups, %zu are left", n, d->n_pending);
    }
    talloc_free(mem);
}
