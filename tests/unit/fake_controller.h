/*
 * A domain controller's Netlogon for the tests, behind fake_rpc: honest, or in
 * one of several ways not.  It aborts at what no client of ours may ask.
 */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_CONTROLLER_H
#define AUTHSOD_TESTS_UNIT_FAKE_CONTROLLER_H

#include "lib/rpc/netlogon_crypt.h"
#include "tests/unit/fake_rpc.h"

#define CONTROLLER_PASSWORD "Machine-Passw0rd" /* WS1$ has it */
#define CONTROLLER_NEW_PASSWORD "n\303\244chstes"
#define CONTROLLER_USER_PASSWORD "Passw0rd-alice" /* that a logon of alice must bring */
#define CONTROLLER_CONTROL 0x800U

/* Numbers of the calls, [MS-NRPC] 3.5.4. */
enum controller_call {
    CALL_CHALLENGE = 4,
    CALL_CAPABILITIES = 21,
    CALL_AUTHENTICATE = 26,
    CALL_SET_PASSWORD = 30,
    CALL_FIND_DC = 34,
    CALL_LOGON_EX = 39,
    CALL_TRUSTS = 40,
    CALL_LOGON = 45, /* with flags */
    CALLS = 64,
};

/* What the controller does. */
enum controller_way {
    HONEST,
    OTHER_PASSWORD,    /* it does not know the computer's, and says yes all the same */
    REFLECTS,          /* the client's challenge and credential come back */
    DENIES,
    NO_CHALLENGE,
    NO_AES,
    NO_SECURE_RPC,
    MALFORMED_ANSWER,
    DOWNGRADED,        /* its capabilities differ from what the client was told */
    NO_CAPABILITIES,
    WRONG_RETURN,      /* a return authenticator that does not follow */
    LEVEL_3_ONLY,
    WRONG_PASSWORD,
    OTHER_LEVEL,
    PASSWORD_REFUSED,
    ENDED,             /* another session has ended this one: no logon is looked at */
    NO_ACCOUNT,        /* of this computer */
};

/* What becomes of an answer on its way, besides. */
enum controller_spoil { SPOIL_NOTHING, SPOIL_STALL, SPOIL_HANG_UP, SPOIL_FAULT };
#define AT_BIND CALLS              /* of the connection without authentication */
#define AT_SEALED_BIND (CALLS + 1)

#define TRIES_MAX 8

/* The server's process has a copy of it, unless it is in shared memory. */
struct controller {
    enum controller_way way;
    uint32_t control;                /* ParameterControl that a logon must have */
    char password[64];               /* of WS1$; "": CONTROLLER_PASSWORD */
    enum controller_spoil spoil;
    unsigned spoil_at;               /* a call, or one of the two above */
    uint8_t key[16];
    uint8_t client_challenge[8];
    uint8_t challenge[8];
    uint8_t client_credential[8];
    struct netlogon_chain chain;
    unsigned last;                   /* call */
    /* What it has seen. */
    unsigned connections;
    unsigned calls[CALLS];
    char tries[TRIES_MAX][64];       /* passwords of WS1$, of those in guesses; "?" for any other */
    const char *const *guesses;      /* NULL ends them; NULL: nothing is guessed */
};

/* For struct fake_rpc; arg: the controller. */
void controller_answer(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out);
void controller_spoil(void *arg, struct fake_fragment *fragment);

#endif
