/* daemon/front: a map that is full, and the one that takes its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "lib/proto/client.h"
#include "tests/unit/front_map_fixture.h"

/* Asks for users until keeper is asked for more room; how many there are. */
static uint32_t
fill(struct fixture *x, uint32_t *size_out)
{
    char name[32];

    for (uint32_t i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof(name), "user%u", i);
        look_up_passwd(x, name, name, ALICE + i);
        if (wants_map(x, size_out))
            return i + 1;
    }
    fail();
    return 0;
}

/* As many parts as it takes. */
static unsigned
copy(struct fixture *x)
{
    unsigned n = 0;

    while (front_map_busy(x->f)) {
        front_map_turn(x->f);
        n++;
    }
    return n;
}

static void
a_map_that_is_full_grows(void **state)
{
    struct fixture *x = *state;
    uint32_t larger, n = fill(x, &larger), other;
    void *old = map;
    unsigned there = 0;
    char name[32];

    assert_true(larger > size);
    /* Asked once, however much more there is. */
    look_up_passwd(x, "more", "more", 3000000);
    assert_false(wants_map(x, &other));
    map = give_map(x, larger);
    assert_true(front_map_busy(x->f));
    assert_false(map_placed(x));
    front_map_turn(x->f);
    assert_true(front_map_busy(x->f));
    /* What changes meanwhile changes in both. */
    look_up_passwd(x, "meanwhile", "meanwhile", 3000001);
    assert_int_equal(look(RECORD_PASSWD, "meanwhile"), IDENTMAP_HIT);
    front_record_forget(x->f, "user0");
    front_record_forget(x->f, "user1");
    sleep_till(x, 10000);
    assert_int_equal(look(RECORD_PASSWD, "user0"), IDENTMAP_NONE);
    assert_in_range(((const struct shared_head *)old)->lease, shared_now(), shared_now() + SHARED_LEASE_MS);
    assert_in_range(((const struct shared_head *)map)->lease, shared_now(), shared_now() + SHARED_LEASE_MS);
    assert_true(copy(x) > 1);
    assert_true(map_placed(x));
    (void)munmap(old, size);
    size = larger;
    assert_int_equal(look(RECORD_PASSWD, "user0"), IDENTMAP_NONE);
    assert_int_equal(look(RECORD_PASSWD, "user1"), IDENTMAP_NONE);
    assert_int_equal(look(RECORD_PASSWD, "meanwhile"), IDENTMAP_HIT);
    for (uint32_t i = 2; i < n; i++) {
        (void)snprintf(name, sizeof(name), "user%u", i);
        there += look(RECORD_PASSWD, name) == IDENTMAP_HIT && look_id(RECORD_PASSWD, ALICE + i) == IDENTMAP_HIT;
    }
    /* A set that is full has let some go. */
    assert_in_range(there, n - 2 - n / 50, n - 2);
    /* From now on it is this one that is written. */
    look_up_passwd(x, "later", "later", 3000002);
    assert_int_equal(look(RECORD_PASSWD, "later"), IDENTMAP_HIT);
    assert_false(wants_map(x, &other));
}

/* Room of what was forgotten is won back by a map that is no larger. */
static void
what_was_forgotten_makes_room(void **state)
{
    struct fixture *x = *state;
    uint32_t again = 0, i = 0;
    void *old = map;
    char name[32];

    waited_ms = 61000;
    while (!wants_map(x, &again)) {
        (void)snprintf(name, sizeof(name), "user%u", i);
        look_up_passwd(x, name, name, ALICE + i);
        i++;
        if (i % 500 == 0)
            front_nss_forget(x->f);
        assert_true(i < 100000);
    }
    assert_int_equal(again, IDENTMAP_SIZE_MIN);
    assert_true(i > 1024);
    map = give_map(x, again);
    (void)copy(x);
    assert_true(map_placed(x));
    (void)munmap(old, size);
    assert_int_equal(look(RECORD_PASSWD, name), IDENTMAP_HIT);
    assert_int_equal(look(RECORD_PASSWD, "user1"), IDENTMAP_MISS);
    look_up_passwd(x, "later", "later", 3000002);
    assert_false(wants_map(x, &again));
}

/* A record that would not fit a larger map of the usual size. */
static void
a_record_that_has_no_room_makes_room(void **state)
{
    struct fixture *x = *state;
    uint32_t larger;
    void *old = map;

    look_up_passwd(x, "alice", "alice", ALICE);
    look_up_group(x, "crew", CREW, 20000);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_MISS);
    assert_true(wants_map(x, &larger));
    assert_in_range(larger, 1U << 20, 4U << 20);
    map = give_map(x, larger);
    (void)copy(x);
    assert_true(map_placed(x));
    (void)munmap(old, size);
    size = larger;
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    /* The next who asks finds it in front's memory, and the one after him in the map. */
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "crew")), PROTO_RECORD);
    (void)turn(x);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_HIT);
    assert_int_equal(found.n, 20000);
    assert_false(wants_map(x, &larger));
}

static void
without_room_the_old_map_serves(void **state)
{
    struct fixture *x = *state;
    uint32_t larger, again, n = fill(x, &larger), there = 0;
    char name[32];

    refuse_map(x, ENOSPC);
    look_up_passwd(x, "more", "more", ALICE + n);
    look_up_group(x, "crew", CREW, 20000);
    tick(x);
    assert_false(wants_map(x, &again));
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "user%u", i);
        there += look(RECORD_PASSWD, name) == IDENTMAP_HIT;
    }
    assert_in_range(there, n - n / 50, n);
    assert_int_equal(look(RECORD_PASSWD, "more"), IDENTMAP_HIT);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_MISS);
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "crew")), PROTO_RECORD);
    waited_ms = 61000;
    tick(x);
    assert_true(wants_map(x, &again));
    assert_true(again >= larger);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MAP_TEST(a_map_that_is_full_grows),
        MAP_TEST(what_was_forgotten_makes_room),
        MAP_TEST(a_record_that_has_no_room_makes_room),
        MAP_TEST(without_room_the_old_map_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
