/*
 * What a lookup through the socket costs, in microseconds.
 *
 *     nss_lookup [-n COUNT] [-m MODULE] NAME     against the daemon that runs here
 *     nss_lookup [-n COUNT] -f                   against a front of its own, in a directory of its own
 *
 * Prints a line a way: least, median, 90th and 99th percentile.  The ways:
 *     module   _nss_authsod_getpwnam_r, called directly
 *     glibc    getpwnam_r with "passwd: authsod" (not with -f)
 *     bare     (-f) connect, send, poll, recv, close and nothing else: what the kernel takes of it
 */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "nss_authsod/module.h"

/* glibc has it, no header says so. */
int __nss_configure_lookup(const char *database, const char *services);

typedef enum nss_status getpwnam_fn(const char *name, struct passwd *pw, char *buf, size_t size, int *errnop);

static getpwnam_fn *module_getpwnam;
static const char *name = "alice";

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
by_module(void)
{
    struct passwd pw;
    char buf[4096];
    int error = 0;

    if (module_getpwnam(name, &pw, buf, sizeof(buf), &error) != NSS_STATUS_SUCCESS)
        errx(1, "module: %s: %s", name, strerror(error));
}

static void
by_glibc(void)
{
    struct passwd pw, *found;
    char buf[4096];
    int error = getpwnam_r(name, &pw, buf, sizeof(buf), &found);

    if (found == NULL)
        errx(1, "glibc: %s: %s", name, strerror(error));
}

static struct sockaddr_un
front_address(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", CLIENT_PATH_NSS);
    return a;
}

static void
by_bare_calls(void)
{
    struct sockaddr_un a = front_address();
    char packet[64] = { 0 };
    struct writer w = writer_init(packet, sizeof(packet));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    proto_put_get(&w, RECORD_PASSWD, PROTO_BY_NAME, name, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || send(fd, packet, w.len, 0) < 0 || poll(&p, 1, -1) != 1 ||
        recv(fd, packet, sizeof(packet), 0) < 0)
        err(1, "bare");
    (void)close(fd);
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void
measure(const char *way, void (*call)(void), size_t count)
{
    double *took = calloc(count, sizeof(*took));

    if (took == NULL)
        err(1, NULL);
    for (size_t i = 0; i < count / 10; i++)
        call();
    for (size_t i = 0; i < count; i++) {
        double start = now();

        call();
        took[i] = now() - start;
    }
    qsort(took, count, sizeof(*took), compare);
    printf("%-8s least %6.1f  median %6.1f  90%% %6.1f  99%% %6.1f us\n", way, took[0], took[count / 2],
           took[count * 9 / 10], took[count * 99 / 100]);
    free(took);
}

/* Answers what is asked on one connection; false where nothing has come yet. */
static bool
answer(int fd)
{
    uint8_t in[512], out[512];
    struct writer w = writer_init(out, sizeof(out));
    struct proto_get get;
    ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return false;
    if (n > 0 && proto_get_get(in, (size_t)n, &get)) {
        proto_put_head(&w, PROTO_RECORD);
        record_put_passwd(&w, 200001, 200513, "alice", "Alice Example", "/home/alice", "/bin/bash");
        (void)send(fd, out, w.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)close(fd);
    return true;
}

/* As the daemon's front does it: one epoll, a connection that has nothing to say yet is waited for. */
static void
serve(int listener)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };
    int poller = epoll_create1(EPOLL_CLOEXEC);

    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e) != 0)
        err(1, "epoll");
    for (;;) {
        int fd;

        if (epoll_wait(poller, &e, 1, -1) != 1)
            continue;
        if (e.data.fd != listener) {
            (void)answer(e.data.fd);
            continue;
        }
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        e = (struct epoll_event){ .events = EPOLLIN, .data.fd = fd };
        if (fd < 0 || answer(fd))
            continue;
        /* Its connect woke us before it could send: to let it run once costs less than to sleep and be woken again. */
        (void)sched_yield();
        if (!answer(fd))
            (void)epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

/* Starts a front in a new directory, which becomes the current one: the module here is built with "." as its run directory. */
static pid_t
start_front(char *dir)
{
    struct sockaddr_un a;
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    pid_t pid;

    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        err(1, "%s", dir);
    a = front_address();
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 64) != 0)
        err(1, "%s", a.sun_path);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    (void)close(listener);
    return pid;
}

static void
against_own_front(size_t count)
{
    char dir[] = "/tmp/authsod-bench.XXXXXX";
    pid_t pid = start_front(dir);

    module_getpwnam = _nss_authsod_getpwnam_r;
    measure("bare", by_bare_calls, count);
    measure("module", by_module, count);
    measure("bare", by_bare_calls, count);
    measure("module", by_module, count);
    (void)kill(pid, SIGKILL);
    (void)unlink(CLIENT_PATH_NSS);
    (void)rmdir(dir);
}

static void
against_daemon(const char *module, size_t count)
{
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    void *found = handle == NULL ? NULL : dlsym(handle, "_nss_authsod_getpwnam_r");

    if (found == NULL)
        errx(1, "%s", dlerror());
    memcpy(&module_getpwnam, &found, sizeof(found));
    measure("module", by_module, count);
    if (__nss_configure_lookup("passwd", "authsod") != 0)
        err(1, "__nss_configure_lookup");
    measure("glibc", by_glibc, count);
}

int
main(int argc, char **argv)
{
    const char *module = "libnss_authsod.so.2";
    bool own_front = false;
    size_t count = 10000;
    int opt;

    while ((opt = getopt(argc, argv, "fm:n:")) != -1) {
        switch (opt) {
        case 'f':
            own_front = true;
            break;
        case 'm':
            module = optarg;
            break;
        case 'n':
            count = strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    if (count == 0 || (!own_front && optind + 1 != argc))
        errx(2, "usage: nss_lookup [-n COUNT] [-m MODULE] NAME | nss_lookup [-n COUNT] -f");
    if (own_front) {
        against_own_front(count);
    } else {
        name = argv[optind];
        against_daemon(module, count);
    }
    return 0;
}
