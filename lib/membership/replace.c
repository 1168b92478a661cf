#include "lib/membership/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 16

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

bool
replace_begin(struct replace *r, const char *path)
{
    struct replace fresh = REPLACE_NONE;

    *r = fresh;
    if (!follow(path, fresh.path))
        return false;
    for (int i = 0; i < TRIES; i++) {
        if (!name_beside(fresh.path, fresh.fresh))
            return false;
        fresh.fd = open(fresh.fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fresh.fd >= 0) {
            *r = fresh;
            return true;
        }
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static bool
sync_directory(const char *path)
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
    if (link(r->path, name) == 0) {
        (void)strcpy(r->saved, name);
        return true;
    }
    return errno == ENOENT;
}

static void
drop_saved(struct replace *r)
{
    if (r->saved[0] != '\0')
        (void)unlink(r->saved);
    r->saved[0] = '\0';
}

bool
replace_commit(struct replace *r, mode_t mode)
{
    int error;

    if (fchmod(r->fd, mode) == 0 && fsync(r->fd) == 0 && save(r) && rename(r->fresh, r->path) == 0) {
        r->committed = true;
        r->fresh[0] = '\0';
        if (sync_directory(r->path))
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
        (void)sync_directory(r->path);
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
