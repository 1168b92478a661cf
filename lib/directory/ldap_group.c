/* Groups and memberships. */
#include "lib/directory/ldap.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/directory/ldap_private.h"
#include "lib/sid/name.h"

#define ITEMS_AT_ONCE 100
#define PAGE 500
#define NESTED_MAX 1000     /* groups within a group whose primary members are looked for */

#define IN_CHAIN ":1.2.840.113556.1.4.1941:"

static const char *const group_attributes[] = { "objectSid", "sAMAccountName", NULL };

/* Reads a group into *g, strings under mem. */
static bool
read_group(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, struct dir_group *g)
{
    memset(g, 0, sizeof(*g));
    g->dn = entry_dn(d, entry, mem);
    if (g->dn != NULL && entry_sid(d, entry, "objectSid", &g->sid) &&
        entry_text(d, entry, mem, "sAMAccountName", NAME_MAX_BYTES, &g->account) && g->account != NULL)
        return true;
    log_warning("LDAP: the entry of a group is malformed: %s", g->dn != NULL ? g->dn : "its name is");
    return false;
}

/* Groups as they come. */
struct groups {
    struct dir_group *groups;
    size_t n;
    size_t size;
};

static enum err
take_group(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct groups *gs = arg;

    if (gs->n < gs->size && read_group(d, entry, gs->groups, &gs->groups[gs->n]))
        gs->n++;
    return ERR_OK;
}

enum err
directory_group_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_group **out)
{
    struct groups gs = { .size = 2 };
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, NULL, group_attributes, 0, 2, false };
    enum err err;

    *out = NULL;
    dir_begin(d);
    if (!dir_may_ask(account))
        return ERR_UNKNOWN_PRINCIPAL;
    gs.groups = talloc_array(mem, struct dir_group, 2);
    if (gs.groups == NULL)
        return ERR_INTERNAL;
    q.filter = directory_filter(gs.groups, "(&" SECURITY_GROUP "(sAMAccountName=%s))", account);
    err = dir_search(d, &q, take_group, &gs);
    if (err == ERR_OK && (gs.n != 1 || !dir_same_name(gs.groups[0].account, account)))
        err = ERR_UNKNOWN_PRINCIPAL;
    if (err == ERR_OK)
        *out = gs.groups;
    else
        talloc_free(gs.groups);
    return err;
}

/* One term of a search for many groups: the i-th of items, under mem. */
typedef char *term_fn(TALLOC_CTX *mem, const void *items, size_t i);

static char *
sid_term(TALLOC_CTX *mem, const void *items, size_t i)
{
    const struct sid *sids = items;
    uint8_t binary[SID_BINARY_MAX];
    struct writer w = writer_init(binary, sizeof(binary));

    sid_write(&w, &sids[i]);
    return writer_ok(&w) ? directory_filter(mem, "(objectSid=%b)", binary, w.len) : NULL;
}

static char *
account_term(TALLOC_CTX *mem, const void *items, size_t i)
{
    const char *const *accounts = items;

    return directory_filter(mem, "(sAMAccountName=%s)", accounts[i]);
}

/* "(&...(|(term)(term)))" of n items from the first one, under mem. */
static char *
filter_of_many(TALLOC_CTX *mem, term_fn *term, const void *items, size_t first, size_t n)
{
    char *filter = talloc_strdup(mem, "(&" SECURITY_GROUP "(|");

    for (size_t i = 0; i < n && filter != NULL; i++) {
        char *one = term(mem, items, first + i);

        filter = one != NULL ? talloc_strdup_append_buffer(filter, one) : NULL;
        talloc_free(one);
    }
    return filter == NULL ? NULL : talloc_strdup_append_buffer(filter, "))");
}

static enum err
search_many(struct directory *d, TALLOC_CTX *mem, term_fn *term, const void *items, size_t n, struct dir_group **out,
            size_t *n_out)
{
    struct groups gs = { .size = n };
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, NULL, group_attributes, 0, 0, false };
    enum err err = ERR_OK;

    *out = NULL;
    *n_out = 0;
    dir_begin(d);
    gs.groups = talloc_array(mem, struct dir_group, n > 0 ? (unsigned)n : 1);
    if (n > LOGON_GROUPS_MAX || gs.groups == NULL) {
        talloc_free(gs.groups);
        return ERR_INTERNAL;
    }
    for (size_t done = 0; done < n && err == ERR_OK; done += q.max) {
        TALLOC_CTX *tmp = talloc_new(gs.groups);

        q.max = n - done < ITEMS_AT_ONCE ? n - done : ITEMS_AT_ONCE;
        q.filter = filter_of_many(tmp, term, items, done, q.max);
        err = dir_search(d, &q, take_group, &gs);
        talloc_free(tmp);
    }
    if (err != ERR_OK) {
        talloc_free(gs.groups);
        return err;
    }
    *out = gs.groups;
    *n_out = gs.n;
    return ERR_OK;
}

enum err
directory_groups_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n,
                        struct dir_group **out, size_t *n_out)
{
    return search_many(d, mem, sid_term, sids, n, out, n_out);
}

enum err
directory_groups_by_account(struct directory *d, TALLOC_CTX *mem, const char *const *accounts, size_t n,
                            struct dir_group **out, size_t *n_out)
{
    return search_many(d, mem, account_term, accounts, n, out, n_out);
}

struct token {
    TALLOC_CTX *mem;
    struct sid *sids;
    size_t n;
};

static enum err
take_token(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct token *t = arg;

    return entry_sids(d, entry, t->mem, "tokenGroups", LOGON_GROUPS_MAX, &t->sids, &t->n) ? ERR_OK : ERR_INTERNAL;
}

enum err
directory_token_groups(struct directory *d, TALLOC_CTX *mem, const char *user_dn, struct sid **out, size_t *n_out)
{
    static const char *const attributes[] = { "tokenGroups", NULL };
    struct token t = { .mem = mem };
    struct dir_query q = { user_dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, 1, false };
    enum err err;

    *out = NULL;
    *n_out = 0;
    dir_begin(d);
    err = dir_search(d, &q, take_token, &t);
    /* Everybody has a primary group: none at all means that the entry is gone or we may not read it. */
    if (err == ERR_OK && t.n == 0) {
        log_warning("LDAP: the directory does not tell the groups of %s", user_dn);
        err = ERR_UNKNOWN_PRINCIPAL;
    }
    if (err != ERR_OK) {
        talloc_free(t.sids);
        return err;
    }
    *out = t.sids;
    *n_out = t.n;
    return ERR_OK;
}

/* Groups that a user may have as the primary one: by RID. */
struct rids {
    char *filter;
};

static enum err
take_rid(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct rids *r = arg;
    struct sid sid, domain;
    uint32_t rid;

    if (!entry_sid(d, entry, "objectSid", &sid) || !sid_in_domain(&sid, &d->domain_sid) ||
        !sid_split(&sid, &domain, &rid))
        return ERR_OK;
    r->filter = talloc_asprintf_append_buffer(r->filter, "(primaryGroupID=%" PRIu32 ")", rid);
    return r->filter != NULL ? ERR_OK : ERR_INTERNAL;
}

/*
 * Who is a member: of the group and of those within it, by member or as their
 * primary group, which no member attribute shows.  The filter, under mem.
 */
static enum err
filter_of_members(struct directory *d, TALLOC_CTX *mem, const struct dir_group *group, char **out)
{
    static const char *const attributes[] = { "objectSid", NULL };
    struct rids r = { .filter = talloc_strdup(mem, "") };
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, NULL, attributes, PAGE, NESTED_MAX, true };
    struct sid domain;
    uint32_t rid;
    enum err err;

    *out = NULL;
    if (r.filter != NULL && sid_in_domain(&group->sid, &d->domain_sid) && sid_split(&group->sid, &domain, &rid))
        r.filter = talloc_asprintf_append_buffer(r.filter, "(primaryGroupID=%" PRIu32 ")", rid);
    q.filter = directory_filter(mem, "(&" SECURITY_GROUP "(memberOf" IN_CHAIN "=%s))", group->dn);
    if (r.filter == NULL)
        return ERR_INTERNAL;
    err = dir_search(d, &q, take_rid, &r);
    if (err != ERR_OK)
        return err;
    *out = directory_filter(mem, "(&(objectCategory=person)(objectClass=user)(|(memberOf" IN_CHAIN "=%s)", group->dn);
    if (*out != NULL)
        *out = talloc_asprintf_append_buffer(*out, "%s))", r.filter);
    return *out != NULL ? ERR_OK : ERR_INTERNAL;
}

struct members {
    const char **names;
    size_t n;
    size_t max;
};

static enum err
take_member(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct members *m = arg;
    const char *name = NULL;
    int64_t control = 0;

    if (!entry_number(d, entry, "userAccountControl", 0, &control) || (control & UF_MACHINE) != 0)
        return ERR_OK;
    if (!entry_text(d, entry, m->names, "sAMAccountName", NAME_MAX_BYTES, &name) || name == NULL)
        return ERR_OK;
    m->names[m->n++] = name;
    return ERR_OK;
}

enum err
directory_members(struct directory *d, TALLOC_CTX *mem, const struct dir_group *group, size_t max, const char ***out,
                  size_t *n_out)
{
    static const char *const attributes[] = { "sAMAccountName", "userAccountControl", NULL };
    struct members m = { .max = max };
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, NULL, attributes, PAGE, max, true };
    char *filter = NULL;
    enum err err;

    *out = NULL;
    *n_out = 0;
    dir_begin_within(d, DIRECTORY_MEMBERS_MS);
    m.names = talloc_zero_array(mem, const char *, max > 0 ? (unsigned)max : 1);
    if (m.names == NULL)
        return ERR_INTERNAL;
    err = filter_of_members(d, m.names, group, &filter);
    q.filter = filter;
    if (err == ERR_OK && max > 0)
        err = dir_search(d, &q, take_member, &m);
    talloc_free(filter);
    if (err != ERR_OK) {
        talloc_free(m.names);
        return err;
    }
    *out = m.names;
    *n_out = m.n;
    return ERR_OK;
}
