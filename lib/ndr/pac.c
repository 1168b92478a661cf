#include "lib/ndr/pac.h"

#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/ndr/validation_info.h"
#include "lib/sid/name.h"

#define INFO_BUFFER_BYTES 16 /* PAC_INFO_BUFFER: type, size, offset */
#define PACTYPE_BYTES 8      /* count and version */
#define ALIGNMENT 8          /* of every buffer */
#define PADDING_MAX 7        /* a buffer's size may be rounded up to it */
#define SIGNATURE_MIN 16     /* type and the 12 bytes of the shortest checksum */
#define UPN_EXTENDED 2U      /* UPN_DNS_INFO has a SAM name and a SID */
#define UPN_HEAD_BYTES 12
#define UPN_EXTENDED_HEAD_BYTES 20
#define S4U_DELEGATION_INFO 11U /* a service got the ticket for somebody, by constrained delegation */

/* [MS-PAC] 2.4: the buffers that are read. */
enum {
    LOGON_INFO,
    CREDENTIAL_INFO,
    SERVER_CHECKSUM,
    KDC_CHECKSUM,
    CLIENT_INFO,
    UPN_DNS_INFO,
    ATTRIBUTES_INFO,
    REQUESTOR,
    N_KINDS,
};

static const struct {
    uint32_t type;
    const char *missing; /* NULL: it may be */
    const char *twice;
} kinds[N_KINDS] = {
    [LOGON_INFO] = { 1, "no LOGON_INFO", "a second LOGON_INFO" },
    [CREDENTIAL_INFO] = { 2, NULL, "a second CREDENTIAL_INFO" },
    [SERVER_CHECKSUM] = { 6, "no server checksum", "a second server checksum" },
    [KDC_CHECKSUM] = { 7, "no KDC checksum", "a second KDC checksum" },
    [CLIENT_INFO] = { 10, "no CLIENT_INFO", "a second CLIENT_INFO" },
    [UPN_DNS_INFO] = { 12, NULL, "a second UPN_DNS_INFO" },
    [ATTRIBUTES_INFO] = { 17, NULL, "a second ATTRIBUTES_INFO" },
    [REQUESTOR] = { 18, NULL, "a second REQUESTOR" },
};

struct buffers {
    struct reader at[N_KINDS];
    bool present[N_KINDS];
};

static const char *
find_buffer(struct buffers *b, uint32_t type, const struct reader *bytes)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (kinds[i].type != type)
            continue;
        if (b->present[i])
            return kinds[i].twice;
        b->present[i] = true;
        b->at[i] = *bytes;
    }
    return NULL;
}

/* The PACTYPE ([MS-PAC] 2.3): where each buffer is. */
static const char *
find_buffers(struct buffers *b, struct reader *r)
{
    uint32_t n = reader_u32(r);
    uint32_t version = reader_u32(r);
    size_t head = PACTYPE_BYTES + (size_t)n * INFO_BUFFER_BYTES;

    if (r->failed || version != 0 || n > PAC_BUFFERS_MAX || head > r->len)
        return "the header is malformed";
    for (size_t i = 0; i < n; i++) {
        uint32_t type = reader_u32(r);
        uint32_t size = reader_u32(r);
        uint64_t offset = reader_u64(r);
        struct reader bytes;
        const char *why;

        if (offset < head || offset > r->len || offset % ALIGNMENT != 0)
            return "a buffer is not where a buffer may be";
        bytes = reader_at(r, (size_t)offset, size);
        if (bytes.failed)
            return "a buffer reaches past the end";
        if (type == S4U_DELEGATION_INFO)
            return "the ticket was got by delegation (S4U_DELEGATION_INFO): no password was asked for it";
        why = find_buffer(b, type, &bytes);
        if (why != NULL)
            return why;
    }
    for (size_t i = 0; i < N_KINDS; i++) {
        if (kinds[i].missing != NULL && !b->present[i])
            return kinds[i].missing;
    }
    return NULL;
}

static bool
ends(const struct reader *r)
{
    return !r->failed && reader_left(r) <= PADDING_MAX;
}

/* PAC_SIGNATURE_DATA ([MS-PAC] 2.8): libkrb5 has verified it; here it only has to be one. */
static const char *
check_signature(const struct reader *r)
{
    return reader_left(r) < SIGNATURE_MIN ? "a checksum is too short" : NULL;
}

/* PAC_CLIENT_INFO ([MS-PAC] 2.7): the PAC was made for this ticket. */
static const char *
check_client_info(TALLOC_CTX *tmp, struct reader *r, const struct pac_ticket *ticket)
{
    uint64_t time = reader_u64(r);
    uint16_t length = reader_u16(r);
    const uint8_t *p = reader_bytes(r, length);
    const char *name;

    if (!ends(r))
        return "CLIENT_INFO is malformed";
    name = utf16le_text(tmp, p, length);
    if (name == NULL)
        return "CLIENT_INFO is malformed";
    if (filetime_seconds(time) != ticket->authtime)
        return "CLIENT_INFO is of another time than the ticket";
    if (ticket->client[0] != '\0' && strcmp(name, ticket->client) != 0)
        return "CLIENT_INFO names another client than the ticket";
    return NULL;
}

/* True if a and b are one account's name: the same in lower case, and short enough for a name. */
static bool
is_same_name(const char *a, const char *b)
{
    char x[NAME_MAX_BYTES + 1], y[NAME_MAX_BYTES + 1];

    return name_fold(a, x, sizeof(x)) && name_fold(b, y, sizeof(y)) && strcmp(x, y) == 0;
}

/* A field of UPN_DNS_INFO: its length and where it is, from the buffer's start and past its head. */
struct field {
    uint16_t length;
    uint16_t offset;
};

static struct field
read_field(struct reader *r)
{
    struct field f;

    f.length = reader_u16(r);
    f.offset = reader_u16(r);
    return f;
}

static struct reader
field_bytes(struct reader *r, const struct field *f, size_t head)
{
    if (f->length > 0 && f->offset < head)
        reader_fail(r);
    return f->length == 0 ? reader_init(NULL, 0) : reader_at(r, f->offset, f->length);
}

static const char *
field_text(TALLOC_CTX *mem, struct reader *r, const struct field *f, size_t head)
{
    struct reader bytes = field_bytes(r, f, head);
    size_t n = reader_left(&bytes);
    const char *text = r->failed ? NULL : utf16le_text(mem, reader_bytes(&bytes, n), n);

    if (text == NULL)
        reader_fail(r);
    return text;
}

/* The extended part of UPN_DNS_INFO: the account once more. */
static const char *
check_upn_extended(TALLOC_CTX *tmp, struct reader *r, const struct logon_info *info)
{
    struct field name = read_field(r);
    struct field sid_field = read_field(r);
    const char *account = field_text(tmp, r, &name, UPN_EXTENDED_HEAD_BYTES);
    struct reader bytes = field_bytes(r, &sid_field, UPN_EXTENDED_HEAD_BYTES);
    struct sid sid;

    if (r->failed || !sid_read(&bytes, &sid) || !reader_done(&bytes))
        return "UPN_DNS_INFO is malformed";
    if (!sid_equal(&sid, &info->user))
        return "UPN_DNS_INFO is about another account than LOGON_INFO";
    if (!is_same_name(account, info->account))
        return "UPN_DNS_INFO has another account name than LOGON_INFO";
    return NULL;
}

/* UPN_DNS_INFO ([MS-PAC] 2.10) */
static const char *
read_upn(TALLOC_CTX *tmp, struct reader *r, struct logon_info *info)
{
    struct field upn = read_field(r);
    struct field domain = read_field(r);
    uint32_t flags = reader_u32(r);
    bool extended = (flags & UPN_EXTENDED) != 0;
    size_t head = extended ? UPN_EXTENDED_HEAD_BYTES : UPN_HEAD_BYTES;

    info->upn = field_text(info, r, &upn, head);
    info->domain_dns = field_text(info, r, &domain, head);
    if (r->failed)
        return "UPN_DNS_INFO is malformed";
    return extended ? check_upn_extended(tmp, r, info) : NULL;
}

/* PAC_ATTRIBUTES_INFO ([MS-PAC] 2.14): a count of flags, and as many bits. It says nothing that we need. */
static const char *
check_attributes(struct reader *r)
{
    uint32_t bits = reader_u32(r);

    for (uint32_t i = 0; i < bits && !r->failed; i += 32)
        (void)reader_u32(r);
    return bits == 0 || !ends(r) ? "ATTRIBUTES_INFO is malformed" : NULL;
}

/* PAC_REQUESTOR ([MS-PAC] 2.15): who asked for the ticket. */
static const char *
check_requestor(struct reader *r, const struct logon_info *info)
{
    struct sid sid;

    if (!sid_read(r, &sid) || !ends(r))
        return "REQUESTOR is malformed";
    return sid_equal(&sid, &info->user) ? NULL : "REQUESTOR is another account than LOGON_INFO's";
}

static const char *
read_buffers(TALLOC_CTX *tmp, struct buffers *b, const struct pac_ticket *ticket, struct logon_info *info)
{
    const char *why = check_signature(&b->at[SERVER_CHECKSUM]);

    if (why == NULL)
        why = check_signature(&b->at[KDC_CHECKSUM]);
    if (why == NULL)
        why = check_client_info(tmp, &b->at[CLIENT_INFO], ticket);
    if (why == NULL)
        why = validation_info_read(info, &b->at[LOGON_INFO]);
    if (why == NULL && b->present[UPN_DNS_INFO])
        why = read_upn(tmp, &b->at[UPN_DNS_INFO], info);
    if (why == NULL && b->present[ATTRIBUTES_INFO])
        why = check_attributes(&b->at[ATTRIBUTES_INFO]);
    if (why == NULL && b->present[REQUESTOR])
        why = check_requestor(&b->at[REQUESTOR], info);
    return why;
}

struct logon_info *
pac_decode(TALLOC_CTX *mem, const uint8_t *pac, size_t len, const struct pac_ticket *ticket, const char **why_out)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    struct reader r = reader_init(pac, len);
    struct buffers buffers = { 0 };
    struct logon_info *info = NULL;
    const char *why = "no memory";

    *why_out = NULL;
    info = talloc_zero(tmp, struct logon_info);
    if (info == NULL)
        goto done;
    info->upn = "";
    info->domain_dns = "";
    why = len > PAC_MAX_BYTES ? "it is too long" : find_buffers(&buffers, &r);
    if (why == NULL)
        why = read_buffers(tmp, &buffers, ticket, info);
    if (why == NULL)
        info = talloc_steal(mem, info);
done:
    *why_out = why;
    talloc_free(tmp);
    return why == NULL ? info : NULL;
}

bool
pac_credentials(const uint8_t *pac, size_t len, struct reader *bytes_out)
{
    struct reader r = reader_init(pac, len);
    struct buffers buffers = { 0 };

    *bytes_out = reader_init(NULL, 0);
    if (len > PAC_MAX_BYTES || find_buffers(&buffers, &r) != NULL || !buffers.present[CREDENTIAL_INFO])
        return false;
    *bytes_out = buffers.at[CREDENTIAL_INFO];
    return true;
}
