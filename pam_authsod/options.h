/* The words behind pam_authsod.so in a PAM file; pam_authsod(8) says what they mean. */
#ifndef AUTHSOD_PAM_OPTIONS_H
#define AUTHSOD_PAM_OPTIONS_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/proto.h"

struct options {
    bool debug;
    bool quiet;
    bool use_first_pass;   /* never ask: PAM_AUTHTOK or nothing */
    enum proto_card card;  /* try_card, require_card, card_only; of several the one that asks for most */
    uint32_t minimum_uid;  /* at least PROTO_ID_MIN */
};

/*
 * Words that are not known are logged as errors and otherwise ignored, so that
 * a spelling mistake locks nobody out.  A minimum_uid that is no number counts
 * as the highest one: a rule that cannot be read lets nobody in.
 */
struct options options_parse(pam_handle_t *pamh, int argc, const char **argv);

#endif
