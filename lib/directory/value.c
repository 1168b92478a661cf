/* Values of entries, checked before anybody sees them. */
#include "lib/directory/ldap_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/directory/text.h"
#include "lib/sid/name.h"

/* The one value of an attribute, NULL if there is none; false if there are several. The caller frees *values_out. */
static bool
one_value(struct directory *d, LDAPMessage *entry, const char *attribute, struct berval ***values_out,
          const struct berval **value_out)
{
    int n;

    *value_out = NULL;
    *values_out = ldap_get_values_len(d->ld, entry, attribute);
    n = ldap_count_values_len(*values_out);
    if (n == 1)
        *value_out = (*values_out)[0];
    return n <= 1;
}

bool
entry_text(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
           const char **out)
{
    struct berval **values;
    const struct berval *v;
    bool good;

    *out = NULL;
    good = one_value(d, entry, attribute, &values, &v);
    if (good && v != NULL) {
        good = v->bv_len > 0 && v->bv_len <= max && text_ok(v->bv_val, v->bv_len);
        if (good)
            *out = talloc_strndup(mem, v->bv_val, v->bv_len);
        good = *out != NULL;
    }
    ldap_value_free_len(values);
    return good;
}

bool
entry_number(struct directory *d, LDAPMessage *entry, const char *attribute, int64_t absent, int64_t *out)
{
    char text[24] = "", *end = text;
    struct berval **values;
    const struct berval *v;
    bool good;

    *out = absent;
    good = one_value(d, entry, attribute, &values, &v);
    if (good && v != NULL) {
        good = v->bv_len > 0 && v->bv_len < sizeof(text);
        if (good)
            memcpy(text, v->bv_val, v->bv_len);
        good = good && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
        if (good) {
            errno = 0;
            *out = strtoimax(text, &end, 10);
            good = errno == 0 && end == text + v->bv_len;
        }
    }
    ldap_value_free_len(values);
    return good;
}

bool
entry_bytes(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
            const uint8_t **out, size_t *len_out)
{
    struct berval **values;
    const struct berval *v;
    bool good;

    *out = NULL;
    *len_out = 0;
    good = one_value(d, entry, attribute, &values, &v);
    if (good && v != NULL) {
        good = v->bv_len <= max;
        /* An empty value is not an absent one. */
        if (good)
            *out = talloc_memdup(mem, v->bv_len > 0 ? v->bv_val : "", v->bv_len > 0 ? v->bv_len : 1);
        good = *out != NULL;
        if (good)
            *len_out = v->bv_len;
    }
    ldap_value_free_len(values);
    return good;
}

static bool
read_sid(const struct berval *v, struct sid *out)
{
    struct reader r = reader_init(v->bv_val, v->bv_len);

    return sid_read(&r, out) && reader_done(&r);
}

bool
entry_sid(struct directory *d, LDAPMessage *entry, const char *attribute, struct sid *out)
{
    struct berval **values;
    const struct berval *v;
    bool good;

    memset(out, 0, sizeof(*out));
    good = one_value(d, entry, attribute, &values, &v) && v != NULL && read_sid(v, out);
    ldap_value_free_len(values);
    return good;
}

bool
entry_sids(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
           struct sid **out, size_t *n_out)
{
    struct berval **values = ldap_get_values_len(d->ld, entry, attribute);
    int n = ldap_count_values_len(values);
    struct sid *sids = talloc_array(mem, struct sid, n > 0 ? (unsigned)n : 1);

    *out = sids;
    *n_out = 0;
    for (int i = 0; i < n && sids != NULL && *n_out < max; i++) {
        if (read_sid(values[i], &sids[*n_out]))
            (*n_out)++;
    }
    ldap_value_free_len(values);
    return sids != NULL;
}

const char *
entry_dn(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem)
{
    char *dn = ldap_get_dn(d->ld, entry);
    const char *copy = NULL;

    if (dn != NULL && dn[0] != '\0' && strlen(dn) <= DIR_DN_MAX && text_ok(dn, strlen(dn)))
        copy = talloc_strdup(mem, dn);
    ldap_memfree(dn);
    return copy;
}

bool
dir_may_ask(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= NAME_MAX_BYTES && text_ok(name, n);
}

bool
dir_same_name(const char *a, const char *b)
{
    char x[2 * DIR_NAME_MAX], y[2 * DIR_NAME_MAX];

    return name_fold(a, x, sizeof(x)) && name_fold(b, y, sizeof(y)) && strcmp(x, y) == 0;
}
