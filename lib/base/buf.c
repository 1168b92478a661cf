#include "lib/base/buf.h"

#include <string.h>

uint16_t
reader_u16(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 2);

    return p == NULL ? 0 : (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

uint64_t
reader_u64(struct reader *r)
{
    uint64_t low = reader_u32(r);
    uint64_t high = reader_u32(r);

    return r->failed ? 0 : low | high << 32;
}

uint16_t
reader_u16_be(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 2);

    return p == NULL ? 0 : (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

uint32_t
reader_u32_be(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 4);

    if (p == NULL)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

void
reader_align(struct reader *r, size_t n)
{
    (void)reader_bytes(r, (n - r->pos % n) % n);
}

struct reader
reader_sub(struct reader *r, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);
    struct reader sub = reader_init(p, n);

    sub.failed = r->failed;
    return sub;
}

struct reader
reader_at(struct reader *r, size_t off, size_t n)
{
    struct reader sub = { .failed = true };

    if (r->failed || off > r->len || n > r->len - off) {
        r->failed = true;
        return sub;
    }
    return reader_init(r->data + off, n);
}

const char *
reader_str(struct reader *r, size_t max, size_t *len_out)
{
    uint32_t n = reader_u32(r);
    const uint8_t *p;

    *len_out = 0;
    if (n > max)
        r->failed = true;
    p = reader_bytes(r, n);
    if (p != NULL && n > 0 && memchr(p, '\0', n) != NULL) {
        r->failed = true;
        p = NULL;
    }
    if (p != NULL)
        *len_out = n;
    return (const char *)p;
}

bool
reader_str_copy(struct reader *r, char *buf, size_t size)
{
    size_t n;
    const char *s;

    buf[0] = '\0';
    s = reader_str(r, size - 1, &n);
    if (s == NULL)
        return false;
    memcpy(buf, s, n);
    buf[n] = '\0';
    return true;
}

struct writer
writer_init(void *data, size_t size)
{
    struct writer w = { .data = data, .size = size };

    return w;
}

void
writer_bytes(struct writer *w, const void *p, size_t n)
{
    if (w->failed || n > w->size - w->len) {
        w->failed = true;
        return;
    }
    if (n > 0)
        memcpy(w->data + w->len, p, n);
    w->len += n;
}

void
writer_u8(struct writer *w, uint8_t v)
{
    writer_bytes(w, &v, 1);
}

void
writer_u16(struct writer *w, uint16_t v)
{
    uint8_t b[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

    writer_bytes(w, b, sizeof(b));
}

void
writer_u32(struct writer *w, uint32_t v)
{
    uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    writer_bytes(w, b, sizeof(b));
}

void
writer_u64(struct writer *w, uint64_t v)
{
    writer_u32(w, (uint32_t)v);
    writer_u32(w, (uint32_t)(v >> 32));
}

void
writer_strn(struct writer *w, const char *s, size_t n)
{
    if (n > UINT32_MAX) {
        w->failed = true;
        return;
    }
    writer_u32(w, (uint32_t)n);
    writer_bytes(w, s, n);
}

void
writer_str(struct writer *w, const char *s)
{
    writer_strn(w, s, strlen(s));
}

void
writer_patch_u32(struct writer *w, size_t off, uint32_t v)
{
    struct writer at = *w;

    if (w->failed || off > w->len || w->len - off < 4) {
        w->failed = true;
        return;
    }
    at.len = off;
    writer_u32(&at, v);
}

bool
writer_ok(const struct writer *w)
{
    return !w->failed;
}
