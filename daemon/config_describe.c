#include <inttypes.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/config_keys.h"

#define LINE_MAX_BYTES 100 /* of a list; far below what inih reads */

/* Seconds in their largest unit that leaves no rest: 900 is 15m. */
static void
put_duration(FILE *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds % units[i].seconds == 0 && seconds != 0) {
            (void)fprintf(out, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
            return;
        }
    }
    (void)fputs("0", out);
}

/* Items between blanks, in lines of moderate length. */
static void
put_list(FILE *out, const struct config_value *v)
{
    size_t column = 0;

    for (size_t i = 0; i < v->n; i++) {
        size_t n = strlen(v->list[i]) + 1;

        if (i > 0)
            (void)fputs(column + n > LINE_MAX_BYTES ? "\n " : " ", out);
        column = column + n > LINE_MAX_BYTES ? n : column + n;
        (void)fputs(v->list[i], out);
    }
}

static bool
is_set(const struct config_key *key, const struct config_value *v)
{
    return (key->kind != CONFIG_TEXT || v->text != NULL) && (key->kind != CONFIG_LIST || v->n != 0);
}

static void
put_text_value(FILE *out, const struct config_key *key, const struct config_value *v)
{
    switch (key->kind) {
    case CONFIG_WORD:
        (void)fputs(key->words[v->number], out);
        break;
    case CONFIG_NUMBER:
        (void)fprintf(out, "%" PRId64, v->number);
        break;
    case CONFIG_DURATION:
        put_duration(out, v->number);
        break;
    case CONFIG_TEXT:
        (void)fputs(v->text, out);
        break;
    case CONFIG_LIST:
        put_list(out, v);
        break;
    }
}

static void
describe_text(const struct config *c, FILE *out)
{
    const char *section = "";

    for (int i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        const struct config_value *v = &c->values[i];

        if (strcmp(section, key->section) != 0)
            (void)fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n", key->section);
        section = key->section;
        if (!is_set(key, v)) {
            (void)fprintf(out, "# %s: %s\n", key->name, key->unset);
            continue;
        }
        (void)fprintf(out, "%s = ", key->name);
        put_text_value(out, key, v);
        (void)fputc('\n', out);
    }
}

static void
put_json_string(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20) {
            (void)fprintf(out, "\\u%04x", (unsigned)*text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void
put_json_value(FILE *out, const struct config_key *key, const struct config_value *v)
{
    switch (key->kind) {
    case CONFIG_WORD:
        if (strcmp(key->words[0], "no") == 0)
            (void)fputs(v->number != 0 ? "true" : "false", out);
        else
            put_json_string(out, key->words[v->number]);
        break;
    case CONFIG_NUMBER:
    case CONFIG_DURATION:
        (void)fprintf(out, "%" PRId64, v->number);
        break;
    case CONFIG_TEXT:
        if (v->text == NULL)
            (void)fputs("null", out);
        else
            put_json_string(out, v->text);
        break;
    case CONFIG_LIST:
        (void)fputc('[', out);
        for (size_t i = 0; i < v->n; i++) {
            (void)fputs(i == 0 ? "" : ", ", out);
            put_json_string(out, v->list[i]);
        }
        (void)fputc(']', out);
        break;
    }
}

static void
describe_json(const struct config *c, FILE *out)
{
    const char *section = NULL;

    for (int i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        bool first = section == NULL || strcmp(section, key->section) != 0;

        if (first)
            (void)fprintf(out, "%s  \"%s\": {\n", section == NULL ? "{\n" : "\n  },\n", key->section);
        (void)fprintf(out, "%s    \"%s\": ", first ? "" : ",\n", key->name);
        put_json_value(out, key, &c->values[i]);
        section = key->section;
    }
    (void)fputs("\n  }\n}\n", out);
}

bool
config_describe(const struct config *c, FILE *out, bool json)
{
    if (json)
        describe_json(c, out);
    else
        describe_text(c, out);
    return fflush(out) == 0 && ferror(out) == 0;
}
