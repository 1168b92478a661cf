/* lib/identmap: what is written to a map is what is found in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/map_fixture.h"

#define NOW 1000U

static const struct identmap_times fresh = { .refresh = NOW + 100, .end = NOW + 1000 };
static struct identmap_writer w;

static int
make_map(void **state)
{
    (void)state;
    w = map_new(IDENTMAP_SIZE_MIN);
    return 0;
}

static int
drop_map(void **state)
{
    (void)state;
    map_done(&w);
    return 0;
}

static enum identmap_found
found_name(enum record_kind kind, const char *name)
{
    return map_ask(&w, map_name(kind, name), NOW).found;
}

static enum identmap_found
found_id(enum record_kind kind, uint32_t id)
{
    return map_ask(&w, map_id(kind, id), NOW).found;
}

static void
assert_gecos(struct map_answer a, const char *gecos)
{
    assert_int_equal(a.found, IDENTMAP_HIT);
    assert_int_equal(a.rec.gecos.len, strlen(gecos));
    assert_memory_equal(a.rec.gecos.s, gecos, strlen(gecos));
}

static void
sizes_are_powers_of_two(void **state)
{
    static const size_t sizes[] = { 0, 4096, IDENTMAP_SIZE_MIN / 2, IDENTMAP_SIZE_MIN + 4096, 3U << 20,
                                    (size_t)IDENTMAP_SIZE_MAX * 2 };
    struct identmap_writer none;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_false(identmap_begin(&none, w.data, sizes[i]));
}

static void
every_key_finds_its_record(void **state)
{
    static const char *const members[] = { "alice", "bob" };
    static const uint32_t gids[] = { 5001, 5002, 5003 };
    struct map_answer a;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_true(map_put_group(&w, "staff", 3001, members, 2, true, true, fresh));
    assert_true(map_put_groups(&w, "alice", 2001, gids, 3, fresh));
    assert_gecos(map_ask(&w, map_name(RECORD_PASSWD, "alice"), NOW), "Alice");
    a = map_ask(&w, map_id(RECORD_PASSWD, 2001), NOW);
    assert_gecos(a, "Alice");
    assert_int_equal(a.rec.uid, 2001);
    a = map_ask(&w, map_name(RECORD_GROUP, "staff"), NOW);
    assert_int_equal(a.found, IDENTMAP_HIT);
    assert_int_equal(a.rec.n, 2);
    assert_memory_equal(a.rec.members, "alice\0bob", 10);
    assert_int_equal(map_ask(&w, map_id(RECORD_GROUP, 3001), NOW).rec.gid, 3001);
    a = map_ask(&w, map_name(RECORD_GROUPS, "alice"), NOW);
    assert_int_equal(a.found, IDENTMAP_HIT);
    assert_int_equal(record_gid(&a.rec, 2), 5003);
}

static void
other_keys_find_nothing(void **state)
{
    struct identmap_key odd = map_name(RECORD_PASSWD, "alice");

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_int_equal(found_name(RECORD_GROUP, "alice"), IDENTMAP_MISS);
    assert_int_equal(found_name(RECORD_GROUPS, "alice"), IDENTMAP_MISS);
    assert_int_equal(found_name(RECORD_PASSWD, "alic"), IDENTMAP_MISS);
    assert_int_equal(found_id(RECORD_PASSWD, 2002), IDENTMAP_MISS);
    assert_int_equal(found_id(RECORD_GROUP, 2001), IDENTMAP_MISS);
    assert_int_equal(found_id(RECORD_GROUPS, 2001), IDENTMAP_MISS);
    odd.name = "alicf"; /* the same hash */
    assert_int_equal(map_ask(&w, odd, NOW).found, IDENTMAP_MISS);
    odd.by = 77;
    assert_int_equal(map_ask(&w, odd, NOW).found, IDENTMAP_MISS);
    odd.kind = 77;
    assert_int_equal(map_ask(&w, odd, NOW).found, IDENTMAP_MISS);
}

static void
a_record_becomes_stale_and_ends(void **state)
{
    struct identmap_key key = map_name(RECORD_PASSWD, "alice");

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_false(map_ask(&w, key, fresh.refresh - 1).stale);
    assert_true(map_ask(&w, key, fresh.refresh).stale);
    assert_int_equal(map_ask(&w, key, fresh.end - 1).found, IDENTMAP_HIT);
    assert_int_equal(map_ask(&w, key, fresh.end).found, IDENTMAP_MISS);
    assert_int_equal(map_ask(&w, key, UINT64_MAX).found, IDENTMAP_MISS);
}

static void
deferring_makes_fresh(void **state)
{
    struct identmap_key key = map_id(RECORD_PASSWD, 2001);

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    identmap_defer(&w, &key, fresh.refresh + 50);
    assert_false(map_ask(&w, key, fresh.refresh + 49).stale);
    assert_true(map_ask(&w, key, fresh.refresh + 50).stale);
    key.id = 2002;
    identmap_defer(&w, &key, fresh.refresh + 50);
}

static void
an_update_replaces_under_the_keys_that_are_told(void **state)
{
    size_t used;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice B", true, true, fresh));
    assert_gecos(map_ask(&w, map_name(RECORD_PASSWD, "alice"), NOW), "Alice B");
    assert_gecos(map_ask(&w, map_id(RECORD_PASSWD, 2001), NOW), "Alice B");
    used = w.dead;
    assert_true(used > 0);
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice C", true, false, fresh));
    assert_gecos(map_ask(&w, map_name(RECORD_PASSWD, "alice"), NOW), "Alice C");
    assert_gecos(map_ask(&w, map_id(RECORD_PASSWD, 2001), NOW), "Alice B");
    assert_int_equal(w.dead, used); /* the id still names it */
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice C", false, true, fresh));
    assert_true(w.dead > used);
    assert_int_equal(w.entries[IDENTMAP_PASSWD_NAME], 1);
    assert_int_equal(w.entries[IDENTMAP_PASSWD_UID], 1);
}

static void
the_same_bytes_are_there_once(void **state)
{
    const struct identmap_times later = { .refresh = fresh.refresh + 5, .end = fresh.end + 5 };
    size_t used;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, false, fresh));
    assert_int_equal(found_id(RECORD_PASSWD, 2001), IDENTMAP_MISS);
    used = w.used;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", false, true, fresh));
    assert_gecos(map_ask(&w, map_id(RECORD_PASSWD, 2001), NOW), "Alice");
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, later));
    assert_int_equal(w.used, used);
    assert_int_equal(w.dead, 0);
    assert_int_equal(map_ask(&w, map_name(RECORD_PASSWD, "alice"), fresh.end).found, IDENTMAP_HIT);
    assert_false(map_ask(&w, map_id(RECORD_PASSWD, 2001), fresh.refresh).stale);
}

static void
what_is_removed_is_not_answered(void **state)
{
    struct identmap_key name = map_name(RECORD_PASSWD, "alice"), id = map_id(RECORD_PASSWD, 2001);

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    identmap_remove(&w, &name);
    assert_int_equal(map_ask(&w, name, NOW).found, IDENTMAP_MISS);
    assert_int_equal(map_ask(&w, id, NOW).found, IDENTMAP_HIT);
    assert_int_equal(w.dead, 0);
    identmap_remove(&w, &id);
    assert_int_equal(map_ask(&w, id, NOW).found, IDENTMAP_MISS);
    assert_int_equal(w.dead, w.used - ((struct identmap_head *)(void *)w.data)->records);
    assert_int_equal(w.entries[IDENTMAP_PASSWD_NAME] + w.entries[IDENTMAP_PASSWD_UID], 0);
    identmap_put_none(&w, &id, NOW + 1);
    identmap_remove(&w, &id);
    assert_int_equal(map_ask(&w, id, NOW).found, IDENTMAP_MISS);
}

static void
what_is_missing_is_remembered(void **state)
{
    char longest[IDENTMAP_NONE_NAME + 2];
    struct identmap_key name = map_name(RECORD_PASSWD, "bob"), id = map_id(RECORD_GROUP, 3001), key;

    (void)state;
    identmap_put_none(&w, &name, NOW + 10);
    identmap_put_none(&w, &id, NOW + 20);
    assert_int_equal(map_ask(&w, name, NOW + 9).found, IDENTMAP_NONE);
    assert_int_equal(map_ask(&w, name, NOW + 10).found, IDENTMAP_MISS);
    assert_int_equal(map_ask(&w, id, NOW + 19).found, IDENTMAP_NONE);
    assert_int_equal(found_name(RECORD_GROUP, "bob"), IDENTMAP_MISS);
    assert_int_equal(found_name(RECORD_PASSWD, "bo"), IDENTMAP_MISS);
    assert_int_equal(found_id(RECORD_PASSWD, 3001), IDENTMAP_MISS);
    memset(longest, 'x', sizeof(longest));
    longest[IDENTMAP_NONE_NAME] = '\0';
    key = map_name(RECORD_GROUPS, longest);
    identmap_put_none(&w, &key, NOW + 10);
    assert_int_equal(map_ask(&w, key, NOW).found, IDENTMAP_NONE);
    longest[IDENTMAP_NONE_NAME - 1] = 'y';
    assert_int_equal(map_ask(&w, key, NOW).found, IDENTMAP_MISS);
    longest[IDENTMAP_NONE_NAME - 1] = 'x';
    longest[IDENTMAP_NONE_NAME] = 'x';
    longest[IDENTMAP_NONE_NAME + 1] = '\0';
    key = map_name(RECORD_GROUPS, longest);
    identmap_put_none(&w, &key, NOW + 10);
    assert_int_equal(map_ask(&w, key, NOW).found, IDENTMAP_MISS);
}

static void
there_and_missing_take_turns(void **state)
{
    struct identmap_key name = map_name(RECORD_PASSWD, "alice");

    (void)state;
    identmap_put_none(&w, &name, NOW + 10);
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_int_equal(map_ask(&w, name, NOW).found, IDENTMAP_HIT);
    identmap_remove(&w, &name);
    assert_int_equal(map_ask(&w, name, NOW).found, IDENTMAP_MISS);
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    identmap_put_none(&w, &name, NOW + 10);
    assert_int_equal(map_ask(&w, name, NOW).found, IDENTMAP_NONE);
    assert_int_equal(found_id(RECORD_PASSWD, 2001), IDENTMAP_HIT);
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, (struct identmap_times){ NOW + 1, NOW + 5 }));
    assert_int_equal(map_ask(&w, name, NOW + 5).found, IDENTMAP_MISS); /* and not missing again */
}

/* An id whose user and group, if they are missing, are remembered in the same set. */
static void
a_missing_group_is_no_missing_user(void **state)
{
    struct identmap_key key = map_id(RECORD_GROUP, 2000);
    uint64_t hash;

    (void)state;
    do {
        hash = identmap_hash_id(++key.id);
    } while (((hash >> 8 ^ hash >> 16) & (IDENTMAP_NONE_SLOTS / IDENTMAP_NONE_WAYS - 1)) != 0);
    identmap_put_none(&w, &key, NOW + 10);
    assert_int_equal(found_id(RECORD_GROUP, key.id), IDENTMAP_NONE);
    assert_int_equal(found_id(RECORD_PASSWD, key.id), IDENTMAP_MISS);
}

/* The i-th id from 1 whose set, of `sets`, is the first: by the bits of its hash from `bit` on. */
static uint32_t
id_in_first_set(unsigned i, uint32_t sets, unsigned bit)
{
    uint32_t id = 0;

    do {
        do {
            id++;
        } while ((identmap_hash_id(id) >> bit & (sets - 1)) != 0);
    } while (i-- > 0);
    return id;
}

static void
a_full_none_set_forgets_the_nearest_end(void **state)
{
    uint32_t sets = IDENTMAP_NONE_SLOTS / IDENTMAP_NONE_WAYS;
    struct identmap_key key = map_id(RECORD_PASSWD, 0);

    (void)state;
    for (unsigned i = 0; i <= IDENTMAP_NONE_WAYS; i++) {
        key.id = id_in_first_set(i, sets, 8);
        identmap_put_none(&w, &key, i == 2 ? NOW + 1 : NOW + 10);
        identmap_put_none(&w, &key, i == 2 ? NOW + 1 : NOW + 10); /* once */
    }
    for (unsigned i = 0; i <= IDENTMAP_NONE_WAYS; i++)
        assert_int_equal(found_id(RECORD_PASSWD, id_in_first_set(i, sets, 8)), i == 2 ? IDENTMAP_MISS : IDENTMAP_NONE);
}

static void
a_full_set_gives_up_the_nearest_end(void **state)
{
    uint32_t sets = ((struct identmap_head *)(void *)w.data)->tables[IDENTMAP_PASSWD_UID].sets;
    size_t dead;

    (void)state;
    for (unsigned i = 0; i < IDENTMAP_WAYS; i++) {
        struct identmap_times times = { NOW + 1, i == 7 ? NOW + 5 : NOW + 10 };

        assert_true(map_put_passwd(&w, "x", id_in_first_set(i, sets, 6), "X", false, true, times));
    }
    assert_int_equal(w.entries[IDENTMAP_PASSWD_UID], IDENTMAP_WAYS);
    dead = w.dead;
    assert_true(map_put_passwd(&w, "x", id_in_first_set(IDENTMAP_WAYS, sets, 6), "X", false, true, fresh));
    for (unsigned i = 0; i <= IDENTMAP_WAYS; i++)
        assert_int_equal(found_id(RECORD_PASSWD, id_in_first_set(i, sets, 6)), i == 7 ? IDENTMAP_MISS : IDENTMAP_HIT);
    assert_int_equal(w.entries[IDENTMAP_PASSWD_UID], IDENTMAP_WAYS);
    assert_true(w.dead > dead);
}

static void
a_full_map_says_so_and_answers_the_rest(void **state)
{
    char gecos[1000];
    uint32_t n = 0;

    (void)state;
    memset(gecos, 'g', sizeof(gecos) - 1);
    gecos[sizeof(gecos) - 1] = '\0';
    assert_false(identmap_is_tight(&w));
    while (map_put_passwd(&w, "x", 2000 + n, gecos, false, true, fresh))
        n++;
    assert_true(n > 100 && w.used <= w.size);
    assert_true(identmap_is_tight(&w));
    for (uint32_t i = 0; i < n; i++)
        assert_gecos(map_ask(&w, map_id(RECORD_PASSWD, 2000 + i), NOW), gecos);
    gecos[0] = 'h';
    assert_false(map_put_passwd(&w, "x", 2000, gecos, false, true, fresh));
    assert_int_equal(found_id(RECORD_PASSWD, 2000), IDENTMAP_MISS);
    gecos[0] = 'g'; /* the same bytes as of another that is there: no room needed */
    assert_true(map_put_passwd(&w, "x", 2001, gecos, false, true, fresh));
}

static void
half_a_table_is_tight(void **state)
{
    uint32_t slots = IDENTMAP_SIZE_MIN / 128;
    char name[16];

    (void)state;
    for (uint32_t i = 0; w.entries[IDENTMAP_GROUPS_NAME] <= slots / 2; i++) {
        assert_false(identmap_is_tight(&w));
        (void)snprintf(name, sizeof(name), "u%u", i);
        assert_true(map_put_groups(&w, name, 2000 + i, NULL, 0, fresh));
    }
    assert_true(identmap_is_tight(&w));
    assert_int_equal(identmap_next_size(&w), 4 * IDENTMAP_SIZE_MIN);
}

static void
the_next_size_is_for_what_is_alive(void **state)
{
    struct identmap_writer large = w;
    char gecos[1000];

    (void)state;
    assert_int_equal(identmap_next_size(&w), IDENTMAP_SIZE_MIN);
    memset(gecos, 'g', sizeof(gecos) - 1);
    gecos[sizeof(gecos) - 1] = '\0';
    for (unsigned i = 0; !identmap_is_tight(&w); i++) {
        gecos[0] = (char)('a' + i % 26);
        assert_true(map_put_passwd(&w, "x", 2000, gecos, true, true, fresh));
    }
    assert_int_equal(identmap_next_size(&w), IDENTMAP_SIZE_MIN);
    w.dead = 0;
    assert_int_equal(identmap_next_size(&w), 2 * IDENTMAP_SIZE_MIN);
    large.entries[IDENTMAP_PASSWD_UID] = UINT32_MAX;
    assert_int_equal(identmap_next_size(&large), IDENTMAP_SIZE_MAX);
}

static void
clearing_forgets_all(void **state)
{
    struct identmap_key none = map_id(RECORD_GROUP, 3002);
    size_t used;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    identmap_put_none(&w, &none, NOW + 10);
    used = w.used;
    identmap_clear(&w);
    assert_int_equal(found_name(RECORD_PASSWD, "alice"), IDENTMAP_MISS);
    assert_int_equal(found_id(RECORD_PASSWD, 2001), IDENTMAP_MISS);
    assert_int_equal(map_ask(&w, none, NOW).found, IDENTMAP_MISS);
    assert_int_equal(w.used, used);
    assert_int_equal(w.entries[IDENTMAP_PASSWD_NAME], 0);
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_int_equal(found_name(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_true(w.used > used); /* who reads the old one is not disturbed */
}

static struct identmap_writer
larger_map(void)
{
    struct identmap_writer to = map_new(2 * IDENTMAP_SIZE_MIN);

    ((struct identmap_head *)(void *)to.data)->shared.key[0] ^= 1;
    return to;
}

/* A key by name for a map whose hashes have another key. */
static struct identmap_key
name_in(const struct identmap_writer *to, enum record_kind kind, const char *name)
{
    struct identmap_key key = map_name(kind, name);

    key.hash = hash_keyed(((struct identmap_head *)(void *)to->data)->shared.key, name, key.len);
    return key;
}

static void
put_both(struct identmap_writer *to, const char *name, uint32_t uid, const char *gecos)
{
    assert_true(map_put_passwd(&w, name, uid, gecos, true, true, fresh));
    assert_true(map_put_passwd(to, name, uid, gecos, true, true, fresh));
}

static void
copying_in_parts_keeps_what_changes_between(void **state)
{
    struct identmap_writer to = larger_map();
    struct identmap_key gone = map_name(RECORD_PASSWD, "u3"), gone_to = name_in(&to, RECORD_PASSWD, "u3");
    uint32_t at = 0, parts = 0;
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "u%u", i);
        assert_true(map_put_passwd(&w, name, 2000 + i, "Old", true, true, fresh));
    }
    while (identmap_copy(&to, &w, &at, 100, NOW)) {
        if (parts++ == 3) {
            for (uint32_t i = 100; i < 150; i++) {
                (void)snprintf(name, sizeof(name), "u%u", i);
                put_both(&to, name, 2000 + i, "New");
            }
            identmap_remove(&w, &gone);
            identmap_remove(&to, &gone_to);
            identmap_put_none(&w, &gone, NOW + 10);
            identmap_put_none(&to, &gone_to, NOW + 10);
        }
    }
    assert_true(parts > 20);
    for (uint32_t i = 0; i < 200; i++) {
        const char *gecos = i >= 100 && i < 150 ? "New" : "Old";
        struct map_answer a;

        (void)snprintf(name, sizeof(name), "u%u", i);
        assert_gecos(map_ask(&to, map_id(RECORD_PASSWD, 2000 + i), NOW), gecos);
        a = map_ask(&to, name_in(&to, RECORD_PASSWD, name), NOW);
        if (i == 3)
            assert_int_equal(a.found, IDENTMAP_NONE);
        else
            assert_gecos(a, gecos);
    }
    map_done(&to);
}

static void
copying_leaves_what_is_newer(void **state)
{
    struct identmap_writer to = larger_map();
    struct identmap_key missing = name_in(&to, RECORD_PASSWD, "bob"), now_there = map_name(RECORD_PASSWD, "carol");
    uint32_t at = 0;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Old", true, true, fresh));
    assert_true(map_put_passwd(&w, "bob", 2002, "Old", true, true, fresh));
    assert_true(map_put_passwd(&w, "dave", 2004, "Old", true, true, fresh));
    identmap_put_none(&w, &now_there, NOW + 10);
    assert_true(map_put_passwd(&to, "alice", 2001, "New", true, true, fresh));
    assert_true(map_put_passwd(&to, "carol", 2003, "New", true, true, fresh));
    assert_true(map_put_passwd(&to, "dave", 2004, "New", false, true, fresh));
    identmap_put_none(&to, &missing, NOW + 10);
    while (identmap_copy(&to, &w, &at, 1, NOW))
        continue;
    assert_gecos(map_ask(&to, name_in(&to, RECORD_PASSWD, "alice"), NOW), "New");
    assert_gecos(map_ask(&to, map_id(RECORD_PASSWD, 2001), NOW), "New");
    assert_int_equal(map_ask(&to, missing, NOW).found, IDENTMAP_NONE);
    assert_gecos(map_ask(&to, map_id(RECORD_PASSWD, 2002), NOW), "Old");
    assert_gecos(map_ask(&to, name_in(&to, RECORD_PASSWD, "carol"), NOW), "New");
    assert_gecos(map_ask(&to, name_in(&to, RECORD_PASSWD, "dave"), NOW), "Old");
    assert_gecos(map_ask(&to, map_id(RECORD_PASSWD, 2004), NOW), "New");
    map_done(&to);
}

static void
copying_leaves_out_what_has_ended(void **state)
{
    struct identmap_writer to = larger_map();
    struct identmap_key none = map_name(RECORD_GROUP, "missing"), past = map_name(RECORD_GROUP, "past");
    uint32_t at = 0;

    (void)state;
    assert_true(map_put_passwd(&w, "alice", 2001, "Alice", true, true, fresh));
    assert_true(map_put_passwd(&w, "bob", 2002, "Bob", true, true, (struct identmap_times){ NOW - 2, NOW }));
    assert_true(map_put_group(&w, "staff", 3001, NULL, 0, false, true, fresh));
    identmap_put_none(&w, &none, NOW + 10);
    identmap_put_none(&w, &past, NOW);
    while (identmap_copy(&to, &w, &at, UINT32_MAX, NOW))
        continue;
    assert_gecos(map_ask(&to, name_in(&to, RECORD_PASSWD, "alice"), NOW), "Alice");
    assert_int_equal(map_ask(&to, map_id(RECORD_PASSWD, 2002), NOW - 1).found, IDENTMAP_MISS);
    assert_int_equal(map_ask(&to, map_id(RECORD_GROUP, 3001), NOW).found, IDENTMAP_HIT);
    assert_int_equal(map_ask(&to, name_in(&to, RECORD_GROUP, "staff"), NOW).found, IDENTMAP_MISS);
    assert_int_equal(map_ask(&to, name_in(&to, RECORD_GROUP, "missing"), NOW).found, IDENTMAP_NONE);
    assert_int_equal(map_ask(&to, name_in(&to, RECORD_GROUP, "past"), NOW - 1).found, IDENTMAP_MISS);
    assert_int_equal(to.dead, 0);
    assert_true(to.entries[IDENTMAP_PASSWD_NAME] == 1 && to.entries[IDENTMAP_PASSWD_UID] == 1);
    map_done(&to);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_map, drop_map)
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_powers_of_two),
        TEST(every_key_finds_its_record),
        TEST(other_keys_find_nothing),
        TEST(a_record_becomes_stale_and_ends),
        TEST(deferring_makes_fresh),
        TEST(an_update_replaces_under_the_keys_that_are_told),
        TEST(the_same_bytes_are_there_once),
        TEST(what_is_removed_is_not_answered),
        TEST(what_is_missing_is_remembered),
        TEST(there_and_missing_take_turns),
        TEST(a_missing_group_is_no_missing_user),
        TEST(a_full_none_set_forgets_the_nearest_end),
        TEST(a_full_set_gives_up_the_nearest_end),
        TEST(a_full_map_says_so_and_answers_the_rest),
        TEST(half_a_table_is_tight),
        TEST(the_next_size_is_for_what_is_alive),
        TEST(clearing_forgets_all),
        TEST(copying_in_parts_keeps_what_changes_between),
        TEST(copying_leaves_what_is_newer),
        TEST(copying_leaves_out_what_has_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
