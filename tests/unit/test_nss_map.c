/* nss_authsod with an identity map and a list of local names, good ones and bad ones, and a front beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identmap/local_list.h"
#include "lib/identmap/writer.h"
#include "nss_authsod/module.h"
#include "tests/unit/fake_front.h"
#include "tests/unit/peer.h"

#define SIZE IDENTMAP_SIZE_MIN
#define NOW 1000U /* what time it is in the map */

static pid_t front;
static struct identmap_writer map;
static uint8_t *list;
static size_t list_size;
static const uint8_t key[HASH_KEY_LEN] = { 1, 2, 3 };
static int error; /* *errnop of the last call */

/* A new file at path, as keeper makes it: the one before is superseded. */
static uint8_t *
place(const char *path, size_t size, uint8_t *before, size_t before_size)
{
    int fd = open("new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    uint8_t *data;

    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)size), 0);
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(data != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(rename("new", path), 0);
    if (before != NULL) {
        shared_supersede(before);
        assert_int_equal(munmap(before, before_size), 0);
    }
    return data;
}

static void
renew(void)
{
    identmap_renew(&map, NOW);
    shared_renew(list, shared_now());
}

/* Local here: the user "local" and the group "localgroup", with the ids 200901 and 200902. */
static void
new_list(void)
{
    static const uint32_t n[LOCAL_LIST_TABLES] = { 2, 2, 1, 1 };
    size_t size = local_list_size(n);
    uint8_t *data = place("local-names", size, list, list_size);

    list = data;
    list_size = size;
    shared_head_init(list, LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, key);
    local_list_begin(list, n);
    local_list_add_name(list, LOCAL_LIST_USERS, hash_keyed(key, "local", 5));
    local_list_add_name(list, LOCAL_LIST_GROUPS, hash_keyed(key, "localgroup", 10));
    local_list_add_id(list, LOCAL_LIST_UIDS, 200901);
    local_list_add_id(list, LOCAL_LIST_GIDS, 200902);
}

static void
new_map(const uint8_t map_key[static HASH_KEY_LEN], uint32_t version)
{
    uint8_t *data = place("identmap", SIZE, map.data, map.size);

    shared_head_init(data, IDENTMAP_MAGIC, version, map_key);
    assert_true(identmap_begin(&map, data, SIZE));
}

static void
put_until(const struct writer *w, bool by_name, bool by_id, uint32_t refresh)
{
    struct reader r = reader_init(w->data, w->len);
    struct record rec;

    assert_true(writer_ok(w) && record_get(&r, &rec));
    assert_true(identmap_put(&map, &rec, w->data, w->len, by_name, by_id,
                             (struct identmap_times){ refresh, UINT32_MAX }));
}

static uint8_t body[4096];

static void
put_user(const char *name, uint32_t uid, uint32_t gid)
{
    struct writer w = writer_init(body, sizeof(body));

    record_put_passwd(&w, uid, gid, name, "From the map", "/home/map", "/bin/sh");
    put_until(&w, true, true, UINT32_MAX);
}

static void
put_group(const char *name, uint32_t gid, const char *member)
{
    const char *members[] = { "alice", member };
    struct writer w = writer_init(body, sizeof(body));

    record_put_group(&w, gid, name, members, 2);
    put_until(&w, true, true, UINT32_MAX);
}

static void
put_groups(const char *name, uint32_t uid, uint32_t gid, uint32_t other)
{
    uint32_t gids[] = { gid, 200514, other };
    struct writer w = writer_init(body, sizeof(body));

    record_put_groups(&w, uid, gid, name, gids, 3);
    put_until(&w, true, false, UINT32_MAX);
}

static int
begin(void **state)
{
    (void)state;
    front = front_start();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    peer_stop(front);
    (void)unlink("identmap");
    (void)unlink("local-names");
    return 0;
}

/* Each test begins with alice and "staff" in a map of its own. */
static int
fresh(void **state)
{
    (void)state;
    new_list();
    new_map(key, IDENTMAP_VERSION);
    put_user("alice", 200001, 200513);
    put_group("staff", 200514, "bob");
    put_groups("alice", 200001, 200513, 200515);
    renew();
    return 0;
}

static struct passwd pw;
static struct group gr;
static gid_t *gids;
static long int start;
static char buf[4096];

static enum nss_status
user(const char *name)
{
    error = 0;
    return _nss_authsod_getpwnam_r(name, &pw, buf, sizeof(buf), &error);
}

static enum nss_status
user_by_id(uid_t uid)
{
    error = 0;
    return _nss_authsod_getpwuid_r(uid, &pw, buf, sizeof(buf), &error);
}

static enum nss_status
group(const char *name)
{
    error = 0;
    return _nss_authsod_getgrnam_r(name, &gr, buf, sizeof(buf), &error);
}

static enum nss_status
group_by_id(gid_t gid)
{
    error = 0;
    return _nss_authsod_getgrgid_r(gid, &gr, buf, sizeof(buf), &error);
}

static enum nss_status
groups_of(const char *name)
{
    long int size = 1;

    free(gids);
    gids = calloc(1, sizeof(*gids));
    assert_non_null(gids);
    gids[0] = 100;
    start = 1;
    error = 0;
    return _nss_authsod_initgroups_dyn(name, 100, &start, &size, &gids, -1, &error);
}

/* The map's alice has another gecos than front's. */
static bool
is_from_map(void)
{
    return strcmp(pw.pw_gecos, "From the map") == 0;
}

static void
the_map_answers(void **state)
{
    unsigned heard = front_heard();

    (void)state;
    errno = 12345;
    for (int i = 0; i < 3; i++) {
        static const char *const spellings[] = { "alice", "Alice", "ALICE" };

        assert_int_equal(user(spellings[i]), NSS_STATUS_SUCCESS);
        assert_string_equal(pw.pw_name, "alice");
        assert_string_equal(pw.pw_passwd, "*");
        assert_int_equal(pw.pw_uid, 200001);
        assert_int_equal(pw.pw_gid, 200513);
        assert_string_equal(pw.pw_gecos, "From the map");
        assert_string_equal(pw.pw_dir, "/home/map");
        assert_string_equal(pw.pw_shell, "/bin/sh");
    }
    assert_int_equal(user_by_id(200001), NSS_STATUS_SUCCESS);
    assert_string_equal(pw.pw_name, "alice");
    assert_int_equal(group("staff"), NSS_STATUS_SUCCESS);
    assert_int_equal(gr.gr_gid, 200514);
    assert_string_equal(gr.gr_mem[0], "alice");
    assert_string_equal(gr.gr_mem[1], "bob");
    assert_null(gr.gr_mem[2]);
    assert_int_equal(group_by_id(200514), NSS_STATUS_SUCCESS);
    assert_string_equal(gr.gr_name, "staff");
    assert_int_equal(groups_of("alice"), NSS_STATUS_SUCCESS);
    assert_int_equal(start, 4);
    assert_int_equal(gids[1], 200513);
    assert_int_equal(gids[2], 200514);
    assert_int_equal(gids[3], 200515);
    assert_int_equal(errno, 12345);
    assert_int_equal(front_heard(), heard);
    /* What it does not have is asked for. */
    assert_int_equal(group("domain users"), NSS_STATUS_SUCCESS);
    assert_int_equal(front_heard(), heard + 1);
    /* It has an end, too. */
    identmap_renew(&map, UINT32_MAX);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    renew();
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_true(is_from_map());
}

static void
small_buffers_are_told(void **state)
{
    unsigned heard = front_heard();

    (void)state;
    for (size_t size = 0; size < 39; size++) {
        assert_int_equal(_nss_authsod_getpwnam_r("alice", &pw, buf, size, &error), NSS_STATUS_TRYAGAIN);
        assert_int_equal(error, ERANGE);
        assert_int_equal(_nss_authsod_getgrnam_r("staff", &gr, buf, size, &error), NSS_STATUS_TRYAGAIN);
        assert_int_equal(error, ERANGE);
    }
    assert_int_equal(front_heard(), heard);
}

static void
what_is_missing_is_known(void **state)
{
    static const struct {
        enum record_kind kind;
        const char *name;
    } names[] = { { RECORD_PASSWD, "missing" }, { RECORD_GROUP, "missing" }, { RECORD_GROUPS, "missing" } };
    unsigned heard;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct identmap_key k = { .kind = names[i].kind, .by = PROTO_BY_NAME, .name = "missing", .len = 7,
                                  .hash = hash_keyed(key, "missing", 7) };

        identmap_put_none(&map, &k, UINT32_MAX);
        k = (struct identmap_key){ .kind = names[i].kind, .by = PROTO_BY_ID, .id = 200777 };
        if (names[i].kind != RECORD_GROUPS)
            identmap_put_none(&map, &k, UINT32_MAX);
    }
    heard = front_heard();
    assert_int_equal(user("missing"), NSS_STATUS_NOTFOUND);
    assert_int_equal(error, ENOENT);
    assert_int_equal(group("missing"), NSS_STATUS_NOTFOUND);
    assert_int_equal(groups_of("missing"), NSS_STATUS_NOTFOUND);
    assert_int_equal(start, 1);
    assert_int_equal(user_by_id(200777), NSS_STATUS_NOTFOUND);
    assert_int_equal(group_by_id(200777), NSS_STATUS_NOTFOUND);
    assert_int_equal(front_heard(), heard);
}

static void
local_names_are_not_the_domains(void **state)
{
    unsigned heard;

    (void)state;
    put_user("local", 200801, 200513);
    put_group("localgroup", 200802, "bob");
    put_groups("local", 200801, 200513, 200514);
    put_user("uncle", 200901, 200513);
    put_group("aunts", 200902, "bob");
    put_groups("uncle", 200901, 200513, 200514);
    put_user("niece", 200803, 200902);
    put_groups("niece", 200803, 200513, 200902);
    heard = front_heard();
    assert_int_equal(user("local"), NSS_STATUS_NOTFOUND);
    assert_int_equal(user("LOCAL"), NSS_STATUS_NOTFOUND);
    assert_int_equal(groups_of("local"), NSS_STATUS_NOTFOUND);
    assert_int_equal(group("localgroup"), NSS_STATUS_NOTFOUND);
    assert_int_equal(user_by_id(200901), NSS_STATUS_NOTFOUND);
    assert_int_equal(group_by_id(200902), NSS_STATUS_NOTFOUND);
    assert_int_equal(front_heard(), heard);
    /* What is found is held against the list too; then the socket is asked, and its answer is what counts. */
    assert_int_equal(user_by_id(200801), NSS_STATUS_NOTFOUND);
    assert_int_equal(group_by_id(200802), NSS_STATUS_NOTFOUND);
    assert_int_equal(user("uncle"), NSS_STATUS_NOTFOUND);
    assert_int_equal(groups_of("uncle"), NSS_STATUS_NOTFOUND);
    assert_int_equal(group("aunts"), NSS_STATUS_NOTFOUND);
    assert_int_equal(user("niece"), NSS_STATUS_NOTFOUND);
    assert_int_equal(groups_of("niece"), NSS_STATUS_NOTFOUND);
    assert_int_equal(start, 1);
    assert_int_equal(front_heard(), heard + 7);
}

/* The socket's answers are held against the list as well. */
static void
the_socket_is_not_believed_either(void **state)
{
    (void)state;
    new_map(key, IDENTMAP_VERSION);
    renew();
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    local_list_add_name(list, LOCAL_LIST_USERS, hash_keyed(key, "alice", 5));
    assert_int_equal(user("alice"), NSS_STATUS_NOTFOUND);
    assert_int_equal(user("CORP\\alice"), NSS_STATUS_UNAVAIL);
    assert_int_equal(error, EPROTO);
    assert_int_equal(user_by_id(200001), NSS_STATUS_UNAVAIL);
}

/* Whatever a map says, and however it was made: these are refused, and what front says on the socket counts. */
static void
lies_are_refused(void **state)
{
    static const uint32_t bad[] = { 0, 1, 999, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_user("liar", bad[i], 200513);
        assert_int_equal(user("liar"), NSS_STATUS_NOTFOUND);
        put_user("liar", 200005, bad[i]);
        assert_int_equal(user("liar"), NSS_STATUS_NOTFOUND);
        put_group("liars", bad[i], "bob");
        assert_int_equal(group("liars"), NSS_STATUS_NOTFOUND);
        put_groups("liar", bad[i], 200513, 200514);
        assert_int_equal(groups_of("liar"), NSS_STATUS_NOTFOUND);
        put_groups("liar", 200005, bad[i], 200514);
        assert_int_equal(groups_of("liar"), NSS_STATUS_NOTFOUND);
        put_groups("liar", 200005, 200513, bad[i]);
        assert_int_equal(groups_of("liar"), NSS_STATUS_NOTFOUND);
        assert_int_equal(start, 1);
    }
    put_group("liars", 200006, "b:ob");
    assert_int_equal(group("liars"), NSS_STATUS_NOTFOUND);
    put_group("liars", 200006, "root");
    assert_int_equal(group("liars"), NSS_STATUS_NOTFOUND);
    put_user("root", 200007, 200513);
    assert_int_equal(user_by_id(200007), NSS_STATUS_NOTFOUND);
}

static void
stale_answers_are_given_and_asked_for_again(void **state)
{
    struct writer w = writer_init(body, sizeof(body));
    unsigned heard = front_heard();

    (void)state;
    record_put_passwd(&w, 200001, 200513, "alice", "From the map", "/home/map", "/bin/sh");
    put_until(&w, true, true, NOW);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_true(is_from_map());
    for (int i = 0; i < 1000 && front_heard() == heard; i++)
        (void)usleep(10000);
    assert_int_equal(front_heard(), heard + 1);
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
nobody_alive_nothing_believed(void **state)
{
    unsigned heard = front_heard();
    uint64_t now = shared_now();

    (void)state;
    shared_renew(map.data, now - SHARED_LEASE_MS - 1);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    shared_renew(map.data, now + 2 * SHARED_LEASE_MS);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    assert_int_equal(front_heard(), heard + 2);
    renew();
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_true(is_from_map());
    shared_renew(list, now - SHARED_LEASE_MS - 1);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    assert_int_equal(front_heard(), heard + 3);
    /* Whose map is not believed may be about to hang: what is local by now is asked of the files, not of it. */
    renew();
    shared_renew(map.data, now - SHARED_LEASE_MS - 1);
    write_file("etc-passwd", "alice:x:1001:100::/:/bin/sh\n");
    assert_int_equal(user("alice"), NSS_STATUS_NOTFOUND);
    assert_int_equal(front_heard(), heard + 3);
    assert_int_equal(unlink("etc-passwd"), 0);
}

/* Without the list the files are read, and what is in them is asked of nobody. */
static void
local_files_are_read_where_there_is_no_list(void **state)
{
    unsigned heard = front_heard();

    (void)state;
    shared_supersede(list);
    assert_int_equal(unlink("local-names"), 0);
    write_file("etc-passwd", "root:x:0:0::/:/bin/sh\nhans:x:200020:100::/:/bin/sh\n");
    write_file("etc-group", "root:x:0:\nhands:x:200021:\n");
    assert_int_equal(user("hans"), NSS_STATUS_NOTFOUND);
    assert_int_equal(groups_of("hans"), NSS_STATUS_NOTFOUND);
    assert_int_equal(user_by_id(200020), NSS_STATUS_NOTFOUND);
    assert_int_equal(group("hands"), NSS_STATUS_NOTFOUND);
    assert_int_equal(group_by_id(200021), NSS_STATUS_NOTFOUND);
    assert_int_equal(front_heard(), heard);
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
    assert_int_equal(group_by_id(200513), NSS_STATUS_SUCCESS);
    assert_int_equal(groups_of("alice"), NSS_STATUS_SUCCESS);
    /* A namesake, an id or a gid of theirs in what front says. */
    write_file("etc-passwd", "alice:x:1001:100::/:/bin/sh\n");
    assert_int_equal(user("CORP\\alice"), NSS_STATUS_UNAVAIL);
    assert_int_equal(user_by_id(200001), NSS_STATUS_UNAVAIL);
    write_file("etc-passwd", "");
    write_file("etc-group", "ours:x:200514:\n");
    assert_int_equal(groups_of("alice"), NSS_STATUS_UNAVAIL);
    assert_int_equal(start, 1);
    write_file("etc-group", "ours:x:200513:\n");
    assert_int_equal(user("alice"), NSS_STATUS_UNAVAIL);
    assert_int_equal(error, EPROTO);
    assert_int_equal(unlink("etc-passwd"), 0);
    assert_int_equal(unlink("etc-group"), 0);
    (void)munmap(list, list_size);
    list = NULL;
}

static void
a_newer_map_is_found(void **state)
{
    static const uint8_t other_key[HASH_KEY_LEN] = { 9 };

    (void)state;
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_true(is_from_map());
    new_map(other_key, IDENTMAP_VERSION); /* of another life of keeper */
    put_user("alice", 200011, 200513);
    renew();
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_true(is_from_map());
    assert_int_equal(pw.pw_uid, 200011);
    new_map(key, IDENTMAP_VERSION + 1);
    put_user("alice", 200012, 200513);
    renew();
    assert_int_equal(user("alice"), NSS_STATUS_SUCCESS);
    assert_false(is_from_map());
}

static bool
hits(void)
{
    return user("alice") == NSS_STATUS_SUCCESS && is_from_map() && group("staff") == NSS_STATUS_SUCCESS &&
           groups_of("alice") == NSS_STATUS_SUCCESS && start == 4;
}

static bool
hits_without_files(void)
{
    if (!hits() || mkdir("./empty", 0700) != 0 || chroot("./empty") != 0 || chdir("/") != 0)
        return false;
    for (int fd = 0; fd < 256; fd++)
        (void)close(fd);
    return hits();
}

static void
a_mapping_outlives_chroot_and_descriptors(void **state)
{
    (void)state;
    assert_true(peer_in_child(hits_without_files));
    assert_int_equal(rmdir("./empty"), 0);
}

static void *
hit_in_thread(void *ok)
{
    struct passwd own;
    char text[256];
    int err;

    *(bool *)ok = _nss_authsod_getpwnam_r("alice", &own, text, sizeof(text), &err) == NSS_STATUS_SUCCESS &&
                  strcmp(own.pw_gecos, "From the map") == 0;
    return NULL;
}

static void
small_stacks_are_enough(void **state)
{
    pthread_attr_t attr;
    pthread_t thread;
    bool ok = false;

    (void)state;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, 65536), 0);
    assert_int_equal(pthread_create(&thread, &attr, hit_in_thread, &ok), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(ok);
    (void)pthread_attr_destroy(&attr);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_map_answers, fresh),
        cmocka_unit_test_setup(small_buffers_are_told, fresh),
        cmocka_unit_test_setup(what_is_missing_is_known, fresh),
        cmocka_unit_test_setup(local_names_are_not_the_domains, fresh),
        cmocka_unit_test_setup(the_socket_is_not_believed_either, fresh),
        cmocka_unit_test_setup(lies_are_refused, fresh),
        cmocka_unit_test_setup(stale_answers_are_given_and_asked_for_again, fresh),
        cmocka_unit_test_setup(nobody_alive_nothing_believed, fresh),
        cmocka_unit_test_setup(local_files_are_read_where_there_is_no_list, fresh),
        cmocka_unit_test_setup(a_newer_map_is_found, fresh),
        cmocka_unit_test_setup(a_mapping_outlives_chroot_and_descriptors, fresh),
        cmocka_unit_test_setup(small_stacks_are_enough, fresh),
    };
    int failed;

    if (!peer_be_root())
        return 77;
    peer_enter_dir();
    failed = cmocka_run_group_tests(tests, begin, end);
    free(gids);
    peer_leave_dir();
    return failed;
}
