/* Letting programs use the domain: service, NSS, PAM. No shell has a part in it. */
#include "tools/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/membership/replace.h"
#include "tools/text.h"

#define NSSWITCH "/etc/nsswitch.conf"
#define NSSWITCH_MAX (64U << 10)

/* Starts a program, which may read nothing from us, and waits for it. Its exit status; -1 if it did not run. */
static int
run(const char *const *argv)
{
    static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                                               "LC_ALL=C.UTF-8", NULL };
    char *const *arguments, *const *variables;
    sigset_t none;
    pid_t pid;
    int status, null;

    /* execve changes none of them. */
    memcpy(&arguments, &argv, sizeof(arguments));
    memcpy(&variables, &(const char *const *) { environment }, sizeof(variables));
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        /* What it says is for the person, and no part of our own result. */
        if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
            (void)execve(argv[0], arguments, variables);
        _exit(127);
    }
    if (pid < 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define SERVICE "authsod [TRYAGAIN=return] " /* what cannot be known at the moment is no "no such user" */

static bool
begins_word(const char *line, const char *p)
{
    return p == line || strchr(" \t:", p[-1]) != NULL;
}

/* Does the line of passwd or group, of n bytes, lack authsod before files? *at_out: where it belongs. */
static bool
lacks(const char *line, size_t n, size_t *at_out)
{
    const char *end = line + n, *files = NULL;

    if ((n < 7 || strncmp(line, "passwd:", 7) != 0) && (n < 6 || strncmp(line, "group:", 6) != 0))
        return false;
    for (const char *p = line; p < end && *p != '#'; p++) {
        if (end - p >= 7 && strncmp(p, "authsod", 7) == 0)
            return false;
        if (end - p >= 5 && strncmp(p, "files", 5) == 0 && begins_word(line, p))
            files = p;
    }
    if (files == NULL)
        return false;
    *at_out = (size_t)(files - line);
    return true;
}

char *
ctl_nsswitch(TALLOC_CTX *mem, const char *text)
{
    char *out = talloc_strdup(mem, "");

    while (out != NULL && *text != '\0') {
        size_t n = strcspn(text, "\n"), at = 0;

        n += text[n] == '\n';
        if (lacks(text, n, &at))
            out = talloc_asprintf_append_buffer(out, "%.*s" SERVICE "%.*s", (int)at, text, (int)(n - at), text + at);
        else
            out = talloc_strndup_append_buffer(out, text, n);
        text += n;
    }
    return out;
}

static bool
read_file(int fd, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, buf + len, size - 1 - len);
        if (n > 0)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    buf[len] = '\0';
    errno = n == 0 ? EFBIG : errno;
    return n == 0 && len + 1 < size;
}

/* True also where there was nothing to do. */
static bool
set_nsswitch(TALLOC_CTX *mem)
{
    struct replace f = REPLACE_NONE;
    char *text = talloc_size(mem, NSSWITCH_MAX), *changed = NULL;
    int fd = open(NSSWITCH, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool good = false;

    if (fd < 0 || text == NULL || fstat(fd, &st) != 0 || !read_file(fd, text, NSSWITCH_MAX))
        goto done;
    changed = ctl_nsswitch(mem, text);
    if (changed == NULL)
        goto done;
    good = strcmp(text, changed) == 0;
    if (!good && replace_begin(&f, NSSWITCH)) {
        good =
            write(f.fd, changed, strlen(changed)) == (ssize_t)strlen(changed) && replace_commit(&f, st.st_mode & 07777);
        if (good)
            replace_keep(&f);
        else
            replace_undo(&f);
    }
done:
    if (fd >= 0)
        (void)close(fd);
    return good;
}

static void
enable_service(struct report *r)
{
    static const char *const enable[] = { "/usr/bin/systemctl", "enable",           "--now",
                                          "authsodd.socket",    "authsodd.service", NULL };

    /* sd_booted(3) */
    if (access("/run/systemd/system", F_OK) != 0) {
        report_step(r, _("There is no systemd here: start authsodd in the way of this system."));
    } else if (run(enable) != 0) {
        report_fail(r, CTL_ENABLE, _("The computer has joined, but the service could not be started: see above."));
    } else {
        report_step(r, _("Started the service authsodd, and enabled it"));
    }
}

void
ctl_enable(struct report *r)
{
    static const char *const pam[] = { "/usr/sbin/pam-auth-update", "--package", "--enable", "authsod",
                                       "authsod-password",          "mkhomedir", NULL };
    TALLOC_CTX *mem = talloc_new(NULL);

    enable_service(r);
    if (mem == NULL || !set_nsswitch(mem))
        report_fail(r, CTL_ENABLE, _("The computer has joined, but %s could not be changed: %s"), NSSWITCH,
                    strerror(errno));
    else
        report_step(r, _("Programs find the domain's users and groups: %s"), NSSWITCH);
    if (access(pam[0], X_OK) != 0)
        report_fail(
            r, CTL_ENABLE,
            _("The computer has joined, but there is no pam-auth-update here: set PAM up as pam_authsod(8) says."));
    else if (run(pam) != 0)
        report_fail(r, CTL_ENABLE, _("The computer has joined, but pam-auth-update failed: see above."));
    else
        report_step(r, _("The domain's users may log on: PAM"));
    talloc_free(mem);
}

void
ctl_say_next(struct report *r)
{
    report_step(r, _("Next: start the service, and let programs use it:"));
    report_step(r, "  systemctl enable --now authsodd.socket authsodd.service");
    report_step(r, "  sed -i -E '/authsod/! s/^((passwd|group):.*)\\<files/\\1" SERVICE "files/' /etc/nsswitch.conf");
    report_step(r, "  pam-auth-update --enable authsod authsod-password mkhomedir");
}
