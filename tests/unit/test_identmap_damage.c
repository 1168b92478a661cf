/*
 * lib/identmap: whatever is in a map or a list, and however short it is, all
 * that is read is in it, and what is found is what was asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/identmap/local_list.h"
#include "tests/unit/map_fixture.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define NOW 1000U

static struct identmap_writer w;
static struct identmap_key keys[10];

static int
make_map(void **state)
{
    static const struct identmap_times fresh = { .refresh = NOW + 100, .end = NOW + 1000 };
    static const char *const members[] = { "alice", "bob" };
    static const uint32_t gids[] = { 5001, 5002, 5003 };

    (void)state;
    w = map_new(IDENTMAP_SIZE_MIN);
    keys[0] = map_name(RECORD_PASSWD, "alice");
    keys[1] = map_id(RECORD_PASSWD, 2001);
    keys[2] = map_name(RECORD_GROUP, "staff");
    keys[3] = map_id(RECORD_GROUP, 3001);
    keys[4] = map_name(RECORD_GROUPS, "alice");
    keys[5] = map_name(RECORD_PASSWD, "missing");
    keys[6] = map_id(RECORD_GROUP, 3002);
    keys[7] = map_name(RECORD_GROUP, "unknown");
    keys[8] = map_id(RECORD_PASSWD, 2002);
    keys[9] = map_name(RECORD_PASSWD, "a-name-that-is-too-long-to-be-remembered-as-missing");
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_true(map_put_group(&w, "staff", 3001, members, 2, true, true, fresh));
    assert_true(map_put_groups(&w, "alice", 2001, gids, 3, fresh));
    identmap_put_none(&w, &keys[5], NOW + 1000);
    identmap_put_none(&w, &keys[6], NOW + 1000);
    return 0;
}

static int
drop_map(void **state)
{
    (void)state;
    map_done(&w);
    return 0;
}

/* How many of the keys are answered; all answers must be inside and right. */
static unsigned
ask_all(const void *map, size_t len)
{
    unsigned answers = 0;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct record rec;
        bool stale;
        enum identmap_found found = identmap_find(map, len, &keys[i], NOW, &rec, &stale);

        answers += found != IDENTMAP_MISS;
        if (found == IDENTMAP_HIT && !map_is_inside(map, len, &rec, &keys[i]))
            fail_msg("key %zu: found what was not asked for", i);
        if (found == IDENTMAP_HIT && rec.kind == RECORD_GROUP) {
            char copy[64];

            assert_true(rec.members_len <= sizeof(copy) || rec.members_len <= len);
            if (rec.members_len <= sizeof(copy)) {
                memcpy(copy, rec.members, rec.members_len);
                (void)record_members(&rec, copy, NULL);
            }
        }
    }
    return answers;
}

static void
each_byte_may_be_anything(void **state)
{
    (void)state;
    assert_int_equal(ask_all(w.data, w.size), 7);
    ASAN_POISON_MEMORY_REGION(w.data + w.used, w.size - w.used);
    for (size_t i = 0; i < w.used; i++) {
        uint8_t was = w.data[i];
        const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, (uint8_t)(was ^ 0x01), (uint8_t)(was ^ 0x40),
                                   (uint8_t)(was + 0x10) };

        for (size_t v = 0; v < sizeof(values); v++) {
            w.data[i] = values[v];
            (void)ask_all(w.data, w.used);
        }
        w.data[i] = was;
    }
    ASAN_UNPOISON_MEMORY_REGION(w.data, w.size);
    assert_int_equal(ask_all(w.data, w.size), 7);
}

static void
each_word_may_be_anything(void **state)
{
    const uint32_t values[] = { 0, 1, 2, 64, UINT32_MAX, 0x7fffffff, 0x80000000, 0x03ffffff, 0x10000, (uint32_t)w.size,
                                (uint32_t)w.used, (uint32_t)w.used - 12, (uint32_t)w.used / 16 };

    (void)state;
    ASAN_POISON_MEMORY_REGION(w.data + w.used, w.size - w.used);
    for (size_t i = 0; i < w.used; i += 4) {
        uint32_t was;

        memcpy(&was, w.data + i, 4);
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            uint32_t tagged = values[v] | (was & 0xfc000000U);

            memcpy(w.data + i, &values[v], 4);
            (void)ask_all(w.data, w.used);
            memcpy(w.data + i, &tagged, 4);
            (void)ask_all(w.data, w.used);
        }
        memcpy(w.data + i, &was, 4);
    }
    ASAN_UNPOISON_MEMORY_REGION(w.data, w.size);
}

static void
each_length_may_be_cut(void **state)
{
    (void)state;
    for (size_t len = w.size; len > 0; len--) {
        unsigned answers = len > w.used || len % 16 == 0 || len < 128 ? ask_all(w.data, len - 1) : 0;

        ASAN_POISON_MEMORY_REGION(w.data + len - 1, w.size - len + 1);
        if (len > w.used)
            assert_int_equal(answers, 7);
        (void)ask_all(w.data, len - 1);
    }
    ASAN_UNPOISON_MEMORY_REGION(w.data, w.size);
}

/* The same without ASan: behind the last byte there is nothing that can be read. */
static void
nothing_is_read_behind_the_end(void **state)
{
    size_t room = IDENTMAP_SIZE_MIN;
    uint8_t *area = mmap(NULL, room + IDENTMAP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(area != MAP_FAILED);
    assert_int_equal(mprotect(area + room, IDENTMAP_PAGE, PROT_NONE), 0);
    for (size_t len = 0; len <= w.used; len += 64) {
        memcpy(area + room - len, w.data, len);
        (void)ask_all(area + room - len, len);
    }
    assert_int_equal(munmap(area, room + IDENTMAP_PAGE), 0);
}

/* Slots that name other slots, the head, and each other's middle. */
static void
slots_may_name_anything(void **state)
{
    const struct identmap_head *head = (const struct identmap_head *)(const void *)w.data;

    (void)state;
    for (uint32_t unit = 0; unit <= w.used / IDENTMAP_UNIT; unit++) {
        for (size_t i = 0; i < 5; i++) {
            uint64_t hash = keys[i].by == PROTO_BY_NAME ? keys[i].hash : identmap_hash_id(keys[i].id);
            uint32_t *set = (uint32_t *)(void *)(w.data + head->tables[i].offset);

            set += (hash >> 6 & (head->tables[i].sets - 1)) * IDENTMAP_WAYS;
            for (unsigned way = 0; way < IDENTMAP_WAYS; way++)
                set[way] = (uint32_t)(hash & 63) << IDENTMAP_OFFSET_BITS | unit;
        }
        (void)ask_all(w.data, w.used);
    }
}

static size_t
make_list(uint8_t **list_out)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 2, 2, 3, 3 };
    size_t len = local_list_size(n);
    void *list = NULL;

    assert_int_equal(posix_memalign(&list, 64, len), 0);
    memset(list, 0, len);
    shared_head_init(list, LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, map_key);
    local_list_begin(list, n);
    local_list_add_name(list, LOCAL_LIST_USERS, 1234567);
    local_list_add_id(list, LOCAL_LIST_UIDS, 1001);
    *list_out = list;
    return len;
}

static void
ask_list(const void *list, size_t len)
{
    for (unsigned table = 0; table < LOCAL_LIST_TABLES; table++) {
        (void)local_list_has_name(list, len, table, 1234567);
        (void)local_list_has_name(list, len, table, UINT64_MAX);
        (void)local_list_has_id(list, len, table, 1001);
        (void)local_list_has_id(list, len, table, 1000);
    }
}

static void
a_list_may_be_anything(void **state)
{
    uint8_t *list;
    size_t len = make_list(&list);

    (void)state;
    for (size_t i = 0; i < 512; i++) {
        uint8_t was = list[i];

        for (unsigned v = 0; v < 256; v += v % 8 == 0 || v == 255 ? 1 : 7) {
            list[i] = (uint8_t)v;
            ask_list(list, len);
        }
        list[i] = was;
    }
    for (size_t cut = len; cut > 0; cut--) {
        ASAN_POISON_MEMORY_REGION(list + cut - 1, len - cut + 1);
        ask_list(list, cut - 1);
    }
    ASAN_UNPOISON_MEMORY_REGION(list, len);
    free(list);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_map, drop_map)
    const struct CMUnitTest tests[] = {
        TEST(each_byte_may_be_anything),  TEST(each_word_may_be_anything),      TEST(each_length_may_be_cut),
        TEST(slots_may_name_anything),    TEST(nothing_is_read_behind_the_end), TEST(a_list_may_be_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
