#include "tools/session.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "lib/base/secret.h"
#include "lib/base/visible.h"
#include "lib/proto/client.h"
#include "tools/text.h"

#define CHILD_MS 120000 /* each step of the child's has a shorter end of its own */
#define END_MS 60000    /* for what it undoes */

static volatile sig_atomic_t cancelled;

static void
on_signal(int number)
{
    (void)number;
    cancelled = 1;
}

bool
session_cancelled(void)
{
    return cancelled != 0;
}

/* The signals by which people end a program. */
static void
the_end(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGQUIT);
}

static void
hold_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    sigset_t set;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &action, NULL);
    the_end(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Nobody's process: whatever the network does to it, there is nothing to be had. */
static bool
drop_rights(uid_t uid, gid_t gid)
{
    /* Who is not root has none to give up. */
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0))
        return false;
    return setuid(0) != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* No terminal: whoever has one, by whatever descriptor, reads what is typed there. */
static bool
quiet_stdio(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
           (isatty(STDERR_FILENO) == 0 || dup2(null, STDERR_FILENO) >= 0);
}

/*
 * Closes all but stdio, the channel and keep (-1: none): among the upper half's
 * are the new keytab and the new configuration, which it trusts.
 */
static bool
close_others(int channel, int keep)
{
    unsigned low = (unsigned)(channel < keep || keep < 0 ? channel : keep);
    unsigned high = (unsigned)(channel > keep ? channel : keep), first = STDERR_FILENO + 1;

    return (low <= first || close_range(first, low - 1, 0) == 0) &&
           (high <= low + 1 || close_range(low + 1, high - 1, 0) == 0) && close_range(high + 1, ~0U, 0) == 0;
}

/* What libraries take from the environment is nothing of ours; gettext alone needs the language. */
static bool
clean_environment(void)
{
    const char *language = getenv("LANGUAGE");
    char copy[128] = "";

    if (language != NULL)
        (void)snprintf(copy, sizeof(copy), "%s", language);
    return clearenv() == 0 && (copy[0] == '\0' || setenv("LANGUAGE", copy, 1) == 0);
}

static void
run_child(int channel, const struct session_child *child, uid_t uid, gid_t gid)
{
    bool good;

    /* Ctrl-C is for the upper half: the end of the channel tells us. */
    if (setsid() < 0 || !quiet_stdio() || !close_others(channel, child->keep) || !clean_environment() ||
        !drop_rights(uid, gid)) {
        (void)talk_send(channel, TALK_FAILED, CTL_INTERNAL, "cannot give up the rights of root", NULL, -1);
        _exit(EXIT_FAILURE);
    }
    (void)secret_lock_all();
    if (!sandbox_enter_tool()) {
        (void)talk_send(channel, TALK_FAILED, CTL_INTERNAL, "the kernel or libseccomp refuses the filter", NULL, -1);
        _exit(EXIT_FAILURE);
    }
    good = child->run(channel, child->arg);
    _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The user of the child: names come from files, or a lookup could come back to a service of ours. */
static bool
find_user(uid_t *uid_out, gid_t *gid_out)
{
    static const char *const names[] = { "authsod", "nobody" };
    const struct passwd *pw = NULL;

    (void)__nss_configure_lookup("passwd", "files");
    (void)__nss_configure_lookup("group", "files");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && pw == NULL; i++)
        pw = getpwnam(names[i]);
    if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0)
        return false;
    *uid_out = pw->pw_uid;
    *gid_out = pw->pw_gid;
    return true;
}

bool
session_start(struct session *s, struct report *report, const struct ctl_options *o, const struct session_child *child)
{
    uid_t uid;
    gid_t gid;
    int pair[2];

    s->report = report;
    s->options = o;
    s->channel = -1;
    s->pid = -1;
    if (!find_user(&uid, &gid)) {
        report_fail(report, CTL_INTERNAL, _("There is neither a user authsod nor nobody."));
        return false;
    }
    (void)fflush(NULL);
    hold_signals();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        report_fail(report, CTL_INTERNAL, "socketpair: %s", strerror(errno));
        return false;
    }
    s->pid = fork();
    if (s->pid == 0) {
        (void)close(pair[0]);
        run_child(pair[1], child, uid, gid);
    }
    (void)close(pair[1]);
    if (s->pid < 0) {
        (void)close(pair[0]);
        report_fail(report, CTL_INTERNAL, "fork: %s", strerror(errno));
        return false;
    }
    s->channel = pair[0];
    return true;
}

void
session_open_mask(sigset_t *mask)
{
    sigset_t set;

    (void)sigprocmask(SIG_BLOCK, NULL, mask);
    the_end(&set);
    for (int i = 1; i < NSIG; i++) {
        if (sigismember(&set, i) == 1)
            (void)sigdelset(mask, i);
    }
}

/* Waits for a packet, and lets Ctrl-C through meanwhile. False: none came. */
static bool
wait_packet(struct session *s)
{
    struct timespec limit = { .tv_sec = CHILD_MS / 1000 };
    struct pollfd p = { .fd = s->channel, .events = POLLIN };
    sigset_t open_mask;
    int n;

    session_open_mask(&open_mask);
    do {
        n = cancelled ? -1 : ppoll(&p, 1, &limit, &open_mask);
    } while (n < 0 && errno == EINTR && !cancelled);
    return n > 0;
}

static bool
answer_ask(struct session *s, const struct talk *t)
{
    char *secret = secret_new(SECRET_MAX), prompt[512];
    bool good;

    (void)visible_text(prompt, sizeof(prompt), t->a);
    good = secret != NULL && prompt_secret(s->report, s->options, prompt, secret) &&
           talk_send(s->channel, TALK_SECRET, 0, secret, NULL, -1);
    secret_free(secret, SECRET_MAX);
    return good;
}

/* A packet of those that every command has. True to go on. */
static bool
handle(struct session *s, const struct talk *t)
{
    switch (t->type) {
    case TALK_STEP:
        report_step(s->report, "%s", t->a);
        return true;
    case TALK_WARNING:
        report_warning(s->report, "%s", t->a);
        return true;
    case TALK_CHECK:
        report_check(s->report, t->a, t->number != 0, t->b);
        return true;
    case TALK_ASK:
        return answer_ask(s, t);
    case TALK_FAILED:
        report_fail(s->report,
                    t->number == CTL_OK || t->number > CTL_CANCELLED ? CTL_INTERNAL : (enum ctl_error)t->number, "%s",
                    t->a);
        return false;
    default:
        report_fail(s->report, CTL_INTERNAL, "unexpected word %d of the network half", (int)t->type);
        return false;
    }
}

bool
session_next(struct session *s, enum talk_type wanted, struct talk *t)
{
    bool go_on;

    for (;;) {
        if (!wait_packet(s)) {
            report_fail(s->report, cancelled ? CTL_CANCELLED : CTL_INTERNAL, "%s",
                        cancelled ? _("Given up.") : _("The network half does not answer."));
            return false;
        }
        if (!talk_receive(s->channel, t, 0)) {
            report_fail(s->report, CTL_INTERNAL, "%s", _("The network half has ended before its time."));
            return false;
        }
        if (t->type == wanted)
            return true;
        go_on = handle(s, t);
        talk_clear(t);
        if (!go_on) {
            report_fail(s->report, CTL_CANCELLED, "%s", _("Given up."));
            return false;
        }
    }
}

/* What the child still says while it undoes things; one that talks without end is not listened to for longer. */
static void
hear_out(struct session *s)
{
    int64_t deadline = client_now() + (s->end_ms > 0 ? s->end_ms : END_MS), left = deadline - client_now();
    struct talk t;

    for (; left > 0 && talk_receive(s->channel, &t, (int)left); left = deadline - client_now()) {
        if (t.type == TALK_WARNING)
            report_warning(s->report, "%s", t.a);
        else if (t.type == TALK_STEP)
            report_step(s->report, "%s", t.a);
        talk_clear(&t);
    }
}

void
session_end(struct session *s)
{
    int status = 0;

    if (s->channel < 0)
        return;
    (void)shutdown(s->channel, SHUT_WR);
    hear_out(s);
    /* It has ended, or is at its end, where that changes nothing; or will not. */
    (void)kill(s->pid, SIGKILL);
    (void)close(s->channel);
    s->channel = -1;
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    s->killed = WIFSIGNALED(status);
}
