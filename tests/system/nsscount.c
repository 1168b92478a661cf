/*
 * What a lookup costs a process besides time, for system tests:
 *
 *     nsscount module|glibc USER GROUP
 *
 * Looks USER and GROUP up by name and id, and USER's groups, and "no such user"
 * (nsscount-nobody), in the module itself or through glibc: all once, then each
 * between two calls getpgid(2^30), for who looks on with strace.  Prints
 * "KIND ALLOCATIONS STATUS" for each second time.
 */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK (1 << 30)
#define GIDS_MAX 4096
#define NOBODY "nsscount-nobody"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

static unsigned long allocations;

#ifndef SANITIZED /* whose functions these are */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *
malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
#endif

/* The module's functions. */
static enum nss_status (*m_getpwnam)(const char *, struct passwd *, char *, size_t, int *);
static enum nss_status (*m_getpwuid)(uid_t, struct passwd *, char *, size_t, int *);
static enum nss_status (*m_getgrnam)(const char *, struct group *, char *, size_t, int *);
static enum nss_status (*m_getgrgid)(gid_t, struct group *, char *, size_t, int *);
static enum nss_status (*m_initgroups)(const char *, gid_t, long int *, long int *, gid_t **, long int, int *);

static const char *user, *group;
static uid_t uid;
static gid_t gid;
static bool through_glibc;

static char buf[65536];
static struct passwd pw, *pw_found;
static struct group gr, *gr_found;
static gid_t gids[GIDS_MAX], *gids_p = gids;

/* 1: found, 0: not, -1: an error. */
static int
of_status(enum nss_status status)
{
    return status == NSS_STATUS_SUCCESS ? 1 : status == NSS_STATUS_NOTFOUND ? 0 : -1;
}

static int
of_error(int error, const void *found)
{
    return error != 0 ? -1 : found != NULL;
}

static int
by_name(void)
{
    int e;

    if (through_glibc) {
        e = getpwnam_r(user, &pw, buf, sizeof(buf), &pw_found);
        return of_error(e, pw_found);
    }
    return of_status(m_getpwnam(user, &pw, buf, sizeof(buf), &e));
}

static int
by_uid(void)
{
    int e;

    if (through_glibc) {
        e = getpwuid_r(uid, &pw, buf, sizeof(buf), &pw_found);
        return of_error(e, pw_found);
    }
    return of_status(m_getpwuid(uid, &pw, buf, sizeof(buf), &e));
}

static int
group_by_name(void)
{
    int e;

    if (through_glibc) {
        e = getgrnam_r(group, &gr, buf, sizeof(buf), &gr_found);
        return of_error(e, gr_found);
    }
    return of_status(m_getgrnam(group, &gr, buf, sizeof(buf), &e));
}

static int
group_by_gid(void)
{
    int e;

    if (through_glibc) {
        e = getgrgid_r(gid, &gr, buf, sizeof(buf), &gr_found);
        return of_error(e, gr_found);
    }
    return of_status(m_getgrgid(gid, &gr, buf, sizeof(buf), &e));
}

static int
groups_of(void)
{
    long int start = 1, size = GIDS_MAX;
    int e, n = GIDS_MAX;

    gids[0] = 99;
    if (through_glibc)
        return getgrouplist(user, 99, gids, &n) > 1;
    return of_status(m_initgroups(user, 99, &start, &size, &gids_p, GIDS_MAX, &e)) > 0 && start > 1;
}

static int
nobody(void)
{
    int e;

    if (through_glibc) {
        e = getpwnam_r(NOBODY, &pw, buf, sizeof(buf), &pw_found);
        return of_error(e, pw_found);
    }
    return of_status(m_getpwnam(NOBODY, &pw, buf, sizeof(buf), &e));
}

static const struct {
    const char *name;
    int (*look_up)(void);
} kinds[] = {
    { "getpwnam", by_name },      { "getpwuid", by_uid },      { "getgrnam", group_by_name },
    { "getgrgid", group_by_gid }, { "initgroups", groups_of }, { "nobody", nobody },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
symbol(void *module, const char *name, void *function_out)
{
    void *p = dlsym(module, name);

    if (p == NULL)
        errx(1, "%s", dlerror());
    memcpy(function_out, &p, sizeof(p));
}

static void
load(void)
{
    void *module = dlopen("libnss_authsod.so.2", RTLD_NOW);

    if (module == NULL)
        errx(1, "%s", dlerror());
    symbol(module, "_nss_authsod_getpwnam_r", &m_getpwnam);
    symbol(module, "_nss_authsod_getpwuid_r", &m_getpwuid);
    symbol(module, "_nss_authsod_getgrnam_r", &m_getgrnam);
    symbol(module, "_nss_authsod_getgrgid_r", &m_getgrgid);
    symbol(module, "_nss_authsod_initgroups_dyn", &m_initgroups);
}

int
main(int argc, char **argv)
{
    unsigned long counted[KINDS];
    int found[KINDS];

    if (argc != 4 || (strcmp(argv[1], "module") != 0 && strcmp(argv[1], "glibc") != 0))
        errx(2, "usage: nsscount module|glibc USER GROUP");
    through_glibc = strcmp(argv[1], "glibc") == 0;
    user = argv[2];
    group = argv[3];
    load();
    if (by_name() != 1 || group_by_name() != 1)
        errx(1, "%s or %s does not exist", user, group);
    uid = pw.pw_uid;
    gid = gr.gr_gid;
    for (size_t i = 0; i < KINDS; i++)
        (void)kinds[i].look_up();
    for (size_t i = 0; i < KINDS; i++) {
        unsigned long before = allocations;

        (void)getpgid(MARK);
        found[i] = kinds[i].look_up();
        (void)getpgid(MARK);
        counted[i] = allocations - before;
    }
    for (size_t i = 0; i < KINDS; i++)
        printf("%s %lu %d\n", kinds[i].name, counted[i], found[i]);
    return 0;
}
