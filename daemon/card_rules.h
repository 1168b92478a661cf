/* By which rules a certificate on a card is judged: those of the configuration, for the worker and for member. */
#ifndef AUTHSOD_DAEMON_CARD_RULES_H
#define AUTHSOD_DAEMON_CARD_RULES_H

#include "daemon/config.h"
#include "lib/card/certificate.h"
#include "lib/card/chain.h"
#include "lib/proto/messages.h"

/*
 * As they are now, without a chain.  Where cards count offline, too, an issuer's
 * last list counts when it has run out: no newer one can be had there.
 */
struct certificate_rules card_rules(const struct config *c);

/* The authorities and lists of the configuration, under mem. NULL, with why, as chain_new. */
struct chain *card_chain(const struct config *c, TALLOC_CTX *mem, char why_out[static CHAIN_WHY_MAX]);

/* The sentence for a certificate that is not fit. */
enum err card_unfit_error(enum certificate_unfit unfit);

#endif
