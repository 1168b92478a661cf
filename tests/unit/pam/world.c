#include "tests/unit/pam/world.h"

#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/unit/pam/script.h"

#define USERS_MAX 8
#define LOGS_MAX 64

static struct {
    struct passwd users[USERS_MAX];
    char names[USERS_MAX][512];
    size_t n_users;
    uint32_t listener;
    char logs[LOGS_MAX][2048];
    size_t n_logs, taken;
} world;

void
world_reset(void)
{
    memset(&world, 0, sizeof(world));
}

void
world_add_user(const char *name, uint32_t uid)
{
    size_t i = world.n_users++;

    if (i >= USERS_MAX)
        errx(1, "too many users");
    (void)snprintf(world.names[i], sizeof(world.names[i]), "%s", name);
    world.users[i].pw_name = world.names[i];
    world.users[i].pw_uid = uid;
    world.users[i].pw_gid = uid;
}

void
world_set_listener(uint32_t uid)
{
    world.listener = uid;
}

const char *
world_next_log(void)
{
    return world.taken < world.n_logs ? world.logs[world.taken++] : NULL;
}

/* The program stands before libpam and libc in the search for symbols, so the module finds these here. */

struct passwd *
pam_modutil_getpwnam(pam_handle_t *pamh, const char *user)
{
    (void)pamh;
    for (size_t i = 0; i < world.n_users; i++) {
        if (strcmp(world.names[i], user) == 0)
            return &world.users[i];
    }
    return NULL;
}

void
pam_vsyslog(const pam_handle_t *pamh, int priority, const char *fmt, va_list args)
{
    static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
    char *line;
    int n;

    (void)pamh;
    if (strcmp(fmt, "conversation failed") == 0)
        return; /* libpam's own */
    if (world.n_logs == LOGS_MAX)
        errx(1, "too many lines of log");
    line = world.logs[world.n_logs++];
    n = snprintf(line, sizeof(world.logs[0]), "%s ", names[priority & 7]);
    (void)vsnprintf(line + n, sizeof(world.logs[0]) - (size_t)n, fmt, args);
}

void
pam_syslog(const pam_handle_t *pamh, int priority, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    pam_vsyslog(pamh, priority, fmt, args);
    va_end(args);
}

/* Whoever runs the tests, the program is root's. */
uid_t
getuid(void)
{
    return 0;
}

uid_t
geteuid(void)
{
    return 0;
}

int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
    union {
        void *object;
        int (*function)(int, int, int, void *, socklen_t *);
    } libc;
    struct ucred *peer = value;
    int rc;

    libc.object = dlsym(RTLD_NEXT, "getsockopt");
    rc = libc.function(fd, level, name, value, len);
    if (rc == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
        peer->uid = world.listener;
    return rc;
}

static bool
holds(const unsigned char *bytes, size_t n, const char *disguised, size_t len)
{
    for (size_t i = 0; i + len <= n; i++) {
        size_t k = 0;

        while (k < len && (bytes[i + k] ^ SCRIPT_DISGUISE) == (unsigned char)disguised[k])
            k++;
        if (k == len)
            return true;
    }
    return false;
}

/* Pieces overlap by len, so nothing is missed between them. */
static bool
range_holds(int memory, uintptr_t start, uintptr_t end, const char *disguised, size_t len)
{
    static unsigned char piece[65536];
    bool found = false;

    while (!found && start + len <= end) {
        size_t want = end - start < sizeof(piece) ? end - start : sizeof(piece);
        ssize_t n = pread(memory, piece, want, (off_t)start);

        if (n < (ssize_t)len)
            break;
        found = holds(piece, (size_t)n, disguised, len);
        start += (size_t)n == end - start ? (size_t)n : (size_t)n - len + 1;
    }
    explicit_bzero(piece, sizeof(piece));
    return found;
}

bool
world_memory_holds(const char *disguised, size_t n)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[1024];
    bool found = false;

    if (maps == NULL || memory < 0)
        err(1, "/proc/self");
    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t start, end;
        char mode[5];

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, mode) != 3)
            continue;
        /* What is larger is a sanitizer's shadow, which holds no data. */
        if (mode[0] == 'r' && mode[1] == 'w' && end - start < (1U << 28))
            found = range_holds(memory, start, end, disguised, n);
    }
    (void)fclose(maps);
    (void)close(memory);
    return found;
}
