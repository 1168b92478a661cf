#include "daemon/role.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <locale.h>
#include <nss.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"

static bool debug;
static struct {
    bool given;
    uint32_t uid, gid;
} as;

void
role_debug(void)
{
    debug = true;
}

bool
role_as(const char *text)
{
    char *end;

    errno = 0;
    as.uid = (uint32_t)strtoul(text, &end, 10);
    if (errno != 0 || *end != ':')
        return false;
    as.gid = (uint32_t)strtoul(end + 1, &end, 10);
    as.given = errno == 0 && *end == '\0' && as.uid != 0 && as.gid != 0;
    return as.given;
}

const char *
role_keytab_error(int err)
{
    switch (err) {
    case EINVAL:
        return "it is not a regular file of root's with something in it";
    case ELOOP:
        return "it is a symbolic link";
    default:
        return strerror(err);
    }
}

const char *
role_name(unsigned role)
{
    static const char *const names[] = { NULL, "keeper", "front", "logon", "member", "directory", "netlogon",
                                         "ccache", "keytab", "card", "watch", "session" };

    return role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}

bool
role_is_worker(unsigned role)
{
    return role == ROLE_LOGON || role == ROLE_CARD || role == ROLE_WATCH || role == ROLE_SESSION;
}

static void
tell_error(void *arg, const char *message)
{
    (void)arg;
    log_error("%s", message);
}

struct config *
role_config(TALLOC_CTX *mem, int fd)
{
    struct config *c = NULL;
    struct stat st;
    void *text;

    if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > (off_t)CONFIG_MAX)
        return NULL;
    text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        return NULL;
    c = config_parse(mem, text, (size_t)st.st_size, CONFIG_PATH, tell_error, NULL);
    (void)munmap(text, (size_t)st.st_size);
    if (c != NULL && debug)
        c->log_level = LOG_LEVEL_DEBUG;
    return c;
}

/* Names come from files: a library's getpwuid must not come back to us. */
static void
names_from_files(void)
{
    static const char *const databases[] = { "passwd", "group", "shadow", "initgroups", "netgroup", "services",
                                             "protocols" };

    for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
        (void)__nss_configure_lookup(databases[i], "files");
    (void)__nss_configure_lookup("hosts", "files");
}

/*
 * Passwords, keys and tickets are in memory of libraries', too, which they
 * wipe or not: the roles that have such stay out of swap altogether.
 */
static void
lock_memory(enum role role)
{
    /* keeper has said so once. */
    if (role != ROLE_FRONT && !secret_lock_all())
        log_debug("memory is not locked: %s", strerror(errno));
}

static void
lock_down_failed(void)
{
    log_error("cannot lock the process down: %s", strerror(errno));
    exit(EXIT_FAILURE);
}

static void
filter_failed(void)
{
    log_error("the kernel refuses the system call filter: %s", strerror(errno));
    exit(EXIT_FAILURE);
}

/* What needs no thought about the user; fast, because keeper's end must find no root process of ours. */
static void
begin(enum role role)
{
    struct rlimit none = { 0, 0 };
    char name[32];

    log_init(role_name(role), LOG_LEVEL_INFO);
    /* Else it is "exe", after /proc/self/exe, to top(1) and in the kernel's messages. */
    (void)snprintf(name, sizeof(name), "authsodd-%s", role_name(role));
    (void)prctl(PR_SET_NAME, name);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        lock_down_failed();
    names_from_files();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* Becomes the user for good. */
static void
become(uint32_t uid, uint32_t gid)
{
    pid_t keeper = getppid();

    /* The kernel drops two of our settings with the old user. */
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        lock_down_failed();
    if (getppid() != keeper)
        exit(EXIT_FAILURE);
}

static struct config *
take_config(TALLOC_CTX *mem, enum role role)
{
    struct config *c = role_config(mem, FD_CONFIG);

    if (c == NULL) {
        log_error("keeper handed down no valid configuration");
        exit(EXIT_FAILURE);
    }
    log_init(role_name(role), c->log_level);
    return c;
}

struct config *
role_begin(TALLOC_CTX *mem, enum role role)
{
    struct config *c;

    begin(role);
    if (!as.given) {
        log_error("roles are started by authsodd itself");
        exit(EXIT_FAILURE);
    }
    become(as.uid, as.gid);
    c = take_config(mem, role);
    lock_memory(role);
    if (!sandbox_enter(role))
        filter_failed();
    return c;
}

struct config *
role_begin_waiting(TALLOC_CTX *mem, enum role role)
{
    const uint32_t kept = 1U << CAP_SETUID | 1U << CAP_SETGID;
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct caps[2] = { { .effective = kept, .permitted = kept } };
    struct config *c;

    begin(role);
    if (syscall(SYS_capset, &head, caps) != 0)
        lock_down_failed();
    lock_memory(role);
    c = take_config(mem, role);
    if (!sandbox_enter_waiting(role))
        filter_failed();
    return c;
}

pid_t
role_copy(void)
{
#ifdef __s390__
    pid_t pid = (pid_t)syscall(SYS_clone, NULL, SANDBOX_COPY, NULL, NULL, NULL);
#else
    /* fork() makes nobody else's children. */
    pid_t pid = (pid_t)syscall(SYS_clone, SANDBOX_COPY, NULL, NULL, NULL, NULL);
#endif

    /* The one thing of ours that a copy does not have. */
    if (pid == 0)
        lock_memory(ROLE_CCACHE);
    return pid;
}

void
role_end_waiting(uint32_t uid, uint32_t gid)
{
    become(uid, gid);
    if (!sandbox_end_waiting())
        filter_failed();
}
