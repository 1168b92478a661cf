/* Users and their memberships: the store first, the domain second. */
#include "daemon/directory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/log.h"

int64_t
dir_now(void)
{
    return (int64_t)time(NULL);
}

bool
dir_fresh(const struct dir *d, int64_t learned, bool refresh)
{
    int64_t age = dir_now() - learned;

    /* From the future: the clock was wrong then or is now. */
    return learned > 0 && age >= 0 && age < (refresh ? DIR_RECENT_S : d->config->cache_refresh);
}

bool
dir_usable(const struct dir *d, int64_t learned)
{
    return learned > 0 && dir_now() - learned < d->config->cache_end;
}

static int
compare_ids(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

uint32_t
dir_unique_gids(uint32_t *gids, uint32_t n, uint32_t primary)
{
    uint32_t kept = 0;

    if (n == 0)
        return 0;
    qsort(gids, n, sizeof(gids[0]), compare_ids);
    for (uint32_t i = 0; i < n; i++) {
        if (gids[i] != primary && (kept == 0 || gids[kept - 1] != gids[i]))
            gids[kept++] = gids[i];
    }
    return kept;
}

/* The row that key means; what another spelling of the store's found is not taken. */
static struct store_user *
stored(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_user *u = NULL;

    if (key->by_sid)
        return store_user_by_sid(d->store, mem, &key->sid);
    if (key->name[0] != '\0')
        u = store_user_by_name(d->store, mem, key->name);
    if (u != NULL && strcmp(u->name, key->name) == 0)
        return u;
    talloc_free(u);
    u = key->upn[0] != '\0' ? store_user_by_name(d->store, mem, key->upn) : NULL;
    if (u != NULL && (strcmp(u->upn, key->upn) == 0 || strcmp(u->name, key->upn) == 0))
        return u;
    talloc_free(u);
    return NULL;
}

/* True if the list of names between commas ([MS-ADA3] userWorkstations) is empty or has this computer in it. */
static bool
is_for_us(const struct dir *d, const char *list)
{
    if (*list == '\0')
        return true;
    while (*list != '\0') {
        size_t n;

        list += strspn(list, ", ");
        n = strcspn(list, ",");
        while (n > 0 && list[n - 1] == ' ')
            n--;
        if ((n == strlen(d->config->computer) && strncasecmp(list, d->config->computer, n) == 0) ||
            (n == strlen(d->config->fqdn) && strncasecmp(list, d->config->fqdn, n) == 0))
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

static uint32_t
state_bits(const struct dir *d, const struct dir_user *a)
{
    const struct account_state *s = &a->state;

    return (is_for_us(d, a->workstations) ? 0 : STORE_STATE_OTHER_WORKSTATION) | (s->disabled ? STORE_STATE_DISABLED : 0) | (s->locked ? STORE_STATE_LOCKED : 0) |
           (s->expired ? STORE_STATE_EXPIRED : 0) | (s->password_expired ? STORE_STATE_PASSWORD_EXPIRED : 0) |
           (s->must_change ? STORE_STATE_MUST_CHANGE : 0) | (s->outside_hours ? STORE_STATE_OUTSIDE_HOURS : 0);
}

/* The Unix user of an account; NULL where there can be none. */
static struct store_user *
unix_user(struct dir *d, TALLOC_CTX *mem, const struct dir_user *a)
{
    char name[NAME_MAX_BYTES + 1], upn[NAME_MAX_BYTES + 1] = "", text[SID_TEXT_MAX];
    struct sid primary = d->own.sid;
    struct store_user *u = talloc_zero(mem, struct store_user);

    if (u == NULL || !dir_is_own(d, &a->sid) || !sid_append(&primary, a->primary_rid) ||
        !idmap_id(d->idmap, &a->sid, &u->uid) || !idmap_id(d->idmap, &primary, &u->gid)) {
        log_warning("the account %s (%s) has no id here", a->account, sid_text(&a->sid, text));
        goto fail;
    }
    if (!dir_canonical(d, a->account, name)) {
        log_debug("the account %s has a name that no Unix user can have", a->account);
        goto fail;
    }
    /* Without an '@' it could be mistaken for another's short name. */
    if (strchr(a->upn, '@') == NULL || !name_fold(a->upn, upn, sizeof(upn)))
        upn[0] = '\0';
    u->sid = a->sid;
    u->name = talloc_strdup(u, name);
    u->account = talloc_strdup(u, a->account);
    u->upn = talloc_strdup(u, upn);
    u->full_name = talloc_strdup(u, a->full_name);
    u->refreshed = u->state_learned = dir_now();
    u->state = state_bits(d, a);
    if (u->name != NULL && u->account != NULL && u->upn != NULL && u->full_name != NULL)
        return u;

fail:
    talloc_free(u);
    return NULL;
}

/* The domain compares names more loosely than Unix does (accents): only the very name counts. */
static bool
is_meant(const struct dir_key *key, const struct dir_user *a)
{
    char folded[NAME_MAX_BYTES + 1];

    if (key->by_sid)
        return sid_equal(&key->sid, &a->sid);
    if (key->account[0] != '\0' && name_fold(a->account, folded, sizeof(folded)) && strcmp(folded, key->account) == 0)
        return true;
    return key->upn[0] != '\0' && name_fold(a->upn, folded, sizeof(folded)) && strcmp(folded, key->upn) == 0;
}

static enum err
query(struct directory *l, TALLOC_CTX *mem, const struct dir_key *key, struct dir_user **out)
{
    enum err err = ERR_UNKNOWN_PRINCIPAL;

    if (key->by_sid)
        err = directory_user_by_sid(l, mem, &key->sid, out);
    if (key->account[0] != '\0')
        err = directory_user_by_account(l, mem, key->account, out);
    if (err == ERR_UNKNOWN_PRINCIPAL && key->upn[0] != '\0')
        err = directory_user_by_upn(l, mem, key->upn, out);
    if (err == ERR_OK && !is_meant(key, *out))
        err = ERR_UNKNOWN_PRINCIPAL;
    return err;
}

/* There is no such user any more. */
static void
forget(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_user *row = stored(d, mem, key);

    if (row == NULL || !dir_is_own(d, &row->sid))
        return;
    log_info("the domain has no user %s any more", row->name);
    store_drop_user(d->store, &row->sid);
}

enum err
dir_ask_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, struct dir_user **account_out,
             struct store_user **u_out)
{
    struct directory *l;
    enum err err;

    *account_out = NULL;
    *u_out = NULL;
    do {
        l = dir_link(d);
        err = l == NULL ? ERR_NO_KDC : query(l, mem, key, account_out);
    } while (dir_link_again(d, err));
    if (err == ERR_OK && (*account_out)->is_machine)
        err = ERR_NOT_A_PERSON;
    if (err == ERR_OK)
        *u_out = unix_user(d, mem, *account_out);
    if (*u_out != NULL)
        (void)store_put_user(d->store, *u_out);
    else if (err != ERR_NO_KDC)
        forget(d, mem, key);
    return err;
}

/* What the store has for a key of the own domain; not what was learned of a domain that is not trusted any more. */
static struct store_user *
own_row(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key)
{
    struct store_user *row = stored(d, mem, key);

    return row != NULL && d->own.known && !dir_is_own(d, &row->sid) ? NULL : row;
}

enum ipc_status
dir_find_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, struct store_user **user_out)
{
    struct dir_user *account;
    struct store_user *row;
    enum err err;

    if (key->trust != NULL)
        return dir_foreign_user(d, mem, key, refresh, false, user_out);
    *user_out = row = own_row(d, mem, key);
    if (row != NULL && dir_fresh(d, row->refreshed, refresh))
        return IPC_STATUS_FOUND;
    err = dir_ask_user(d, mem, key, &account, user_out);
    if (err != ERR_NO_KDC)
        return *user_out != NULL ? IPC_STATUS_FOUND : IPC_STATUS_NONE;
    *user_out = row;
    return row != NULL && dir_usable(d, row->refreshed) ? IPC_STATUS_FOUND : IPC_STATUS_LATER;
}

/* Fills in the memberships of u and writes them to the store. */
static enum err
ask_groups(struct dir *d, TALLOC_CTX *mem, const char *dn, struct store_user *u)
{
    struct directory *l;
    struct sid *sids = NULL;
    uint32_t *gids;
    size_t n = 0;
    enum err err;

    do {
        l = dir_link(d);
        err = l == NULL ? ERR_NO_KDC : directory_token_groups(l, mem, dn, &sids, &n);
    } while (dir_link_again(d, err));
    if (err != ERR_OK)
        return err;
    if (n > LOGON_GROUPS_MAX)
        n = LOGON_GROUPS_MAX;
    gids = talloc_array(u, uint32_t, (unsigned)n + 1);
    if (gids == NULL)
        return ERR_INTERNAL;
    u->n_gids = 0;
    for (size_t i = 0; i < n; i++) {
        if (idmap_id(d->idmap, &sids[i], &gids[u->n_gids]))
            u->n_gids++;
    }
    u->n_gids = dir_unique_gids(gids, u->n_gids, u->gid);
    u->gids = gids;
    u->groups_learned = dir_now();
    (void)store_put_user(d->store, u);
    return ERR_OK;
}

enum ipc_status
dir_find_groups(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, struct store_user **user_out)
{
    struct dir_user *account;
    struct store_user *row;
    enum err err;

    if (key->trust != NULL)
        return dir_foreign_user(d, mem, key, refresh, true, user_out);
    *user_out = row = own_row(d, mem, key);
    if (row != NULL && dir_fresh(d, row->refreshed, refresh) && dir_fresh(d, row->groups_learned, refresh))
        return IPC_STATUS_FOUND;
    err = dir_ask_user(d, mem, key, &account, user_out);
    if (err == ERR_OK && *user_out == NULL)
        return IPC_STATUS_NONE;
    if (err == ERR_OK)
        err = ask_groups(d, mem, account->dn, *user_out);
    if (err == ERR_OK)
        return IPC_STATUS_FOUND;
    if (err != ERR_NO_KDC && err != ERR_INTERNAL)
        return IPC_STATUS_NONE;
    *user_out = row;
    return row != NULL && dir_usable(d, row->groups_learned) ? IPC_STATUS_FOUND : IPC_STATUS_LATER;
}
