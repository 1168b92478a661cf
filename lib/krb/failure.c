#include "lib/krb/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct code_err {
    krb5_error_code code;
    enum err err;
};

/*
 * What is not here is ERR_UNTRUSTED_KDC if it is Kerberos's and ERR_INTERNAL if
 * not: an answer that makes no sense came from something that is no KDC of ours.
 */
static const struct code_err codes[] = {
    { KRB5KDC_ERR_NAME_EXP, ERR_ACCOUNT_EXPIRED },
    { KRB5KDC_ERR_SERVICE_EXP, ERR_STALE_KEYTAB },
    { KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ERR_UNKNOWN_PRINCIPAL },
    { KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, ERR_NO_KEYTAB },
    { KRB5KDC_ERR_MUST_USE_USER2USER, ERR_NO_KEYTAB },
    { KRB5KDC_ERR_NULL_KEY, ERR_REVOKED },
    { KRB5KDC_ERR_NEVER_VALID, ERR_POLICY },
    { KRB5KDC_ERR_POLICY, ERR_POLICY },
    { KRB5KDC_ERR_BADOPTION, ERR_POLICY },
    { KRB5KDC_ERR_PATH_NOT_ACCEPTED, ERR_POLICY },
    { KRB5KDC_ERR_ETYPE_NOSUPP, ERR_NO_ENCTYPE },
    { KRB5KDC_ERR_PADATA_TYPE_NOSUPP, ERR_POLICY },
    { KRB5KDC_ERR_CLIENT_REVOKED, ERR_REVOKED },
    { KRB5KDC_ERR_SERVICE_REVOKED, ERR_STALE_KEYTAB },
    { KRB5KDC_ERR_CLIENT_NOTYET, ERR_REVOKED },
    { KRB5KDC_ERR_KEY_EXP, ERR_PASSWORD_EXPIRED },
    { KRB5KDC_ERR_PREAUTH_FAILED, ERR_WRONG_PASSWORD },
    { KRB5KDC_ERR_PREAUTH_REQUIRED, ERR_NO_ENCTYPE },
    { KRB5KDC_ERR_SVC_UNAVAILABLE, ERR_NO_KDC },
    { KRB5KRB_AP_ERR_TKT_NYV, ERR_CLOCK },
    { KRB5KRB_AP_ERR_SKEW, ERR_CLOCK },
    { KRB5_KDCREP_SKEW, ERR_CLOCK },
    { KRB5KRB_ERR_GENERIC, ERR_NO_KDC },
    { KRB5_KDC_UNREACH, ERR_NO_KDC },
    { KRB5_REALM_CANT_RESOLVE, ERR_NO_KDC },
    { KRB5KDC_ERR_WRONG_REALM, ERR_NO_REALM },
    { KRB5_REALM_UNKNOWN, ERR_NO_REALM },
    { KRB5_CONFIG_ETYPE_NOSUPP, ERR_NO_ENCTYPE },
    { KRB5_PROG_ETYPE_NOSUPP, ERR_NO_ENCTYPE },
    { KRB5_BAD_ENCTYPE, ERR_NO_ENCTYPE },
    { KRB5_NOPERM_ETYPE, ERR_NO_ENCTYPE },
    { KRB5_PREAUTH_FAILED, ERR_NO_ENCTYPE },
    { KRB5_ERR_FAST_REQUIRED, ERR_NO_FAST },
    { KRB5KRB_AP_ERR_BADKEYVER, ERR_STALE_KEYTAB },
    { KRB5_KT_KVNONOTFOUND, ERR_STALE_KEYTAB },
    { KRB5KRB_AP_ERR_NOKEY, ERR_NO_KEYTAB },
    { KRB5_KT_NOTFOUND, ERR_NO_KEYTAB },
    { KRB5_KT_IOERR, ERR_NO_KEYTAB },
    { KRB5_KT_BADNAME, ERR_NO_KEYTAB },
    { KRB5_KEYTAB_BADVNO, ERR_NO_KEYTAB },
    { KRB5_KT_FORMAT, ERR_NO_KEYTAB },
};

static const struct {
    uint32_t status;
    enum err err;
} statuses[] = {
    { 0xc0000064, ERR_UNKNOWN_PRINCIPAL }, /* NO_SUCH_USER */
    { 0xc000006a, ERR_WRONG_PASSWORD },    /* WRONG_PASSWORD */
    { 0xc000006d, ERR_WRONG_PASSWORD },    /* LOGON_FAILURE */
    { 0xc000006e, ERR_POLICY },            /* ACCOUNT_RESTRICTION */
    { 0xc000006f, ERR_LOGON_HOURS },       /* INVALID_LOGON_HOURS */
    { 0xc0000070, ERR_WORKSTATION },       /* INVALID_WORKSTATION */
    { 0xc0000071, ERR_PASSWORD_EXPIRED },  /* PASSWORD_EXPIRED */
    { 0xc0000072, ERR_DISABLED },          /* ACCOUNT_DISABLED */
    { 0xc0000133, ERR_CLOCK },             /* TIME_DIFFERENCE_AT_DC */
    { 0xc000015b, ERR_POLICY },            /* LOGON_TYPE_NOT_GRANTED */
    { 0xc000018b, ERR_NO_KEYTAB },         /* NO_TRUST_SAM_ACCOUNT */
    { 0xc0000193, ERR_ACCOUNT_EXPIRED },   /* ACCOUNT_EXPIRED */
    { 0xc0000198, ERR_NOT_A_PERSON },      /* NOLOGON_INTERDOMAIN_TRUST_ACCOUNT */
    { 0xc0000199, ERR_NOT_A_PERSON },      /* NOLOGON_WORKSTATION_TRUST_ACCOUNT */
    { 0xc000019a, ERR_NOT_A_PERSON },      /* NOLOGON_SERVER_TRUST_ACCOUNT */
    { 0xc0000224, ERR_MUST_CHANGE },       /* PASSWORD_MUST_CHANGE */
    { 0xc0000234, ERR_LOCKED },            /* ACCOUNT_LOCKED_OUT */
    { 0xc00002fa, ERR_POLICY },            /* SMARTCARD_LOGON_REQUIRED */
    { 0xc0000413, ERR_POLICY },            /* AUTHENTICATION_FIREWALL_FAILED */
};

enum err
krb_err_of_ntstatus(uint32_t ntstatus)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == ntstatus)
            return statuses[i].err;
    }
    return ERR_REVOKED;
}

static enum err
err_of_code(krb5_error_code code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code == code)
            return codes[i].err;
    }
    /* The errno values: memory, descriptors. */
    if (code > 0 && code < 4096)
        return ERR_INTERNAL;
    return ERR_UNTRUSTED_KDC;
}

void
failure_set(krb5_context ctx, struct krb_failure *f, const char *step, krb5_error_code code)
{
    const char *text = krb5_get_error_message(ctx, code);

    memset(f, 0, sizeof(*f));
    f->step = step;
    f->code = code;
    f->err = err_of_code(code);
    (void)snprintf(f->text, sizeof(f->text), "%s", text);
    krb5_free_error_message(ctx, text);
}

void
failure_say(struct krb_failure *f, const char *step, enum err err, krb5_error_code code, const char *text)
{
    memset(f, 0, sizeof(*f));
    f->step = step;
    f->err = err;
    f->code = code;
    (void)snprintf(f->text, sizeof(f->text), "%s", text);
}

/* The codes with which the KDC leaves it to NTSTATUS to say what it means. */
static bool
is_refined(krb5_error_code code)
{
    return code == KRB5KDC_ERR_POLICY || code == KRB5KDC_ERR_CLIENT_REVOKED || code == KRB5KDC_ERR_KEY_EXP ||
           code == KRB5KRB_ERR_GENERIC;
}

void
failure_of_exchange(krb5_context ctx, struct krb_failure *f, const char *step, krb5_error_code code,
                    const struct exchange *x)
{
    failure_set(ctx, f, step, code);
    f->ntstatus = x->ntstatus;
    if (x->ntstatus != 0 && is_refined(code))
        f->err = krb_err_of_ntstatus(x->ntstatus);
    if (x->offset_known)
        f->clock_offset = x->offset;
    /* A clock that is days off asks for a ticket that has run out already, as the KDC sees it. */
    if (code == KRB5KDC_ERR_NEVER_VALID && llabs(f->clock_offset) > CLOCK_SKEW)
        f->err = ERR_CLOCK;
}
