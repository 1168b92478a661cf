/*
 * A worker for smart cards.  It alone loads PKCS#11 modules, which are other
 * people's code: one that crashes or hangs costs this worker and the one look or
 * logon that it had.
 */
#ifndef AUTHSOD_DAEMON_CARD_WORKER_H
#define AUTHSOD_DAEMON_CARD_WORKER_H

#include "daemon/card_reasons.h"
#include "daemon/logon.h"
#include "lib/card/card.h"
#include "lib/card/chain.h"

/* card_main.c: looks and logons until front lets go; then true. False (logged) if front broke the protocol. */
bool card_serve(struct config *c);

/* card_look.c */

/*
 * The cards at present, by the configuration's modules, rules and authorities,
 * under mem.  *cards_out holds the modules: card_close.  NULL, with nothing
 * held, if out of memory.  why_out: what of the authorities could not be read,
 * "" for nothing.
 */
struct card_view *card_now(const struct config *c, TALLOC_CTX *mem, struct cards **cards_out,
                           char why_out[static CHAIN_WHY_MAX]);

/* LOOK: what is fit for a logon, into *m_out but for its job. What is not goes into r, with the reason. */
void card_look_for(const struct config *c, struct reasons *r, struct ipc_cards *m_out);

/* What a view comes to; the half of card_look_for that loads nothing. */
void card_choose(const struct config *c, const struct card_view *view, struct reasons *r, struct ipc_cards *m_out);

/* logon_card.c */

extern const struct method logon_by_card;

/* card_nt_hash.c */

/* verified of struct method: the line for gss-ntlmssp, where the configuration wants it and the KDC gave an NT hash. */
void card_keep_nt_hash(struct job *j, const uint8_t *sealed, size_t len);

#endif
