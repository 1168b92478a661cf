/* Groups of this domain that accounts of other domains are in. */
#include "lib/directory/ldap.h"

#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/directory/ldap_private.h"
#include "lib/directory/text.h"

#define ITEMS_AT_ONCE 100

#define PAGE 500

/* Distinguished names, each once; those before asked were asked about. */
struct names {
    const char **dns;
    size_t n;
    size_t asked;
};

/*
 * The way up from the accounts, a level at a time.  LDAP's own search through
 * all levels (1.2.840.113556.1.4.1941) goes by way of distribution lists, too,
 * which are in nobody's token and give nobody the groups that they are in;
 * and it takes Samba a third of a second where 1,000 groups are.
 */
struct walk {
    struct directory *d;
    const struct sid *accounts;
    size_t n_accounts;
    struct names principals;    /* the accounts' own entries in this domain */
    struct names above;         /* what groups that were found are members of */
    struct sid *groups;         /* security groups of this domain */
    size_t n_groups;
};

/* What is no name is left out; so is what is too much for anybody's token. */
static enum err
add_name(struct names *names, const char *dn, size_t len)
{
    if (len == 0 || len > DIR_DN_MAX || !text_ok(dn, len) || names->n == DIRECTORY_RESOURCE_MAX)
        return ERR_OK;
    for (size_t i = 0; i < names->n; i++) {
        if (strlen(names->dns[i]) == len && strncasecmp(names->dns[i], dn, len) == 0)
            return ERR_OK;
    }
    names->dns[names->n] = talloc_strndup(names->dns, dn, len);
    if (names->dns[names->n] == NULL)
        return ERR_INTERNAL;
    names->n++;
    return ERR_OK;
}

static bool
is_among(const struct sid *sids, size_t n, const struct sid *sid)
{
    for (size_t i = 0; i < n; i++) {
        if (sid_equal(&sids[i], sid))
            return true;
    }
    return false;
}

static enum err
take_principal(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct walk *w = arg;
    const char *dn = entry_dn(d, entry, w->principals.dns);
    struct sid sid;

    if (dn != NULL && entry_sid(d, entry, "objectSid", &sid) && is_among(w->accounts, w->n_accounts, &sid))
        return add_name(&w->principals, dn, strlen(dn));
    log_warning("LDAP: the entry of a foreign security principal is malformed: %s", dn != NULL ? dn : "its name is");
    return ERR_OK;
}

/* Builtin groups are left out: there are no ids for them, and they are members of nothing. */
static enum err
take_group(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct walk *w = arg;
    struct berval **values;
    enum err err = ERR_OK;
    struct sid sid;
    int n;

    if (!entry_sid(d, entry, "objectSid", &sid) || !sid_in_domain(&sid, &d->domain_sid) ||
        is_among(w->groups, w->n_groups, &sid) || w->n_groups == DIRECTORY_RESOURCE_MAX)
        return ERR_OK;
    w->groups[w->n_groups++] = sid;
    values = ldap_get_values_len(d->ld, entry, "memberOf");
    n = ldap_count_values_len(values);
    for (int i = 0; i < n && i < DIRECTORY_RESOURCE_MAX && err == ERR_OK; i++)
        err = add_name(&w->above, values[i]->bv_val, values[i]->bv_len);
    ldap_value_free_len(values);
    return err;
}

static char *
append(char *filter, char *term)
{
    char *longer = filter == NULL || term == NULL ? NULL : talloc_strdup_append_buffer(filter, term);

    talloc_free(term);
    return longer;
}

static enum err
ask_principals(struct walk *w, TALLOC_CTX *mem, size_t first, size_t n)
{
    static const char *const attributes[] = { "objectSid", NULL };
    struct dir_query q = { w->d->base, LDAP_SCOPE_SUBTREE, NULL, attributes, 0, n, true };
    char *filter = talloc_strdup(mem, "(&(objectClass=foreignSecurityPrincipal)(|");

    for (size_t i = 0; i < n; i++) {
        uint8_t binary[SID_BINARY_MAX];
        struct writer b = writer_init(binary, sizeof(binary));

        sid_write(&b, &w->accounts[first + i]);
        filter = append(filter, writer_ok(&b) ? directory_filter(mem, "(objectSid=%b)", binary, b.len) : NULL);
    }
    q.filter = append(filter, talloc_strdup(mem, "))"));
    return dir_search(w->d, &q, take_principal, w);
}

/* The groups that term, a filter with one name in it, finds for the next n of names. */
static enum err
ask_groups(struct walk *w, TALLOC_CTX *mem, const char *term, struct names *names, size_t n)
{
    static const char *const attributes[] = { "objectSid", "memberOf", NULL };
    struct dir_query q = { w->d->base, LDAP_SCOPE_SUBTREE, NULL, attributes, PAGE, DIRECTORY_RESOURCE_MAX, true };
    char *filter = talloc_strdup(mem, "(&" SECURITY_GROUP "(|");

    for (size_t i = 0; i < n; i++)
        filter = append(filter, directory_filter(mem, term, names->dns[names->asked + i]));
    q.filter = append(filter, talloc_strdup(mem, "))"));
    names->asked += n;
    return dir_search(w->d, &q, take_group, w);
}

static size_t
at_once(size_t left)
{
    return left < ITEMS_AT_ONCE ? left : ITEMS_AT_ONCE;
}

static enum err
ask_all(struct walk *w, const char *term, struct names *names)
{
    enum err err = ERR_OK;

    while (names->asked < names->n && err == ERR_OK) {
        TALLOC_CTX *tmp = talloc_new(names->dns);

        err = ask_groups(w, tmp, term, names, at_once(names->n - names->asked));
        talloc_free(tmp);
    }
    return err;
}

static enum err
climb(struct walk *w)
{
    enum err err = ERR_OK;
    size_t n;

    for (size_t done = 0; done < w->n_accounts && err == ERR_OK; done += n) {
        TALLOC_CTX *tmp = talloc_new(w->principals.dns);

        n = at_once(w->n_accounts - done);
        err = ask_principals(w, tmp, done, n);
        talloc_free(tmp);
    }
    /* A principal's own memberOf is not for everybody to read; that of groups is, and spares Samba to look at all. */
    if (err == ERR_OK)
        err = ask_all(w, "(member=%s)", &w->principals);
    if (err == ERR_OK)
        err = ask_all(w, "(distinguishedName=%s)", &w->above);
    if (w->principals.n == DIRECTORY_RESOURCE_MAX || w->n_groups == DIRECTORY_RESOURCE_MAX ||
        w->above.n == DIRECTORY_RESOURCE_MAX)
        log_warning("LDAP: an account of another domain is in more groups than a token holds: some are left out");
    return err;
}

enum err
directory_resource_groups(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n, struct sid **out,
                          size_t *n_out)
{
    struct walk w = { .d = d, .accounts = sids, .n_accounts = n };
    TALLOC_CTX *tmp = talloc_new(mem);
    enum err err = ERR_INTERNAL;

    *out = NULL;
    *n_out = 0;
    dir_begin_within(d, DIRECTORY_RESOURCE_MS);
    w.principals.dns = talloc_array(tmp, const char *, DIRECTORY_RESOURCE_MAX);
    w.above.dns = talloc_array(tmp, const char *, DIRECTORY_RESOURCE_MAX);
    w.groups = talloc_array(tmp, struct sid, DIRECTORY_RESOURCE_MAX);
    if (w.principals.dns != NULL && w.above.dns != NULL && w.groups != NULL)
        err = climb(&w);
    if (err == ERR_OK) {
        *out = talloc_steal(mem, w.groups);
        *n_out = w.n_groups;
    }
    talloc_free(tmp);
    return err;
}
