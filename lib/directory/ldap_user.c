/* Users. */
#include "lib/directory/ldap.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/directory/ldap_private.h"
#include "lib/sid/name.h"

static const char *const user_attributes[] = {
    "objectSid", "primaryGroupID", "sAMAccountName", "userPrincipalName", "displayName", "cn",
    "userAccountControl", "msDS-User-Account-Control-Computed", "lockoutTime", "accountExpires", "pwdLastSet",
    "msDS-UserPasswordExpiryTimeComputed", "logonHours", "userWorkstations", NULL
};

/* One of several attributes that are malformed must not make the account unusable: no full name, then. */
static const char *
full_name(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem)
{
    const char *name = NULL;

    if (entry_text(d, entry, mem, "displayName", DIR_NAME_MAX, &name) && name != NULL)
        return name;
    if (entry_text(d, entry, mem, "cn", DIR_NAME_MAX, &name) && name != NULL)
        return name;
    return "";
}

/* A number that is not negative, such as a time; FILETIME_ABSENT where there is none. False if malformed. */
static bool
read_time(struct directory *d, LDAPMessage *entry, const char *attribute, int64_t *out)
{
    int64_t v;

    if (!entry_number(d, entry, attribute, INT64_MIN, &v))
        return false;
    *out = v == INT64_MIN ? FILETIME_ABSENT : v;
    return v == INT64_MIN || v >= 0;
}

static bool
read_state(struct directory *d, LDAPMessage *entry, struct dir_user *u)
{
    struct account_facts f = { .control = 0 };
    int64_t control;

    if (!entry_number(d, entry, "userAccountControl", -1, &control) || control < 0 || control > UINT32_MAX ||
        !read_time(d, entry, "msDS-User-Account-Control-Computed", &f.computed) ||
        !read_time(d, entry, "lockoutTime", &f.lockout_time) ||
        !read_time(d, entry, "accountExpires", &f.account_expires) ||
        !read_time(d, entry, "pwdLastSet", &f.password_last_set) ||
        !read_time(d, entry, "msDS-UserPasswordExpiryTimeComputed", &f.password_expires) ||
        !entry_bytes(d, entry, u, "logonHours", 64, &f.hours, &f.hours_len))
        return false;
    f.control = (uint32_t)control;
    u->is_machine = (f.control & UF_MACHINE) != 0;
    account_state_of(&f, time(NULL), &u->state);
    return true;
}

/* NULL if the entry is no user as it should be. */
static struct dir_user *
read_user(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem)
{
    struct dir_user *u = talloc_zero(mem, struct dir_user);
    int64_t primary;

    if (u == NULL)
        return NULL;
    u->dn = entry_dn(d, entry, u);
    if (u->dn == NULL || !entry_sid(d, entry, "objectSid", &u->sid) || !sid_in_domain(&u->sid, &d->domain_sid) ||
        !entry_number(d, entry, "primaryGroupID", -1, &primary) || primary <= 0 || primary > UINT32_MAX ||
        !entry_text(d, entry, u, "sAMAccountName", NAME_MAX_BYTES, &u->account) || u->account == NULL ||
        !entry_text(d, entry, u, "userPrincipalName", DIR_NAME_MAX, &u->upn) || !read_state(d, entry, u)) {
        log_warning("LDAP: the entry of a user is malformed: %s", u->dn != NULL ? u->dn : "its name is");
        TALLOC_FREE(u);
        return NULL;
    }
    u->primary_rid = (uint32_t)primary;
    if (u->upn == NULL)
        u->upn = "";
    /* What we cannot read does not allow anything. */
    if (!entry_text(d, entry, u, "userWorkstations", WORKSTATIONS_MAX, &u->workstations))
        u->workstations = ",";
    else if (u->workstations == NULL)
        u->workstations = "";
    u->full_name = full_name(d, entry, u);
    return u;
}

struct found {
    TALLOC_CTX *mem;
    struct dir_user *user;
    size_t n;
};

static enum err
take_user(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct found *f = arg;

    f->n++;
    TALLOC_FREE(f->user);
    f->user = read_user(d, entry, f->mem);
    return ERR_OK;
}

/* The one user that filter (freed) finds. *several_out: there are more, so it is none of them. */
static enum err
find_user(struct directory *d, TALLOC_CTX *mem, char *filter, struct dir_user **out, bool *several_out)
{
    struct found f = { .mem = mem };
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, filter, user_attributes, 0, 2, false };
    enum err err = dir_search(d, &q, take_user, &f);

    talloc_free(filter);
    if (err == ERR_OK && f.n > 1)
        log_warning("LDAP: a name stands for several accounts: none of them is taken");
    if (err == ERR_OK && (f.n != 1 || f.user == NULL))
        err = ERR_UNKNOWN_PRINCIPAL;
    if (err != ERR_OK)
        TALLOC_FREE(f.user);
    *out = f.user;
    *several_out = f.n > 1;
    return err;
}

static enum err
by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_user **out)
{
    enum err err;
    bool several;

    *out = NULL;
    if (!dir_may_ask(account))
        return ERR_UNKNOWN_PRINCIPAL;
    err = find_user(d, mem, directory_filter(mem, "(&(objectClass=user)(sAMAccountName=%s))", account), out, &several);
    if (err == ERR_OK && !dir_same_name((*out)->account, account)) {
        TALLOC_FREE(*out);
        err = ERR_UNKNOWN_PRINCIPAL;
    }
    return err;
}

enum err
directory_user_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_user **out)
{
    dir_begin(d);
    return by_account(d, mem, account, out);
}

enum err
directory_user_by_upn(struct directory *d, TALLOC_CTX *mem, const char *upn, struct dir_user **out)
{
    const char *at = strrchr(upn, '@');
    char *account;
    enum err err;
    bool several;

    *out = NULL;
    dir_begin(d);
    if (!dir_may_ask(upn) || at == NULL || at == upn)
        return ERR_UNKNOWN_PRINCIPAL;
    err = find_user(d, mem, directory_filter(mem, "(&(objectClass=user)(userPrincipalName=%s))", upn), out,
                    &several);
    if (err == ERR_OK && !dir_same_name((*out)->upn, upn)) {
        TALLOC_FREE(*out);
        err = ERR_UNKNOWN_PRINCIPAL;
    }
    /* Every account has account@domain beside it, [MS-ADTS] 5.1.1.1.1. */
    if (err != ERR_UNKNOWN_PRINCIPAL || several || strcasecmp(at + 1, d->domain_dns) != 0)
        return err;
    account = talloc_strndup(mem, upn, (size_t)(at - upn));
    if (account == NULL)
        return ERR_INTERNAL;
    err = by_account(d, mem, account, out);
    talloc_free(account);
    return err;
}

enum err
directory_user_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sid, struct dir_user **out)
{
    uint8_t binary[SID_BINARY_MAX];
    struct writer w = writer_init(binary, sizeof(binary));
    enum err err;
    bool several;

    *out = NULL;
    dir_begin(d);
    sid_write(&w, sid);
    if (!writer_ok(&w))
        return ERR_UNKNOWN_PRINCIPAL;
    err = find_user(d, mem, directory_filter(mem, "(&(objectClass=user)(objectSid=%b))", binary, w.len), out,
                    &several);
    if (err == ERR_OK && !sid_equal(&(*out)->sid, sid)) {
        TALLOC_FREE(*out);
        err = ERR_UNKNOWN_PRINCIPAL;
    }
    return err;
}
