/* LDAP filters (RFC 4515): the one place where values get into one. */
#include "lib/directory/ldap.h"

#include <stdarg.h>
#include <string.h>

/* Appends n bytes, each of them escaped that is not plain. NULL (and filter freed) if out of memory. */
static char *
append_value(char *filter, const uint8_t *value, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    char *text = talloc_size(filter, 3 * n + 1), *longer, *end = text;

    if (text == NULL) {
        talloc_free(filter);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (value[i] > 0x20 && value[i] < 0x7f && strchr("*()\\", value[i]) == NULL) {
            *end++ = (char)value[i];
        } else {
            *end++ = '\\';
            *end++ = hex[value[i] >> 4];
            *end++ = hex[value[i] & 15];
        }
    }
    longer = talloc_strndup_append_buffer(filter, text, (size_t)(end - text));
    if (longer == NULL)
        talloc_free(filter);
    else
        talloc_free(text);
    return longer;
}

static char *
append_literal(char *filter, const char *text, size_t n)
{
    char *longer = talloc_strndup_append_buffer(filter, text, n);

    if (longer == NULL)
        talloc_free(filter);
    return longer;
}

char *
directory_filter(TALLOC_CTX *mem, const char *fmt, ...)
{
    char *filter = talloc_strdup(mem, "");
    va_list args;

    va_start(args, fmt);
    while (filter != NULL && fmt[0] != '\0') {
        size_t n = strcspn(fmt, "%");

        filter = append_literal(filter, fmt, n);
        fmt += n;
        if (filter == NULL || fmt[0] == '\0')
            break;
        if (fmt[1] == 's') {
            const char *s = va_arg(args, const char *);

            filter = append_value(filter, (const uint8_t *)s, strlen(s));
        } else if (fmt[1] == 'b') {
            const uint8_t *p = va_arg(args, const uint8_t *);
            size_t len = va_arg(args, size_t);

            filter = append_value(filter, p, len);
        } else {
            TALLOC_FREE(filter); /* no such conversion: a mistake of the caller's */
            break;
        }
        fmt += 2;
    }
    va_end(args);
    return filter;
}
