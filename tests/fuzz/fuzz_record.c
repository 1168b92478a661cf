/*
 * lib/proto: the records of users and groups.  What is accepted must be
 * written again to the same bytes, and what is called safe must be so.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/proto/proto.h"
#include "lib/proto/record.h"

static void
require_str(struct record_str str)
{
    FUZZ_REQUIRE(str.s != NULL && memchr(str.s, '\0', str.len) == NULL);
}

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
    struct reader list = rec->list;
    size_t strings = 0;

    writer_u8(w, (uint8_t)rec->kind);
    if (rec->kind != RECORD_GROUP)
        writer_u32(w, rec->uid);
    writer_u32(w, rec->gid);
    if (rec->kind != RECORD_PASSWD)
        writer_u32(w, rec->n);
    if (rec->kind != RECORD_GROUPS)
        writer_strn(w, rec->name.s, rec->name.len);
    for (uint32_t i = 0; i < rec->n; i++) {
        struct record_str member;

        if (rec->kind == RECORD_GROUPS) {
            writer_u32(w, reader_u32(&list));
            continue;
        }
        member.s = reader_str(&list, PROTO_NAME_MAX, &member.len);
        require_str(member);
        writer_strn(w, member.s, member.len);
        strings += member.len;
    }
    FUZZ_REQUIRE(!list.failed && strings == rec->list_strings);
    if (rec->kind == RECORD_GROUPS)
        writer_strn(w, rec->name.s, rec->name.len);
    if (rec->kind != RECORD_PASSWD)
        return;
    writer_strn(w, rec->gecos.s, rec->gecos.len);
    writer_strn(w, rec->home.s, rec->home.len);
    writer_strn(w, rec->shell.s, rec->shell.len);
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
    }
    free(again);
    return 0;
}
