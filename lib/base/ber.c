#include "lib/base/ber.h"

#include <string.h>

#define LENGTH_OF_FOUR 0x84

size_t
ber_begin(struct writer *w, uint8_t tag)
{
    writer_u8(w, tag);
    writer_u8(w, LENGTH_OF_FOUR);
    writer_u32(w, 0);
    return w->len;
}

void
ber_end(struct writer *w, size_t begun)
{
    uint32_t n = (uint32_t)(w->len - begun);

    if (w->failed)
        return;
    /* The writer is little-endian, BER is not. */
    writer_patch_u32(w, begun - 4, n << 24 | (n & 0xff00) << 8 | (n >> 8 & 0xff00) | n >> 24);
}

void
ber_put_bytes(struct writer *w, uint8_t tag, const void *p, size_t n)
{
    size_t begun = ber_begin(w, tag);

    writer_bytes(w, p, n);
    ber_end(w, begun);
}

void
ber_put_text(struct writer *w, uint8_t tag, const char *s)
{
    ber_put_bytes(w, tag, s, strlen(s));
}

void
ber_put_uint(struct writer *w, uint8_t tag, uint32_t v)
{
    uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
    size_t skip = 0;

    /* A leading zero stays where the next byte would make the number negative. */
    while (skip < 3 && bytes[skip] == 0 && bytes[skip + 1] < 0x80)
        skip++;
    ber_put_bytes(w, tag, bytes + skip, sizeof(bytes) - skip);
}

bool
ber_next_is(const struct reader *r, uint8_t tag)
{
    struct reader peek = *r;

    return reader_left(&peek) > 0 && reader_u8(&peek) == tag;
}

static size_t
read_length(struct reader *r)
{
    uint8_t first = reader_u8(r);
    size_t n = 0;

    if (first < 0x80)
        return first;
    if (first == 0x80 || first > LENGTH_OF_FOUR) {
        reader_fail(r);
        return 0;
    }
    for (int i = first & 0x7f; i > 0; i--)
        n = n << 8 | reader_u8(r);
    return n;
}

struct reader
ber_enter(struct reader *r, uint8_t tag)
{
    size_t n;

    if (reader_u8(r) != tag)
        reader_fail(r);
    n = read_length(r);
    return reader_sub(r, n);
}

uint32_t
ber_uint(struct reader *r, uint8_t tag)
{
    struct reader content = ber_enter(r, tag);
    size_t n = reader_left(&content);
    uint32_t v = 0;

    if (n == 0 || n > 4)
        reader_fail(r);
    while (reader_left(&content) > 0)
        v = v << 8 | reader_u8(&content);
    if (n > 0 && n <= 4 && (v >> (8 * n - 1) & 1) != 0)
        reader_fail(r);
    return r->failed ? 0 : v;
}
