/*
 * lib/identmap: the reader, over maps and lists of local names with anything
 * in them.  Input: u16 by how many units of 64 bytes the map is cut, then
 * patches of a sound map: u32 offset, u32 value.  The lowest two bits of an
 * offset say where it counts from: the map's beginning, its first none slot,
 * its first record, or the list's beginning; and its highest bit whether one
 * byte is set, or four.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/identmap/local_list.h"
#include "tests/unit/map_fixture.h"

#define NOW 1000U
#define LIST_SIZE ((size_t)SHARED_UNIT)

static const struct identmap_times fresh = { .refresh = NOW + 100, .end = NOW + 1000 };

static void
fill(struct identmap_writer *w)
{
    static const char *const members[] = { "alice", "bob" };
    static const uint32_t gids[] = { 5001, 5002, 5003 };
    struct identmap_key none = map_name(RECORD_PASSWD, "missing");

    (void)map_put_passwd(w, "alice", 2001, "Alice", true, true, fresh);
    (void)map_put_group(w, "staff", 3001, members, 2, true, true, fresh);
    (void)map_put_groups(w, "alice", 2001, gids, 3, fresh);
    identmap_put_none(w, &none, NOW + 10);
}

static void
fill_list(uint8_t *list)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 2, 2, 2, 2 };

    FUZZ_REQUIRE(local_list_size(n) == LIST_SIZE);
    memset(list, 0, LIST_SIZE);
    shared_head_init(list, LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, map_key);
    local_list_begin(list, n);
    for (unsigned i = 0; i < 2; i++) {
        local_list_add_name(list, LOCAL_LIST_USERS + i, 12345);
        local_list_add_id(list, LOCAL_LIST_UIDS + i, 1001);
    }
}

static void
patch(const struct identmap_writer *w, uint8_t *list, uint32_t where, uint32_t value)
{
    const struct identmap_head *head = (const struct identmap_head *)(const void *)w->data;
    const size_t bases[4] = { 0, IDENTMAP_PAGE, head->records, 0 };
    size_t n = where >> 31 ? 1 : 4, size = (where & 3) == 3 ? LIST_SIZE : w->size, base = bases[where & 3];
    size_t off = where >> 2 & 0xfffff;

    if (base <= size - n && off <= size - n - base)
        memcpy(((where & 3) == 3 ? list : w->data) + base + off, &value, n);
}

static void
ask(const void *map, size_t len, struct identmap_key key)
{
    struct record rec;
    bool stale;
    char *copy;

    if (identmap_find(map, len, &key, NOW, &rec, &stale) != IDENTMAP_HIT)
        return;
    FUZZ_REQUIRE(map_is_inside(map, len, &rec, &key));
    (void)record_head_is_safe(&rec, false);
    if (rec.kind != RECORD_GROUP)
        return;
    copy = malloc(rec.members_len + 1);
    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, rec.members, rec.members_len);
    (void)record_members(&rec, copy, NULL);
    free(copy);
}

static void
ask_all(const void *map, size_t len)
{
    ask(map, len, map_name(RECORD_PASSWD, "alice"));
    ask(map, len, map_id(RECORD_PASSWD, 2001));
    ask(map, len, map_name(RECORD_GROUP, "staff"));
    ask(map, len, map_id(RECORD_GROUP, 3001));
    ask(map, len, map_name(RECORD_GROUPS, "alice"));
    ask(map, len, map_id(RECORD_GROUPS, 2001));
    ask(map, len, map_name(RECORD_PASSWD, "missing"));
    ask(map, len, map_id(RECORD_GROUP, 0));
}

static void
ask_list(const uint8_t *list)
{
    for (unsigned table = 0; table < LOCAL_LIST_TABLES; table++) {
        bool ids = table >= LOCAL_LIST_UIDS;

        FUZZ_REQUIRE(local_list_has_name(list, LIST_SIZE, table, 12345) || !ids);
        FUZZ_REQUIRE(local_list_has_id(list, LIST_SIZE, table, 0));
        (void)local_list_has_name(list, LIST_SIZE, table, UINT64_MAX);
        (void)local_list_has_id(list, LIST_SIZE, table, 1001);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct identmap_writer sound;
    static uint8_t *list;
    struct reader r = reader_init(data, size);
    struct identmap_writer w;
    void *map = NULL;
    size_t len;

    if (sound.data == NULL) {
        sound = map_new(IDENTMAP_SIZE_MIN);
        fill(&sound);
        list = malloc(LIST_SIZE);
        FUZZ_REQUIRE(list != NULL);
    }
    /* No longer than what is used of it, so that one byte too far is seen. */
    len = sound.used - (size_t)reader_u16(&r) * 64 % sound.used;
    FUZZ_REQUIRE(posix_memalign(&map, 64, sound.used) == 0);
    memcpy(map, sound.data, sound.used);
    w = (struct identmap_writer){ .data = map, .size = sound.used };
    fill_list(list);
    while (reader_left(&r) >= 8) {
        uint32_t where = reader_u32(&r);

        patch(&w, list, where, reader_u32(&r));
    }
    if (len < sound.used) {
        void *cut = NULL;

        FUZZ_REQUIRE(posix_memalign(&cut, 64, len) == 0);
        memcpy(cut, map, len);
        ask_all(cut, len);
        free(cut);
    }
    ask_all(map, sound.used);
    ask_list(list);
    free(map);
    return 0;
}
