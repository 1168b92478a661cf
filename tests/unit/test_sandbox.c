/* daemon/sandbox: what each role may not do is refused, what it must do is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/role.h"
#include "daemon/sandbox.h"

#define NOBODY 65534

/* Each gives true if the call was refused by the filter or by Landlock. */
static bool
refused(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES);
}

static bool
no_exec(void)
{
    char *const argv[] = { (char[]){ "true" }, NULL };

    return refused(execve("/bin/true", argv, argv + 1));
}

#ifndef __SANITIZE_ADDRESS__ /* whose runtime forks when it reports */
static bool
no_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return refused(pid);
}
#endif

static bool
no_ptrace(void)
{
    return refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static bool
no_write(void)
{
    return refused(open("/tmp/authsod-sandbox-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static bool
no_truncate(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    return fd >= 0 && refused(ftruncate(fd, 1)) && refused(fallocate(fd, 0, 0, 1));
}

/* In a file that every process maps a hole is a SIGBUS in each of them once the disk is full. */
static bool
no_hole(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p != MAP_FAILED && refused(madvise(p, 4096, MADV_REMOVE)) && refused(lseek(fd, 1, SEEK_SET)) &&
           refused(pwrite(fd, "x", 1, 8192));
}

static bool
may_map(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    char *p;

    if (fd < 0 || write(fd, "xy", 2) != 2)
        return false;
    p = mmap(NULL, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return false;
    p[1] = 'z';
    return munmap(p, 2) == 0 && close(fd) == 0;
}

#ifndef __SANITIZE_ADDRESS__ /* whose runtime asks whether it writes to a terminal */
static bool
no_typing(void)
{
    char c = '\n';

    return refused(ioctl(0, TIOCSTI, &c));
}
#endif

static bool
no_internet(void)
{
    return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_INET6, SOCK_STREAM, 0));
}

static bool
no_unix_socket(void)
{
    return refused(socket(AF_UNIX, SOCK_STREAM, 0));
}

static bool
no_setuid(void)
{
    return refused(setresuid(0, 0, 0));
}

static bool
no_new_user(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    return refused(setresuid(uid, uid, uid)) && refused(setresgid(gid, gid, gid)) && refused(setgroups(0, NULL));
}

static bool
may_become_a_user(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    return setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 && (uid != 0 || setgroups(0, NULL) == 0) &&
           prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

static long
copy(void)
{
    long pid = syscall(SYS_clone, SANDBOX_COPY, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(0);
    return pid;
}

/* And lock the memory of the copy: the call comes to its flags, which are none. */
static bool
may_copy(void)
{
    return copy() > 0 && syscall(SYS_mlockall, 0) < 0 && errno == EINVAL;
}

#ifndef __SANITIZE_ADDRESS__ /* whose runtime uses these */
static bool
no_copy(void)
{
    return refused(copy()) && refused(syscall(SYS_mlockall, 0));
}

static bool
no_undoing(void)
{
    return refused(prctl(PR_SET_DUMPABLE, 1)) && refused(prctl(PR_SET_PDEATHSIG, 0)) &&
           refused(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) &&
           refused(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)) && prctl(PR_SET_NAME, "test") == 0;
}
#endif

static bool
no_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && refused(listen(fd, 1));
}

static bool
no_namespace(void)
{
    return refused(unshare(CLONE_NEWUSER));
}

static bool
no_rename(void)
{
    return refused(unlink("/tmp/authsod-sandbox-none")) && refused(rename("/tmp/authsod-sandbox-none", "/tmp/x")) &&
           refused(link("/etc/passwd", "/tmp/authsod-sandbox-none")) && refused(mkdir("/tmp/authsod-sandbox-none", 0700)) &&
           refused(symlink("x", "/tmp/authsod-sandbox-none"));
}

static bool
no_chroot(void)
{
    return refused(chroot("/"));
}

#ifndef __SANITIZE_ADDRESS__ /* whose runtime may end the process by it */
static bool
no_kill(void)
{
    return refused(kill(getpid(), 0));
}
#endif

static bool
may_read_passwd(void)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

static bool
may_use_internet(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && close(fd) == 0;
}

static bool
may_use_unix_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && close(fd) == 0;
}

static void *
thread(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

static bool
may_have_threads(void)
{
    bool ran = false;
    pthread_t id;

    return pthread_create(&id, NULL, thread, &ran) == 0 && pthread_join(id, NULL) == 0 && ran;
}

#ifndef __SANITIZE_ADDRESS__ /* whose runtime forks when it reports */
static int
nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Neither as a process nor as one that shares our memory. */
static bool
no_process(void)
{
    static char stack[65536];
    struct clone_args args = { .exit_signal = SIGCHLD };
    long pid = syscall(SYS_clone3, &args, sizeof(args));

    if (pid == 0)
        _exit(0);
    return pid < 0 && errno == ENOSYS && refused(clone(nothing, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL)) &&
           refused(clone(nothing, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, NULL)) &&
           refused(clone(nothing, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
}
#endif

/* Not even what its user may. */
static bool
no_open_for_writing(void)
{
    return refused(open("/dev/null", O_RDWR | O_CLOEXEC)) && refused(open("/dev/null", O_WRONLY | O_CLOEXEC)) &&
           refused(open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
}

static bool
may_make_memfd(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd >= 0 && write(fd, "x", 1) == 1 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && close(fd) == 0;
}

static bool
enter_and_become(enum role role)
{
    return sandbox_enter_waiting(role) && sandbox_end_waiting();
}

/* The half of authsodctl that has the network; it has no role. */
static bool
enter_tool(enum role role)
{
    (void)role;
    return sandbox_enter_tool();
}

/* As a user, and not as root who runs the tests: the tokens of SoftHSM that are root's are nobody else's. */
static bool
enter_as_nobody(enum role role)
{
    return (geteuid() != 0 || (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                               setresuid(NOBODY, NOBODY, NOBODY) == 0)) &&
           sandbox_enter(role);
}

/* What the filter lets it do Landlock refuses, where the kernel has it. */
static bool
no_write_elsewhere(void)
{
    int fd;

    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) <= 0)
        return true;
    fd = open("/tmp/authsod-sandbox-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return refused(fd) && refused(open("/dev/null", O_WRONLY | O_CLOEXEC)) &&
           refused(mkdir("/tmp/authsod-sandbox-test", 0700));
}

struct rule {
    const char *name;
    enum role role;
    bool (*holds)(void);
    bool (*enter)(enum role role);
};

#define RULE(role, what) { #role " " #what, role, what, sandbox_enter }
/* While it waits for its user, and after that. */
#define WAITS(role, what) { #role " that waits, " #what, role, what, sandbox_enter_waiting }
#define WAITED(role, what) { #role " that has waited, " #what, role, what, enter_and_become }
#define CARD(what) { "ROLE_CARD " #what, ROLE_CARD, what, enter_as_nobody }
#define TOOL(what) { "authsodctl " #what, ROLE_KEEPER, what, enter_tool }

static const struct rule rules[] = {
    RULE(ROLE_FRONT, no_exec), RULE(ROLE_FRONT, no_ptrace), RULE(ROLE_FRONT, no_write), RULE(ROLE_FRONT, no_truncate),
    RULE(ROLE_FRONT, no_internet), RULE(ROLE_FRONT, no_unix_socket), RULE(ROLE_FRONT, no_setuid),
    RULE(ROLE_FRONT, may_read_passwd), RULE(ROLE_FRONT, may_make_memfd), RULE(ROLE_FRONT, may_map),
    RULE(ROLE_FRONT, no_hole),
    RULE(ROLE_LOGON, no_exec), RULE(ROLE_LOGON, no_ptrace), RULE(ROLE_LOGON, no_write), RULE(ROLE_LOGON, no_unix_socket),
    RULE(ROLE_LOGON, no_setuid), RULE(ROLE_LOGON, no_truncate), RULE(ROLE_LOGON, no_listen),
    RULE(ROLE_LOGON, may_use_internet), RULE(ROLE_LOGON, may_make_memfd),
    RULE(ROLE_MEMBER, no_exec), RULE(ROLE_MEMBER, no_ptrace), RULE(ROLE_MEMBER, no_write), RULE(ROLE_MEMBER, no_setuid),
    RULE(ROLE_MEMBER, no_unix_socket), RULE(ROLE_MEMBER, no_truncate), RULE(ROLE_MEMBER, no_listen),
    RULE(ROLE_MEMBER, may_use_internet),
    RULE(ROLE_NETLOGON, no_exec), RULE(ROLE_NETLOGON, no_ptrace), RULE(ROLE_NETLOGON, no_write),
    RULE(ROLE_NETLOGON, no_setuid), RULE(ROLE_NETLOGON, no_unix_socket), RULE(ROLE_NETLOGON, no_truncate),
    RULE(ROLE_NETLOGON, no_listen), RULE(ROLE_NETLOGON, may_use_internet),
    RULE(ROLE_DIRECTORY, no_exec), RULE(ROLE_DIRECTORY, no_ptrace), RULE(ROLE_DIRECTORY, no_unix_socket),
    RULE(ROLE_DIRECTORY, no_setuid), RULE(ROLE_DIRECTORY, no_listen), RULE(ROLE_DIRECTORY, may_use_internet),
    RULE(ROLE_DIRECTORY, no_write_elsewhere),
    WAITS(ROLE_CCACHE, no_exec), WAITS(ROLE_CCACHE, no_internet), WAITS(ROLE_CCACHE, no_ptrace),
    WAITS(ROLE_CCACHE, no_chroot), WAITS(ROLE_CCACHE, may_become_a_user),
    WAITS(ROLE_CCACHE, may_copy),
    WAITED(ROLE_CCACHE, no_exec), WAITED(ROLE_CCACHE, no_internet), WAITED(ROLE_CCACHE, no_setuid),
    WAITED(ROLE_CCACHE, no_new_user), WAITED(ROLE_CCACHE, no_ptrace),
    RULE(ROLE_KEYTAB, no_exec), RULE(ROLE_KEYTAB, no_ptrace), RULE(ROLE_KEYTAB, no_internet),
    RULE(ROLE_KEYTAB, no_unix_socket), RULE(ROLE_KEYTAB, no_setuid), RULE(ROLE_KEYTAB, no_write),
    RULE(ROLE_KEYTAB, may_make_memfd),
    CARD(no_exec), CARD(no_ptrace), CARD(no_write), CARD(no_open_for_writing), CARD(no_truncate), CARD(no_setuid),
    CARD(no_new_user), CARD(no_listen), CARD(no_namespace), CARD(no_rename), CARD(no_chroot), CARD(may_use_internet),
    CARD(may_use_unix_socket), CARD(may_have_threads), CARD(may_make_memfd), CARD(may_read_passwd),
    RULE(ROLE_SESSION, no_exec), RULE(ROLE_SESSION, no_ptrace), RULE(ROLE_SESSION, no_write), RULE(ROLE_SESSION, no_truncate),
    RULE(ROLE_SESSION, no_internet), RULE(ROLE_SESSION, no_setuid), RULE(ROLE_SESSION, no_rename),
    RULE(ROLE_SESSION, may_use_unix_socket), RULE(ROLE_SESSION, may_read_passwd),
    { "ROLE_WATCH no_exec", ROLE_WATCH, no_exec, enter_as_nobody }, { "ROLE_WATCH no_write", ROLE_WATCH, no_write, enter_as_nobody },
    { "ROLE_WATCH may_use_unix_socket", ROLE_WATCH, may_use_unix_socket, enter_as_nobody },
    RULE(ROLE_KEEPER, no_ptrace), RULE(ROLE_KEEPER, no_chroot),
    TOOL(no_exec), TOOL(no_ptrace), TOOL(no_write), TOOL(no_truncate), TOOL(no_unix_socket), TOOL(no_listen),
    TOOL(no_setuid), TOOL(no_new_user), TOOL(no_chroot), TOOL(may_use_internet), TOOL(may_make_memfd),
    TOOL(may_read_passwd), TOOL(no_namespace), TOOL(no_rename),
#ifndef __SANITIZE_ADDRESS__
    RULE(ROLE_FRONT, no_typing), RULE(ROLE_LOGON, no_typing), RULE(ROLE_MEMBER, no_typing),
    RULE(ROLE_DIRECTORY, no_typing), RULE(ROLE_NETLOGON, no_typing), RULE(ROLE_NETLOGON, no_fork),
    RULE(ROLE_NETLOGON, no_kill), WAITS(ROLE_CCACHE, no_typing),
    RULE(ROLE_FRONT, no_fork), RULE(ROLE_LOGON, no_fork), RULE(ROLE_MEMBER, no_fork), RULE(ROLE_DIRECTORY, no_fork),
    WAITS(ROLE_CCACHE, no_fork), WAITED(ROLE_CCACHE, no_undoing), WAITED(ROLE_CCACHE, no_copy),
    RULE(ROLE_LOGON, no_copy),
    RULE(ROLE_FRONT, no_kill), RULE(ROLE_LOGON, no_kill), RULE(ROLE_MEMBER, no_kill), RULE(ROLE_DIRECTORY, no_kill),
    RULE(ROLE_SESSION, no_typing), RULE(ROLE_SESSION, no_fork), RULE(ROLE_SESSION, no_kill),
    CARD(no_typing), CARD(no_fork), CARD(no_process), CARD(no_kill),
    WAITS(ROLE_CCACHE, no_kill), TOOL(no_typing), TOOL(no_fork), TOOL(no_kill),
#endif
};

/* In a child: 0 holds, 1 does not, 2 the sandbox could not be entered. */
static int
check(const struct rule *rule)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !rule->enter(rule->role))
            _exit(2);
        _exit(rule->holds() ? 0 : 1);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void
every_rule_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        int got = check(&rules[i]);

        if (got != 0)
            fail_msg("%s: %d", rules[i].name, got);
    }
}

/* A folder of nobody's with a file of his, where there is no other. */
static bool
own_folder(const char *folder, const char *file)
{
    int fd;

    if (mkdir(folder, 0700) != 0 || chown(folder, NOBODY, NOBODY) != 0)
        return false;
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && fchown(fd, NOBODY, NOBODY) == 0 && close(fd) == 0;
}

/* 0: what SoftHSM does with tokens of its user's can be done, and nothing like it elsewhere. */
static int
use_tokens(bool has_landlock)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
    struct flock lock = { .l_type = F_WRLCK };
    int fd;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/var/lib", "tmpfs", 0, NULL) != 0 || mkdir("/var/lib/softhsm", 0755) != 0)
        return 3;
    if (!own_folder("/var/lib/softhsm/tokens", "/var/lib/softhsm/tokens/token.object") ||
        !own_folder("/var/lib/other", "/var/lib/other/file"))
        return 4;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !enter_as_nobody(ROLE_CARD))
        return 2;
    fd = open("/var/lib/softhsm/tokens/token.object", flags, 0600);
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) != 0)
        return 5;
    if (!no_rename() || !refused(rename("/var/lib/softhsm/tokens/token.object", "/var/lib/softhsm/tokens/x")) ||
        !refused(unlink("/var/lib/softhsm/tokens/token.object")))
        return 6;
    return has_landlock && (!refused(open("/var/lib/other/file", flags, 0600)) ||
                            !refused(open("/var/lib/softhsm/tokens/new", flags, 0600)));
}

/* A disk of ours in place of the nearest folder that there is above the path, and the folders on the way. */
static bool
own_disk(const char *path)
{
    char folder[PATH_MAX];
    size_t len;

    (void)snprintf(folder, sizeof(folder), "%s", path);
    do {
        *strrchr(folder, '/') = '\0';
        len = strlen(folder);
    } while (len > 0 && access(folder, F_OK) != 0);
    if (len == 0 || mount("none", folder, "tmpfs", 0, NULL) != 0)
        return false;
    for (const char *slash = strchr(path + len + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        if (mkdir(folder, 0755) != 0)
            return false;
    }
    return true;
}

/* 0: member replaces and removes files of its folder, and nothing elsewhere. */
static int
keep_cards(bool has_landlock)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        !own_disk(AUTHSOD_CARDSDIR) || mount("none", "/mnt", "tmpfs", 0, NULL) != 0)
        return 3;
    if (!own_folder(AUTHSOD_CARDSDIR, AUTHSOD_CARDSDIR "/old") || !own_folder("/mnt/other", "/mnt/other/file"))
        return 4;
    fd = open(AUTHSOD_CARDSDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || dup2(fd, FD_CARDS) != FD_CARDS)
        return 4;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !enter_as_nobody(ROLE_MEMBER))
        return 2;
    fd = openat(FD_CARDS, "new", flags, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0 || renameat(FD_CARDS, "new", FD_CARDS, "old") != 0 ||
        unlinkat(FD_CARDS, "old", 0) != 0)
        return 5;
    if (!no_rename() || !no_open_for_writing() || !refused(unlinkat(AT_FDCWD, "/mnt/other/file", 0)) ||
        !refused(renameat(FD_CARDS, "x", AT_FDCWD, "/mnt/other/x")))
        return 6;
    return has_landlock && (!refused(openat(FD_CARDS, "/mnt/other/file", O_WRONLY | O_CLOEXEC)) ||
                            !refused(unlinkat(FD_CARDS, "/mnt/other/file", 0)));
}

/* In a child that is root, with mounts of its own. */
static void
check_folders(int (*use)(bool has_landlock))
{
    bool has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
    pid_t pid;
    int status;

    if (geteuid() != 0)
        skip();
    pid = fork();
    if (pid == 0)
        _exit(use(has_landlock));
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
softhsm_writes_to_tokens_of_its_own(void **state)
{
    (void)state;
    check_folders(use_tokens);
}

static void
member_writes_to_its_folder(void **state)
{
    (void)state;
    check_folders(keep_cards);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_rule_holds),
                                        cmocka_unit_test(softhsm_writes_to_tokens_of_its_own),
                                        cmocka_unit_test(member_writes_to_its_folder) };

    /* The directory role's own folder; the tests do not touch the real one. */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
