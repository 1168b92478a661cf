/*
 * What glibc makes of a lookup, for system tests: getent(1) shows neither
 * errno nor how long it took, and id(1) asks for much at once.
 *
 *     nssprobe [-s SERVICES] passwd|group NAME|ID
 *     nssprobe [-s SERVICES] groups NAME PRIMARY-GID
 *     nssprobe [-s SERVICES] ask
 *     nssprobe [-s SERVICES] repeat SECONDS QUESTION
 *
 * -s: instead of what nsswitch.conf says, "files authsod" for one.
 * Prints the entry as getent does, or the ids one a line (exit 0); "not found"
 * (2); or the error by name (1).  On stderr: the milliseconds that it took.
 *
 * ask: a program that runs for long.  Each line of its input is a QUESTION:
 * "passwd KEY", "group KEY" or "groups PRIMARY-GID NAME".  It is answered by a
 * line "MILLISECONDS ANSWER", in which ids have blanks between them.
 *
 * repeat: asks again and again, and prints each different answer that came, as
 * "TIMES ANSWER".
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_MAX (64U << 20)
#define GIDS_MAX 65536
#define ANSWERS_MAX 16

/* glibc has it, no header says so. */
int __nss_configure_lookup(const char *database, const char *services);

static char *buffer;
static size_t size = 1024;

/* Makes the buffer twice as large, as every caller does on ERANGE. */
static void
grow(void)
{
    size *= 2;
    if (size > BUFFER_MAX)
        errx(1, "ERANGE without end");
    free(buffer);
    buffer = malloc(size);
    if (buffer == NULL)
        err(1, NULL);
}

/* Each of the three: -1 and the entry is in out, 0: there is none, or the
 * error. */
static int
passwd(FILE *out, const char *key)
{
    struct passwd pw, *found = NULL;
    int error = ERANGE;

    while (error == ERANGE) {
        error = isdigit((unsigned char)key[0]) ? getpwuid_r((uid_t)strtoul(key, NULL, 10), &pw, buffer, size, &found)
                                               : getpwnam_r(key, &pw, buffer, size, &found);
        if (error == ERANGE)
            grow();
    }
    if (found != NULL)
        fprintf(out, "%s:%s:%u:%u:%s:%s:%s", pw.pw_name, pw.pw_passwd, pw.pw_uid, pw.pw_gid, pw.pw_gecos, pw.pw_dir,
                pw.pw_shell);
    return found != NULL ? -1 : error;
}

static int
group(FILE *out, const char *key)
{
    struct group gr, *found = NULL;
    int error = ERANGE;

    while (error == ERANGE) {
        error = isdigit((unsigned char)key[0]) ? getgrgid_r((gid_t)strtoul(key, NULL, 10), &gr, buffer, size, &found)
                                               : getgrnam_r(key, &gr, buffer, size, &found);
        if (error == ERANGE)
            grow();
    }
    if (found == NULL)
        return error;
    fprintf(out, "%s:%s:%u:", gr.gr_name, gr.gr_passwd, gr.gr_gid);
    for (char **member = gr.gr_mem; *member != NULL; member++)
        fprintf(out, "%s%s", member == gr.gr_mem ? "" : ",", *member);
    return -1;
}

static int
groups(FILE *out, const char *name, gid_t primary, char between)
{
    static gid_t gids[GIDS_MAX];
    int n = GIDS_MAX;

    if (getgrouplist(name, primary, gids, &n) < 0)
        err(1, "getgrouplist");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            fputc(between, out);
        fprintf(out, "%u", gids[i]);
    }
    return -1;
}

static void
use_services(const char *services)
{
    if (__nss_configure_lookup("passwd", services) != 0 || __nss_configure_lookup("group", services) != 0 ||
        __nss_configure_lookup("initgroups", services) != 0)
        err(1, "%s", services);
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* "passwd KEY" and so on; the answer is in memory that the caller frees.
 * *ms_out: how long it took. */
static char *
answer(const char *question, double *ms_out)
{
    char *text = NULL, *name;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    double start = now();
    int error;

    if (out == NULL)
        err(1, NULL);
    if (strncmp(question, "passwd ", 7) == 0) {
        error = passwd(out, question + 7);
    } else if (strncmp(question, "group ", 6) == 0) {
        error = group(out, question + 6);
    } else if (strncmp(question, "groups ", 7) == 0) {
        gid_t primary = (gid_t)strtoul(question + 7, &name, 10);

        error = groups(out, name + (*name == ' '), primary, ' ');
    } else {
        errx(3, "no question: %s", question);
    }
    *ms_out = now() - start;
    if (error >= 0)
        fprintf(out, "%s", error > 0 ? strerrorname_np(error) : "not found");
    if (fclose(out) != 0)
        err(1, NULL);
    return text;
}

static int
ask(void)
{
    char *question = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&question, &room, stdin)) > 0) {
        double ms;
        char *text;

        if (question[n - 1] == '\n')
            question[n - 1] = '\0';
        text = answer(question, &ms);
        printf("%.2f %s\n", ms, text);
        (void)fflush(stdout);
        free(text);
    }
    free(question);
    return 0;
}

static int
repeat(double seconds, const char *question)
{
    char *answers[ANSWERS_MAX];
    unsigned long counts[ANSWERS_MAX];
    size_t n = 0;
    double end = now() + seconds * 1e3, ms;

    while (now() < end) {
        char *text = answer(question, &ms);
        size_t i = 0;

        while (i < n && strcmp(answers[i], text) != 0)
            i++;
        if (i < n) {
            free(text);
        } else if (n < ANSWERS_MAX) {
            counts[n] = 0;
            answers[n++] = text;
        } else {
            errx(1, "more than %d answers, the last one: %s", ANSWERS_MAX, text);
        }
        counts[i]++;
    }
    for (size_t i = 0; i < n; i++) {
        printf("%lu %s\n", counts[i], answers[i]);
        free(answers[i]);
    }
    return 0;
}

/* One lookup, and its exit status. */
static int
once(int argc, char **argv)
{
    double start = now();
    int error;

    if (argc == 3 && strcmp(argv[1], "passwd") == 0)
        error = passwd(stdout, argv[2]);
    else if (argc == 3 && strcmp(argv[1], "group") == 0)
        error = group(stdout, argv[2]);
    else if (argc == 4 && strcmp(argv[1], "groups") == 0)
        error = groups(stdout, argv[2], (gid_t)strtoul(argv[3], NULL, 10), '\n');
    else
        errx(3, "usage: nssprobe [-s SERVICES] passwd|group NAME|ID, groups NAME "
                "PRIMARY-GID, ask, "
                "or repeat SECONDS QUESTION");
    fprintf(stderr, "%.1f ms\n", now() - start);
    printf("%s\n", error > 0 ? strerrorname_np(error) : error == 0 ? "not found" : "");
    return error < 0 ? 0 : error == 0 ? 2 : 1;
}

int
main(int argc, char **argv)
{
    int status;

    if (argc > 3 && strcmp(argv[1], "-s") == 0) {
        use_services(argv[2]);
        argc -= 2;
        argv += 2;
    }
    grow();
    if (argc == 2 && strcmp(argv[1], "ask") == 0)
        status = ask();
    else if (argc == 4 && strcmp(argv[1], "repeat") == 0)
        status = repeat(strtod(argv[2], NULL), argv[3]);
    else
        status = once(argc, argv);
    free(buffer);
    return status;
}
