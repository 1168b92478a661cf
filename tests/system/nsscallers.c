/*
 * What programs do to themselves while they look names up, for system tests:
 *
 *     nsscallers map|socket USER GROUP
 *
 * USER and GROUP exist by the nsswitch.conf of this computer, and are answered
 * by the identity map or by the socket: the caller has hidden the other one.
 * What a process has mapped it keeps, wherever it goes.  Each scenario
 * runs in a process of its own; prints "ok NAME" or "not ok NAME: line N" for
 * each.  Exit status: 0 if all are ok.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define SMALL_STACK (64U << 10)
#define TAKEN 16 /* descriptors that stand where the module's were */

static bool by_map;
static const char *user, *group;
static uid_t uid;
static gid_t gid;

/* The first line that failed: in memory that the children share. */
static volatile int *failed_at;

#define CHECK(condition) check((condition), __LINE__)

static bool
check(bool good, int line)
{
    if (!good && *failed_at == 0)
        *failed_at = line;
    return good;
}

/* 0, or why the user was not found with that much memory; ENOENT: no such user. */
static int
find_user(char *buf, size_t size)
{
    struct passwd pw, *found = NULL;
    int error = getpwnam_r(user, &pw, buf, size, &found);

    if (error == 0 && found == NULL)
        return ENOENT;
    return error != 0 ? error : CHECK(pw.pw_uid == uid && pw.pw_gid != 0) ? 0 : EINVAL;
}

static int
find_group(char *buf, size_t size)
{
    struct group gr, *found = NULL;
    int error = getgrnam_r(group, &gr, buf, size, &found);

    if (error == 0 && found == NULL)
        return ENOENT;
    return error != 0 ? error : CHECK(gr.gr_gid == gid && gr.gr_mem != NULL) ? 0 : EINVAL;
}

/* All kinds, n times. */
static void
look_up(int n)
{
    struct passwd pw, *found;
    gid_t gids[64];
    char buf[16384];

    for (int i = 0; i < n; i++) {
        int n_gids = 64;

        CHECK(find_user(buf, sizeof(buf)) == 0);
        CHECK(find_group(buf, sizeof(buf)) == 0);
        CHECK(getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found != NULL);
        CHECK(getgrouplist(user, gid, gids, &n_gids) > 1);
    }
}

static void
plain(void)
{
    look_up(1);
}

/* As every caller does: more memory as long as it is too little. */
static void
small_buffers(void)
{
    static int (*const find[])(char *, size_t) = { find_user, find_group };
    gid_t gids[64];
    int n = 1, whole;

    for (size_t i = 0; i < 2; i++) {
        size_t size = 1, tries = 0;
        int error = ERANGE;

        for (; error == ERANGE && size < 1 << 20; size += 7, tries++) {
            char *buf = malloc(size);

            error = find[i](buf, size);
            free(buf);
        }
        CHECK(error == 0 && tries > 1);
    }
    CHECK(getgrouplist(user, gid, gids, &n) == -1 && n > 1 && n <= 64);
    whole = n;
    CHECK(getgrouplist(user, gid, gids, &n) == whole);
}

static volatile sig_atomic_t signals;

static void
count(int number)
{
    (void)number;
    signals++;
}

static void
signal_storm(void)
{
    struct sigaction sa = { .sa_handler = count }; /* and no SA_RESTART */
    struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };

    CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (signals < 200)
        look_up(20);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

static void *
thread(void *unused)
{
    look_up(50);
    return unused;
}

static void
threads(void)
{
    pthread_t ids[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, thread, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
}

/* As in programs with thousands of them. */
static void
small_stacks(void)
{
    pthread_attr_t attr;
    pthread_t ids[THREADS];

    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, SMALL_STACK) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], &attr, thread, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
}

static void
forks(void)
{
    int status;

    look_up(1);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            look_up(10);
            _exit(0);
        }
    }
    look_up(10);
    while (wait(&status) > 0)
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* fork while other threads are in the middle of lookups. */
static void
forks_beside_threads(void)
{
    pthread_t id;
    int status;

    CHECK(pthread_create(&id, NULL, thread, NULL) == 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    CHECK(pthread_join(id, NULL) == 0);
}

/* Forks one child after the other, and all look up, this thread too. */
static void *
forking_thread(void *unused)
{
    int status;

    for (int i = 0; i < 25; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            look_up(2);
            _exit(0);
        }
        look_up(1);
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    }
    return unused;
}

static void
fork_storm(void)
{
    pthread_t ids[THREADS];

    look_up(1);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, forking_thread, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
}

static bool
is_null(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* Standard descriptors closed, all closed, and their numbers taken by something else. */
static void
closed_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        (void)close(fd);
    look_up(1);
    for (int fd = 0; fd < 1024; fd++)
        (void)close(fd);
    look_up(2);
    for (int fd = 0; fd < TAKEN; fd++)
        CHECK(open("/dev/null", O_RDWR) == fd);
    look_up(2);
    for (int fd = 0; fd < TAKEN; fd++)
        CHECK(is_null(fd));
    CHECK(fcntl(TAKEN, F_GETFD) == -1 && errno == EBADF);
}

static void
no_descriptors_left(void)
{
    struct rlimit few = { 3, 3 };
    char buf[4096];

    look_up(1);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    /* Anything, but not "there is no such user". */
    CHECK(find_user(buf, sizeof(buf)) == (by_map ? 0 : EMFILE));
}

static void
other_user(void)
{
    look_up(1);
    CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
    look_up(1);
}

static void
changed_root(void)
{
    char buf[4096], dir[] = "/tmp/nsscallers.XXXXXX";
    struct timeval began, ended;

    look_up(1);
    CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0 && rmdir(dir) == 0 && chroot(".") == 0);
    (void)gettimeofday(&began, NULL);
    CHECK((find_user(buf, sizeof(buf)) == 0) == by_map);
    (void)gettimeofday(&ended, NULL);
    CHECK(ended.tv_sec - began.tv_sec < 2);
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    { "plain", plain },
    { "small_buffers", small_buffers },
    { "signal_storm", signal_storm },
    { "threads", threads },
    { "small_stacks", small_stacks },
    { "forks", forks },
    { "forks_beside_threads", forks_beside_threads },
    { "fork_storm", fork_storm },
    { "closed_descriptors", closed_descriptors },
    { "no_descriptors_left", no_descriptors_left },
    { "other_user", other_user },
    { "changed_root", changed_root },
};

static bool
run(size_t i)
{
    pid_t pid;
    int status;

    *failed_at = 0;
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)alarm(30);
        scenarios[i].run();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        err(1, "%s", scenarios[i].name);
    if (status == 0 && *failed_at == 0)
        printf("ok %s\n", scenarios[i].name);
    else
        printf("not ok %s: line %d, status %d\n", scenarios[i].name, *failed_at, status);
    return status == 0 && *failed_at == 0;
}

int
main(int argc, char **argv)
{
    const struct passwd *pw;
    const struct group *gr;
    bool good = true;

    if (argc != 4 || (strcmp(argv[1], "map") != 0 && strcmp(argv[1], "socket") != 0))
        errx(2, "usage: nsscallers map|socket USER GROUP");
    failed_at = mmap(NULL, sizeof(*failed_at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (failed_at == MAP_FAILED)
        err(1, "mmap");
    by_map = strcmp(argv[1], "map") == 0;
    user = argv[2];
    group = argv[3];
    pw = getpwnam(user);
    gr = getgrnam(group);
    if (pw == NULL || gr == NULL)
        errx(1, "%s or %s does not exist", user, group);
    uid = pw->pw_uid;
    gid = gr->gr_gid;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        good = run(i) && good;
    return good ? 0 : 1;
}
