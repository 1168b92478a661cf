#include "lib/base/visible.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/utf8.h"

size_t
visible_next(const char *text, const char *end, bool *visible_out)
{
    const char *at = text;
    uint32_t c;

    if (!utf8_get(&at, end, &c)) {
        *visible_out = false;
        return 1;
    }
    *visible_out = utf8_is_visible(c);
    return (size_t)(at - text);
}

static size_t
copy(char *dst, size_t size, const char *src, bool blanks)
{
    const char *end = src + strlen(src);
    size_t len = 0;

    while (src < end) {
        bool keep;
        size_t n = visible_next(src, end, &keep), put;

        keep = keep && (blanks || *src != ' ');
        put = keep ? n : 1;
        if (len + put >= size)
            break;
        if (keep)
            memcpy(dst + len, src, n);
        else
            dst[len] = '?';
        len += put;
        src += n;
    }
    dst[len] = '\0';
    return len;
}

size_t
visible_text(char *dst, size_t size, const char *src)
{
    return copy(dst, size, src, true);
}

size_t
visible_word(char *dst, size_t size, const char *src)
{
    return copy(dst, size, src, false);
}
