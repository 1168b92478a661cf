/* The answers of lib/rpc/netlogon_ndr.h. */
#include "lib/rpc/netlogon_ndr.h"

#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/ndr/validation_info.h"

#define CAPABILITIES_NEGOTIATED 1
#define TRUST_BYTES 44 /* DS_DOMAIN_TRUSTSW without what it points to */

static void
read_fixed(struct reader *r, uint8_t *out, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);

    if (p != NULL)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

/* NETLOGON_AUTHENTICATOR; its time says nothing. */
static void
read_authenticator(struct reader *r, uint8_t credential[static NETLOGON_CREDENTIAL_BYTES])
{
    reader_align(r, 4);
    read_fixed(r, credential, NETLOGON_CREDENTIAL_BYTES);
    (void)reader_u32(r);
}

const char *
netlogon_read_challenge(const uint8_t *stub, size_t len, uint8_t challenge_out[static NETLOGON_CREDENTIAL_BYTES],
                        uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);

    read_fixed(&r, challenge_out, NETLOGON_CREDENTIAL_BYTES);
    *status_out = ndr_u32(&r);
    return reader_done(&r) ? NULL : "the challenge is malformed";
}

const char *
netlogon_read_authenticate(const uint8_t *stub, size_t len, struct netlogon_authenticated *out)
{
    struct reader r = reader_init(stub, len);

    read_fixed(&r, out->credential, sizeof(out->credential));
    out->flags = ndr_u32(&r);
    out->rid = ndr_u32(&r);
    out->status = ndr_u32(&r);
    return reader_done(&r) ? NULL : "the authentication's answer is malformed";
}

const char *
netlogon_read_capabilities(const uint8_t *stub, size_t len, uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES],
                           uint32_t *capabilities_out, uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);

    read_authenticator(&r, credential_out);
    if (ndr_u32(&r) != CAPABILITIES_NEGOTIATED)
        reader_fail(&r);
    *capabilities_out = ndr_u32(&r);
    *status_out = ndr_u32(&r);
    return reader_done(&r) ? NULL : "the capabilities are malformed";
}

/* NETLOGON_VALIDATION of the level; NULL in *info_out where there is none. */
static const char *
read_validation(TALLOC_CTX *mem, struct reader *r, uint16_t level, struct logon_info **info_out)
{
    struct logon_info *info;
    const char *why;

    if (ndr_u16(r) != level)
        reader_fail(r);
    if (!ndr_pointer(r))
        return r->failed ? "the validation is malformed" : NULL;
    info = talloc_zero(mem, struct logon_info);
    if (info == NULL)
        return "no memory";
    why = validation_sam_info_read(info, r, level);
    if (why == NULL)
        *info_out = info;
    else
        talloc_free(info);
    return why;
}

const char *
netlogon_read_logon(TALLOC_CTX *mem, const uint8_t *stub, size_t len, uint16_t level, uint8_t *credential_out,
                    struct netlogon_verdict *verdict_out)
{
    struct reader r = reader_init(stub, len);
    struct netlogon_verdict v = { 0 };
    const char *why = NULL;

    memset(verdict_out, 0, sizeof(*verdict_out));
    if (credential_out != NULL) {
        if (!ndr_pointer(&r))
            return "the logon's answer has no authenticator";
        read_authenticator(&r, credential_out);
    }
    why = read_validation(mem, &r, level, &v.info);
    if (why != NULL)
        return why;
    v.authoritative = reader_u8(&r) != 0;
    v.extra_flags = ndr_u32(&r);
    v.status = ndr_u32(&r);
    if (!reader_done(&r))
        why = "the logon's answer is malformed";
    else if (v.status == NTSTATUS_SUCCESS && v.info == NULL)
        why = "the logon's answer has no information";
    if (why != NULL || v.status != NTSTATUS_SUCCESS) {
        talloc_free(v.info);
        v.info = NULL;
    }
    if (why == NULL)
        *verdict_out = v;
    return why;
}

/* What a [unique, string] wchar_t * points to; "" for NULL. */
static const char *
read_text(TALLOC_CTX *mem, struct reader *r, bool present)
{
    return present ? ndr_text(mem, r) : "";
}

static void
read_dc(struct netlogon_dc *dc, struct reader *r)
{
    bool name = ndr_pointer(r), address = ndr_pointer(r), domain, forest, dc_site, client_site;

    dc->address_type = ndr_u32(r);
    read_fixed(r, dc->domain_guid, sizeof(dc->domain_guid));
    domain = ndr_pointer(r);
    forest = ndr_pointer(r);
    dc->flags = ndr_u32(r);
    dc_site = ndr_pointer(r);
    client_site = ndr_pointer(r);
    dc->name = read_text(dc, r, name);
    dc->address = read_text(dc, r, address);
    dc->domain = read_text(dc, r, domain);
    dc->forest = read_text(dc, r, forest);
    dc->dc_site = read_text(dc, r, dc_site);
    dc->client_site = read_text(dc, r, client_site);
}

const char *
netlogon_read_find_dc(TALLOC_CTX *mem, const uint8_t *stub, size_t len, struct netlogon_dc **dc_out,
                      uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);
    bool present = ndr_pointer(&r);
    struct netlogon_dc *dc;

    *dc_out = NULL;
    dc = talloc_zero(mem, struct netlogon_dc);
    if (dc == NULL)
        return "no memory";
    if (present)
        read_dc(dc, &r);
    *status_out = ndr_u32(&r);
    if (!reader_done(&r) || (*status_out == 0 && !present)) {
        talloc_free(dc);
        return "the domain controller's description is malformed";
    }
    if (*status_out == 0)
        *dc_out = dc;
    else
        talloc_free(dc);
    return NULL;
}

/* The pointers of one trust, whose pointees come after all of the array. */
struct trust_heads {
    bool netbios;
    bool dns;
    bool sid;
};

static void
read_trust_head(struct netlogon_trust *t, struct trust_heads *h, struct reader *r)
{
    h->netbios = ndr_pointer(r);
    h->dns = ndr_pointer(r);
    t->flags = ndr_u32(r);
    t->parent = ndr_u32(r);
    t->type = ndr_u32(r);
    t->attributes = ndr_u32(r);
    h->sid = ndr_pointer(r);
    read_fixed(r, t->guid, sizeof(t->guid));
}

static void
read_trust_body(struct netlogon_trust *t, TALLOC_CTX *mem, const struct trust_heads *h, struct reader *r)
{
    t->netbios = read_text(mem, r, h->netbios);
    t->dns = read_text(mem, r, h->dns);
    if (h->sid && ndr_sid(r, &t->sid) && !sid_is_domain(&t->sid))
        reader_fail(r);
}

/* A parent is somebody else of the list, and only a child has one. */
static void
settle_parents(struct netlogon_trusts *trusts)
{
    for (size_t i = 0; i < trusts->n; i++) {
        struct netlogon_trust *t = &trusts->list[i];

        if ((t->flags & NETLOGON_TRUST_IN_FOREST) == 0 || (t->flags & NETLOGON_TRUST_TREE_ROOT) != 0 ||
            t->parent >= trusts->n || t->parent == i)
            t->parent = NETLOGON_NO_PARENT;
    }
}

static const char *
read_trusts(struct netlogon_trusts *trusts, struct reader *r, uint32_t n)
{
    struct trust_heads *heads;

    if (ndr_conformance(r, NETLOGON_TRUSTS_MAX, TRUST_BYTES) != n || r->failed)
        return "the list of trusts is malformed";
    trusts->list = talloc_zero_array(trusts, struct netlogon_trust, n);
    heads = talloc_zero_array(trusts, struct trust_heads, n);
    if (trusts->list == NULL || heads == NULL)
        return "no memory";
    trusts->n = n;
    for (size_t i = 0; i < n; i++)
        read_trust_head(&trusts->list[i], &heads[i], r);
    for (size_t i = 0; i < n && !r->failed; i++)
        read_trust_body(&trusts->list[i], trusts, &heads[i], r);
    talloc_free(heads);
    settle_parents(trusts);
    return r->failed ? "the list of trusts is malformed" : NULL;
}

const char *
netlogon_read_list_trusts(TALLOC_CTX *mem, const uint8_t *stub, size_t len, struct netlogon_trusts **trusts_out,
                          uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);
    struct netlogon_trusts *trusts = talloc_zero(mem, struct netlogon_trusts);
    uint32_t n = ndr_u32(&r);
    bool present = ndr_pointer(&r);
    const char *why = NULL;

    *trusts_out = NULL;
    if (trusts == NULL)
        return "no memory";
    if (present)
        why = read_trusts(trusts, &r, n);
    else if (n != 0)
        why = "the list of trusts is malformed";
    *status_out = ndr_u32(&r);
    if (why == NULL && !reader_done(&r))
        why = "the list of trusts is malformed";
    if (why == NULL && *status_out == 0)
        *trusts_out = trusts;
    else
        talloc_free(trusts);
    return why;
}

const char *
netlogon_read_set_password(const uint8_t *stub, size_t len, uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES],
                           uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);

    read_authenticator(&r, credential_out);
    *status_out = ndr_u32(&r);
    return reader_done(&r) ? NULL : "the answer to a new password is malformed";
}
