#include "lib/rpc/nt_hash.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"
#include "lib/ndr/ndr_write.h"

#define BLOCK_BYTES 64
#define LENGTH_BYTES 8

static uint32_t
rotate(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static uint32_t
choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (~x & z);
}

static uint32_t
majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (x & z) | (y & z);
}

static uint32_t
parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* RFC 1320, 3.4: a round's function, its constant, the order of the words and the rotations. */
static const struct {
    uint32_t (*mix)(uint32_t x, uint32_t y, uint32_t z);
    uint32_t add;
    uint8_t word[16];
    uint8_t rotation[4];
} rounds[3] = {
    { choose, 0, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 3, 7, 11, 19 } },
    { majority, 0x5a827999, { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 }, { 3, 5, 9, 13 } },
    { parity, 0x6ed9eba1, { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 }, { 3, 9, 11, 15 } },
};

static void
add_block(uint32_t state[static 4], const uint8_t *block)
{
    struct reader r = reader_init(block, BLOCK_BYTES);
    uint32_t x[16], s[4];

    for (size_t i = 0; i < 16; i++)
        x[i] = reader_u32(&r);
    memcpy(s, state, sizeof(s));
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 16; i++) {
            uint32_t v = s[0] + rounds[round].mix(s[1], s[2], s[3]) + x[rounds[round].word[i]] + rounds[round].add;

            s[0] = s[3];
            s[3] = s[2];
            s[2] = s[1];
            s[1] = rotate(v, rounds[round].rotation[i % 4]);
        }
    }
    for (size_t i = 0; i < 4; i++)
        state[i] += s[i];
    secret_erase(x, sizeof(x));
    secret_erase(s, sizeof(s));
}

void
md4(const uint8_t *p, size_t n, uint8_t digest[static NT_HASH_BYTES])
{
    uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    uint8_t last[2 * BLOCK_BYTES] = { 0 };
    size_t whole = n / BLOCK_BYTES * BLOCK_BYTES, left = n - whole;
    size_t last_len = left + 1 + LENGTH_BYTES > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
    struct writer w;

    for (size_t i = 0; i < whole; i += BLOCK_BYTES)
        add_block(state, p + i);
    if (left > 0)
        memcpy(last, p + whole, left);
    last[left] = 0x80;
    w = writer_init(last + last_len - LENGTH_BYTES, LENGTH_BYTES);
    writer_u64(&w, (uint64_t)n * 8);
    for (size_t i = 0; i < last_len; i += BLOCK_BYTES)
        add_block(state, last + i);
    w = writer_init(digest, NT_HASH_BYTES);
    for (size_t i = 0; i < 4; i++)
        writer_u32(&w, state[i]);
    secret_erase(last, sizeof(last));
    secret_erase(state, sizeof(state));
}

bool
nt_hash(const char *password, uint8_t hash[static NT_HASH_BYTES])
{
    uint8_t text[2 * NT_HASH_PASSWORD_MAX];
    struct writer w = writer_init(text, sizeof(text));

    memset(hash, 0, NT_HASH_BYTES);
    utf16le_put(&w, password);
    if (writer_ok(&w))
        md4(text, w.len, hash);
    secret_erase(text, sizeof(text));
    return writer_ok(&w);
}
