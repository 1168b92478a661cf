/* lib/store: crashes, full disks, damage, and who else may touch the file. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Writes until the disk (or the limit) is full; gives how many users went in. */
static uint32_t
fill(struct store *s)
{
    char name[32];
    uint32_t gids[1000], n;

    for (n = 0; n < 1000; n++)
        gids[n] = 200000 + n;
    for (n = 1000; n < 3000; n++) {
        struct store_user u = user_n(n, name);

        u.gids = gids;
        u.n_gids = 1000;
        u.groups_learned = 1;
        if (!store_put_user(s, &u))
            break;
    }
    return n - 1000;
}

/* The store is full: what is in it is still read, what does not fit is refused whole, and nothing is damaged. */
static void
check_full_store(struct store *s)
{
    uint32_t n;
    char name[32], big[4000];
    struct store_user u, *got;

    assert_true(store_put_fact(s, "site", "kept"));
    n = fill(s);
    assert_in_range(n, 1, 1999);
    for (uint32_t i = 0; i < n; i++) {
        got = stored_user(s, 1000 + i);
        assert_non_null(got);
        assert_int_equal(got->n_gids, 1000);
        talloc_free(got);
    }
    assert_null(stored_user(s, 1000 + n));
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    /* The first change of the transaction would fit; it is taken back with those that do not. */
    assert_true(store_begin(s));
    assert_true(store_put_fact(s, "site", "lost"));
    for (uint32_t i = 0; i < 100; i++) {
        u = user_n(9000 + i, name);
        u.full_name = big;
        (void)store_put_user(s, &u);
    }
    assert_false(store_put_fact(s, "site", "small enough, and too late"));
    assert_false(store_commit(s));
    assert_string_equal(store_fact(s, s, "site"), "kept");
    assert_null(stored_user(s, 9000));
    assert_false(s->damaged);
}

static void
a_page_limit_refuses_and_recovers(void **state)
{
    struct store *s = open_store();

    (void)state;
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA max_page_count = 60", NULL, NULL, NULL), SQLITE_OK);
    check_full_store(s);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(fill(s), 2000);
    store_close(s);
}

static void
a_full_disk_refuses_and_recovers(void **state)
{
    struct store *s;
    char ballast[128];
    int fd;

    (void)state;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700") != 0) {
        print_message("may not mount a tmpfs: the page limit alone is tested\n");
        return;
    }
    /* What somebody else has on the disk, and may remove. */
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
    fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 200000), 0);
    s = open_store();
    check_full_store(s);
    store_close(s);

    /* Not a byte left when it starts: what is there is read. */
    assert_int_equal(lseek(fd, 0, SEEK_END), 200000);
    while (write(fd, dir, sizeof(dir)) > 0)
        ;
    assert_int_equal(close(fd), 0);
    s = open_store();
    assert_non_null(stored_user(s, 1000));

    /* And there is room again. */
    assert_int_equal(unlink(ballast), 0);
    assert_true(store_put_fact(s, "site", "again"));
    store_close(s);
}

/* A file of an earlier version that finds no room for what is new: all that it has is worth more than that. */
static void
a_full_disk_keeps_a_store_of_an_earlier_version(void **state)
{
    const struct store_schema before = { .steps = store_schema.steps, .version = 2 };
    struct store_card card = { .uid = 300000 }, cards[STORE_CARDS_MAX];
    const char *why;
    struct store *s;
    struct store_user u = alice(), *got;
    char ballast[128];
    int fd;

    (void)state;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700") != 0) {
        print_message("may not mount a tmpfs: not tested\n");
        return;
    }
    s = store_open_schema(NULL, dir, &before, &why);
    assert_non_null(s);
    assert_true(store_put_user(s, &u));
    store_close(s);
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
    fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    while (write(fd, dir, sizeof(dir)) > 0)
        ;
    assert_int_equal(close(fd), 0);

    s = open_store();
    got = store_user_by_name(s, s, "alice");
    assert_non_null(got);
    assert_alice(got);
    assert_int_equal(store_cards(s, cards), 0);
    assert_int_equal(unlink(ballast), 0);
    /* Cards go nowhere, and take nothing with them. */
    assert_true(store_begin(s));
    assert_true(store_put_fact(s, "site", "kept"));
    assert_false(store_put_card(s, &card));
    assert_true(store_commit(s));
    assert_string_equal(store_fact(s, s, "site"), "kept");
    assert_true(store_clear(s));
    assert_null(store_user_by_name(s, s, "alice"));
    assert_false(s->damaged);
    store_close(s);

    s = open_store();
    assert_string_equal(store_fact(s, s, "site"), "kept");
    assert_true(store_put_card(s, &card));
    assert_int_equal(store_cards(s, cards), 1);
    store_close(s);
}

/* Writes a number as a fact and as a user, in one transaction each time, and tells it, until it is killed. */
static void
write_for_ever(int fd)
{
    const char *why;
    struct store *s = store_open(NULL, dir, &why);
    char name[32], text[16];

    for (uint32_t n = 1000; s != NULL; n++) {
        struct store_user u = user_n(n, name);

        (void)snprintf(text, sizeof(text), "%u", n);
        if (!store_begin(s) || !store_put_fact(s, "n", text) || !store_put_user(s, &u) || !store_commit(s) ||
            write(fd, &n, sizeof(n)) != sizeof(n))
            break;
    }
    _exit(1);
}

static void
a_writer_that_is_killed_leaves_whole_transactions(void **state)
{
    (void)state;
    for (unsigned round = 1; round < 8; round++) {
        uint32_t told = 0, n;
        int fds[2];
        pid_t pid;
        struct store *s;
        char *fact;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever(fds[1]);
        (void)close(fds[1]);
        /* Past a thousand pages of WAL it is checkpointed: some rounds end before, some after. */
        for (unsigned i = 0; i < round * 70; i++)
            assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fds[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
            ;
        (void)close(fds[0]);

        s = open_store();
        assert_false(exists(".damaged"));
        fact = store_fact(s, s, "n");
        assert_non_null(fact);
        n = (uint32_t)strtoul(fact, NULL, 10);
        assert_in_range(n, told, told + 1);
        for (uint32_t i = 1000; i <= n; i++)
            assert_non_null(stored_user(s, i));
        store_close(s);
    }
}

static void
overwrite(const char *tail, off_t off, const void *bytes, size_t n)
{
    int fd = open(path_of(tail), O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, off), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void
checkpoint(struct store *s)
{
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
}

static void
a_damaged_file_is_set_aside(void **state)
{
    static const struct {
        const char *what;
        off_t off;  /* where 4000 bytes of rubbish go; -1: the file is cut there instead */
        off_t cut;
    } cases[] = {
        { "the head", 0, 0 },
        { "the root of the schema", 100, 0 },
        { "the pages of a table", 3 * 4096, 0 },
        { "the end", -1, 5 * 4096 },
        { "the middle of a page", -1, 3 * 4096 + 100 },
        { "all but the head", -1, 100 },
        { "all but some of the head", -1, 10 },
    };
    char rubbish[4000];

    (void)state;
    memset(rubbish, 0xa5, sizeof(rubbish));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store *s = open_store();
        struct store_user a = alice();

        assert_int_equal(fill(s), 2000);
        store_close(s);
        if (cases[i].off >= 0)
            overwrite("", cases[i].off, rubbish, sizeof(rubbish));
        else
            assert_int_equal(truncate(path_of(""), cases[i].cut), 0);
        s = open_store();
        if (!exists(".damaged") || stored_user(s, 1000) != NULL)
            fail_msg("damage to %s is not seen", cases[i].what);
        assert_true(store_put_user(s, &a));
        store_close(s);
        s = open_store();
        assert_alice(store_user_by_name(s, s, "alice"));
        store_close(s);
        assert_int_equal(unlink(path_of(".damaged")), 0);
        assert_int_equal(unlink(path_of("")), 0);
    }
}

static void
damage_found_later_begins_a_new_file(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    char rubbish[4096];

    (void)state;
    memset(rubbish, 0xa5, sizeof(rubbish));
    assert_int_equal(fill(s), 2000);
    checkpoint(s);
    for (off_t page = 1; page < 1000; page++)
        overwrite("", page * 4096, rubbish, sizeof(rubbish));
    for (uint32_t i = 0; i < 2000 && !s->damaged; i++)
        talloc_free(stored_user(s, 1000 + i));
    assert_true(s->damaged);
    assert_true(store_put_user(s, &a));
    assert_false(s->damaged);
    assert_true(exists(".damaged"));
    assert_alice(store_user_by_name(s, s, "alice"));
    store_close(s);
    s = open_store();
    assert_alice(store_user_by_name(s, s, "alice"));
    store_close(s);
}

static void
damage_inside_a_transaction_fails_it(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    char rubbish[4096];

    (void)state;
    memset(rubbish, 0xa5, sizeof(rubbish));
    assert_int_equal(fill(s), 2000);
    checkpoint(s);
    for (off_t page = 1; page < 1000; page++)
        overwrite("", page * 4096, rubbish, sizeof(rubbish));
    assert_true(store_begin(s));
    for (uint32_t i = 0; i < 2000 && !s->damaged; i++)
        talloc_free(stored_user(s, 1000 + i));
    assert_true(s->damaged);
    assert_false(store_put_user(s, &a));
    assert_false(store_commit(s));
    assert_true(store_put_user(s, &a));
    assert_alice(store_user_by_name(s, s, "alice"));
    store_close(s);
}

/* A WAL left beside a new file would be played into it. */
static void
a_damaged_file_takes_its_wal_along(void **state)
{
    pid_t pid = fork();
    struct store *s;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_user a = alice();
        const char *why;

        s = store_open(NULL, dir, &why);
        _exit(s != NULL && store_put_user(s, &a) && exists("-wal") ? 0 : 1); /* and does not close it */
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(exists("-wal"));
    assert_int_equal(unlink(path_of("")), 0);
    assert_int_equal(mkdir(path_of(""), 0700), 0);
    s = open_store();
    assert_true(exists(".damaged") && exists(".damaged-wal"));
    assert_null(store_user_by_name(s, s, "alice"));
    store_close(s);
}

static void
a_link_or_a_directory_in_its_place_is_set_aside(void **state)
{
    char target[128];
    struct stat st;
    struct store *s;

    (void)state;
    (void)snprintf(target, sizeof(target), "%s/target", dir);
    assert_int_equal(symlink(target, path_of("")), 0);
    s = open_store();
    assert_true(exists(".damaged"));
    assert_int_equal(lstat(target, &st), -1);
    store_close(s);
    assert_int_equal(unlink(path_of(".damaged")), 0);
    assert_int_equal(unlink(path_of("")), 0);
    assert_int_equal(mkdir(path_of(""), 0700), 0);
    s = open_store();
    assert_true(exists(".damaged"));
    store_close(s);
}

static void
the_file_is_its_owners_alone(void **state)
{
    mode_t old = umask(0);
    struct store *s = open_store();
    struct stat st;

    (void)state;
    assert_true(store_put_fact(s, "site", "x"));
    assert_int_equal(stat(path_of(""), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(path_of("-wal"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* An index of the WAL in a file would be mapped. */
    assert_false(exists("-shm"));
    store_close(s);
    assert_int_equal(chmod(path_of(""), 0666), 0);
    s = open_store();
    assert_int_equal(stat(path_of(""), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    store_close(s);
    (void)umask(old);
}

static void
a_second_process_is_refused_and_harms_nothing(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    pid_t pid;
    int status;

    (void)state;
    assert_true(store_put_user(s, &a));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *why = NULL;

        _exit(store_open(NULL, dir, &why) == NULL && errno == EBUSY && strstr(why, "locked") != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_false(exists(".damaged"));
    assert_alice(store_user_by_name(s, s, "alice"));
    store_close(s);
}

static void
somebody_elses_database_is_set_aside(void **state)
{
    sqlite3 *db;
    struct store *s;

    (void)state;
    assert_int_equal(sqlite3_open(path_of(""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x); PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    s = open_store();
    assert_true(exists(".damaged"));
    store_close(s);
}

/* What somebody else, or a broken disk, wrote into a row that SQLite itself finds sound. */
static void
a_malformed_row_is_not_used(void **state)
{
    static const char *const harms[] = {
        "UPDATE user SET uid = 0",         "UPDATE user SET uid = 999",
        "UPDATE user SET uid = -1",        "UPDATE user SET uid = 4294967295",
        "UPDATE user SET gid = 27",        "UPDATE user SET gid = 'staff'",
        "UPDATE user SET name = x'00ff'",  "UPDATE user SET account = 'a' || char(0) || 'b'",
        "UPDATE user SET gids = x'010203'", "UPDATE user SET gids = x'1b000000'",
        "UPDATE user SET gids = 7",        "UPDATE user SET state = -1",
    };
    static const char *const sids[] = { "UPDATE user SET sid = x'0105'", "UPDATE user SET sid = sid || x'00'",
                                        "UPDATE user SET sid = 'S-1-5'" };
    static const char *const groups[] = {
        "UPDATE grp SET gid = 0",          "UPDATE grp SET n_members = 4",
        "UPDATE grp SET n_members = 2",    "UPDATE grp SET n_members = 4294967295",
        "UPDATE grp SET members = x'ff'",  "UPDATE grp SET members = x'ffffffff00'",
        "UPDATE grp SET members = 'text'", "UPDATE grp SET n_members = -1",
    };
    struct store *s = open_store();
    struct store_user a = alice();
    struct store_group g = staff();

    (void)state;
    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        assert_true(store_put_user(s, &a));
        assert_int_equal(sqlite3_exec(s->db, harms[i], NULL, NULL, NULL), SQLITE_OK);
        assert_null(store_user_by_sid(s, s, &a.sid));
    }
    /* The next put mends it, the name being unique. */
    assert_true(store_put_user(s, &a));
    assert_alice(store_user_by_sid(s, s, &a.sid));
    for (size_t i = 0; i < sizeof(sids) / sizeof(sids[0]); i++) {
        assert_int_equal(sqlite3_exec(s->db, sids[i], NULL, NULL, NULL), SQLITE_OK);
        assert_null(store_user_by_name(s, s, "alice"));
        assert_true(store_put_user(s, &a));
        assert_alice(store_user_by_name(s, s, "alice"));
    }
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        assert_true(store_put_group(s, &g));
        assert_int_equal(sqlite3_exec(s->db, groups[i], NULL, NULL, NULL), SQLITE_OK);
        assert_null(store_group_by_gid(s, s, g.gid));
    }
    assert_true(store_put_group(s, &g));
    assert_non_null(store_group_by_gid(s, s, g.gid));
    store_close(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_limit_refuses_and_recovers),
        TEST(a_full_disk_refuses_and_recovers),
        TEST(a_full_disk_keeps_a_store_of_an_earlier_version),
        TEST(a_writer_that_is_killed_leaves_whole_transactions),
        TEST(a_damaged_file_is_set_aside),
        TEST(damage_found_later_begins_a_new_file),
        TEST(damage_inside_a_transaction_fails_it),
        TEST(a_damaged_file_takes_its_wal_along),
        TEST(a_link_or_a_directory_in_its_place_is_set_aside),
        TEST(the_file_is_its_owners_alone),
        TEST(a_second_process_is_refused_and_harms_nothing),
        TEST(somebody_elses_database_is_set_aside),
        TEST(a_malformed_row_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
