#include "lib/rpc/netlogon_session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "lib/base/secret.h"

static const struct netlogon_call req_challenge = { "NetrServerReqChallenge", 4 };
static const struct netlogon_call authenticate3 = { "NetrServerAuthenticate3", 26 };
static const struct netlogon_call get_capabilities = { "NetrLogonGetCapabilities", 21 };

const struct pdu_syntax netlogon_interface = {
    .uuid = { 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb },
    .major = 1,
};

static int
session_destroy(struct netlogon_session *s)
{
    secret_free(s->keys, sizeof(*s->keys));
    return 0;
}

static struct netlogon_session *
session_new(TALLOC_CTX *mem, const struct netlogon_names *names)
{
    struct netlogon_session *s = talloc_zero(mem, struct netlogon_session);

    if (s == NULL)
        return NULL;
    talloc_set_destructor(s, session_destroy);
    s->keys = secret_new(sizeof(*s->keys));
    s->names.account = talloc_strdup(s, names->account);
    s->names.computer = talloc_strdup(s, names->computer);
    s->names.domain_netbios = talloc_strdup(s, names->domain_netbios);
    s->names.domain_dns = talloc_strdup(s, names->domain_dns);
    s->names.controller = talloc_strdup(s, names->controller);
    if (s->keys == NULL || s->names.account == NULL || s->names.computer == NULL || s->names.domain_netbios == NULL ||
        s->names.domain_dns == NULL || s->names.controller == NULL) {
        talloc_free(s);
        return NULL;
    }
    return s;
}

bool
netlogon_do(struct rpc *channel, const struct netlogon_call *call, const struct writer *w, TALLOC_CTX *mem,
            struct rpc_stub *stub_out, int64_t deadline, struct rpc_failure *f)
{
    const struct rpc_call c = { .step = call->step, .opnum = call->opnum, .in = w->data, .in_len = w->len };

    if (!writer_ok(w))
        return rpc_fail(f, RPC_ARGUMENT, 0, call->step);
    return rpc_call(channel, &c, mem, stub_out, deadline, f);
}

/* The two challenges. */
struct challenges {
    uint8_t client[NETLOGON_CREDENTIAL_BYTES];
    uint8_t server[NETLOGON_CREDENTIAL_BYTES];
};

static bool
exchange_challenges(const struct netlogon_session *s, struct rpc *c, struct challenges *out, int64_t deadline,
                    struct rpc_failure *f)
{
    uint8_t in[NETLOGON_REQUEST_MAX];
    struct writer w = writer_init(in, sizeof(in));
    struct rpc_stub stub;
    uint32_t status;

    if (RAND_bytes(out->client, sizeof(out->client)) != 1)
        return rpc_fail(f, RPC_CRYPTO, 0, req_challenge.step);
    netlogon_put_challenge(&w, &s->names, out->client);
    if (!netlogon_do(c, &req_challenge, &w, c, &stub, deadline, f))
        return false;
    if (netlogon_read_challenge(stub.data, stub.len, out->server, &status) != NULL)
        return rpc_fail(f, RPC_MALFORMED, 0, req_challenge.step);
    if (status != NTSTATUS_SUCCESS)
        return rpc_fail(f, RPC_STATUS, status, req_challenge.step);
    /* Our own challenge back: then our own credential would prove the controller. */
    if (memcmp(out->server, out->client, sizeof(out->server)) == 0)
        return rpc_fail(f, RPC_IMPOSTOR, 0, req_challenge.step);
    return true;
}

/* The credentials of the two challenges: the client's to send, the server's to expect. */
static bool
prove(struct netlogon_session *s, struct rpc *c, const struct challenges *challenges, int64_t deadline,
      struct rpc_failure *f)
{
    uint8_t in[NETLOGON_REQUEST_MAX], expected[NETLOGON_CREDENTIAL_BYTES];
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_authenticated answer;
    struct rpc_stub stub;

    if (!netlogon_credential(s->keys->session, challenges->client, s->keys->chain.stored) ||
        !netlogon_credential(s->keys->session, challenges->server, expected))
        return rpc_fail(f, RPC_CRYPTO, 0, authenticate3.step);
    netlogon_put_authenticate(&w, &s->names, s->keys->chain.stored, NETLOGON_NEGOTIATE);
    if (!netlogon_do(c, &authenticate3, &w, c, &stub, deadline, f))
        return false;
    if (netlogon_read_authenticate(stub.data, stub.len, &answer) != NULL)
        return rpc_fail(f, RPC_MALFORMED, 0, authenticate3.step);
    if (answer.status != NTSTATUS_SUCCESS)
        return rpc_fail(f, RPC_STATUS, answer.status, authenticate3.step);
    if ((answer.flags & NETLOGON_NEGOTIATE_REQUIRED) != NETLOGON_NEGOTIATE_REQUIRED)
        return rpc_fail(f, RPC_WEAK, answer.flags, authenticate3.step);
    if (CRYPTO_memcmp(answer.credential, expected, sizeof(expected)) != 0)
        return rpc_fail(f, RPC_IMPOSTOR, 0, authenticate3.step);
    s->flags = answer.flags;
    s->rid = answer.rid;
    return true;
}

struct netlogon_session *
netlogon_authenticate(TALLOC_CTX *mem, const struct sockaddr_storage *endpoint, const struct netlogon_names *names,
                      const uint8_t nt_hash[static NT_HASH_BYTES], int64_t deadline, struct rpc_failure *f)
{
    struct netlogon_session *s = session_new(mem, names);
    struct challenges challenges;
    struct rpc *c;
    bool ok;

    if (s == NULL) {
        (void)rpc_fail(f, RPC_MEMORY, 0, req_challenge.step);
        return NULL;
    }
    c = rpc_connect(s, endpoint, &netlogon_interface, NULL, deadline, f);
    ok = c != NULL && exchange_challenges(s, c, &challenges, deadline, f);
    if (ok && !netlogon_session_key(nt_hash, challenges.client, challenges.server, s->keys->session))
        ok = rpc_fail(f, RPC_CRYPTO, 0, authenticate3.step);
    ok = ok && prove(s, c, &challenges, deadline, f);
    talloc_free(c);
    if (!ok) {
        talloc_free(s);
        return NULL;
    }
    return s;
}

uint32_t
netlogon_flags(const struct netlogon_session *s)
{
    return s->flags;
}

uint32_t
netlogon_rid(const struct netlogon_session *s)
{
    return s->rid;
}

struct rpc *
netlogon_channel(TALLOC_CTX *mem, const struct netlogon_session *s, const struct sockaddr_storage *endpoint,
                 const struct pdu_syntax *interface, int64_t deadline, struct rpc_failure *f)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    struct rpc_security security = { .schannel = schannel_new(tmp, s->keys->session, true) };
    struct rpc *c = NULL;

    security.token_len = schannel_token(s->names.domain_netbios, s->names.domain_dns, s->names.computer, security.token,
                                        sizeof(security.token));
    if (security.schannel == NULL)
        (void)rpc_fail(f, RPC_MEMORY, 0, "bind");
    else if (security.token_len == 0)
        (void)rpc_fail(f, RPC_ARGUMENT, 0, "bind");
    else
        c = rpc_connect(mem, endpoint, interface, &security, deadline, f);
    talloc_free(tmp);
    return c;
}

bool
netlogon_next(struct netlogon_session *s, struct netlogon_authenticator *out, const char *step, struct rpc_failure *f)
{
    if (s->chain_is_lost)
        return rpc_fail(f, RPC_DEAD, 0, step);
    s->chain_is_lost = true;
    out->timestamp = (uint32_t)time(NULL);
    return netlogon_chain_next(&s->keys->chain, s->keys->session, out->timestamp, out->credential) ||
           rpc_fail(f, RPC_CRYPTO, 0, step);
}

bool
netlogon_check_answer(struct netlogon_session *s, const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES],
                      uint32_t status, const char *step, struct rpc_failure *f)
{
    if (!netlogon_chain_check(&s->keys->chain, s->keys->session, credential))
        return rpc_fail(f, ntstatus_is_error(status) ? RPC_STATUS : RPC_IMPOSTOR, status, step);
    s->chain_is_lost = false;
    return true;
}

bool
netlogon_check_capabilities(struct netlogon_session *s, struct rpc *channel, int64_t deadline, struct rpc_failure *f)
{
    const char *step = get_capabilities.step;
    uint8_t in[NETLOGON_REQUEST_MAX], credential[NETLOGON_CREDENTIAL_BYTES];
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_authenticator authenticator;
    uint32_t capabilities, status;
    struct rpc_stub stub;
    bool ok;

    if (!netlogon_next(s, &authenticator, step, f))
        return false;
    netlogon_put_capabilities(&w, &s->names, &authenticator);
    if (!netlogon_do(channel, &get_capabilities, &w, NULL, &stub, deadline, f))
        return false;
    ok = netlogon_read_capabilities(stub.data, stub.len, credential, &capabilities, &status) == NULL ||
         rpc_fail(f, RPC_MALFORMED, 0, step);
    talloc_free(stub.data);
    if (!ok || !netlogon_check_answer(s, credential, status, step, f))
        return false;
    if (status != NTSTATUS_SUCCESS)
        return rpc_fail(f, RPC_STATUS, status, step);
    return capabilities == s->flags || rpc_fail(f, RPC_DOWNGRADE, capabilities, step);
}
