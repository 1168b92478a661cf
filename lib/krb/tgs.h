/*
 * Tickets from tickets.
 */
#ifndef AUTHSOD_KRB_TGS_H
#define AUTHSOD_KRB_TGS_H

#include "lib/krb/exchange.h"

/* A MEMORY cache of its own with creds in it, for the client of creds. Destroyed with krb5_cc_destroy. */
krb5_error_code tgs_cache(krb5_context ctx, const krb5_creds *creds, krb5_ccache *cache_out);

/* The TGS exchange with tgt for server, over no realms but those. */
krb5_error_code tgs_ticket(krb5_context ctx, const struct realm_kdcs *kdcs, const krb5_creds *tgt, krb5_principal server,
                           krb5_creds *creds_out, struct exchange *x_out);

#endif
