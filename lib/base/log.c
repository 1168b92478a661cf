#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *role;
    enum log_level most;
    unsigned logon;
} state = { .role = "authsodd", .most = LOG_LEVEL_INFO };

/* syslog priorities: alert, err, warning, info, debug */
static const int priority[] = { 1, 3, 4, 6, 7 };
static const char *const words[] = { "alarm", "error", "warning", "info", "debug" };

void
log_init(const char *role, enum log_level most)
{
    state.role = role;
    state.most = most;
}

void
log_set_logon(unsigned id)
{
    state.logon = id;
}

bool
log_wants(enum log_level level)
{
    return level <= state.most;
}

bool
log_level_parse(const char *word, enum log_level *level_out)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(word, words[i]) == 0) {
            *level_out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Copies text to line with control characters shown as \xNN; gives the length. */
static size_t
copy_visible(char *line, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && n + 5 < size; p++) {
        if (*p >= 0x20 && *p != 0x7f) {
            line[n++] = (char)*p;
            continue;
        }
        line[n++] = '\\';
        line[n++] = 'x';
        line[n++] = hex[*p >> 4];
        line[n++] = hex[*p & 15];
    }
    return n;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
    int saved = errno;
    char text[1024], line[2048];
    va_list ap;
    int n;
    size_t len;

    if (!log_wants(level))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    if (state.logon != 0)
        n = snprintf(line, sizeof(line), "<%d>authsodd[%ld] %s: %s: logon %u: ", priority[level], (long)getpid(),
                     state.role, words[level], state.logon);
    else
        n = snprintf(line, sizeof(line), "<%d>authsodd[%ld] %s: %s: ", priority[level], (long)getpid(), state.role,
                     words[level]);
    len = n < 0 ? 0 : (size_t)n;
    len += copy_visible(line + len, sizeof(line) - len - 1, text);
    line[len++] = '\n';
    /* One write: lines of several processes do not mix. Nobody is left to tell when it fails. */
    if (write(STDERR_FILENO, line, len) < 0)
        errno = saved;
    errno = saved;
}
