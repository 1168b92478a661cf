/* lib/store: a writer that is killed at each step of what it writes, in the middle of it, too. */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRANSACTIONS 6U
#define USERS 5U /* that each of them puts */
#define STEPS_MAX 2000U

/* Of the child: changes of files that are left until it is killed. */
static unsigned steps;
static bool halves; /* the last one is half done */

static void
step(void)
{
    if (--steps == 0)
        (void)kill(getpid(), SIGKILL);
}

static ssize_t
do_pwrite(int fd, const void *data, size_t n, off_t off)
{
    if (steps == 1 && halves && pwrite(fd, data, n / 2, off) < 0)
        _exit(1);
    step();
    return pwrite(fd, data, n, off);
}

static ssize_t
do_write(int fd, const void *data, size_t n)
{
    if (steps == 1 && halves && write(fd, data, n / 2) < 0)
        _exit(1);
    step();
    return write(fd, data, n);
}

static int
do_ftruncate(int fd, off_t len)
{
    step();
    return ftruncate(fd, len);
}

static int
do_unlink(const char *path)
{
    step();
    return unlink(path);
}

/* SQLite changes files by these alone. */
static void
count_steps(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)do_pwrite) != SQLITE_OK ||
        vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)do_pwrite) != SQLITE_OK ||
        vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)do_write) != SQLITE_OK ||
        vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)do_ftruncate) != SQLITE_OK ||
        vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)do_unlink) != SQLITE_OK)
        _exit(2);
}

/* The n-th transaction, from 1: users, and the number as a fact. */
static bool
put(struct store *s, uint32_t n)
{
    char name[32], text[16];

    (void)snprintf(text, sizeof(text), "%u", n);
    if (!store_begin(s))
        return false;
    for (uint32_t i = 0; i < USERS; i++) {
        struct store_user u = user_n(1000 + n * USERS + i, name);

        if (!store_put_user(s, &u))
            return false;
    }
    return store_put_fact(s, "n", text) && store_commit(s);
}

/* A store's whole life: made, written to, checkpointed in between, and closed. Tells each transaction that is done. */
static void
live(int fd)
{
    const char *why;
    struct store *s;

    count_steps();
    s = store_open(NULL, dir, &why);
    for (uint32_t n = 1; n <= TRANSACTIONS; n++) {
        if (s == NULL || !put(s, n) || write(fd, &n, sizeof(n)) != sizeof(n))
            _exit(3);
        if (n == TRANSACTIONS / 2)
            (void)sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    }
    store_close(s);
    _exit(0);
}

/* What is in the store: all of the transactions up to one, and nothing of those behind it. Gives that one. */
static uint32_t
whole_transactions(struct store *s)
{
    char *fact = store_fact(s, s, "n");
    uint32_t n = fact == NULL ? 0 : (uint32_t)strtoul(fact, NULL, 10);

    for (uint32_t i = 1; i <= TRANSACTIONS; i++) {
        for (uint32_t j = 0; j < USERS; j++) {
            struct store_user *u = stored_user(s, 1000 + i * USERS + j);

            assert_true((u != NULL) == (i <= n));
            talloc_free(u);
        }
    }
    return n;
}

/* Lives until the k-th step. False if there is no such step. */
static bool
killed_at(unsigned k)
{
    uint32_t told = 0, n;
    int fds[2], status;
    struct store *s;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        steps = k;
        live(fds[1]);
    }
    (void)close(fds[1]);
    while (read(fds[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
        told = n;
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(told, TRANSACTIONS);
    } else {
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }

    s = open_store();
    if (exists(".damaged"))
        fail_msg("killed at step %u: the store is taken for damaged", k);
    n = whole_transactions(s);
    if (n != told && n != told + 1)
        fail_msg("killed at step %u: %u transactions are there, %u were done", k, n, told);
    /* And it goes on from there. */
    assert_true(put(s, TRANSACTIONS));
    store_close(s);
    (void)unlink(path_of(""));
    (void)unlink(path_of("-wal"));
    return WIFSIGNALED(status);
}

static void
killed_at_each(bool half)
{
    unsigned k = 1;

    halves = half;
    while (k < STEPS_MAX && killed_at(k))
        k++;
    /* Making the tables, each transaction, both checkpoints. */
    assert_in_range(k, 8 * TRANSACTIONS, STEPS_MAX - 1);
}

static void
killed_before_each_step(void **state)
{
    (void)state;
    killed_at_each(false);
}

static void
killed_in_the_middle_of_each_step(void **state)
{
    (void)state;
    killed_at_each(true);
}

/* Leaves the last transactions in the WAL. */
static off_t
leave_a_wal(void)
{
    pid_t pid = fork();
    int status, fd;
    off_t len;

    assert_true(pid >= 0);
    if (pid == 0) {
        const char *why;
        struct store *s = store_open(NULL, dir, &why);

        for (uint32_t n = 1; n <= TRANSACTIONS; n++) {
            if (s == NULL || !put(s, n))
                _exit(1);
            if (n == TRANSACTIONS / 2)
                (void)sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
        }
        _exit(0); /* and does not close it */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fd = open(path_of("-wal"), O_RDONLY);
    assert_true(fd >= 0);
    len = lseek(fd, 0, SEEK_END);
    (void)close(fd);
    assert_true(len > 4096);
    return len;
}

/* Some bytes of it are others, or its end is missing: what was written before that is there. */
static void
a_damaged_wal_loses_its_end_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        bool cut = i % 2 == 0;
        off_t len = leave_a_wal(), at = len * (off_t)i / 40;
        char rubbish[100];
        struct store *s;
        uint32_t n;
        int fd = open(path_of("-wal"), O_WRONLY);

        memset(rubbish, 0xa5, sizeof(rubbish));
        if (cut)
            assert_int_equal(ftruncate(fd, at), 0);
        else
            assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), at), (ssize_t)sizeof(rubbish));
        assert_int_equal(close(fd), 0);

        s = open_store();
        assert_false(exists(".damaged"));
        n = whole_transactions(s);
        assert_in_range(n, TRANSACTIONS / 2, TRANSACTIONS);
        store_close(s);
        (void)unlink(path_of(""));
        (void)unlink(path_of("-wal"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_before_each_step),
        TEST(killed_in_the_middle_of_each_step),
        TEST(a_damaged_wal_loses_its_end_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
