#include "lib/krb/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct code_err {
    krb5_error_code code;
    enum err err;
    const char *name;
};

#define CODE(code, err) { code, err, #code }

/*
 * What is not here is ERR_UNTRUSTED_KDC if it is Kerberos's and ERR_INTERNAL if
 * not: an answer that makes no sense came from something that is no KDC of ours.
 */
static const struct code_err codes[] = {
    CODE(KRB5KDC_ERR_NAME_EXP, ERR_ACCOUNT_EXPIRED),
    CODE(KRB5KDC_ERR_SERVICE_EXP, ERR_STALE_KEYTAB),
    CODE(KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ERR_UNKNOWN_PRINCIPAL),
    CODE(KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, ERR_NO_KEYTAB),
    CODE(KRB5KDC_ERR_MUST_USE_USER2USER, ERR_NO_KEYTAB),
    CODE(KRB5KDC_ERR_NULL_KEY, ERR_REVOKED),
    CODE(KRB5KDC_ERR_NEVER_VALID, ERR_POLICY),
    CODE(KRB5KDC_ERR_POLICY, ERR_POLICY),
    CODE(KRB5KDC_ERR_BADOPTION, ERR_POLICY),
    CODE(KRB5KDC_ERR_PATH_NOT_ACCEPTED, ERR_POLICY),
    CODE(KRB5KDC_ERR_ETYPE_NOSUPP, ERR_NO_ENCTYPE),
    CODE(KRB5KDC_ERR_PADATA_TYPE_NOSUPP, ERR_POLICY),
    CODE(KRB5KDC_ERR_CLIENT_REVOKED, ERR_REVOKED),
    CODE(KRB5KDC_ERR_SERVICE_REVOKED, ERR_STALE_KEYTAB),
    CODE(KRB5KDC_ERR_CLIENT_NOTYET, ERR_REVOKED),
    CODE(KRB5KDC_ERR_KEY_EXP, ERR_PASSWORD_EXPIRED),
    CODE(KRB5KDC_ERR_PREAUTH_FAILED, ERR_WRONG_PASSWORD),
    CODE(KRB5KDC_ERR_PREAUTH_REQUIRED, ERR_NO_ENCTYPE),
    CODE(KRB5KDC_ERR_SVC_UNAVAILABLE, ERR_NO_KDC),
    /*
     * RFC 4556 3.2.2 and 3.2.3: a KDC's words on a person's certificate.  What libkrb5 finds wrong with the KDC's own
     * has the same codes and does not come here (card.c).  CLIENT_NOT_TRUSTED alone may mean anything: Samba 4.22 says
     * so of one that has been revoked.  That it could not be learned whether it has been says nothing against the card:
     * the domain demands that it is known.
     */
    CODE(KRB5KDC_ERR_CLIENT_NOT_TRUSTED, ERR_CARD_UNFIT),
    CODE(KRB5KDC_ERR_KDC_NOT_TRUSTED, ERR_KDC_CERTIFICATE),
    CODE(KRB5KDC_ERR_INVALID_SIG, ERR_CARD_FAILED),
    CODE(KRB5KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED, ERR_NO_ENCTYPE),
    CODE(KRB5KDC_ERR_CERTIFICATE_MISMATCH, ERR_CARD_NOT_YOURS),
    CODE(KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE, ERR_CARD_UNTRUSTED),
    CODE(KRB5KDC_ERR_INVALID_CERTIFICATE, ERR_CARD_UNFIT),
    CODE(KRB5KDC_ERR_REVOKED_CERTIFICATE, ERR_CARD_REVOKED),
    CODE(KRB5KDC_ERR_REVOCATION_STATUS_UNKNOWN, ERR_POLICY),
    CODE(KRB5KDC_ERR_REVOCATION_STATUS_UNAVAILABLE, ERR_POLICY),
    CODE(KRB5KDC_ERR_CLIENT_NAME_MISMATCH, ERR_CARD_NOT_YOURS),
    CODE(KRB5KDC_ERR_KDC_NAME_MISMATCH, ERR_KDC_CERTIFICATE),
    CODE(KRB5KDC_ERR_INCONSISTENT_KEY_PURPOSE, ERR_CARD_UNFIT),
    CODE(KRB5KDC_ERR_DIGEST_IN_CERT_NOT_ACCEPTED, ERR_CARD_UNFIT),
    CODE(KRB5KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED, ERR_NO_ENCTYPE),
    CODE(KRB5KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED, ERR_NO_ENCTYPE),
    CODE(KRB5KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED, ERR_NO_ENCTYPE),
    CODE(KRB5KRB_AP_ERR_TKT_NYV, ERR_CLOCK),
    CODE(KRB5KRB_AP_ERR_SKEW, ERR_CLOCK),
    CODE(KRB5_KDCREP_SKEW, ERR_CLOCK),
    CODE(KRB5KRB_ERR_GENERIC, ERR_NO_KDC),
    CODE(KRB5_KDC_UNREACH, ERR_NO_KDC),
    CODE(KRB5_REALM_CANT_RESOLVE, ERR_NO_KDC),
    CODE(KRB5KDC_ERR_WRONG_REALM, ERR_NO_REALM),
    CODE(KRB5_REALM_UNKNOWN, ERR_NO_REALM),
    CODE(KRB5_CONFIG_ETYPE_NOSUPP, ERR_NO_ENCTYPE),
    CODE(KRB5_PROG_ETYPE_NOSUPP, ERR_NO_ENCTYPE),
    CODE(KRB5_BAD_ENCTYPE, ERR_NO_ENCTYPE),
    CODE(KRB5_NOPERM_ETYPE, ERR_NO_ENCTYPE),
    CODE(KRB5_PREAUTH_FAILED, ERR_NO_ENCTYPE),
    CODE(KRB5_ERR_FAST_REQUIRED, ERR_NO_FAST),
    CODE(KRB5KRB_AP_ERR_BADKEYVER, ERR_STALE_KEYTAB),
    CODE(KRB5_KT_KVNONOTFOUND, ERR_STALE_KEYTAB),
    CODE(KRB5KRB_AP_ERR_NOKEY, ERR_NO_KEYTAB),
    CODE(KRB5_KT_NOTFOUND, ERR_NO_KEYTAB),
    CODE(KRB5_KT_IOERR, ERR_NO_KEYTAB),
    CODE(KRB5_KT_BADNAME, ERR_NO_KEYTAB),
    CODE(KRB5_KEYTAB_BADVNO, ERR_NO_KEYTAB),
    CODE(KRB5_KT_FORMAT, ERR_NO_KEYTAB),
};

#undef CODE

static const struct status_err {
    uint32_t status;
    enum err err;
    const char *name;
} statuses[] = {
    { 0xc0000064, ERR_UNKNOWN_PRINCIPAL, "STATUS_NO_SUCH_USER" },
    { 0xc000006a, ERR_WRONG_PASSWORD, "STATUS_WRONG_PASSWORD" },
    { 0xc000006d, ERR_WRONG_PASSWORD, "STATUS_LOGON_FAILURE" },
    { 0xc000006e, ERR_POLICY, "STATUS_ACCOUNT_RESTRICTION" },
    { 0xc000006f, ERR_LOGON_HOURS, "STATUS_INVALID_LOGON_HOURS" },
    { 0xc0000070, ERR_WORKSTATION, "STATUS_INVALID_WORKSTATION" },
    { 0xc0000071, ERR_PASSWORD_EXPIRED, "STATUS_PASSWORD_EXPIRED" },
    { 0xc0000072, ERR_DISABLED, "STATUS_ACCOUNT_DISABLED" },
    { 0xc0000133, ERR_CLOCK, "STATUS_TIME_DIFFERENCE_AT_DC" },
    { 0xc000015b, ERR_POLICY, "STATUS_LOGON_TYPE_NOT_GRANTED" },
    { 0xc000018b, ERR_NO_KEYTAB, "STATUS_NO_TRUST_SAM_ACCOUNT" },
    { 0xc0000193, ERR_ACCOUNT_EXPIRED, "STATUS_ACCOUNT_EXPIRED" },
    { 0xc0000198, ERR_NOT_A_PERSON, "STATUS_NOLOGON_INTERDOMAIN_TRUST_ACCOUNT" },
    { 0xc0000199, ERR_NOT_A_PERSON, "STATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT" },
    { 0xc000019a, ERR_NOT_A_PERSON, "STATUS_NOLOGON_SERVER_TRUST_ACCOUNT" },
    { 0xc0000224, ERR_MUST_CHANGE, "STATUS_PASSWORD_MUST_CHANGE" },
    { 0xc0000234, ERR_LOCKED, "STATUS_ACCOUNT_LOCKED_OUT" },
    { 0xc00002f9, ERR_KDC_CERTIFICATE, "STATUS_PKINIT_NAME_MISMATCH" },
    { 0xc00002fa, ERR_CARD_REQUIRED, "STATUS_SMARTCARD_LOGON_REQUIRED" },
    { 0xc0000320, ERR_KDC_CERTIFICATE, "STATUS_PKINIT_FAILURE" },
    { 0xc0000389, ERR_CARD_REVOKED, "STATUS_SMARTCARD_CERT_REVOKED" },
    { 0xc000038a, ERR_CARD_UNTRUSTED, "STATUS_ISSUING_CA_UNTRUSTED" },
    { 0xc000038b, ERR_POLICY, "STATUS_REVOCATION_OFFLINE_C" },
    { 0xc000038c, ERR_CARD_UNTRUSTED, "STATUS_PKINIT_CLIENT_FAILURE" },
    { 0xc000038d, ERR_CARD_EXPIRED, "STATUS_SMARTCARD_CERT_EXPIRED" },
    { 0xc000040c, ERR_KDC_CERTIFICATE, "STATUS_REVOCATION_OFFLINE_KDC" },
    { 0xc000040d, ERR_KDC_CERTIFICATE, "STATUS_ISSUING_CA_UNTRUSTED_KDC" },
    { 0xc000040e, ERR_KDC_CERTIFICATE, "STATUS_KDC_CERT_EXPIRED" },
    { 0xc000040f, ERR_KDC_CERTIFICATE, "STATUS_KDC_CERT_REVOKED" },
    { 0xc0000413, ERR_POLICY, "STATUS_AUTHENTICATION_FIREWALL_FAILED" },
};

static const struct status_err *
find_status(uint32_t ntstatus)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == ntstatus)
            return &statuses[i];
    }
    return NULL;
}

static const struct code_err *
find_code(krb5_error_code code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code == code)
            return &codes[i];
    }
    return NULL;
}

enum err
krb_err_of_ntstatus(uint32_t ntstatus)
{
    const struct status_err *s = find_status(ntstatus);

    return s == NULL ? ERR_REVOKED : s->err;
}

static enum err
err_of_code(krb5_error_code code)
{
    const struct code_err *c = find_code(code);

    if (c != NULL)
        return c->err;
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

/* The codes on certificates, which NTSTATUS makes more exact where it is one of those that we know. */
static bool
is_on_certificate(krb5_error_code code)
{
    return code == KRB5KDC_ERR_CLIENT_NOT_TRUSTED ||
           (code >= KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE && code <= KRB5KDC_ERR_INCONSISTENT_KEY_PURPOSE);
}

void
failure_of_exchange(krb5_context ctx, struct krb_failure *f, const char *step, krb5_error_code code,
                    const struct exchange *x)
{
    failure_set(ctx, f, step, code);
    f->ntstatus = x->ntstatus;
    if (x->ntstatus != 0 && (is_refined(code) || (is_on_certificate(code) && find_status(x->ntstatus) != NULL)))
        f->err = krb_err_of_ntstatus(x->ntstatus);
    if (x->offset_known)
        f->clock_offset = x->offset;
    /* A clock that is days off asks for a ticket that has run out already, as the KDC sees it. */
    if (code == KRB5KDC_ERR_NEVER_VALID && llabs(f->clock_offset) > CLOCK_SKEW)
        f->err = ERR_CLOCK;
}

void
krb_failure_value(const struct krb_failure *f, const char *domain_dns, char *buf, size_t size)
{
    long long offset = llabs((long long)f->clock_offset);

    buf[0] = '\0';
    if (f->err == ERR_CLOCK && offset > 0)
        (void)snprintf(buf, size, "%lld:%02lld min", offset / 60, offset % 60);
    else if (f->err == ERR_NO_KDC || f->err == ERR_NO_REALM)
        (void)snprintf(buf, size, "%s", domain_dns);
}

/* RFC 4120's name and number where it is a code of that, else libkrb5's. */
static void
describe_code(krb5_error_code code, char *buf, size_t size)
{
    const struct code_err *c = find_code(code);
    const char *name = c == NULL ? "code" : c->name;
    long number = code;

    if (code >= ERROR_TABLE_BASE_krb5 && code < ERROR_TABLE_BASE_krb5 + 128)
        number = code - ERROR_TABLE_BASE_krb5;
    if (strncmp(name, "KRB5KDC_", 8) == 0 || strncmp(name, "KRB5KRB_", 8) == 0)
        name += 4;
    (void)snprintf(buf, size, "%s %ld", name, number);
}

void
krb_failure_describe(const struct krb_failure *f, char *buf, size_t size)
{
    const struct status_err *s = find_status(f->ntstatus);
    char code[64] = "", status[64] = "";

    if (f->code != 0)
        describe_code(f->code, code, sizeof(code));
    if (f->ntstatus != 0)
        (void)snprintf(status, sizeof(status), "%s%s %08X", code[0] != '\0' ? ", " : "",
                       s == NULL ? "NTSTATUS" : s->name, (unsigned)f->ntstatus);
    if (code[0] == '\0' && status[0] == '\0')
        (void)snprintf(buf, size, "%s", f->text);
    else
        (void)snprintf(buf, size, "%s (%s%s)", f->text, code, status);
}
