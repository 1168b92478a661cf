/* lib/store: what is put comes back, after restarts, crashes, full disks and damage too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/store_db.h"

#define HUGE_BYTES (33U << 20) /* more than a value may have */

static char dir[64];

static struct sid
sid_of(const char *text)
{
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    return sid;
}

static struct sid
rid(uint32_t n)
{
    struct sid sid = sid_of("S-1-5-21-1-2-3");

    assert_true(sid_append(&sid, n));
    return sid;
}

static struct store *
open_store(void)
{
    const char *why;
    struct store *s = store_open(NULL, dir, &why);

    if (s == NULL)
        fail_msg("%s", why);
    return s;
}

static const char *
path_of(const char *tail)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/" STORE_FILE "%s", dir, tail);
    return path;
}

static bool
exists(const char *tail)
{
    struct stat st;

    return lstat(path_of(tail), &st) == 0;
}

static const uint32_t alice_gids[] = { 200512, 201104, 1000000000 };

static struct store_user
alice(void)
{
    return (struct store_user){ .sid = rid(1103), .uid = 201103, .gid = 200513, .name = "alice", .account = "alice",
                                .upn = "alice@corp.test", .full_name = "Alice Liddell \xc3\xa9", .refreshed = 1000,
                                .state = STORE_STATE_LOCKED, .state_learned = 1001, .gids = alice_gids, .n_gids = 3,
                                .groups_learned = 1002 };
}

/* A user that differs from all others by n. */
static struct store_user
user_n(uint32_t n, char name[static 32])
{
    (void)snprintf(name, 32, "user%u", n);
    return (struct store_user){ .sid = rid(n), .uid = 200000 + n, .gid = 200513, .name = name, .account = name,
                                .upn = "", .full_name = "", .refreshed = n };
}

static const char *const staff_members[] = { "alice", "bob", "zo\xc3\xab" };

static struct store_group
staff(void)
{
    return (struct store_group){ .sid = rid(1104), .gid = 201104, .name = "domain staff", .refreshed = 7,
                                 .members = staff_members, .n_members = 3, .members_learned = 8 };
}

static void
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

static void
users_come_back_by_every_key_after_a_restart(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    struct sid domain = sid_of("S-1-5-21-1-2-3");

    (void)state;
    assert_true(store_put_user(s, &a));
    for (int again = 0; again < 2; again++) {
        assert_alice(store_user_by_sid(s, s, &a.sid));
        assert_alice(store_user_by_uid(s, s, a.uid));
        assert_alice(store_user_by_name(s, s, "alice"));
        assert_alice(store_user_by_name(s, s, "alice@corp.test"));
        assert_alice(store_user_by_account(s, s, &domain, "alice"));
        assert_null(store_user_by_name(s, s, "Alice"));
        assert_null(store_user_by_name(s, s, ""));
        assert_null(store_user_by_uid(s, s, 201104));
        store_close(s);
        s = open_store();
    }
    store_drop_user(s, &a.sid);
    assert_null(store_user_by_sid(s, s, &a.sid));
    store_close(s);
    store_close(NULL);
}

static void
groups_come_back_by_every_key_after_a_restart(void **state)
{
    struct store *s = open_store();
    struct store_group g = staff(), *got;

    (void)state;
    assert_true(store_put_group(s, &g));
    store_close(s);
    s = open_store();
    got = store_group_by_name(s, s, "domain staff");
    assert_non_null(got);
    assert_true(sid_equal(&got->sid, &g.sid));
    assert_int_equal(got->gid, g.gid);
    assert_int_equal(got->refreshed, 7);
    assert_int_equal(got->members_learned, 8);
    assert_int_equal(got->n_members, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(got->members[i], staff_members[i]);
    assert_non_null(store_group_by_gid(s, s, 201104));
    assert_non_null(store_group_by_sid(s, s, &g.sid));
    store_drop_group(s, &g.sid);
    assert_null(store_group_by_gid(s, s, 201104));
    store_close(s);
}

static void
what_was_never_learned_keeps_what_the_row_has(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), *u;
    struct store_group g = staff(), *got;

    (void)state;
    assert_true(store_put_user(s, &a));
    a.name = "alice2";
    a.state = 0;
    a.state_learned = 0;
    a.gids = NULL;
    a.n_gids = 0;
    a.groups_learned = 0;
    assert_true(store_put_user(s, &a));
    u = store_user_by_name(s, s, "alice2");
    assert_non_null(u);
    assert_int_equal(u->state, STORE_STATE_LOCKED);
    assert_int_equal(u->state_learned, 1001);
    assert_int_equal(u->groups_learned, 1002);
    assert_int_equal(u->n_gids, 3);
    assert_null(store_user_by_name(s, s, "alice"));

    /* Learned and empty is not the same as never learned. */
    a.groups_learned = 2000;
    assert_true(store_put_user(s, &a));
    u = store_user_by_sid(s, s, &a.sid);
    assert_int_equal(u->groups_learned, 2000);
    assert_int_equal(u->n_gids, 0);
    assert_int_equal(u->state_learned, 1001);

    assert_true(store_put_group(s, &g));
    g.members = NULL;
    g.n_members = 0;
    g.members_learned = 0;
    assert_true(store_put_group(s, &g));
    got = store_group_by_gid(s, s, g.gid);
    assert_int_equal(got->n_members, 3);
    assert_int_equal(got->members_learned, 8);
    store_close(s);
}

static void
a_row_that_never_learned_has_none(void **state)
{
    struct store *s = open_store();
    char name[32];
    struct store_user u = user_n(5000, name), *got;

    (void)state;
    assert_true(store_put_user(s, &u));
    got = store_user_by_name(s, s, "user5000");
    assert_non_null(got);
    assert_null(got->gids);
    assert_int_equal(got->n_gids, 0);
    assert_int_equal(got->groups_learned, 0);
    assert_int_equal(got->state_learned, 0);
    store_close(s);
}

static void
names_and_ids_are_unique(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), b = alice(), c = alice();
    struct store_group g = staff(), h = staff();

    (void)state;
    b.sid = rid(2000);
    b.uid = 202000;
    b.name = "bob";
    c.sid = rid(3000);
    assert_true(store_put_user(s, &a) && store_put_user(s, &b));
    /* One put may push out two: the holder of its name and that of its id. */
    c.name = "bob";
    assert_true(store_put_user(s, &c));
    assert_null(store_user_by_sid(s, s, &a.sid));
    assert_null(store_user_by_sid(s, s, &b.sid));
    assert_non_null(store_user_by_sid(s, s, &c.sid));

    h.sid = rid(2001);
    h.name = "other";
    assert_true(store_put_group(s, &g) && store_put_group(s, &h));
    assert_null(store_group_by_sid(s, s, &g.sid));
    h.sid = rid(2002);
    h.gid = 202002;
    assert_true(store_put_group(s, &h));
    assert_int_equal(store_group_by_name(s, s, "other")->gid, 202002);
    assert_null(store_group_by_gid(s, s, 201104));
    store_close(s);
}

static void
a_name_means_the_canonical_one_first(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), b = alice(), c = alice();
    struct sid other = sid_of("S-1-5-21-9-9-9"), domain = sid_of("S-1-5-21-1-2-3");

    (void)state;
    /* A user whose UPN spells another's canonical name takes nothing. */
    b.sid = rid(2000);
    b.uid = 202000;
    b.name = "mallory";
    b.account = "mallory";
    b.upn = "alice";
    assert_true(store_put_user(s, &b) && store_put_user(s, &a));
    assert_int_equal(store_user_by_name(s, s, "alice")->uid, a.uid);

    /* The same account in another domain, with the same UPN: ambiguous. */
    c.sid = other;
    assert_true(sid_append(&c.sid, 1103));
    c.uid = 401103;
    c.name = "alice@other.test";
    assert_true(store_put_user(s, &c));
    assert_null(store_user_by_name(s, s, "alice@corp.test"));
    assert_int_equal(store_user_by_account(s, s, &other, "alice")->uid, 401103);
    assert_int_equal(store_user_by_account(s, s, &domain, "alice")->uid, 201103);
    assert_null(store_user_by_account(s, s, &domain, "alice@other.test"));
    store_close(s);
}

static void
impossible_rows_are_refused(void **state)
{
    struct store *s = open_store();
    struct store_user u = alice();
    struct store_group g = staff();
    static const uint32_t system_gids[] = { 200512, 27 };
    static const char *const bad_members[] = { "alice", "" };
    char name[300];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    u.uid = 0;
    assert_false(store_put_user(s, &u));
    u.uid = 999;
    assert_false(store_put_user(s, &u));
    u.uid = UINT32_MAX;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.gid = 0;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.gids = system_gids;
    u.n_gids = 2;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.name = "";
    assert_false(store_put_user(s, &u));
    u.name = name;
    assert_false(store_put_user(s, &u));
    g.gid = 27;
    assert_false(store_put_group(s, &g));
    g = staff();
    g.members = bad_members;
    g.n_members = 2;
    assert_false(store_put_group(s, &g));
    assert_null(store_user_by_name(s, s, name));
    store_close(s);
}

static void
facts_and_their_removal_are_kept(void **state)
{
    struct store *s = open_store();

    (void)state;
    assert_null(store_fact(s, s, "site"));
    assert_true(store_put_fact(s, "site", "Default-First-Site-Name"));
    assert_true(store_put_fact(s, "dc", "dc1.corp.test"));
    assert_true(store_put_fact(s, "dc", "dc2.corp.test"));
    store_close(s);
    s = open_store();
    assert_string_equal(store_fact(s, s, "site"), "Default-First-Site-Name");
    assert_string_equal(store_fact(s, s, "dc"), "dc2.corp.test");
    assert_true(store_put_fact(s, "site", ""));
    assert_null(store_fact(s, s, "site"));
    store_close(s);
}

static void
clearing_leaves_facts(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    struct store_group g = staff();

    (void)state;
    assert_true(store_put_fact(s, "site", "Here"));
    for (int inside = 0; inside < 2; inside++) {
        assert_true(store_put_user(s, &a));
        assert_true(store_put_group(s, &g));
        assert_int_equal(inside == 1 && !store_begin(s), 0);
        assert_true(store_clear(s));
        assert_int_equal(inside == 1 && !store_commit(s), 0);
        assert_null(store_user_by_sid(s, s, &a.sid));
        assert_null(store_group_by_sid(s, s, &g.sid));
        assert_string_equal(store_fact(s, s, "site"), "Here");
    }
    store_close(s);
}

static void
note_domain(void *arg, const char *dns, const char *netbios, const struct sid *sid)
{
    char *text = arg, sid_chars[SID_TEXT_MAX];

    (void)snprintf(text + strlen(text), 1000 - strlen(text), "%s %s %s;", dns, netbios, sid_text(sid, sid_chars));
}

static void
domains_keep_their_order_for_ever(void **state)
{
    struct store *s = open_store();
    struct sid one = sid_of("S-1-5-21-9-9-9"), two = sid_of("S-1-5-21-1-1-1"), three = sid_of("S-1-5-21-5-5-5");
    char text[1000] = "";

    (void)state;
    assert_true(store_put_domain(s, "zzz.test", "ZZZ", &one));
    assert_true(store_put_domain(s, "corp.test", "CORP", &two));
    assert_true(store_put_domain(s, "zzz.test", "ZZZ2", &one));
    assert_false(store_put_domain(s, "", "X", &three));
    store_close(s);
    s = open_store();
    store_domains(s, note_domain, text);
    assert_string_equal(text, "zzz.test ZZZ2 S-1-5-21-9-9-9;corp.test CORP S-1-5-21-1-1-1;");

    /* A domain made anew under an old name: the old one keeps its place, and so its slice of ids. */
    assert_true(store_put_domain(s, "zzz.test", "ZZZ", &three));
    text[0] = '\0';
    store_domains(s, note_domain, text);
    assert_string_equal(text, "-sid-010400000000000515000000090000000900000009000000  S-1-5-21-9-9-9;"
                              "corp.test CORP S-1-5-21-1-1-1;zzz.test ZZZ S-1-5-21-5-5-5;");
    store_close(s);
}

static void
a_transaction_is_whole_or_not_at_all(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), bad = alice();
    char name[32];
    struct store_user b = user_n(5000, name);
    char *huge;

    (void)state;
    assert_false(store_commit(s));
    assert_true(store_begin(s));
    assert_false(store_begin(s));
    assert_true(store_put_user(s, &a));
    assert_true(store_put_fact(s, "site", "here"));
    assert_non_null(store_user_by_name(s, s, "alice"));
    assert_true(store_commit(s));
    assert_non_null(store_user_by_name(s, s, "alice"));

    /* An impossible row is refused before it touches the transaction. */
    bad.uid = 0;
    assert_true(store_begin(s));
    assert_true(store_put_user(s, &b));
    assert_false(store_put_user(s, &bad));
    assert_true(store_commit(s));
    assert_non_null(store_user_by_name(s, s, "user5000"));

    /* A row that cannot be written takes the others back. */
    huge = talloc_size(s, HUGE_BYTES);
    memset(huge, 'x', HUGE_BYTES - 1);
    huge[HUGE_BYTES - 1] = '\0';
    assert_true(store_begin(s));
    assert_true(store_put_fact(s, "site", "elsewhere"));
    a.full_name = huge;
    assert_false(store_put_user(s, &a));
    assert_false(store_put_fact(s, "dc", "dc1"));
    assert_false(store_commit(s));
    assert_string_equal(store_fact(s, s, "site"), "here");
    assert_null(store_fact(s, s, "dc"));
    assert_alice(store_user_by_name(s, s, "alice"));
    assert_true(store_begin(s));
    assert_true(store_commit(s));

    /* What was begun only is forgotten. */
    assert_true(store_begin(s));
    store_drop_user(s, &a.sid);
    store_close(s);
    s = open_store();
    assert_non_null(store_user_by_name(s, s, "alice"));
    store_close(s);
}

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
        got = store_user_by_uid(s, s, 201000 + i);
        assert_non_null(got);
        assert_int_equal(got->n_gids, 1000);
        talloc_free(got);
    }
    assert_null(store_user_by_uid(s, s, 201000 + n));
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
    assert_null(store_user_by_uid(s, s, 209000));
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
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
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
    assert_non_null(store_user_by_uid(s, s, 201000));

    /* And there is room again. */
    assert_int_equal(unlink(ballast), 0);
    assert_true(store_put_fact(s, "site", "again"));
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
            assert_non_null(store_user_by_uid(s, s, 200000 + i));
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
        if (!exists(".damaged") || store_user_by_uid(s, s, 201000) != NULL)
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
        talloc_free(store_user_by_uid(s, s, 201000 + i));
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
        talloc_free(store_user_by_uid(s, s, 201000 + i));
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

        _exit(store_open(NULL, dir, &why) == NULL && strstr(why, "locked") != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_false(exists(".damaged"));
    assert_alice(store_user_by_name(s, s, "alice"));
    store_close(s);
}

static void
a_place_that_is_none_is_told(void **state)
{
    const char *why = NULL;

    (void)state;
    assert_null(store_open(NULL, "/nonexistent/place", &why));
    assert_non_null(strstr(why, "No such file"));
    talloc_free((void *)(uintptr_t)why);
}

static void
versions_upgrade_and_never_downgrade(void **state)
{
    const char *const steps[] = { store_schema.steps[0],
                                  "ALTER TABLE user ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';"
                                  "PRAGMA user_version = 2;" };
    const char *const broken[] = { steps[0], "ALTER TABLE user ADD COLUMN colour TEXT; DROP TABLE nothing;"
                                             "PRAGMA user_version = 2;" };
    const struct store_schema next = { .steps = steps, .version = 2 }, bad = { .steps = broken, .version = 2 };
    struct store *s = open_store();
    struct store_user a = alice();
    sqlite3_stmt *stmt;
    const char *why;

    (void)state;
    assert_int_equal(store_schema.version, 1);
    assert_true(store_put_user(s, &a));
    store_close(s);

    s = store_open_schema(NULL, dir, &next, &why);
    assert_non_null(s);
    assert_alice(store_user_by_name(s, s, "alice"));
    assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT colour FROM user", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "blue");
    (void)sqlite3_finalize(stmt);
    store_close(s);

    /* The version before it does not guess. */
    s = open_store();
    assert_true(exists(".newer"));
    assert_false(exists(".damaged"));
    assert_null(store_user_by_name(s, s, "alice"));
    assert_true(store_put_user(s, &a));
    store_close(s);

    /* A step that fails is taken back whole, and costs the file its place. */
    assert_null(store_open_schema(NULL, dir, &bad, &why));
    talloc_free((void *)(uintptr_t)why);
    assert_true(exists(".damaged"));
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
        assert_null(store_group_by_sid(s, s, &g.sid));
    }
    assert_true(store_put_group(s, &g));
    assert_non_null(store_group_by_sid(s, s, &g.sid));
    store_close(s);
}

static void
a_group_of_twenty_thousand_fits(void **state)
{
    enum { N = 20000 };
    struct store *s = open_store();
    struct store_group g = staff(), *got;
    const char **names = talloc_array(s, const char *, N);

    (void)state;
    for (unsigned i = 0; i < N; i++)
        names[i] = talloc_asprintf(names, "some.body.%05u", i);
    g.members = names;
    g.n_members = N;
    assert_true(store_put_group(s, &g));
    got = store_group_by_gid(s, s, g.gid);
    assert_non_null(got);
    assert_int_equal(got->n_members, N);
    assert_string_equal(got->members[0], "some.body.00000");
    assert_string_equal(got->members[N - 1], "some.body.19999");
    store_close(s);
}

static int
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

static int
remove_dir(void **state)
{
    (void)state;
    (void)umount2(dir, MNT_DETACH); /* of the full disk */
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_come_back_by_every_key_after_a_restart),
        TEST(groups_come_back_by_every_key_after_a_restart),
        TEST(what_was_never_learned_keeps_what_the_row_has),
        TEST(a_row_that_never_learned_has_none),
        TEST(names_and_ids_are_unique),
        TEST(a_name_means_the_canonical_one_first),
        TEST(impossible_rows_are_refused),
        TEST(facts_and_their_removal_are_kept),
        TEST(clearing_leaves_facts),
        TEST(domains_keep_their_order_for_ever),
        TEST(a_transaction_is_whole_or_not_at_all),
        TEST(a_page_limit_refuses_and_recovers),
        TEST(a_full_disk_refuses_and_recovers),
        TEST(a_writer_that_is_killed_leaves_whole_transactions),
        TEST(a_damaged_file_is_set_aside),
        TEST(damage_found_later_begins_a_new_file),
        TEST(damage_inside_a_transaction_fails_it),
        TEST(a_damaged_file_takes_its_wal_along),
        TEST(a_link_or_a_directory_in_its_place_is_set_aside),
        TEST(the_file_is_its_owners_alone),
        TEST(a_second_process_is_refused_and_harms_nothing),
        TEST(a_place_that_is_none_is_told),
        TEST(versions_upgrade_and_never_downgrade),
        TEST(somebody_elses_database_is_set_aside),
        TEST(a_malformed_row_is_not_used),
        TEST(a_group_of_twenty_thousand_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
