/* lib/cached: which certificates the domain took for whom, in files that may be damaged, or somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cached/cached.h"

#define NOW 1767225600
#define HOUR 3600
#define DAY 86400
#define LEFT_OVER ".new.0123456789abcdef"
#define FILE_MAX 70000

static const struct sid alice = { .n_subs = 5, .authority = 5, .subs = { 21, 1, 2, 3, 1104 } },
                        bob = { .n_subs = 5, .authority = 5, .subs = { 21, 1, 2, 3, 1105 } };
#define ALICE "S-1-5-21-1-2-3-1104"
#define BOB "S-1-5-21-1-2-3-1105"

static char dir[32];
static int folder;
static TALLOC_CTX *mem;

static int
setup(void **state)
{
    (void)state;
    (void)strcpy(dir, "/tmp/authsod-cached-XXXXXX");
    mem = talloc_new(NULL);
    if (mem == NULL || mkdtemp(dir) == NULL)
        return -1;
    folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? -1 : 0;
}

/* How many entries there are; remove: and are no more. */
static size_t
count_files(bool remove)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    size_t n = 0;

    assert_non_null(d);
    for (e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        if (remove && unlinkat(folder, e->d_name, 0) != 0)
            assert_int_equal(unlinkat(folder, e->d_name, AT_REMOVEDIR), 0);
    }
    (void)closedir(d);
    return n;
}

static int
teardown(void **state)
{
    (void)state;
    (void)count_files(true);
    (void)close(folder);
    TALLOC_FREE(mem);
    return rmdir(dir);
}

/* A certificate of one letter. */
static bool
take(const struct sid *user, const char *letter, int64_t now)
{
    return cached_take(folder, user, (const uint8_t *)letter, 1, now);
}

static bool
forget(const struct sid *user, const char *letter)
{
    uint8_t hash[CACHED_HASH_BYTES];

    assert_int_equal(EVP_Digest(letter, 1, hash, NULL, EVP_sha256(), NULL), 1);
    return cached_forget(folder, user, hash);
}

/* The certificates' letters, in order; "" with errno where nothing is known. */
static const char *
known(const struct sid *user)
{
    static char letters[CACHED_CARDS_MAX + 1];
    struct cached_cards *cards;

    memset(letters, 0, sizeof(letters));
    errno = 0;
    cards = cached_read(folder, mem, user);
    for (uint32_t i = 0; cards != NULL && i < cards->n; i++) {
        assert_int_equal(cards->cards[i].der_len, 1);
        letters[i] = (char)cards->cards[i].der[0];
    }
    return letters;
}

static void
assert_unknown(const struct sid *user, int error)
{
    assert_string_equal(known(user), "");
    assert_int_equal(errno, error);
}

static int64_t
first_taken(const struct sid *user)
{
    struct cached_cards *cards = cached_read(folder, mem, user);

    assert_non_null(cards);
    return cards->cards[0].taken;
}

static void
put_bytes(const char *name, const void *bytes, size_t len)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

static size_t
get_bytes(const char *name, uint8_t bytes[static FILE_MAX])
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, bytes, FILE_MAX);
    assert_true(n > 0 && n < FILE_MAX);
    (void)close(fd);
    return (size_t)n;
}

/* From a copy of exactly that many bytes, so that a sanitizer sees a read past them. */
static bool
accepted(const struct sid *user, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    struct cached_cards *cards;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    errno = 0;
    cards = cached_parse(mem, user, copy, len);
    free(copy);
    if (cards == NULL)
        assert_int_equal(errno, EBADMSG);
    talloc_free(cards);
    return cards != NULL;
}

static ino_t
inode(const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    return st.st_ino;
}

static void
the_last_one_comes_first(void **state)
{
    (void)state;
    assert_unknown(&alice, ENOENT);
    assert_true(take(&alice, "a", NOW));
    assert_string_equal(known(&alice), "a");
    assert_int_equal(first_taken(&alice), NOW);
    assert_true(take(&alice, "b", NOW + 1));
    assert_string_equal(known(&alice), "ba");
    assert_true(take(&alice, "a", NOW + 2));
    assert_string_equal(known(&alice), "ab");
    assert_true(take(&alice, "c", NOW + 3) && take(&alice, "d", NOW + 4));
    assert_string_equal(known(&alice), "dcab");
    /* The fifth. */
    assert_true(take(&alice, "e", NOW + 5));
    assert_string_equal(known(&alice), "edca");
    assert_true(take(&alice, "a", NOW + 6));
    assert_string_equal(known(&alice), "aedc");
    /* Another user's. */
    assert_unknown(&bob, ENOENT);
    assert_true(take(&bob, "a", NOW));
    assert_string_equal(known(&bob), "a");
    assert_string_equal(known(&alice), "aedc");
    assert_int_equal(count_files(false), 2);
}

static void
times_and_bytes_are_kept(void **state)
{
    static uint8_t big[CACHED_CARDS_MAX][CACHED_CERTIFICATE_MAX + 1];
    struct cached_cards *cards;

    (void)state;
    for (size_t i = 0; i < CACHED_CARDS_MAX; i++) {
        memset(big[i], (int)i, sizeof(big[i]));
        assert_true(cached_take(folder, &alice, big[i], CACHED_CERTIFICATE_MAX, NOW + (int64_t)i));
    }
    cards = cached_read(folder, mem, &alice);
    assert_non_null(cards);
    assert_int_equal(cards->n, CACHED_CARDS_MAX);
    for (size_t i = 0; i < CACHED_CARDS_MAX; i++) {
        size_t from = CACHED_CARDS_MAX - 1 - i;

        assert_int_equal(cards->cards[i].taken, NOW + from);
        assert_int_equal(cards->cards[i].der_len, CACHED_CERTIFICATE_MAX);
        assert_memory_equal(cards->cards[i].der, big[from], CACHED_CERTIFICATE_MAX);
    }
    assert_false(cached_take(folder, &alice, big[0], CACHED_CERTIFICATE_MAX + 1, NOW));
    assert_int_equal(errno, EINVAL);
    assert_false(cached_take(folder, &alice, big[0], 0, NOW));
    assert_false(take(&alice, "a", -1));
    assert_int_equal(errno, EINVAL);
    assert_true(take(&bob, "a", INT64_MAX));
    assert_int_equal(first_taken(&bob), INT64_MAX);
    /* Any name that a SID has. */
    assert_true(take(&(struct sid){ .authority = 0xffffffffffff, .n_subs = SID_SUBS_MAX }, "a", NOW));
    assert_string_equal(known(&(struct sid){ .authority = 0xffffffffffff, .n_subs = SID_SUBS_MAX }), "a");
}

static void
within_an_hour_nothing_is_written(void **state)
{
    ino_t before;

    (void)state;
    assert_true(take(&alice, "a", NOW));
    before = inode(ALICE);
    assert_true(take(&alice, "a", NOW + HOUR - 1));
    assert_true(inode(ALICE) == before && first_taken(&alice) == NOW);
    assert_true(take(&alice, "a", NOW + HOUR));
    assert_true(inode(ALICE) != before && first_taken(&alice) == NOW + HOUR);
    /* Another one, at once; and that which was first before. */
    assert_true(take(&alice, "b", NOW + HOUR));
    assert_true(take(&alice, "a", NOW + HOUR));
    assert_string_equal(known(&alice), "ab");
    /* The clock was set back. */
    assert_true(take(&alice, "a", NOW));
    assert_int_equal(first_taken(&alice), NOW);
    assert_string_equal(known(&alice), "ab");
    assert_int_equal(count_files(false), 1);
}

static void
what_is_forgotten(void **state)
{
    (void)state;
    assert_true(forget(&alice, "a"));
    assert_true(cached_forget(folder, &alice, NULL));
    assert_true(take(&alice, "a", NOW) && take(&alice, "b", NOW + 1) && take(&alice, "c", NOW + 2));
    assert_true(take(&bob, "a", NOW));
    assert_true(forget(&alice, "d"));
    assert_string_equal(known(&alice), "cba");
    assert_true(forget(&alice, "b"));
    assert_string_equal(known(&alice), "ca");
    assert_int_equal(first_taken(&alice), NOW + 2);
    assert_true(forget(&alice, "c"));
    assert_string_equal(known(&alice), "a");
    assert_true(forget(&alice, "a"));
    assert_unknown(&alice, ENOENT);
    assert_int_equal(count_files(false), 1);
    assert_true(take(&alice, "a", NOW) && take(&alice, "b", NOW));
    assert_true(cached_forget(folder, &alice, NULL));
    assert_unknown(&alice, ENOENT);
    assert_string_equal(known(&bob), "a");
    /* A damaged file says nothing, and goes. */
    put_bytes(ALICE, "damaged", 7);
    assert_true(forget(&alice, "a"));
    assert_int_equal(count_files(false), 1);
    /* What cannot be removed is told. */
    assert_int_equal(mkdirat(folder, ALICE, 0700), 0);
    assert_false(forget(&alice, "a"));
    assert_int_equal(errno, EISDIR);
    assert_false(cached_forget(folder, &alice, NULL));
}

static void
what_is_of_no_use_any_more(void **state)
{
    static const char *const others[] = {
        "notes", ".new.", ".new.0123456789abcdeg", ".new.0123456789abcdef0", ".new.0123456789abcdef~",
        "S-1-5-021-1-2-3-1104", "S-1-5-21-1-2-3-1104~", "S-1-0x000000000005-21-1-2-3-1104", "s-1-5-21-1-2-3-1104",
    };
    const size_t n = sizeof(others) / sizeof(others[0]);

    (void)state;
    for (size_t i = 0; i < n; i++)
        put_bytes(others[i], "a", 1);
    assert_true(take(&alice, "a", NOW - 2 * DAY) && take(&bob, "a", NOW - 3 * DAY));
    assert_true(take(&bob, "b", NOW - DAY));
    put_bytes(LEFT_OVER, "a", 1);
    assert_true(cached_expire(folder, NOW - 2 * DAY));
    assert_int_equal(count_files(false), n + 2);
    assert_true(cached_expire(folder, NOW - 2 * DAY + 1));
    assert_unknown(&alice, ENOENT);
    assert_string_equal(known(&bob), "ba");
    /* The last one counts, wherever it is. */
    assert_true(take(&bob, "a", NOW - 9 * DAY));
    assert_true(cached_expire(folder, NOW - DAY));
    assert_string_equal(known(&bob), "ab");
    put_bytes(BOB, "damaged", 7);
    assert_true(cached_expire(folder, 0));
    assert_int_equal(count_files(false), n);
    /* What cannot be removed is told, and hinders nothing. */
    assert_int_equal(mkdirat(folder, ALICE, 0700), 0);
    assert_true(take(&bob, "a", NOW - DAY));
    assert_false(cached_expire(folder, NOW));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(count_files(false), n + 1);
    assert_false(cached_expire(-1, NOW));
    assert_int_equal(errno, EBADF);
}

static void
no_damage_is_accepted(void **state)
{
    static uint8_t bytes[FILE_MAX];
    size_t n;

    (void)state;
    assert_true(take(&alice, "a", NOW) && take(&alice, "b", NOW));
    n = get_bytes(ALICE, bytes);
    assert_true(accepted(&alice, bytes, n));
    assert_false(accepted(&bob, bytes, n));
    for (size_t i = 0; i < n; i++) {
        assert_false(accepted(&alice, bytes, i));
        put_bytes(ALICE, bytes, i);
        assert_unknown(&alice, EBADMSG);
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1U << bit);
            assert_false(accepted(&alice, bytes, n));
            bytes[i] ^= (uint8_t)(1U << bit);
        }
        bytes[i] ^= 0xff;
        put_bytes(ALICE, bytes, n);
        assert_unknown(&alice, EBADMSG);
        bytes[i] ^= 0xff;
    }
    bytes[n] = 0;
    assert_false(accepted(&alice, bytes, n + 1));
    put_bytes(ALICE, bytes, FILE_MAX);
    assert_unknown(&alice, EBADMSG);
    /* Two users' files are not to be exchanged. */
    put_bytes(BOB, bytes, n);
    assert_unknown(&bob, EBADMSG);
    put_bytes(ALICE, bytes, n);
    assert_string_equal(known(&alice), "ba");
    /* It is begun anew. */
    assert_true(take(&bob, "c", NOW));
    assert_string_equal(known(&bob), "c");
}

/* Whole, hash included, but for one thing. */
static void
malformed_files(void **state)
{
    static const struct {
        const char *magic, *sid, *certificates;
        uint64_t taken;
        uint32_t version, n, length; /* length 0: as it is; UINT32_MAX: none */
        size_t behind;
        bool good;
    } cases[] = {
        { "authsodc", ALICE, "a", NOW, 1, 1, 0, 0, true },
        { "authsodc", ALICE, "a", INT64_MAX, 1, 1, 0, 0, true },
        { "authsodc", ALICE, "abcd", NOW, 1, 4, 0, 0, true },
        { "authsodj", ALICE, "a", NOW, 1, 1, 0, 0, false },
        { "authsodc", BOB, "a", NOW, 1, 1, 0, 0, false },
        { "authsodc", "S-1-0x000000000005-21-1-2-3-1104", "a", NOW, 1, 1, 0, 0, false },
        { "authsodc", "", "a", NOW, 1, 1, 0, 0, false },
        { "authsodc", ALICE, "a", (uint64_t)INT64_MAX + 1, 1, 1, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 0, 1, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 2, 1, 0, 0, false },
        { "authsodc", ALICE, "", NOW, 1, 0, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 0, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 2, 0, 0, false },
        { "authsodc", ALICE, "ab", NOW, 1, 1, 0, 0, false },
        { "authsodc", ALICE, "abcde", NOW, 1, 5, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, UINT32_MAX, 0, 0, false },
        { "authsodc", ALICE, "aa", NOW, 1, 2, 0, 0, false },
        { "authsodc", ALICE, "aba", NOW, 1, 3, 0, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, UINT32_MAX, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, 2, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, 0xfffffff0, 0, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, CACHED_CERTIFICATE_MAX, CACHED_CERTIFICATE_MAX - 1, true },
        { "authsodc", ALICE, "a", NOW, 1, 1, CACHED_CERTIFICATE_MAX + 1, CACHED_CERTIFICATE_MAX, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, 0, 1, false },
        { "authsodc", ALICE, "a", NOW, 1, 1, 0, 65536, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static uint8_t bytes[2 * FILE_MAX];
        struct writer w = writer_init(bytes, sizeof(bytes) - CACHED_HASH_BYTES);

        memset(bytes, 0, sizeof(bytes));
        writer_bytes(&w, cases[i].magic, 8);
        writer_u32(&w, cases[i].version);
        writer_str(&w, cases[i].sid);
        writer_u32(&w, cases[i].n);
        for (const char *c = cases[i].certificates; *c != '\0'; c++) {
            writer_u64(&w, cases[i].taken);
            writer_u32(&w, cases[i].length == 0 ? 1 : cases[i].length == UINT32_MAX ? 0 : cases[i].length);
            writer_bytes(&w, c, cases[i].length == UINT32_MAX ? 0 : 1);
        }
        w.len += cases[i].behind;
        assert_int_equal(EVP_Digest(bytes, w.len, bytes + w.len, NULL, EVP_sha256(), NULL), 1);
        if (accepted(&alice, bytes, w.len + CACHED_HASH_BYTES) != cases[i].good)
            fail_msg("case %zu", i);
    }
}

/* A good file's bytes count only where nobody else could have written them. */
static void
files_of_others(void **state)
{
    static uint8_t bytes[FILE_MAX];
    static const mode_t bad[] = { 0620, 0602, 0666 };
    size_t n;

    (void)state;
    assert_true(take(&alice, "a", NOW));
    n = get_bytes(ALICE, bytes);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(fchmodat(folder, ALICE, bad[i], 0), 0);
        assert_unknown(&alice, EBADMSG);
    }
    assert_int_equal(fchmodat(folder, ALICE, 0644, 0), 0);
    assert_string_equal(known(&alice), "a");
    if (geteuid() == 0) {
        assert_int_equal(fchownat(folder, ALICE, 12345, (gid_t)-1, 0), 0);
        assert_unknown(&alice, EBADMSG);
        /* The first one that is of this user has all that the other's said forgotten. */
        assert_true(take(&alice, "b", NOW));
        assert_string_equal(known(&alice), "b");
        (void)inode(ALICE);
    } else {
        print_message("not root: nobody else's file can be made\n");
    }
    /* A link, to a good one or to nothing. */
    assert_int_equal(unlinkat(folder, ALICE, 0), 0);
    put_bytes("good", bytes, n);
    assert_int_equal(symlinkat("good", folder, ALICE), 0);
    assert_unknown(&alice, EBADMSG);
    assert_true(take(&alice, "b", NOW));
    assert_string_equal(known(&alice), "b");
    (void)inode(ALICE);
    assert_int_equal(get_bytes("good", bytes), n);
    assert_int_equal(unlinkat(folder, ALICE, 0), 0);
    assert_int_equal(symlinkat("nothing", folder, ALICE), 0);
    assert_unknown(&alice, EBADMSG);
}

static void
what_is_no_file(void **state)
{
    (void)state;
    /* Nobody writes to it: who opened it as a file would wait. */
    assert_int_equal(mkfifoat(folder, ALICE, 0600), 0);
    assert_unknown(&alice, EBADMSG);
    assert_true(take(&alice, "a", NOW));
    assert_string_equal(known(&alice), "a");
    (void)inode(ALICE);
    assert_int_equal(unlinkat(folder, ALICE, 0), 0);
    assert_int_equal(mkdirat(folder, ALICE, 0700), 0);
    assert_unknown(&alice, EBADMSG);
    assert_false(take(&alice, "a", NOW));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(count_files(false), 1);
    /* The folder is none, or gone. */
    assert_false(cached_take(-1, &bob, (const uint8_t *)"a", 1, NOW));
    assert_int_equal(errno, EBADF);
    assert_null(cached_read(-1, mem, &bob));
    assert_int_equal(errno, EBADF);
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Room for some bytes of a file, as on a disk that is full. */
static void
without_room(void **state)
{
    bool taken, forgotten;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_true(take(&alice, "a", NOW) && take(&alice, "b", NOW));
    limit_files(16);
    taken = take(&alice, "c", NOW) || take(&bob, "a", NOW);
    limit_files(0);
    assert_false(taken);
    assert_string_equal(known(&alice), "ba");
    assert_unknown(&bob, ENOENT);
    assert_int_equal(count_files(false), 1);
    limit_files(16);
    taken = take(&bob, "a", NOW);
    assert_int_equal(errno, EFBIG);
    forgotten = forget(&alice, "b");
    limit_files(0);
    assert_false(taken);
    /* What is to be forgotten is, at that price. */
    assert_true(forgotten);
    assert_unknown(&alice, ENOENT);
    assert_int_equal(count_files(false), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
}

static struct sid
user_number(uint32_t n)
{
    struct sid user = alice;

    user.subs[4] = 10000 + n;
    return user;
}

static void
more_users_than_there_is_room_for(void **state)
{
    const struct sid last = user_number(CACHED_USERS_MAX);
    struct sid user;

    (void)state;
    put_bytes("notes", "a", 1);
    put_bytes(LEFT_OVER, "a", 1);
    for (uint32_t i = 0; i < CACHED_USERS_MAX; i++) {
        user = user_number(i);
        assert_true(take(&user, "a", i == 77 ? NOW - DAY : NOW));
    }
    assert_int_equal(count_files(false), CACHED_USERS_MAX + 2);
    /* The newest one has the earliest time, because the clock was set back; it stays. */
    assert_true(take(&last, "a", NOW - 9 * DAY));
    assert_int_equal(count_files(false), CACHED_USERS_MAX + 2);
    assert_string_equal(known(&last), "a");
    user = user_number(77);
    assert_unknown(&user, ENOENT);
    /* Damaged ones go first. */
    user = user_number(500);
    put_bytes("S-1-5-21-1-2-3-10500", "damaged", 7);
    assert_true(take(&alice, "a", NOW));
    assert_unknown(&user, ENOENT);
    assert_string_equal(known(&last), "a");
    /* Who is there already takes no other's place. */
    assert_true(take(&alice, "b", NOW));
    assert_int_equal(count_files(false), CACHED_USERS_MAX + 2);
    /* Several at once, if there are so many. */
    put_bytes("S-1-5-21-1-2-3-1", "damaged", 7);
    put_bytes("S-1-5-21-1-2-3-2", "damaged", 7);
    assert_true(take(&bob, "a", NOW));
    assert_int_equal(count_files(false), CACHED_USERS_MAX + 2);
    assert_unknown(&last, ENOENT);
    assert_string_equal(known(&alice), "ba");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_last_one_comes_first), T(times_and_bytes_are_kept), T(within_an_hour_nothing_is_written),
        T(what_is_forgotten), T(what_is_of_no_use_any_more), T(no_damage_is_accepted), T(malformed_files),
        T(files_of_others), T(what_is_no_file), T(without_room), T(more_users_than_there_is_room_for),
    };

    return cmocka_run_group_tests_name("cached", tests, NULL, NULL);
}
