/* lib/base: the bounded reader and writer, secrets, the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/base/wait.h"
#include "lib/base/word.h"

static void
reads_what_was_written(void **state)
{
    uint8_t bytes[64];
    char text[8];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct reader r;

    (void)state;
    writer_u8(&w, 0xfe);
    writer_u16(&w, 0x1234);
    writer_u32(&w, 0xdeadbeef);
    writer_u64(&w, 0x0123456789abcdef);
    writer_str(&w, "alice");
    writer_patch_u32(&w, 3, 7);
    assert_true(writer_ok(&w));
    r = reader_init(bytes, w.len);
    assert_int_equal(reader_u8(&r), 0xfe);
    assert_int_equal(reader_u16(&r), 0x1234);
    assert_int_equal(reader_u32(&r), 7);
    assert_true(reader_u64(&r) == 0x0123456789abcdef);
    assert_true(reader_str_copy(&r, text, sizeof(text)));
    assert_string_equal(text, "alice");
    assert_true(reader_done(&r));
}

static void
every_cut_fails_and_stays_failed(void **state)
{
    uint8_t bytes[] = { 1, 2, 0, 0, 0, 'a', 'b' };
    char text[8];

    (void)state;
    for (size_t n = 0; n < sizeof(bytes); n++) {
        struct reader r = reader_init(bytes, n);

        (void)reader_u8(&r);
        assert_false(reader_str_copy(&r, text, sizeof(text)));
        assert_string_equal(text, "");
        assert_false(reader_done(&r));
        assert_int_equal(reader_u8(&r), 0);
        assert_int_equal(reader_left(&r), 0);
    }
}

static void
strings_with_nul_or_too_long_are_refused(void **state)
{
    uint8_t nul[] = { 3, 0, 0, 0, 'a', 0, 'b' };
    uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 'a' };
    uint8_t fits[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
    char text[3];
    struct reader r = reader_init(nul, sizeof(nul));
    size_t n;

    (void)state;
    assert_null(reader_str(&r, 100, &n));
    r = reader_init(huge, sizeof(huge));
    assert_null(reader_str(&r, SIZE_MAX, &n));
    r = reader_init(fits, sizeof(fits));
    assert_false(reader_str_copy(&r, text, sizeof(text)));
}

static void
ranges_outside_are_refused(void **state)
{
    uint8_t bytes[8] = { 0 };
    struct reader r = reader_init(bytes, sizeof(bytes)), sub;

    (void)state;
    sub = reader_at(&r, 4, 4);
    assert_int_equal(reader_left(&sub), 4);
    sub = reader_at(&r, 4, SIZE_MAX);
    assert_true(sub.failed && r.failed);
    r = reader_init(bytes, sizeof(bytes));
    sub = reader_at(&r, 9, 0);
    assert_true(sub.failed);
    r = reader_init(bytes, sizeof(bytes));
    (void)reader_u8(&r);
    reader_align(&r, 8);
    assert_true(reader_done(&r));
}

static void
writer_never_writes_past_its_size(void **state)
{
    uint8_t bytes[4] = { 9, 9, 9, 9 };
    struct writer w = writer_init(bytes, 3);

    (void)state;
    writer_u32(&w, 0);
    assert_false(writer_ok(&w));
    writer_u8(&w, 1);
    assert_int_equal(w.len, 0);
    assert_int_equal(bytes[3], 9);
}

static void
secrets_are_erased(void **state)
{
    char text[] = "hunter2";
    char *p = secret_new(SECRET_MAX);

    (void)state;
    assert_non_null(p);
    memcpy(p, text, sizeof(text));
    secret_free(p, SECRET_MAX);
    secret_erase_str(text);
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal(text[i], 0);
    secret_erase_str(NULL);
    secret_free(NULL, 1);
}

#ifndef __SANITIZE_ADDRESS__ /* whose mlockall does nothing, and says that all is well */
/* What secret_lock_all is told of the limit: the kernel lets root lock whatever it is. */
static rlim_t memlock;

int
getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    /* A sanitizer's runtime asks for others, before main. */
    if (resource != RLIMIT_MEMLOCK)
        return (int)syscall(SYS_prlimit64, 0, resource, NULL, limit);
    limit->rlim_cur = limit->rlim_max = memlock;
    return 0;
}

/* kB of this process that are locked and there. */
static long
locked(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    long kb = -1;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "Locked: %ld", &kb) != 1)
        continue;
    (void)fclose(f);
    return kb;
}

#define MIB 1048576

static void
all_memory_is_locked_and_none_used_for_it(void **state)
{
    char *p;
    long before;

    (void)state;
    memlock = 64 * MIB;
    assert_false(secret_lock_all());
    assert_int_equal(locked(), 0);
    memlock = RLIM_INFINITY;
    if (!secret_lock_all()) {
        print_message("this process may not lock all of its memory: %s\n", strerror(errno));
        return;
    }
    before = locked();
    assert_true(before > 0);
    p = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_true(locked() < before + 8 * 1024);
    memset(p, 1, 16 * MIB);
    assert_true(locked() > before + 15 * 1024);
    (void)munmap(p, 16 * MIB);
    (void)munlockall();
}
#endif

static void
waits_end_at_their_deadline(void **state)
{
    int64_t began = clock_ms();
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ms_until(began - 5), 0);
    assert_int_equal(ms_until(INT64_MAX), 3600000);
    assert_false(wait_fd(ends[0], POLLIN, began + 30));
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(clock_ms() >= began + 30);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(wait_fd(ends[0], POLLIN, began)); /* past, and there */
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* stderr becomes fd for the time of a test; gives what it was. */
static int
redirect_stderr(int fd)
{
    int was = dup(STDERR_FILENO);

    assert_true(was >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    (void)close(fd);
    return was;
}

/* Whatever is in fd, as a string. */
static size_t
drain(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (n = read(fd, text, size - 1); n > 0; n = read(fd, text + len, size - 1 - len))
        len += (size_t)n;
    text[len] = '\0';
    return len;
}

static void
values_in_the_log_forge_no_line(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "alice", "alice" },
        { "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x91" },
        { "a\n<1>authsodd", "a\\x0a<1>authsodd" },
        { "\x1b[2J\x7f", "\\x1b[2J\\x7f" },
        { "\xc2\x80\xc2\x9b\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\xc2\xa0" }, /* C1 */
        { "\xe2\x80\xaegnp.exe", "\\xe2\\x80\\xaegnp.exe" },           /* right to left */
        { "\xd8\x9c\xef\xbb\xbf", "\\xd8\\x9c\\xef\\xbb\\xbf" },
        { "\xff\xc0\xaf" "a\xe2\x82", "\\xff\\xc0\\xaf" "a\\xe2\\x82" }, /* no UTF-8 */
    };
    char text[4096];
    int ends[2], was;

    (void)state;
    log_init("test", LOG_LEVEL_INFO);
    log_set_logon(17);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[256];

        assert_int_equal(pipe(ends), 0);
        was = redirect_stderr(ends[1]);
        log_info("%s", cases[i].in);
        (void)close(redirect_stderr(was));
        (void)drain(ends[0], text, sizeof(text));
        (void)close(ends[0]);
        (void)snprintf(expected, sizeof(expected), "<6>authsodd[%ld] test: info: logon 17: %s\n", (long)getpid(),
                       cases[i].out);
        assert_string_equal(text, expected);
    }
    log_set_logon(0);
}

static void
a_long_line_is_cut(void **state)
{
    char value[1024], text[4096];
    int ends[2], was;
    size_t len;

    (void)state;
    memset(value, 1, sizeof(value));
    value[sizeof(value) - 1] = '\0';
    assert_int_equal(pipe(ends), 0);
    was = redirect_stderr(ends[1]);
    log_info("%s", value);
    (void)close(redirect_stderr(was));
    len = drain(ends[0], text, sizeof(text));
    (void)close(ends[0]);
    assert_in_range(len, 2000, 2048);
    assert_memory_equal(text + len - 5, "\\x01\n", 5);
}

/* Writes until nobody reads any more; then somebody does. */
static void
log_into(int reader, int writer)
{
    static char text[1 << 20];
    unsigned written = 0, lost = 0;
    const char *line;
    int was = redirect_stderr(writer);

    (void)alarm(60);
    for (int i = 0; i < 5000; i++)
        log_info("%d", i);
    (void)drain(reader, text, sizeof(text));
    for (const char *p = strchr(text, '\n'); p != NULL; p = strchr(p + 1, '\n'))
        written++;
    assert_in_range(written, 10, 4990);
    log_info("again");
    log_info("and again");
    (void)close(redirect_stderr(was));
    (void)alarm(0);
    (void)drain(reader, text, sizeof(text));
    (void)close(reader);
    line = strstr(text, ": warning: ");
    assert_non_null(line);
    assert_int_equal(sscanf(line, ": warning: %u lines of the log are lost", &lost), 1);
    assert_int_equal(written + lost, 5000);
    assert_non_null(strstr(line, ": info: again\n"));
    assert_non_null(strstr(line, ": info: and again\n"));
    assert_null(strstr(line + 1, ": warning: "));
}

static void
a_log_that_nobody_reads_stops_nobody(void **state)
{
    int ends[2], was;

    (void)state;
    log_init("test", LOG_LEVEL_INFO);
    assert_int_equal(pipe(ends), 0);
    log_into(ends[0], ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); /* as the journal's */
    log_into(ends[0], ends[1]);

    /* A pipe is opened anew: the one that we were given stays as it was. */
    assert_int_equal(pipe(ends), 0);
    was = redirect_stderr(dup(ends[1]));
    log_open();
    assert_true((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
    (void)close(ends[1]);
    log_into(ends[0], dup(STDERR_FILENO));
    log_info("nobody hears this"); /* and no SIGPIPE */
    (void)close(redirect_stderr(was));
}

/* Key 00 01 .. 0f, message 00 01 ..: as OpenSSL has it, `openssl mac -macopt c-rounds:1 -macopt d-rounds:3 ... SIPHASH`. */
static void
hashes_are_siphash(void **state)
{
    static const struct {
        size_t n;
        uint64_t hash;
    } cases[] = {
        { 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 }, { 7, 0xd3927d989bb11140 },
        { 8, 0x369095118d299a8e }, { 15, 0xd320d86d2a519956 }, { 63, 0x9d199062b7bbb3a8 },
    };
    uint8_t key[HASH_KEY_LEN], message[64];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;
    memcpy(key, message, sizeof(key));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(hash_keyed(key, message, cases[i].n) == cases[i].hash);
    key[15] ^= 1;
    assert_true(hash_keyed(key, message, 8) != cases[3].hash);
}

/* Every length, the bytes around it others: none of them is looked at. */
static void
words_are_what_the_bytes_are(void **state)
{
    uint8_t bytes[24], other[24], put[8];

    (void)state;
    for (size_t n = 0; n < WORD_LEN; n++) {
        uint64_t x = 0;

        memset(bytes, 0xee, sizeof(bytes));
        for (size_t i = 0; i < n; i++) {
            bytes[8 + i] = (uint8_t)(i + 0x81);
            x |= (uint64_t)(i + 0x81) << (8 * i);
        }
        assert_true(word_get_part(bytes + 8, n) == x);
    }
    for (size_t i = 0; i < WORD_LEN; i++)
        bytes[1 + i] = (uint8_t)(i + 1);
    assert_true(word_get(bytes + 1) == 0x0807060504030201);
    word_put(put, 0x0807060504030201);
    assert_memory_equal(put, bytes + 1, sizeof(put));
    for (size_t n = 0; n < sizeof(bytes); n++) {
        memset(bytes, 'a', sizeof(bytes));
        memset(other, 'b', sizeof(other));
        memset(other, 'a', n);
        assert_true(word_equal(bytes, other, n));
        for (size_t i = 0; i < n; i++) {
            other[i] = 'c';
            assert_false(word_equal(bytes, other, n));
            other[i] = 'a';
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(every_cut_fails_and_stays_failed),
        cmocka_unit_test(strings_with_nul_or_too_long_are_refused),
        cmocka_unit_test(ranges_outside_are_refused),
        cmocka_unit_test(writer_never_writes_past_its_size),
        cmocka_unit_test(secrets_are_erased),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(all_memory_is_locked_and_none_used_for_it),
#endif
        cmocka_unit_test(waits_end_at_their_deadline),
        cmocka_unit_test(values_in_the_log_forge_no_line),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(a_log_that_nobody_reads_stops_nobody),
        cmocka_unit_test(hashes_are_siphash),
        cmocka_unit_test(words_are_what_the_bytes_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
