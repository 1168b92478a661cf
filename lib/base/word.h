/* Bytes as words of eight: what looks at short texts eight bytes at once, each text in a few instructions. */
#ifndef AUTHSOD_BASE_WORD_H
#define AUTHSOD_BASE_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_LEN 8U
#define WORD_EACH(byte) (0x0101010101010101U * (uint64_t)(byte)) /* the byte, eight times */

/* Eight bytes, little-endian. */
static inline uint64_t
word_get(const void *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static inline void
word_put(void *p, uint64_t x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    memcpy(p, &x, sizeof(x));
}

/* The n bytes at p, below eight, and NULs behind them. Some are looked at twice: that is one way for any n. */
static inline uint64_t
word_get_part(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint32_t first, last;

    if (n < 4)
        return n == 0 ? 0 : b[0] | (uint64_t)b[n / 2] << (8 * (n / 2)) | (uint64_t)b[n - 1] << (8 * (n - 1));
    memcpy(&first, b, sizeof(first));
    memcpy(&last, b + n - 4, sizeof(last));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    first = __builtin_bswap32(first);
    last = __builtin_bswap32(last);
#endif
    return first | (uint64_t)last << (8 * (n - 4));
}

/* True if n bytes are the same. */
static inline bool
word_equal(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= WORD_LEN; n -= WORD_LEN, x += WORD_LEN, y += WORD_LEN) {
        if (word_get(x) != word_get(y))
            return false;
    }
    return word_get_part(x, n) == word_get_part(y, n);
}

#endif
