/* nss_authsod against a front of its own that answers, lies, or says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "nss_authsod/module.h"
#include "tests/unit/fake_front.h"
#include "tests/unit/peer.h"

static pid_t front;
static int error; /* *errnop of the last call */

static int
start_front(void **state)
{
    (void)state;
    front = front_start();
    return 0;
}

static int
stop_front(void **state)
{
    (void)state;
    peer_stop(front);
    return 0;
}

static enum nss_status
user(const char *name)
{
    struct passwd pw;
    char buf[4096];

    error = 0;
    return _nss_authsod_getpwnam_r(name, &pw, buf, sizeof(buf), &error);
}

static enum nss_status
user_by_id(uid_t uid)
{
    struct passwd pw;
    char buf[4096];

    error = 0;
    return _nss_authsod_getpwuid_r(uid, &pw, buf, sizeof(buf), &error);
}

static enum nss_status
group(const char *name)
{
    struct group gr;
    char buf[4096];

    error = 0;
    return _nss_authsod_getgrnam_r(name, &gr, buf, sizeof(buf), &error);
}

static enum nss_status
group_by_id(gid_t gid)
{
    struct group gr;
    char buf[4096];

    error = 0;
    return _nss_authsod_getgrgid_r(gid, &gr, buf, sizeof(buf), &error);
}

/* The array as glibc lends it: the primary group in it, room for size. */
static struct {
    gid_t *gids;
    long int start;
    long int size;
} list;

static enum nss_status
groups_of(const char *name, gid_t primary, long int size, long int limit)
{
    free(list.gids);
    list.gids = calloc((size_t)size, sizeof(gid_t));
    assert_non_null(list.gids);
    list.gids[0] = primary;
    list.start = 1;
    list.size = size;
    error = 0;
    return _nss_authsod_initgroups_dyn(name, primary, &list.start, &list.size, &list.gids, limit, &error);
}

static void
assert_refused(enum nss_status status, enum nss_status expected, int expected_error, const char *what)
{
    if (status != expected || error != expected_error)
        fail_msg("%s: status %d, error %d", what, (int)status, error);
}

static void
users_are_found(void **state)
{
    static const char *const spellings[] = { "alice", "CORP\\alice", "ALICE@corp.test" };
    struct passwd pw;
    char buf[4096];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        errno = 12345;
        memset(&pw, 0, sizeof(pw));
        assert_int_equal(i < 3 ? _nss_authsod_getpwnam_r(spellings[i], &pw, buf, sizeof(buf), &errno)
                               : _nss_authsod_getpwuid_r(200001, &pw, buf, sizeof(buf), &errno),
                         NSS_STATUS_SUCCESS);
        assert_int_equal(errno, 12345);
        assert_string_equal(pw.pw_name, "alice");
        assert_string_equal(pw.pw_passwd, "*");
        assert_int_equal(pw.pw_uid, 200001);
        assert_int_equal(pw.pw_gid, 200513);
        assert_string_equal(pw.pw_gecos, "Alice Example");
        assert_string_equal(pw.pw_dir, "/home/alice");
        assert_string_equal(pw.pw_shell, "/bin/bash");
    }
}

static void
groups_are_found(void **state)
{
    struct group gr;
    char buf[4096];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        memset(&gr, 0, sizeof(gr));
        assert_int_equal(i == 0 ? _nss_authsod_getgrnam_r("domain users", &gr, buf, sizeof(buf), &error)
                                : _nss_authsod_getgrgid_r(200513, &gr, buf, sizeof(buf), &error),
                         NSS_STATUS_SUCCESS);
        assert_string_equal(gr.gr_name, "domain users");
        assert_string_equal(gr.gr_passwd, "*");
        assert_int_equal(gr.gr_gid, 200513);
        assert_string_equal(gr.gr_mem[0], "alice");
        assert_string_equal(gr.gr_mem[1], "bob");
        assert_null(gr.gr_mem[2]);
    }
}

static void
nothing_is_listed(void **state)
{
    struct passwd pw;
    struct group gr;
    char buf[64];

    (void)state;
    assert_int_equal(_nss_authsod_setpwent(0), NSS_STATUS_SUCCESS);
    assert_int_equal(_nss_authsod_getpwent_r(&pw, buf, sizeof(buf), &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(error, ENOENT);
    assert_int_equal(_nss_authsod_endpwent(), NSS_STATUS_SUCCESS);
    assert_int_equal(_nss_authsod_setgrent(0), NSS_STATUS_SUCCESS);
    assert_int_equal(_nss_authsod_getgrent_r(&gr, buf, sizeof(buf), &error), NSS_STATUS_NOTFOUND);
    assert_int_equal(error, ENOENT);
    assert_int_equal(_nss_authsod_endgrent(), NSS_STATUS_SUCCESS);
}

static void
buffer_of_a_user_is_full_size_or_untouched(void **state)
{
    /* alice * Alice Example /home/alice /bin/bash, each with its NUL */
    const size_t need = 6 + 2 + 14 + 12 + 10;
    struct passwd pw;

    (void)state;
    for (size_t size = 0; size <= need; size++) {
        char *buf = malloc(size + 1);

        memset(buf, '#', size + 1);
        if (size == need) {
            assert_int_equal(_nss_authsod_getpwnam_r("alice", &pw, buf, size, &error), NSS_STATUS_SUCCESS);
            assert_string_equal(pw.pw_shell, "/bin/bash");
        } else {
            assert_int_equal(_nss_authsod_getpwnam_r("alice", &pw, buf, size, &error), NSS_STATUS_TRYAGAIN);
            assert_int_equal(error, ERANGE);
            assert_int_equal(buf[0], '#');
        }
        assert_int_equal(buf[size], '#');
        free(buf);
    }
}

static void
buffer_of_a_group_may_stand_anywhere(void **state)
{
    const size_t need = 3 * sizeof(char *) + 13 + 2 + 6 + 4;
    struct group gr;

    (void)state;
    for (size_t off = 0; off < 2 * sizeof(char *); off++) {
        size_t pad = (sizeof(char *) - off % sizeof(char *)) % sizeof(char *);

        for (size_t size = 0; size <= need + pad; size++) {
            char *whole = malloc(off + size + 1), *buf = whole + off;

            memset(whole, '#', off + size + 1);
            if (size == need + pad) {
                assert_int_equal(_nss_authsod_getgrgid_r(200513, &gr, buf, size, &error), NSS_STATUS_SUCCESS);
                assert_int_equal((uintptr_t)gr.gr_mem % sizeof(char *), 0);
                assert_string_equal(gr.gr_mem[1], "bob");
            } else if (_nss_authsod_getgrgid_r(200513, &gr, buf, size, &error) != NSS_STATUS_TRYAGAIN ||
                       error != ERANGE || buf[0] != '#') {
                fail_msg("offset %zu, size %zu: error %d", off, size, error);
            }
            assert_int_equal(buf[size], '#');
            free(whole);
        }
    }
}

static void
what_cannot_be_is_not_asked(void **state)
{
    static char longer[301];
    static const char *const names[] = { "", "root", ".", "..", "-n", "0", "00", "999", "a:b", "a/b", "a\nb", "a\tb", "\x7f",
                                         "\xff\xfe", "caf\xe9", "\xc3", "\xed\xa0\x80", longer, longer + 43 };
    static const uint32_t ids[] = { 0, 1, 999, UINT32_MAX };
    unsigned before = front_heard();

    (void)state;
    memset(longer, 'a', 300);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_refused(user(names[i]), NSS_STATUS_NOTFOUND, ENOENT, names[i]);
        assert_refused(group(names[i]), NSS_STATUS_NOTFOUND, ENOENT, names[i]);
        assert_refused(groups_of(names[i], 1, 8, -1), NSS_STATUS_NOTFOUND, ENOENT, names[i]);
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_refused(user_by_id(ids[i]), NSS_STATUS_NOTFOUND, ENOENT, "uid");
        assert_refused(group_by_id(ids[i]), NSS_STATUS_NOTFOUND, ENOENT, "gid");
    }
    assert_int_equal(front_heard(), before);
    /* 256 bytes are asked, and so is what is UTF-8. */
    assert_refused(user(longer + 44), NSS_STATUS_NOTFOUND, ENOENT, "256 bytes");
    assert_refused(user("j\xc3\xbcrgen"), NSS_STATUS_NOTFOUND, ENOENT, "UTF-8");
    assert_int_equal(front_heard(), before + 2);
}

static void
what_front_says_reaches_glibc(void **state)
{
    int64_t start;

    (void)state;
    assert_refused(user("nobody-knows"), NSS_STATUS_NOTFOUND, ENOENT, "unknown user");
    assert_refused(user_by_id(4000000000U), NSS_STATUS_NOTFOUND, ENOENT, "unknown uid");
    assert_refused(group("nobody-knows"), NSS_STATUS_NOTFOUND, ENOENT, "unknown group");
    assert_refused(groups_of("nobody-knows", 1, 8, -1), NSS_STATUS_NOTFOUND, ENOENT, "groups of unknown user");
    assert_int_equal(list.start, 1);
    assert_refused(user("later"), NSS_STATUS_TRYAGAIN, EAGAIN, "later");
    assert_refused(groups_of("later", 1, 8, -1), NSS_STATUS_TRYAGAIN, EAGAIN, "groups later");
    assert_refused(user("gone"), NSS_STATUS_TRYAGAIN, EAGAIN, "connection closed");
    front_patience = 200;
    start = client_now();
    assert_refused(user("silent"), NSS_STATUS_TRYAGAIN, EAGAIN, "no answer");
    front_patience = 60000;
    assert_true(client_now() - start >= 199);
    assert_true(client_now() - start < 10000);
}

static void
lies_are_refused(void **state)
{
    unsigned open = peer_count_fds();

    (void)state;
    for (size_t i = 0; front_lies[i] != NULL; i++) {
        const char *name = front_lies[i];

        assert_refused(user(name), NSS_STATUS_UNAVAIL, EPROTO, name);
        assert_refused(group(name), NSS_STATUS_UNAVAIL, EPROTO, name);
        assert_refused(groups_of(name, 1, 8, -1), NSS_STATUS_UNAVAIL, EPROTO, name);
        assert_int_equal(list.start, 1);
    }
    for (uint32_t id = 200900; id <= 200901; id++) {
        assert_refused(user_by_id(id), NSS_STATUS_UNAVAIL, EPROTO, "another uid");
        assert_refused(group_by_id(id), NSS_STATUS_UNAVAIL, EPROTO, "another gid");
    }
    assert_int_equal(peer_count_fds(), open);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
}

static void
assert_members(const struct group *gr, const char *name, size_t n)
{
    char text[32];

    assert_string_equal(gr->gr_name, name);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof(text), "user%zu", i);
        assert_string_equal(gr->gr_mem[i], text);
    }
    assert_null(gr->gr_mem[n]);
}

static void
large_groups_come_whole(void **state)
{
    static const struct {
        const char *name;
        size_t n;
    } groups[] = { { "wide", FRONT_WIDE_MEMBERS }, { "big", FRONT_BIG_MEMBERS } };
    unsigned open = peer_count_fds();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size = 512;
        struct group gr;
        char *buf = malloc(size);

        /* As glibc's getgrnam does it. */
        while (_nss_authsod_getgrnam_r(groups[i].name, &gr, buf, size, &error) == NSS_STATUS_TRYAGAIN) {
            assert_int_equal(error, ERANGE);
            size *= 2;
            free(buf);
            buf = malloc(size);
        }
        assert_members(&gr, groups[i].name, groups[i].n);
        free(buf);
    }
    assert_int_equal(peer_count_fds(), open);
}

static bool
has_gids(const gid_t *gids, long int n)
{
    if (list.start != n)
        return false;
    return memcmp(list.gids, gids, (size_t)n * sizeof(gid_t)) == 0;
}

static void
memberships_obey_glibc(void **state)
{
    (void)state;
    /* alice: primary 200513; then 200513, 200513, 200514, 200515 */
    assert_int_equal(groups_of("alice", 200513, 8, -1), NSS_STATUS_SUCCESS);
    assert_true(has_gids((const gid_t[]){ 200513, 200514, 200515 }, 3));
    assert_int_equal(list.size, 8);
    /* A program that runs with a group of the system. */
    assert_int_equal(groups_of("CORP\\alice", 33, 8, 0), NSS_STATUS_SUCCESS);
    assert_true(has_gids((const gid_t[]){ 33, 200513, 200514, 200515 }, 4));
    assert_int_equal(groups_of("alice", 33, 1, 3), NSS_STATUS_SUCCESS);
    assert_true(has_gids((const gid_t[]){ 33, 200513, 200514 }, 3));
    assert_int_equal(groups_of("alice", 33, 1, 1), NSS_STATUS_SUCCESS);
    assert_true(has_gids((const gid_t[]){ 33 }, 1));
    assert_int_equal(groups_of("alice", 200514, 2, 2), NSS_STATUS_SUCCESS);
    assert_true(has_gids((const gid_t[]){ 200514, 200513 }, 2));
    for (long int size = 1; size < 2000; size = size * 3 + 1) {
        assert_int_equal(groups_of("many", 200513, size, 65536), NSS_STATUS_SUCCESS);
        assert_int_equal(list.start, 1 + FRONT_MANY_GROUPS);
        assert_int_equal(list.gids[1], 201000);
        assert_int_equal(list.gids[FRONT_MANY_GROUPS], 201000 + FRONT_MANY_GROUPS - 1);
    }
}

static void
no_service_is_told_at_once(void **state)
{
    int64_t start = client_now();

    (void)state;
    (void)unlink(CLIENT_PATH_NSS);
    errno = 12345;
    assert_refused(user("alice"), NSS_STATUS_UNAVAIL, ENOENT, "no socket");
    assert_int_equal(errno, 12345);
    (void)close(peer_listen(CLIENT_PATH_NSS, 8));
    assert_refused(user("alice"), NSS_STATUS_UNAVAIL, ECONNREFUSED, "nobody listens");
    assert_true(client_now() - start < 5000);
}

/* Every logon of a local user asks for his groups: no state of the daemon may cost him time. */
static void
groups_of_a_local_user_are_not_asked_for(void **state)
{
    unsigned before = front_heard();
    FILE *file = fopen("etc-passwd", "w");

    (void)state;
    assert_non_null(file);
    assert_true(fputs("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_refused(groups_of("alice", 1000, 8, -1), NSS_STATUS_NOTFOUND, ENOENT, "groups of a local user");
    assert_int_equal(front_heard(), before);
    assert_int_equal(groups_of("many", 200513, 8, -1), NSS_STATUS_SUCCESS);
    assert_int_equal(unlink("etc-passwd"), 0);
}

static void
too_few_descriptors_pass_by(void **state)
{
    struct rlimit few = { 0 }, was;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few.rlim_max = was.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_refused(user("alice"), NSS_STATUS_TRYAGAIN, EMFILE, "no descriptor");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
}

static void
signals_lose_nothing(void **state)
{
    (void)state;
    peer_storm();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(user("slow"), NSS_STATUS_SUCCESS);
        assert_int_equal(user_by_id(200001), NSS_STATUS_SUCCESS);
        assert_int_equal(groups_of("many", 200513, 8, -1), NSS_STATUS_SUCCESS);
    }
    peer_calm();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_service_is_told_at_once),
        cmocka_unit_test_setup(users_are_found, start_front),
        cmocka_unit_test(groups_are_found),
        cmocka_unit_test(nothing_is_listed),
        cmocka_unit_test(buffer_of_a_user_is_full_size_or_untouched),
        cmocka_unit_test(buffer_of_a_group_may_stand_anywhere),
        cmocka_unit_test(what_cannot_be_is_not_asked),
        cmocka_unit_test(what_front_says_reaches_glibc),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(large_groups_come_whole),
        cmocka_unit_test(memberships_obey_glibc),
        cmocka_unit_test(groups_of_a_local_user_are_not_asked_for),
        cmocka_unit_test(too_few_descriptors_pass_by),
        cmocka_unit_test_teardown(signals_lose_nothing, stop_front),
    };
    int failed;

    if (!peer_be_root())
        return 77;
    peer_enter_dir();
    assert_int_equal(chmod(".", 0711), 0);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(list.gids);
    peer_leave_dir();
    return failed;
}
