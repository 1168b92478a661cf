/* A question with a list to choose from: gdm's list where gdm asks, a numbered one elsewhere. */
#ifndef AUTHSOD_PAM_CHOICE_H
#define AUTHSOD_PAM_CHOICE_H

#include "lib/proto/proto.h"
#include "pam_authsod/call.h"

#define CHOICE_TRIES 3 /* for a number that is in the list */

enum choice_end {
    CHOICE_MADE,
    CHOICE_NONE,       /* an empty answer */
    CHOICE_WRONG,      /* CHOICE_TRIES times none of them, or gdm gave none of them */
    CHOICE_GIVEN_UP,   /* the person, or the application */
};

/* Lets the person choose from ask's values; sentence: the question.  MADE: *place_out is from 1 to ask->n_values. */
enum choice_end choice_ask(const struct call *call, const struct proto_order *ask, const char *sentence,
                           unsigned *place_out);

#endif
