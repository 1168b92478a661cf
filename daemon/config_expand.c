#include <inttypes.h>
#include <string.h>

#include "daemon/config.h"
#include "lib/base/utf8.h"

/* The value of one placeholder; NULL for a letter that is none. number: room for %U. */
static const char *
value_of(char letter, const struct config_names *v, char number[static 16])
{
    switch (letter) {
    case 'u':
        return v->user;
    case 'd':
        return v->domain;
    case 'n':
        return v->netbios;
    case 'f':
        return v->full_name;
    case 'U':
        (void)snprintf(number, 16, "%" PRIu32, v->uid);
        return number;
    case '%':
        return "%";
    default:
        return NULL;
    }
}

/* True if value may be (a part of) a component of a path. */
static bool
component_ok(const char *value)
{
    return value[0] != '\0' && strchr(value, '/') == NULL && strcmp(value, ".") != 0 && strcmp(value, "..") != 0;
}

/* Puts the values into templ; NULL and a reason where it is malformed or a value does not suit a path. */
static char *
expand(TALLOC_CTX *mem, const char *templ, const struct config_names *v, bool path, const char **why_out)
{
    char *text = talloc_strdup(mem, ""), number[16];

    *why_out = "does not fit into memory";
    while (text != NULL && *templ != '\0') {
        size_t n = strcspn(templ, "%");
        const char *value;

        text = talloc_strndup_append_buffer(text, templ, n);
        templ += n;
        if (*templ == '\0' || text == NULL)
            break;
        value = value_of(templ[1], v, number);
        if (value == NULL || (path && !component_ok(value))) {
            *why_out = value == NULL ? "must hold no `%` but those of %u, %d, %n, %f, %U and %%"
                                     : "must be made of values that are there and hold no `/`";
            talloc_free(text);
            return NULL;
        }
        text = talloc_strdup_append_buffer(text, value);
        templ += 2;
    }
    return text;
}

/*
 * Past the character at p if it may stand in a field of passwd(5); NULL for a
 * control character, ':' and what is not UTF-8.
 */
static const char *
field_character(const char *p, const char *end)
{
    uint32_t c;

    if (!utf8_get(&p, end, &c) || utf8_is_control(c) || c == ':')
        return NULL;
    return p;
}

/* Why text is no path of a home directory, or NULL. */
static const char *
path_fault(const char *text)
{
    const char *end = text + strlen(text);

    if (text[0] != '/')
        return "must be an absolute path";
    if (end - text > CONFIG_HOME_MAX)
        return "must be a shorter path";
    for (const char *p = text; p < end;) {
        p = field_character(p, end);
        if (p == NULL)
            return "must be a path of UTF-8 without `:` and control characters";
    }
    for (const char *p = text; *p == '/';) {
        size_t n = strcspn(p + 1, "/");

        if (n == 0 || (n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
            return "must be a path without empty parts, `.` and `..`";
        p += n + 1;
    }
    return NULL;
}

char *
config_expand_home(TALLOC_CTX *mem, const char *templ, const struct config_names *v, const char **why_out)
{
    char *text = expand(mem, templ, v, true, why_out);

    if (text == NULL)
        return NULL;
    *why_out = path_fault(text);
    if (*why_out != NULL) {
        talloc_free(text);
        return NULL;
    }
    return text;
}

/* Shortens text to at most max bytes, between two characters of UTF-8. */
static void
cut(char *text, size_t max)
{
    size_t n = strlen(text);

    if (n <= max)
        return;
    for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
        ;
    text[n] = '\0';
}

char *
config_expand_gecos(TALLOC_CTX *mem, const char *templ, const struct config_names *v)
{
    const char *why;
    char *text = expand(mem, templ, v, false, &why), *end;

    if (text == NULL)
        return NULL;
    end = text + strlen(text);
    for (char *p = text; p < end;) {
        const char *next = field_character(p, end);

        if (next == NULL)
            *p++ = ' '; /* and what follows of its bytes one by one */
        else
            p += next - p;
    }
    cut(text, CONFIG_GECOS_MAX);
    return text;
}
