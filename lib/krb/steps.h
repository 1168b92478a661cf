/*
 * The steps of a logon that do not depend on what its AS exchange proves: the
 * armour, the options, the TGS exchange for this computer, the AP-REQ
 * ([MS-AUTHSOD] 2.5.5.1).
 *
 *     steps_begin, an AS exchange by steps_exchange, steps_tickets; steps_done in any case.
 */
#ifndef AUTHSOD_KRB_STEPS_H
#define AUTHSOD_KRB_STEPS_H

#include "lib/krb/exchange.h"
#include "lib/krb/kdc.h"
#include "lib/krb/krb.h"

#define NETBIOS_BYTES 16

/* What the steps of one logon share. */
struct steps {
    krb5_context ctx;
    const struct krb_target *target;
    struct kdc kdc;
    struct kdc user_kdc; /* of the user's realm, where that is another one */
    krb5_get_init_creds_opt *options;
    krb5_ccache armor; /* NULL: no FAST */
    krb5_principal client;
    uint8_t netbios[NETBIOS_BYTES];
    krb5_address address;
    krb5_address *addresses[2];
    struct exchange as;
    struct krb_failure *failure; /* filled by what fails */
};

extern const char steps_as_name[];

/*
 * Clears *failure_out, and makes what an AS exchange needs:
 * options, client, and with armor the armour that the user's KDC understands,
 * for which both KDCs may be asked.  The arguments are krb_logon_password's;
 * ctx, t and failure_out are borrowed until steps_done.
 */
bool steps_begin(struct steps *s, krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                 const krb5_creds *armor, const struct krb_options *o, struct krb_failure *failure_out);
void steps_done(struct steps *s);

/*
 * The AS exchange of ic, an object of ctx made with s->options, with the user's
 * KDC: a TGT that is bound to no address, or a code. What was seen is in s->as.
 */
krb5_error_code steps_exchange(struct steps *s, krb5_context ctx, krb5_init_creds_context ic, enum as_proof proof,
                               krb5_creds *tgt_out);

/*
 * Says in s->failure why that exchange failed with code, whose text is in ctx.
 * True if FAST is to blame; else err is what the table of codes has, and the
 * caller refines it by what it sent.
 */
bool steps_as_failed(const struct steps *s, krb5_context ctx, krb5_error_code code);

/*
 * Sets proved or proved_unless_locked in s->failure, by its err.  The KDC's word
 * counts as given after it saw the proof where it answered the request that
 * carried the pre-authentication, and by FAST if that was used.
 */
void steps_judge_proof(const struct steps *s, krb5_error_code code);

/* From logon->tgt, which is there already, to the rest of *logon. What fails here does after the proof was taken. */
bool steps_tickets(struct steps *s, struct krb_logon *logon);

#endif
