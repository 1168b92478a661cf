#include "tests/unit/pac_builder.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/utf8.h"
#include "lib/sid/sid.h"

#define NEVER 0x7fffffffffffffffULL
#define FILETIME(seconds) (((uint64_t)(seconds) + 11644473600U) * 10000000U)

struct pac_spec
pac_spec_alice(void)
{
    struct pac_spec spec = {
        .account = "alice",
        .full_name = "Alice \xc3\x84rger \xf0\x9f\x98\x80",
        .logon_script = "",
        .profile_path = "\\\\dc1\\profiles\\alice",
        .home_directory = NULL,
        .home_drive = "H:",
        .logon_server = "DC1",
        .domain_netbios = "CORP",
        .user_rid = 1104,
        .primary_rid = 513,
        .account_control = 0x210,
        .times = { FILETIME(1700000000), NEVER, NEVER, FILETIME(1690000000), FILETIME(1690086400), NEVER },
        .domain = PAC_DOMAIN,
        .groups = { { 513, 7 }, { 1200, 7 }, { 1201, 0x17 } },
        .extra = { { "S-1-18-1", 7 }, { PAC_OTHER_DOMAIN "-1300", 7 } },
        .resource_domain = PAC_DOMAIN,
        .resource = { { 1400, 0x20000007 } },
        .strings_have_nul = true,
        .client = "alice",
        .authtime = PAC_AUTHTIME,
        .upn = "alice@corp.test",
        .dns = "CORP.TEST",
        .upn_flags = 2,
        .sam_name = "Alice",
        .upn_sid = PAC_DOMAIN "-1104",
        .requestor = PAC_DOMAIN "-1104",
        .order = { 1, 10, 12, 17, 18, 99, 6, 7, 16, 19 },
    };

    return spec;
}

static void
align(struct writer *w, size_t start, size_t n)
{
    while ((w->len - start) % n != 0)
        writer_u8(w, 0);
}

/* Gives how many bytes. */
static size_t
put_utf16(struct writer *w, const char *s)
{
    const char *end = s + strlen(s);
    size_t start = w->len;
    uint32_t c;

    while (utf8_get(&s, end, &c)) {
        if (c >= 0x10000) {
            writer_u16(w, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        writer_u16(w, (uint16_t)c);
    }
    return w->len - start;
}

static size_t
utf16_bytes(const char *s)
{
    uint8_t bytes[4096];
    struct writer w = writer_init(bytes, sizeof(bytes));

    return put_utf16(&w, s);
}

static struct sid
parsed(const char *text)
{
    struct sid sid;

    if (!sid_parse(text, &sid))
        abort();
    return sid;
}

static void
put_sid(struct writer *w, const char *text)
{
    struct sid sid = parsed(text);

    sid_write(w, &sid);
}

static void
put_pointer(struct writer *w, bool present)
{
    writer_u32(w, present ? 0x00020000U + (uint32_t)w->len : 0);
}

static void
put_string_head(struct writer *w, const struct pac_spec *spec, const char *s)
{
    size_t n = s == NULL ? 0 : utf16_bytes(s);

    writer_u16(w, (uint16_t)n);
    writer_u16(w, (uint16_t)(n + (s != NULL && spec->strings_have_nul ? 2 : 0)));
    put_pointer(w, s != NULL);
}

static void
put_string_body(struct writer *w, const struct pac_spec *spec, size_t body, const char *s)
{
    uint32_t n;

    if (s == NULL)
        return;
    n = (uint32_t)utf16_bytes(s) / 2;
    align(w, body, 4);
    writer_u32(w, n + (spec->strings_have_nul ? 1 : 0));
    writer_u32(w, 0);
    writer_u32(w, n);
    (void)put_utf16(w, s);
}

static uint32_t
count_members(const struct pac_member *members)
{
    uint32_t n = 0;

    while (members[n].rid != 0)
        n++;
    return n;
}

static uint32_t
count_extra(const struct pac_extra *extra)
{
    uint32_t n = 0;

    while (extra[n].sid != NULL)
        n++;
    return n;
}

static void
put_members(struct writer *w, size_t body, const struct pac_member *members)
{
    uint32_t n = count_members(members);

    if (n == 0)
        return;
    align(w, body, 4);
    writer_u32(w, n);
    for (uint32_t i = 0; i < n; i++) {
        writer_u32(w, members[i].rid);
        writer_u32(w, members[i].attributes);
    }
}

static void
put_sid_body(struct writer *w, size_t body, const char *text)
{
    if (text == NULL)
        return;
    align(w, body, 4);
    writer_u32(w, parsed(text).n_subs);
    put_sid(w, text);
}

static void
put_fixed(struct writer *w, const struct pac_spec *spec)
{
    for (size_t i = 0; i < 6; i++)
        writer_u64(w, spec->times[i]);
    put_string_head(w, spec, spec->account);
    put_string_head(w, spec, spec->full_name);
    put_string_head(w, spec, spec->logon_script);
    put_string_head(w, spec, spec->profile_path);
    put_string_head(w, spec, spec->home_directory);
    put_string_head(w, spec, spec->home_drive);
    writer_u16(w, 17);                          /* LogonCount */
    writer_u16(w, 1);                           /* BadPasswordCount */
    writer_u32(w, spec->user_rid);
    writer_u32(w, spec->primary_rid);
    writer_u32(w, count_members(spec->groups));
    put_pointer(w, count_members(spec->groups) > 0);
    writer_u32(w, 0x220);                       /* UserFlags: extra SIDs, resource groups */
    writer_u64(w, 0);                           /* UserSessionKey */
    writer_u64(w, 0);
    put_string_head(w, spec, spec->logon_server);
    put_string_head(w, spec, spec->domain_netbios);
    put_pointer(w, spec->domain != NULL);
    writer_u64(w, 0);                           /* Reserved1 */
    writer_u32(w, spec->account_control);
    for (size_t i = 0; i < 7; i++)
        writer_u32(w, 0);                       /* SubAuthStatus to Reserved3 */
    writer_u32(w, count_extra(spec->extra));
    put_pointer(w, count_extra(spec->extra) > 0);
    put_pointer(w, spec->resource_domain != NULL);
    writer_u32(w, count_members(spec->resource));
    put_pointer(w, count_members(spec->resource) > 0);
}

static void
put_extra(struct writer *w, size_t body, const struct pac_extra *extra)
{
    uint32_t n = count_extra(extra);

    if (n == 0)
        return;
    align(w, body, 4);
    writer_u32(w, n);
    for (uint32_t i = 0; i < n; i++) {
        put_pointer(w, true);
        writer_u32(w, extra[i].attributes);
    }
    for (uint32_t i = 0; i < n; i++)
        put_sid_body(w, body, extra[i].sid);
}

static void
put_logon_info(struct writer *w, const struct pac_spec *spec, size_t *place)
{
    size_t start = w->len, body = start + 16;

    writer_u32(w, 0x00081001);                  /* version 1, little-endian, 8 bytes of header */
    writer_u32(w, 0xcccccccc);
    writer_u32(w, 0);
    writer_u32(w, 0);
    put_pointer(w, true);
    put_fixed(w, spec);
    put_string_body(w, spec, body, spec->account);
    put_string_body(w, spec, body, spec->full_name);
    put_string_body(w, spec, body, spec->logon_script);
    put_string_body(w, spec, body, spec->profile_path);
    put_string_body(w, spec, body, spec->home_directory);
    put_string_body(w, spec, body, spec->home_drive);
    align(w, body, 4);
    place[AT_GROUPS] = w->len;
    put_members(w, body, spec->groups);
    put_string_body(w, spec, body, spec->logon_server);
    put_string_body(w, spec, body, spec->domain_netbios);
    align(w, body, 4);
    place[AT_DOMAIN] = w->len;
    put_sid_body(w, body, spec->domain);
    place[AT_EXTRA] = w->len;
    put_extra(w, body, spec->extra);
    place[AT_RESOURCE_DOMAIN] = w->len;
    put_sid_body(w, body, spec->resource_domain);
    place[AT_RESOURCE] = w->len;
    put_members(w, body, spec->resource);
    align(w, body, 8);
    writer_patch_u32(w, start + 8, (uint32_t)(w->len - body));
}

static void
put_client_info(struct writer *w, const struct pac_spec *spec)
{
    writer_u64(w, FILETIME(spec->authtime));
    writer_u16(w, (uint16_t)utf16_bytes(spec->client));
    (void)put_utf16(w, spec->client);
}

/* A field's length and offset, which moves behind it. */
static void
put_field(struct writer *w, size_t n, size_t *offset)
{
    writer_u16(w, (uint16_t)n);
    writer_u16(w, (uint16_t)*offset);
    *offset += (n + 7) / 8 * 8;
}

static void
put_upn_dns_info(struct writer *w, const struct pac_spec *spec)
{
    bool extended = (spec->upn_flags & 2U) != 0;
    size_t start = w->len, offset = extended ? 24 : 16;

    put_field(w, utf16_bytes(spec->upn), &offset);
    put_field(w, utf16_bytes(spec->dns), &offset);
    writer_u32(w, spec->upn_flags);
    if (extended) {
        put_field(w, utf16_bytes(spec->sam_name), &offset);
        put_field(w, 8 + 4U * parsed(spec->upn_sid).n_subs, &offset);
    }
    writer_u32(w, 0);
    align(w, start, 8);
    (void)put_utf16(w, spec->upn);
    align(w, start, 8);
    (void)put_utf16(w, spec->dns);
    if (!extended)
        return;
    align(w, start, 8);
    (void)put_utf16(w, spec->sam_name);
    align(w, start, 8);
    put_sid(w, spec->upn_sid);
}

static void
put_signature(struct writer *w, uint32_t type, size_t n)
{
    writer_u32(w, type);
    for (size_t i = 0; i < n; i++)
        writer_u8(w, 0xa5);
}

static void
put_buffer(struct writer *w, const struct pac_spec *spec, uint32_t type, size_t *place)
{
    static const struct {
        uint32_t type;
        enum pac_place place;
    } places[] = { { 1, AT_LOGON_INFO },    { 10, AT_CLIENT },       { 12, AT_UPN },
                   { 17, AT_ATTRIBUTES },   { 18, AT_REQUESTOR },    { 6, AT_SERVER_CHECKSUM } };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i].type == type)
            place[places[i].place] = w->len;
    }
    if (type == 1) {
        put_logon_info(w, spec, place);
    } else if (type == 10) {
        put_client_info(w, spec);
    } else if (type == 12) {
        put_upn_dns_info(w, spec);
    } else if (type == 17) {
        writer_u32(w, 2);
        writer_u32(w, 1);
    } else if (type == 18) {
        put_sid(w, spec->requestor);
    } else {
        put_signature(w, type == 6 ? 0xffffff76 : 16, type == 6 ? 16 : 12);
    }
}

void
pac_build(const struct pac_spec *spec, struct pac_built *built_out)
{
    struct writer w = writer_init(built_out->data, sizeof(built_out->data));
    uint32_t n = 0;

    memset(built_out, 0, sizeof(*built_out));
    while (spec->order[n] != 0)
        n++;
    writer_u32(&w, n);
    writer_u32(&w, 0);
    for (uint32_t i = 0; i < n; i++) {
        writer_u32(&w, spec->order[i]);
        writer_u32(&w, 0);
        writer_u64(&w, 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        size_t info = 8 + 16U * i, start;

        align(&w, 0, 8);
        start = w.len;
        put_buffer(&w, spec, spec->order[i], built_out->place);
        if (spec->sizes_are_rounded)
            align(&w, 0, 8);
        writer_patch_u32(&w, info + 4, (uint32_t)(w.len - start));
        writer_patch_u32(&w, info + 8, (uint32_t)start);
    }
    if (!writer_ok(&w))
        abort();
    built_out->len = w.len;
}
