/*
 * A connection to one interface of a server: DCE/RPC over TCP (C706 chapter
 * 12, [MS-RPCE] 2.1.1.1).  One call at a time, no threads.  Every wait ends at
 * the deadline (clock_ms() based, lib/base/wait.h).
 *
 * After any failure but RPC_ARGUMENT (nothing was sent) the connection is dead:
 * later calls fail with RPC_DEAD and the caller makes another.  That is also so after a fault, which anybody on
 * the way could have sent, with or without a secure channel.
 */
#ifndef AUTHSOD_RPC_RPC_H
#define AUTHSOD_RPC_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <talloc.h>

#include "lib/rpc/failure.h"
#include "lib/rpc/pdu.h"
#include "lib/rpc/schannel.h"

#define RPC_STUB_MAX (4U << 20) /* bytes of one call's answer, or of its request */

struct rpc;

/* The secure channel that a connection is bound with. */
struct rpc_security {
    struct schannel *schannel;       /* of this connection alone; becomes its child */
    uint8_t token[SCHANNEL_TOKEN_MAX];
    size_t token_len;                /* schannel_token */
};

/*
 * Connects to the address (its port included) and binds.  security: NULL for a
 * connection without authentication.  NULL with *f; talloc_free closes.
 */
struct rpc *rpc_connect(TALLOC_CTX *mem, const struct sockaddr_storage *to, const struct pdu_syntax *interface,
                        const struct rpc_security *security, int64_t deadline, struct rpc_failure *f);

struct rpc_stub {
    uint8_t *data; /* NULL or a talloc chunk */
    size_t len;
};

/*
 * One call.  step names it in a failure.  *out: what the server returned, under
 * mem; with a secure channel only what it sealed.  False with *f.
 */
struct rpc_call {
    const char *step;
    uint16_t opnum;
    const uint8_t *in;
    size_t in_len;
};
bool rpc_call(struct rpc *c, const struct rpc_call *call, TALLOC_CTX *mem, struct rpc_stub *out, int64_t deadline,
              struct rpc_failure *f);

/* True if the secure channel protects the headers, too ([MS-RPCE] 3.3.1.5.2.2). */
bool rpc_signs_headers(const struct rpc *c);

/* True until a failure. */
bool rpc_is_alive(const struct rpc *c);

/* The socket, for a caller that waits for the peer to hang up between calls; -1 if dead. Borrowed. */
int rpc_fd(const struct rpc *c);

#endif
