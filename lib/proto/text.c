#include "lib/proto/text.h"

#include <string.h>

#include "lib/proto/proto.h"

size_t
text_next(const char *text, size_t n, uint32_t *c_out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)text;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    uint32_t c;

    *c_out = 0;
    if (len == 0 || len > n)
        return 0;
    c = len == 1 ? s[0] : s[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fU);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *c_out = c;
    return len;
}

bool
text_is_field(const char *s, size_t n)
{
    while (n > 0) {
        uint32_t c;
        size_t len = text_next(s, n, &c);

        if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == ':')
            return false;
        s += len;
        n -= len;
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
