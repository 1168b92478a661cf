/*
 * front's half of the identity map: what it knows and answers is published, so
 * that the next process need not ask.  Without a map, or where it has no room,
 * everything else goes on as it does.
 *
 * A larger map is filled while the one in place serves: part by part, and what
 * changes meanwhile changes in both.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/identmap/writer.h"
#include "lib/proto/client.h"

#define AGAIN_MS 60000  /* keeper is asked again, also for a map that would be no larger */
#define PART 2048U      /* slots that are copied in one turn */

/* A writer whose data is NULL is no map. */
struct map {
    struct identmap_writer current;   /* the one in place */
    struct identmap_writer next;      /* the one that is being filled */
    uint32_t at;                      /* how far that has been copied */
    bool copied;                      /* wholly: to be placed */
    uint32_t asked;                   /* the size that keeper was asked for; 0: it was not */
    int64_t again_at;                 /* it is not asked before, or not before for no more room */
    size_t needed;                    /* bytes of the largest record that had no room */
    bool told;                        /* the log says that there is no room */
};

/* front_clock()'s milliseconds in the map's seconds. */
static uint32_t
second(int64_t ms)
{
    int64_t s = ms / 1000;

    return s < 0 ? 0 : s > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* A large record is not to have a map for itself. */
static uint32_t
wanted_size(const struct map *m)
{
    size_t size = m->current.data == NULL ? IDENTMAP_SIZE_MIN : identmap_next_size(&m->current);

    while (size < IDENTMAP_SIZE_MAX && size / 4 < m->needed)
        size *= 2;
    return (uint32_t)size;
}

/* One of that size would be better than the one in place: larger, or without much that nobody can find any more. */
static bool
is_better(const struct map *m, uint32_t size)
{
    return m->current.data == NULL || size > m->current.size || m->current.dead >= m->current.size / 8;
}

/* Asks keeper for a map, or for a better one; not again and again for one that is no larger. */
static void
ask(struct front *f)
{
    struct map *m = f->map;
    int64_t now = client_now();
    uint32_t size = wanted_size(m);
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    if (m->asked != 0 || m->next.data != NULL || !is_better(m, size))
        return;
    if (now < m->again_at && (m->told || m->current.data == NULL || size <= m->current.size))
        return;
    ipc_put_number(&w, IPC_MAP_NEW, size);
    m->again_at = now + AGAIN_MS;
    if (front_send(&f->keeper, &w, NULL, 0))
        m->asked = size;
}

bool
front_map_begin(struct front *f)
{
    f->map = talloc_zero(f, struct map);
    if (f->map == NULL)
        return false;
    ask(f);
    return true;
}

static void
unmap(struct identmap_writer *w)
{
    if (w->data != NULL)
        (void)munmap(w->data, w->size);
    memset(w, 0, sizeof(*w));
}

/* The copy is whole: everybody is to read it now. Where keeper does not listen it is told at the next tick. */
static void
place(struct front *f)
{
    struct map *m = f->map;
    uint8_t packet[4];
    struct writer w = writer_init(packet, sizeof(packet));

    m->copied = true;
    ipc_put_empty(&w, IPC_MAP_PLACE);
    if (!front_send(&f->keeper, &w, NULL, 0))
        return;
    unmap(&m->current);
    m->current = m->next;
    memset(&m->next, 0, sizeof(m->next));
    m->copied = false;
    m->needed = 0;
    m->again_at = client_now() + AGAIN_MS;
}

/* 0, or errno. */
static int
take(struct map *m, int fd, uint32_t size)
{
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (data == MAP_FAILED)
        return errno;
    if (!identmap_begin(&m->next, data, size)) {
        (void)munmap(data, size);
        memset(&m->next, 0, sizeof(m->next));
        return EINVAL;
    }
    identmap_renew(&m->next, second(front_clock()));
    m->at = 0;
    return 0;
}

bool
front_map_is(struct front *f, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct map *m = f->map;
    uint32_t code, size = m->asked;
    struct stat st;

    if (!ipc_get_number(packet, len, IPC_MAP_IS, &code))
        return false;
    /* It was asked for too long ago. */
    if (size == 0)
        return true;
    m->asked = 0;
    if (code == 0) {
        if (fds[0] < 0 || fstat(fds[0], &st) != 0 || st.st_size != (off_t)size)
            return false;
        code = (uint32_t)take(m, fds[0], size);
    }
    if (code != 0 && !m->told)
        log_error("there is no room for an identity map of %u KiB: %s: lookups that would be in it are slower",
                  size >> 10, strerror((int)code));
    m->told = code != 0;
    if (code == 0 && m->current.data == NULL)
        place(f);
    return true;
}

bool
front_map_busy(const struct front *f)
{
    return f->map->next.data != NULL && !f->map->copied;
}

void
front_map_turn(struct front *f)
{
    struct map *m = f->map;

    if (front_map_busy(f) &&
        (m->current.data == NULL || !identmap_copy(&m->next, &m->current, &m->at, PART, second(front_clock()))))
        place(f);
}

void
front_map_tick(struct front *f)
{
    struct map *m = f->map;
    uint32_t now = second(front_clock());

    if (m->current.data != NULL)
        identmap_renew(&m->current, now);
    if (m->next.data != NULL)
        identmap_renew(&m->next, now);
    if (m->copied)
        place(f);
    /* keeper did not answer. */
    if (m->asked != 0 && client_now() >= m->again_at)
        m->asked = 0;
    if (m->current.data == NULL || m->needed > 0 || identmap_is_tight(&m->current))
        ask(f);
}

/* The key as map w has it. False: no map has such keys. */
static bool
key_in(const struct identmap_writer *w, const struct cache_key *key, struct identmap_key *key_out)
{
    struct shared_head head;

    if (w->data == NULL || (key->kind == RECORD_GROUPS && key->by == PROTO_BY_ID))
        return false;
    *key_out = (struct identmap_key){ .kind = (enum record_kind)key->kind, .by = key->by, .id = key->id };
    if (key->by == PROTO_BY_ID)
        return true;
    memcpy(&head, w->data, sizeof(head));
    key_out->id = 0;
    key_out->name = key->name;
    key_out->len = strnlen(key->name, PROTO_NAME_MAX);
    key_out->hash = hash_keyed(head.key, key->name, key_out->len);
    return true;
}

void
front_map_put(struct front *f, const struct record *rec, const void *body, size_t len, bool by_name, bool by_id,
              int64_t refresh, int64_t end)
{
    const struct identmap_times times = { second(refresh), second(end) };
    struct map *m = f->map;

    if (m->next.data != NULL)
        (void)identmap_put(&m->next, rec, body, len, by_name, by_id, times);
    if (m->current.data == NULL)
        return;
    if (!identmap_put(&m->current, rec, body, len, by_name, by_id, times) && m->needed < len)
        m->needed = len;
    if (m->needed > 0 || identmap_is_tight(&m->current))
        ask(f);
}

bool
front_map_get(const struct front *f, const struct cache_key *key, struct record *rec_out, bool *stale_out)
{
    const struct identmap_writer *w = &f->map->current;
    struct identmap_key own;

    return key_in(w, key, &own) &&
           identmap_find(w->data, w->size, &own, second(front_clock()), rec_out, stale_out) == IDENTMAP_HIT;
}

void
front_map_none(struct front *f, const struct cache_key *key, int64_t end)
{
    struct identmap_writer *both[] = { &f->map->current, &f->map->next };
    struct identmap_key own;

    for (size_t i = 0; i < 2; i++) {
        if (!key_in(both[i], key, &own))
            continue;
        identmap_remove(both[i], &own);
        identmap_put_none(both[i], &own, second(end));
    }
}

void
front_map_defer(struct front *f, const struct cache_key *key, int64_t refresh)
{
    struct identmap_writer *both[] = { &f->map->current, &f->map->next };
    struct identmap_key own;

    for (size_t i = 0; i < 2; i++) {
        if (key_in(both[i], key, &own))
            identmap_defer(both[i], &own, second(refresh));
    }
}

void
front_map_clear(struct front *f)
{
    if (f->map->current.data != NULL)
        identmap_clear(&f->map->current);
    if (f->map->next.data != NULL)
        identmap_clear(&f->map->next);
}
