#include "lib/ndr/ndr.h"

#include "lib/base/utf8.h"

#define SERIALIZATION_VERSION 1
#define LITTLE_ENDIAN_FORMAT 0x10
#define COMMON_HEADER_BYTES 8

struct reader
ndr_body(struct reader *r)
{
    uint8_t version = reader_u8(r);
    uint8_t format = reader_u8(r);
    uint16_t header = reader_u16(r);
    uint32_t length;

    if (version != SERIALIZATION_VERSION || format != LITTLE_ENDIAN_FORMAT || header != COMMON_HEADER_BYTES)
        reader_fail(r);
    (void)reader_u32(r);
    length = reader_u32(r);
    (void)reader_u32(r);
    return reader_sub(r, length);
}

uint16_t
ndr_u16(struct reader *r)
{
    reader_align(r, 2);
    return reader_u16(r);
}

uint32_t
ndr_u32(struct reader *r)
{
    reader_align(r, 4);
    return reader_u32(r);
}

uint64_t
ndr_hyper(struct reader *r)
{
    reader_align(r, 4);
    return reader_u64(r);
}

bool
ndr_pointer(struct reader *r)
{
    return ndr_u32(r) != 0;
}

struct ndr_string
ndr_string_head(struct reader *r)
{
    struct ndr_string head;

    reader_align(r, 4);
    head.length = ndr_u16(r);
    head.maximum = ndr_u16(r);
    head.present = ndr_pointer(r);
    if (head.length % 2 != 0 || head.length > head.maximum || (head.length > 0 && !head.present))
        reader_fail(r);
    return head;
}

const char *
ndr_string_body(TALLOC_CTX *mem, struct reader *r, const struct ndr_string *head)
{
    uint32_t maximum, offset, actual;
    const uint8_t *p = NULL;
    const char *text = NULL;

    if (head->present) {
        maximum = ndr_u32(r);
        offset = ndr_u32(r);
        actual = ndr_u32(r);
        if (maximum != head->maximum / 2U || offset != 0 || actual != head->length / 2U)
            reader_fail(r);
        p = reader_bytes(r, head->length);
    }
    if (!r->failed)
        text = utf16le_text(mem, p, head->length);
    if (text == NULL)
        reader_fail(r);
    return text;
}

const char *
ndr_text(TALLOC_CTX *mem, struct reader *r)
{
    uint32_t maximum = ndr_u32(r), offset = ndr_u32(r), actual = ndr_u32(r);
    const uint8_t *p = NULL;
    const char *text = NULL;

    if (offset != 0 || actual == 0 || actual > maximum || actual > UINT16_MAX)
        reader_fail(r);
    p = reader_bytes(r, (size_t)actual * 2);
    if (p != NULL && p[actual * 2 - 2] == 0 && p[actual * 2 - 1] == 0)
        text = utf16le_text(mem, p, (size_t)actual * 2 - 2);
    if (text == NULL)
        reader_fail(r);
    return text;
}

uint32_t
ndr_conformance(struct reader *r, uint32_t max, size_t size)
{
    uint32_t n = ndr_u32(r);

    if (n > max || (size > 0 && n > reader_left(r) / size)) {
        reader_fail(r);
        return 0;
    }
    return n;
}

bool
ndr_sid(struct reader *r, struct sid *sid_out)
{
    uint32_t n = ndr_conformance(r, SID_SUBS_MAX, sizeof(uint32_t));

    if (!sid_read(r, sid_out))
        return false;
    if (sid_out->n_subs != n)
        reader_fail(r);
    return !r->failed;
}

/* The next character; 0 for half a surrogate pair. */
static uint32_t
utf16_get(struct reader *r)
{
    uint32_t c = reader_u16(r), low;

    if (c < 0xd800 || c >= 0xe000)
        return c;
    low = reader_u16(r);
    if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
        return 0;
    return 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
}

const char *
utf16le_text(TALLOC_CTX *mem, const uint8_t *p, size_t n)
{
    struct reader r = reader_init(p, n);
    char *text;
    size_t len = 0;

    if (n % 2 != 0 || n / 2 > (SIZE_MAX - UTF8_BYTES_MAX) / 3 || (p == NULL && n > 0))
        return NULL;
    /* A unit becomes three bytes at most, a pair of them four. */
    text = talloc_size(mem, n / 2 * 3 + UTF8_BYTES_MAX);
    if (text == NULL)
        return NULL;
    while (reader_left(&r) > 0) {
        uint32_t c = utf16_get(&r);

        if (c == 0) {
            talloc_free(text);
            return NULL;
        }
        len += utf8_put(c, text + len);
    }
    text[len] = '\0';
    return text;
}
