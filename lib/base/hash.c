/* SipHash-1-3, after "SipHash: a fast short-input PRF" (Aumasson, Bernstein 2012), section 2. */
#include "lib/base/hash.h"

#include "lib/base/word.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline struct state
sip_round(struct state s)
{
    s.v0 += s.v1;
    s.v2 += s.v3;
    s.v1 = rotate(s.v1, 13) ^ s.v0;
    s.v3 = rotate(s.v3, 16) ^ s.v2;
    s.v0 = rotate(s.v0, 32);
    s.v2 += s.v1;
    s.v0 += s.v3;
    s.v1 = rotate(s.v1, 17) ^ s.v2;
    s.v3 = rotate(s.v3, 21) ^ s.v0;
    s.v2 = rotate(s.v2, 32);
    return s;
}

static inline struct state
take(struct state s, uint64_t m)
{
    s.v3 ^= m;
    s = sip_round(s);
    s.v0 ^= m;
    return s;
}

uint64_t
hash_keyed(const uint8_t key[static HASH_KEY_LEN], const void *data, size_t n)
{
    uint64_t k0 = word_get(key), k1 = word_get(key + 8);
    struct state s = { k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
                       k1 ^ 0x7465646279746573U };
    const uint8_t *p = data;
    size_t left = n;

    for (; left >= WORD_LEN; left -= WORD_LEN, p += WORD_LEN)
        s = take(s, word_get(p));
    s = take(s, word_get_part(p, left) | (uint64_t)n << 56);
    s.v2 ^= 0xff;
    s = sip_round(sip_round(sip_round(s)));
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
