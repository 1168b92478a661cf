#include "daemon/card_reasons.h"

#include <stdarg.h>
#include <string.h>

struct reason {
    enum log_level level;
    char *text;
};

struct look {
    struct reason reasons[REASONS_MAX];
    size_t n;
    unsigned more; /* that had no place */
};

struct reasons {
    struct look *now, *before;
};

struct reasons *
reasons_new(TALLOC_CTX *mem)
{
    struct reasons *r = talloc_zero(mem, struct reasons);

    if (r == NULL)
        return NULL;
    r->now = talloc_zero(r, struct look);
    r->before = talloc_zero(r, struct look);
    if (r->now == NULL || r->before == NULL)
        TALLOC_FREE(r);
    return r;
}

void
reasons_add(struct reasons *r, enum log_level level, const char *fmt, ...)
{
    struct look *l = r->now;
    va_list args;
    char *text;

    if (l->n == REASONS_MAX) {
        l->more++;
        return;
    }
    va_start(args, fmt);
    text = talloc_vasprintf(l, fmt, args);
    va_end(args);
    if (text == NULL)
        log_write(level, "%s", fmt);
    else
        l->reasons[l->n++] = (struct reason){ .level = level, .text = text };
}

static bool
had(const struct look *l, const char *text)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->reasons[i].text, text) == 0)
            return true;
    }
    return false;
}

void
reasons_tell(struct reasons *r)
{
    struct look *now = r->now, *old = r->before;

    for (size_t i = 0; i < now->n; i++) {
        if (!had(old, now->reasons[i].text))
            log_write(now->reasons[i].level, "%s", now->reasons[i].text);
    }
    if (now->more != 0 && old->more == 0)
        log_warning("and %u more that were left out", now->more);
    r->before = now;
    r->now = old;
    talloc_free_children(old);
    memset(old, 0, sizeof(*old));
}
