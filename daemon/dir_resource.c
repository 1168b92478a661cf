/*
 * Groups of the own domain that a user of a trusted one is in.  What his
 * logon brings of them counts for nothing: the other domain's controller could
 * have put it there.  The own directory tells them, for his SID and for those
 * of the other domain's groups that his last logon here was vouched for.
 */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

/* The user's SID, and those of his domain's groups; under mem. */
static struct sid *
accounts_of(struct dir *d, TALLOC_CTX *mem, const struct store_user *u, size_t *n_out)
{
    const struct trust *trust = dir_trust_of(d, &u->sid);
    struct sid *sids = talloc_array(mem, struct sid, u->n_gids + 2);
    size_t n = 0;

    *n_out = 0;
    if (sids == NULL || trust == NULL)
        return NULL;
    sids[n++] = u->sid;
    /* Before a logon his primary group is a guess. */
    for (uint32_t i = 0; u->groups_learned != 0 && i <= u->n_gids; i++) {
        if (idmap_sid(d->idmap, i == u->n_gids ? u->gid : u->gids[i], &sids[n]) &&
            sid_in_domain(&sids[n], &trust->sid))
            n++;
    }
    *n_out = n;
    return sids;
}

static bool
set_groups(struct dir *d, struct store_user *u, const struct sid *sids, size_t n)
{
    uint32_t *gids = talloc_array(u, uint32_t, (unsigned)n + 1), n_gids = 0;

    if (gids == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (dir_is_own(d, &sids[i]) && idmap_id(d->idmap, &sids[i], &gids[n_gids]))
            n_gids++;
    }
    u->n_resource_gids = dir_unique_gids(gids, n_gids, u->gid);
    u->resource_gids = gids;
    u->resource_learned = dir_now();
    return true;
}

/* True if the groups of uid are not to be asked for at present. */
static bool
is_paused(const struct dir *d, uint32_t uid)
{
    int64_t now = client_now();

    for (size_t i = 0; i < DIR_RESOURCE_MAX; i++) {
        if (d->resource.users[i].uid == uid && now < d->resource.users[i].until)
            return true;
    }
    return now < d->resource.pause;
}

/*
 * That was too much.  Where the controller has told others theirs only just, it
 * is this user's that are too many, and the others go on being asked for; where
 * it has not, or fails a second time in a row, it is the controller.
 */
static void
note_hard(struct dir *d, const struct store_user *u)
{
    struct dir_resource *r = &d->resource;
    int64_t now = client_now();
    size_t at = 0;

    log_warning("the groups of %s are too much for the domain: those known before stay", u->name);
    for (size_t i = 1; i < DIR_RESOURCE_MAX; i++) {
        if (r->users[i].until < r->users[at].until)
            at = i;
    }
    r->users[at].uid = u->uid;
    r->users[at].until = now + DIR_HARD_PAUSE_MS;
    if (r->answered == 0 || now - r->answered > DIR_RESOURCE_RECENT_MS)
        r->pause = now + DIR_HARD_PAUSE_MS;
    r->answered = 0;
}

/* Asks the domain for them. False: u has what it had. */
static bool
ask(struct dir *d, TALLOC_CTX *mem, struct store_user *u, bool may_open)
{
    struct sid *groups = NULL, *sids;
    size_t n, n_groups = 0;
    struct directory *l;
    enum err err;

    sids = accounts_of(d, mem, u, &n);
    if (sids == NULL || is_paused(d, u->uid))
        return false;
    do {
        l = may_open ? dir_link(d) : dir_link_at_hand(d);
        err = l == NULL ? ERR_NO_KDC : directory_resource_groups(l, mem, sids, n, &groups, &n_groups);
    } while (dir_link_again(d, err));
    if (err == ERR_OK) {
        d->resource.answered = client_now();
        return set_groups(d, u, groups, n_groups);
    }
    if (err == ERR_TIMEOUT || err == ERR_BUSY)
        note_hard(d, u);
    return false;
}

void
dir_resource_logon(struct dir *d, TALLOC_CTX *mem, struct store_user *u)
{
    const struct store_user *old = store_user_by_sid(d->store, mem, &u->sid);

    if (old != NULL && dir_usable(d, old->resource_learned)) {
        u->resource_gids = old->resource_gids;
        u->n_resource_gids = old->n_resource_gids;
        u->resource_learned = old->resource_learned;
    }
    (void)ask(d, mem, u, false);
}

void
dir_resource_find(struct dir *d, TALLOC_CTX *mem, struct store_user *u, bool refresh)
{
    if (!dir_fresh(d, u->resource_learned, refresh) && ask(d, mem, u, true))
        (void)store_put_user(d->store, u);
    if (dir_usable(d, u->resource_learned))
        return;
    u->n_resource_gids = 0;
    u->resource_learned = 0;
}
