/* Why a card could not be used: one closed list. */
#ifndef AUTHSOD_CARD_FAILURE_H
#define AUTHSOD_CARD_FAILURE_H

#include <stdbool.h>

/* X(NAME, what it is) */
#define CARD_ERRORS(X) \
    X(NONE, "no error") \
    X(MEMORY, "no memory") \
    X(PIN_WRONG, "the PIN is wrong") \
    X(PIN_LOCKED, "the PIN is locked") \
    X(PIN_UNUSABLE, "no PIN of this card can be like that") \
    X(PIN_EXPIRED, "the PIN has expired") \
    X(PIN_UNSET, "the card has no PIN yet") \
    X(PIN_AT_READER, "the PIN is typed at the reader only") \
    X(CANCELLED, "the PIN was not typed at the reader") \
    X(NO_LOGIN, "the card wants no PIN") \
    X(REMOVED, "the card was removed") \
    X(NO_KEY, "the card does not have the certificate's private key") \
    X(KEY_KIND, "keys of this kind are not used") \
    X(FORGED, "what the card signed was not signed with the certificate's key") \
    X(MODULE, "the PKCS#11 module failed")

enum card_error {
#define X(name, text) CARD_##name,
    CARD_ERRORS(X)
#undef X
};

struct card_failure {
    enum card_error error;
    unsigned long code; /* the module's CK_RV; 0 where it was not the module */
    const char *step;   /* "C_Login": a static string */
};

/* Sets *f; false, for the caller to return. */
bool card_fail(struct card_failure *f, enum card_error error, unsigned long code, const char *step);

/* card_fail for what a module's call gave, where no other meaning is known. */
bool card_fail_code(struct card_failure *f, unsigned long code, const char *step);

/* "PIN_WRONG"; "?" for a number that is not in the list. */
const char *card_error_name(enum card_error error);

/* "the PIN is wrong". */
const char *card_error_text(enum card_error error);

/* What p11-kit calls the code: "The PIN is incorrect"; "" for 0. */
const char *card_code_text(unsigned long code);

#endif
