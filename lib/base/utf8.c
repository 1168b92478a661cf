#include "lib/base/utf8.h"

bool
utf8_get(const char **s, const char *end, uint32_t *c_out)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    const uint8_t *p = (const uint8_t *)*s;
    size_t left = (size_t)(end - *s), more;
    uint32_t c;

    *c_out = 0;
    if (left == 0)
        return false;
    if (p[0] < 0x80) {
        more = 0;
        c = p[0];
    } else if (p[0] >= 0xc2 && p[0] < 0xe0) {
        more = 1;
        c = p[0] & 0x1fU;
    } else if (p[0] >= 0xe0 && p[0] < 0xf0) {
        more = 2;
        c = p[0] & 0x0fU;
    } else if (p[0] >= 0xf0 && p[0] < 0xf5) {
        more = 3;
        c = p[0] & 0x07U;
    } else {
        return false;
    }
    if (more >= left)
        return false;
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0U) != 0x80)
            return false;
        c = c << 6 | (p[i] & 0x3fU);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    *s += more + 1;
    *c_out = c;
    return true;
}

size_t
utf8_put(uint32_t c, char bytes[static UTF8_BYTES_MAX])
{
    static const uint8_t mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n - 1; i > 0; i--) {
        bytes[i] = (char)(0x80U | (c & 0x3fU));
        c >>= 6;
    }
    bytes[0] = (char)(mark[n] | c);
    return n;
}

bool
utf8_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool
utf8_is_visible(uint32_t c)
{
    /* Arabic letter mark, marks of direction, separators of lines and paragraphs, embeddings, isolates, byte order mark */
    return !utf8_is_control(c) && c != 0x061c && c != 0x200e && c != 0x200f && (c < 0x2028 || c > 0x202e) &&
           (c < 0x2066 || c > 0x2069) && c != 0xfeff;
}
