/* lib/membership/replace: files that are replaced, one or several, and what is left of who died at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/membership/replace_journal.h"
#include "tests/unit/folder.h"

static int
setup(void **state)
{
    (void)state;
    return folder_begin() ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return folder_end() ? 0 : -1;
}

static void
assert_content(const char *path, const char *content)
{
    char buf[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
    (void)close(fd);
    assert_string_equal(buf, content);
}

static void
a_file_is_replaced_whole_or_not_at_all(void **state)
{
    struct replace r = REPLACE_NONE;
    const char *path = in_folder("file"), *link = in_folder("link");
    struct stat st;

    (void)state;
    replace_undo(&r);
    replace_keep(&r);
    assert_false(replace_begin(&r, in_folder("no/file")));
    assert_int_equal(r.fd, -1);
    /* A new one, taken back. */
    assert_true(replace_begin(&r, path) && write(r.fd, "one", 3) == 3);
    assert_true(access(path, F_OK) != 0 && replace_commit(&r, 0600));
    assert_content(path, "one");
    replace_undo(&r);
    assert_true(access(path, F_OK) != 0);
    /* A new one, kept. */
    assert_true(replace_begin(&r, path) && write(r.fd, "one", 3) == 3 && replace_commit(&r, 0640));
    replace_keep(&r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    /* Given up before it counts, and after; through a link, which stays one. */
    assert_int_equal(symlink(path, link), 0);
    assert_true(replace_begin(&r, link) && write(r.fd, "two", 3) == 3);
    replace_undo(&r);
    assert_content(path, "one");
    assert_true(replace_begin(&r, link) && write(r.fd, "two", 3) == 3 && replace_commit(&r, 0600));
    assert_content(path, "two");
    replace_undo(&r);
    assert_content(path, "one");
    assert_true(replace_begin(&r, link) && write(r.fd, "two", 3) == 3 && replace_commit(&r, 0600));
    replace_keep(&r);
    assert_content(path, "two");
    assert_true(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    /* Nothing else is left: the folder can be removed at the end. */
    assert_int_equal(unlink(path) | unlink(link), 0);
}

static void
files_are_replaced_with_their_mode_and_swept(void **state)
{
    char path[80];
    struct replace killed;
    struct stat st;

    (void)state;
    (void)strcpy(path, in_folder("file"));
    assert_true(replace_bytes(path, "one", 3, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(replace_bytes(path, "three", 5, &st));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(folder_count(), 1);
    assert_false(replace_bytes(in_folder("none/file"), "x", 1, NULL));
    /* What somebody who was killed has left, and what only looks like it. */
    assert_true(replace_begin(&killed, path));
    (void)close(killed.fd);
    assert_true(replace_bytes(in_folder(".file.0123456789abcde"), "x", 1, NULL));
    assert_true(replace_bytes(in_folder(".file2.0123456789abcdef"), "x", 1, NULL));
    assert_int_equal(folder_count(), 4);
    replace_sweep(path);
    assert_int_equal(folder_count(), 3);
    assert_int_equal(unlink(in_folder(".file.0123456789abcde")) | unlink(in_folder(".file2.0123456789abcdef")), 0);
    assert_int_equal(unlink(path), 0);
}

static void
put(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content) && close(fd) == 0);
}

/* A child that dies in the midst of it. */
static void
die_at(void (*work)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
begin_and_die(void)
{
    struct replace r = REPLACE_NONE;

    if (!replace_begin(&r, in_folder("file")) || write(r.fd, "new", 3) != 3)
        _exit(1);
}

static void
commit_and_die(void)
{
    struct replace r = REPLACE_NONE;

    if (!replace_begin(&r, in_folder("file")) || write(r.fd, "new", 3) != 3 || !replace_commit(&r, 0600))
        _exit(1);
}

static void
what_a_dead_one_has_left_is_removed(void **state)
{
    struct replace r = REPLACE_NONE;

    (void)state;
    put(in_folder("file"), "old");
    die_at(begin_and_die);
    assert_int_equal(folder_count(), 2);
    assert_true(replace_begin(&r, in_folder("file")));
    assert_int_equal(folder_count(), 2);
    replace_undo(&r);
    assert_content(in_folder("file"), "old");
    /* Another name of the old file is left. */
    die_at(commit_and_die);
    assert_int_equal(folder_count(), 2);
    replace_sweep(in_folder("file"));
    assert_int_equal(folder_count(), 1);
    assert_content(in_folder("file"), "new");
    assert_int_equal(unlink(in_folder("file")), 0);
}

static void
what_somebody_is_at_is_left_alone(void **state)
{
    static const char *const others[] = { ".file.0123456789abcde", ".file.0123456789abcdef0", ".file.0123456789abcdeg",
                                          ".life.0123456789abcdef", "file.0123456789abcdef", ".file0123456789abcdef",
                                          ".file.0123456789ABCDEF" };
    struct replace a = REPLACE_NONE, b = REPLACE_NONE;

    (void)state;
    put(in_folder("file"), "old");
    assert_true(replace_begin(&a, in_folder("file")) && write(a.fd, "a", 1) == 1);
    assert_true(replace_begin(&b, in_folder("file")));
    assert_int_equal(folder_count(), 3);
    /* One that counts already and may still be taken back. */
    assert_true(replace_commit(&a, 0600));
    assert_int_equal(folder_count(), 3);
    replace_sweep(in_folder("file"));
    assert_int_equal(folder_count(), 3);
    replace_undo(&b);
    replace_undo(&a);
    assert_content(in_folder("file"), "old");
    assert_int_equal(folder_count(), 1);
    /* Names that are not ours, and what is no file. */
    assert_int_equal(symlink("file", in_folder(".file.1123456789abcdef")), 0);
    assert_int_equal(mkdir(in_folder(".file.2123456789abcdef"), 0700), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        put(in_folder(others[i]), "x");
    replace_sweep(in_folder("file"));
    assert_int_equal(folder_count(), 3 + sizeof(others) / sizeof(others[0]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(unlink(in_folder(others[i])), 0);
    assert_int_equal(unlink(in_folder(".file.1123456789abcdef")) | rmdir(in_folder(".file.2123456789abcdef")) |
                         unlink(in_folder("file")),
                     0);
}

/* After how many files that have their names the child dies; -1: before the journal. */
static int deaths;
/* How many of the two are needed. */
static size_t needed = 2;
/* What journal_finish says is gone. */
static char gone[PATH_MAX];

static void
replace_both_and_die(void)
{
    struct replace a = REPLACE_NONE, b = REPLACE_NONE, j = REPLACE_NONE;
    struct replace *const both[] = { &a, &b };

    if (!replace_begin(&a, in_folder("a")) || write(a.fd, "new a", 5) != 5 || !replace_ready(&a, 0600) ||
        !replace_begin(&b, in_folder("b")) || write(b.fd, "new b", 5) != 5 || !replace_ready(&b, 0640))
        _exit(1);
    if (deaths < 0)
        _exit(0);
    if (!journal_begin(&j, in_folder("journal"), both, 2, needed) || (deaths > 0 && !replace_commit(&a, 0600)) ||
        (deaths > 1 && !replace_commit(&b, 0640)))
        _exit(1);
}

static void
several_files_are_replaced_together(void **state)
{
    struct stat st;

    (void)state;
    for (deaths = -1; deaths <= 2; deaths++) {
        put(in_folder("a"), "old a");
        (void)unlink(in_folder("b"));
        die_at(replace_both_and_die);
        assert_int_equal(journal_finish(in_folder("journal"), gone), deaths < 0 ? JOURNAL_NONE : JOURNAL_FINISHED);
        assert_content(in_folder("a"), deaths < 0 ? "old a" : "new a");
        if (deaths >= 0) {
            assert_content(in_folder("b"), "new b");
            assert_true(stat(in_folder("b"), &st) == 0 && (st.st_mode & 07777) == 0640);
            /* Nothing is left beside the two. */
            assert_int_equal(folder_count(), 2);
        }
        replace_sweep(in_folder("a"));
        replace_sweep(in_folder("b"));
        assert_int_equal(journal_finish(in_folder("journal"), gone), JOURNAL_NONE);
    }
    assert_int_equal(unlink(in_folder("a")) | unlink(in_folder("b")), 0);
}

#define FRESH "/etc/.b.0123456789abcdef"

static void
malformed_journals_are_refused(void **state)
{
    static const struct {
        const char *fresh, *path;
        bool good;
    } cases[] = {
        { FRESH, "/etc/b", true },
        { "/etc/.b.0123456789abcde", "/etc/b", false },
        { "/etc/.b.0123456789abcdeF", "/etc/b", false },
        { "/etc/.b.0123456789abcdef/", "/etc/b", false },
        { "/tmp/.b.0123456789abcdef", "/etc/b", false },
        { "/etc/x/.b.0123456789abcdef", "/etc/b", false },
        { "/etc/shadow", "/etc/b", false },
        { FRESH, "/etc/shadow", false },
        { FRESH, "", false },
        { FRESH, "b", false },
        { ".b.0123456789abcdef", "b", false },
        { "/etc/..0123456789abcdef", "/etc/", false },
        { "", "/etc/b", false },
    };
    static uint8_t bytes[JOURNAL_BYTES_MAX];
    static struct journal j;

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const bool good = cases[i / 2].good, earlier = i % 2 != 0;
        struct writer w = writer_init(bytes, sizeof(bytes));

        writer_bytes(&w, earlier ? "authsodj" : "authsodk", 8);
        writer_u32(&w, 1);
        if (!earlier)
            writer_u32(&w, 1);
        writer_str(&w, cases[i / 2].fresh);
        writer_str(&w, cases[i / 2].path);
        if (!earlier)
            writer_u64(&w, 131072);
        if (journal_decode(bytes, w.len, &j) != good)
            fail_msg("%s, %s", cases[i / 2].fresh, cases[i / 2].path);
        if (good)
            assert_true(j.n == 1 && j.n_needed == !earlier && j.files[0].inode == (earlier ? 0 : 131072));
        for (size_t len = 0; len < w.len; len++)
            assert_false(journal_decode(bytes, len, &j));
        writer_u8(&w, 0);
        assert_false(journal_decode(bytes, w.len, &j));
        for (size_t k = 0; !earlier && k < 3; k += 2) {
            bytes[12] = (uint8_t)k;
            assert_false(journal_decode(bytes, w.len - 1, &j));
        }
        bytes[12] = earlier ? bytes[12] : 1;
        bytes[8] = JOURNAL_FILES_MAX + 1;
        assert_false(journal_decode(bytes, w.len - 1, &j));
        bytes[8] = 0;
        assert_false(journal_decode(bytes, w.len - 1, &j));
        bytes[8] = 1;
        bytes[7] = 'l';
        assert_false(journal_decode(bytes, w.len - 1, &j));
    }
}

/* A file of that kind beside the path, its name in out. */
static void
find_beside(const char *name, char out[static 64])
{
    DIR *d = opendir(in_folder("."));

    assert_non_null(d);
    out[0] = '\0';
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strncmp(e->d_name + 1, name, strlen(name)) == 0 && e->d_name[0] == '.')
            (void)snprintf(out, 64, "%s", in_folder(e->d_name));
    }
    (void)closedir(d);
    assert_string_not_equal(out, "");
}

static void
a_file_that_is_lost_is_no_success(void **state)
{
    char fresh[64], held[64];

    (void)state;
    (void)snprintf(held, sizeof(held), "%s", in_folder("held"));
    for (deaths = 0; deaths <= 1; deaths++) {
        put(in_folder("a"), "old a");
        put(in_folder("b"), "old b");
        die_at(replace_both_and_die);
        find_beside("b.", fresh);
        assert_int_equal(rename(fresh, held), 0);
        for (int other = 0; other <= 1; other++) {
            assert_int_equal(journal_finish(in_folder("journal"), gone), JOURNAL_LOST);
            assert_string_equal(gone, fresh);
            assert_content(in_folder("a"), deaths == 0 ? "old a" : "new a");
            assert_content(in_folder("b"), "old b");
            assert_int_equal(access(in_folder("journal"), F_OK), 0);
            /* Another file under its name is not it. */
            if (other == 0)
                put(fresh, "false");
        }
        assert_int_equal(rename(held, fresh), 0);
        assert_int_equal(journal_finish(in_folder("journal"), gone), JOURNAL_FINISHED);
        assert_content(in_folder("a"), "new a");
        assert_content(in_folder("b"), "new b");
        assert_int_equal(unlink(in_folder("a")) | unlink(in_folder("b")), 0);
        assert_int_equal(folder_count(), 0);
    }
}

static void
what_is_not_needed_may_be_lost(void **state)
{
    char fresh[64], held[64];

    (void)state;
    (void)snprintf(held, sizeof(held), "%s", in_folder("held"));
    needed = 1;
    for (deaths = 0; deaths <= 1; deaths++) {
        for (int other = 0; other <= 1; other++) {
            put(in_folder("a"), "old a");
            put(in_folder("b"), "old b");
            die_at(replace_both_and_die);
            find_beside("b.", fresh);
            assert_int_equal(rename(fresh, held), 0);
            if (other)
                put(fresh, "false");
            assert_int_equal(journal_finish(in_folder("journal"), gone), JOURNAL_FINISHED);
            assert_content(in_folder("a"), "new a");
            assert_content(in_folder("b"), "old b");
            assert_int_equal(unlink(in_folder("a")) | unlink(in_folder("b")) | unlink(held), 0);
            assert_int_equal(folder_count(), 0);
        }
    }
    needed = 2;
}

/* In place of the one that is there: the same, as it was written before inodes were. */
static void
write_earlier(const char *path)
{
    static const char *const names[] = { "a", "b" };
    uint8_t now[512], before[512];
    struct writer w = writer_init(before, sizeof(before));
    int fd = open(path, O_RDWR);
    static struct journal j;
    ssize_t n = read(fd, now, sizeof(now));

    assert_true(n > 0 && journal_decode(now, (size_t)n, &j) && j.n == 2);
    writer_bytes(&w, "authsodj", 8);
    writer_u32(&w, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(j.files[i].path, in_folder(names[i]));
        writer_str(&w, j.files[i].fresh);
        writer_str(&w, j.files[i].path);
    }
    assert_int_equal(pwrite(fd, before, w.len, 0), (ssize_t)w.len);
    assert_int_equal(ftruncate(fd, (off_t)w.len) | close(fd), 0);
}

/* An update of the package comes in between. */
static void
a_journal_of_an_earlier_version_is_finished(void **state)
{
    (void)state;
    for (deaths = 0; deaths <= 2; deaths++) {
        put(in_folder("a"), "old a");
        put(in_folder("b"), "old b");
        die_at(replace_both_and_die);
        write_earlier(in_folder("journal"));
        assert_int_equal(journal_finish(in_folder("journal"), gone), JOURNAL_FINISHED);
        assert_content(in_folder("a"), "new a");
        assert_content(in_folder("b"), "new b");
        assert_int_equal(unlink(in_folder("a")) | unlink(in_folder("b")), 0);
        assert_int_equal(folder_count(), 0);
    }
}

/* Who can write it says what takes which name: nobody else may. */
static void
a_journal_of_others_is_not_followed(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s", in_folder("journal"));
    deaths = 2; /* all is done but for the end */
    die_at(replace_both_and_die);
    assert_int_equal(chmod(path, 0622), 0);
    assert_int_equal(journal_finish(path, gone), JOURNAL_FAILED);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(rename(path, in_folder("else")) | symlink("else", path), 0);
    assert_int_equal(journal_finish(path, gone), JOURNAL_FAILED);
    assert_int_equal(unlink(path) | rename(in_folder("else"), path), 0);
    assert_int_equal(journal_finish(path, gone), JOURNAL_FINISHED);
    assert_int_equal(unlink(in_folder("a")) | unlink(in_folder("b")), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(files_are_replaced_with_their_mode_and_swept),
        cmocka_unit_test(what_a_dead_one_has_left_is_removed),
        cmocka_unit_test(what_somebody_is_at_is_left_alone),
        cmocka_unit_test(several_files_are_replaced_together),
        cmocka_unit_test(a_file_that_is_lost_is_no_success),
        cmocka_unit_test(what_is_not_needed_may_be_lost),
        cmocka_unit_test(a_journal_of_an_earlier_version_is_finished),
        cmocka_unit_test(malformed_journals_are_refused),
        cmocka_unit_test(a_journal_of_others_is_not_followed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
