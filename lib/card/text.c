#include "lib/card/text.h"

#include <string.h>

#include "lib/base/visible.h"

const char *
card_text(TALLOC_CTX *mem, const void *p, size_t n)
{
    char raw[CARD_FIELD_MAX + 1] = "", text[CARD_FIELD_MAX + 1];

    if (n <= CARD_FIELD_MAX && p != NULL)
        memcpy(raw, p, n);
    n = strlen(raw);
    while (n > 0 && raw[n - 1] == ' ')
        raw[--n] = '\0';
    (void)visible_text(text, sizeof(text), raw);
    return talloc_strdup(mem, text);
}
