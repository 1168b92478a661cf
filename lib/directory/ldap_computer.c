/* Computers' accounts, where they are made, and how many. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/directory/ldap_private.h"
#include "lib/directory/ldap_write.h"

#define COUNT_MAX 1000
#define COUNT_PAGE 250

#define GUID_COMPUTERS "aa312825768811d1aded00c04fd8d5cd" /* [MS-ADTS] 6.1.1.4.2 */

struct found {
    TALLOC_CTX *mem;
    struct dir_computer *computer;
    const char *dn;
};

static enum err
take_computer(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct found *f = arg;
    struct dir_computer *c = talloc_zero(f->mem, struct dir_computer);
    int64_t control = 0, kvno = 0;

    if (c == NULL)
        return ERR_INTERNAL;
    c->dn = entry_dn(d, entry, c);
    if (c->dn == NULL || !entry_text(d, entry, c, "dNSHostName", DIR_NAME_MAX, &c->dns_name) ||
        !entry_number(d, entry, "userAccountControl", 0, &control) || control < 0 || control > UINT32_MAX ||
        !entry_number(d, entry, "msDS-KeyVersionNumber", 0, &kvno) || kvno < 0 || kvno > UINT32_MAX) {
        log_debug("LDAP: a computer's account is malformed");
        talloc_free(c);
        return ERR_OK;
    }
    if (c->dns_name == NULL)
        c->dns_name = "";
    c->control = (uint32_t)control;
    c->kvno = (uint32_t)kvno;
    c->is_workstation = (c->control & UF_MACHINE) == UF_WORKSTATION_TRUST_ACCOUNT;
    c->is_disabled = (c->control & UF_ACCOUNTDISABLE) != 0;
    f->computer = c;
    return ERR_OK;
}

enum err
directory_computer(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_computer **out)
{
    static const char *const attributes[] = { "dNSHostName", "userAccountControl", "msDS-KeyVersionNumber", NULL };
    char *filter = directory_filter(d, "(sAMAccountName=%s)", account);
    struct dir_query q = { d->base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, 1, false };
    struct found f = { .mem = mem };
    enum err err;

    *out = NULL;
    dir_begin(d);
    err = dir_search(d, &q, take_computer, &f);
    talloc_free(filter);
    if (err == ERR_OK && f.computer == NULL)
        err = ERR_UNKNOWN_PRINCIPAL;
    if (err == ERR_OK)
        *out = f.computer;
    return err;
}

static enum err
take_dn(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct found *f = arg;

    f->dn = entry_dn(d, entry, f->mem);
    return ERR_OK;
}

enum err
directory_container(struct directory *d, TALLOC_CTX *mem, const char *ou, const char **dn_out)
{
    static const char *const none[] = { LDAP_NO_ATTRS, NULL };
    char *base = ou != NULL ? talloc_strdup(d, ou) : talloc_asprintf(d, "<WKGUID=" GUID_COMPUTERS ",%s>", d->base);
    struct dir_query q = { base, LDAP_SCOPE_BASE, "(objectClass=*)", none, 0, 1, false };
    struct found f = { .mem = mem };
    enum err err;

    *dn_out = NULL;
    if (base == NULL)
        return ERR_INTERNAL;
    dir_begin(d);
    err = dir_search(d, &q, take_dn, &f);
    talloc_free(base);
    if (err == ERR_OK && f.dn == NULL)
        err = ERR_UNKNOWN_PRINCIPAL;
    if (err == ERR_OK)
        *dn_out = f.dn;
    return err;
}

static enum err
take_quota(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct dir_quota *quota = arg;
    int64_t n = 0;

    if (entry_number(d, entry, "ms-DS-MachineAccountQuota", 0, &n) && n >= 0)
        quota->allowed = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return ERR_OK;
}

static enum err
count_one(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct dir_quota *quota = arg;

    (void)d;
    (void)entry;
    quota->made++;
    return ERR_OK;
}

enum err
directory_quota(struct directory *d, const struct sid *maker, struct dir_quota *out)
{
    static const char *const attributes[] = { "ms-DS-MachineAccountQuota", NULL };
    static const char *const none[] = { LDAP_NO_ATTRS, NULL };
    struct dir_query head = { d->base, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, 1, false };
    struct dir_query computers = { d->base, LDAP_SCOPE_SUBTREE, NULL, none, COUNT_PAGE, COUNT_MAX, false };
    uint8_t bytes[SID_BINARY_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));
    char *filter = NULL;
    enum err err;

    memset(out, 0, sizeof(*out));
    sid_write(&w, maker);
    if (writer_ok(&w))
        filter = directory_filter(d, "(&(objectClass=computer)(mS-DS-CreatorSID=%b))", bytes, w.len);
    computers.filter = filter;
    dir_begin(d);
    err = dir_search(d, &head, take_quota, out);
    if (err == ERR_OK && out->allowed > 0)
        err = dir_search(d, &computers, count_one, out);
    talloc_free(filter);
    return err;
}
