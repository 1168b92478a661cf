/* Groups: the store first, the domain second. */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

/* The row that key means. */
static struct store_group *
stored(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_group *g;

    if (!key->by_sid) {
        g = key->name[0] != '\0' ? store_group_by_name(d->store, mem, key->name) : NULL;
        return g;
    }
    g = store_group_by_gid(d->store, mem, key->id);
    if (g == NULL || sid_equal(&g->sid, &key->sid))
        return g;
    talloc_free(g);
    return NULL;
}

/* The Unix group of a group of the domain; NULL where there can be none. */
static struct store_group *
unix_group(struct dir *d, TALLOC_CTX *mem, const struct dir_group *a)
{
    char name[NAME_MAX_BYTES + 1], text[SID_TEXT_MAX];
    struct store_group *g = talloc_zero(mem, struct store_group);

    if (g == NULL || !dir_is_own(d, &a->sid) || !idmap_id(d->idmap, &a->sid, &g->gid)) {
        log_debug("the group %s (%s) has no id here", a->account, sid_text(&a->sid, text));
        goto fail;
    }
    if (!dir_canonical(d, a->account, name)) {
        log_debug("the group %s has a name that no Unix group can have", a->account);
        goto fail;
    }
    g->sid = a->sid;
    g->name = talloc_strdup(g, name);
    g->refreshed = dir_now();
    if (g->name != NULL)
        return g;

fail:
    talloc_free(g);
    return NULL;
}

/* Names of accounts to members of g: those that can be Unix users. */
static bool
set_members(struct dir *d, struct store_group *g, const char *const *accounts, size_t n)
{
    char name[NAME_MAX_BYTES + 1];
    const char **members = talloc_array(g, const char *, (unsigned)n + 1);

    if (members == NULL)
        return false;
    g->n_members = 0;
    for (size_t i = 0; i < n; i++) {
        if (!dir_canonical(d, accounts[i], name))
            continue;
        members[g->n_members] = talloc_strdup(members, name);
        if (members[g->n_members] == NULL)
            return false;
        g->n_members++;
    }
    g->members = members;
    g->members_learned = dir_now();
    return true;
}

/* True if the members of gid are not to be asked for at present. */
static bool
is_hard(const struct dir *d, uint32_t gid)
{
    int64_t now = client_now();

    for (size_t i = 0; i < DIR_HARD_MAX; i++) {
        if (d->hard.groups[i].gid == gid && now < d->hard.groups[i].until)
            return true;
    }
    return now < d->hard.pause;
}

/* Remembers that, in the place of the one that ends first. */
static void
note_hard(struct dir *d, const struct store_group *g)
{
    size_t at = 0;

    log_warning("the members of the group %s are too much for the domain: it is answered without new ones", g->name);
    for (size_t i = 1; i < DIR_HARD_MAX; i++) {
        if (d->hard.groups[i].until < d->hard.groups[at].until)
            at = i;
    }
    d->hard.groups[at].gid = g->gid;
    d->hard.groups[at].until = client_now() + 1000 * (int64_t)d->config->cache_refresh;
    d->hard.pause = client_now() + DIR_HARD_PAUSE_MS;
}

/* The members that row knows. */
static void
keep_members(struct store_group *g, const struct store_group *row)
{
    if (row == NULL || !sid_equal(&row->sid, &g->sid))
        return;
    g->members = row->members;
    g->n_members = row->n_members;
    g->members_learned = row->members_learned;
}

/* Fills in the members of g; those of row where the domain has too much to do with that. */
static enum err
ask_members(struct dir *d, TALLOC_CTX *mem, const struct dir_group *a, const struct store_group *row,
            struct store_group *g)
{
    struct directory *l;
    const char **accounts = NULL;
    bool hard = is_hard(d, g->gid);
    size_t n = 0;
    enum err err = ERR_OK;

    if (d->config->members_max > 0 && !hard) {
        do {
            l = dir_link(d);
            err = l == NULL ? ERR_NO_KDC : directory_members(l, mem, a, d->config->members_max, &accounts, &n);
        } while (dir_link_again(d, err));
    }
    if (err == ERR_TIMEOUT || err == ERR_BUSY) {
        /* Where the controller does not even answer a ping it is not the group's doing. */
        if (d->dc.known)
            note_hard(d, g);
        hard = true;
        err = ERR_OK;
    }
    if (hard)
        keep_members(g, row);
    else if (err == ERR_OK && !set_members(d, g, accounts, n))
        err = ERR_INTERNAL;
    return err;
}

static void
forget(struct dir *d, const struct store_group *row)
{
    log_info("the domain has no group %s any more", row->name);
    store_drop_group(d->store, &row->sid);
}

/* A group by its name, with its members. */
static enum err
ask_by_name(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, const struct store_group *row,
            struct store_group **group_out)
{
    struct dir_group *a = NULL;
    struct store_group *g;
    struct directory *l;
    enum err err;

    *group_out = NULL;
    do {
        l = dir_link(d);
        err = l == NULL ? ERR_NO_KDC : directory_group_by_account(l, mem, key->account, &a);
    } while (dir_link_again(d, err));
    if (err != ERR_OK)
        return err;
    g = unix_group(d, mem, a);
    /* The domain compares names more loosely than Unix does. */
    if (g == NULL || strcmp(g->name, key->name) != 0)
        return ERR_UNKNOWN_PRINCIPAL;
    err = ask_members(d, mem, a, row, g);
    (void)store_put_group(d->store, g);
    if (err == ERR_OK)
        *group_out = g;
    return err;
}

static bool
is_among(const struct dir_group *groups, size_t n, const struct sid *sid)
{
    for (size_t i = 0; i < n; i++) {
        if (sid_equal(&groups[i].sid, sid))
            return true;
    }
    return false;
}

enum err
dir_fetch_groups(struct dir *d, TALLOC_CTX *mem, const struct sid *sids, size_t n, const struct sid *wanted,
                 struct store_group **wanted_out)
{
    struct dir_group *found = NULL;
    struct directory *l;
    size_t n_found = 0;
    enum err err;

    *wanted_out = NULL;
    do {
        l = dir_link(d);
        err = l == NULL ? ERR_NO_KDC : directory_groups_by_sid(l, mem, sids, n, &found, &n_found);
    } while (dir_link_again(d, err));
    if (err != ERR_OK && err != ERR_UNKNOWN_PRINCIPAL)
        return err;
    (void)store_begin(d->store);
    for (size_t i = 0; i < n_found; i++) {
        struct store_group *g = unix_group(d, mem, &found[i]);

        if (g != NULL)
            (void)store_put_group(d->store, g);
        if (g != NULL && wanted != NULL && sid_equal(&g->sid, wanted))
            *wanted_out = g;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_among(found, n_found, &sids[i]))
            store_drop_group(d->store, &sids[i]);
    }
    (void)store_commit(d->store);
    return ERR_OK;
}

/* A group by its SID, with others whose turn would come anyway. Members are what row knows. */
static enum err
ask_by_sid(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, const struct store_group *row,
           struct store_group **group_out)
{
    struct sid sids[DIR_BATCH];
    size_t at, n = dir_pending_peek(d, key->id, &at, sids);
    enum err err;

    if (n == 0)
        sids[0] = key->sid;
    err = dir_fetch_groups(d, mem, sids, n == 0 ? 1 : n, &key->sid, group_out);
    if (err == ERR_OK)
        dir_pending_remove(d, at, n);
    if (*group_out != NULL)
        keep_members(*group_out, row);
    return err == ERR_OK && *group_out == NULL ? ERR_UNKNOWN_PRINCIPAL : err;
}

enum ipc_status
dir_find_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, bool members,
               struct store_group **group_out)
{
    struct store_group *row;
    enum err err;

    if (key->trust != NULL)
        return dir_foreign_group(d, mem, key, refresh, group_out);
    row = stored(d, mem, key);
    /* Not what was learned of a domain that is not trusted any more. */
    if (row != NULL && d->own.known && !dir_is_own(d, &row->sid))
        row = NULL;
    *group_out = row;
    if (row != NULL && dir_fresh(d, row->refreshed, refresh) &&
        (!members || dir_fresh(d, row->members_learned, refresh) || is_hard(d, row->gid)))
        return IPC_STATUS_FOUND;
    if (!key->by_sid && key->account[0] == '\0')
        return IPC_STATUS_NONE; /* a group has no UPN */
    err = (key->by_sid ? ask_by_sid : ask_by_name)(d, mem, key, row, group_out);
    if (err == ERR_OK)
        return IPC_STATUS_FOUND;
    if (err == ERR_UNKNOWN_PRINCIPAL) {
        if (row != NULL)
            forget(d, row);
        return IPC_STATUS_NONE;
    }
    *group_out = row;
    if (row != NULL && dir_usable(d, members ? row->members_learned : row->refreshed))
        return IPC_STATUS_FOUND;
    return IPC_STATUS_LATER;
}
