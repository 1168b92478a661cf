#include "tests/unit/store_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

char dir[64];

struct sid
sid_of(const char *text)
{
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    return sid;
}

struct sid
rid(uint32_t n)
{
    struct sid sid = sid_of("S-1-5-21-1-2-3");

    assert_true(sid_append(&sid, n));
    return sid;
}

struct store *
open_store(void)
{
    const char *why;
    struct store *s = store_open(NULL, dir, &why);

    if (s == NULL)
        fail_msg("%s", why);
    return s;
}

const char *
path_of(const char *tail)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/" STORE_FILE "%s", dir, tail);
    return path;
}

bool
exists(const char *tail)
{
    struct stat st;

    return lstat(path_of(tail), &st) == 0;
}

static const uint32_t alice_gids[] = { 200512, 201104, 1000000000 };

struct store_user
alice(void)
{
    return (struct store_user){ .sid = rid(1103), .uid = 201103, .gid = 200513, .name = "alice", .account = "Alice",
                                .upn = "alice@corp.test", .full_name = "Alice Liddell \xc3\xa9", .refreshed = 1000,
                                .state = STORE_STATE_LOCKED, .state_learned = 1001, .gids = alice_gids, .n_gids = 3,
                                .groups_learned = 1002 };
}

struct store_user
user_n(uint32_t n, char name[static 32])
{
    (void)snprintf(name, 32, "user%u", n);
    return (struct store_user){ .sid = rid(n), .uid = 200000 + n, .gid = 200513, .name = name, .account = name,
                                .upn = "", .full_name = "", .refreshed = n };
}

struct store_user *
stored_user(struct store *s, uint32_t n)
{
    struct sid sid = rid(n);

    return store_user_by_sid(s, s, &sid);
}

const char *const staff_members[3] = { "alice", "bob", "zo\xc3\xab" };

struct store_group
staff(void)
{
    return (struct store_group){ .sid = rid(1104), .gid = 201104, .name = "domain staff", .refreshed = 7,
                                 .members = staff_members, .n_members = 3, .members_learned = 8 };
}

void
assert_alice(const struct store_user *u)
{
    struct store_user a = alice();

    assert_non_null(u);
    assert_true(sid_equal(&u->sid, &a.sid));
    assert_int_equal(u->uid, a.uid);
    assert_int_equal(u->gid, a.gid);
    assert_string_equal(u->name, a.name);
    assert_string_equal(u->account, a.account);
    assert_string_equal(u->upn, a.upn);
    assert_string_equal(u->full_name, a.full_name);
    assert_int_equal(u->refreshed, a.refreshed);
    assert_int_equal(u->state, a.state);
    assert_int_equal(u->state_learned, a.state_learned);
    assert_int_equal(u->groups_learned, a.groups_learned);
    assert_int_equal(u->n_gids, a.n_gids);
    assert_memory_equal(u->gids, a.gids, sizeof(alice_gids));
}

int
make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/test_store.XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int
remove_dir(void **state)
{
    (void)state;
    (void)umount2(dir, MNT_DETACH); /* of the full disk */
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
