/*
 * The logon with a password, as the Authentication Client of [MS-AUTHSOD]
 * 2.5.5.1.1 and 3.2.1 does it: AS, TGS for this computer, AP-REQ.
 */
#include "lib/krb/krb.h"

#include <string.h>

#include "lib/krb/steps.h"

static void
as_failed(const struct steps *s, krb5_error_code code)
{
    const struct exchange *x = &s->as;
    struct krb_failure *f = s->failure;
    bool by_fast = steps_as_failed(s, s->ctx, code);

    f->password_sent = x->sent == AS_REQUESTS_MAX;
    if (!by_fast && code == KRB5KRB_AP_ERR_BAD_INTEGRITY && x->error == 0 && x->sent == 1) {
        /* An account without pre-authentication: its answer does not open with this password. */
        f->err = ERR_WRONG_PASSWORD;
    } else if (!by_fast && f->err == ERR_NO_KDC && f->password_sent) {
        f->err = ERR_TIMEOUT;
    }
    steps_judge_proof(s, code);
}

static bool
as_exchange(struct steps *s, const char *password, krb5_creds *tgt_out)
{
    krb5_init_creds_context ic = NULL;
    krb5_error_code code;

    code = krb5_init_creds_init(s->ctx, s->client, exchange_no_prompt, NULL, 0, s->options, &ic);
    if (code == 0)
        code = krb5_init_creds_set_password(s->ctx, ic, password);
    if (code == 0)
        code = steps_exchange(s, s->ctx, ic, AS_BY_PASSWORD, tgt_out);
    if (code != 0)
        as_failed(s, code);
    krb5_init_creds_free(s->ctx, ic);
    return code == 0;
}

/* The KDC, whoever it is, has seen the password: nobody else is asked. */
static bool
get_tickets(struct steps *s, struct krb_logon *logon)
{
    if (steps_tickets(s, logon))
        return true;
    s->failure->password_sent = true;
    if (s->failure->err == ERR_NO_KDC)
        s->failure->err = ERR_TIMEOUT;
    return false;
}

bool
krb_logon_password(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                   const char *password, const krb5_creds *armor, const struct krb_options *o,
                   struct krb_logon *logon_out, struct krb_failure *failure_out)
{
    struct krb_logon logon = { 0 };
    struct steps s;
    bool ok;

    memset(logon_out, 0, sizeof(*logon_out));
    ok = steps_begin(&s, ctx, t, name, enterprise, armor, o, failure_out) && as_exchange(&s, password, &logon.tgt) &&
         get_tickets(&s, &logon);
    if (ok)
        *logon_out = logon;
    else
        krb_logon_done(ctx, &logon);
    steps_done(&s);
    return ok;
}
