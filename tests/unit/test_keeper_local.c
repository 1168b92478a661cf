/* daemon/keeper_local: the list of local names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identmap/local_list.h"
#include "tests/unit/keeper_files.h"

static struct shared_place list_place = { .magic = LOCAL_LIST_MAGIC, .version = LOCAL_LIST_VERSION };

/* The list, as every process finds it; NULL: none that may be believed. */
static const void *
list(size_t *len_out)
{
    static char path[128];
    const void *data;
    unsigned reader = shared_enter(&readers);

    (void)snprintf(path, sizeof(path), "%s", at(run, "local-names"));
    list_place.path = path;
    data = shared_get(&readers, &list_place, shared_now(), len_out);
    shared_leave(&readers, reader);
    return data;
}

static bool
lists(enum local_list_table table, const char *name)
{
    size_t len;
    const void *data = list(&len);

    assert_non_null(data);
    return local_list_has_name(data, len, table, hash_keyed(k->map_key, name, strlen(name)));
}

static bool
lists_id(enum local_list_table table, uint32_t id)
{
    size_t len;
    const void *data = list(&len);

    assert_non_null(data);
    return local_list_has_id(data, len, table, id);
}

/* inotify has told. */
static void
hear(void)
{
    struct pollfd p = { .fd = keeper_local_watch(k), .events = POLLIN };

    assert_int_equal(poll(&p, 1, 5000), 1);
    keeper_local_refresh(k);
}

static void
local_names_are_listed(void **state)
{
    struct stat st;

    (void)state;
    assert_true(keeper_local_begin(k));
    assert_int_equal(stat(at(run, "local-names"), &st), 0);
    assert_true(st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0644);
    assert_true(lists(LOCAL_LIST_USERS, "root") && lists(LOCAL_LIST_GROUPS, "root"));
    assert_true(lists(LOCAL_LIST_USERS, "local1"));
    assert_false(lists(LOCAL_LIST_GROUPS, "local1"));
    assert_true(lists(LOCAL_LIST_GROUPS, "team"));
    assert_false(lists(LOCAL_LIST_USERS, "team"));
    assert_true(lists(LOCAL_LIST_USERS, "docker") && lists(LOCAL_LIST_GROUPS, "docker"));
    assert_false(lists(LOCAL_LIST_USERS, "alice") || lists(LOCAL_LIST_USERS, ""));
    assert_true(lists_id(LOCAL_LIST_UIDS, 0) && lists_id(LOCAL_LIST_UIDS, 1001) && lists_id(LOCAL_LIST_GIDS, 1500));
    assert_false(lists_id(LOCAL_LIST_UIDS, 1500) || lists_id(LOCAL_LIST_GIDS, 1001));
}

static void
no_line_hides_another(void **state)
{
    static const char text[] = "root:x:0:0::/root:/bin/sh\n\0\n:\nx\0y:x:1:\nlast:x:1700:1700::/:/bin/sh";
    int fd = open("/etc/passwd", O_WRONLY | O_TRUNC | O_CLOEXEC);

    (void)state;
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    (void)close(fd);
    assert_true(keeper_local_begin(k));
    assert_true(lists(LOCAL_LIST_USERS, "root") && lists(LOCAL_LIST_USERS, "last") && lists_id(LOCAL_LIST_UIDS, 1700));
}

static void
a_change_makes_a_new_list(void **state)
{
    int old;

    (void)state;
    assert_true(keeper_local_begin(k));
    old = open(at(run, "local-names"), O_RDONLY | O_CLOEXEC);
    /* As useradd does it. */
    write_file("/etc/passwd+", "root:x:0:0::/root:/bin/sh\nalice:x:1002:1002::/:/bin/sh\n");
    assert_int_equal(rename("/etc/passwd+", "/etc/passwd"), 0);
    hear();
    assert_int_equal(superseded(old), 1);
    assert_true(lists(LOCAL_LIST_USERS, "alice") && lists_id(LOCAL_LIST_UIDS, 1002));
    assert_false(lists(LOCAL_LIST_USERS, "local1"));
    (void)close(old);
    old = open(at(run, "local-names"), O_RDONLY | O_CLOEXEC);
    /* And as an editor does. */
    write_file("/etc/group", "root:x:0:\nwriters:x:1600:\n");
    hear();
    assert_int_equal(superseded(old), 1);
    assert_true(lists(LOCAL_LIST_GROUPS, "writers") && lists_id(LOCAL_LIST_GIDS, 1600));
    /* Another file is none of ours. */
    (void)close(old);
    old = open(at(run, "local-names"), O_RDONLY | O_CLOEXEC);
    write_file("/etc/other", "");
    hear();
    (void)unlink("/etc/other");
    assert_int_equal(superseded(old), 0);
    /* Reserved names, in any case. */
    configure("[domain]\nname = corp.test\n[identity]\nreserved_names = Mallory\n");
    keeper_local_config(k);
    assert_int_equal(superseded(old), 1);
    assert_true(lists(LOCAL_LIST_USERS, "mallory") && lists(LOCAL_LIST_GROUPS, "mallory"));
    assert_false(lists(LOCAL_LIST_USERS, "docker"));
    assert_true(lists(LOCAL_LIST_USERS, "alice"));
    (void)close(old);
    assert_int_equal(files(), 1);
}

static void
the_list_is_believed_while_keeper_lives(void **state)
{
    size_t len;

    (void)state;
    assert_true(keeper_local_begin(k));
    for (int i = 1; i <= 3; i++) {
        assert_non_null(list(&len));
        slept_ms = waited_ms = i * 20000;
        assert_null(list(&len));
        keeper_local_tick(k);
    }
    assert_non_null(list(&len));
    keeper_local_end(k);
    assert_null(list(&len));
    assert_int_equal(files(), 0);
}

static void
a_list_that_cannot_be_written_is_none(void **state)
{
    size_t len;
    int old;

    (void)state;
    assert_true(keeper_local_begin(k));
    old = open(at(run, "local-names"), O_RDONLY | O_CLOEXEC);
    fill_disk(run);
    write_file("/etc/group", "root:x:0:\nwriters:x:1600:\n");
    hear();
    /* Not what was true before. */
    assert_int_equal(superseded(old), 1);
    assert_null(list(&len));
    keeper_local_tick(k);
    assert_null(list(&len));
    empty_disk(run);
    waited_ms = 2000;
    keeper_local_tick(k);
    assert_true(lists(LOCAL_LIST_GROUPS, "writers"));
    (void)close(old);
    keeper_local_end(k);
    /* keeper begins all the same. */
    fill_disk(run);
    assert_true(keeper_local_begin(k));
    assert_null(list(&len));
    empty_disk(run);
    waited_ms = 4000;
    keeper_local_tick(k);
    assert_true(lists(LOCAL_LIST_GROUPS, "writers"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_FILES_TEST(local_names_are_listed),
        KEEPER_FILES_TEST(no_line_hides_another),
        KEEPER_FILES_TEST(a_change_makes_a_new_list),
        KEEPER_FILES_TEST(the_list_is_believed_while_keeper_lives),
        KEEPER_FILES_TEST(a_list_that_cannot_be_written_is_none),
    };

    return cmocka_run_group_tests(tests, keeper_files_begin, keeper_files_end);
}
