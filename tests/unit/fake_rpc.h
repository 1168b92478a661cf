/*
 * A DCE/RPC server for the tests, in a process of its own: it answers what its
 * functions say, in fragments, sealed or not, and spoils what it sends.
 */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_RPC_H
#define AUTHSOD_TESTS_UNIT_FAKE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define FAKE_FRAGMENT_MAX 8192
#define FAKE_STUB_MAX (6U << 20)

/* One fragment about to be sent; len 0: nothing is sent. hang_up: the connection ends after it. */
struct fake_fragment {
    uint8_t data[FAKE_FRAGMENT_MAX];
    size_t len;
    unsigned number;         /* of this connection's: the bind_ack is 0 */
    unsigned connection;     /* 0: the first */
    bool hang_up;
};

struct fake_rpc {
    const uint8_t *key;      /* of the secure channel; NULL: the bind's token is answered, nothing is sealed */
    bool signs_headers;
    size_t per_fragment;     /* bytes of stub; 0: as much as fits */
    /* Writes the answer's stub. */
    void (*answer)(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out);
    void (*spoil)(void *arg, struct fake_fragment *fragment);  /* NULL: nothing */
    void *arg;               /* the server's process has a copy */

    struct sockaddr_storage address; /* where it is; family 0: fake_rpc_start chooses */
    pid_t pid;
};

void fake_rpc_start(struct fake_rpc *f);
void fake_rpc_stop(struct fake_rpc *f);

#endif
