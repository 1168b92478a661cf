/*
 * The identity map's files.  Everybody maps them, so root makes them, wholly
 * allocated, and front, which everybody talks to, only ever fills one: it can
 * make no file shorter, nor put one in place that is not of this size.
 *
 * Nothing here waits: room is allocated and given back piece by piece, one in
 * a turn of keeper's loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/identmap/format.h"
#include "lib/identmap/local_list.h"
#include "lib/proto/client.h"

#define NAME (&IDENTMAP_PATH[sizeof(AUTHSOD_RUNDIR)]) /* inside the folder */
#define NEW "identmap.new"
#define PIECE (16U << 20)   /* bytes that are allocated or given back in one turn: a few milliseconds */
#define OLD_MAX 16U         /* superseded files whose room is not given back yet */
#define OLD_MS 60000        /* after that nobody is reading a superseded file any more */
#define AGAIN_MS 1000       /* a file that could not be put in place is tried again */

/* A superseded file. */
struct old {
    int fd;                 /* -1: none */
    off_t at;               /* so far its room was given back */
    int64_t due;            /* client_now() based */
};

struct maps {
    int new_fd;             /* not in place yet; -1 */
    uint32_t size, done;    /* its bytes, and how many of them are allocated */
    bool wanted;            /* front has asked to place it */
    int64_t again;          /* and that is tried again then */
    bool told;              /* the log says that it failed */
    int placed_fd;          /* the one in place; -1 */
    struct old old[OLD_MAX];
};

int
keeper_map_file(const struct keeper *k, const char *name)
{
    int fd, err;

    (void)unlinkat(k->run_fd, name, 0);
    fd = openat(k->run_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    /* Whatever the umask, and whosever files the folder's are. */
    if (fchown(fd, 0, 0) == 0 && fchmod(fd, 0644) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    (void)unlinkat(k->run_fd, name, 0);
    errno = err;
    return -1;
}

/* By pwrite, and not in a mapping: whatever file it is, this cannot raise SIGBUS. */
static void
supersede(int fd)
{
    const uint32_t yes = 1;

    if (pwrite(fd, &yes, sizeof(yes), offsetof(struct shared_head, superseded)) != (ssize_t)sizeof(yes))
        log_error("cannot mark a file as superseded: %s", strerror(errno));
}

/* Gives back the room of the next piece, but for the head. False: that was all. */
static bool
punch(struct old *o)
{
    struct stat st;
    off_t n;

    if (o->at < (off_t)IDENTMAP_PAGE)
        o->at = IDENTMAP_PAGE;
    if (fstat(o->fd, &st) != 0 || o->at >= st.st_size)
        return false;
    n = st.st_size - o->at < (off_t)PIECE ? st.st_size - o->at : (off_t)PIECE;
    if (fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, o->at, n) != 0) {
        log_debug("room of a superseded file is not given back: %s", strerror(errno));
        return false;
    }
    o->at += n;
    return true;
}

static void
forget_old(struct old *o)
{
    (void)close(o->fd);
    *o = (struct old){ .fd = -1 };
}

static struct old *
free_old(struct maps *m)
{
    for (size_t i = 0; i < OLD_MAX; i++) {
        if (m->old[i].fd < 0)
            return &m->old[i];
    }
    return NULL;
}

/* Takes fd over: it is superseded, and its room given back a minute later. */
static void
retire(struct maps *m, int fd)
{
    struct old *o = free_old(m);

    supersede(fd);
    if (o != NULL)
        *o = (struct old){ .fd = fd, .due = client_now() + OLD_MS };
    else
        (void)close(fd);
}

/* A file that an earlier life left. */
static void
put_away(const struct keeper *k, const char *name)
{
    int fd = openat(k->run_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
        st.st_size >= (off_t)sizeof(struct shared_head))
        retire(k->maps, fd);
    else if (fd >= 0)
        (void)close(fd);
    (void)unlinkat(k->run_fd, name, 0);
}

/* Nothing is left of a file that is not in place. */
static void
drop_new(const struct keeper *k)
{
    struct maps *m = k->maps;

    if (m->new_fd < 0)
        return;
    (void)close(m->new_fd);
    (void)unlinkat(k->run_fd, NEW, 0);
    m->new_fd = -1;
    m->wanted = false;
}

bool
keeper_map_begin(struct keeper *k, const char *folder)
{
    struct maps *m = talloc_zero(k, struct maps);

    if (m == NULL)
        return false;
    m->new_fd = m->placed_fd = -1;
    for (size_t i = 0; i < OLD_MAX; i++)
        m->old[i].fd = -1;
    k->run_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (k->run_fd < 0 || getrandom(k->map_key, sizeof(k->map_key), 0) != (ssize_t)sizeof(k->map_key)) {
        log_error("cannot use %s: %s", folder, strerror(errno));
        return false;
    }
    k->maps = m;
    (void)unlinkat(k->run_fd, NEW, 0);
    put_away(k, NAME);
    put_away(k, &LOCAL_LIST_PATH[sizeof(AUTHSOD_RUNDIR)]);
    return true;
}

static void
tell(struct keeper *k, uint32_t code)
{
    const struct child *front = keeper_child(k, ROLE_FRONT);
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_MAP_IS, code);
    if (front != NULL && !channel_send(front->channel, packet, w.len, &k->maps->new_fd, code == 0 ? 1 : 0, false))
        log_error("front does not take a map: %s", strerror(errno));
}

/* Not so much that others find the disk full: they need the folder's disk, too. */
static bool
has_room(const struct keeper *k, uint32_t size)
{
    struct statvfs st;

    return fstatvfs(k->run_fd, &st) != 0 || size <= (uint64_t)st.f_bavail * st.f_frsize / 2;
}

/* 0, or errno. */
static int
begin_new(struct keeper *k, uint32_t size)
{
    struct maps *m = k->maps;

    /* Whoever makes so many so fast is not filling them. */
    if (free_old(m) == NULL)
        return EBUSY;
    if (!has_room(k, size))
        return ENOSPC;
    m->new_fd = keeper_map_file(k, NEW);
    m->size = size;
    m->done = 0;
    return m->new_fd < 0 ? errno : 0;
}

static int
write_head(const struct keeper *k)
{
    int fd = k->maps->new_fd;
    void *head = mmap(NULL, IDENTMAP_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (head == MAP_FAILED)
        return errno;
    shared_head_init(head, IDENTMAP_MAGIC, IDENTMAP_VERSION, k->map_key);
    (void)munmap(head, IDENTMAP_PAGE);
    return 0;
}

/* Allocates the next piece; when all is there front gets it. */
static void
go_on(struct keeper *k)
{
    struct maps *m = k->maps;
    uint32_t n = m->size - m->done < PIECE ? m->size - m->done : PIECE;
    int code = posix_fallocate(m->new_fd, m->done, n);

    if (code == EINTR)
        return;
    if (code == 0) {
        m->done += n;
        if (m->done < m->size)
            return;
        code = write_head(k);
    }
    if (code == 0) {
        tell(k, 0);
        return;
    }
    drop_new(k);
    tell(k, (uint32_t)code);
}

bool
keeper_map_new(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    uint32_t size;
    int code;

    (void)from;
    (void)fds;
    if (!ipc_get_number(packet, len, IPC_MAP_NEW, &size) || size < IDENTMAP_SIZE_MIN || size > IDENTMAP_SIZE_MAX ||
        (size & (size - 1)) != 0 || k->maps == NULL)
        return false;
    drop_new(k);
    code = begin_new(k, size);
    if (code == 0)
        go_on(k);
    else
        tell(k, (uint32_t)code);
    return true;
}

/* Puts the new file in place. Where that fails, which it does not on a disk that can be written, it is tried again. */
static void
place(const struct keeper *k)
{
    struct maps *m = k->maps;

    if (renameat(k->run_fd, NEW, k->run_fd, NAME) != 0) {
        if (!m->told)
            log_error("cannot put the identity map in its place: %s", strerror(errno));
        m->told = true;
        m->again = client_now() + AGAIN_MS;
        return;
    }
    if (m->placed_fd >= 0)
        retire(m, m->placed_fd);
    m->placed_fd = m->new_fd;
    m->new_fd = -1;
    m->wanted = m->told = false;
}

bool
keeper_map_place(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct maps *m = k->maps;

    (void)from;
    (void)fds;
    if (!ipc_get_empty(packet, len, IPC_MAP_PLACE) || m == NULL || m->new_fd < 0 || m->done < m->size || m->wanted)
        return false;
    m->wanted = true;
    place(k);
    return true;
}

bool
keeper_map_turn(struct keeper *k)
{
    struct maps *m = k->maps;
    int64_t now = client_now();
    bool more = false;

    if (m->new_fd >= 0 && m->done < m->size)
        go_on(k);
    else if (m->wanted && now >= m->again)
        place(k);
    for (size_t i = 0; i < OLD_MAX; i++) {
        if (m->old[i].fd < 0 || now < m->old[i].due)
            continue;
        if (!punch(&m->old[i]))
            forget_old(&m->old[i]);
        else
            more = true;
    }
    return more || (m->new_fd >= 0 && m->done < m->size);
}

void
keeper_map_front_gone(struct keeper *k)
{
    if (k->maps != NULL)
        drop_new(k);
}

void
keeper_map_end(struct keeper *k)
{
    struct maps *m = k->maps;

    if (m == NULL)
        return;
    drop_new(k);
    if (m->placed_fd >= 0) {
        struct old *o = free_old(m);

        supersede(m->placed_fd);
        (void)unlinkat(k->run_fd, NAME, 0);
        if (o != NULL)
            *o = (struct old){ .fd = m->placed_fd };
        else
            (void)close(m->placed_fd);
    }
    for (size_t i = 0; i < OLD_MAX; i++) {
        if (m->old[i].fd < 0)
            continue;
        while (punch(&m->old[i]))
            ;
        forget_old(&m->old[i]);
    }
    TALLOC_FREE(k->maps);
    (void)close(k->run_fd);
    k->run_fd = -1;
}
