#include "lib/krb/verifier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/krb/failure.h"

#define SEEN_FIRST 64

static const char step[] = "keytab";

static int
verifier_destroy(struct krb_verifier *v)
{
    if (v->keytab != NULL)
        (void)krb5_kt_close(v->ctx, v->keytab);
    krb5_free_principal(v->ctx, v->host);
    krb5_free_context(v->ctx);
    return 0;
}

struct krb_verifier *
krb_verifier_new(TALLOC_CTX *mem, const struct krb_target *t)
{
    struct krb_verifier *v = talloc_zero(mem, struct krb_verifier);

    if (v == NULL)
        return NULL;
    v->target.realm = talloc_strdup(v, t->realm);
    v->target.domain_dns = talloc_strdup(v, t->domain_dns);
    v->target.fqdn = talloc_strdup(v, t->fqdn);
    v->target.computer = talloc_strdup(v, t->computer);
    if (v->target.realm == NULL || v->target.domain_dns == NULL || v->target.fqdn == NULL ||
        v->target.computer == NULL || krb_context_new(&v->target, &v->ctx) != 0) {
        talloc_free(v);
        return NULL;
    }
    talloc_set_destructor(v, verifier_destroy);
    if (krb5_build_principal(v->ctx, &v->host, (unsigned)strlen(v->target.realm), v->target.realm, "host",
                             v->target.fqdn, NULL) != 0) {
        talloc_free(v);
        return NULL;
    }
    return v;
}

bool
krb_verifier_trust(struct krb_verifier *v, const struct krb_trusted *trusted, size_t n)
{
    struct krb_trusted *copy = n == 0 ? NULL : talloc_memdup(v, trusted, n * sizeof(*trusted));

    TALLOC_FREE(v->trusted);
    v->n_trusted = 0;
    if (n > 0 && copy == NULL)
        return false;
    v->trusted = copy;
    v->n_trusted = n;
    return true;
}

static bool
is_text(const krb5_data *d, const char *text)
{
    return d->length == strlen(text) && strncasecmp(d->data, text, d->length) == 0;
}

/* Whose key an entry is, in the order of preference. */
enum owner { NOBODY, COMPUTER, HOST };

static enum owner
entry_owner(const struct krb_verifier *v, const krb5_keytab_entry *e)
{
    const krb5_principal_data *p = e->principal;
    char account[64];

    if (p->realm.length != strlen(v->target.realm) ||
        memcmp(p->realm.data, v->target.realm, p->realm.length) != 0)
        return NOBODY;
    if (e->key.enctype != ENCTYPE_AES256_CTS_HMAC_SHA1_96 && e->key.enctype != ENCTYPE_AES128_CTS_HMAC_SHA1_96)
        return NOBODY;
    if (p->length == 2 && is_text(&p->data[0], "host") && is_text(&p->data[1], v->target.fqdn))
        return HOST;
    (void)snprintf(account, sizeof(account), "%s$", v->target.computer);
    return p->length == 1 && is_text(&p->data[0], account) ? COMPUTER : NOBODY;
}

/* What a first look at the keytab finds. */
struct survey {
    enum owner owner;  /* the best there is */
    krb5_kvno newest;  /* of that owner's keys */
};

static void
survey_entry(const struct krb_verifier *v, const krb5_keytab_entry *e, struct survey *s)
{
    enum owner owner = entry_owner(v, e);

    if (owner == NOBODY || owner < s->owner)
        return;
    if (owner > s->owner || e->vno > s->newest)
        s->newest = e->vno;
    s->owner = owner;
}

/* Keys older than the one before the newest are no keys any more: whoever has one could make tickets with it. */
static krb5_error_code
take_entry(const struct krb_verifier *v, const krb5_keytab_entry *e, const struct survey *s, krb5_keytab into)
{
    krb5_keytab_entry own = *e;

    if (entry_owner(v, e) != s->owner || s->newest - e->vno > 1)
        return 0;
    own.principal = v->host;
    return krb5_kt_add_entry(v->ctx, into, &own);
}

/* Looks at every entry; puts those that s names into the keytab into, unless that is NULL. */
static krb5_error_code
walk(const struct krb_verifier *v, krb5_keytab from, struct survey *s, krb5_keytab into)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry e;
    krb5_error_code code = krb5_kt_start_seq_get(v->ctx, from, &cursor);

    if (code != 0)
        return code;
    for (;;) {
        code = krb5_kt_next_entry(v->ctx, from, &e, &cursor);
        if (code != 0)
            break;
        if (into == NULL)
            survey_entry(v, &e, s);
        else
            code = take_entry(v, &e, s, into);
        (void)krb5_free_keytab_entry_contents(v->ctx, &e);
        if (code != 0)
            break;
    }
    (void)krb5_kt_end_seq_get(v->ctx, from, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

bool
krb_verifier_keytab(struct krb_verifier *v, krb5_keytab keytab, struct krb_failure *failure_out)
{
    static unsigned long serial;
    struct survey s = { .owner = NOBODY };
    krb5_keytab own = NULL;
    krb5_error_code code;
    char name[64];

    memset(failure_out, 0, sizeof(*failure_out));
    if (v->keytab != NULL)
        (void)krb5_kt_close(v->ctx, v->keytab);
    v->keytab = NULL;
    code = walk(v, keytab, &s, NULL);
    if (code == 0 && s.owner == NOBODY)
        code = KRB5_KT_NOTFOUND;
    /* libkrb5 keeps keytabs in memory by name, for the whole process. */
    (void)snprintf(name, sizeof(name), "MEMORY:authsod-%lu", ++serial);
    if (code == 0)
        code = krb5_kt_resolve(v->ctx, name, &own);
    if (code == 0)
        code = walk(v, keytab, &s, own);
    if (code != 0) {
        failure_set(v->ctx, failure_out, step, code);
        failure_out->err = code == ENOMEM ? ERR_INTERNAL : ERR_NO_KEYTAB;
        if (own != NULL)
            (void)krb5_kt_close(v->ctx, own);
        return false;
    }
    v->keytab = own;
    return true;
}

static int64_t
boot_seconds(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec;
}

/* Doubles the ring, which starts at its first element afterwards. */
static bool
grow(struct krb_verifier *v)
{
    size_t size = v->size == 0 ? SEEN_FIRST : v->size * 2;
    struct seen *bigger;

    if (size > SEEN_MAX)
        return false;
    bigger = talloc_array(v, struct seen, (unsigned)size);
    if (bigger == NULL)
        return false;
    for (size_t i = 0; i < v->n_seen; i++)
        bigger[i] = v->seen[(v->first + i) % v->size];
    talloc_free(v->seen);
    v->seen = bigger;
    v->size = size;
    v->first = 0;
    return true;
}

bool
verifier_is_new(struct krb_verifier *v, const uint8_t digest[static SEEN_BYTES])
{
    int64_t now = boot_seconds();
    struct seen *next;

    while (v->n_seen > 0 && v->seen[v->first].until < now) {
        v->first = (v->first + 1) % v->size;
        v->n_seen--;
    }
    for (size_t i = 0; i < v->n_seen; i++) {
        if (memcmp(v->seen[(v->first + i) % v->size].digest, digest, SEEN_BYTES) == 0)
            return false;
    }
    if (v->n_seen == v->size && !grow(v))
        return false;
    next = &v->seen[(v->first + v->n_seen) % v->size];
    memcpy(next->digest, digest, SEEN_BYTES);
    /* Its time may lie as far ahead as behind. */
    next->until = now + 2 * AP_REQ_AGE_MAX;
    v->n_seen++;
    return true;
}
