#include "lib/card/chain.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/visible.h"
#include "lib/card/chain_private.h"
#include "lib/card/name.h"

#define SECURITY_LEVEL 2 /* OpenSSL's: 112 bits */

struct chain {
    X509_STORE *anchors;
    STACK_OF(X509) *intermediates;
    STACK_OF(X509_CRL) *crls;
    bool require_crl;
};

/* What one verification comes to. */
struct verdict {
    enum certificate_unfit unfit;
    bool require_crl;
    bool last_lists;
    char *why; /* CHAIN_WHY_MAX */
};

void
why_add(char why[static CHAIN_WHY_MAX], const char *format, ...)
{
    char text[2 * CHAIN_WHY_MAX];
    size_t n = strlen(why);
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n > 0)
        n += visible_text(why + n, CHAIN_WHY_MAX - n, "; ");
    (void)visible_text(why + n, CHAIN_WHY_MAX - n, text);
}

void
why_add_name(char why[static CHAIN_WHY_MAX], const X509_NAME *name, const char *what)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    const char *text = tmp == NULL ? NULL : name_text(tmp, name);

    why_add(why, "%s: %s", text == NULL ? "?" : text, what);
    talloc_free(tmp);
}

static int
chain_free(struct chain *c)
{
    X509_STORE_free(c->anchors);
    sk_X509_pop_free(c->intermediates, X509_free);
    sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
    return 0;
}

/* False if out of memory. *n_out: how many are trusted. */
static bool
sort_anchors(struct chain *c, STACK_OF(X509) *read, size_t *n_out, char why[static CHAIN_WHY_MAX])
{
    *n_out = 0;
    for (int i = 0; i < sk_X509_num(read); i++) {
        X509 *x = sk_X509_value(read, i);

        if (X509_check_ca(x) == 0) {
            why_add_name(why, X509_get_subject_name(x), "no authority");
            continue;
        }
        if (X509_self_signed(x, 0) == 1) {
            if (X509_STORE_add_cert(c->anchors, x) != 1)
                return false;
            ++*n_out;
            continue;
        }
        why_add_name(why, X509_get_subject_name(x), "does not sign itself, and is no anchor");
        if (X509_up_ref(x) != 1)
            return false;
        if (sk_X509_push(c->intermediates, x) == 0) {
            X509_free(x);
            return false;
        }
    }
    return true;
}

struct chain *
chain_new(TALLOC_CTX *mem, const char *const *anchors, const char *const *intermediates, const char *const *crls,
          bool require_crl, char why_out[static CHAIN_WHY_MAX])
{
    struct chain *c = talloc_zero(mem, struct chain);
    STACK_OF(X509) *read = NULL;
    size_t n = 0;
    bool memory = false;

    why_out[0] = '\0';
    (void)ERR_set_mark();
    if (c == NULL)
        goto done;
    talloc_set_destructor(c, chain_free);
    c->require_crl = require_crl;
    c->anchors = X509_STORE_new();
    c->intermediates = sk_X509_new_null();
    c->crls = sk_X509_CRL_new_null();
    read = sk_X509_new_null();
    if (c->anchors == NULL || c->intermediates == NULL || c->crls == NULL || read == NULL)
        goto done;
    memory = pem_read(anchors, read, NULL, why_out) && pem_read(intermediates, c->intermediates, NULL, why_out) &&
             pem_read(crls, NULL, c->crls, why_out) && sort_anchors(c, read, &n, why_out);

done:
    sk_X509_pop_free(read, X509_free);
    (void)ERR_pop_to_mark();
    if (!memory || n == 0) {
        why_add(why_out, memory ? "no authority is left to trust" : "out of memory");
        TALLOC_FREE(c);
    }
    return c;
}

/* Says what is wrong with the certificate at which a verification stands. */
static void
tell(struct verdict *v, X509_STORE_CTX *context)
{
    const X509 *x = X509_STORE_CTX_get_current_cert(context);
    const char *what = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));

    if (x == NULL)
        why_add(v->why, "%s", what);
    else
        why_add_name(v->why, X509_get_subject_name(x), what);
}

/* Called by OpenSSL with each step; 1 goes on. */
static int
take_step(int good, X509_STORE_CTX *context)
{
    struct verdict *v = X509_STORE_CTX_get_app_data(context);
    int error = X509_STORE_CTX_get_error(context);

    if (good)
        return 1;
    switch (error) {
    case X509_V_ERR_CERT_REVOKED:
        v->unfit = CERTIFICATE_REVOKED;
        break;
    /* Lists are chosen by crl_choose, so that the others of these are rare: an extension or a scope. */
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
        if (!v->require_crl || (v->last_lists && error == X509_V_ERR_CRL_HAS_EXPIRED))
            return 1;
        v->unfit = CERTIFICATE_NO_CRL;
        break;
    default:
        v->unfit = CERTIFICATE_UNTRUSTED;
    }
    tell(v, context);
    return 0;
}

/*
 * Verifies x with these lists, NULL: not looking at any.  *chain_out: the
 * certificates from x to the anchor, the caller's; NULL unless the verdict is
 * CERTIFICATE_FIT.
 */
static void
verify(const struct chain *c, X509 *x, int64_t now, STACK_OF(X509_CRL) *crls, struct verdict *v,
       STACK_OF(X509) **chain_out)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;

    *chain_out = NULL;
    v->unfit = CERTIFICATE_UNTRUSTED;
    if (context == NULL || X509_STORE_CTX_init(context, c->anchors, x, c->intermediates) != 1)
        goto done;
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_BETWEEN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    /* Without it an authority's demand for a policy, critical or not, is passed over. */
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK);
    if (crls != NULL) {
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        X509_STORE_CTX_set0_crls(context, crls);
    }
    (void)X509_STORE_CTX_set_app_data(context, v);
    X509_STORE_CTX_set_verify_cb(context, take_step);
    if (X509_verify_cert(context) == 1) {
        *chain_out = X509_STORE_CTX_get1_chain(context);
        if (*chain_out != NULL)
            v->unfit = CERTIFICATE_FIT;
    }

done:
    X509_STORE_CTX_free(context);
}

static void
ask_partial_lists(STACK_OF(X509_CRL) *lists, STACK_OF(X509) *chain, struct verdict *v)
{
    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *x = sk_X509_value(chain, i);

        if (crl_revokes(lists, x)) {
            why_add_name(v->why, X509_get_subject_name(x), "certificate revoked");
            v->unfit = CERTIFICATE_REVOKED;
            return;
        }
    }
}

/*
 * Twice: the lists that can be used are known once the authorities are, and
 * OpenSSL, given a good list and a forged one, may take the forged one.
 */
static void
verify_with_lists(const struct chain *c, X509 *x, int64_t now, struct verdict *v)
{
    STACK_OF(X509_CRL) *whole = sk_X509_CRL_new_null(), *partial = sk_X509_CRL_new_null();
    STACK_OF(X509) *chain = NULL, *again = NULL;

    if (whole == NULL || partial == NULL) {
        v->unfit = CERTIFICATE_UNTRUSTED;
        goto done;
    }
    verify(c, x, now, NULL, v, &chain);
    if (v->unfit != CERTIFICATE_FIT)
        goto done;
    if (!crl_choose(c->crls, chain, now, v->last_lists, whole, partial, v->why)) {
        v->unfit = CERTIFICATE_UNTRUSTED;
        goto done;
    }
    ask_partial_lists(partial, chain, v);
    if (v->unfit == CERTIFICATE_FIT)
        verify(c, x, now, whole, v, &again);

done:
    sk_X509_CRL_free(whole);
    sk_X509_CRL_free(partial);
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(again, X509_free);
}

enum certificate_unfit
chain_judge(const struct chain *c, const uint8_t *der, size_t len, int64_t now, bool last_lists,
            char why_out[static CHAIN_WHY_MAX])
{
    struct verdict v = {
        .unfit = CERTIFICATE_UNTRUSTED, .require_crl = c->require_crl, .last_lists = last_lists, .why = why_out,
    };
    const uint8_t *p = der;
    X509 *x = NULL;

    why_out[0] = '\0';
    (void)ERR_set_mark();
    if (len > 0 && len <= CERTIFICATE_MAX)
        x = d2i_X509(NULL, &p, (long)len);
    if (x != NULL && p == der + len)
        verify_with_lists(c, x, now, &v);
    else
        why_add(why_out, "it cannot be read");
    if (v.unfit != CERTIFICATE_FIT && why_out[0] == '\0')
        why_add(why_out, "out of memory");
    X509_free(x);
    (void)ERR_pop_to_mark();
    return v.unfit;
}
