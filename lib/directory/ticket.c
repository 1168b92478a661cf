/* Is the ticket for the directory at hand? */
#include "lib/directory/ldap_private.h"

#include <krb5/krb5.h>
#include <string.h>

bool
dir_has_ticket(const char *host)
{
    krb5_context ctx = NULL;
    krb5_ccache cache = NULL;
    krb5_creds wanted, *found = NULL;
    bool has = false;

    memset(&wanted, 0, sizeof(wanted));
    if (krb5_init_context(&ctx) != 0)
        return false;
    if (krb5_cc_default(ctx, &cache) != 0 || krb5_cc_get_principal(ctx, cache, &wanted.client) != 0 ||
        krb5_sname_to_principal(ctx, host, "ldap", KRB5_NT_SRV_HST, &wanted.server) != 0)
        goto done;
    has = krb5_get_credentials(ctx, KRB5_GC_CACHED, cache, &wanted, &found) == 0;
done:
    krb5_free_creds(ctx, found);
    krb5_free_principal(ctx, wanted.client);
    krb5_free_principal(ctx, wanted.server);
    if (cache != NULL)
        (void)krb5_cc_close(ctx, cache);
    krb5_free_context(ctx);
    return has;
}
