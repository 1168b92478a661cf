#include "tests/unit/peer.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/authsod-test.XXXXXX";

static bool
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = write(fd, text, strlen(text));
    (void)close(fd);
    return n == (ssize_t)strlen(text);
}

bool
peer_be_root(void)
{
    char map[32];

    if (geteuid() == 0)
        return true;
    (void)snprintf(map, sizeof(map), "0 %ld 1", (long)geteuid());
    return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/uid_map", map);
}

void
peer_enter_dir(void)
{
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        err(99, "%s", dir);
}

void
peer_leave_dir(void)
{
    DIR *d = opendir(dir);
    struct dirent *e = d == NULL ? NULL : readdir(d);

    while (e != NULL) {
        if (unlinkat(dirfd(d), e->d_name, 0) != 0)
            (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        e = readdir(d);
    }
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(dir);
}

int
peer_listen(const char *path, int backlog)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    (void)unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, backlog) != 0)
        err(99, "%s", path);
    return fd;
}

pid_t
peer_start(int listener, peer_serve_fn *serve, const void *arg)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        err(99, "fork");
    if (pid > 0) {
        (void)close(listener);
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            continue;
        serve(fd, arg);
        (void)close(fd);
    }
}

void
peer_stop(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

void
peer_send_fds(int fd, const void *data, size_t len, const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };
    struct cmsghdr *c;

    m.msg_controllen = CMSG_SPACE(n * sizeof(int));
    c = CMSG_FIRSTHDR(&m);
    if (c == NULL)
        errx(99, "no room for descriptors");
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    if (sendmsg(fd, &m, MSG_NOSIGNAL) != (ssize_t)len)
        warn("sendmsg");
}

bool
peer_in_child(bool (*test)(void))
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        err(99, "fork");
    if (pid == 0)
        _exit(test() ? 0 : 1);
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

unsigned
peer_count_fds(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void
on_alarm(int number)
{
    (void)number;
}

static void
set_timer(suseconds_t usec)
{
    struct itimerval t = { .it_interval.tv_usec = usec, .it_value.tv_usec = usec };

    (void)setitimer(ITIMER_REAL, &t, NULL);
}

void
peer_storm(void)
{
    struct sigaction sa = { .sa_handler = on_alarm };

    (void)sigaction(SIGALRM, &sa, NULL);
    set_timer(500);
}

void
peer_calm(void)
{
    set_timer(0);
}
