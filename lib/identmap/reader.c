#include "lib/identmap/reader.h"

#include "lib/identmap/key.h"

/* The map's writer may change anything at any time: what is checked is what is used. */
static uint32_t
load_once(const uint32_t *p)
{
    return *(const volatile uint32_t *)p;
}

/* The n bytes at off, a multiple of `align`, of len bytes; NULL if they are not all there. */
static const void *
bytes_at(const void *map, size_t len, size_t off, size_t n, size_t align)
{
    if (off % align != 0 || off > len || n > len - off)
        return NULL;
    return (const uint8_t *)map + off;
}

/* A slot's record, if it is key's and not past its end. */
static bool
read_record(const void *map, size_t len, uint32_t slot, const struct identmap_key *key, uint64_t now,
            struct record *rec_out, bool *stale_out)
{
    size_t off = identmap_slot_offset(slot), body = off + sizeof(struct identmap_record);
    const struct identmap_record *head = bytes_at(map, len, off, sizeof(*head), IDENTMAP_UNIT);
    const uint8_t *data;
    struct reader r;
    uint32_t n;

    if (head == NULL || atomic_load_explicit(&head->end, memory_order_relaxed) <= now)
        return false;
    n = load_once(&head->len);
    data = bytes_at(map, len, body, n, 1);
    if (data == NULL)
        return false;
    r = reader_init(data, n);
    if (!record_get(&r, rec_out) || !identmap_is_of(rec_out, key))
        return false;
    *stale_out = atomic_load_explicit(&head->refresh, memory_order_relaxed) <= now;
    return true;
}

static bool
find_record(const void *map, size_t len, const struct identmap_key *key, uint64_t now, struct record *rec_out,
            bool *stale_out)
{
    const struct identmap_head *head = map;
    enum identmap_table table = identmap_table_of(key->kind, key->by);
    uint64_t hash = identmap_key_hash(key);
    const _Atomic(uint32_t) *set;
    uint32_t sets;
    size_t off;

    if (table == IDENTMAP_TABLES)
        return false;
    sets = load_once(&head->tables[table].sets);
    if (sets == 0 || (sets & (sets - 1)) != 0 || sets > len / (IDENTMAP_WAYS * sizeof(*set)))
        return false;
    off = load_once(&head->tables[table].offset);
    set = bytes_at(map, len, off, sets * IDENTMAP_WAYS * sizeof(*set), IDENTMAP_WAYS * sizeof(*set));
    if (set == NULL)
        return false;
    set += identmap_set(hash, sets);
    for (unsigned i = 0; i < IDENTMAP_WAYS; i++) {
        uint32_t slot = atomic_load_explicit(&set[i], memory_order_acquire);

        if (slot != 0 && ((slot ^ identmap_tag(hash)) >> IDENTMAP_OFFSET_BITS) == 0 &&
            read_record(map, len, slot, key, now, rec_out, stale_out))
            return true;
    }
    return false;
}

/* The slot says that there is no key: what was read of it was one thing, and nobody was writing it. */
static bool
none_is_of(const struct identmap_none *none, uint32_t what, const struct identmap_key *key,
           const uint64_t name[static IDENTMAP_NONE_NAME / 8], uint64_t now)
{
    uint32_t turn = atomic_load_explicit(&none->turn, memory_order_acquire);
    bool is = turn % 2 == 0 && atomic_load_explicit(&none->what, memory_order_acquire) == what &&
              atomic_load_explicit(&none->end, memory_order_acquire) > now;

    if (is && key->by == PROTO_BY_ID)
        is = atomic_load_explicit(&none->id, memory_order_acquire) == key->id;
    for (unsigned i = 0; is && key->by == PROTO_BY_NAME && i * 8 < key->len; i++)
        is = atomic_load_explicit(&none->name[i], memory_order_acquire) == name[i];
    return is && atomic_load_explicit(&none->turn, memory_order_relaxed) == turn;
}

static bool
find_none(const void *map, size_t len, const struct identmap_key *key, uint64_t now)
{
    const struct identmap_head *head = map;
    size_t size = IDENTMAP_NONE_SLOTS * sizeof(struct identmap_none);
    const struct identmap_none *set = bytes_at(map, len, load_once(&head->none), size, sizeof(*set));
    uint32_t what = identmap_none_what(key);
    uint64_t name[IDENTMAP_NONE_NAME / 8];

    if (set == NULL || (key->by == PROTO_BY_NAME && key->len > IDENTMAP_NONE_NAME))
        return false;
    identmap_none_name(key, name);
    set += identmap_none_set(key);
    for (unsigned i = 0; i < IDENTMAP_NONE_WAYS; i++) {
        if (none_is_of(&set[i], what, key, name, now))
            return true;
    }
    return false;
}

enum identmap_found
identmap_find(const void *map, size_t len, const struct identmap_key *key, uint64_t now, struct record *rec_out,
              bool *stale_out)
{
    *stale_out = false;
    if (len < sizeof(struct identmap_head))
        return IDENTMAP_MISS;
    if (find_record(map, len, key, now, rec_out, stale_out))
        return IDENTMAP_HIT;
    return find_none(map, len, key, now) ? IDENTMAP_NONE : IDENTMAP_MISS;
}
