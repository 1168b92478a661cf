#include "lib/rpc/lsa.h"

#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/ndr/ndr_write.h"
#include "lib/rpc/ntstatus.h"

#define OP_LOOKUP_SIDS3 76
#define OP_LOOKUP_NAMES4 77
#define LOOKUP_WORKSTATION 1   /* LSAP_LOOKUP_LEVEL, [MS-LSAT] 2.2.16: all domains that this computer's trusts */
#define CLIENT_REVISION 2
#define DOMAIN_BYTES 12        /* LSAPR_TRUST_INFORMATION */
#define NAME_BYTES 20          /* LSAPR_TRANSLATED_NAME_EX */
#define SID_BYTES 16           /* LSAPR_TRANSLATED_SID_EX2 */
#define REQUEST_SID_BYTES 80   /* of one SID in a request, pointer and padding included */
#define REQUEST_NAME_BYTES (24 + 2 * LSA_NAME_MAX)
#define REQUEST_REST_BYTES 128

const struct pdu_syntax lsa_interface = {
    .uuid = { 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab },
};

/* What follows what is asked for: room for the answer, and how to look. */
static void
put_tail(struct writer *w)
{
    ndr_put_u32(w, 0);          /* no translations yet */
    ndr_put_pointer(w, false);
    ndr_put_u16(w, LOOKUP_WORKSTATION);
    ndr_put_u32(w, 0);          /* MappedCount */
    ndr_put_u32(w, 0);          /* LookupOptions */
    ndr_put_u32(w, CLIENT_REVISION);
}

void
lsa_put_lookup_sids(struct writer *w, const struct sid *sids, size_t n)
{
    ndr_put_u32(w, (uint32_t)n);
    ndr_put_pointer(w, true);
    ndr_put_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        ndr_put_pointer(w, true);
    for (size_t i = 0; i < n; i++)
        ndr_put_sid(w, &sids[i]);
    put_tail(w);
}

void
lsa_put_lookup_names(struct writer *w, const char *const *names, size_t n)
{
    ndr_put_u32(w, (uint32_t)n);
    ndr_put_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        ndr_put_string_head(w, names[i]);
    for (size_t i = 0; i < n; i++)
        ndr_put_string_body(w, names[i]);
    put_tail(w);
}

/* LSAPR_REFERENCED_DOMAIN_LIST */
struct domains {
    struct {
        struct ndr_string head;
        const char *name;
        struct sid sid;
        bool has_sid;
    } *list;
    uint32_t n;
};

static const char *
read_domains(TALLOC_CTX *mem, TALLOC_CTX *tmp, struct reader *r, struct domains *out)
{
    bool present;

    if (!ndr_pointer(r))
        return NULL;
    out->n = ndr_u32(r);
    present = ndr_pointer(r);
    (void)ndr_u32(r); /* MaxEntries, to be ignored */
    if (!present) {
        if (out->n != 0)
            reader_fail(r);
        out->n = 0;
        return NULL;
    }
    if (ndr_conformance(r, LSA_DOMAINS_MAX, DOMAIN_BYTES) != out->n)
        reader_fail(r);
    if (r->failed)
        return NULL;
    out->list = talloc_zero_size(tmp, out->n * sizeof(out->list[0]));
    if (out->list == NULL)
        return "no memory";
    for (size_t i = 0; i < out->n; i++) {
        out->list[i].head = ndr_string_head(r);
        out->list[i].has_sid = ndr_pointer(r);
    }
    for (size_t i = 0; i < out->n && !r->failed; i++) {
        out->list[i].name = ndr_string_body(mem, r, &out->list[i].head);
        if (out->list[i].has_sid)
            (void)ndr_sid(r, &out->list[i].sid);
    }
    return NULL;
}

/* DomainIndex: of the list, or none if negative. */
static void
set_domain(struct lsa_account *account, uint32_t index, const struct domains *domains, struct reader *r)
{
    account->domain = "";
    if (index > INT32_MAX)
        return;
    if (index >= domains->n) {
        /* What is unknown may have any index. */
        if (account->kind != LSA_UNKNOWN)
            reader_fail(r);
        return;
    }
    account->domain = domains->list[index].name;
    account->domain_sid = domains->list[index].sid;
}

static void
set_kind(struct lsa_account *account, uint16_t kind, struct reader *r)
{
    if (kind < LSA_USER || kind > LSA_LABEL)
        reader_fail(r);
    else
        account->kind = kind;
}

/* One answer before what it points to. */
struct account_head {
    struct ndr_string name;
    bool has_sid;
};

static void
read_name_heads(struct reader *r, const struct domains *domains, struct lsa_account *accounts,
                struct account_head *heads, uint32_t n)
{
    for (size_t i = 0; i < n && !r->failed; i++) {
        reader_align(r, 4);
        set_kind(&accounts[i], ndr_u16(r), r);
        heads[i].name = ndr_string_head(r);
        set_domain(&accounts[i], ndr_u32(r), domains, r);
        (void)ndr_u32(r); /* Flags */
    }
}

static void
read_name_bodies(TALLOC_CTX *mem, struct reader *r, struct lsa_account *accounts, const struct account_head *heads,
                 uint32_t n)
{
    for (size_t i = 0; i < n && !r->failed; i++)
        accounts[i].name = ndr_string_body(mem, r, &heads[i].name);
}

static void
read_sid_heads(struct reader *r, const struct domains *domains, struct lsa_account *accounts,
               struct account_head *heads, uint32_t n)
{
    for (size_t i = 0; i < n && !r->failed; i++) {
        reader_align(r, 4);
        set_kind(&accounts[i], ndr_u16(r), r);
        heads[i].has_sid = ndr_pointer(r);
        set_domain(&accounts[i], ndr_u32(r), domains, r);
        (void)ndr_u32(r); /* Flags */
    }
}

static void
read_sid_bodies(struct reader *r, struct lsa_account *accounts, const struct account_head *heads, uint32_t n)
{
    for (size_t i = 0; i < n && !r->failed; i++) {
        accounts[i].name = "";
        if (heads[i].has_sid)
            (void)ndr_sid(r, &accounts[i].sid);
        else if (accounts[i].kind != LSA_UNKNOWN)
            reader_fail(r);
    }
}

/* The translations: n of them, or none at all where the status says so. */
static const char *
read_accounts(TALLOC_CTX *tmp, struct reader *r, const struct domains *domains, bool are_names, size_t n,
              struct lsa_account **out)
{
    uint32_t count = ndr_u32(r);
    bool present = ndr_pointer(r);
    struct lsa_account *accounts;
    struct account_head *heads;

    if (!present || r->failed) {
        if (count != 0)
            reader_fail(r);
        return NULL;
    }
    if (count != n || ndr_conformance(r, LSA_LOOKUP_MAX, are_names ? NAME_BYTES : SID_BYTES) != count)
        reader_fail(r);
    if (r->failed)
        return NULL;
    accounts = talloc_zero_array(tmp, struct lsa_account, count);
    heads = talloc_zero_array(tmp, struct account_head, count);
    if (accounts == NULL || heads == NULL)
        return "no memory";
    if (are_names) {
        read_name_heads(r, domains, accounts, heads, count);
        read_name_bodies(accounts, r, accounts, heads, count);
    } else {
        read_sid_heads(r, domains, accounts, heads, count);
        read_sid_bodies(r, accounts, heads, count);
    }
    *out = accounts;
    return NULL;
}

/* A whole answer. */
static const char *
read_answer(TALLOC_CTX *mem, const uint8_t *stub, size_t len, bool are_names, size_t n,
            struct lsa_account **accounts_out, uint32_t *status_out)
{
    TALLOC_CTX *tmp = talloc_new(NULL), *names = talloc_new(tmp);
    struct reader r = reader_init(stub, len);
    struct domains domains = { NULL, 0 };
    struct lsa_account *accounts = NULL;
    const char *why = "no memory";

    *accounts_out = NULL;
    *status_out = 0;
    if (names == NULL)
        goto done;
    why = read_domains(names, tmp, &r, &domains);
    if (why == NULL)
        why = read_accounts(tmp, &r, &domains, are_names, n, &accounts);
    if (why != NULL)
        goto done;
    (void)ndr_u32(&r); /* MappedCount: the kinds say it */
    *status_out = ndr_u32(&r);
    if (!reader_done(&r) || (!ntstatus_is_error(*status_out) && accounts == NULL)) {
        why = "the answer to a lookup is malformed";
        goto done;
    }
    if (accounts != NULL && (!ntstatus_is_error(*status_out) || *status_out == NTSTATUS_NONE_MAPPED)) {
        (void)talloc_steal(accounts, names);
        *accounts_out = talloc_steal(mem, accounts);
    }
done:
    talloc_free(tmp);
    return why;
}

const char *
lsa_read_lookup_sids(TALLOC_CTX *mem, const uint8_t *stub, size_t len, size_t n, struct lsa_account **accounts_out,
                     uint32_t *status_out)
{
    return read_answer(mem, stub, len, true, n, accounts_out, status_out);
}

const char *
lsa_read_lookup_names(TALLOC_CTX *mem, const uint8_t *stub, size_t len, size_t n, struct lsa_account **accounts_out,
                      uint32_t *status_out)
{
    return read_answer(mem, stub, len, false, n, accounts_out, status_out);
}

/* Nothing found, and not even an empty list of it. */
static struct lsa_account *
all_unknown(TALLOC_CTX *mem, size_t n)
{
    struct lsa_account *accounts = talloc_zero_array(mem, struct lsa_account, (unsigned)n);

    for (size_t i = 0; accounts != NULL && i < n; i++) {
        accounts[i].kind = LSA_UNKNOWN;
        accounts[i].name = "";
        accounts[i].domain = "";
    }
    return accounts;
}

/* What is looked up: n SIDs or n names. */
struct question {
    const struct sid *sids;     /* NULL: names */
    const char *const *names;
    size_t n;
};

static bool
are_sids(const struct question *q)
{
    return q->sids != NULL;
}

/* The request in memory of its own, under NULL; call->in is NULL where it does not fit. */
static void
make_request(const struct question *q, struct rpc_call *call)
{
    size_t size = REQUEST_REST_BYTES + q->n * (are_sids(q) ? REQUEST_SID_BYTES : REQUEST_NAME_BYTES);
    uint8_t *in = q->n == 0 || q->n > LSA_LOOKUP_MAX ? NULL : talloc_size(NULL, size);
    struct writer w = writer_init(in, in == NULL ? 0 : size);

    call->step = are_sids(q) ? "LsarLookupSids3" : "LsarLookupNames4";
    call->opnum = are_sids(q) ? OP_LOOKUP_SIDS3 : OP_LOOKUP_NAMES4;
    if (in != NULL && are_sids(q))
        lsa_put_lookup_sids(&w, q->sids, q->n);
    else if (in != NULL)
        lsa_put_lookup_names(&w, q->names, q->n);
    if (in == NULL || !writer_ok(&w)) {
        talloc_free(in);
        return;
    }
    call->in = w.data;
    call->in_len = w.len;
}

static struct lsa_account *
lookup(struct rpc *channel, const struct question *q, TALLOC_CTX *mem, int64_t deadline, struct rpc_failure *f)
{
    struct lsa_account *accounts = NULL;
    struct rpc_call call = { 0 };
    struct rpc_stub stub = { 0 };
    uint32_t status;

    make_request(q, &call);
    if (call.in == NULL)
        (void)rpc_fail(f, RPC_ARGUMENT, 0, call.step);
    else if (!rpc_call(channel, &call, NULL, &stub, deadline, f))
        ;
    else if (read_answer(mem, stub.data, stub.len, are_sids(q), q->n, &accounts, &status) != NULL)
        (void)rpc_fail(f, RPC_MALFORMED, 0, call.step);
    else if (accounts == NULL && status != NTSTATUS_NONE_MAPPED)
        (void)rpc_fail(f, RPC_STATUS, status, call.step);
    else if (accounts == NULL)
        accounts = all_unknown(mem, q->n);
    talloc_free((void *)(uintptr_t)call.in);
    talloc_free(stub.data);
    return accounts;
}

struct lsa_account *
lsa_lookup_sids(struct rpc *channel, const struct sid *sids, size_t n, TALLOC_CTX *mem, int64_t deadline,
                struct rpc_failure *f)
{
    return lookup(channel, &(struct question){ .sids = sids, .n = n }, mem, deadline, f);
}

struct lsa_account *
lsa_lookup_names(struct rpc *channel, const char *const *names, size_t n, TALLOC_CTX *mem, int64_t deadline,
                 struct rpc_failure *f)
{
    return lookup(channel, &(struct question){ .names = names, .n = n }, mem, deadline, f);
}
