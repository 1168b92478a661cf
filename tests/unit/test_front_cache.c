/* daemon/front_cache: what stays, what goes, and what nobody can fill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/front.h"

#define END 1000000
#define SWEEPS 128 /* of all buckets */

static struct cache_key
name_key(const char *name)
{
    return (struct cache_key){ .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .name = name };
}

static struct cache_key
id_key(uint32_t id)
{
    return (struct cache_key){ .kind = RECORD_PASSWD, .by = PROTO_BY_ID, .id = id };
}

static void
put(struct cache *c, const struct cache_key *key, const void *packet, size_t len)
{
    struct cache_entry e = { .packet = packet, .len = len, .fd = -1, .refresh = END / 2, .end = END };

    cache_put(c, key, &e);
}

static bool
has(struct cache *c, const struct cache_key *key)
{
    const struct cache_entry *e = cache_get(c, key, 1);

    return e != NULL && !(e->len == 2 && e->packet[1] == PROTO_NONE);
}

static bool
has_none(struct cache *c, const struct cache_key *key)
{
    const struct cache_entry *e = cache_get(c, key, 1);

    return e != NULL && e->len == 2 && e->packet[0] == PROTO_VERSION && e->packet[1] == PROTO_NONE;
}

static void
a_record_is_served_until_its_end(void **state)
{
    struct cache *c = cache_new(NULL);
    struct cache_key alice = name_key("alice"), group = alice, id = id_key(2001104);
    const struct cache_entry *e;

    (void)state;
    group.kind = RECORD_GROUP;
    put(c, &alice, "abc", 3);
    put(c, &id, "defg", 4);
    e = cache_get(c, &alice, 1);
    assert_non_null(e);
    assert_memory_equal(e->packet, "abc", 3);
    assert_int_equal(e->fd, -1);
    assert_null(cache_get(c, &group, 1));
    cache_defer(c, &alice, 77);
    assert_int_equal(cache_get(c, &alice, 1)->refresh, 77);
    assert_int_equal(cache_get(c, &id, END - 1)->len, 4);
    assert_null(cache_get(c, &id, END));
    put(c, &alice, "hijkl", 5);
    assert_int_equal(cache_get(c, &alice, 1)->len, 5);
    cache_clear(c);
    assert_null(cache_get(c, &alice, 1));
    talloc_free(c);
}

static void
what_is_there_and_what_is_not_replace_each_other(void **state)
{
    struct cache *c = cache_new(NULL);
    struct cache_key keys[] = { name_key("alice"), id_key(2001104) };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_null(cache_get(c, &keys[i], 1));
        cache_put_none(c, &keys[i], END);
        assert_true(has_none(c, &keys[i]));
        assert_null(cache_get(c, &keys[i], END));
        put(c, &keys[i], "abc", 3);
        assert_true(has(c, &keys[i]));
        cache_put_none(c, &keys[i], END);
        cache_put_none(c, &keys[i], END);
        assert_true(has_none(c, &keys[i]));
    }
    cache_clear(c);
    assert_null(cache_get(c, &keys[0], 1));
    talloc_free(c);
}

static void
the_hash_is_nobodys_to_know(void **state)
{
    struct cache *a = cache_new(NULL), *b = cache_new(NULL);
    struct cache_key alice = name_key("alice"), bob = name_key("bob"), one = id_key(1), two = id_key(2);

    (void)state;
    assert_true(cache_hash(a, &alice) == cache_hash(a, &alice));
    assert_true(cache_hash(a, &alice) != cache_hash(a, &bob));
    assert_true(cache_hash(a, &one) != cache_hash(a, &two));
    assert_true(cache_hash(a, &alice) != cache_hash(b, &alice));
    assert_true(cache_hash(a, &one) != cache_hash(b, &one));
    talloc_free(a);
    talloc_free(b);
}

static void
wrong_names_cost_no_record(void **state)
{
    enum { RECORDS = 1000, WRONG = 300000, PLACES = 16384 };
    struct cache *c = cache_new(NULL);
    char name[32];
    unsigned kept = 0;

    (void)state;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct cache_key key = id_key(2000000 + i);

        put(c, &key, "abc", 3);
    }
    for (unsigned i = 0; i < WRONG; i++) {
        struct cache_key key = name_key(name);

        (void)snprintf(name, sizeof(name), "wrong%u", i);
        cache_put_none(c, &key, END);
        assert_true(has_none(c, &key));
    }
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct cache_key key = id_key(2000000 + i);

        assert_true(has(c, &key));
    }
    for (unsigned i = 0; i < WRONG; i++) {
        struct cache_key key = name_key(name);

        (void)snprintf(name, sizeof(name), "wrong%u", i);
        kept += has_none(c, &key);
    }
    assert_in_range(kept, PLACES / 2, PLACES);
    talloc_free(c);
}

/* 100 MB of records in a cache of 64: what is used stays, what was not used for longest goes. */
static void
what_is_used_stays(void **state)
{
    enum { RECORDS = 2000, LEN = 50000 };
    static uint8_t packet[LEN];
    struct cache *c = cache_new(NULL);
    struct cache_key used = name_key("used");
    unsigned kept = 0;

    (void)state;
    put(c, &used, "abc", 3);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct cache_key key = id_key(i);

        put(c, &key, packet, LEN);
        assert_true(has(c, &used));
    }
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct cache_key key = id_key(i);
        bool there = has(c, &key);

        /* Not one of those that are newer than one that stayed is gone. */
        assert_true(there || kept == 0);
        kept += there;
    }
    assert_in_range(kept, 1300, 1342);
    talloc_free(c);
}

static void
what_is_past_its_end_is_removed_without_being_asked_for(void **state)
{
    struct cache *c = cache_new(NULL);
    int fds[30];

    (void)state;
    for (uint32_t i = 0; i < 30; i++) {
        struct cache_entry e = { .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .end = i < 15 ? 10 : END };
        struct cache_key key = id_key(i);

        fds[i] = e.fd;
        assert_true(e.fd >= 0);
        cache_put(c, &key, &e);
    }
    for (unsigned i = 0; i < SWEEPS; i++)
        cache_sweep(c, 10);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(fcntl(fds[i], F_GETFD) >= 0, i >= 15);
    talloc_free(c);
    assert_true(fcntl(fds[29], F_GETFD) < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_served_until_its_end),
        cmocka_unit_test(what_is_there_and_what_is_not_replace_each_other),
        cmocka_unit_test(the_hash_is_nobodys_to_know),
        cmocka_unit_test(wrong_names_cost_no_record),
        cmocka_unit_test(what_is_used_stays),
        cmocka_unit_test(what_is_past_its_end_is_removed_without_being_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
