#include "lib/krb/tgs.h"

#include <string.h>

#include "lib/krb/failure.h"

krb5_error_code
tgs_cache(krb5_context ctx, const krb5_creds *creds, krb5_ccache *cache_out)
{
    krb5_ccache cache = NULL;
    krb5_creds copy = *creds;
    krb5_error_code code;

    *cache_out = NULL;
    code = krb5_cc_new_unique(ctx, "MEMORY", NULL, &cache);
    if (code == 0)
        code = krb5_cc_initialize(ctx, cache, creds->client);
    /* Stores a copy; only the declaration lacks the const. */
    if (code == 0)
        code = krb5_cc_store_cred(ctx, cache, &copy);
    if (code != 0) {
        if (cache != NULL)
            (void)krb5_cc_destroy(ctx, cache);
        return code;
    }
    *cache_out = cache;
    return 0;
}

krb5_error_code
tgs_ticket(krb5_context ctx, const struct realm_kdcs *kdcs, const krb5_creds *tgt, krb5_principal server,
           krb5_creds *creds_out, struct exchange *x_out)
{
    krb5_creds in = { .client = tgt->client, .server = server };
    krb5_tkt_creds_context tc = NULL;
    krb5_ccache cache = NULL;
    krb5_error_code code;

    memset(creds_out, 0, sizeof(*creds_out));
    memset(x_out, 0, sizeof(*x_out));
    code = tgs_cache(ctx, tgt, &cache);
    if (code == 0)
        code = krb5_tkt_creds_init(ctx, cache, &in, KRB5_GC_NO_STORE, &tc);
    if (code == 0)
        code = exchange_tgs(ctx, kdcs, tc, x_out);
    if (code == 0)
        code = krb5_tkt_creds_get_creds(ctx, tc, creds_out);
    krb5_tkt_creds_free(ctx, tc);
    if (cache != NULL)
        (void)krb5_cc_destroy(ctx, cache);
    return code;
}

bool
krb_service_ticket(krb5_context ctx, const struct krb_target *t, const krb5_creds *tgt, const char *service,
                   krb5_creds *creds_out, struct krb_failure *failure_out)
{
    static const char step[] = "TGS exchange";
    struct kdc kdc = kdc_init(t);
    const struct realm_kdcs kdcs = { .list = { { t->realm, &kdc } }, .n = 1 };
    krb5_principal server = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    memset(creds_out, 0, sizeof(*creds_out));
    memset(failure_out, 0, sizeof(*failure_out));
    code = krb5_parse_name_flags(ctx, service, KRB5_PRINCIPAL_PARSE_NO_REALM, &server);
    if (code == 0)
        code = krb5_set_principal_realm(ctx, server, t->realm);
    if (code == 0)
        code = tgs_ticket(ctx, &kdcs, tgt, server, creds_out, &x);
    if (code != 0)
        failure_of_exchange(ctx, failure_out, step, code, &x);
    krb5_free_principal(ctx, server);
    kdc_done(&kdc);
    return code == 0;
}
