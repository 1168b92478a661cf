/* What the files of Netlogon share.  Inside lib/rpc only. */
#ifndef AUTHSOD_RPC_NETLOGON_SESSION_H
#define AUTHSOD_RPC_NETLOGON_SESSION_H

#include "lib/rpc/netlogon_crypt.h"
#include "lib/rpc/netlogon_ndr.h"

/* What is secret of it. */
struct netlogon_keys {
    uint8_t session[NETLOGON_KEY_BYTES];
    struct netlogon_chain chain;
};

struct netlogon_session {
    struct netlogon_keys *keys;   /* owned, secret_new */
    struct netlogon_names names;  /* talloc children */
    uint32_t flags;
    uint32_t rid;
    bool chain_is_lost;
};

/* The call whose request w holds: RPC_ARGUMENT if that did not fit. */
struct netlogon_call {
    const char *step;
    uint16_t opnum;
};
bool netlogon_do(struct rpc *channel, const struct netlogon_call *call, const struct writer *w, TALLOC_CTX *mem,
                 struct rpc_stub *stub_out, int64_t deadline, struct rpc_failure *f);

/*
 * An authenticator for the next call; the chain counts as lost until the answer
 * has been checked with netlogon_check_answer, which takes its credential and
 * status.  A credential that does not follow fails with the controller's
 * status, or RPC_IMPOSTOR where it gave none.
 */
bool netlogon_next(struct netlogon_session *s, struct netlogon_authenticator *out, const char *step,
                   struct rpc_failure *f);
bool netlogon_check_answer(struct netlogon_session *s, const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES],
                           uint32_t status, const char *step, struct rpc_failure *f);

#endif
