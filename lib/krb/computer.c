/* The computer's own logon. */
#include "lib/krb/krb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/krb/computer_keys.h"
#include "lib/krb/failure.h"

/* The key under which libkrb5 notes in a cache that FAST was offered; documented with the cache's file format. */
#define FAST_AVAIL "fast_avail"

static const char step[] = "AS exchange of the computer";

/* What the KDC thinks of the account or its key: joining again mends it. The errno values are the keytab's. */
static void
judge(struct krb_failure *f)
{
    if (f->code == ENOENT || f->code == EACCES || f->code == EPERM)
        f->err = ERR_NO_KEYTAB;
    switch (f->err) {
    case ERR_UNKNOWN_PRINCIPAL:
    case ERR_WRONG_PASSWORD:
    case ERR_PASSWORD_EXPIRED:
    case ERR_MUST_CHANGE:
    case ERR_DISABLED:
    case ERR_LOCKED:
    case ERR_ACCOUNT_EXPIRED:
    case ERR_REVOKED:
        f->err = ERR_STALE_KEYTAB;
        break;
    default:
        break;
    }
}

static krb5_error_code
build_principal(krb5_context ctx, const struct krb_target *t, krb5_principal *principal_out)
{
    char account[64];

    (void)snprintf(account, sizeof(account), "%s$", t->computer);
    return krb5_build_principal(ctx, principal_out, (unsigned)strlen(t->realm), t->realm, account, NULL);
}

/* libkrb5 would ask the KDC first, and then call it a failure of pre-authentication. */
static krb5_error_code
find_key(krb5_context ctx, krb5_keytab keytab, krb5_const_principal computer)
{
    krb5_keytab_entry e = { 0 };
    krb5_error_code code = krb5_kt_get_entry(ctx, keytab, computer, 0, 0, &e);

    if (code == 0)
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    return code;
}

static krb5_error_code
set_options(krb5_context ctx, int32_t lifetime, krb5_ccache out, krb5_get_init_creds_opt **options_out)
{
    krb5_error_code code = krb5_get_init_creds_opt_alloc(ctx, options_out);

    if (code != 0)
        return code;
    krb5_get_init_creds_opt_set_forwardable(*options_out, 0);
    krb5_get_init_creds_opt_set_proxiable(*options_out, 0);
    krb5_get_init_creds_opt_set_renew_life(*options_out, 0);
    if (lifetime > 0)
        krb5_get_init_creds_opt_set_tkt_life(*options_out, lifetime);
    /* Only a cache is told whether the protected part of the answer offered FAST. */
    return krb5_get_init_creds_opt_set_out_ccache(ctx, *options_out, out);
}

static bool
is_fast_offered(krb5_context ctx, krb5_ccache cache, krb5_const_principal tgs)
{
    krb5_data value = { 0 };
    bool offered = krb5_cc_get_config(ctx, cache, tgs, FAST_AVAIL, &value) == 0;

    krb5_free_data_contents(ctx, &value);
    return offered;
}

/* With the newest key of the account in the keytab. */
static bool
log_on(krb5_context ctx, const struct krb_target *t, krb5_keytab keytab, int32_t lifetime, krb5_creds *tgt_out,
       bool *fast_out, struct krb_failure *failure_out)
{
    struct kdc kdc = kdc_init(t);
    krb5_get_init_creds_opt *options = NULL;
    krb5_init_creds_context ic = NULL;
    krb5_principal computer = NULL;
    krb5_ccache cache = NULL;
    krb5_creds tgt = { 0 };
    struct exchange x = { 0 };
    krb5_error_code code;

    memset(tgt_out, 0, sizeof(*tgt_out));
    memset(failure_out, 0, sizeof(*failure_out));
    *fast_out = false;
    code = build_principal(ctx, t, &computer);
    if (code == 0)
        code = find_key(ctx, keytab, computer);
    if (code == 0)
        code = krb5_cc_new_unique(ctx, "MEMORY", NULL, &cache);
    if (code == 0)
        code = set_options(ctx, lifetime, cache, &options);
    if (code == 0)
        code = krb5_init_creds_init(ctx, computer, NULL, NULL, 0, options, &ic);
    if (code == 0)
        code = krb5_init_creds_set_keytab(ctx, ic, keytab);
    if (code == 0)
        code = exchange_as(ctx, &kdc, ic, AS_BY_PASSWORD, &x);
    if (code == 0)
        code = krb5_init_creds_get_creds(ctx, ic, &tgt);
    if (code == 0) {
        *tgt_out = tgt;
        *fast_out = is_fast_offered(ctx, cache, tgt.server);
    } else {
        failure_of_exchange(ctx, failure_out, step, code, &x);
        failure_out->password_sent = x.sent == AS_REQUESTS_MAX;
    }
    krb5_init_creds_free(ctx, ic);
    krb5_get_init_creds_opt_free(ctx, options);
    if (cache != NULL)
        (void)krb5_cc_destroy(ctx, cache);
    krb5_free_principal(ctx, computer);
    kdc_done(&kdc);
    return code == 0;
}

bool
krb_computer_tgt(krb5_context ctx, const struct krb_target *t, krb5_keytab keytab, int32_t lifetime,
                 krb5_creds *tgt_out, bool *fast_out, struct krb_failure *failure_out)
{
    bool ok = log_on(ctx, t, keytab, lifetime, tgt_out, fast_out, failure_out);
    struct krb_failure failure;

    /* In the middle of a change of the password another version's is the key. */
    for (unsigned i = 0; !ok && failure_out->err == ERR_WRONG_PASSWORD && i < COMPUTER_KEYS_MAX; i++) {
        krb5_keytab other = computer_keys_other(ctx, t, keytab, i);

        if (other == NULL)
            break;
        ok = log_on(ctx, t, other, lifetime, tgt_out, fast_out, &failure);
        (void)krb5_kt_close(ctx, other);
        if (!ok && failure.err != ERR_WRONG_PASSWORD)
            break;
    }
    if (ok)
        memset(failure_out, 0, sizeof(*failure_out));
    else
        judge(failure_out);
    return ok;
}
