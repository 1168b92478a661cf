#include "tests/unit/netlogon_builder.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ndr/ndr_write.h"

static void
mark(const struct writer *w, struct built *places)
{
    if (places->n >= BUILT_PLACES_MAX)
        abort();
    places->at[places->n++] = w->len;
}

/* A number that a test spoils. */
static void
put_count(struct writer *w, uint32_t n, struct built *places)
{
    ndr_put_align(w, 4);
    mark(w, places);
    writer_u32(w, n);
}

static void
put_sid(struct writer *w, const char *text, struct built *places)
{
    struct sid sid;

    if (!sid_parse(text, &sid))
        abort();
    ndr_put_align(w, 4);
    mark(w, places);
    ndr_put_sid(w, &sid);
}

struct built_logon
built_alice(uint16_t level)
{
    return (struct built_logon){ .level = level, .has_info = true, .n_groups = 3, .n_extra = 2, .user_rid = 1104,
                                 .account = "alice" };
}

#define FILETIME(seconds) (((uint64_t)(seconds) + 11644473600U) * 10000000U)

static void
put_fixed(struct writer *w, const struct built_logon *s, struct built *places)
{
    ndr_put_align(w, 4);
    writer_u64(w, FILETIME(1700000000));
    writer_u64(w, 0x7fffffffffffffff);
    writer_u64(w, 0x7fffffffffffffff);
    writer_u64(w, FILETIME(1600000000));
    writer_u64(w, FILETIME(1600000001));
    writer_u64(w, FILETIME(1800000000));
    mark(w, places);
    ndr_put_string_head(w, s->account);
    ndr_put_string_head(w, "Alice Liddell");
    for (int i = 0; i < 4; i++)
        ndr_put_string_head(w, i == 2 ? "\\\\srv\\alice" : "");
    writer_u32(w, 3 | 1U << 16);
    ndr_put_u32(w, s->user_rid);
    ndr_put_u32(w, 513);
    put_count(w, s->n_groups, places);
    ndr_put_pointer(w, s->n_groups > 0);
    ndr_put_u32(w, 0x20);
    writer_u64(w, 0);
    writer_u64(w, 0);
    ndr_put_string_head(w, "DC1");
    ndr_put_string_head(w, "CORP");
    mark(w, places);
    ndr_put_pointer(w, true);
    writer_u64(w, 0);
    ndr_put_u32(w, 0x10);
    for (int i = 0; i < 7; i++)
        ndr_put_u32(w, 0);
    put_count(w, s->n_extra, places);
    ndr_put_pointer(w, s->n_extra > 0);
    if (s->level == 6) {
        ndr_put_string_head(w, "corp.test");
        ndr_put_string_head(w, "alice@corp.test");
        for (int i = 0; i < 10; i++)
            ndr_put_string_head(w, "x");
    }
}

static void
put_pointees(struct writer *w, const struct built_logon *s, struct built *places)
{
    ndr_put_align(w, 4);
    mark(w, places);
    ndr_put_string_body(w, s->account);
    ndr_put_string_body(w, "Alice Liddell");
    for (int i = 0; i < 4; i++)
        ndr_put_string_body(w, i == 2 ? "\\\\srv\\alice" : "");
    if (s->n_groups > 0)
        put_count(w, s->n_groups, places);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        writer_u32(w, i == 0 ? 513 : 2000 + i);
        writer_u32(w, 7);
    }
    ndr_put_string_body(w, "DC1");
    ndr_put_string_body(w, "CORP");
    put_sid(w, BUILT_DOMAIN, places);
    if (s->n_extra > 0)
        put_count(w, s->n_extra, places);
    for (uint32_t i = 0; i < s->n_extra; i++) {
        ndr_put_pointer(w, true);
        writer_u32(w, 0x20000007);
    }
    for (uint32_t i = 0; i < s->n_extra; i++)
        put_sid(w, i == 0 ? "S-1-18-1" : "S-1-5-21-1-2-3-1000", places);
    if (s->level == 6) {
        ndr_put_string_body(w, "corp.test");
        ndr_put_string_body(w, "alice@corp.test");
        for (int i = 0; i < 10; i++)
            ndr_put_string_body(w, "x");
    }
}

void
build_logon(struct writer *w, const struct built_logon *spec, struct built *places)
{
    places->n = 0;
    if (spec->credential != NULL) {
        mark(w, places);
        ndr_put_pointer(w, true);
        writer_bytes(w, spec->credential, 8);
        writer_u32(w, 0);
    }
    mark(w, places);
    ndr_put_u16(w, spec->level);
    ndr_put_pointer(w, spec->has_info);
    if (spec->has_info) {
        put_fixed(w, spec, places);
        put_pointees(w, spec, places);
    }
    writer_u8(w, 1);
    ndr_put_u32(w, 0);
    ndr_put_u32(w, spec->status);
}

static void
put_trust_head(struct writer *w, const char *dns, uint32_t flags, uint32_t parent, bool has_sid, struct built *places)
{
    mark(w, places);
    ndr_put_pointer(w, true);
    ndr_put_pointer(w, dns != NULL);
    ndr_put_u32(w, flags);
    ndr_put_u32(w, parent);
    ndr_put_u32(w, 2);
    ndr_put_u32(w, 8);
    ndr_put_pointer(w, has_sid);
    for (int i = 0; i < 16; i++)
        writer_u8(w, (uint8_t)i);
}

/* A text whose actual count is a place; its maximum may be more. */
static void
put_text(struct writer *w, const char *text, struct built *places)
{
    ndr_put_align(w, 4);
    mark(w, places);
    places->at[places->n - 1] += 8;
    ndr_put_text(w, text);
}

void
build_trusts(struct writer *w, uint32_t status, struct built *places)
{
    places->n = 0;
    put_count(w, 3, places);
    ndr_put_pointer(w, true);
    put_count(w, 3, places);
    put_trust_head(w, "corp.test", 0x1d, 0, true, places);
    put_trust_head(w, "sub.corp.test", 0x23, 0, true, places);
    put_trust_head(w, NULL, 0x02, 0, false, places);
    put_text(w, "CORP", places);
    put_text(w, "corp.test", places);
    put_sid(w, BUILT_DOMAIN, places);
    put_text(w, "SUB", places);
    put_text(w, "sub.corp.test", places);
    put_sid(w, "S-1-5-21-1-2-3", places);
    put_text(w, "OLD", places);
    ndr_put_u32(w, status);
}

void
build_dc(struct writer *w, uint32_t status, struct built *places)
{
    places->n = 0;
    mark(w, places);
    ndr_put_pointer(w, status == 0);
    if (status == 0) {
        ndr_put_pointer(w, true);
        ndr_put_pointer(w, true);
        ndr_put_u32(w, 1);
        for (int i = 0; i < 16; i++)
            writer_u8(w, (uint8_t)i);
        ndr_put_pointer(w, true);
        ndr_put_pointer(w, true);
        ndr_put_u32(w, 0xe00013fd);
        ndr_put_pointer(w, true);
        ndr_put_pointer(w, false);
        put_text(w, "\\\\dc1.corp.test", places);
        put_text(w, "\\\\10.99.0.1", places);
        put_text(w, "corp.test", places);
        put_text(w, "forest.test", places);
        put_text(w, "Site", places);
    }
    ndr_put_u32(w, status);
}

static void
put_domains(struct writer *w, struct built *places)
{
    ndr_put_pointer(w, true);
    put_count(w, 2, places);
    ndr_put_pointer(w, true);
    ndr_put_u32(w, 32);
    put_count(w, 2, places);
    ndr_put_string_head(w, "CORP");
    ndr_put_pointer(w, true);
    ndr_put_string_head(w, "OTHER");
    ndr_put_pointer(w, true);
    ndr_put_string_body(w, "CORP");
    put_sid(w, BUILT_DOMAIN, places);
    ndr_put_string_body(w, "OTHER");
    put_sid(w, "S-1-5-21-1-2-3", places);
    put_count(w, 3, places);
    ndr_put_pointer(w, true);
    put_count(w, 3, places);
}

static void
put_index(struct writer *w, uint32_t index, struct built *places)
{
    put_count(w, index, places);
    ndr_put_u32(w, 0);
}

void
build_lsa_names(struct writer *w, uint32_t status, struct built *places)
{
    static const char *const names[] = { "alice", "Editors", "S-1-5-21-9-9-9-9" };

    places->n = 0;
    put_domains(w, places);
    for (int i = 0; i < 3; i++) {
        put_count(w, i == 0 ? 1 : i == 1 ? 2 : 8, places);
        ndr_put_string_head(w, names[i]);
        put_index(w, i == 2 ? UINT32_MAX : (uint32_t)i, places);
    }
    for (int i = 0; i < 3; i++)
        ndr_put_string_body(w, names[i]);
    ndr_put_u32(w, 2);
    ndr_put_u32(w, status);
}

void
build_lsa_sids(struct writer *w, uint32_t status, struct built *places)
{
    places->n = 0;
    put_domains(w, places);
    for (int i = 0; i < 3; i++) {
        put_count(w, i == 0 ? 1 : i == 1 ? 2 : 8, places);
        ndr_put_pointer(w, i != 2);
        put_index(w, i == 2 ? UINT32_MAX : (uint32_t)i, places);
    }
    put_sid(w, BUILT_DOMAIN "-1104", places);
    put_sid(w, "S-1-5-21-1-2-3-2000", places);
    ndr_put_u32(w, 2);
    ndr_put_u32(w, status);
}
