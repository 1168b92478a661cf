#include "tests/unit/front_map_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/proto/client.h"

void *map;
uint32_t size;

struct record found;
bool stale;

int
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

int
without_map(void **state)
{
    (void)munmap(map, size);
    return teardown(state);
}

enum identmap_found
look(enum record_kind kind, const char *name)
{
    const struct shared_head *head = map;
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_NAME, .name = name, .len = strlen(name),
                                .hash = hash_keyed(head->key, name, strlen(name)) };

    return identmap_find(map, size, &key, identmap_now(map), &found, &stale);
}

enum identmap_found
look_id(enum record_kind kind, uint32_t id)
{
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_ID, .id = id };

    return identmap_find(map, size, &key, identmap_now(map), &found, &stale);
}

void
sleep_till(struct fixture *x, int64_t ms)
{
    slept_ms = ms;
    tick(x);
}

void
look_up_passwd(struct fixture *x, const char *asked, const char *name, uint32_t uid)
{
    int fd = nss_ask(x, RECORD_PASSWD, asked);
    struct ipc_lookup m;

    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, name, uid);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
}

void
look_up_group(struct fixture *x, const char *name, uint32_t gid, unsigned members)
{
    int fd = name != NULL ? nss_ask(x, RECORD_GROUP, name) : nss_ask_id(x, RECORD_GROUP, gid);
    struct ipc_lookup m;

    assert_true(next_lookup(x, &m));
    answer_group(x, m.request, "crew", gid, members);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    (void)turn(x);
}
