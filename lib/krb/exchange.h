/*
 * AS and TGS exchanges, one request at a time, with what the KDC's errors told
 * on the way and libkrb5 does not pass on.
 */
#ifndef AUTHSOD_KRB_EXCHANGE_H
#define AUTHSOD_KRB_EXCHANGE_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/krb/kdc.h"
#include "lib/krb/krb.h"

/* A request without and one with pre-authentication. */
#define AS_REQUESTS_MAX 2
/* libkrb5 asks once more, without referrals, where the KDC does not know the service. Of each realm. */
#define TGS_REQUESTS_MAX 3

/* Whom a TGS exchange may lead to. */
#define EXCHANGE_REALMS_MAX 2
struct realm_kdcs {
    struct {
        const char *realm;
        struct kdc *kdc;
    } list[EXCHANGE_REALMS_MAX];
    unsigned n;
};

struct exchange {
    unsigned sent;           /* requests */
    const struct kdc *kdc;   /* that was asked last */
    krb5_error_code error;   /* of the KRB-ERROR that was the last answer; 0: it was none */
    uint32_t ntstatus;       /* in that error, 0: none */
    bool armored;            /* that error came with a part protected by FAST, which libkrb5 has opened (AS alone) */
    bool damaged;            /* it came with one that does not open */
    bool offset_known;       /* some KRB-ERROR told the KDC's time */
    krb5_data reply;         /* AS_BY_CERTIFICATE, and it succeeded: the AS-REP, freed by the caller */
    int64_t offset;          /* seconds that the KDC is ahead, by the last such */
};

/* What the pre-authentication data of an AS exchange prove. */
enum as_proof { AS_BY_PASSWORD, AS_BY_CERTIFICATE };

/*
 * The AS exchange of ic.  The second request, if there is one, is the only one
 * that ever carries pre-authentication data: whatever libkrb5 would go on to try
 * (another mechanism, another realm, a fresh start) ends with the KDC's error.
 * A certificate may be sent once more, where the KDC wants other parameters for
 * Diffie-Hellman: that is no guess that anybody counts.
 */
krb5_error_code exchange_as(krb5_context ctx, struct kdc *kdc, krb5_init_creds_context ic, enum as_proof proof,
                            struct exchange *x_out);

/* The prompter of an AS exchange: whatever libkrb5 wants to ask or to tell, nobody is there. */
krb5_error_code exchange_no_prompt(krb5_context ctx, void *data, const char *name, const char *banner, int n,
                                   krb5_prompt prompts[]);

/* The client name@realm, freed by the caller: the name as it is, no character in it is a separator. */
krb5_error_code exchange_client(krb5_context ctx, const char *realm, const char *name, bool enterprise,
                                krb5_principal *client_out);

/* The TGS exchange of tc, within those realms. */
krb5_error_code exchange_tgs(krb5_context ctx, const struct realm_kdcs *kdcs, krb5_tkt_creds_context tc,
                             struct exchange *x_out);

#endif
