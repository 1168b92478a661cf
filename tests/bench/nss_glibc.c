/*
 * What a lookup costs through glibc, by whatever nsswitch.conf says, in
 * microseconds: the median of batches.
 *
 *     nss_glibc NAME           a user
 *     nss_glibc -m NAME        a name that does not exist
 *     nss_glibc -f NAME        the first lookup of a new process
 */
#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 401
#define BATCH 500 /* calls: short, so that most batches are through before another process has its turn */
#define PROCESSES 201

static const char *name;

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
look_up(bool there)
{
    struct passwd pw, *found;
    char buf[4096];
    int error = getpwnam_r(name, &pw, buf, sizeof(buf), &found);

    if ((found != NULL) != there || error != 0)
        errx(1, "%s: %s", name, found != NULL ? "is there" : error != 0 ? strerror(error) : "is not there");
}

/* Microseconds of one call. */
static double
batch(bool there)
{
    double begin = now();

    for (int i = 0; i < BATCH; i++)
        look_up(there);
    return (now() - begin) / BATCH;
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double
median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare);
    return values[n / 2];
}

static void
of_batches(bool there)
{
    double took[ROUNDS];

    look_up(there);
    for (int i = 0; i < ROUNDS; i++)
        took[i] = batch(there);
    printf("%.3f\n", median(took, ROUNDS));
}

/* This program again, which prints what its first lookup took. */
static double
first_of_new_process(const char *self)
{
    char text[32] = "";
    int fds[2], status;
    pid_t pid;

    if (pipe(fds) != 0)
        err(1, "pipe");
    pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)execl(self, self, "-1", name, (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    if (pid < 0 || read(fds[0], text, sizeof(text) - 1) <= 0 || waitpid(pid, &status, 0) != pid || status != 0)
        errx(1, "a process of the benchmark failed");
    (void)close(fds[0]);
    return strtod(text, NULL);
}

static void
of_new_processes(const char *self)
{
    double took[PROCESSES];

    for (int i = 0; i < PROCESSES; i++)
        took[i] = first_of_new_process(self);
    printf("%.0f\n", median(took, PROCESSES));
}

int
main(int argc, char **argv)
{
    const char *how = argc == 3 ? argv[1] : "";
    double begin;

    if (argc < 2 || argc > 3 || (argc == 3 && (strlen(how) != 2 || strchr("mf1", how[1]) == NULL)))
        errx(2, "usage: nss_glibc [-m | -f] NAME");
    name = argv[argc - 1];
    switch (how[0] == '\0' ? 0 : how[1]) {
    case 'm':
        of_batches(false);
        break;
    case 'f':
        of_new_processes(argv[0]);
        break;
    case '1':
        begin = now();
        look_up(true);
        printf("%.1f\n", now() - begin);
        break;
    default:
        of_batches(true);
    }
    return 0;
}
