/*
 * The private profile: what libkrb5 would read in krb5.conf comes from a few
 * relations in memory, so that nothing of the system's configuration, DNS or
 * environment has a say in a logon.
 */
#include "lib/krb/krb.h"

#include <errno.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>

#define RELATIONS_MAX 32

struct relation {
    const char *section;
    const char *subsection; /* NULL: the relation stands in the section itself */
    const char *name;
    const char *value;
};

struct settings {
    struct krb_target target; /* strings are children of the struct; what the profile does not need is NULL */
    struct relation relations[RELATIONS_MAX];
    size_t n;
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
    /* Passwords only: no other module is loaded, and none can ask for a third request. */
    { "plugins", "clpreauth", "enable_only", "encrypted_challenge" },
    { "plugins", "clpreauth", "enable_only", "encrypted_timestamp" },
};

static void
add(struct settings *s, const struct relation *r)
{
    if (s->n < RELATIONS_MAX)
        s->relations[s->n++] = *r;
}

static struct settings *
settings_new(const struct krb_target *t)
{
    struct settings *s = talloc_zero(NULL, struct settings);
    struct krb_target *own;
    const char *timeout;

    if (s == NULL)
        return NULL;
    own = &s->target;
    own->timeout = t->timeout;
    own->realm = talloc_strdup(s, t->realm);
    own->domain_dns = talloc_strdup(s, t->domain_dns);
    own->kdc = t->kdc == NULL ? NULL : talloc_strdup(s, t->kdc);
    timeout = talloc_asprintf(s, "%d", t->timeout);
    if (own->realm == NULL || own->domain_dns == NULL || (t->kdc != NULL && own->kdc == NULL) || timeout == NULL) {
        talloc_free(s);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        add(s, &fixed[i]);
    add(s, &(struct relation){ "libdefaults", NULL, "default_realm", own->realm });
    /* Known from libkrb5 1.22 on; our own requests have their deadline anyway. */
    add(s, &(struct relation){ "libdefaults", NULL, "request_timeout", timeout });
    add(s, &(struct relation){ "domain_realm", NULL, own->domain_dns, own->realm });
    if (own->kdc != NULL) {
        add(s, &(struct relation){ "realms", own->realm, "kdc", own->kdc });
        add(s, &(struct relation){ "realms", own->realm, "primary_kdc", own->kdc });
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
    const struct settings *s = data;

    *data_out = settings_new(&s->target);
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
