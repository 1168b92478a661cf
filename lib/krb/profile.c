/*
 * The private profile: what libkrb5 would read in krb5.conf comes from a few
 * relations in memory, so that nothing of the system's configuration, DNS or
 * environment has a say in a logon.
 */
#include "lib/krb/krb.h"

#include <errno.h>
#include <profile.h>
#include <stdio.h>
#include <string.h>

struct relation {
    const char *section;
    const char *subsection; /* NULL: the relation stands in the section itself */
    const char *name;
    const char *value;
};

struct settings {
    struct relation *relations; /* they and their strings are children of the struct */
    size_t n;
    bool failed; /* memory was short */
};

static const struct relation fixed[] = {
    { "libdefaults", NULL, "dns_lookup_kdc", "false" },
    { "libdefaults", NULL, "dns_lookup_realm", "false" },
    { "libdefaults", NULL, "dns_uri_lookup", "false" },
    { "libdefaults", NULL, "dns_canonicalize_hostname", "false" },
    { "libdefaults", NULL, "rdns", "false" },
    { "libdefaults", NULL, "qualify_shortname", "" },
    { "libdefaults", NULL, "udp_preference_limit", "1" },
    { "libdefaults", NULL, "kdc_timesync", "0" },
    { "libdefaults", NULL, "permitted_enctypes", "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96" },
    { "libdefaults", NULL, "allow_weak_crypto", "false" },
    { "libdefaults", NULL, "canonicalize", "true" },
    { "libdefaults", NULL, "noaddresses", "true" },
    { "libdefaults", NULL, "default_ccache_name", "MEMORY:" },
    { "libdefaults", NULL, "default_keytab_name", "MEMORY:authsod-none" },
};

/* Passwords only: no other module is loaded, and none can ask for a third request. */
static const struct relation for_passwords[] = {
    { "plugins", "clpreauth", "enable_only", "encrypted_challenge" },
    { "plugins", "clpreauth", "enable_only", "encrypted_timestamp" },
};

/*
 * Certificates only: nothing asks for a password.  A shared object, which
 * libkrb5 loads from where it was built to have such things.  Its default is as
 * many bits; that it stays so is what keeps a KDC from asking for fewer.
 */
static const struct relation for_certificates[] = {
    { "plugins", "clpreauth", "enable_only", "pkinit" },
    { "libdefaults", NULL, "pkinit_dh_min_bits", "2048" },
};

#define ALL(table) table, sizeof(table) / sizeof(table[0])

static char *
copied(struct settings *s, const char *text)
{
    char *copy = text == NULL ? NULL : talloc_strdup(s, text);

    if (text != NULL && copy == NULL)
        s->failed = true;
    return copy;
}

static void
add_all(struct settings *s, const struct relation *list, size_t n)
{
    struct relation *more = talloc_realloc(s, s->relations, struct relation, (unsigned)(s->n + n));

    if (more == NULL) {
        s->failed = true;
        return;
    }
    s->relations = more;
    for (size_t i = 0; i < n; i++) {
        more[s->n++] = (struct relation){ copied(s, list[i].section), copied(s, list[i].subsection),
                                          copied(s, list[i].name), copied(s, list[i].value) };
    }
}

static void
add(struct settings *s, const char *section, const char *subsection, const char *name, const char *value)
{
    const struct relation r = { section, subsection, name, value };

    add_all(s, &r, 1);
}

static void
add_list(struct settings *s, const char *realm, const char *name, const char *const *values)
{
    for (size_t i = 0; values != NULL && values[i] != NULL; i++)
        add(s, "realms", realm, name, values[i]);
}

/* Before pkinit, for which it stands (lib/krb/clpreauth_authsod.c). Where it cannot be loaded, pkinit serves alone. */
static void
add_reply_key_module(struct settings *s, const char *path)
{
    char *module;

    if (path == NULL)
        return;
    module = talloc_asprintf(s, "authsod:%s", path);
    if (module == NULL) {
        s->failed = true;
        return;
    }
    add(s, "plugins", "clpreauth", "module", module);
    add(s, "plugins", "clpreauth", "enable_only", "authsod");
}

/* Of the realm whose KDC gives the TGT. */
static void
add_pkinit(struct settings *s, const char *realm, const struct krb_pkinit *p)
{
    add_reply_key_module(s, p->reply_key_module);
    add_all(s, ALL(for_certificates));
    add_list(s, realm, "pkinit_anchors", p->anchors);
    add_list(s, realm, "pkinit_pool", p->intermediates);
    add_list(s, realm, "pkinit_revoke", p->crls);
    add(s, "realms", realm, "pkinit_require_crl_checking", p->require_crl ? "true" : "false");
    add(s, "realms", realm, "pkinit_eku_checking", p->server_eku ? "kpServerAuth" : "kpKDC");
    if (p->kdc_host != NULL)
        add(s, "realms", realm, "pkinit_kdc_hostname", p->kdc_host);
}

static struct settings *
settings_new(const struct krb_target *t)
{
    struct settings *s = talloc_zero(NULL, struct settings);
    char timeout[16];

    if (s == NULL)
        return NULL;
    (void)snprintf(timeout, sizeof(timeout), "%d", t->timeout);
    add_all(s, ALL(fixed));
    add(s, "libdefaults", NULL, "default_realm", t->realm);
    /* Known from libkrb5 1.22 on; our own requests have their deadline anyway. */
    add(s, "libdefaults", NULL, "request_timeout", timeout);
    add(s, "domain_realm", NULL, t->domain_dns, t->realm);
    if (t->kdc != NULL) {
        add(s, "realms", t->realm, "kdc", t->kdc);
        add(s, "realms", t->realm, "primary_kdc", t->kdc);
    }
    if (t->pkinit == NULL)
        add_all(s, ALL(for_passwords));
    else
        add_pkinit(s, t->user_realm == NULL ? t->realm : t->user_realm, t->pkinit);
    if (s->failed) {
        talloc_free(s);
        return NULL;
    }
    return s;
}

/* An independent one with the same relations. */
static struct settings *
settings_copy(const struct settings *from)
{
    struct settings *s = talloc_zero(NULL, struct settings);

    if (s == NULL)
        return NULL;
    add_all(s, from->relations, from->n);
    if (s->failed) {
        talloc_free(s);
        return NULL;
    }
    return s;
}

static bool
is_named(const struct relation *r, const char *const *names)
{
    size_t i = 0;

    if (names[i] == NULL || strcmp(names[i++], r->section) != 0)
        return false;
    if (r->subsection != NULL && (names[i] == NULL || strcmp(names[i++], r->subsection) != 0))
        return false;
    return names[i] != NULL && strcmp(names[i], r->name) == 0 && names[i + 1] == NULL;
}

static long
get_values(void *data, const char *const *names, char ***values_out)
{
    const struct settings *s = data;
    char **values = talloc_zero_array(NULL, char *, (unsigned)(s->n + 1));
    size_t n = 0;

    *values_out = NULL;
    if (values == NULL)
        return ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        if (!is_named(&s->relations[i], names))
            continue;
        values[n] = talloc_strdup(values, s->relations[i].value);
        if (values[n++] == NULL) {
            talloc_free(values);
            return ENOMEM;
        }
    }
    if (n == 0) {
        talloc_free(values);
        return PROF_NO_RELATION;
    }
    *values_out = values;
    return 0;
}

static void
free_values(void *data, char **values)
{
    (void)data;
    talloc_free(values);
}

static void
cleanup(void *data)
{
    talloc_free(data);
}

/* libkrb5 works on a copy of what it is given. */
static long
copy(void *data, void **data_out)
{
    *data_out = settings_copy(data);
    return *data_out == NULL ? ENOMEM : 0;
}

krb5_error_code
krb_context_new(const struct krb_target *t, krb5_context *ctx_out)
{
    struct profile_vtable table = {
        .minor_ver = 1, .get_values = get_values, .free_values = free_values, .cleanup = cleanup, .copy = copy,
    };
    struct settings *s = settings_new(t);
    profile_t profile = NULL;
    krb5_error_code code;

    *ctx_out = NULL;
    if (s == NULL)
        return ENOMEM;
    code = (krb5_error_code)profile_init_vtable(&table, s, &profile);
    if (code != 0) {
        talloc_free(s);
        return code;
    }
    code = krb5_init_context_profile(profile, KRB5_INIT_CONTEXT_SECURE, ctx_out);
    profile_release(profile);
    return code;
}
