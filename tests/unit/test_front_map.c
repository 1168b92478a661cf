/* daemon/front: what it publishes in the identity map, read as every process reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/identmap/reader.h"
#include "lib/proto/client.h"
#include "tests/unit/front_fixture.h"

#define ALICE 2001104
#define CREW 2002000
#define MANY 5000 /* members of a group whose record does not fit a packet */

/* The map in place, as the test has it mapped. */
static void *map;
static uint32_t size;

static struct record found;
static bool stale;

static int
with_map(void **state)
{
    struct fixture *x;

    if (setup(state) != 0)
        return -1;
    x = *state;
    size = IDENTMAP_SIZE_MIN;
    map = give_map(x, size);
    assert_true(map_placed(x));
    return 0;
}

static int
without_map(void **state)
{
    (void)munmap(map, size);
    return teardown(state);
}

static enum identmap_found
look(enum record_kind kind, const char *name)
{
    const struct shared_head *head = map;
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_NAME, .name = name, .len = strlen(name),
                                .hash = hash_keyed(head->key, name, strlen(name)) };

    return identmap_find(map, size, &key, identmap_now(map), &found, &stale);
}

static enum identmap_found
look_id(enum record_kind kind, uint32_t id)
{
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_ID, .id = id };

    return identmap_find(map, size, &key, identmap_now(map), &found, &stale);
}

static bool
is_named(const char *name)
{
    return found.name.len == strlen(name) && memcmp(found.name.s, name, found.name.len) == 0;
}

/* The computer has slept: front's next tick tells the readers. */
static void
sleep_till(struct fixture *x, int64_t ms)
{
    slept_ms = ms;
    tick(x);
}

/* Asks, and answers as directory does. */
static void
look_up_none(struct fixture *x, const char *name)
{
    int fd = nss_ask(x, RECORD_PASSWD, name);
    struct ipc_lookup m;

    assert_true(next_lookup(x, &m));
    answer_status(x, m.request, IPC_STATUS_NONE);
    assert_int_equal(nss_take(fd), PROTO_NONE);
}

static void
look_up_passwd(struct fixture *x, const char *asked, const char *name, uint32_t uid)
{
    int fd = nss_ask(x, RECORD_PASSWD, asked);
    struct ipc_lookup m;

    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, name, uid);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
}

static void
look_up_group(struct fixture *x, const char *name, uint32_t gid, unsigned members)
{
    int fd = name != NULL ? nss_ask(x, RECORD_GROUP, name) : nss_ask_id(x, RECORD_GROUP, gid);
    struct ipc_lookup m;

    assert_true(next_lookup(x, &m));
    answer_group(x, m.request, "crew", gid, members);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    (void)turn(x);
}

static void
what_is_found_is_published(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_MISS);
    /* However it was spelled, its name is what the record says. */
    look_up_passwd(x, "CORP\\Alice", "alice", ALICE);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_true(found.uid == ALICE && is_named("alice") && !stale);
    assert_int_equal(look_id(RECORD_PASSWD, ALICE), IDENTMAP_HIT);
    assert_true(is_named("alice"));
    assert_int_equal(look(RECORD_PASSWD, "corp\\alice"), IDENTMAP_MISS);
    assert_int_equal(look_id(RECORD_GROUP, ALICE), IDENTMAP_MISS);
    /* It gets old, and has an end. */
    sleep_till(x, 1000 * 1000);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_true(stale);
    sleep_till(x, 90000 * 1000);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_MISS);
}

static void
a_group_found_by_id_answers_for_its_id_alone(void **state)
{
    struct fixture *x = *state;

    look_up_group(x, NULL, CREW, 0);
    assert_int_equal(look_id(RECORD_GROUP, CREW), IDENTMAP_HIT);
    assert_true(is_named("crew") && found.n == 0);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_MISS);
    look_up_group(x, "crew", CREW, 3);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_HIT);
    assert_int_equal(found.n, 3);
    assert_int_equal(look_id(RECORD_GROUP, CREW), IDENTMAP_HIT);
    assert_int_equal(found.n, 3);
}

/* Bytes of a record as LEARNED has it. */
static size_t
put_learned(uint8_t *buf, size_t n, enum record_kind kind)
{
    static const uint32_t gids[] = { CREW, CREW + 1, CREW + 2 };
    struct writer w = writer_init(buf, n);

    proto_put_head(&w, PROTO_RECORD);
    if (kind == RECORD_PASSWD)
        record_put_passwd(&w, ALICE, CREW, "alice", "", "/home/alice", "/bin/sh");
    else
        record_put_groups(&w, ALICE, CREW, "alice", gids, 3);
    assert_true(writer_ok(&w));
    return w.len;
}

static void
what_a_logon_taught_is_published_and_forgotten(void **state)
{
    uint8_t passwd[256], groups[256];
    struct ipc_learned m = { .request = 1, .err = ERR_OK, .refresh = 900, .end = 3600, .passwd = passwd, .groups = groups };
    struct fixture *x = *state;

    m.passwd_len = put_learned(passwd, sizeof(passwd), RECORD_PASSWD);
    m.groups_len = put_learned(groups, sizeof(groups), RECORD_GROUPS);
    for (int i = 0; i < 2; i++) {
        front_record_learned(x->f, &m);
        assert_int_equal(look(RECORD_GROUPS, "alice"), IDENTMAP_HIT);
        assert_true(found.uid == ALICE && found.n == 3 && record_gid(&found, 2) == CREW + 2);
        assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
        assert_int_equal(look_id(RECORD_PASSWD, ALICE), IDENTMAP_HIT);
        /* Also where front's own memory had no room for it. */
        if (i == 1)
            cache_clear(x->f->cache);
        front_record_forget(x->f, "ALICE");
        assert_int_equal(look(RECORD_GROUPS, "alice"), IDENTMAP_NONE);
        assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_NONE);
        assert_int_equal(look_id(RECORD_PASSWD, ALICE), IDENTMAP_NONE);
    }
}

static void
who_does_not_exist_does_not_for_a_while(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fd = nss_ask(x, RECORD_PASSWD, "Nobody1");

    assert_true(next_lookup(x, &m));
    answer_status(x, m.request, IPC_STATUS_NONE);
    assert_int_equal(nss_take(fd), PROTO_NONE);
    assert_int_equal(look(RECORD_PASSWD, "nobody1"), IDENTMAP_NONE);
    assert_int_equal(look(RECORD_GROUP, "nobody1"), IDENTMAP_MISS);
    sleep_till(x, ((int64_t)x->f->config->negative + 2) * 1000);
    assert_int_equal(look(RECORD_PASSWD, "nobody1"), IDENTMAP_MISS);
    /* Whoever is gone is there no more, and who comes is no nobody. */
    sleep_till(x, 0);
    look_up_passwd(x, "alice", "alice", ALICE);
    sleep_till(x, 90000 * 1000);
    look_up_none(x, "alice");
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_NONE);
    sleep_till(x, slept_ms + ((int64_t)x->f->config->negative + 2) * 1000);
    look_up_passwd(x, "alice", "alice", ALICE);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    /* An id that can be nobody's here. */
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, 5000)), PROTO_NONE);
    assert_int_equal(look_id(RECORD_PASSWD, 5000), IDENTMAP_NONE);
}

static void
what_the_map_lacks_is_published_again(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m;

    look_up_passwd(x, "alice", "alice", ALICE);
    look_up_group(x, "crew", CREW, MANY);
    look_up_group(x, NULL, CREW, 0);
    look_up_none(x, "nobody1");
    front_map_clear(x->f);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_MISS);
    assert_int_equal(look_id(RECORD_GROUP, CREW), IDENTMAP_MISS);
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, ALICE)), PROTO_RECORD);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_GROUP, CREW)), PROTO_RECORD);
    assert_int_equal(look_id(RECORD_GROUP, CREW), IDENTMAP_HIT);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_MISS);
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "CREW")), PROTO_RECORD);
    assert_int_equal(look(RECORD_GROUP, "crew"), IDENTMAP_HIT);
    assert_int_equal(found.n, MANY);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "nobody1")), PROTO_NONE);
    assert_int_equal(look(RECORD_PASSWD, "nobody1"), IDENTMAP_NONE);
    assert_false(next_lookup(x, &m));
}

static void
what_was_found_under_other_rules_is_not_answered(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fd;

    look_up_passwd(x, "alice", "alice", ALICE);
    fd = nss_ask(x, RECORD_PASSWD, "bob");
    assert_true(next_lookup(x, &m));
    reload(x, "[domain]\nname = corp.test\n");
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_MISS);
    assert_int_equal(look_id(RECORD_PASSWD, ALICE), IDENTMAP_MISS);
    answer_passwd(x, m.request, "bob", ALICE + 1);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    assert_int_equal(look(RECORD_PASSWD, "bob"), IDENTMAP_MISS);
}

static void
what_may_not_be_served_is_not_published(void **state)
{
    static const struct {
        const char *name;
        uint32_t uid;
    } cases[] = { { "root", ALICE }, { "docker", ALICE }, { "mallory", 0 }, { "mallory", 999 }, { "mallory", 1000 } };
    struct fixture *x = *state;
    struct ipc_lookup m;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = nss_ask(x, RECORD_PASSWD, "mallory");

        if (next_lookup(x, &m))
            answer_passwd(x, m.request, cases[i].name, cases[i].uid);
        assert_int_equal(nss_take(fd), PROTO_NONE);
        assert_int_equal(look(RECORD_PASSWD, "mallory"), IDENTMAP_NONE);
        assert_int_not_equal(look(RECORD_PASSWD, cases[i].name), IDENTMAP_HIT);
        assert_int_not_equal(look_id(RECORD_PASSWD, cases[i].uid), IDENTMAP_HIT);
        cache_clear(x->f->cache);
    }
}

static void
the_lease_is_front_s_life(void **state)
{
    const struct shared_head *head = map;
    struct fixture *x = *state;

    assert_in_range(head->lease, shared_now() + 1, shared_now() + SHARED_LEASE_MS);
    shared_renew(map, 0);
    tick(x);
    assert_in_range(head->lease, shared_now() + 1, shared_now() + SHARED_LEASE_MS);
}

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

/* Without a map from the start. */
static void
front_works_without_a_map(void **state)
{
    struct fixture *x = *state;
    uint32_t want;

    refuse_map(x, ENOSPC);
    look_up_passwd(x, "alice", "alice", ALICE);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_RECORD);
    look_up_group(x, "crew", CREW, MANY);
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, 5000)), PROTO_NONE);
    front_record_forget(x->f, "alice");
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_NONE);
    reload(x, "[domain]\nname = corp.test\n");
    tick(x);
    front_map_turn(x->f);
    assert_false(front_map_busy(x->f));
    assert_false(wants_map(x, &want));
    for (int i = 1; i <= 2; i++) {
        waited_ms = i * 61000;
        tick(x);
        assert_true(wants_map(x, &want));
        assert_int_equal(want, IDENTMAP_SIZE_MIN);
        tick(x);
        assert_false(wants_map(x, &want));
    }
    size = IDENTMAP_SIZE_MIN;
    map = give_map(x, size);
    assert_true(map_placed(x));
    look_up_passwd(x, "alice", "alice", ALICE);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    (void)munmap(map, size);
}

/* Says that a record is stale, and is gone; before front has seen the connection, or after. */
static void
nudge(struct fixture *x, enum record_kind kind, const char *name, bool seen)
{
    int fd = nss_connect();

    if (seen)
        (void)turn(x);
    nss_send(fd, kind, PROTO_BY_NAME, name, 0);
    (void)close(fd);
    assert_true(turn(x) < 10);
}

static void
who_tells_of_a_stale_record_need_not_wait(void **state)
{
    struct fixture *x = *state;
    unsigned before = open_descriptors();
    struct ipc_lookup m, other;

    look_up_passwd(x, "alice", "alice", ALICE);
    peer_uid = 100000;
    for (int i = 0; i < 2; i++) {
        sleep_till(x, slept_ms + 1000 * 1000);
        assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
        assert_true(stale);
        nudge(x, RECORD_PASSWD, "alice", i == 1);
        assert_true(next_lookup(x, &m));
        assert_true(m.refresh);
        assert_string_equal(m.name, "alice");
        /* For now others need not tell. */
        assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
        assert_false(stale);
        nudge(x, RECORD_PASSWD, "alice", i == 1);
        assert_false(next_lookup(x, &other));
        answer_passwd(x, m.request, "alice", ALICE);
        assert_int_equal(look_id(RECORD_PASSWD, ALICE), IDENTMAP_HIT);
        assert_false(stale);
    }
    assert_int_equal(open_descriptors(), before);
}

static void
what_the_map_alone_knows_is_refreshed_too(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m, other;

    look_up_passwd(x, "alice", "alice", ALICE);
    sleep_till(x, 1000 * 1000);
    cache_clear(x->f->cache);
    nudge(x, RECORD_PASSWD, "alice", true);
    assert_true(next_lookup(x, &m));
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_false(stale);
    nudge(x, RECORD_PASSWD, "alice", false);
    assert_false(next_lookup(x, &other));
    answer_passwd(x, m.request, "alice", ALICE + 1);
    assert_int_equal(look(RECORD_PASSWD, "alice"), IDENTMAP_HIT);
    assert_int_equal(found.uid, ALICE + 1);
}

/* Their places are free again, and so is their share of descriptors. */
static void
no_number_of_those_who_tell_costs_a_place(void **state)
{
    struct fixture *x = *state;
    unsigned before;
    struct ipc_lookup m, other;
    int fd;

    look_up_group(x, "crew", CREW, MANY);
    before = open_descriptors();
    peer_uid = 100000;
    for (int i = 0; i < 3 * FRONT_NSS_CLIENTS_PER_UID; i++) {
        nudge(x, RECORD_GROUP, "crew", i % 2 == 0);
        nudge(x, RECORD_PASSWD, "alice", i % 2 == 0);
    }
    assert_int_equal(open_descriptors(), before);
    assert_true(next_lookup(x, &m));
    assert_string_equal(m.name, "alice");
    fd = nss_ask(x, RECORD_PASSWD, "alice");
    assert_int_equal(nss_answer(fd, NULL), 0);
    assert_false(next_lookup(x, &other));
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "crew")), PROTO_RECORD);
}

int
main(void)
{
#define MAP_TEST(test) cmocka_unit_test_setup_teardown(test, with_map, without_map)
    const struct CMUnitTest tests[] = {
        MAP_TEST(what_is_found_is_published),
        MAP_TEST(a_group_found_by_id_answers_for_its_id_alone),
        MAP_TEST(what_a_logon_taught_is_published_and_forgotten),
        MAP_TEST(who_does_not_exist_does_not_for_a_while),
        MAP_TEST(what_the_map_lacks_is_published_again),
        MAP_TEST(what_was_found_under_other_rules_is_not_answered),
        MAP_TEST(what_may_not_be_served_is_not_published),
        MAP_TEST(the_lease_is_front_s_life),
        MAP_TEST(a_map_that_is_full_grows),
        MAP_TEST(what_was_forgotten_makes_room),
        MAP_TEST(a_record_that_has_no_room_makes_room),
        MAP_TEST(without_room_the_old_map_serves),
        FRONT_TEST(front_works_without_a_map),
        MAP_TEST(who_tells_of_a_stale_record_need_not_wait),
        MAP_TEST(what_the_map_alone_knows_is_refreshed_too),
        MAP_TEST(no_number_of_those_who_tell_costs_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
