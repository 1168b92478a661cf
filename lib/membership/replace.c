#include "lib/membership/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/membership/replace_private.h"

#define TRIES 16
#define DIGITS 16 /* of the random part of a name */

/* path, or where it leads if it is a link that leads somewhere. */
static bool
follow(const char *path, char out[static PATH_MAX])
{
    if (realpath(path, out) != NULL)
        return true;
    if (errno != ENOENT || strlen(path) >= PATH_MAX) {
        out[0] = '\0';
        return false;
    }
    (void)strcpy(out, path);
    return true;
}

/* A name beside path that nobody can guess. */
static bool
name_beside(const char *path, char out[static PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    unsigned random[2];
    int n;

    if (slash == NULL || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        errno = EINVAL;
        return false;
    }
    n = snprintf(out, PATH_MAX, "%.*s/.%s.%08x%08x", (int)(slash - path), path, slash + 1, random[0], random[1]);
    if (n > 0 && n < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* ".krb5.keytab.0123456789abcdef" for "krb5.keytab" */
static bool
is_name_of(const char *name, const char *file)
{
    size_t n = strlen(file);

    return name[0] == '.' && strncmp(name + 1, file, n) == 0 && name[n + 1] == '.' &&
           strlen(name + n + 2) == DIGITS && strspn(name + n + 2, "0123456789abcdef") == DIGITS;
}

bool
replace_is_beside(const char *name, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash + 1 - path);

    return path[0] == '/' && slash[1] != '\0' && strncmp(name, path, n) == 0 && is_name_of(name + n, slash + 1);
}

/* Whoever is alive has it locked. */
static void
remove_if_dead(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(directory, name, 0);
    (void)close(fd);
}

static void
sweep(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const struct dirent *e;
    DIR *d;

    if (slash == NULL)
        return;
    (void)snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path);
    d = opendir(directory);
    if (d == NULL)
        return;
    for (e = readdir(d); e != NULL; e = readdir(d)) {
        if (is_name_of(e->d_name, slash + 1))
            remove_if_dead(dirfd(d), e->d_name);
    }
    (void)closedir(d);
}

void
replace_sweep(const char *path)
{
    char whole[PATH_MAX];

    if (follow(path, whole))
        sweep(whole);
}

/* A new file with our lock. Who sweeps may have seen it before that, and have removed it: EEXIST, as if it had been there. */
static int
make_locked(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0)
        return -1;
    /* A file system without locks has nobody who sweeps, either. */
    if ((flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && fstat(fd, &st) == 0 && st.st_nlink == 1)
        return fd;
    (void)unlink(name);
    (void)close(fd);
    errno = EEXIST;
    return -1;
}

bool
replace_begin(struct replace *r, const char *path)
{
    struct replace fresh = REPLACE_NONE;

    *r = fresh;
    if (!follow(path, fresh.path))
        return false;
    sweep(fresh.path);
    for (int i = 0; i < TRIES; i++) {
        if (!name_beside(fresh.path, fresh.fresh))
            return false;
        fresh.fd = make_locked(fresh.fresh);
        if (fresh.fd >= 0) {
            *r = fresh;
            return true;
        }
        if (errno != EEXIST)
            return false;
    }
    return false;
}

bool
replace_sync_directory(const char *path)
{
    char directory[PATH_MAX], *slash;
    int fd;
    bool good;

    (void)snprintf(directory, sizeof(directory), "%s", path);
    slash = strrchr(directory, '/');
    if (slash == NULL)
        return false;
    slash[slash == directory ? 1 : 0] = '\0';
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    good = fsync(fd) == 0;
    (void)close(fd);
    return good;
}

/* Keeps the old file under another name. True also where there is none. */
static bool
save(struct replace *r)
{
    char name[PATH_MAX];

    if (!name_beside(r->path, name))
        return false;
    if (link(r->path, name) != 0)
        return errno == ENOENT;
    (void)strcpy(r->saved, name);
    r->saved_fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    /* What cannot be locked is still ours; it only is not safe from who sweeps just now. */
    if (r->saved_fd >= 0)
        (void)flock(r->saved_fd, LOCK_EX | LOCK_NB);
    return true;
}

static void
close_saved(struct replace *r)
{
    if (r->saved_fd >= 0)
        (void)close(r->saved_fd);
    r->saved_fd = -1;
}

static void
drop_saved(struct replace *r)
{
    if (r->saved[0] != '\0')
        (void)unlink(r->saved);
    r->saved[0] = '\0';
    close_saved(r);
}

bool
replace_ready(struct replace *r, mode_t mode)
{
    return fchmod(r->fd, mode) == 0 && fsync(r->fd) == 0;
}

bool
replace_commit(struct replace *r, mode_t mode)
{
    int error;

    if (replace_ready(r, mode) && save(r) && rename(r->fresh, r->path) == 0) {
        r->committed = true;
        r->fresh[0] = '\0';
        if (replace_sync_directory(r->path))
            return true;
    }
    error = errno;
    replace_undo(r);
    errno = error;
    return false;
}

static void
close_file(struct replace *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
}

void
replace_undo(struct replace *r)
{
    close_file(r);
    if (r->fresh[0] != '\0')
        (void)unlink(r->fresh);
    r->fresh[0] = '\0';
    if (r->committed && r->saved[0] != '\0') {
        (void)rename(r->saved, r->path);
        r->saved[0] = '\0';
    } else if (r->committed) {
        (void)unlink(r->path);
    }
    drop_saved(r);
    if (r->committed)
        (void)replace_sync_directory(r->path);
    r->committed = false;
}

void
replace_keep(struct replace *r)
{
    close_file(r);
    if (r->fresh[0] != '\0')
        (void)unlink(r->fresh);
    r->fresh[0] = '\0';
    drop_saved(r);
    r->committed = false;
}

static bool
write_all(int fd, const void *bytes, size_t n)
{
    ssize_t written = write(fd, bytes, n);

    if (written >= 0 && (size_t)written != n)
        errno = ENOSPC;
    return written == (ssize_t)n;
}

bool
replace_bytes(const char *path, const void *bytes, size_t n, const struct stat *like)
{
    struct replace r;
    int error;

    if (!replace_begin(&r, path))
        return false;
    if (write_all(r.fd, bytes, n) && (like == NULL || fchown(r.fd, like->st_uid, like->st_gid) == 0) &&
        replace_commit(&r, like == NULL ? 0600 : like->st_mode & 07777)) {
        replace_keep(&r);
        return true;
    }
    error = errno;
    replace_undo(&r);
    errno = error;
    return false;
}

int
membership_lock(void)
{
    int fd = open(MEMBERSHIP_LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), error;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}
