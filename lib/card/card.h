/*
 * The smart cards at the computer, through PKCS#11 modules (PKCS#11 2.40).
 *
 * For the roles card and watch alone.  A module is other people's code: it may crash, or
 * not come back, and both cost the worker.  What it says is not believed:
 * numbers and lengths are bounded, texts are made visible, certificates are
 * read by lib/card/certificate.h.
 *
 * Nothing here waits by itself, keeps a session or stays logged in.  libkrb5
 * loads and initializes the same module again for PKINIT, which a module
 * allows once in a process: card_close comes first.
 */
#ifndef AUTHSOD_CARD_CARD_H
#define AUTHSOD_CARD_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/card/certificate.h"
#include "lib/card/failure.h"
#include "lib/card/proof.h"

#define CARD_MODULES_MAX 32
#define CARD_SLOTS_MAX 64        /* of one module; one that has more is left out */
#define CARD_TOKENS_MAX 64
#define CARD_CERTIFICATES_MAX 32 /* of one token; the first ones count */
#define CARD_ID_MAX 255          /* bytes of a CKA_ID */
#define CARD_LABEL_MAX 255       /* bytes of a CKA_LABEL */
#define CARD_PIN_MAX 255         /* bytes of a PIN */

/* The modules, initialized. */
struct cards;

/*
 * path NULL: those of p11-kit's configuration, without the ones that hold
 * trust anchors ("trust-policy: yes").  Else the module at that absolute path.
 * One that does not load or initialize is left out; card_look says which and
 * why.  NULL only if out of memory.  Makes p11-kit quiet, which would write to
 * stderr.
 */
struct cards *card_open(TALLOC_CTX *mem, const char *path);

/* Finalizes the modules and frees c. NULL is fine. */
void card_close(struct cards *c);

/* What could not be looked at, and why: words of ours, p11-kit's or the module's, visible. */
struct card_left_out {
    const char *what; /* a module's path or name, with the slot where it is one */
    const char *why;
    bool slot;        /* a token that is there; else a module */
};

/* Is a certificate's private key on the token? */
enum card_key {
    CARD_KEY_HIDDEN,  /* it was not seen, and the token may show it to who knows the PIN only */
    CARD_KEY_THERE,
    CARD_KEY_MISSING,
};

struct card_certificate {
    uint8_t id[CARD_ID_MAX]; /* CKA_ID */
    size_t id_len;
    const char *label;       /* CKA_LABEL, "" for none */
    const uint8_t *der;      /* NULL where it could not be had */
    size_t der_len;          /* at most CERTIFICATE_MAX */
    struct certificate_facts facts; /* all zero where unfit is CERTIFICATE_UNREADABLE */
    enum certificate_unfit unfit;   /* CERTIFICATE_FIT, or the first reason why it is not */
    const char *why;                /* what chain_judge said of its issuers, for the log; "" for nothing */
    enum card_key key;
};

/* What the token says about its PIN: hints, no more. */
struct card_pin_state {
    bool low;       /* a wrong one was given since the last right one */
    bool last_try;
    bool locked;
    bool to_change; /* the first one, or one that has expired */
};

struct card_token {
    const char *module;       /* the module's absolute path */
    unsigned long slot;       /* CK_SLOT_ID, the module's own */
    const char *label;        /* without the padding; "" for none, as the next three */
    const char *manufacturer;
    const char *model;
    const char *serial;
    uint8_t identity[96];     /* these four as the token has them */
    bool login_required;      /* without it there is no PIN */
    bool pin_pad;             /* the PIN is typed at the reader: pin is NULL in what follows */
    unsigned long pin_min;    /* characters of a PIN; both 0 where the token says nothing useful */
    unsigned long pin_max;
    struct card_pin_state pin;
    struct card_certificate *certificates;
    size_t n_certificates;
};

struct card_view {
    struct card_token *tokens;
    size_t n_tokens;
    const struct card_left_out *left_out;
    size_t n_left_out;
};

/*
 * Everything that is there now, under mem; one call sees what changed since
 * the last.  Without a PIN.  A certificate that is fit by the other rules is
 * judged by rules->chain, where there is one.  NULL if out of memory.  A view needs c no longer.
 */
struct card_view *card_look(struct cards *c, TALLOC_CTX *mem, const struct certificate_rules *rules);

/* Which tokens there are, and no more: cheap enough for every second. */
struct card_glance {
    struct {
        uint8_t identity[96];
        const char *module;           /* of cards */
    } tokens[CARD_TOKENS_MAX];
    size_t n_tokens;
    bool failed[CARD_MODULES_MAX];    /* the module did not say all that it sees, */
    bool incomplete;                  /* or some did not, or is left out */
};
void card_glance(const struct cards *c, struct card_glance *g_out);

enum card_presence { CARD_THERE, CARD_AWAY, CARD_UNKNOWN };
/*
 * Is that token there?  module: the one that had it when it was there last,
 * NULL for none; THERE with *module_out, c's.  AWAY is no guess: the module that
 * had it, or where there is none every module, was asked and did not fail.
 */
enum card_presence card_presence(const struct cards *c, const struct card_glance *g, const uint8_t identity[static 96],
                                 const char *module, const char **module_out);

/*
 * Logs in once with that PIN, looks which private keys are there, and logs out.
 * Sets key of every certificate of t, and CERTIFICATE_NO_KEY for those that
 * lack one; sets t->pin to what the token says now, also after a failure.
 * The PIN is given to the module as it stands; it is not copied.
 *
 * False with *f: CARD_PIN_* before and after the try (CARD_PIN_UNUSABLE,
 * CARD_PIN_AT_READER and, where the token said so before, CARD_PIN_LOCKED cost
 * none), CARD_REMOVED also where another card is in the slot now.
 * CARD_NO_LOGIN: the token wants no PIN; keys are known all the same.
 */
bool card_check_pin(struct cards *c, struct card_token *t, const char *pin, struct card_failure *f);

/*
 * Signs a challenge with the private key of a certificate of t
 * (lib/card/proof.h), logged in for that, and verifies it with the public key:
 * CARD_FORGED where that fails.  Takes a PIN and sets t->pin as card_check_pin
 * does.  A token that wants no PIN signs without one.
 */
bool card_sign(struct cards *c, struct card_token *t, const struct card_certificate *certificate, const char *pin,
               const uint8_t challenge[static PROOF_CHALLENGE_BYTES], struct proof *proof_out, struct card_failure *f);

#endif
