#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 /* inode numbers of 64 bits, in 32-bit programs too */
#endif
#include "lib/identmap/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/fd.h"

/*
 * Why a mapping is never given up while it is read.
 *
 * All that follows is sequentially consistent: there is one order of it that
 * all threads see.  A reader counts himself in his stripe and then loads
 * `current`.  A mapping is retired after it was taken out of `current`, and
 * each stripe's counter is looked at after that.  Who counted himself after
 * that look loads `current` after the mapping has left it, and does not get
 * it.  Who counted himself before it is either still counted, and the stripe is
 * looked at again another time; or he has left, and all his reading was before
 * that.  So once each stripe has been seen at 0, be it at different moments,
 * nobody reads the mapping, and it is unmapped.  The caller counts as everybody
 * else: he may hold what he got before.
 *
 * Retired mappings are a list.  Who looks after them takes the whole of it, so
 * that they are his alone, and gives back what he must leave: nothing is ever
 * taken out of a list that others see.
 *
 * A count that nobody will take back (of a thread that was reading while
 * another one forked, in the child; or of a signal handler that jumped out)
 * keeps all mappings that are retired from then on; a list that was taken at
 * such a moment is kept, too.  That costs addresses, hardly any memory: a
 * superseded file is emptied.
 */

#define ALL_IDLE UINT32_MAX

_Static_assert(SHARED_STRIPES == 32, "a bit each in `idle`");

struct shared_mapping {
    struct shared_head *head;    /* the file's bytes, for reading */
    size_t len;
    dev_t dev;                   /* the file */
    ino_t ino;
    uint32_t idle;               /* of a retired one: the stripes that had no reader since, a bit each */
    struct shared_mapping *next; /* of a retired one */
};

uint64_t
shared_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
shared_head_init(void *data, const char magic[static SHARED_MAGIC_LEN], uint32_t version,
                 const uint8_t key[static HASH_KEY_LEN])
{
    struct shared_head *head = data;

    atomic_store(&head->superseded, 0);
    atomic_store(&head->lease, 0);
    head->version = version;
    memcpy(head->key, key, HASH_KEY_LEN);
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(head->magic, magic, SHARED_MAGIC_LEN);
}

void
shared_renew(void *data, uint64_t now)
{
    struct shared_head *head = data;

    atomic_store_explicit(&head->lease, now + SHARED_LEASE_MS, memory_order_release);
}

void
shared_supersede(void *data)
{
    struct shared_head *head = data;

    atomic_store(&head->superseded, 1);
}

bool
shared_is_good(const void *data)
{
    const struct shared_head *head = data;

    /* What was copied before stays before. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&head->superseded, memory_order_relaxed) == 0;
}

static bool
is_superseded(const struct shared_mapping *m)
{
    return atomic_load_explicit(&m->head->superseded, memory_order_acquire) != 0;
}

static bool
is_believed(const struct shared_mapping *m, uint64_t now)
{
    uint64_t lease = atomic_load_explicit(&m->head->lease, memory_order_acquire);

    /* From 1 to twice SHARED_LEASE_MS away: what has run out wraps around. */
    return lease - now - 1 < 2U * SHARED_LEASE_MS && !is_superseded(m);
}

/* The descriptor of what may be mapped, and what the kernel says of it; -1 if there is none. */
static int
open_file(const char *path, struct stat *st)
{
    int fd = fd_above_stdio(open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));

    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
        st->st_size >= (off_t)SHARED_UNIT && st->st_size <= (off_t)SHARED_SIZE_MAX && st->st_size % SHARED_UNIT == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* The bytes of the file's pages in memory: where our own page begins. */
static size_t
pages(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len + page - 1) / page * page;
}

static void
unmap(struct shared_mapping *m)
{
    int err = errno;

    (void)munmap(m->head, pages(m->len) + (size_t)sysconf(_SC_PAGESIZE));
    errno = err;
}

/*
 * Maps the file and a page more, which is then replaced by one of our own.
 * Where that fails the page may be a hole already, and anybody's.
 */
static struct shared_mapping *
map_file(int fd, const struct stat *st)
{
    size_t len = (size_t)st->st_size, room = pages(len), page = (size_t)sysconf(_SC_PAGESIZE);
    struct shared_mapping *m;
    uint8_t *data = mmap(NULL, room + page, PROT_READ, MAP_SHARED, fd, 0);

    if (data == MAP_FAILED)
        return NULL;
    m = mmap(data + room, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (m == MAP_FAILED) {
        (void)munmap(data, room);
        return NULL;
    }
    (void)madvise(data, room, MADV_DONTDUMP); /* nobody's core becomes larger */
    m->head = (struct shared_head *)(void *)data;
    m->len = len;
    m->dev = st->st_dev;
    m->ino = st->st_ino;
    return m;
}

static struct shared_mapping *
map_of_place(const struct shared_place *place, int fd, const struct stat *st)
{
    struct shared_mapping *m = map_file(fd, st);

    if (m == NULL)
        return NULL;
    if (memcmp(m->head->magic, place->magic, SHARED_MAGIC_LEN) == 0 && m->head->version == place->version)
        return m;
    unmap(m);
    return NULL;
}

static void
retire(struct shared_readers *readers, struct shared_mapping *m)
{
    m->next = atomic_load(&readers->retired);
    while (!atomic_compare_exchange_weak(&readers->retired, &m->next, m))
        continue;
}

/* Adds to what is known of idle stripes those that are idle now. */
static uint32_t
look_at_stripes(struct shared_readers *readers, uint32_t idle)
{
    for (unsigned i = 0; i < SHARED_STRIPES; i++) {
        uint32_t bit = (uint32_t)1 << i;

        if ((idle & bit) == 0 && atomic_load(&readers->stripes[i].readers) == 0)
            idle |= bit;
    }
    return idle;
}

/* Unmaps what nobody reads any more. */
static void
sweep(struct shared_readers *readers)
{
    struct shared_mapping *m = atomic_exchange(&readers->retired, NULL);

    while (m != NULL) {
        struct shared_mapping *next = m->next;

        m->idle = look_at_stripes(readers, m->idle);
        if (m->idle == ALL_IDLE)
            unmap(m);
        else
            retire(readers, m);
        m = next;
    }
}

unsigned
shared_enter(struct shared_readers *readers)
{
    uint64_t self = (uint64_t)(uintptr_t)pthread_self() * 0x9e3779b97f4a7c15U;
    unsigned stripe = (unsigned)(self >> 59);

    (void)atomic_fetch_add(&readers->stripes[stripe].readers, 1);
    return stripe;
}

void
shared_leave(struct shared_readers *readers, unsigned stripe)
{
    if (atomic_fetch_sub(&readers->stripes[stripe].readers, 1) == 1 &&
        atomic_load_explicit(&readers->retired, memory_order_relaxed) != NULL)
        sweep(readers);
}

/* Puts m, which may be NULL, in the place of old. Gives what is there then. */
static struct shared_mapping *
install(struct shared_readers *readers, struct shared_place *place, struct shared_mapping *old,
        struct shared_mapping *m)
{
    struct shared_mapping *there = old;

    if (atomic_compare_exchange_strong(&place->current, &there, m)) {
        if (old != NULL)
            retire(readers, old);
        return m;
    }
    if (m != NULL)
        unmap(m);
    return there;
}

/*
 * The mapping of the place's file, where the one that there is, old, is not
 * good.  The same file stays mapped, and so does one whose writer may come
 * back; a superseded one goes as soon as the path names it no more.  Never
 * inline: shared_get, which hardly ever comes here, would save its registers.
 */
static __attribute__((noinline)) struct shared_mapping *
map_anew(struct shared_readers *readers, struct shared_place *place, struct shared_mapping *old)
{
    int err = errno, cancel = PTHREAD_CANCEL_ENABLE;
    struct shared_mapping *m = NULL;
    bool same = false;
    struct stat st;
    int fd;

    /* A thread that ended in open would be counted for good. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    fd = open_file(place->path, &st);
    if (fd >= 0) {
        same = old != NULL && old->dev == st.st_dev && old->ino == st.st_ino;
        if (!same)
            m = map_of_place(place, fd, &st);
        (void)close(fd);
    }
    (void)pthread_setcancelstate(cancel, NULL);
    errno = err;
    if (same || (m == NULL && (old == NULL || !is_superseded(old))))
        return old;
    return install(readers, place, old, m);
}

const void *
shared_get(struct shared_readers *readers, struct shared_place *place, uint64_t now, size_t *len_out)
{
    struct shared_mapping *m = atomic_load(&place->current);

    *len_out = 0;
    if (m == NULL || !is_believed(m, now)) {
        m = map_anew(readers, place, m);
        if (m == NULL || !is_believed(m, now))
            return NULL;
    }
    *len_out = m->len;
    return m->head;
}
