#include "lib/identmap/writer.h"

#include <string.h>

#include "lib/identmap/key.h"

#define SET_BYTES (IDENTMAP_WAYS * (size_t)sizeof(uint32_t))

/* Slots of the tables, as a part of the map's bytes: users are more than groups. */
static const uint32_t bytes_per_slot[IDENTMAP_TABLES] = {
    [IDENTMAP_PASSWD_NAME] = 128, [IDENTMAP_PASSWD_UID] = 128,  [IDENTMAP_GROUP_NAME] = 256,
    [IDENTMAP_GROUP_GID] = 256,   [IDENTMAP_GROUPS_NAME] = 128,
};

_Static_assert(IDENTMAP_SIZE_MIN / 256 >= IDENTMAP_WAYS, "a set at least");
_Static_assert(IDENTMAP_SIZE_MAX / IDENTMAP_UNIT <= 1U << IDENTMAP_OFFSET_BITS, "slots reach all records");

static struct identmap_head *
head_of(const struct identmap_writer *w)
{
    return (struct identmap_head *)(void *)w->data;
}

static _Atomic(uint32_t) *
slots_of(const struct identmap_writer *w, enum identmap_table table)
{
    return (_Atomic(uint32_t) *)(void *)(w->data + head_of(w)->tables[table].offset);
}

static uint32_t
slots_in(const struct identmap_writer *w, enum identmap_table table)
{
    return head_of(w)->tables[table].sets * IDENTMAP_WAYS;
}

static struct identmap_none *
nones_of(const struct identmap_writer *w)
{
    return (struct identmap_none *)(void *)(w->data + head_of(w)->none);
}

static struct identmap_record *
record_of(const struct identmap_writer *w, uint32_t slot)
{
    return (struct identmap_record *)(void *)(w->data + identmap_slot_offset(slot));
}

static const uint8_t *
body_of(const struct identmap_record *record)
{
    return (const uint8_t *)(record + 1);
}

/* Our own words are read as a stranger's would be: a map that was damaged has no record there. */
static bool
parse(const struct identmap_writer *w, uint32_t slot, struct record *rec_out)
{
    size_t body = identmap_slot_offset(slot) + sizeof(struct identmap_record);
    struct reader r;

    if (body > w->used || record_of(w, slot)->len > w->used - body)
        return false;
    r = reader_init(w->data + body, record_of(w, slot)->len);
    return record_get(&r, rec_out);
}

/* The bytes of the map that a record with a body of len takes. */
static size_t
room_for(size_t len)
{
    return (sizeof(struct identmap_record) + len + IDENTMAP_UNIT - 1) / IDENTMAP_UNIT * IDENTMAP_UNIT;
}

static struct identmap_key
key_of(const struct identmap_writer *w, const struct record *rec, enum proto_by by)
{
    struct identmap_key key = { .kind = rec->kind, .by = by, .name = rec->name.s, .len = rec->name.len };

    if (by == PROTO_BY_NAME)
        key.hash = hash_keyed(head_of(w)->shared.key, key.name, key.len);
    key.id = rec->kind == RECORD_GROUP ? rec->gid : rec->uid;
    return key;
}

/* NULL for a key that no table has. */
static _Atomic(uint32_t) *
set_of(const struct identmap_writer *w, const struct identmap_key *key)
{
    enum identmap_table table = identmap_table_of(key->kind, key->by);

    if (table == IDENTMAP_TABLES)
        return NULL;
    return slots_of(w, table) + identmap_set(identmap_key_hash(key), head_of(w)->tables[table].sets);
}

/* The slot that names key's record; NULL if none does. */
static _Atomic(uint32_t) *
find_slot(const struct identmap_writer *w, const struct identmap_key *key)
{
    uint32_t tag = identmap_tag(identmap_key_hash(key));
    _Atomic(uint32_t) *set = set_of(w, key);

    for (unsigned i = 0; set != NULL && i < IDENTMAP_WAYS; i++) {
        uint32_t slot = atomic_load_explicit(&set[i], memory_order_relaxed);
        struct record rec;

        if (slot != 0 && ((slot ^ tag) >> IDENTMAP_OFFSET_BITS) == 0 && parse(w, slot, &rec) &&
            identmap_is_of(&rec, key))
            return &set[i];
    }
    return NULL;
}

static bool
names_record(const struct identmap_writer *w, const struct identmap_key *key, size_t off)
{
    _Atomic(uint32_t) *slot = find_slot(w, key);

    return slot != NULL && identmap_slot_offset(atomic_load_explicit(slot, memory_order_relaxed)) == off;
}

/* Counts a record as dead if no slot names it any more. */
static void
count_dead(struct identmap_writer *w, uint32_t slot)
{
    static const enum proto_by bys[] = { PROTO_BY_NAME, PROTO_BY_ID };
    struct record rec;

    if (!parse(w, slot, &rec))
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct identmap_key key = key_of(w, &rec, bys[i]);

        if (names_record(w, &key, identmap_slot_offset(slot)))
            return;
    }
    w->dead += room_for(record_of(w, slot)->len);
}

static void
swing(struct identmap_writer *w, enum identmap_table table, _Atomic(uint32_t) *at, uint32_t slot)
{
    uint32_t was = atomic_load_explicit(at, memory_order_relaxed);

    if (was == slot)
        return;
    atomic_store_explicit(at, slot, memory_order_release);
    if (was == 0)
        w->entries[table]++;
    if (slot == 0)
        w->entries[table]--;
    if (was != 0)
        count_dead(w, was);
}

/* A slot of the set that is empty, or else the one whose record ends first. */
static _Atomic(uint32_t) *
find_victim(const struct identmap_writer *w, _Atomic(uint32_t) *set)
{
    _Atomic(uint32_t) *victim = NULL;
    uint32_t first = 0;

    for (unsigned i = 0; i < IDENTMAP_WAYS; i++) {
        uint32_t slot = atomic_load_explicit(&set[i], memory_order_relaxed), end;

        if (slot == 0)
            return &set[i];
        end = atomic_load_explicit(&record_of(w, slot)->end, memory_order_relaxed);
        if (victim == NULL || end < first) {
            victim = &set[i];
            first = end;
        }
    }
    return victim;
}

/*
 * None slots.
 */

static uint32_t
none_end(const struct identmap_none *none)
{
    return atomic_load_explicit(&none->end, memory_order_relaxed);
}

static bool
none_is(const struct identmap_none *none, const struct identmap_key *key)
{
    uint64_t name[IDENTMAP_NONE_NAME / 8];

    if (none_end(none) == 0 || atomic_load_explicit(&none->what, memory_order_relaxed) != identmap_none_what(key))
        return false;
    if (key->by == PROTO_BY_ID)
        return atomic_load_explicit(&none->id, memory_order_relaxed) == key->id;
    identmap_none_name(key, name);
    for (unsigned i = 0; i < IDENTMAP_NONE_NAME / 8; i++) {
        if (atomic_load_explicit(&none->name[i], memory_order_relaxed) != name[i])
            return false;
    }
    return true;
}

static struct identmap_none *
none_set_of(const struct identmap_writer *w, const struct identmap_key *key)
{
    return nones_of(w) + identmap_none_set(key);
}

static struct identmap_none *
find_none(const struct identmap_writer *w, const struct identmap_key *key)
{
    struct identmap_none *set = none_set_of(w, key);

    if (key->by == PROTO_BY_NAME && key->len > IDENTMAP_NONE_NAME)
        return NULL;
    for (unsigned i = 0; i < IDENTMAP_NONE_WAYS; i++) {
        if (none_is(&set[i], key))
            return &set[i];
    }
    return NULL;
}

static void
remove_none(struct identmap_writer *w, const struct identmap_key *key)
{
    struct identmap_none *none = find_none(w, key);

    if (none != NULL)
        atomic_store_explicit(&none->end, 0, memory_order_release);
}

/*
 * A reader who sees one of the release stores between the two of `turn` sees
 * the odd turn when he looks at it again.
 */
static void
write_none(struct identmap_none *none, const struct identmap_key *key, uint32_t end)
{
    uint32_t turn = atomic_load_explicit(&none->turn, memory_order_relaxed) | 1;
    uint64_t name[IDENTMAP_NONE_NAME / 8];

    identmap_none_name(key, name);
    atomic_store_explicit(&none->turn, turn, memory_order_relaxed);
    atomic_store_explicit(&none->end, end, memory_order_release);
    atomic_store_explicit(&none->what, identmap_none_what(key), memory_order_release);
    atomic_store_explicit(&none->id, key->by == PROTO_BY_ID ? key->id : 0, memory_order_release);
    for (unsigned i = 0; i < IDENTMAP_NONE_NAME / 8; i++)
        atomic_store_explicit(&none->name[i], name[i], memory_order_release);
    atomic_store_explicit(&none->turn, turn + 1, memory_order_release);
}

/*
 * The map.
 */

bool
identmap_begin(struct identmap_writer *w, void *data, size_t size)
{
    uint32_t off = IDENTMAP_PAGE;
    struct identmap_head *head;

    memset(w, 0, sizeof(*w));
    if (size < IDENTMAP_SIZE_MIN || size > IDENTMAP_SIZE_MAX || (size & (size - 1)) != 0)
        return false;
    w->data = data;
    w->size = size;
    head = head_of(w);
    head->none = off;
    off += IDENTMAP_NONE_SLOTS * (uint32_t)sizeof(struct identmap_none);
    for (unsigned i = 0; i < IDENTMAP_TABLES; i++) {
        head->tables[i].offset = off;
        head->tables[i].sets = (uint32_t)size / bytes_per_slot[i] / IDENTMAP_WAYS;
        off += head->tables[i].sets * (uint32_t)SET_BYTES;
    }
    head->records = off;
    w->used = off;
    return true;
}

void
identmap_renew(struct identmap_writer *w, uint32_t now)
{
    atomic_store_explicit(&head_of(w)->now, now, memory_order_relaxed);
    shared_renew(w->data, shared_now());
}

/* A slot (its tag missing) of a new record; 0 if there is no room. */
static uint32_t
append(struct identmap_writer *w, const void *body, size_t len, struct identmap_times times)
{
    uint32_t slot = (uint32_t)(w->used / IDENTMAP_UNIT);
    struct identmap_record *record = record_of(w, slot);

    if (len > PROTO_RECORD_MAX || room_for(len) > w->size - w->used)
        return 0;
    record->len = (uint32_t)len;
    atomic_store_explicit(&record->refresh, times.refresh, memory_order_relaxed);
    atomic_store_explicit(&record->end, times.end, memory_order_relaxed);
    memcpy(record + 1, body, len);
    w->used += room_for(len);
    return slot;
}

static void
set_times(const struct identmap_writer *w, uint32_t slot, struct identmap_times times)
{
    struct identmap_record *record = record_of(w, slot);

    atomic_store_explicit(&record->refresh, times.refresh, memory_order_relaxed);
    atomic_store_explicit(&record->end, times.end, memory_order_relaxed);
}

/* The slot (its tag missing) of a record with the same bytes that one of the keys has; 0 if there is none. */
static uint32_t
find_same(const struct identmap_writer *w, const struct identmap_key keys[static 2], const void *body, size_t len)
{
    for (unsigned i = 0; i < 2; i++) {
        _Atomic(uint32_t) *at = find_slot(w, &keys[i]);
        uint32_t slot = at == NULL ? 0 : atomic_load_explicit(at, memory_order_relaxed);

        if (slot != 0 && record_of(w, slot)->len == len && memcmp(body_of(record_of(w, slot)), body, len) == 0)
            return slot & ((1U << IDENTMAP_OFFSET_BITS) - 1);
    }
    return 0;
}

static void
publish(struct identmap_writer *w, const struct identmap_key *key, uint32_t slot)
{
    _Atomic(uint32_t) *at = find_slot(w, key), *set = set_of(w, key);

    if (set == NULL)
        return;
    if (at == NULL)
        at = find_victim(w, set);
    swing(w, identmap_table_of(key->kind, key->by), at, slot | identmap_tag(identmap_key_hash(key)));
    remove_none(w, key);
}

bool
identmap_put(struct identmap_writer *w, const struct record *rec, const void *body, size_t len, bool by_name,
             bool by_id, struct identmap_times times)
{
    const struct identmap_key keys[2] = { key_of(w, rec, PROTO_BY_NAME), key_of(w, rec, PROTO_BY_ID) };
    const bool told[2] = { by_name, by_id && rec->kind != RECORD_GROUPS };
    uint32_t slot = find_same(w, keys, body, len);

    if (slot != 0)
        set_times(w, slot, times);
    else
        slot = append(w, body, len, times);
    for (unsigned i = 0; i < 2; i++) {
        if (told[i] && slot != 0)
            publish(w, &keys[i], slot);
        else if (told[i])
            identmap_remove(w, &keys[i]);
    }
    return slot != 0;
}

void
identmap_remove(struct identmap_writer *w, const struct identmap_key *key)
{
    _Atomic(uint32_t) *at = find_slot(w, key);

    if (at != NULL)
        swing(w, identmap_table_of(key->kind, key->by), at, 0);
    remove_none(w, key);
}

void
identmap_put_none(struct identmap_writer *w, const struct identmap_key *key, uint32_t end)
{
    struct identmap_none *set = none_set_of(w, key), *none;

    identmap_remove(w, key);
    if ((key->by == PROTO_BY_NAME && key->len > IDENTMAP_NONE_NAME) ||
        identmap_table_of(key->kind, key->by) == IDENTMAP_TABLES)
        return;
    none = &set[0];
    for (unsigned i = 1; i < IDENTMAP_NONE_WAYS; i++) {
        if (none_end(&set[i]) < none_end(none))
            none = &set[i];
    }
    write_none(none, key, end);
}

void
identmap_defer(struct identmap_writer *w, const struct identmap_key *key, uint32_t refresh)
{
    _Atomic(uint32_t) *at = find_slot(w, key);

    if (at != NULL)
        atomic_store_explicit(&record_of(w, atomic_load_explicit(at, memory_order_relaxed))->refresh, refresh,
                              memory_order_relaxed);
}

void
identmap_clear(struct identmap_writer *w)
{
    for (unsigned table = 0; table < IDENTMAP_TABLES; table++) {
        _Atomic(uint32_t) *slots = slots_of(w, table);

        for (uint32_t i = 0; i < slots_in(w, table); i++)
            atomic_store_explicit(&slots[i], 0, memory_order_relaxed);
        w->entries[table] = 0;
    }
    for (uint32_t i = 0; i < IDENTMAP_NONE_SLOTS; i++)
        atomic_store_explicit(&nones_of(w)[i].end, 0, memory_order_relaxed);
    w->dead = w->used - head_of(w)->records;
}

bool
identmap_is_tight(const struct identmap_writer *w)
{
    size_t records = head_of(w)->records;

    for (unsigned table = 0; table < IDENTMAP_TABLES; table++) {
        if (w->entries[table] > slots_in(w, table) / 2)
            return true;
    }
    return w->size - w->used < (w->size - records) / 8;
}

/* All that w holds takes up at most a quarter of a table and half of the room for records: it can grow for a while. */
static bool
is_roomy(const struct identmap_writer *w, size_t size)
{
    size_t live = w->used - head_of(w)->records - w->dead;
    size_t tables = IDENTMAP_PAGE + IDENTMAP_NONE_SLOTS * sizeof(struct identmap_none);

    for (unsigned table = 0; table < IDENTMAP_TABLES; table++) {
        size_t slots = size / bytes_per_slot[table];

        if (w->entries[table] > slots / 4)
            return false;
        tables += slots * sizeof(uint32_t);
    }
    return live <= (size - tables) / 2;
}

size_t
identmap_next_size(const struct identmap_writer *w)
{
    size_t size = IDENTMAP_SIZE_MIN;

    while (size < IDENTMAP_SIZE_MAX && !is_roomy(w, size))
        size *= 2;
    return size;
}

/*
 * Copying.
 */

/* True if the map answers key, whatever the answer. */
static bool
has_answer(const struct identmap_writer *w, const struct identmap_key *key)
{
    return find_slot(w, key) != NULL || find_none(w, key) != NULL;
}

/* The other key of the record goes along where it names the same record, so that the record is there once. */
static void
copy_record(struct identmap_writer *to, const struct identmap_writer *from, uint32_t slot, enum proto_by by,
            uint64_t now)
{
    struct identmap_record *record = record_of(from, slot);
    struct identmap_times times = { atomic_load_explicit(&record->refresh, memory_order_relaxed),
                                    atomic_load_explicit(&record->end, memory_order_relaxed) };
    enum proto_by other = by == PROTO_BY_NAME ? PROTO_BY_ID : PROTO_BY_NAME;
    struct identmap_key key_to, other_from, other_to;
    struct record rec;
    bool both;

    if (times.end <= now || !parse(from, slot, &rec))
        return;
    key_to = key_of(to, &rec, by);
    if (has_answer(to, &key_to))
        return;
    other_from = key_of(from, &rec, other);
    other_to = key_of(to, &rec, other);
    both = names_record(from, &other_from, identmap_slot_offset(slot)) && !has_answer(to, &other_to);
    (void)identmap_put(to, &rec, body_of(record), record->len, both || by == PROTO_BY_NAME, both || by == PROTO_BY_ID,
                       times);
}

static void
copy_none(struct identmap_writer *to, const struct identmap_none *none, uint64_t now)
{
    uint32_t what = atomic_load_explicit(&none->what, memory_order_relaxed);
    struct identmap_key key = { .kind = what >> 24, .by = what >> 16 & 0xff, .len = what & 0xffff };
    uint64_t name[IDENTMAP_NONE_NAME / 8];

    if (none_end(none) <= now || key.len > sizeof(name))
        return;
    for (unsigned i = 0; i < IDENTMAP_NONE_NAME / 8; i++)
        name[i] = atomic_load_explicit(&none->name[i], memory_order_relaxed);
    key.name = (const char *)name;
    key.id = atomic_load_explicit(&none->id, memory_order_relaxed);
    if (key.by == PROTO_BY_NAME)
        key.hash = hash_keyed(head_of(to)->shared.key, key.name, key.len);
    if (!has_answer(to, &key))
        identmap_put_none(to, &key, none_end(none));
}

/* The slot `at`, counted through all tables and the none slots. False behind the last. */
static bool
copy_slot(struct identmap_writer *to, const struct identmap_writer *from, uint32_t at, uint64_t now)
{
    for (unsigned table = 0; table < IDENTMAP_TABLES; table++) {
        uint32_t n = slots_in(from, table);

        if (at < n) {
            uint32_t slot = atomic_load_explicit(&slots_of(from, table)[at], memory_order_relaxed);
            bool by_id = table == IDENTMAP_PASSWD_UID || table == IDENTMAP_GROUP_GID;

            if (slot != 0)
                copy_record(to, from, slot, by_id ? PROTO_BY_ID : PROTO_BY_NAME, now);
            return true;
        }
        at -= n;
    }
    if (at >= IDENTMAP_NONE_SLOTS)
        return false;
    copy_none(to, &nones_of(from)[at], now);
    return true;
}

bool
identmap_copy(struct identmap_writer *to, const struct identmap_writer *from, uint32_t *at, uint32_t slots,
              uint64_t now)
{
    for (; slots > 0; slots--) {
        if (!copy_slot(to, from, *at, now))
            return false;
        (*at)++;
    }
    return true;
}
