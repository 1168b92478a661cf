/*
 * LEARN: what a verified logon said of its user (design, section 2, step 7).
 * Asks nobody, but for the groups of the own domain that a user of a trusted
 * one is in.
 */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"

/* Makes the domain of the account known, for its ids. */
static enum err
learn_domain(struct dir *d, const struct logon_info *info, const struct sid *domain)
{
    char dns[256], netbios[64], text[SID_TEXT_MAX];

    if ((d->own.known && sid_equal(domain, &d->own.sid)) || trusts_by_domain(&d->trusts.t, domain) != NULL)
        return ERR_OK;
    if (!name_fold(info->domain_dns, dns, sizeof(dns)) || !name_fold(info->domain_netbios, netbios, sizeof(netbios)) ||
        (dns[0] == '\0' && netbios[0] == '\0') || !sid_is_domain(domain))
        return ERR_INTERNAL;
    if (!d->own.known && strcmp(dns, d->config->name) == 0) {
        dir_learn_own(d, domain, netbios);
        return ERR_OK;
    }
    /* Whatever it calls itself: who may vouch for whom is in the table. */
    log_alarm("a logon was vouched for as one of %s (%s), which is neither this domain nor one that it trusts", dns,
              sid_text(domain, text));
    return ERR_WRONG_ACCOUNT;
}

/* Groups that are in force and have an id here, into u. */
static bool
take_groups(struct dir *d, const struct logon_info *info, struct store_user *u)
{
    const struct trust *trust = dir_trust_of(d, &info->user);
    uint32_t *gids = talloc_array(u, uint32_t, (unsigned)info->n_groups + 1);

    if (gids == NULL)
        return false;
    for (size_t i = 0; i < info->n_groups; i++) {
        /* A trusted domain's word is about its own groups. */
        if (trust != NULL && !sid_in_domain(&info->groups[i].sid, &trust->sid))
            continue;
        if (logon_group_is_active(&info->groups[i]) && idmap_id(d->idmap, &info->groups[i].sid, &gids[u->n_gids]))
            u->n_gids++;
    }
    u->n_gids = dir_unique_gids(gids, u->n_gids, u->gid);
    u->gids = gids;
    u->groups_learned = dir_now();
    return true;
}

/* A user of a trusted domain has that in his name, and nobody else has. */
static bool
is_called(const struct dir *d, const struct logon_info *info, const char *name)
{
    const struct trust *trust = dir_trust_of(d, &info->user);
    const char *at = strrchr(name, '@');

    if (trust != NULL)
        return at != NULL && strcmp(at + 1, trust->dns) == 0;
    return at == NULL || strcmp(at + 1, d->config->name) == 0;
}

/* The user as info says he is, old where it says nothing. */
static enum err
make_user(struct dir *d, TALLOC_CTX *mem, const char *name, const struct logon_info *info, struct store_user **u_out)
{
    char upn[NAME_MAX_BYTES + 1];
    struct store_user *u = talloc_zero(mem, struct store_user);
    struct store_user *old = store_user_by_sid(d->store, mem, &info->user);
    struct sid primary;
    uint32_t rid;

    if (u == NULL)
        return ERR_INTERNAL;
    if (!is_called(d, info, name)) {
        log_alarm("a logon as %s was vouched for as an account of another domain", name);
        return ERR_WRONG_ACCOUNT;
    }
    if (old != NULL && strcmp(old->name, name) != 0) {
        log_warning("a logon as %s was vouched for as the account of %s", name, old->name);
        return ERR_WRONG_ACCOUNT;
    }
    if (!sid_split(&info->user, &primary, &rid) || !sid_append(&primary, info->primary_rid) ||
        !idmap_id(d->idmap, &info->user, &u->uid) || !idmap_id(d->idmap, &primary, &u->gid) || !name_is_safe(name))
        return ERR_INTERNAL;
    if (strchr(info->upn, '@') == NULL || !name_fold(info->upn, upn, sizeof(upn)))
        upn[0] = '\0';
    u->sid = info->user;
    u->name = name;
    u->account = info->account[0] != '\0' || old == NULL ? info->account : old->account;
    u->upn = upn[0] != '\0' || old == NULL ? talloc_strdup(u, upn) : old->upn;
    u->full_name = info->full_name[0] != '\0' || old == NULL ? info->full_name : old->full_name;
    u->refreshed = dir_now();
    /* Who has just logged on was not disabled, locked, expired or here at the wrong hour. */
    u->state_learned = info->is_service_asserted ? 0 : u->refreshed;
    if (u->upn == NULL || !take_groups(d, info, u))
        return ERR_INTERNAL;
    *u_out = u;
    return ERR_OK;
}

static enum err
learn(struct dir *d, TALLOC_CTX *mem, const char *name, const struct logon_info *info, struct store_user **u_out)
{
    char text[SID_TEXT_MAX];
    struct sid domain;
    uint32_t rid;
    enum err err;

    *u_out = NULL;
    if (logon_info_is_machine(info))
        return ERR_NOT_A_PERSON;
    if (!sid_split(&info->user, &domain, &rid))
        return ERR_INTERNAL;
    err = learn_domain(d, info, &domain);
    if (err == ERR_OK)
        err = make_user(d, mem, name, info, u_out);
    if (err == ERR_OK && dir_trust_of(d, &info->user) != NULL)
        dir_resource_logon(d, mem, *u_out);
    if (err != ERR_OK)
        log_error("cannot take %s (%s) from a logon: %s", name, sid_text(&info->user, text), err_name(err));
    return err;
}

/* The own domain could not be asked what it has to say of a user of another one. */
static bool
is_incomplete(const struct dir *d, const struct store_user *u)
{
    return dir_trust_of(d, &u->sid) != NULL && !dir_fresh(d, u->resource_learned, false);
}

bool
dir_on_learn(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    TALLOC_CTX *mem = talloc_new(NULL);
    char name[PROTO_NAME_MAX + 1];
    struct dir_record passwd = { 0 }, groups = { 0 };
    struct ipc_learned m = { 0 };
    struct logon_info *info;
    struct store_user *u;
    struct writer w;
    bool ok;

    (void)fds;
    ok = ipc_get_learn(mem, packet, len, &m.request, name, &info);
    if (!ok)
        goto done;
    m.err = (uint32_t)learn(d, mem, name, info, &u);
    if (m.err == ERR_OK && (!dir_record_passwd(d, mem, u, &passwd) || !dir_record_groups(d, mem, u, &groups)))
        m.err = ERR_INTERNAL;
    if (m.err == ERR_OK) {
        dir_times(d, u->refreshed, &m.refresh, &m.end);
        if (is_incomplete(d, u) && m.refresh > DIR_RETRY_S)
            m.refresh = DIR_RETRY_S;
        m.passwd = passwd.bytes;
        m.passwd_len = passwd.len;
        m.groups = groups.bytes;
        m.groups_len = groups.len;
    }
    w = writer_init(talloc_size(mem, 64 + m.passwd_len + m.groups_len), 64 + m.passwd_len + m.groups_len);
    ipc_put_learned(&w, &m);
    dir_reply(d, &w, -1);
    /* The person need not wait for the disk. */
    if (m.err == ERR_OK) {
        (void)store_put_user(d->store, u);
        dir_learn_names(d, u);
    }

done:
    talloc_free(mem);
    return ok;
}
