/* A TGT for a password, of a person or a computer, for what is no logon to this computer. */
#include "lib/krb/krb.h"

#include <string.h>

#include "lib/krb/failure.h"

static const char step[] = "AS exchange";

static krb5_error_code
set_options(krb5_context ctx, krb5_get_init_creds_opt **options_out)
{
    krb5_error_code code = krb5_get_init_creds_opt_alloc(ctx, options_out);

    if (code != 0)
        return code;
    krb5_get_init_creds_opt_set_forwardable(*options_out, 0);
    krb5_get_init_creds_opt_set_proxiable(*options_out, 0);
    krb5_get_init_creds_opt_set_renew_life(*options_out, 0);
    krb5_get_init_creds_opt_set_canonicalize(*options_out, 1);
    krb5_get_init_creds_opt_set_tkt_life(*options_out, KRB_PASSWORD_TGT_LIFE);
    return 0;
}

bool
krb_password_tgt(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise, const char *password,
                 krb5_creds *tgt_out, struct krb_failure *failure_out)
{
    struct kdc kdc = kdc_init(t);
    krb5_get_init_creds_opt *options = NULL;
    krb5_init_creds_context ic = NULL;
    krb5_principal client = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    memset(tgt_out, 0, sizeof(*tgt_out));
    memset(failure_out, 0, sizeof(*failure_out));
    code = exchange_client(ctx, t->realm, name, enterprise, &client);
    if (code == 0)
        code = set_options(ctx, &options);
    if (code == 0)
        code = krb5_init_creds_init(ctx, client, exchange_no_prompt, NULL, 0, options, &ic);
    if (code == 0)
        code = krb5_init_creds_set_password(ctx, ic, password);
    if (code == 0)
        code = exchange_as(ctx, &kdc, ic, AS_BY_PASSWORD, &x);
    if (code == 0)
        code = krb5_init_creds_get_creds(ctx, ic, tgt_out);
    if (code != 0) {
        failure_of_exchange(ctx, failure_out, step, code, &x);
        failure_out->password_sent = x.sent == AS_REQUESTS_MAX;
        /* An account without pre-authentication: its answer does not open with this password. */
        if (code == KRB5KRB_AP_ERR_BAD_INTEGRITY && x.error == 0)
            failure_out->err = ERR_WRONG_PASSWORD;
    }
    krb5_init_creds_free(ctx, ic);
    krb5_get_init_creds_opt_free(ctx, options);
    krb5_free_principal(ctx, client);
    kdc_done(&kdc);
    return code == 0;
}
