#include "pam_authsod/visible.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/proto/text.h"

static bool
harmless(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    /* line and paragraph separators, and the marks that turn the direction of writing */
    return !(c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
}

static size_t
copy(char *dst, size_t size, const char *src, bool blanks)
{
    size_t left = strlen(src), len = 0;

    while (left > 0) {
        uint32_t c;
        size_t n = text_next(src, left, &c), put;
        bool keep = n > 0 && harmless(c) && (blanks || c != ' ');

        if (n == 0)
            n = 1;
        put = keep ? n : 1;
        if (len + put >= size)
            break;
        if (keep)
            memcpy(dst + len, src, n);
        else
            dst[len] = '?';
        len += put;
        src += n;
        left -= n;
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
