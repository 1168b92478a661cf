#include "lib/rpc/pdu.h"

#include <string.h>

#define VERSION 5
#define VERSION_MINOR_MAX 1
#define REPRESENTATION 0x10 /* little-endian, ASCII */
#define STUB_ALIGNMENT 16

const struct pdu_syntax pdu_ndr32 = {
    .uuid = { 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60 },
    .major = 2,
};

struct header {
    uint8_t type;
    uint8_t flags;
    uint16_t length;
    uint16_t auth_length;
    uint32_t call_id;
};

static struct header
read_header(struct reader *r)
{
    struct header h = { 0 };
    uint8_t version = reader_u8(r), minor = reader_u8(r);
    uint8_t representation, floating;

    h.type = reader_u8(r);
    h.flags = reader_u8(r);
    representation = reader_u8(r);
    floating = reader_u8(r);
    (void)reader_u16(r);
    h.length = reader_u16(r);
    h.auth_length = reader_u16(r);
    h.call_id = reader_u32(r);
    if (version != VERSION || minor > VERSION_MINOR_MAX || representation != REPRESENTATION || floating != 0)
        reader_fail(r);
    if (h.length < PDU_HEADER_BYTES || h.length > PDU_FRAGMENT_MAX)
        reader_fail(r);
    return h;
}

size_t
pdu_length(const uint8_t header[static PDU_HEADER_BYTES])
{
    struct reader r = reader_init(header, PDU_HEADER_BYTES);
    struct header h = read_header(&r);

    return r.failed ? 0 : h.length;
}

/* The trailer at the fragment's end; gives a reader over what is between header and trailer, padding included. */
static struct reader
read_auth(struct reader *r, uint16_t auth_length, struct pdu_auth *auth)
{
    size_t left = reader_left(r);
    struct reader body, trailer;

    if (auth_length == 0)
        return reader_sub(r, left);
    if (left < PDU_TRAILER_BYTES || left - PDU_TRAILER_BYTES < auth_length) {
        reader_fail(r);
        return *r;
    }
    body = reader_sub(r, left - PDU_TRAILER_BYTES - auth_length);
    trailer = reader_sub(r, PDU_TRAILER_BYTES + (size_t)auth_length);
    auth->type = reader_u8(&trailer);
    auth->level = reader_u8(&trailer);
    auth->pad = reader_u8(&trailer);
    (void)reader_u8(&trailer);
    auth->context = reader_u32(&trailer);
    auth->token_len = auth_length;
    auth->token = reader_bytes(&trailer, auth_length);
    if (auth->pad > reader_left(&body))
        reader_fail(&body);
    return body;
}

static struct pdu_syntax
read_syntax(struct reader *r)
{
    struct pdu_syntax syntax = { 0 };
    const uint8_t *uuid = reader_bytes(r, sizeof(syntax.uuid));

    if (uuid != NULL)
        memcpy(syntax.uuid, uuid, sizeof(syntax.uuid));
    syntax.major = reader_u16(r);
    syntax.minor = reader_u16(r);
    return syntax;
}

/* C706 12.6.4.4 */
static const char *
read_bind_ack(struct pdu *pdu, struct reader *r)
{
    uint16_t max_theirs;
    uint8_t n;

    max_theirs = reader_u16(r);
    pdu->max_send = reader_u16(r);
    (void)reader_u32(r);                         /* association group */
    (void)reader_bytes(r, reader_u16(r));        /* secondary address */
    reader_align(r, 4);                          /* the body begins at a multiple of 4 */
    n = reader_u8(r);
    (void)reader_u8(r);
    (void)reader_u16(r);
    if (n != 1)
        return "bind_ack answers another number of contexts";
    pdu->result = reader_u16(r);
    pdu->reason = reader_u16(r);
    pdu->transfer = read_syntax(r);
    if (r->failed || reader_left(r) != pdu->auth.pad)
        return "bind_ack is malformed";
    if (max_theirs > PDU_FRAGMENT_MAX || pdu->max_send < PDU_FRAGMENT_MIN)
        return "bind_ack has fragments of an impossible size";
    return NULL;
}

/* C706 12.6.4.5; the versions that follow are of no use. */
static const char *
read_bind_nak(struct pdu *pdu, struct reader *r)
{
    pdu->reason = reader_u16(r);
    return r->failed ? "bind_nak is malformed" : NULL;
}

static const char *
read_response(struct pdu *pdu, struct reader *r)
{
    (void)reader_u32(r); /* allocation hint: nobody trusts that */
    pdu->context = reader_u16(r);
    (void)reader_u16(r);
    if (r->failed || pdu->auth.pad > reader_left(r))
        return "response is malformed";
    pdu->stub_at = PDU_CALL_HEADER_BYTES;
    pdu->stub_len = reader_left(r);
    return NULL;
}

static const char *
read_fault(struct pdu *pdu, struct reader *r)
{
    (void)reader_u32(r);
    pdu->context = reader_u16(r);
    (void)reader_u16(r);
    pdu->status = reader_u32(r);
    return r->failed ? "fault is malformed" : NULL;
}

const char *
pdu_read(struct pdu *pdu_out, const uint8_t *data, size_t len)
{
    struct reader r = reader_init(data, len), body;
    struct header h = read_header(&r);
    struct pdu pdu = { 0 };
    const char *why;

    memset(pdu_out, 0, sizeof(*pdu_out));
    if (r.failed || h.length != len)
        return "header is malformed";
    pdu.type = h.type;
    pdu.flags = h.flags;
    pdu.call_id = h.call_id;
    body = read_auth(&r, h.auth_length, &pdu.auth);
    if (r.failed || body.failed)
        return "authentication trailer is malformed";
    switch (pdu.type) {
    case PDU_BIND_ACK:
        why = read_bind_ack(&pdu, &body);
        break;
    case PDU_BIND_NAK:
        why = read_bind_nak(&pdu, &body);
        break;
    case PDU_RESPONSE:
        why = read_response(&pdu, &body);
        break;
    case PDU_FAULT:
        why = read_fault(&pdu, &body);
        break;
    case PDU_REQUEST:
    case PDU_BIND:
    default:
        why = "no server sends that";
        break;
    }
    if (why == NULL)
        *pdu_out = pdu;
    return why;
}

/* The length and the token's length are filled in by end_pdu. */
static void
begin_pdu(struct writer *w, enum pdu_type type, uint8_t flags, uint32_t call_id)
{
    writer_u8(w, VERSION);
    writer_u8(w, 0);
    writer_u8(w, (uint8_t)type);
    writer_u8(w, flags);
    writer_u32(w, REPRESENTATION);
    writer_u32(w, 0);
    writer_u32(w, call_id);
}

/* The trailer stands where the writer is; its token may be filled in later. */
static void
end_pdu(struct writer *w, const struct pdu_auth *auth)
{
    if (auth->token_len > 0) {
        writer_u8(w, auth->type);
        writer_u8(w, auth->level);
        writer_u8(w, auth->pad);
        writer_u8(w, 0);
        writer_u32(w, auth->context);
        for (size_t i = 0; i < auth->token_len; i++)
            writer_u8(w, auth->token == NULL ? 0 : auth->token[i]);
    }
    if (w->len > PDU_FRAGMENT_MAX)
        w->failed = true;
    if (writer_ok(w))
        writer_patch_u32(w, 8, (uint32_t)w->len | (uint32_t)auth->token_len << 16);
}

static void
write_syntax(struct writer *w, const struct pdu_syntax *syntax)
{
    writer_bytes(w, syntax->uuid, sizeof(syntax->uuid));
    writer_u16(w, syntax->major);
    writer_u16(w, syntax->minor);
}

void
pdu_write_bind(struct writer *w, const struct pdu_bind *bind)
{
    uint8_t flags = PDU_FIRST_FRAGMENT | PDU_LAST_FRAGMENT;

    if (bind->auth.token_len > 0)
        flags |= PDU_HEADER_SIGN;
    begin_pdu(w, PDU_BIND, flags, bind->call_id);
    writer_u16(w, PDU_FRAGMENT_MAX);
    writer_u16(w, PDU_FRAGMENT_MAX);
    writer_u32(w, 0); /* a new association group */
    writer_u32(w, 1); /* one context */
    writer_u16(w, 0); /* context 0 */
    writer_u16(w, 1); /* one transfer syntax */
    write_syntax(w, bind->interface);
    write_syntax(w, &pdu_ndr32);
    end_pdu(w, &bind->auth);
}

void
pdu_write_request(struct writer *w, const struct pdu_request *request, size_t *sealed_len_out)
{
    struct pdu_auth auth = request->auth;

    begin_pdu(w, PDU_REQUEST, request->flags, request->call_id);
    writer_u32(w, request->hint);
    writer_u16(w, 0);
    writer_u16(w, request->opnum);
    writer_bytes(w, request->stub, request->stub_len);
    auth.pad = 0;
    if (auth.token_len > 0)
        auth.pad = (uint8_t)((STUB_ALIGNMENT - request->stub_len % STUB_ALIGNMENT) % STUB_ALIGNMENT);
    for (size_t i = 0; i < auth.pad; i++)
        writer_u8(w, 0);
    *sealed_len_out = request->stub_len + auth.pad;
    end_pdu(w, &auth);
}
