#include "lib/proto/text.h"

#include <string.h>

#include "lib/base/utf8.h"
#include "lib/proto/proto.h"

#define EACH(byte) (0x0101010101010101U * (byte))

/* A bit in each byte that is 0; perhaps in those above it, too. */
static uint64_t
zeros(uint64_t x)
{
    return (x - EACH(1U)) & ~x & EACH(0x80U);
}

/* True for eight bytes of 0x20 to 0x7e, none of them ':': what nearly every name and field is made of. */
static bool
is_plain(uint64_t x)
{
    return (((x - EACH(0x20U)) | x | zeros(x ^ EACH(0x7fU)) | zeros(x ^ EACH((uint64_t)':'))) & EACH(0x80U)) == 0;
}

/* The at most eight bytes, and letters after them. */
static uint64_t
last_bytes(const char *s, size_t n)
{
    uint64_t x = EACH((uint64_t)'x');

    memcpy(&x, s, n);
    return x;
}

/* True if all is ASCII that a field may have. */
static bool
is_plain_text(const char *s, size_t n)
{
    uint64_t eight;

    for (; n > 8; n -= 8, s += 8) {
        memcpy(&eight, s, sizeof(eight));
        if (!is_plain(eight))
            return false;
    }
    return is_plain(last_bytes(s, n));
}

bool
text_is_field(const char *s, size_t n)
{
    const char *end = s + n;
    uint32_t c;

    if (is_plain_text(s, n))
        return true;
    while (s < end) {
        if (!utf8_get(&s, end, &c) || utf8_is_control(c) || c == ':')
            return false;
    }
    return true;
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

bool
text_is_name(const char *s, size_t n)
{
    if (n == 0 || n > PROTO_NAME_MAX || s[0] == '-')
        return false;
    if (is_word(s, n, ".") || is_word(s, n, "..") || is_word(s, n, "root") || is_system_number(s, n))
        return false;
    return memchr(s, '/', n) == NULL && text_is_field(s, n);
}
