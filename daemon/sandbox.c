#include <config.h> /* not daemon/config.h */

#include "daemon/role.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif

#define CALL(name) SCMP_SYS(name)

/* Memory, time, signals, waiting, reading and writing what is open. */
static const int common[] = {
    CALL(brk), CALL(mmap), CALL(munmap), CALL(mremap), CALL(mprotect), CALL(mlock), CALL(mlock2),
    CALL(munlock), CALL(exit), CALL(exit_group), CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev),
    CALL(close), CALL(fstat), CALL(fstatfs), CALL(newfstatat), CALL(statx), CALL(fcntl), CALL(dup), CALL(poll),
    CALL(ppoll), CALL(select), CALL(pselect6), CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(sendto), CALL(shutdown),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time),
    CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
    CALL(getresuid), CALL(getresgid), CALL(getgroups), CALL(getrandom), CALL(futex), CALL(rt_sigaction),
    CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack), CALL(restart_syscall), CALL(memfd_create),
    CALL(uname), CALL(sysinfo), CALL(sched_yield), CALL(sched_getaffinity), CALL(prlimit64), CALL(getrlimit),
    CALL(set_robust_list), CALL(rseq), CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink),
    CALL(readlinkat), CALL(getcwd), CALL(getdents64), CALL(membarrier), CALL(tgkill), CALL(stat), CALL(lstat),
};

static const int front[] = {
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(accept4), CALL(getsockopt),
    CALL(inotify_init1), CALL(inotify_add_watch), CALL(inotify_rm_watch), CALL(pidfd_open),
};

/*
 * What front could do harm with: it has a file that every process maps, and
 * must be able to make no hole in it, by MADV_REMOVE or by writing behind its end.
 */
static const int not_front[] = { CALL(madvise), CALL(lseek) };

/* A client of the network; sockets and what is asked of them are limited below. */
static const int network[] = {
    CALL(connect), CALL(bind), CALL(getsockname), CALL(getpeername), CALL(setsockopt), CALL(getsockopt),
    CALL(sendmmsg), CALL(recvmmsg),
};

/* Files of its own: the store, a credential cache. */
static const int files[] = {
    CALL(openat), CALL(open), CALL(pwrite64), CALL(fsync), CALL(fdatasync), CALL(ftruncate), CALL(fallocate),
    CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat), CALL(renameat2), CALL(mkdir), CALL(mkdirat),
    CALL(fchmod), CALL(fchmodat), CALL(chmod), CALL(link), CALL(linkat), CALL(flock), CALL(umask), CALL(fchown),
    CALL(utimensat),
};

static const int keyring[] = {
    CALL(keyctl), CALL(add_key), CALL(request_key), CALL(connect), CALL(getsockopt), CALL(setsockopt),
    CALL(getpeername), CALL(getsockname),
};

/* The one place where a module is shown to write: SoftHSM opens a token's files for it, to count a wrong PIN. */
#define SOFTHSM_TOKENS "/var/lib/softhsm/tokens"
static const int softhsm[] = { CALL(openat), CALL(open), CALL(ftruncate) };

/* keeper and its children need much; these nobody of ours ever needs. */
static const int never[] = {
    CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), CALL(kexec_load), CALL(kexec_file_load),
    CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(bpf), CALL(perf_event_open), CALL(mount),
    CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(swapon), CALL(swapoff), CALL(reboot), CALL(userfaultfd),
    CALL(iopl), CALL(ioperm), CALL(settimeofday), CALL(clock_settime), CALL(setns), CALL(unshare), CALL(acct),
    CALL(quotactl), CALL(open_by_handle_at),
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool
add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = seccomp_rule_add(filter, action, calls[i], 0);

        /* -EDOM: this architecture has no such call. */
        if (rc != 0 && rc != -EDOM)
            return false;
    }
    return true;
}

/* Opening with none of these flags. */
static bool
add_open_without(scmp_filter_ctx filter, uint64_t flags)
{
    int rc;

    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, flags, 0)) != 0)
        return false;
    rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, flags, 0));
    return rc == 0 || rc == -EDOM;
}

/* For reading alone. */
static bool
add_open_readonly(scmp_filter_ctx filter)
{
    return add_open_without(filter, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
}

/* A call whose argument of that number is this value. */
static bool
add_with(scmp_filter_ctx filter, int call, unsigned arg, unsigned value)
{
    const struct scmp_arg_cmp is = { .arg = arg, .op = SCMP_CMP_EQ, .datum_a = value };

    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, is) == 0;
}

/* What libc does with memory of its own, lib/base/secret.c with a secret's, and a sanitizer with both. */
static bool
add_madvise(scmp_filter_ctx filter)
{
    static const unsigned advice[] = { MADV_NORMAL, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
                                       MADV_DONTDUMP, MADV_WIPEONFORK };

    for (size_t i = 0; i < COUNT(advice); i++) {
        if (!add_with(filter, CALL(madvise), 2, advice[i]))
            return false;
    }
    return true;
}

/* A client of the internet. AF_NETLINK: getaddrinfo asks which addresses this computer has. */
static bool
add_network(scmp_filter_ctx filter)
{
    static const unsigned families[] = { AF_INET, AF_INET6, AF_NETLINK };
    /* What libresolv and libldap ask of a socket; nothing of a terminal. */
    static const unsigned ioctls[] = { FIONREAD, FIONBIO };

    for (size_t i = 0; i < COUNT(families); i++) {
        if (!add_with(filter, CALL(socket), 0, families[i]))
            return false;
    }
    for (size_t i = 0; i < COUNT(ioctls); i++) {
        if (!add_with(filter, CALL(ioctl), 1, ioctls[i]))
            return false;
    }
    return add(filter, SCMP_ACT_ALLOW, network, COUNT(network));
}

/* What every process has. */
static bool
add_common(scmp_filter_ctx filter)
{
    /* prctl as libraries name threads; never to undo what came before the filter. */
    if (!add(filter, SCMP_ACT_ALLOW, common, COUNT(common)) || !add_with(filter, CALL(prctl), 0, PR_SET_NAME))
        return false;
#ifdef __SANITIZE_ADDRESS__
    /* What the sanitizers' own runtime calls when it reports. */
    return add(filter, SCMP_ACT_ALLOW,
               (const int[]){ CALL(prctl), CALL(clone), CALL(wait4), CALL(ioctl), CALL(kill) }, 5);
#else
    return true;
#endif
}

/* Who asks the network, and has no file of its own. */
static bool
add_client(scmp_filter_ctx filter)
{
    return add_network(filter) && add_open_readonly(filter);
}

/* Files in the folder that is open there, which are replaced whole. Landlock sees to it that none is a path to elsewhere. */
static bool
add_folder(scmp_filter_ctx filter, unsigned fd)
{
    const struct scmp_arg_cmp from = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = fd };
    const struct scmp_arg_cmp to = { .arg = 2, .op = SCMP_CMP_EQ, .datum_a = fd };
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(renameat), 2, from, to);

    return (rc == 0 || rc == -EDOM) && seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(renameat2), 2, from, to) == 0 &&
           add_with(filter, CALL(openat), 0, fd) && add_with(filter, CALL(unlinkat), 0, fd);
}

/*
 * Threads of this process, and nothing else that clone makes.  Where the flags
 * of clone3 are a filter cannot look; libc takes clone where there is no such call.
 */
static bool
add_threads(scmp_filter_ctx filter)
{
    const uint64_t thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    const uint64_t not_thread = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
                                CLONE_NEWUSER | CLONE_NEWUTS | CLONE_PTRACE | CLONE_VFORK;
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

    return (rc == 0 || rc == -EDOM) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, thread | not_thread, thread)) == 0;
}

/* Are SoftHSM's tokens this very user's? As Debian installs it they are root's, and closed. */
static bool
has_softhsm(void)
{
    struct stat st;

    return lstat(SOFTHSM_TOKENS, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/*
 * PKCS#11 modules, which are other people's code: they read files, have threads
 * and talk to a daemon of theirs (pcscd) by a socket.  eventfd2: GLib, which
 * OpenSC brings along, ends the process without it.
 */
static bool
add_card(scmp_filter_ctx filter)
{
    static const int modules[] = { CALL(eventfd2) };

    return add_client(filter) && add_with(filter, CALL(socket), 0, AF_UNIX) && add_threads(filter) &&
           add(filter, SCMP_ACT_ALLOW, modules, COUNT(modules)) &&
           (!has_softhsm() || add(filter, SCMP_ACT_ALLOW, softhsm, COUNT(softhsm)));
}

/* A client of the system's bus: a socket of this computer's, and what libsystemd reads to say who it is. */
static bool
add_bus(scmp_filter_ctx filter)
{
    static const int bus[] = { CALL(connect), CALL(getsockname), CALL(getpeername), CALL(getsockopt), CALL(setsockopt) };

    return add(filter, SCMP_ACT_ALLOW, bus, COUNT(bus)) && add_with(filter, CALL(socket), 0, AF_UNIX) &&
           add_open_readonly(filter);
}

static bool
fill(scmp_filter_ctx filter, enum role role)
{
    if (role == ROLE_KEEPER)
        return add(filter, SCMP_ACT_ERRNO(EPERM), never, COUNT(never));
    if (!add_common(filter))
        return false;
    if (role != ROLE_FRONT && !add(filter, SCMP_ACT_ALLOW, not_front, COUNT(not_front)))
        return false;
    switch (role) {
    case ROLE_FRONT:
        return add(filter, SCMP_ACT_ALLOW, front, COUNT(front)) && add_open_readonly(filter) && add_madvise(filter);
    case ROLE_LOGON:
    case ROLE_NETLOGON:
        return add_client(filter);
    case ROLE_MEMBER:
        return add_client(filter) && add_folder(filter, FD_CARDS);
    case ROLE_CARD:
    case ROLE_WATCH:
        return add_card(filter);
    case ROLE_SESSION:
        return add_bus(filter);
    case ROLE_DIRECTORY:
        return add_network(filter) && add(filter, SCMP_ACT_ALLOW, files, COUNT(files));
    case ROLE_CCACHE:
        return add(filter, SCMP_ACT_ALLOW, keyring, COUNT(keyring)) && add(filter, SCMP_ACT_ALLOW, files, COUNT(files)) &&
               add_with(filter, CALL(socket), 0, AF_UNIX);
    case ROLE_KEYTAB:
        /* libkrb5 writes to a memfd, which it opens by its name below /proc, and makes no file. */
        return add_open_without(filter, O_CREAT | O_TRUNC) && add(filter, SCMP_ACT_ALLOW, (const int[]){ CALL(fsync) }, 1);
    case ROLE_KEEPER:
        break;
    }
    return false;
}

#ifdef HAVE_LINUX_LANDLOCK_H
/*
 * No writing to the file system, but below path (NULL: nowhere); to files that
 * are there alone, or with making and removing some.  A kernel without Landlock
 * changes nothing.
 */
static bool
landlock_writes(const char *path, bool make)
{
    const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE;
    struct landlock_ruleset_attr ruleset = { .handled_access_fs = writing };
    struct landlock_path_beneath_attr beneath = {
        .parent_fd = -1,
        .allowed_access = make ? writing & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE : LANDLOCK_ACCESS_FS_WRITE_FILE
    };
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
    bool ok = false;

    if (fd < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP;
    if (path != NULL)
        beneath.parent_fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    /* What is not there is not written to. */
    if (path != NULL && (beneath.parent_fd >= 0 || errno != ENOENT)) {
        if (beneath.parent_fd < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
            goto done;
    }
    ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;

done:
    if (beneath.parent_fd >= 0)
        (void)close(beneath.parent_fd);
    (void)close(fd);
    return ok;
}
#endif

/* What is beside the filter: the file system. */
static bool
limit_files(enum role role)
{
#ifdef HAVE_LINUX_LANDLOCK_H
    if (role == ROLE_DIRECTORY)
        return landlock_writes(AUTHSOD_STATEDIR, true);
    if (role == ROLE_MEMBER)
        return landlock_writes(AUTHSOD_CARDSDIR, true);
    if (role == ROLE_CARD || role == ROLE_WATCH)
        return landlock_writes(has_softhsm() ? SOFTHSM_TOKENS : NULL, false);
    if (role != ROLE_CCACHE && role != ROLE_KEEPER)
        return landlock_writes(NULL, false);
#endif
    (void)role;
    return true;
}

static bool
limit_tool(void)
{
#ifdef HAVE_LINUX_LANDLOCK_H
    return landlock_writes(NULL, false);
#else
    return true;
#endif
}

bool
sandbox_enter(enum role role)
{
    scmp_filter_ctx filter = seccomp_init(role == ROLE_KEEPER ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL && fill(filter, role) && limit_files(role) && seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok;
}

bool
sandbox_enter_tool(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL && add_common(filter) && add(filter, SCMP_ACT_ALLOW, not_front, COUNT(not_front)) &&
              add_client(filter) && limit_tool() && seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok;
}

/*
 * How a process is copied, how the copy becomes a user, and how it gives both
 * up.  The large filter is compiled and loaded once, while nobody waits: that
 * takes longer than writing a credential cache does.
 */
static const int becoming[] = { CALL(setgroups), CALL(setresgid), CALL(setresuid), CALL(seccomp), CALL(mlockall) };
static const unsigned becoming_prctl[] = { PR_SET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP };

bool
sandbox_enter_waiting(enum role role)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL && fill(filter, role) && add(filter, SCMP_ACT_ALLOW, becoming, COUNT(becoming));

    for (size_t i = 0; ok && i < COUNT(becoming_prctl); i++)
        ok = add_with(filter, CALL(prctl), 0, becoming_prctl[i]);
    ok = ok && add_with(filter, CALL(clone), 0, SANDBOX_COPY);
    ok = ok && limit_files(role) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

bool
sandbox_end_waiting(void)
{
    const struct scmp_arg_cmp is_not_name = { .arg = 0, .op = SCMP_CMP_NE, .datum_a = PR_SET_NAME };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL && add(filter, SCMP_ACT_ERRNO(EPERM), becoming, COUNT(becoming));

#ifndef __SANITIZE_ADDRESS__ /* whose runtime uses them, as above */
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(prctl), 1, is_not_name) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(clone), 0) == 0;
#else
    (void)is_not_name;
#endif
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}
