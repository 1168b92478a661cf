/*
 * keeper's requests about files with NT hashes, which are their users' to read
 * and nobody else's: in a folder of root's, so that a name there is what keeper
 * made, and in memory, so that none is on a disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "daemon/ntlm_file.h"
#include "lib/base/log.h"
#include "lib/krb/ntlm_line.h"

#define NEW PROTO_NTLM_FOLDER "/.new"

/* The whole of the memfd, without looking at it. */
static bool
copy(int from, int to)
{
    struct stat st;
    off_t at = 0;

    if (fstat(from, &st) != 0)
        return false;
    errno = EINVAL;
    if (st.st_size <= 0 || st.st_size > NTLM_LINE_MAX)
        return false;
    return sendfile(to, from, &at, (size_t)st.st_size) == (ssize_t)st.st_size;
}

/* Whole or not at all. */
static bool
put(const char *path, uint32_t uid, uint32_t gid, int line)
{
    int fd, err;
    bool ok;

    (void)unlink(NEW);
    fd = open(NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = copy(line, fd) && fchown(fd, uid, gid) == 0 && rename(NEW, path) == 0;
    err = errno;
    (void)close(fd);
    if (!ok)
        (void)unlink(NEW);
    errno = err;
    return ok;
}

/* Everybody may open what is his in it, whatever the umask is; nobody may look around. */
static bool
make_folder(void)
{
    return mkdir(PROTO_NTLM_FOLDER, 0700) == 0 ? chmod(PROTO_NTLM_FOLDER, 0711) == 0 : errno == EEXIST;
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
    /* A program of a user's has what his sessions have, and makes no others. */
    if (!ntlm_file_path(m.uid, m.name, path) || (type == IPC_NTLM_RENEW && lstat(path, &st) != 0))
        return true;
    if (!make_folder())
        log_error("cannot make " PROTO_NTLM_FOLDER ": %s", strerror(errno));
    else if (!put(path, m.uid, m.gid, fds[0]))
        log_error("the file for NTLM of %s, %s, cannot be written: %s", m.user, path, strerror(errno));
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
    struct ipc_ccache m;

    (void)from;
    (void)fds;
    if (!ipc_get_ccache(packet, len, IPC_NTLM_DROP, &m) || !keeper_is_domain_user(k, &m))
        return false;
    keeper_ntlm_forget(&m);
    return true;
}

void
keeper_ntlm_config(const struct keeper *k)
{
    DIR *d = k->config->keep_nt_hash ? NULL : opendir(PROTO_NTLM_FOLDER);

    for (const struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d != NULL)
        (void)closedir(d);
}

void
keeper_ntlm_forget(const struct ipc_ccache *m)
{
    char path[PROTO_NTLM_FILE_MAX];

    if (ntlm_file_path(m->uid, m->name, path) && unlink(path) != 0 && errno != ENOENT)
        log_error("the file for NTLM of %s, %s, cannot be removed: %s", m->user, path, strerror(errno));
}
