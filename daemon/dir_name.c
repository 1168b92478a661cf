/* What a spelling or an id stands for. */
#include "daemon/directory.h"

#include <stdio.h>
#include <string.h>

bool
dir_canonical(const struct dir *d, const char *account, char name_out[static NAME_MAX_BYTES + 1])
{
    struct name n;
    int len;

    name_out[0] = '\0';
    /* An account that is called like somebody's qualified name would be taken for him. */
    if (!name_parse(account, strlen(account), &n) || n.form != NAME_SHORT)
        return false;
    if (d->config->name_format == CONFIG_NAME_SHORT)
        len = snprintf(name_out, NAME_MAX_BYTES + 1, "%s", n.local);
    else
        len = snprintf(name_out, NAME_MAX_BYTES + 1, "%s@%s", n.local, d->config->name);
    if (len > 0 && len <= NAME_MAX_BYTES && name_is_safe(name_out))
        return true;
    name_out[0] = '\0';
    return false;
}

/* FOUND: word is our domain's NetBIOS or DNS name; NONE: another's; LATER: we don't know our NetBIOS name yet. */
static enum ipc_status
is_our_domain(struct dir *d, const char *word)
{
    if (strcmp(word, d->config->name) == 0)
        return IPC_STATUS_FOUND;
    if (strchr(word, '.') != NULL)
        return IPC_STATUS_NONE;
    if (d->own.netbios[0] == '\0')
        (void)dir_link(d);
    if (d->own.netbios[0] == '\0')
        return IPC_STATUS_LATER;
    return strcmp(word, d->own.netbios) == 0 ? IPC_STATUS_FOUND : IPC_STATUS_NONE;
}

static enum ipc_status
key_of_account(const struct dir *d, const struct name *n, struct dir_key *key)
{
    if (!dir_canonical(d, n->local, key->name))
        return IPC_STATUS_NONE;
    memcpy(key->account, n->local, sizeof(key->account));
    return IPC_STATUS_FOUND;
}

static enum ipc_status
key_of_foreign(const struct trust *trust, const struct name *n, struct dir_key *key)
{
    if (!dir_foreign_canonical(trust, n->local, key->name))
        return IPC_STATUS_NONE;
    key->trust = trust;
    memcpy(key->account, n->local, sizeof(key->account));
    return IPC_STATUS_FOUND;
}

enum ipc_status
dir_key_of_name(struct dir *d, const char *spelling, struct dir_key *key_out)
{
    const struct trust *trust;
    enum ipc_status status;
    struct name n;

    memset(key_out, 0, sizeof(*key_out));
    if (!name_parse(spelling, strlen(spelling), &n))
        return IPC_STATUS_NONE;
    if (n.form == NAME_SHORT)
        return d->config->name_format == CONFIG_NAME_SHORT ? key_of_account(d, &n, key_out) : IPC_STATUS_NONE;
    status = is_our_domain(d, n.domain);
    /* A user of the own domain may have a UPN that looks like another domain's user: that one has the name. */
    trust = status == IPC_STATUS_FOUND ? NULL : trusts_by_word(&d->trusts.t, n.domain);
    if (trust != NULL)
        return key_of_foreign(trust, &n, key_out);
    if (status != IPC_STATUS_FOUND && dir_want_trusts(d))
        return IPC_STATUS_LATER;
    if (status == IPC_STATUS_FOUND)
        status = key_of_account(d, &n, key_out);
    if (n.form == NAME_NETBIOS)
        return status;
    /* Any suffix can be a UPN's, our own too: "alice.smith@corp.test" need not be the account alice.smith. */
    memcpy(key_out->upn, n.whole, sizeof(key_out->upn));
    return IPC_STATUS_FOUND;
}

enum ipc_status
dir_key_of_id(struct dir *d, uint32_t id, struct dir_key *key_out)
{
    bool known;

    memset(key_out, 0, sizeof(*key_out));
    if (!idmap_in_range(d->idmap, id))
        return IPC_STATUS_NONE;
    key_out->by_sid = true;
    key_out->id = id;
    known = idmap_sid(d->idmap, id, &key_out->sid);
    if (!known && !d->own.known) {
        (void)dir_link(d);
        known = idmap_sid(d->idmap, id, &key_out->sid);
    }
    if (known && (!d->own.known || dir_is_own(d, &key_out->sid)))
        return IPC_STATUS_FOUND;
    if (known)
        key_out->trust = dir_trust_of(d, &key_out->sid);
    if (key_out->trust != NULL)
        return IPC_STATUS_FOUND;
    /* An id that no domain has which is known here; one that is not known yet may have it. */
    if (dir_want_trusts(d))
        return IPC_STATUS_LATER;
    return d->own.known ? IPC_STATUS_NONE : IPC_STATUS_LATER;
}
