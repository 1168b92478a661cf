/* testjoin: the Netlogon secure channel, which NTLM pass-through and a new password need. */
#include "tools/testjoin.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/net.h"
#include "lib/base/secret.h"
#include "lib/base/wait.h"
#include "lib/rpc/epm.h"
#include "lib/rpc/netlogon.h"

#define CHANNEL_MS 10000 /* for all its requests */

/* The session, and what the controller says over the sealed channel. The service, if it has one, makes its own anew. */
static bool
open_channel(const struct net *n, TALLOC_CTX *mem, const uint8_t *hash, struct rpc_failure *f)
{
    struct netlogon_names names = { .computer = n->config->computer, .domain_netbios = n->dc.domain_netbios,
                                    .domain_dns = n->config->name, .controller = n->dc.host };
    int64_t deadline = clock_ms() + CHANNEL_MS;
    struct sockaddr_storage server, endpoint;
    struct netlogon_session *session;
    struct rpc *channel;

    names.account = talloc_asprintf(mem, "%s$", n->config->computer);
    if (names.account == NULL || !address_parse(n->dc.address, EPM_PORT, &server))
        return rpc_fail(f, RPC_ARGUMENT, 0, "address");
    address_set_port(&server, EPM_PORT);
    if (!epm_map(&server, &netlogon_interface, &endpoint, deadline, f))
        return false;
    session = netlogon_authenticate(mem, &endpoint, &names, hash, deadline, f);
    if (session == NULL)
        return false;
    channel = netlogon_channel(session, session, &endpoint, &netlogon_interface, deadline, f);
    return channel != NULL && netlogon_check_capabilities(session, channel, deadline, f);
}

/* "connect: no connection, Connection refused" */
static void
describe(const struct rpc_failure *f, char *text, size_t size)
{
    bool is_errno = f->error == RPC_CONNECT || f->error == RPC_CLOSED;
    const char *code = is_errno ? strerror((int)f->code) : rpc_code_name(f);

    (void)snprintf(text, size, "%s: %s%s%s", f->step, rpc_error_text(f->error), code[0] == '\0' ? "" : ", ", code);
}

bool
testjoin_channel(const struct net *n, const char *password, char *text, size_t size)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    uint8_t hash[NT_HASH_BYTES];
    struct rpc_failure f;
    bool good = nt_hash(password, hash) ? open_channel(n, mem, hash, &f)
                                        : rpc_fail(&f, RPC_ARGUMENT, 0, "NT hash");

    secret_erase(hash, sizeof(hash));
    talloc_free(mem);
    if (good)
        (void)snprintf(text, size, "AES, %s", n->dc.host);
    else
        describe(&f, text, size);
    return good;
}
