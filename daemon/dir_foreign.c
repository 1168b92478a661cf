/*
 * Accounts of trusted domains.  LDAP at the own domain's controller knows
 * nothing of them; the store has what netlogon told of their names, and what
 * logons told of their groups.
 */
#include "daemon/directory.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"

#define RID_DOMAIN_USERS 513 /* the usual primary group: until a logon has told the right one */

bool
dir_foreign_canonical(const struct trust *trust, const char *account, char name_out[static NAME_MAX_BYTES + 1])
{
    struct name n;
    int len;

    name_out[0] = '\0';
    if (!name_parse(account, strlen(account), &n) || n.form != NAME_SHORT)
        return false;
    len = snprintf(name_out, NAME_MAX_BYTES + 1, "%s@%s", n.local, trust->dns);
    if (len > 0 && len <= NAME_MAX_BYTES && name_is_safe(name_out))
        return true;
    name_out[0] = '\0';
    return false;
}

/* What a logon told before stays: LSA knows names alone. */
static void
learn_user(struct dir *d, TALLOC_CTX *mem, const struct trust *trust, const struct ipc_account *a, const char *name)
{
    const struct store_user *old = store_user_by_sid(d->store, mem, &a->sid);
    struct sid primary = trust->sid;
    struct store_user u = { .sid = a->sid, .name = name, .account = a->account, .upn = old == NULL ? "" : old->upn,
                            .full_name = old == NULL ? a->account : old->full_name, .refreshed = dir_now() };

    if (!idmap_id(d->idmap, &a->sid, &u.uid) || !sid_append(&primary, RID_DOMAIN_USERS) ||
        !idmap_id(d->idmap, &primary, &u.gid))
        return;
    if (old != NULL)
        u.gid = old->gid;
    (void)store_put_user(d->store, &u);
}

static void
learn_group(struct dir *d, const struct ipc_account *a, const char *name)
{
    struct store_group g = { .sid = a->sid, .name = name, .refreshed = dir_now() };

    if (idmap_id(d->idmap, &a->sid, &g.gid))
        (void)store_put_group(d->store, &g);
}

void
dir_foreign_learn(struct dir *d, const struct ipc_account *a)
{
    const struct trust *trust = a->kind == IPC_ACCOUNT_UNKNOWN ? NULL : dir_trust_of(d, &a->sid);
    char name[NAME_MAX_BYTES + 1];
    TALLOC_CTX *mem;

    if (trust == NULL || !dir_foreign_canonical(trust, a->account, name))
        return;
    mem = talloc_new(NULL);
    if (a->kind == IPC_ACCOUNT_USER)
        learn_user(d, mem, trust, a, name);
    else
        learn_group(d, a, name);
    talloc_free(mem);
}

/* True if the message in hand is to wait for the account. */
static bool
want(struct dir *d, const struct dir_key *key)
{
    return key->by_sid ? dir_want_sid(d, &key->sid) : dir_want_name(d, key->trust, key->account);
}

/*
 * What is known serves as long as it may where netlogon has no answer, and
 * where it says that there is none such: a controller says that, too, of a
 * domain that does not answer it.
 */
static enum ipc_status
settle(const struct dir *d, bool usable)
{
    if (usable)
        return IPC_STATUS_FOUND;
    return d->asking.answered ? IPC_STATUS_NONE : IPC_STATUS_LATER;
}

static struct store_user *
stored_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_user *u = key->by_sid ? store_user_by_sid(d->store, mem, &key->sid)
                                       : store_user_by_name(d->store, mem, key->name);

    if (u != NULL && sid_in_domain(&u->sid, &key->trust->sid) && (key->by_sid || strcmp(u->name, key->name) == 0))
        return u;
    talloc_free(u);
    return NULL;
}

static enum ipc_status
find_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, struct store_user **user_out)
{
    struct store_user *u = stored_user(d, mem, key);

    d->trusts.used = true;
    *user_out = u;
    if (u != NULL && dir_fresh(d, u->refreshed, refresh))
        return IPC_STATUS_FOUND;
    if (want(d, key))
        return IPC_STATUS_LATER;
    return settle(d, u != NULL && dir_usable(d, u->refreshed));
}

enum ipc_status
dir_foreign_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, bool groups,
                 struct store_user **user_out)
{
    enum ipc_status status = find_user(d, mem, key, refresh, user_out);
    struct store_user *u = *user_out;

    if (status != IPC_STATUS_FOUND || !groups)
        return status;
    /* Nobody but a logon tells those of the other domain; what the last one told goes with the user. */
    if (!dir_usable(d, u->groups_learned)) {
        u->n_gids = 0;
        u->groups_learned = 0;
    }
    dir_resource_find(d, mem, u, refresh);
    return IPC_STATUS_FOUND;
}

static struct store_group *
stored_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_group *g = key->by_sid ? store_group_by_gid(d->store, mem, key->id)
                                        : store_group_by_name(d->store, mem, key->name);

    if (g != NULL && sid_in_domain(&g->sid, &key->trust->sid) && (!key->by_sid || sid_equal(&g->sid, &key->sid)))
        return g;
    talloc_free(g);
    return NULL;
}

enum ipc_status
dir_foreign_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh,
                  struct store_group **group_out)
{
    struct store_group *g = stored_group(d, mem, key);

    d->trusts.used = true;
    *group_out = g;
    /* Its members are not told to this computer. */
    if (g != NULL)
        g->members_learned = g->refreshed;
    if (g != NULL && dir_fresh(d, g->refreshed, refresh))
        return IPC_STATUS_FOUND;
    if (want(d, key))
        return IPC_STATUS_LATER;
    return settle(d, g != NULL && dir_usable(d, g->refreshed));
}
