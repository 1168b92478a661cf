/* lib/directory: groups, who is in them, and in which ones a user is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "tests/unit/fake_directory.h"

#define TIMEOUT_MS 3000
#define USER_DN "CN=alice,CN=Users,DC=corp,DC=test"

static void
group(struct fake_directory *f, uint32_t id, uint32_t rid, const char *name)
{
    uint8_t sid[SID_BINARY_MAX];
    size_t len = fake_sid(rid, sid, sizeof(sid));
    const struct fake_value values[] = {
        { "objectSid", sid, len }, { "sAMAccountName", name, strlen(name) }, { NULL, NULL, 0 }
    };

    fake_entry(f, id, "CN=group,DC=corp,DC=test", values);
}

static void
groups_are_asked_for_in_batches(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid sids[250];
    struct dir_group *groups;
    size_t n;

    (void)state;
    for (uint32_t i = 0; i < 250; i++) {
        assert_true(sid_parse(FAKE_DOMAIN, &sids[i]));
        assert_true(sid_append(&sids[i], 2000 + i));
        /* One of them is not known, one has no good name. */
        if (i != 7)
            group(f, 1 + i / 100, 2000 + i, i == 8 ? "a\nb" : "group");
        if (i % 100 == 99 || i == 249)
            fake_result(f, 1 + i / 100, 0, NULL);
    }
    fake_send(f);
    assert_int_equal(directory_groups_by_sid(f->d, f->d, sids, 250, &groups, &n), ERR_OK);
    assert_int_equal(n, 248);
    assert_int_equal(groups[247].sid.subs[4], 2249);
    assert_int_equal(directory_groups_by_sid(f->d, f->d, sids, 0, &groups, &n), ERR_OK);
    assert_int_equal(n, 0);
    fake_directory_end(f);
}

/* Answers come so often that none is late, but all of them together are. */
static void
all_requests_of_an_operation_share_its_time(void **state)
{
    enum { BATCHES = 30, EACH_MS = 150 };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid sids[100 * BATCHES];
    struct dir_group *groups;
    size_t n;
    pid_t child;

    (void)state;
    for (uint32_t i = 0; i < 100 * BATCHES; i++) {
        assert_true(sid_parse(FAKE_DOMAIN, &sids[i]));
        assert_true(sid_append(&sids[i], 2000 + i));
    }
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (uint32_t i = 1; i <= BATCHES; i++) {
            (void)poll(NULL, 0, EACH_MS);
            fake_result(f, i, 0, NULL);
            fake_send(f);
        }
        _exit(0);
    }
    f->d->timeout_ms = 4 * EACH_MS;
    assert_int_equal(directory_groups_by_sid(f->d, f->d, sids, 100 * BATCHES, &groups, &n), ERR_NO_KDC);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    fake_directory_end(f);
}

static void
token_groups_are_sids_or_left_out(void **state)
{
    static const struct fake_value none[] = { { NULL, NULL, 0 } };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    uint8_t a[SID_BINARY_MAX], b[SID_BINARY_MAX];
    size_t len = fake_sid(513, a, sizeof(a));
    const struct fake_value values[] = {
        { "tokenGroups", a, len },           { "tokenGroups", b, fake_sid(1200, b, sizeof(b)) },
        FAKE_TEXT("tokenGroups", "garbage"), FAKE_TEXT("tokenGroups", ""),
        { "tokenGroups", a, len - 1 },       { NULL, NULL, 0 },
    };
    struct sid *sids;
    size_t n;

    (void)state;
    fake_entry(f, 1, USER_DN, values);
    fake_result(f, 1, 0, NULL);
    fake_entry(f, 2, USER_DN, none);
    fake_result(f, 2, 0, NULL);
    fake_result(f, 3, LDAP_NO_SUCH_OBJECT, NULL);
    fake_send(f);
    assert_int_equal(directory_token_groups(f->d, f->d, USER_DN, &sids, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(sids[1].subs[4], 1200);
    assert_int_equal(directory_token_groups(f->d, f->d, USER_DN, &sids, &n), ERR_UNKNOWN_PRINCIPAL);
    assert_null(sids);
    assert_int_equal(directory_token_groups(f->d, f->d, USER_DN, &sids, &n), ERR_UNKNOWN_PRINCIPAL);
    fake_directory_end(f);
}

static void
member(struct fake_directory *f, uint32_t id, const char *name, const char *control)
{
    const struct fake_value values[] = { { "sAMAccountName", name, strlen(name) },
                                         { "userAccountControl", control, strlen(control) },
                                         { NULL, NULL, 0 } };

    fake_entry(f, id, "CN=member,DC=corp,DC=test", values);
}

static void
members_come_by_pages_up_to_the_limit(void **state)
{
    struct dir_group g = { .dn = "CN=Staff,DC=corp,DC=test", .account = "Staff" };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    const char **names;
    uint8_t requests[8192];
    size_t n;
    ssize_t len;

    (void)state;
    assert_true(sid_parse(FAKE_DOMAIN "-1300", &g.sid));
    group(f, 1, 1301, "Nested");
    fake_result(f, 1, 0, "");
    member(f, 2, "alice", "512");
    member(f, 2, "WS1$", "4096");
    member(f, 2, "bad\nname", "512");
    fake_result(f, 2, 0, "more");
    member(f, 3, "bob", "66048");
    member(f, 3, "carol", "512");
    fake_result(f, 3, 0, "and more");
    fake_send(f);
    assert_int_equal(directory_members(f->d, f->d, &g, 5, &names, &n), ERR_OK);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "alice");
    assert_string_equal(names[1], "bob");
    assert_string_equal(names[2], "carol");
    len = recv(f->peer, requests, sizeof(requests), 0);
    assert_true(len > 0);
    /* Primary members of the group and of the one in it. */
    assert_non_null(memmem(requests, (size_t)len, "primaryGroupID\4\0041300", 20));
    assert_non_null(memmem(requests, (size_t)len, "primaryGroupID\4\0041301", 20));
    assert_non_null(memmem(requests, (size_t)len, "\4\4more", 6));
    assert_null(memmem(requests, (size_t)len, "and more", 8));
    assert_int_equal(directory_members(f->d, f->d, &g, 0, &names, &n), ERR_TIMEOUT); /* nothing is left to answer it */
    fake_directory_end(f);
}

/* What is too much for a controller says nothing against it. */
static void
members_that_are_too_many_to_find(void **state)
{
    static const uint32_t codes[] = { LDAP_TIMELIMIT_EXCEEDED, LDAP_ADMINLIMIT_EXCEEDED, LDAP_UNWILLING_TO_PERFORM };
    struct dir_group g = { .dn = "CN=Staff,DC=corp,DC=test", .account = "Staff" };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    uint8_t request[4096];
    const char **names;
    struct dir_group *others;
    int64_t began;
    uint32_t id = 0;
    size_t n;
    ssize_t len;

    (void)state;
    assert_true(sid_parse(FAKE_DOMAIN "-1300", &g.sid));
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        /* In the search for nested groups, or in that for members. */
        fake_result(f, ++id, i == 0 ? codes[i] : LDAP_SUCCESS, "");
        if (i > 0) {
            member(f, ++id, "alice", "512");
            fake_result(f, id, codes[i], "");
        }
        group(f, ++id, 1302, "Others");
        fake_result(f, id, 0, NULL);
        fake_send(f);
        assert_int_equal(directory_members(f->d, f->d, &g, 5, &names, &n), ERR_BUSY);
        assert_null(names);
        assert_false(f->d->dead);
        assert_int_equal(directory_group_by_account(f->d, f->d, "Others", &others), ERR_OK);
    }
    len = recv(f->peer, request, sizeof(request), 0);
    /* The first request has a time limit (of 2 s): never dereference, no size limit, time limit 2. */
    assert_true(len > 0);
    assert_non_null(memmem(request, (size_t)len, "\12\1\2\12\1\0\2\1\0\2\1\2\1\1\0", 15));
    /* Silence ends after that time, whatever an operation may take. */
    f->d->timeout_ms = 60000;
    began = client_now();
    assert_int_equal(directory_members(f->d, f->d, &g, 5, &names, &n), ERR_TIMEOUT);
    assert_in_range(client_now() - began, DIRECTORY_MEMBERS_MS - 10, DIRECTORY_MEMBERS_MS + 2000);
    assert_true(f->d->dead);
    fake_directory_end(f);
    /* A connection that breaks is no search that is too much. */
    f = fake_directory_begin(TIMEOUT_MS);
    assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
    assert_int_equal(directory_members(f->d, f->d, &g, 5, &names, &n), ERR_NO_KDC);
    fake_directory_end(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_asked_for_in_batches),
        cmocka_unit_test(all_requests_of_an_operation_share_its_time),
        cmocka_unit_test(token_groups_are_sids_or_left_out),
        cmocka_unit_test(members_come_by_pages_up_to_the_limit),
        cmocka_unit_test(members_that_are_too_many_to_find),
    };

    log_init("test_ldap_group", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
