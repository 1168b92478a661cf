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

#include "lib/proto/client.h"
#include "tests/unit/front_map_fixture.h"

#define MANY 5000 /* members of a group whose record does not fit a packet */

static bool
is_named(const char *name)
{
    return found.name.len == strlen(name) && memcmp(found.name.s, name, found.name.len) == 0;
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
    const struct CMUnitTest tests[] = {
        MAP_TEST(what_is_found_is_published),
        MAP_TEST(a_group_found_by_id_answers_for_its_id_alone),
        MAP_TEST(what_a_logon_taught_is_published_and_forgotten),
        MAP_TEST(who_does_not_exist_does_not_for_a_while),
        MAP_TEST(what_the_map_lacks_is_published_again),
        MAP_TEST(what_was_found_under_other_rules_is_not_answered),
        MAP_TEST(what_may_not_be_served_is_not_published),
        MAP_TEST(the_lease_is_front_s_life),
        FRONT_TEST(front_works_without_a_map),
        MAP_TEST(who_tells_of_a_stale_record_need_not_wait),
        MAP_TEST(what_the_map_alone_knows_is_refreshed_too),
        MAP_TEST(no_number_of_those_who_tell_costs_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
