/*
 * keeper's requests about files with NT hashes, which are root's, and which
 * their users may read: in a folder of root's, so that a name there is what
 * keeper made; in memory, so that none is on a disk; and written by nobody else,
 * since who could write there could fill the memory that all of /run has.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/krb/ntlm_file.h"
#include "lib/krb/ntlm_line.h"
#include "lib/proto/sealed.h"

#define NEW PROTO_NTLM_FOLDER "/.new"

/* The whole of the memfd, without looking at it. */
static bool
copy(int from, int to)
{
    struct stat st;
    off_t at = 0;

    /* Of another kind of file it is not known how long a read takes. */
    if (sealed_check(from) != 0 || fstat(from, &st) != 0)
        return false;
    errno = EMSGSIZE;
    if (st.st_size <= 0 || st.st_size > NTLM_LINE_MAX)
        return false;
    errno = ENOSPC; /* less than all was written */
    return sendfile(to, from, &at, (size_t)st.st_size) == (ssize_t)st.st_size;
}

/* The user may read it, and nobody else but root. */
static bool
allow_reading(int fd, uint32_t uid)
{
    const uint32_t nobody = htole32((uint32_t)ACL_UNDEFINED_ID);
    struct {
        struct posix_acl_xattr_header header;
        struct posix_acl_xattr_entry entries[5];
    } acl = {
        { htole32(POSIX_ACL_XATTR_VERSION) },
        {
            { htole16(ACL_USER_OBJ), htole16(ACL_READ | ACL_WRITE), nobody },
            { htole16(ACL_USER), htole16(ACL_READ), htole32(uid) },
            { htole16(ACL_GROUP_OBJ), 0, nobody },
            { htole16(ACL_MASK), htole16(ACL_READ), nobody },
            { htole16(ACL_OTHER), 0, nobody },
        },
    };

    _Static_assert(sizeof(acl) == 4 + 5 * 8, "as the kernel reads it");
    return fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0) == 0;
}

/* Whole or not at all. */
static bool
put(const char *path, uint32_t uid, int line)
{
    int fd, err;
    bool ok;

    (void)unlink(NEW);
    fd = open(NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = copy(line, fd) && allow_reading(fd, uid) && rename(NEW, path) == 0;
    err = errno;
    (void)close(fd);
    if (!ok)
        (void)unlink(NEW);
    errno = err;
    return ok;
}

/* It is not on a disk. False with errno, 0 where it is on one. */
static bool
is_in_memory(void)
{
    int fd = open(PROTO_NTLM_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err;
    struct statfs fs;
    bool known = fd >= 0 && fstatfs(fd, &fs) == 0;

    err = known ? 0 : errno;
    if (fd >= 0)
        (void)close(fd);
    errno = err;
    return known && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* Everybody may open what is his in it, whatever the umask is; nobody may look around. */
static bool
make_folder(void)
{
    if (mkdir(PROTO_NTLM_FOLDER, 0700) == 0 ? chmod(PROTO_NTLM_FOLDER, 0711) != 0 : errno != EEXIST)
        log_error("cannot make " PROTO_NTLM_FOLDER ": %s", strerror(errno));
    else if (is_in_memory())
        return true;
    else if (errno != 0)
        log_error("what " PROTO_NTLM_FOLDER " is on cannot be told: %s", strerror(errno));
    else
        log_error(PROTO_NTLM_FOLDER " is on a disk: no NT hash is kept there; mount a tmpfs at it or above it, or set "
                                    "nt_hash = discard in [smartcard]");
    return false;
}

static void
forget(const struct ipc_ccache *m, const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        log_error("the file for NTLM of %s, %s, cannot be removed: %s", m->user, path, strerror(errno));
}

static bool
do_keep(struct keeper *k, enum ipc_type type, const uint8_t *packet, size_t len, const int *fds)
{
    char path[PROTO_NTLM_FILE_MAX];
    struct ipc_ccache m;
    struct stat st;

    if (!ipc_get_ccache(packet, len, type, &m) || fds[0] < 0)
        return false;
    if (!keeper_is_domain_user(k, &m)) {
        log_alarm("front asked for a file for NTLM of %s, uid %u, gid %u: not a user of the domain", m.user, m.uid, m.gid);
        return false;
    }
    /* front may have asked under the configuration that was in force before. */
    if (!k->config->keep_nt_hash)
        return true;
    ntlm_file_path(m.uid, m.name, path);
    /* A program of a user's has what his sessions have, and makes no others. */
    if (type == IPC_NTLM_RENEW && lstat(path, &st) != 0)
        return true;
    if (make_folder()) {
        if (put(path, m.uid, fds[0]))
            return true;
        log_error("the file for NTLM of %s, %s, cannot be written: %s%s", m.user, path, strerror(errno),
                  errno == ENOTSUP ? " (its file system must have POSIX ACLs)" : "");
    }
    /* What is in it is of an earlier logon. */
    forget(&m, path);
    return true;
}

bool
keeper_ntlm_keep(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_keep(k, IPC_NTLM_KEEP, packet, len, fds);
}

bool
keeper_ntlm_renew(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    (void)from;
    return do_keep(k, IPC_NTLM_RENEW, packet, len, fds);
}

bool
keeper_ntlm_drop(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    char path[PROTO_NTLM_FILE_MAX];
    struct ipc_ccache m;

    (void)from;
    (void)fds;
    if (!ipc_get_ccache(packet, len, IPC_NTLM_DROP, &m) || !keeper_is_domain_user(k, &m))
        return false;
    ntlm_file_path(m.uid, m.name, path);
    forget(&m, path);
    return true;
}

void
keeper_ntlm_config(const struct keeper *k)
{
    if (!k->config->keep_nt_hash && !ntlm_files_remove())
        log_error(PROTO_NTLM_FOLDER " cannot be emptied: %s", strerror(errno));
}
