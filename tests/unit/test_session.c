/* authsodctl's half that has the network: what it has of the other one, what it may not do, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "tools/session.h"

#define END_MS 700

/* What a child of ours found: what was allowed that should not be, or was not there. 0: nothing. */
static bool
say(int channel, unsigned wrong)
{
    return talk_send(channel, TALK_DONE, wrong, NULL, NULL, -1);
}

static bool
count_descriptors(int channel, void *arg)
{
    const int *keep = arg;
    unsigned wrong = fcntl(*keep, F_GETFD) < 0 ? 1000 : 0;

    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
        wrong += fd != channel && fd != *keep && fcntl(fd, F_GETFD) >= 0;
    return say(channel, wrong);
}

static bool
is_refused(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES);
}

static bool
try_what_is_forbidden(int channel, void *arg)
{
    char *const argv[] = { (char[]){ "true" }, NULL };
    unsigned wrong = 0;

    (void)arg;
    wrong |= is_refused(open("/dev/null", O_WRONLY | O_CLOEXEC)) ? 0 : 1;
    wrong |= is_refused(open("/dev/null", O_RDONLY | O_CREAT | O_CLOEXEC, 0600)) ? 0 : 2;
    wrong |= is_refused(execve("/bin/true", argv, argv + 1)) ? 0 : 4;
    wrong |= is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)) ? 0 : 8;
    wrong |= is_refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) ? 0 : 16;
    wrong |= is_refused(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) ? 0 : 32;
    wrong |= is_refused(setresuid(0, 0, 0)) ? 0 : 64;
    wrong |= open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 128;
    wrong |= socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : 256;
    wrong |= isatty(STDIN_FILENO) == 0 && isatty(STDOUT_FILENO) == 0 && isatty(STDERR_FILENO) == 0 ? 0 : 512;
    return say(channel, wrong);
}

static bool
talk_without_end(int channel, void *arg)
{
    (void)arg;
    (void)say(channel, 0);
    while (talk_send(channel, TALK_COMMITTED, 0, NULL, NULL, -1))
        continue;
    return true;
}

static bool
hang_up_and_stay(int channel, void *arg)
{
    (void)arg;
    (void)say(channel, 0);
    (void)close(channel);
    while (sleep(60) <= 60)
        continue;
    return true;
}

static bool
end_well(int channel, void *arg)
{
    (void)arg;
    return say(channel, 0);
}

/* Runs the child in a process of its own, since it changes signals: what the child said, and if it had to be killed. */
static void
run(const struct session_child *child, bool killed)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct ctl_options o = { .command = CTL_STATUS };
        struct report *r = report_new(NULL, CTL_STATUS, true);
        struct session s = { .channel = -1, .end_ms = END_MS };
        int64_t began;
        struct talk t;

        if (r == NULL || !session_start(&s, r, &o, child) || !session_next(&s, TALK_DONE, &t))
            _exit(1);
        if (t.number != 0)
            (void)fprintf(stderr, "wrong: %u\n", (unsigned)t.number);
        began = client_now();
        session_end(&s);
        if (s.killed != killed)
            _exit(2);
        if (client_now() - began > END_MS + 2000)
            _exit(3);
        _exit(t.number == 0 ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
it_has_no_descriptor_but_what_is_meant_for_it(void **state)
{
    int fds[8];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        fds[i] = memfd_create("test", MFD_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    for (size_t i = 0; i < 8; i++) {
        const struct session_child child = { count_descriptors, &fds[i], fds[i] };

        run(&child, false);
    }
    for (size_t i = 0; i < 8; i++)
        (void)close(fds[i]);
}

static void
it_may_not_do_what_it_need_not(void **state)
{
    const struct session_child child = { try_what_is_forbidden, NULL, -1 };

    (void)state;
    run(&child, false);
}

static void
it_ends_whatever_it_does(void **state)
{
    const struct session_child good = { end_well, NULL, -1 }, talks = { talk_without_end, NULL, -1 },
                               stays = { hang_up_and_stay, NULL, -1 };

    (void)state;
    run(&good, false);
    run(&talks, true);
    run(&stays, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_no_descriptor_but_what_is_meant_for_it),
        cmocka_unit_test(it_may_not_do_what_it_need_not),
        cmocka_unit_test(it_ends_whatever_it_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
