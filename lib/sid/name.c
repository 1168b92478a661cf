#include "lib/sid/name.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/sid/lower.h"

/* A name that is a number below this could be taken for a system id (chown(1) and others try the name first). */
#define NUMBER_MIN 1000

/* Lower case of n bytes; gives its length, or -1. */
static ptrdiff_t
fold_into(const char *s, size_t n, char *buf, size_t size)
{
    const char *end = s + n;
    size_t len = 0;

    while (s < end) {
        char bytes[UTF8_BYTES_MAX];
        uint32_t c;
        size_t more;

        if (!utf8_get(&s, end, &c))
            return -1;
        more = utf8_put(unicode_lower(c), bytes);
        if (more >= size - len)
            return -1;
        memcpy(buf + len, bytes, more);
        len += more;
    }
    return (ptrdiff_t)len;
}

static bool
fold(const char *s, size_t n, char *buf, size_t size)
{
    ptrdiff_t len;

    if (size == 0)
        return false;
    len = fold_into(s, n, buf, size);
    buf[len < 0 ? 0 : len] = '\0';
    return len >= 0;
}

bool
name_fold(const char *s, char *buf, size_t size)
{
    return fold(s, strlen(s), buf, size);
}

static bool
has_only_name_characters(const char *s, size_t n)
{
    const char *end = s + n;
    uint32_t c;

    while (s < end) {
        if (!utf8_get(&s, end, &c) || !utf8_is_visible(c) || c == ':' || c == '/')
            return false;
    }
    return true;
}

/* One side of a '\' or '@', or a short name: not empty, no blank at its ends, no folder, no option. */
static bool
is_part(const char *s)
{
    size_t n = strlen(s);

    if (n == 0 || s[0] == ' ' || s[n - 1] == ' ' || s[0] == '-' || s[0] == '+')
        return false;
    return strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static bool
is_small_number(const char *s)
{
    uint32_t value = 0;

    for (; *s >= '0' && *s <= '9'; s++)
        value = value < NUMBER_MIN ? value * 10 + (uint32_t)(*s - '0') : value;
    return *s == '\0' && value < NUMBER_MIN;
}

/* Splits whole at its only separator. */
static bool
split(struct name *name)
{
    char *mark = strpbrk(name->whole, "\\@");
    size_t before;

    if (mark == NULL) {
        name->form = NAME_SHORT;
        strcpy(name->local, name->whole);
        return true;
    }
    if (strpbrk(mark + 1, "\\@") != NULL)
        return false;
    before = (size_t)(mark - name->whole);
    if (*mark == '@') {
        name->form = NAME_UPN;
        memcpy(name->local, name->whole, before);
        strcpy(name->domain, mark + 1);
    } else {
        name->form = NAME_NETBIOS;
        memcpy(name->domain, name->whole, before);
        strcpy(name->local, mark + 1);
    }
    return is_part(name->domain);
}

bool
name_parse(const char *s, size_t n, struct name *name_out)
{
    struct name name = { 0 };

    memset(name_out, 0, sizeof(*name_out));
    if (s == NULL || n == 0 || n > NAME_MAX_BYTES || !has_only_name_characters(s, n))
        return false;
    if (!fold(s, n, name.whole, sizeof(name.whole)) || !split(&name) || !is_part(name.local))
        return false;
    if (name.form == NAME_SHORT && is_small_number(name.local))
        return false;
    *name_out = name;
    return true;
}

bool
name_is_safe(const char *s)
{
    struct name name;

    return name_parse(s, strlen(s), &name);
}
