/* A secret from the person: typed without being shown, or from stdin. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "tools/session.h"
#include "tools/text.h"

/* Waits for something to read, with the signals let through that end the program. False: one of them came. */
static bool
wait_line(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    sigset_t mask;
    int n;

    session_open_mask(&mask);
    do {
        n = session_cancelled() ? -1 : ppoll(&p, 1, NULL, &mask);
    } while (n < 0 && errno == EINTR && !session_cancelled());
    return n > 0;
}

/* A line of at most SECRET_MAX - 1 bytes; what comes after it stays. False where it is empty, too long, or cut off. */
static bool
read_line(int fd, char *line)
{
    size_t len = 0;
    char c = '\0';
    ssize_t n;

    for (;;) {
        n = wait_line(fd) ? read(fd, &c, 1) : -1;
        if (n <= 0 || c == '\n' || c == '\0' || len + 1 >= SECRET_MAX)
            break;
        line[len++] = c;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return len > 0 && n >= 0 && (n == 0 || c == '\n');
}

/* Shows the prompt and reads, with the terminal's echo off; signals, which would leave it off, end the reading. */
static bool
read_terminal(int fd, const char *prompt, char *secret)
{
    struct termios was, quiet;
    bool good;

    if (tcgetattr(fd, &was) != 0)
        return false;
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
        return false;
    (void)!write(fd, prompt, strlen(prompt));
    good = read_line(fd, secret);
    (void)!write(fd, "\n", 1);
    (void)tcsetattr(fd, TCSAFLUSH, &was);
    return good;
}

bool
prompt_secret(struct report *r, const struct ctl_options *o, const char *prompt, char *secret)
{
    int fd;
    bool good;

    if (o->password_stdin) {
        if (read_line(STDIN_FILENO, secret))
            return true;
        report_fail(r, CTL_USAGE, "%s", _("There is no password on the standard input."));
        return false;
    }
    fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        report_fail(r, CTL_USAGE, "%s", _("There is no terminal to ask for the password; --password-stdin reads it."));
        return false;
    }
    good = read_terminal(fd, prompt, secret);
    (void)close(fd);
    if (!good)
        report_fail(r, CTL_CANCELLED, "%s", _("No password was given."));
    return good;
}
