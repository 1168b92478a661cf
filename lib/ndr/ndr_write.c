#include "lib/ndr/ndr_write.h"

#include <string.h>

#include "lib/base/utf8.h"

#define REFERENT_BASE 0x00020000U /* so that no referent is 0 */

void
ndr_put_align(struct writer *w, size_t n)
{
    while (!w->failed && w->len % n != 0)
        writer_u8(w, 0);
}

void
ndr_put_u16(struct writer *w, uint16_t v)
{
    ndr_put_align(w, 2);
    writer_u16(w, v);
}

void
ndr_put_u32(struct writer *w, uint32_t v)
{
    ndr_put_align(w, 4);
    writer_u32(w, v);
}

void
ndr_put_pointer(struct writer *w, bool present)
{
    ndr_put_align(w, 4);
    /* Its own place is a number that no other pointer of the stub has. */
    writer_u32(w, present ? REFERENT_BASE + (uint32_t)w->len : 0);
}

/* Units of UTF-16 that the text takes; fails w if it is not UTF-8. */
static uint32_t
utf16_units(struct writer *w, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c, n = 0;

    while (text < end) {
        if (!utf8_get(&text, end, &c)) {
            w->failed = true;
            return 0;
        }
        n += c >= 0x10000 ? 2 : 1;
    }
    return n;
}

void
utf16le_put(struct writer *w, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c;

    while (text < end && !w->failed) {
        if (!utf8_get(&text, end, &c)) {
            w->failed = true;
        } else if (c >= 0x10000) {
            writer_u16(w, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
            writer_u16(w, (uint16_t)(0xdc00 + (c & 0x3ff)));
        } else {
            writer_u16(w, (uint16_t)c);
        }
    }
}

/* A conformant varying array's counts. */
static void
put_counts(struct writer *w, uint32_t n)
{
    ndr_put_u32(w, n);
    writer_u32(w, 0);
    writer_u32(w, n);
}

void
ndr_put_text(struct writer *w, const char *text)
{
    put_counts(w, utf16_units(w, text) + 1);
    utf16le_put(w, text);
    writer_u16(w, 0);
}

void
ndr_put_unique_text(struct writer *w, const char *text)
{
    ndr_put_pointer(w, text != NULL);
    if (text != NULL)
        ndr_put_text(w, text);
}

void
ndr_put_string_head(struct writer *w, const char *text)
{
    uint32_t n = utf16_units(w, text) * 2;

    if (n > UINT16_MAX)
        w->failed = true;
    ndr_put_align(w, 4);
    writer_u16(w, (uint16_t)n);
    writer_u16(w, (uint16_t)n);
    ndr_put_pointer(w, true);
}

void
ndr_put_string_body(struct writer *w, const char *text)
{
    put_counts(w, utf16_units(w, text));
    utf16le_put(w, text);
}

void
ndr_put_sid(struct writer *w, const struct sid *sid)
{
    ndr_put_u32(w, sid->n_subs);
    sid_write(w, sid);
}
