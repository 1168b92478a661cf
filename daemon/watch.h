/*
 * The role watch: are the cards of sessions still there?  One process for all
 * of them, apart from the card workers, so that no logon waits for it.  Like
 * those it loads other people's code; it decides nothing but that a card is away.
 */
#ifndef AUTHSOD_DAEMON_WATCH_H
#define AUTHSOD_DAEMON_WATCH_H

#include "daemon/config.h"
#include "daemon/ipc.h"
#include "lib/card/card.h"

#define WATCH_EVERY_MS 1000
#define WATCH_ABSENCES 2       /* one after the other, until a card counts as removed */
#define WATCH_REOPEN_MS 4000   /* at least between two openings of the modules */
#define WATCH_PATH_MAX 1024

struct watched {
    uint8_t token[IPC_TOKEN_BYTES];
    bool gone;                    /* and front knows */
    unsigned absences;
    char module[WATCH_PATH_MAX];  /* that had it when it was there last; "": none yet */
};

struct watched_cards {
    struct watched cards[IPC_WATCH_MAX];
    size_t n;
};

/* These from now on; what is known of those that were watched before stays. */
void watch_set(struct watched_cards *w, const struct ipc_watch *m);

/*
 * What one look comes to.  True where front is to be told, with *m_out.  Only
 * what was positively away twice running is removed: a reader or module that
 * fails says nothing, and *unknown_out tells that it did.
 */
bool watch_judge(struct watched *w, const struct cards *c, const struct card_glance *g, struct ipc_card_is *m_out,
                 bool *unknown_out);

/* Watches as front says, until it lets go; then true. False (logged) if front broke the protocol. */
bool watch_serve(const struct config *c);

#endif
