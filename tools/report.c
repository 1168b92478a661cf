#include "tools/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/visible.h"
#include "tools/text.h"

#define LINE_SIZE 2048

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG, KIND_CHECK };

struct item {
    struct item *next;
    enum kind kind;
    bool flag; /* of a check: it is good */
    int64_t number;
    const char *key; /* of a check: its name */
    const char *text;
};

struct report {
    enum ctl_command command;
    bool json;
    bool bad_check;
    FILE *steps;
    struct item *first, **end;
    enum ctl_error error;
    char message[LINE_SIZE];
};

struct report *
report_new(TALLOC_CTX *mem, enum ctl_command command, bool json)
{
    struct report *r = talloc_zero(mem, struct report);

    if (r == NULL)
        return NULL;
    r->command = command;
    r->json = json;
    r->steps = json ? stderr : stdout;
    r->end = &r->first;
    return r;
}

static void vsay(char line[static LINE_SIZE], const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
vsay(char line[static LINE_SIZE], const char *fmt, va_list ap)
{
    char raw[LINE_SIZE];

    (void)vsnprintf(raw, sizeof(raw), fmt, ap);
    (void)visible_text(line, LINE_SIZE, raw);
}

void
report_step(struct report *r, const char *fmt, ...)
{
    char line[LINE_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsay(line, fmt, ap);
    va_end(ap);
    (void)fprintf(r->steps, "%s\n", line);
    (void)fflush(r->steps);
}

void
report_warning(struct report *r, const char *fmt, ...)
{
    char line[LINE_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsay(line, fmt, ap);
    va_end(ap);
    (void)fflush(r->steps);
    (void)fprintf(stderr, _("Warning: %s\n"), line);
}

static struct item *
add(struct report *r, enum kind kind, const char *key, const char *text)
{
    struct item *item = talloc_zero(r, struct item);
    char line[LINE_SIZE] = "";

    if (item == NULL)
        return NULL;
    if (text != NULL)
        (void)visible_text(line, sizeof(line), text);
    item->kind = kind;
    item->key = talloc_strdup(item, key);
    item->text = talloc_strdup(item, line);
    if (item->key == NULL || item->text == NULL) {
        talloc_free(item);
        return NULL;
    }
    *r->end = item;
    r->end = &item->next;
    return item;
}

static void
show(struct report *r, const char *label, const char *text)
{
    if (label != NULL && !r->json)
        (void)printf("%s: %s\n", label, text);
}

void
report_fact(struct report *r, const char *key, const char *label, const char *value)
{
    struct item *item = add(r, KIND_TEXT, key, value);

    if (item != NULL)
        show(r, label, item->text);
}

void
report_number(struct report *r, const char *key, const char *label, int64_t value)
{
    struct item *item = add(r, KIND_NUMBER, key, NULL);
    char digits[32];

    (void)snprintf(digits, sizeof(digits), "%" PRId64, value);
    if (item != NULL)
        item->number = value;
    show(r, label, digits);
}

void
report_flag(struct report *r, const char *key, const char *label, bool value)
{
    struct item *item = add(r, KIND_FLAG, key, NULL);

    if (item != NULL)
        item->flag = value;
    show(r, label, value ? _("yes") : _("no"));
}

void
report_check(struct report *r, const char *name, bool good, const char *text)
{
    struct item *item = add(r, KIND_CHECK, name, text);

    r->bad_check = r->bad_check || !good;
    if (item == NULL)
        return;
    item->flag = good;
    if (r->json)
        return;
    (void)printf("%s: %s%s%s\n", item->key, good ? _("ok") : _("FAILED"), item->text[0] == '\0' ? "" : ", ",
                 item->text);
    (void)fflush(stdout);
}

bool
report_has_bad_check(const struct report *r)
{
    return r->bad_check;
}

void
report_fail(struct report *r, enum ctl_error error, const char *fmt, ...)
{
    va_list ap;

    if (r->error != CTL_OK)
        return;
    r->error = error;
    va_start(ap, fmt);
    vsay(r->message, fmt, ap);
    va_end(ap);
}

bool
report_failed(const struct report *r)
{
    return r->error != CTL_OK;
}

static const char *
error_word(enum ctl_error error)
{
    switch (error) {
#define X(name, number, word)                                                                                          \
    case CTL_##name:                                                                                                   \
        return word;
        CTL_ERRORS(X)
#undef X
    default:
        return "internal";
    }
}

/* Text that visible_text has gone over: no control characters are left. */
static void
put_string(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            (void)putchar('\\');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void
put_value(const struct item *item)
{
    if (item->kind == KIND_NUMBER)
        (void)printf("%" PRId64, item->number);
    else if (item->kind == KIND_FLAG)
        (void)fputs(item->flag ? "true" : "false", stdout);
    else
        put_string(item->text);
}

static void
put_checks(const struct report *r)
{
    const char *between = "";

    (void)fputs(",\n  \"checks\": [", stdout);
    for (const struct item *i = r->first; i != NULL; i = i->next) {
        if (i->kind != KIND_CHECK)
            continue;
        (void)printf("%s\n    {\"name\": ", between);
        put_string(i->key);
        (void)printf(", \"ok\": %s, \"text\": ", i->flag ? "true" : "false");
        put_string(i->text);
        (void)putchar('}');
        between = ",";
    }
    (void)fputs("\n  ]", stdout);
}

static void
put_json(const struct report *r)
{
    (void)fputs("{\n  \"command\": ", stdout);
    put_string(ctl_command_word(r->command));
    (void)fputs(",\n  \"result\": ", stdout);
    put_string(error_word(r->error));
    if (r->error != CTL_OK) {
        (void)fputs(",\n  \"message\": ", stdout);
        put_string(r->message);
    }
    for (const struct item *i = r->first; i != NULL; i = i->next) {
        if (i->kind == KIND_CHECK)
            continue;
        (void)fputs(",\n  ", stdout);
        put_string(i->key);
        (void)fputs(": ", stdout);
        put_value(i);
    }
    if (r->command == CTL_TESTJOIN)
        put_checks(r);
    (void)fputs("\n}\n", stdout);
}

int
report_end(struct report *r)
{
    int status = (int)r->error;

    (void)fflush(r->steps);
    if (r->error != CTL_OK)
        (void)fprintf(stderr, "authsodctl: %s\n", r->message);
    if (r->json)
        put_json(r);
    if (fflush(stdout) != 0 && status == 0)
        status = (int)CTL_INTERNAL;
    return status;
}
