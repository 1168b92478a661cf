#include "tests/unit/map_fixture.h"

#include <stdlib.h>
#include <string.h>

const uint8_t map_key[HASH_KEY_LEN] = "a key of a test";

struct identmap_writer
map_new(size_t size)
{
    struct identmap_writer w;
    void *data = NULL;

    if (posix_memalign(&data, IDENTMAP_PAGE, size) != 0)
        abort();
    memset(data, 0, size);
    shared_head_init(data, IDENTMAP_MAGIC, IDENTMAP_VERSION, map_key);
    if (!identmap_begin(&w, data, size))
        abort();
    return w;
}

void
map_done(struct identmap_writer *w)
{
    free(w->data);
    w->data = NULL;
}

struct identmap_key
map_name(enum record_kind kind, const char *name)
{
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_NAME, .name = name, .len = strlen(name) };

    key.hash = hash_keyed(map_key, name, key.len);
    return key;
}

struct identmap_key
map_id(enum record_kind kind, uint32_t id)
{
    return (struct identmap_key){ .kind = kind, .by = PROTO_BY_ID, .id = id };
}

static bool
put(struct identmap_writer *w, const struct writer *body, bool by_name, bool by_id, struct identmap_times times)
{
    struct reader r = reader_init(body->data, body->len);
    struct record rec;

    if (!writer_ok(body) || !record_get(&r, &rec))
        abort();
    return identmap_put(w, &rec, body->data, body->len, by_name, by_id, times);
}

bool
map_put_passwd(struct identmap_writer *w, const char *name, uint32_t uid, const char *gecos, bool by_name, bool by_id,
               struct identmap_times times)
{
    uint8_t bytes[MAP_BODY_MAX];
    struct writer body = writer_init(bytes, sizeof(bytes));

    record_put_passwd(&body, uid, 5000, name, gecos, "/home/of", "/bin/sh");
    return put(w, &body, by_name, by_id, times);
}

bool
map_put_group(struct identmap_writer *w, const char *name, uint32_t gid, const char *const *members, uint32_t n,
              bool by_name, bool by_id, struct identmap_times times)
{
    uint8_t bytes[MAP_BODY_MAX];
    struct writer body = writer_init(bytes, sizeof(bytes));

    record_put_group(&body, gid, name, members, n);
    return put(w, &body, by_name, by_id, times);
}

bool
map_put_groups(struct identmap_writer *w, const char *name, uint32_t uid, const uint32_t *gids, uint32_t n,
               struct identmap_times times)
{
    uint8_t bytes[MAP_BODY_MAX];
    struct writer body = writer_init(bytes, sizeof(bytes));

    record_put_groups(&body, uid, 5000, name, gids, n);
    return put(w, &body, true, false, times);
}

struct map_answer
map_ask(const struct identmap_writer *w, struct identmap_key key, uint64_t now)
{
    struct map_answer a;

    a.found = identmap_find(w->data, w->size, &key, now, &a.rec, &a.stale);
    return a;
}

static bool
is_inside(const void *map, size_t len, const void *bytes, size_t n)
{
    uintptr_t base = (uintptr_t)map, at = (uintptr_t)bytes;

    return at >= base && at - base <= len && n <= len - (at - base);
}

bool
map_is_inside(const void *map, size_t len, const struct record *rec, const struct identmap_key *key)
{
    const struct record_str strings[] = { rec->name, rec->gecos, rec->home, rec->shell };
    size_t n = rec->kind == RECORD_PASSWD ? 4 : 1, list = rec->n * (rec->kind == RECORD_GROUPS ? (size_t)4 : 2);

    for (size_t i = 0; i < n; i++) {
        if (!is_inside(map, len, strings[i].s, strings[i].len))
            return false;
    }
    if (rec->kind != RECORD_PASSWD && !is_inside(map, len, rec->list, list))
        return false;
    if (rec->kind == RECORD_GROUP && !is_inside(map, len, rec->members, rec->members_len))
        return false;
    if (rec->kind != key->kind)
        return false;
    if (key->by == PROTO_BY_ID)
        return key->id == (rec->kind == RECORD_GROUP ? rec->gid : rec->uid);
    return rec->name.len == key->len && memcmp(rec->name.s, key->name, key->len) == 0;
}
