/* Changes: an entry added, modified, deleted; and what the domain controller says against it. */
#include "lib/directory/ldap_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/visible.h"
#include "lib/directory/ldap_private.h"
#include "lib/directory/text.h"

#define PERMISSIVE_MODIFY "1.2.840.113556.1.4.1413" /* [MS-ADTS] 3.1.1.3.4.1.8 */
#define TREE_DELETE "1.2.840.113556.1.4.805"        /* 3.1.1.3.4.1.15 */
#define MODS_MAX 16

/* The Win32 code before the colon of "0000216D: SvcErr: ..."; 0 if there is none. */
static uint32_t
win32_of(const char *text)
{
    char *end;
    unsigned long v;

    if (text == NULL || strspn(text, "0123456789ABCDEFabcdef") != 8 || text[8] != ':')
        return 0;
    v = strtoul(text, &end, 16);
    return v > UINT32_MAX ? 0 : (uint32_t)v;
}

enum dir_write
dir_write_of(int code, uint32_t win32)
{
    if (win32 == WIN32_QUOTA_EXCEEDED)
        return DIR_WRITE_QUOTA;
    switch (code) {
    case LDAP_SUCCESS:
        return DIR_WRITE_OK;
    case LDAP_INSUFFICIENT_ACCESS:
        return DIR_WRITE_DENIED;
    case LDAP_ALREADY_EXISTS:
        return DIR_WRITE_EXISTS;
    case LDAP_NO_SUCH_OBJECT:
        return DIR_WRITE_MISSING;
    case LDAP_NOT_ALLOWED_ON_NONLEAF:
        return DIR_WRITE_NOT_LEAF;
    case LDAP_CONSTRAINT_VIOLATION:
        return DIR_WRITE_CONSTRAINT;
    default:
        return DIR_WRITE_REFUSED;
    }
}

static enum dir_write
say(struct dir_refusal *r, enum dir_write write, int code, const char *text)
{
    r->code = code;
    r->win32 = win32_of(text);
    (void)visible_text(r->text, sizeof(r->text), text == NULL || text[0] == '\0' ? ldap_err2string(code) : text);
    return write;
}

/* The answer to the request, or to one that libldap did not send (rc). */
static enum dir_write
finish(struct directory *d, int rc, int msgid, struct dir_refusal *r)
{
    LDAPMessage *m;
    char *text = NULL;
    int code = LDAP_OTHER;
    enum dir_write write;
    bool late;

    if (rc != LDAP_SUCCESS) {
        (void)dir_lost(d, ldap_err2string(rc));
        return say(r, DIR_WRITE_LOST, rc, NULL);
    }
    m = dir_wait_message(d, msgid, &late);
    if (m == NULL) {
        (void)dir_lost(d, dir_why_nothing(d));
        return say(r, DIR_WRITE_LOST, LDAP_TIMEOUT, late ? "no answer" : dir_why_nothing(d));
    }
    rc = ldap_parse_result(d->ld, m, &code, NULL, &text, NULL, NULL, 1);
    if (rc != LDAP_SUCCESS) {
        (void)dir_lost(d, ldap_err2string(rc));
        return say(r, DIR_WRITE_LOST, rc, NULL);
    }
    write = dir_write_of(code, win32_of(text));
    (void)say(r, write, code, text);
    ldap_memfree(text);
    return write;
}

/* libldap's form of changes; its arrays under mem, values alias. NULL if there are too many, or no memory. */
static LDAPMod **
make_mods(TALLOC_CTX *mem, const struct dir_change *changes, size_t n, bool add)
{
    LDAPMod **mods = talloc_zero_array(mem, LDAPMod *, (unsigned)n + 1);

    if (mods == NULL || n > MODS_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct dir_change *c = &changes[i];
        struct berval **values = talloc_zero_array(mods, struct berval *, (unsigned)c->n + 1);

        mods[i] = talloc_zero(mods, LDAPMod);
        if (mods[i] == NULL || values == NULL)
            return NULL;
        for (size_t k = 0; k < c->n; k++) {
            values[k] = talloc_zero(values, struct berval);
            if (values[k] == NULL)
                return NULL;
            values[k]->bv_len = c->values[k].len;
            memcpy(&values[k]->bv_val, &c->values[k].data, sizeof(values[k]->bv_val));
        }
        mods[i]->mod_op = LDAP_MOD_BVALUES | (add                          ? LDAP_MOD_ADD
                                              : c->op == DIR_CHANGE_ADD    ? LDAP_MOD_ADD
                                              : c->op == DIR_CHANGE_DELETE ? LDAP_MOD_DELETE
                                                                           : LDAP_MOD_REPLACE);
        /* libldap only reads them. */
        memcpy(&mods[i]->mod_type, &c->attribute, sizeof(mods[i]->mod_type));
        mods[i]->mod_bvalues = values;
    }
    return mods;
}

enum dir_write
directory_add(struct directory *d, const char *dn, const struct dir_change *changes, size_t n, struct dir_refusal *r)
{
    LDAPMod **mods = make_mods(d, changes, n, true);
    int rc = LDAP_NO_MEMORY, msgid = -1;
    enum dir_write write;

    if (d->dead) {
        talloc_free(mods);
        return say(r, DIR_WRITE_LOST, LDAP_SERVER_DOWN, NULL);
    }
    dir_begin(d);
    if (mods != NULL)
        rc = ldap_add_ext(d->ld, dn, mods, NULL, NULL, &msgid);
    write = finish(d, rc, msgid, r);
    talloc_free(mods);
    return write;
}

enum dir_write
directory_modify(struct directory *d, const char *dn, const struct dir_change *changes, size_t n, bool permissive,
                 struct dir_refusal *r)
{
    LDAPControl control = { .ldctl_iscritical = 1 }, *controls[2] = { &control, NULL };
    LDAPMod **mods = make_mods(d, changes, n, false);
    char oid[] = PERMISSIVE_MODIFY;
    int rc = LDAP_NO_MEMORY, msgid = -1;
    enum dir_write write;

    if (d->dead) {
        talloc_free(mods);
        return say(r, DIR_WRITE_LOST, LDAP_SERVER_DOWN, NULL);
    }
    control.ldctl_oid = oid;
    dir_begin(d);
    if (mods != NULL)
        rc = ldap_modify_ext(d->ld, dn, mods, permissive ? controls : NULL, NULL, &msgid);
    write = finish(d, rc, msgid, r);
    talloc_free(mods);
    return write;
}

enum dir_write
directory_delete(struct directory *d, const char *dn, bool tree, struct dir_refusal *r)
{
    LDAPControl control = { .ldctl_iscritical = 1 }, *controls[2] = { &control, NULL };
    char oid[] = TREE_DELETE;
    int rc, msgid = -1;

    if (d->dead)
        return say(r, DIR_WRITE_LOST, LDAP_SERVER_DOWN, NULL);
    control.ldctl_oid = oid;
    dir_begin(d);
    rc = ldap_delete_ext(d->ld, dn, tree ? controls : NULL, NULL, &msgid);
    return finish(d, rc, msgid, r);
}

char *
directory_child_dn(TALLOC_CTX *mem, const char *attribute, const char *value, const char *parent)
{
    static const char hex[] = "0123456789ABCDEF";
    char *escaped = talloc_size(mem, 3 * strlen(value) + 1), *end = escaped, *dn;

    if (escaped == NULL)
        return NULL;
    for (const char *p = value; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_') {
            *end++ = *p;
        } else {
            *end++ = '\\';
            *end++ = hex[c >> 4];
            *end++ = hex[c & 15];
        }
    }
    *end = '\0';
    dn = talloc_asprintf(mem, "%s=%s,%s", attribute, escaped, parent);
    talloc_free(escaped);
    return dn;
}

bool
directory_is_dn(const char *text)
{
    LDAPDN dn = NULL;
    bool good = text[0] != '\0' && strlen(text) <= DIR_DN_MAX && text_ok(text, strlen(text)) &&
                ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && dn != NULL;

    if (dn != NULL)
        ldap_dnfree(dn);
    return good;
}
