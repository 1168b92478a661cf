#include "lib/krb/computer_keys.h"

#include <stdio.h>
#include <string.h>

static krb5_error_code
build_names(krb5_context ctx, const struct krb_target *t, krb5_principal *account_out, krb5_principal *host_out)
{
    const unsigned realm_len = (unsigned)strlen(t->realm);
    char account[64];
    krb5_error_code code;

    (void)snprintf(account, sizeof(account), "%s$", t->computer);
    code = krb5_build_principal(ctx, account_out, realm_len, t->realm, account, NULL);
    if (code == 0)
        code = krb5_build_principal(ctx, host_out, realm_len, t->realm, "host", t->fqdn, NULL);
    return code;
}

/*
 * The newest version of host's entries below limit, but not `but`; 0 if there
 * is none.  Those of version `but` get into *to, of the account, where to is not NULL.
 */
static krb5_kvno
walk(krb5_context ctx, krb5_keytab keytab, krb5_const_principal host, int64_t limit, krb5_kvno but, krb5_keytab to,
     krb5_principal account)
{
    krb5_keytab_entry e;
    krb5_kt_cursor cursor;
    krb5_kvno newest = 0;

    if (krb5_kt_start_seq_get(ctx, keytab, &cursor) != 0)
        return 0;
    while (krb5_kt_next_entry(ctx, keytab, &e, &cursor) == 0) {
        if (krb5_principal_compare(ctx, e.principal, host)) {
            krb5_keytab_entry own = { .principal = account, .vno = e.vno, .key = e.key };

            if (to != NULL && e.vno == but)
                (void)krb5_kt_add_entry(ctx, to, &own);
            else if (e.vno != but && (int64_t)e.vno < limit && e.vno > newest)
                newest = e.vno;
        }
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    (void)krb5_kt_end_seq_get(ctx, keytab, &cursor);
    return newest;
}

static krb5_kvno
newest_of(krb5_context ctx, krb5_keytab keytab, krb5_const_principal account)
{
    krb5_keytab_entry e = { 0 };
    krb5_kvno vno = 0;

    if (krb5_kt_get_entry(ctx, keytab, account, 0, 0, &e) == 0) {
        vno = e.vno;
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    return vno;
}

static krb5_keytab
make(krb5_context ctx, krb5_keytab keytab, krb5_const_principal host, krb5_principal account, krb5_kvno vno)
{
    krb5_keytab to = NULL;
    char name[64];

    (void)snprintf(name, sizeof(name), "MEMORY:computer-%p-%u", (void *)keytab, (unsigned)vno);
    if (krb5_kt_resolve(ctx, name, &to) != 0)
        return NULL;
    (void)walk(ctx, keytab, host, 0, vno, to, account);
    return to;
}

krb5_keytab
computer_keys_other(krb5_context ctx, const struct krb_target *t, krb5_keytab keytab, unsigned i)
{
    krb5_principal account = NULL, host = NULL;
    krb5_keytab other = NULL;
    int64_t vno = INT64_MAX;
    krb5_kvno tried;

    if (build_names(ctx, t, &account, &host) == 0) {
        tried = newest_of(ctx, keytab, account);
        for (unsigned j = 0; j <= i && vno > 0; j++)
            vno = walk(ctx, keytab, host, vno, tried, NULL, NULL);
        if (vno > 0)
            other = make(ctx, keytab, host, account, (krb5_kvno)vno);
    }
    krb5_free_principal(ctx, account);
    krb5_free_principal(ctx, host);
    return other;
}
