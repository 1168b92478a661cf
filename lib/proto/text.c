#include "lib/proto/text.h"

#include <string.h>

#include "lib/base/utf8.h"
#include "lib/base/word.h"
#include "lib/proto/proto.h"

/*
 * True for eight bytes of 0x20 to 0x7e, none of them ':' or `never`: what nearly every name and field is made of.  A
 * sum's highest bit says it of each byte; one that carries is of a byte above 0x7f, for which x itself says no.
 */
static inline bool
is_plain(uint64_t x, char never)
{
    uint64_t high = WORD_EACH(0x80), not_0 = WORD_EACH(0x7f);

    return ((x + WORD_EACH(0x60)) & ((x ^ WORD_EACH(':')) + not_0) & ((x ^ WORD_EACH(never)) + not_0) &
            ~(x + WORD_EACH(1)) & ~x & high) == high;
}

/* True if all is ASCII that a field may have, and no byte is `never`. */
static inline bool
is_plain_text(const char *s, size_t n, char never)
{
    for (; n >= WORD_LEN; n -= WORD_LEN, s += WORD_LEN) {
        if (!is_plain(word_get(s), never))
            return false;
    }
    return is_plain(word_get_part(s, n) | WORD_EACH('x') << (8 * n), never);
}

/* What is_plain_text says nothing of: hardly ever called, and not inline, so that who need not saves no registers. */
static __attribute__((noinline)) bool
is_field_of_utf8(const char *s, size_t n)
{
    const char *end = s + n;
    uint32_t c;

    while (s < end) {
        if (!utf8_get(&s, end, &c) || utf8_is_control(c) || c == ':')
            return false;
    }
    return true;
}

bool
text_is_field(const char *s, size_t n)
{
    return is_plain_text(s, n, ':') || is_field_of_utf8(s, n);
}

typedef uint8_t chunk __attribute__((vector_size(16)));
typedef int8_t signed_chunk __attribute__((vector_size(16)));
typedef chunk chunk_anywhere __attribute__((aligned(1), may_alias));

bool
text_copy(char *to, const char *from, size_t n)
{
    chunk odd = { 0 };
    uint64_t halves[2];
    size_t at = 0;

    if (n < sizeof(chunk)) {
        memcpy(to, from, n);
        return false;
    }
    for (size_t last = n - sizeof(chunk);; at = at + sizeof(chunk) > last ? last : at + sizeof(chunk)) {
        chunk c = *(const volatile chunk_anywhere *)(const void *)(from + at);

        *(chunk_anywhere *)(void *)(to + at) = c;
        /* Neither NUL nor what is_plain has. One more, with a sign, what is above 0x7e is below 0x21, too. */
        odd |= ((chunk)((signed_chunk)(c + 1) < 0x21) & (chunk)(c != 0)) | (chunk)(c == ':');
        if (at == last)
            break;
    }
    memcpy(halves, &odd, sizeof(halves));
    return (halves[0] | halves[1]) == 0;
}

/* True for a name like "0" or "033", which tools take for an id of the system. */
static bool
is_system_number(const char *s, size_t n)
{
    uint32_t number = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(s[i] - '0');
        if (number >= PROTO_ID_MIN)
            return false;
    }
    return true;
}

static bool
is_word(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s, word, n) == 0;
}

/* What may not be a name though each of its bytes may be in one. */
static bool
is_no_name(const char *s, size_t n)
{
    switch (s[0]) {
    case '-':
        return true;
    case '.':
        return is_word(s, n, ".") || is_word(s, n, "..");
    case 'r':
        return is_word(s, n, "root");
    default:
        return is_system_number(s, n);
    }
}

bool
text_is_name(const char *s, size_t n)
{
    if (n == 0 || n > PROTO_NAME_MAX || is_no_name(s, n))
        return false;
    return is_plain_text(s, n, '/') || (memchr(s, '/', n) == NULL && is_field_of_utf8(s, n));
}
