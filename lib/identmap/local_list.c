#include "lib/identmap/local_list.h"

#include <string.h>

#include "lib/base/word.h"
#include "lib/identmap/format.h"

#define SLOTS_MIN 4U

static bool
is_of_ids(enum local_list_table table)
{
    return table == LOCAL_LIST_UIDS || table == LOCAL_LIST_GIDS;
}

static size_t
slot_size(enum local_list_table table)
{
    return is_of_ids(table) ? sizeof(uint32_t) : sizeof(uint64_t);
}

/* As it stands in a slot, where 0 is empty. */
static uint64_t
kept(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

/* The table's first slot, and their number in *slots_out; NULL if it is damaged. */
static inline const void *
find_table(const void *list, size_t len, enum local_list_table table, uint32_t *slots_out)
{
    const struct local_list_head *head = list;
    uint32_t off, slots;

    *slots_out = 0;
    if (len < sizeof(*head))
        return NULL;
    off = head->tables[table].offset;
    slots = head->tables[table].slots;
    if (slots == 0 || (slots & (slots - 1)) != 0 || off % sizeof(uint64_t) != 0 || off > len ||
        (uint64_t)slots * slot_size(table) > len - off)
        return NULL;
    *slots_out = slots;
    return (const uint8_t *)list + off;
}

bool
local_list_has_name(const void *list, size_t len, enum local_list_table table, uint64_t hash)
{
    uint32_t slots;
    const uint64_t *hashes = is_of_ids(table) ? NULL : find_table(list, len, table, &slots);

    if (hashes == NULL)
        return true;
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t h = hashes[(hash + i) & (slots - 1)];

        if (h == 0)
            return false;
        if (h == kept(hash))
            return true;
    }
    return true;
}

uint32_t
local_list_highest(const void *list, size_t len, enum local_list_table table)
{
    const struct local_list_head *head = list;
    uint32_t slots;

    return find_table(list, len, table, &slots) == NULL ? UINT32_MAX : head->tables[table].highest;
}

static __attribute__((noinline)) bool
table_has_id(const void *list, size_t len, enum local_list_table table, uint32_t id)
{
    uint64_t hash = identmap_hash_id(id);
    uint32_t slots;
    const uint32_t *ids = find_table(list, len, table, &slots);

    if (ids == NULL)
        return true;
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t there = ids[(hash + i) & (slots - 1)];

        if (there == 0)
            return false;
        if (there == id)
            return true;
    }
    return true;
}

bool
local_list_has_id(const void *list, size_t len, enum local_list_table table, uint32_t id)
{
    const struct local_list_head *head = list;

    if (!is_of_ids(table) || len < sizeof(*head) || id == 0)
        return true;
    /* Nearly every id of a domain: nothing else is looked at. */
    return id <= head->tables[table].highest && table_has_id(list, len, table, id);
}

static uint32_t
slots_for(uint32_t n)
{
    uint32_t slots = SLOTS_MIN;

    while (slots / 2 < n)
        slots *= 2;
    return slots;
}

/* Where the table begins; behind the last: where all ends. */
static size_t
offset_of(const uint32_t n[static LOCAL_LIST_TABLES], unsigned table)
{
    size_t off = (sizeof(struct local_list_head) + 63) / 64 * 64;

    for (unsigned i = 0; i < table; i++)
        off += slots_for(n[i]) * slot_size(i);
    return off;
}

size_t
local_list_size(const uint32_t n[static LOCAL_LIST_TABLES])
{
    return (offset_of(n, LOCAL_LIST_TABLES) + SHARED_UNIT - 1) / SHARED_UNIT * SHARED_UNIT;
}

void
local_list_begin(void *data, const uint32_t n[static LOCAL_LIST_TABLES])
{
    struct local_list_head *head = data;

    for (unsigned i = 0; i < LOCAL_LIST_TABLES; i++) {
        head->tables[i].offset = (uint32_t)offset_of(n, i);
        head->tables[i].slots = slots_for(n[i]);
    }
}

void
local_list_add_name(void *data, enum local_list_table table, uint64_t hash)
{
    struct local_list_head *head = data;
    uint64_t *hashes = (uint64_t *)(void *)((uint8_t *)data + head->tables[table].offset);
    uint64_t last = head->tables[table].slots - 1, i = hash & last;

    while (hashes[i] != 0 && hashes[i] != kept(hash))
        i = (i + 1) & last;
    hashes[i] = kept(hash);
}

void
local_list_add_id(void *data, enum local_list_table table, uint32_t id)
{
    struct local_list_head *head = data;
    uint32_t *ids = (uint32_t *)(void *)((uint8_t *)data + head->tables[table].offset);
    uint64_t last = head->tables[table].slots - 1, i = identmap_hash_id(id) & last;

    if (id == 0)
        return;
    while (ids[i] != 0 && ids[i] != id)
        i = (i + 1) & last;
    ids[i] = id;
    if (id > head->tables[table].highest)
        head->tables[table].highest = id;
}

/* Eight letters to lower case. What is not ASCII stays: its bytes have the highest bit. */
static uint64_t
fold(uint64_t x)
{
    uint64_t low = x & WORD_EACH(0x7f);
    uint64_t letters = (low + WORD_EACH(0x80 - 'A')) & ~(low + WORD_EACH(0x7f - 'Z')) & ~x & WORD_EACH(0x80);

    return x | letters >> 2;
}

void
local_list_fold(const char *name, size_t len, char *out)
{
    for (; len >= WORD_LEN; len -= WORD_LEN, name += WORD_LEN, out += WORD_LEN)
        word_put(out, fold(word_get(name)));
    if (len > 0)
        word_put(out, fold(word_get_part(name, len)));
}
