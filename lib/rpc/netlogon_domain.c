/* What a domain controller tells of its domain. */
#include "lib/rpc/netlogon_session.h"

static const struct netlogon_call get_dc_name_ex2 = { "DsrGetDcNameEx2", 34 };
static const struct netlogon_call enumerate_domain_trusts = { "DsrEnumerateDomainTrusts", 40 };

struct netlogon_dc *
netlogon_find_dc(const struct netlogon_session *s, struct rpc *channel, const char *domain, uint32_t flags,
                 TALLOC_CTX *mem, int64_t deadline, struct rpc_failure *f)
{
    const char *step = get_dc_name_ex2.step;
    uint8_t in[NETLOGON_REQUEST_MAX];
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_dc *dc = NULL;
    struct rpc_stub stub;
    uint32_t status;

    netlogon_put_find_dc(&w, &s->names, domain, flags);
    if (!netlogon_do(channel, &get_dc_name_ex2, &w, NULL, &stub, deadline, f))
        return NULL;
    if (netlogon_read_find_dc(mem, stub.data, stub.len, &dc, &status) != NULL)
        (void)rpc_fail(f, RPC_MALFORMED, 0, step);
    else if (status != 0)
        (void)rpc_fail(f, RPC_WIN32, status, step);
    talloc_free(stub.data);
    return dc;
}

struct netlogon_trusts *
netlogon_list_trusts(const struct netlogon_session *s, struct rpc *channel, uint32_t flags, TALLOC_CTX *mem,
                     int64_t deadline, struct rpc_failure *f)
{
    const char *step = enumerate_domain_trusts.step;
    uint8_t in[NETLOGON_REQUEST_MAX];
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_trusts *trusts = NULL;
    struct rpc_stub stub;
    uint32_t status;

    netlogon_put_list_trusts(&w, &s->names, flags);
    if (!netlogon_do(channel, &enumerate_domain_trusts, &w, NULL, &stub, deadline, f))
        return NULL;
    if (netlogon_read_list_trusts(mem, stub.data, stub.len, &trusts, &status) != NULL)
        (void)rpc_fail(f, RPC_MALFORMED, 0, step);
    else if (status != 0)
        (void)rpc_fail(f, RPC_WIN32, status, step);
    talloc_free(stub.data);
    return trusts;
}
