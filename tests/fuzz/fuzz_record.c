/*
 * lib/proto: the records of users and groups.  What is accepted must be
 * written again to the same bytes, and what is called safe must be so.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/proto/proto.h"
#include "lib/proto/record.h"
#include "lib/proto/text.h"

static void
require_safe_name(struct record_str name)
{
    FUZZ_REQUIRE(name.len > 0 && name.len <= PROTO_NAME_MAX);
    for (size_t i = 0; i < name.len; i++)
        FUZZ_REQUIRE((unsigned char)name.s[i] >= 0x20 && strchr(":/\x7f", name.s[i]) == NULL);
}

/* The record in the order of record.h. */
static void
write_record(struct writer *w, const struct record *rec)
{
    writer_u8(w, (uint8_t)rec->kind);
    if (rec->kind != RECORD_GROUP)
        writer_u32(w, rec->uid);
    writer_u32(w, rec->gid);
    switch (rec->kind) {
    case RECORD_PASSWD:
        writer_u16(w, (uint16_t)rec->name.len);
        writer_u16(w, (uint16_t)rec->gecos.len);
        writer_u16(w, (uint16_t)rec->home.len);
        writer_u16(w, (uint16_t)rec->shell.len);
        writer_bytes(w, rec->name.s, rec->name.len + rec->gecos.len + rec->home.len + rec->shell.len + 4);
        FUZZ_REQUIRE(rec->gecos.s == rec->name.s + rec->name.len + 1 && rec->home.s == rec->gecos.s + rec->gecos.len + 1);
        FUZZ_REQUIRE(rec->shell.s == rec->home.s + rec->home.len + 1 && rec->shell.s[rec->shell.len] == '\0');
        break;
    case RECORD_GROUP:
        writer_u32(w, rec->n);
        writer_strn(w, rec->name.s, rec->name.len);
        writer_bytes(w, rec->list, 2 * (size_t)rec->n);
        writer_bytes(w, rec->members, rec->members_len);
        break;
    case RECORD_GROUPS:
        writer_u32(w, rec->n);
        for (uint32_t i = 0; i < rec->n; i++)
            writer_u32(w, record_gid(rec, i));
        writer_strn(w, rec->name.s, rec->name.len);
    }
}

/* What is called safe has n names, each of which a member may have. */
static void
require_safe_members(const struct record *rec)
{
    char *copy = malloc(rec->members_len + 1), **names = malloc(((size_t)rec->n + 1) * sizeof(*names));
    const char *end = copy + rec->members_len;

    FUZZ_REQUIRE(copy != NULL && names != NULL);
    memcpy(copy, rec->members, rec->members_len);
    FUZZ_REQUIRE(record_members(rec, copy, names));
    for (uint32_t i = 0; i < rec->n; i++) {
        FUZZ_REQUIRE(memchr(names[i], '\0', (size_t)(end - names[i])) != NULL);
        require_safe_name((struct record_str){ names[i], strlen(names[i]) });
        FUZZ_REQUIRE(text_is_name(names[i], strlen(names[i])));
    }
    free(names);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_init(data, size);
    struct record rec;
    struct writer w;
    uint8_t *again;

    if (!record_get(&r, &rec))
        return 0;
    again = malloc(size);
    FUZZ_REQUIRE(again != NULL);
    w = writer_init(again, size);
    write_record(&w, &rec);
    FUZZ_REQUIRE(writer_ok(&w) && w.len == size && memcmp(again, data, size) == 0);
    if (record_is_safe(&rec)) {
        FUZZ_REQUIRE(rec.gid >= PROTO_ID_MIN && (rec.kind == RECORD_GROUP || rec.uid >= PROTO_ID_MIN));
        require_safe_name(rec.name);
        if (rec.kind == RECORD_GROUP)
            require_safe_members(&rec);
    }
    free(again);
    return 0;
}
