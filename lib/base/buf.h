/*
 * Bounded reader and writer: the only code of the project that touches
 * offsets into bytes from outside.
 *
 * Both keep a sticky error: after the first step past the end every call is a
 * no-op that yields zero, and one test at the end (reader_done, writer_ok)
 * tells whether any step failed.  No allocation, no locking, libc only, so
 * that the PAM and NSS modules can use them in other people's processes.
 *
 * Integers are little-endian (local protocol, NDR, DNS has its own _be form).
 *
 * What a lookup in the identity map is made of is inline: there a call each
 * would be a third of all it costs.
 */
#ifndef AUTHSOD_BASE_BUF_H
#define AUTHSOD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *data;  /* alias; the caller keeps the bytes alive */
    size_t len;           /* bytes in data */
    size_t pos;           /* next byte; never past len */
    bool failed;          /* sticky */
};

static inline struct reader
reader_init(const void *data, size_t len)
{
    struct reader r = { .data = data, .len = data == NULL ? 0 : len };

    return r;
}

/* Marks r failed: for a value that the caller finds impossible. */
static inline void
reader_fail(struct reader *r)
{
    r->failed = true;
}

static inline size_t
reader_left(const struct reader *r)
{
    return r->failed ? 0 : r->len - r->pos;
}

/* True if nothing failed and nothing is left: how every parse ends. */
static inline bool
reader_done(const struct reader *r)
{
    return !r->failed && r->pos == r->len;
}

/* The next n bytes as an alias into the input; NULL (and failed) if fewer are left. */
static inline const uint8_t *
reader_bytes(struct reader *r, size_t n)
{
    const uint8_t *p;

    if (r->failed || n > r->len - r->pos) {
        r->failed = true;
        return NULL;
    }
    if (n == 0)
        return r->data == NULL ? (const uint8_t *)"" : r->data + r->pos;
    p = r->data + r->pos;
    r->pos += n;
    return p;
}

static inline uint8_t
reader_u8(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 1);

    return p == NULL ? 0 : p[0];
}

static inline uint32_t
reader_u32(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 4);

    if (p == NULL)
        return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint16_t reader_u16(struct reader *r);
uint64_t reader_u64(struct reader *r);
uint16_t reader_u16_be(struct reader *r);
uint32_t reader_u32_be(struct reader *r);

/* Moves to the next multiple of n (1, 2, 4 or 8) from the start of the input. */
void reader_align(struct reader *r, size_t n);

/* A reader over the next n bytes, which r steps over; a failed one if fewer are left. */
struct reader reader_sub(struct reader *r, size_t n);

/* A reader over [off, off + n) of the whole input of r, whose own position stays. Fails both if out of range. */
struct reader reader_at(struct reader *r, size_t off, size_t n);

/*
 * A counted string of the local protocol: u32 length, then that many bytes.
 * Gives an alias that is NOT terminated; NULL (and failed) when it is longer
 * than max or than what is left, or holds a NUL.  An empty string gives a
 * non-NULL pointer and *len_out 0.
 */
const char *reader_str(struct reader *r, size_t max, size_t *len_out);

/* reader_str copied into buf (size bytes) with its NUL; fails if it does not fit. */
bool reader_str_copy(struct reader *r, char *buf, size_t size);

struct writer {
    uint8_t *data;   /* alias; the caller's memory */
    size_t size;     /* its size */
    size_t len;      /* written so far */
    bool failed;     /* sticky */
};

struct writer writer_init(void *data, size_t size);

void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_bytes(struct writer *w, const void *p, size_t n);

/* u32 length and the bytes; the counterpart of reader_str. */
void writer_str(struct writer *w, const char *s);
void writer_strn(struct writer *w, const char *s, size_t n);

/* Sets the u32 at offset off, which has been written before. */
void writer_patch_u32(struct writer *w, size_t off, uint32_t v);

bool writer_ok(const struct writer *w);

#endif
