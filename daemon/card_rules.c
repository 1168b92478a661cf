#include <config.h> /* not daemon/config.h */

#include "daemon/card_rules.h"

#include <time.h>

#define RSA_BITS_MIN 2048

#ifdef HAVE_PKINIT_ELLIPTIC
#define ELLIPTIC true
#else
#define ELLIPTIC false
#endif

struct certificate_rules
card_rules(const struct config *c)
{
    return (struct certificate_rules){
        .now = (int64_t)time(NULL), .logon_eku = c->require_eku, .elliptic = ELLIPTIC, .rsa_bits_min = RSA_BITS_MIN,
        .last_lists = c->offline_smartcard
    };
}

struct chain *
card_chain(const struct config *c, TALLOC_CTX *mem, char why_out[static CHAIN_WHY_MAX])
{
    return chain_new(mem, c->anchors, c->intermediates, c->crls, c->require_crl, why_out);
}

enum err
card_unfit_error(enum certificate_unfit unfit)
{
    switch (unfit) {
    case CERTIFICATE_FIT:
        return ERR_OK;
    case CERTIFICATE_NOT_YET:
    case CERTIFICATE_EXPIRED:
        return ERR_CARD_EXPIRED;
    case CERTIFICATE_UNTRUSTED:
    case CERTIFICATE_NO_CRL:
        return ERR_CARD_UNTRUSTED;
    case CERTIFICATE_REVOKED:
        return ERR_CARD_REVOKED;
    default:
        return ERR_CARD_UNFIT;
    }
}
