#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/proto/client.h"

#define SD_LISTEN_FDS_START 3
#define BACKLOG 4096

static bool
find_account(const char *name, struct account *account_out)
{
    const struct passwd *pw = getpwnam(name);

    if (pw == NULL || pw->pw_uid == 0) {
        log_error("there is no user \"%s\": make it with systemd-sysusers, or `useradd --system --shell "
                  "/usr/sbin/nologin --home-dir / %s`",
                  name, name);
        return false;
    }
    account_out->uid = pw->pw_uid;
    account_out->gid = pw->pw_gid;
    return true;
}

/* On a disk that is read-only nothing can be changed, nor need it be. */
static bool
is_as_it_should_be(const struct stat *st, mode_t mode, uid_t uid, gid_t gid)
{
    return st->st_uid == uid && st->st_gid == gid && (st->st_mode & 07777) == mode;
}

/* Makes a folder, or takes the one that is there if it is a folder of the right owner: its descriptor, or -1 (logged). */
static int
open_folder(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat st;
    bool ok = false;
    int fd;

    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        log_error("cannot make %s: %s", path, strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        if (st.st_uid != 0 && st.st_uid != uid)
            errno = EPERM;
        else
            ok = is_as_it_should_be(&st, mode, uid, gid) || (fchown(fd, uid, gid) == 0 && fchmod(fd, mode) == 0);
    }
    if (ok)
        return fd;
    log_error("%s cannot be used, it must be a folder of root's or ours: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool
make_folder(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    int fd = open_folder(path, mode, uid, gid);

    return fd >= 0 && close(fd) == 0;
}

/*
 * member's own, which it cannot reach by its path where its parents are closed.
 * Where there is none (a full disk, one that is read-only) nothing can be
 * remembered, and all else goes on; member gets what is no folder in its place.
 */
static bool
open_cards(struct keeper *k)
{
    k->cards_fd = open_folder(AUTHSOD_CARDSDIR, 0700, k->member.uid, k->member.gid);
    if (k->cards_fd < 0)
        k->cards_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return k->cards_fd >= 0;
}

/* One daemon a computer: the lock lives as long as keeper. */
static bool
take_lock(struct keeper *k)
{
    k->lock_fd = open(AUTHSOD_RUNDIR "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* One of an earlier life will do where nothing can be written. */
    if (k->lock_fd < 0 && errno == EROFS)
        k->lock_fd = open(AUTHSOD_RUNDIR "/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (k->lock_fd < 0) {
        log_error("cannot open " AUTHSOD_RUNDIR "/lock: %s", strerror(errno));
        return false;
    }
    if (flock(k->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("another authsodd is running");
        return false;
    }
    return true;
}

static int
listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd;

    memcpy(a.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if ((unlink(path) != 0 && errno != ENOENT) || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0) {
        log_error("cannot listen at %s: %s", path, strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* systemd's sockets are told apart by their path, whatever their order. */
static void
take_activated(struct keeper *k, int fd)
{
    struct sockaddr_un a;
    socklen_t len = sizeof(a);

    memset(&a, 0, sizeof(a));
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 || a.sun_family != AF_UNIX)
        return;
    if (strcmp(a.sun_path, CLIENT_PATH_NSS) == 0)
        k->nss_fd = fd;
    else if (strcmp(a.sun_path, CLIENT_PATH_PAM) == 0)
        k->pam_fd = fd;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

static bool
make_sockets(struct keeper *k)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

    if (pid != NULL && n != NULL && strtol(pid, NULL, 10) == (long)getpid()) {
        int count = (int)strtol(n, NULL, 10);

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count && count <= 16; fd++)
            take_activated(k, fd);
        k->activated = true;
    }
    if (k->nss_fd < 0)
        k->nss_fd = listen_at(CLIENT_PATH_NSS);
    if (k->pam_fd < 0)
        k->pam_fd = listen_at(CLIENT_PATH_PAM);
    return k->nss_fd >= 0 && k->pam_fd >= 0;
}

bool
keeper_setup(struct keeper *k)
{
    if (!secret_allow_lock())
        log_warning("memory cannot be locked (%s): passwords and tickets may be written to swap, which should be "
                    "encrypted; give this service CAP_SYS_RESOURCE or an unlimited RLIMIT_MEMLOCK",
                    strerror(errno));
    return find_account("authsod", &k->daemon) && find_account("authsod-member", &k->member) &&
           find_account("authsod-logon", &k->logon) && make_folder(AUTHSOD_RUNDIR, 0755, 0, 0) &&
           make_folder(AUTHSOD_STATEDIR, 0700, k->daemon.uid, k->daemon.gid) && open_cards(k) &&
           take_lock(k) && make_sockets(k);
}

void
keeper_cleanup(struct keeper *k)
{
    if (k->activated || k->nss_fd < 0)
        return;
    (void)unlink(CLIENT_PATH_NSS);
    (void)unlink(CLIENT_PATH_PAM);
}
