/*
 * Why a remote procedure call came to nothing: one closed list for all of
 * lib/rpc, and the names of the protocols' own codes, for the log.
 */
#ifndef AUTHSOD_RPC_FAILURE_H
#define AUTHSOD_RPC_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, what it is, what code is) */
#define RPC_ERRORS(X) \
    X(NONE, "no error", NOTHING) \
    X(MEMORY, "no memory", NOTHING) \
    X(ARGUMENT, "a name does not fit or is not UTF-8", NOTHING) \
    X(CRYPTO, "the cryptographic library failed", NOTHING) \
    X(CONNECT, "no connection", ERRNO) \
    X(TIMEOUT, "no answer in time", NOTHING) \
    X(CLOSED, "the connection broke", ERRNO) \
    X(DEAD, "the connection was given up before", NOTHING) \
    X(MALFORMED, "the answer is malformed", NOTHING) \
    X(BIND, "the interface was refused", REASON) \
    X(FAULT, "the call was refused", FAULT) \
    X(SEAL, "the answer is not sealed by the domain controller", NOTHING) \
    X(NO_ENDPOINT, "the interface has no endpoint", FAULT) \
    X(STATUS, "the domain controller refused", NTSTATUS) \
    X(WIN32, "the domain controller refused", WIN32) \
    X(WEAK, "the domain controller offers neither AES nor secure RPC", FLAGS) \
    X(DOWNGRADE, "the domain controller knows of another negotiation", FLAGS) \
    X(IMPOSTOR, "who answers does not know the computer's password", NOTHING)

enum rpc_error {
#define X(name, text, code) RPC_##name,
    RPC_ERRORS(X)
#undef X
};

struct rpc_failure {
    enum rpc_error error;
    uint32_t code;      /* see RPC_ERRORS */
    const char *step;   /* "bind", "NetrServerAuthenticate3": a static string */
};

/* Sets *f; false, for the caller to return. */
bool rpc_fail(struct rpc_failure *f, enum rpc_error error, uint32_t code, const char *step);

/* "TIMEOUT"; "?" for a number that is not in the list. */
const char *rpc_error_name(enum rpc_error error);

/* "no answer in time". */
const char *rpc_error_text(enum rpc_error error);

/* The code by its protocol's name ("nca_s_op_rng_error", "NT_STATUS_ACCESS_DENIED"); "" where it has none, "?" where it
 * is none that we know. */
const char *rpc_code_name(const struct rpc_failure *f);

#endif
