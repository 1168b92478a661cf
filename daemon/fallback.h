/*
 * What comes in place of Kerberos where that could not be carried out
 * ([MS-AUTHSOD] 2.1.2.2; design, 2 "Fallback"): decisions alone.  A password is
 * tried by NTLM pass-through, a card by what this computer remembers.
 */
#ifndef AUTHSOD_DAEMON_FALLBACK_H
#define AUTHSOD_DAEMON_FALLBACK_H

#include <stdbool.h>

#include "daemon/config.h"
#include "lib/proto/messages.h"

/* How far Kerberos came. */
enum kerberos_stage {
    KERBEROS_SEARCH,    /* for a domain controller */
    KERBEROS_COMPUTER,  /* the computer's own logon, for the armour */
    KERBEROS_EXCHANGE,  /* the user's AS and TGS exchange */
    KERBEROS_CHECK,     /* the check of the ticket, by member */
};

/* What is known of a logon that Kerberos did not carry out. */
struct kerberos_end {
    enum kerberos_stage stage;
    enum err err;
    bool password_sent;     /* as in struct krb_failure */
    bool no_service;
    bool armored;           /* FAST protected what it said last */
    bool heard;             /* of a logon with a card: some KDC has answered, whichever was asked last */
};

/*
 * True where Kerberos could not be carried out: no KDC answers, the realm
 * cannot be found, the encryption types do not match, the computer's service
 * principal is unknown.  False after every definite answer, and where the
 * password may have been counted already.
 */
bool fallback_may(enum config_fallback policy, const struct kerberos_end *end);

/*
 * The same for a card that the domain took before, which proves itself to this
 * computer: true where no controller answers, or none can be found, and none has
 * answered any of this logon's requests.
 */
bool fallback_is_offline(const struct kerberos_end *end);

/*
 * True if what came of the pass-through is the answer, in place of why Kerberos
 * failed; false where it could not be carried out either.
 */
bool fallback_is_answer(enum err err);

#endif
