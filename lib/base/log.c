#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/visible.h"

#define LINE_MAX_BYTES 2048 /* below PIPE_BUF: a pipe takes it whole or not at all */

static struct {
    const char *role;
    enum log_level most;
    unsigned logon;
    unsigned lost; /* lines, since the last that was written */
} state = { .role = "authsodd", .most = LOG_LEVEL_INFO };

/* syslog priorities: alert, err, warning, info, debug */
static const int priority[] = { 1, 3, 4, 6, 7 };
static const char *const words[] = { "alarm", "error", "warning", "info", "debug" };

void
log_open(void)
{
    struct stat st;
    int fd;

    (void)signal(SIGPIPE, SIG_IGN);
    if (fstat(STDERR_FILENO, &st) != 0 || !S_ISFIFO(st.st_mode))
        return;
    fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
}

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

/* Copies text to line, cut between characters; the bytes of what is not to be shown become \xNN. Gives the length. */
static size_t
copy_visible(char *line, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    const char *end = text + strlen(text);
    size_t len = 0;

    while (text < end) {
        bool visible;
        size_t n = visible_next(text, end, &visible);

        if ((visible ? n : 4 * n) > size - len)
            break;
        if (visible) {
            memcpy(line + len, text, n);
            len += n;
        }
        for (size_t i = 0; i < n && !visible; i++) {
            unsigned char byte = (unsigned char)text[i];

            memcpy(line + len, (const char[]){ '\\', 'x', hex[byte >> 4], hex[byte & 15] }, 4);
            len += 4;
        }
        text += n;
    }
    return len;
}

/*
 * One write, so that lines of several processes do not mix, and without a
 * wait: what does not read our lines must not stop us.
 */
static bool
put(const char *line, size_t len)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    ssize_t n = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0)
        n = write(STDERR_FILENO, line, len);
    return n == (ssize_t)len;
}

static bool
put_line(enum log_level level, const char *text)
{
    char line[LINE_MAX_BYTES], logon[32] = "";
    int n;
    size_t len;

    if (state.logon != 0)
        (void)snprintf(logon, sizeof(logon), "logon %u: ", state.logon);
    n = snprintf(line, sizeof(line), "<%d>authsodd[%ld] %s: %s: %s", priority[level], (long)getpid(), state.role,
                 words[level], logon);
    len = n < 0 ? 0 : (size_t)n;
    len += copy_visible(line + len, sizeof(line) - len - 1, text);
    line[len++] = '\n';
    return put(line, len);
}

void
log_write(enum log_level level, const char *fmt, ...)
{
    int saved = errno;
    char text[1024];
    va_list ap;

    if (!log_wants(level))
        return;
    if (state.lost > 0) {
        (void)snprintf(text, sizeof(text), "%u lines of the log are lost here: nobody read them in time", state.lost);
        if (put_line(LOG_LEVEL_WARNING, text))
            state.lost = 0;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (state.lost > 0 || !put_line(level, text))
        state.lost++;
    errno = saved;
}
