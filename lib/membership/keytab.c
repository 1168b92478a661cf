#include "lib/membership/keytab.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const krb5_enctype enctypes[] = { ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_AES128_CTS_HMAC_SHA1_96 };

/* Version 5.2 of the file format: what an empty one begins with. */
static const char header[2] = { 5, 2 };

bool
membership_name(const struct membership_names *n, int i, char buf[static MEMBERSHIP_NAME_SIZE])
{
    int len;

    switch (i) {
    case 0:
        len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "host/%s", n->fqdn);
        break;
    case 1:
        len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "host/%s", n->computer);
        break;
    case 2:
        len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "RestrictedKrbHost/%s", n->fqdn);
        break;
    case 3:
        len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "RestrictedKrbHost/%s", n->computer);
        break;
    case 4:
        len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "%s$", n->computer);
        break;
    default:
        return false;
    }
    return len > 0 && len < MEMBERSHIP_NAME_SIZE;
}

static void
lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

bool
membership_salt(const struct membership_names *n, char buf[static MEMBERSHIP_NAME_SIZE])
{
    int len = snprintf(buf, MEMBERSHIP_NAME_SIZE, "%shost%s.%s", n->realm, n->computer, n->realm);

    if (len <= 0 || len >= MEMBERSHIP_NAME_SIZE)
        return false;
    lower(buf + strlen(n->realm));
    return true;
}

/* As text of principal: one that was made of membership_name. */
static krb5_error_code
parse(krb5_context ctx, const struct membership_names *n, int i, krb5_principal *out)
{
    char name[MEMBERSHIP_NAME_SIZE];
    krb5_error_code code;

    if (!membership_name(n, i, name))
        return EINVAL;
    code = krb5_parse_name_flags(ctx, name, KRB5_PRINCIPAL_PARSE_NO_REALM, out);
    if (code == 0)
        code = krb5_set_principal_realm(ctx, *out, n->realm);
    if (code != 0) {
        krb5_free_principal(ctx, *out);
        *out = NULL;
    }
    return code;
}

static bool
same_text(const krb5_data *d, const char *text)
{
    return d->length == strlen(text) && strncasecmp(d->data, text, d->length) == 0;
}

/* True for each of the computer's names, in any case. */
static bool
is_own(krb5_context ctx, krb5_const_principal p, const struct membership_names *n)
{
    char name[MEMBERSHIP_NAME_SIZE], *text = NULL;
    bool own = false;

    if (!same_text(&p->realm, n->realm) || krb5_unparse_name_flags(ctx, p, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &text) != 0)
        return false;
    for (int i = 0; i < MEMBERSHIP_NAMES && !own; i++)
        own = membership_name(n, i, name) && strcasecmp(text, name) == 0;
    krb5_free_unparsed_name(ctx, text);
    return own;
}

static krb5_error_code
open_new(krb5_context ctx, int fd, const char *path, krb5_keytab *out)
{
    char name[PATH_MAX + 8];

    *out = NULL;
    if (write(fd, header, sizeof(header)) != (ssize_t)sizeof(header))
        return errno == 0 ? EIO : errno;
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    return krb5_kt_resolve(ctx, name, out);
}

/* What to do with the computer's entries of the old keytab. */
struct copy {
    const struct membership_names *names;
    uint32_t keep; /* version whose entries stay; 0: none */
    const struct machine_secret *follow; /* NULL; else entries older than its current version stay that it has none of */
    size_t others; /* entries copied that are not the computer's */
    size_t own;    /* the computer's, copied or not */
};

/* The 32 bits of a version are cut to 8 in old files. */
static bool
stays(const struct copy *c, const krb5_keytab_entry *e)
{
    if (c->follow != NULL) {
        for (int i = 1; i <= MACHINE_SLOTS; i++) {
            if (c->follow->slots[i].text[0] != '\0' && e->vno == c->follow->slots[i].kvno)
                return false;
        }
        return e->vno < c->follow->slots[MACHINE_CURRENT].kvno;
    }
    return c->keep != 0 && (e->vno == c->keep || e->vno == (c->keep & 0xff));
}

static krb5_error_code
copy_entries(krb5_context ctx, krb5_keytab from, krb5_keytab to, struct copy *c)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry e;
    krb5_error_code code = krb5_kt_start_seq_get(ctx, from, &cursor), ended;

    /* No file is an empty one. */
    if (code == ENOENT)
        return 0;
    if (code != 0)
        return code;
    for (;;) {
        bool own;

        code = krb5_kt_next_entry(ctx, from, &e, &cursor);
        if (code != 0)
            break;
        own = is_own(ctx, e.principal, c->names);
        c->own += own;
        c->others += !own;
        if (!own || stays(c, &e))
            code = krb5_kt_add_entry(ctx, to, &e);
        (void)krb5_free_keytab_entry_contents(ctx, &e);
        if (code != 0)
            break;
    }
    ended = krb5_kt_end_seq_get(ctx, from, &cursor);
    if (code == KRB5_KT_END)
        code = ended;
    return code;
}

static krb5_error_code
copy_keytab(krb5_context ctx, const char *old, krb5_keytab to, struct copy *c)
{
    char name[PATH_MAX + 8];
    krb5_keytab from = NULL;
    krb5_error_code code;

    if (access(old, F_OK) != 0 && errno == ENOENT)
        return 0;
    (void)snprintf(name, sizeof(name), "FILE:%s", old);
    code = krb5_kt_resolve(ctx, name, &from);
    if (code == 0)
        code = copy_entries(ctx, from, to, c);
    if (from != NULL)
        (void)krb5_kt_close(ctx, from);
    return code;
}

static krb5_error_code
add_key(krb5_context ctx, const struct membership_names *n, krb5_keytab to, const krb5_keyblock *key, uint32_t kvno,
        int names)
{
    krb5_error_code code = 0;

    for (int i = 0; i < names && code == 0; i++) {
        krb5_keytab_entry e = { .vno = kvno, .key = *key };

        code = parse(ctx, n, i, &e.principal);
        if (code == 0)
            code = krb5_kt_add_entry(ctx, to, &e);
        krb5_free_principal(ctx, e.principal);
    }
    return code;
}

/* Of the first so many names. */
static krb5_error_code
add_keys(krb5_context ctx, const struct membership_names *n, krb5_keytab to, const char *password, uint32_t kvno,
         int names)
{
    char text[MEMBERSHIP_NAME_SIZE];
    krb5_data secret = { .length = (unsigned)strlen(password) }, salt = { .data = text };
    krb5_error_code code = 0;

    if (!membership_salt(n, text))
        return EINVAL;
    salt.length = (unsigned)strlen(text);
    /* libkrb5 only reads it. */
    memcpy(&secret.data, &password, sizeof(secret.data));
    for (size_t i = 0; i < sizeof(enctypes) / sizeof(enctypes[0]) && code == 0; i++) {
        krb5_keyblock key = { 0 };

        code = krb5_c_string_to_key(ctx, enctypes[i], &secret, &salt, &key);
        if (code == 0)
            code = add_key(ctx, n, to, &key, kvno, names);
        krb5_free_keyblock_contents(ctx, &key);
    }
    return code;
}

krb5_error_code
membership_keytab_write(krb5_context ctx, const struct membership_names *n, const char *old, int fd, const char *path,
                        const char *password, uint32_t kvno, bool keep_previous)
{
    struct copy c = { .names = n, .keep = keep_previous && kvno > 1 ? kvno - 1 : 0 };
    krb5_keytab to = NULL;
    krb5_error_code code = open_new(ctx, fd, path, &to);

    if (code == 0)
        code = copy_keytab(ctx, old, to, &c);
    if (code == 0)
        code = add_keys(ctx, n, to, password, kvno, MEMBERSHIP_NAMES);
    if (to != NULL)
        (void)krb5_kt_close(ctx, to);
    return code;
}

/* After a domain has gone back two passwords may have one version: that of the likelier one counts. */
static krb5_error_code
add_slots(krb5_context ctx, const struct membership_names *n, krb5_keytab to, const struct machine_secret *s)
{
    static const enum machine_slot order[] = { MACHINE_PENDING, MACHINE_CURRENT, MACHINE_PREVIOUS };
    krb5_error_code code = 0;

    for (size_t i = 0; i < MACHINE_SLOTS && code == 0; i++) {
        const struct machine_password *p = &s->slots[order[i]];
        bool taken = p->text[0] == '\0';

        for (size_t j = 0; j < i; j++)
            taken = taken || (s->slots[order[j]].text[0] != '\0' && s->slots[order[j]].kvno == p->kvno);
        if (!taken)
            code = add_keys(ctx, n, to, p->text, p->kvno,
                            order[i] == MACHINE_PENDING ? MEMBERSHIP_SERVICES : MEMBERSHIP_NAMES);
    }
    return code;
}

krb5_error_code
membership_keytab_follow(krb5_context ctx, const struct membership_names *n, const char *old, int fd, const char *path,
                         const struct machine_secret *s, bool tidy)
{
    struct copy c = { .names = n, .follow = tidy ? NULL : s };
    krb5_keytab to = NULL;
    krb5_error_code code = open_new(ctx, fd, path, &to);

    if (code == 0)
        code = copy_keytab(ctx, old, to, &c);
    if (code == 0)
        code = add_slots(ctx, n, to, s);
    if (to != NULL)
        (void)krb5_kt_close(ctx, to);
    return code;
}

krb5_error_code
membership_keytab_strip(krb5_context ctx, const struct membership_names *n, const char *old, int fd, const char *path,
                        size_t *left_out, size_t *removed_out)
{
    struct copy c = { .names = n };
    krb5_keytab to = NULL;
    krb5_error_code code = open_new(ctx, fd, path, &to);

    *left_out = *removed_out = 0;
    if (code == 0)
        code = copy_keytab(ctx, old, to, &c);
    if (to != NULL)
        (void)krb5_kt_close(ctx, to);
    if (code == 0) {
        *left_out = c.others;
        *removed_out = c.own;
    }
    return code;
}

uint32_t
membership_keytab_kvno(krb5_context ctx, const struct membership_names *n, const char *path)
{
    char name[PATH_MAX + 8];
    krb5_principal account = NULL;
    krb5_keytab_entry e = { 0 };
    krb5_keytab keytab = NULL;
    uint32_t kvno = 0;

    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    if (krb5_kt_resolve(ctx, name, &keytab) == 0 && parse(ctx, n, MEMBERSHIP_SERVICES, &account) == 0 &&
        krb5_kt_get_entry(ctx, keytab, account, 0, 0, &e) == 0) {
        kvno = e.vno;
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    krb5_free_principal(ctx, account);
    if (keytab != NULL)
        (void)krb5_kt_close(ctx, keytab);
    return kvno;
}
