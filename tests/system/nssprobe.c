/*
 * What glibc makes of a lookup, for system tests: getent(1) shows neither
 * errno nor how long it took, and id(1) asks for much at once.
 *
 *     nssprobe [-s SERVICES] passwd|group NAME|ID
 *     nssprobe [-s SERVICES] groups NAME PRIMARY-GID
 *
 * -s: instead of what nsswitch.conf says, "files authsod" for one.
 * Prints the entry as getent does, or the ids one a line (exit 0); "not found"
 * (2); or the error by name (1).  On stderr: the milliseconds that it took.
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

static int
passwd(const char *key)
{
    struct passwd pw, *found = NULL;
    int error = ERANGE;

    while (error == ERANGE) {
        grow();
        error = isdigit((unsigned char)key[0])
                    ? getpwuid_r((uid_t)strtoul(key, NULL, 10), &pw, buffer, size, &found)
                    : getpwnam_r(key, &pw, buffer, size, &found);
    }
    if (found != NULL)
        printf("%s:%s:%u:%u:%s:%s:%s\n", pw.pw_name, pw.pw_passwd, pw.pw_uid, pw.pw_gid, pw.pw_gecos, pw.pw_dir,
               pw.pw_shell);
    return found != NULL ? -1 : error;
}

static int
group(const char *key)
{
    struct group gr, *found = NULL;
    int error = ERANGE;

    while (error == ERANGE) {
        grow();
        error = isdigit((unsigned char)key[0])
                    ? getgrgid_r((gid_t)strtoul(key, NULL, 10), &gr, buffer, size, &found)
                    : getgrnam_r(key, &gr, buffer, size, &found);
    }
    if (found == NULL)
        return error;
    printf("%s:%s:%u:", gr.gr_name, gr.gr_passwd, gr.gr_gid);
    for (char **member = gr.gr_mem; *member != NULL; member++)
        printf("%s%s", member == gr.gr_mem ? "" : ",", *member);
    printf("\n");
    return -1;
}

static int
groups(const char *name, gid_t primary)
{
    gid_t *gids = calloc(65536, sizeof(*gids));
    int n = 65536;

    if (gids == NULL || getgrouplist(name, primary, gids, &n) < 0)
        err(1, "getgrouplist");
    for (int i = 0; i < n; i++)
        printf("%u\n", gids[i]);
    free(gids);
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

int
main(int argc, char **argv)
{
    double start;
    int error;

    if (argc > 3 && strcmp(argv[1], "-s") == 0) {
        use_services(argv[2]);
        argc -= 2;
        argv += 2;
    }
    start = now();
    if (argc == 3 && strcmp(argv[1], "passwd") == 0)
        error = passwd(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "group") == 0)
        error = group(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "groups") == 0)
        error = groups(argv[2], (gid_t)strtoul(argv[3], NULL, 10));
    else
        errx(3, "usage: nssprobe [-s SERVICES] passwd|group NAME|ID, or groups NAME PRIMARY-GID");
    fprintf(stderr, "%.1f ms\n", now() - start);
    free(buffer);
    if (error > 0)
        printf("%s\n", strerrorname_np(error));
    else if (error == 0)
        printf("not found\n");
    return error < 0 ? 0 : error == 0 ? 2 : 1;
}
