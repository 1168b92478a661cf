/* lib/identmap: files that root places, and the mappings that a process has of them. */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/identmap/shared.h"
#include "tests/unit/peer.h"

#define SIZE (4 * SHARED_UNIT)
#define NOW 100000U
#define MAGIC "authstst"

static char path[128]; /* absolute: some tests are in another root */
static struct shared_readers readers;
static struct shared_place place;
static unsigned mapped_before; /* what earlier tests left mapped */

/* Makes a file, which says `number`, and puts it in place. Gives its writer's mapping. */
static struct shared_head *
place_file(const char *magic, uint32_t version, uint32_t number)
{
    static const uint8_t key[HASH_KEY_LEN] = "a key of a test";
    int fd = open("new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    struct shared_head *head;

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    head = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(head != MAP_FAILED);
    shared_head_init(head, magic, version, key);
    memcpy(head + 1, &number, sizeof(number));
    shared_renew(head, NOW);
    (void)close(fd);
    assert_int_equal(rename("new", "file"), 0);
    return head;
}

static void
drop(struct shared_head *head)
{
    assert_int_equal(munmap(head, SIZE), 0);
}

static struct shared_head *
replace(struct shared_head *head, uint32_t number)
{
    struct shared_head *next = place_file(MAGIC, 7, number);

    shared_supersede(head);
    drop(head);
    return next;
}

/* What the file says, UINT32_MAX if there is none. */
static uint32_t
get_at(uint64_t now)
{
    unsigned r = shared_enter(&readers);
    size_t len;
    const struct shared_head *head = shared_get(&readers, &place, now, &len);
    uint32_t number = UINT32_MAX;

    if (head != NULL && len == SIZE)
        memcpy(&number, head + 1, sizeof(number));
    if (head != NULL && !shared_is_good(head))
        number = UINT32_MAX;
    shared_leave(&readers, r);
    return number;
}

static uint32_t
get(void)
{
    return get_at(NOW);
}

/* How many mappings for reading this process has of such files. */
static unsigned
count_all_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned n = 0;

    if (f == NULL)
        return UINT32_MAX;
    while (fgets(line, sizeof(line), f) != NULL)
        n += strstr(line, "r--s") != NULL && (strstr(line, "/file") != NULL || strstr(line, "/new") != NULL);
    (void)fclose(f);
    return n;
}

static unsigned
count_mappings(void)
{
    return count_all_mappings() - mapped_before;
}

static int
enter_dir(void **state)
{
    (void)state;
    peer_enter_dir();
    if (getcwd(path, sizeof(path) - 8) == NULL)
        return -1;
    (void)strcat(path, "/file");
    return 0;
}

static int
leave_dir(void **state)
{
    (void)state;
    peer_leave_dir();
    return 0;
}

static int
begin_anew(void **state)
{
    static const struct shared_place zero;

    (void)state;
    (void)unlink("file");
    memset(&readers, 0, sizeof(readers));
    place = zero;
    place.path = path;
    memcpy(place.magic, MAGIC, SHARED_MAGIC_LEN);
    place.version = 7;
    mapped_before = count_all_mappings();
    return 0;
}

static void
a_file_is_found_when_it_comes(void **state)
{
    struct shared_head *head;

    (void)state;
    errno = E2BIG;
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(errno, E2BIG);
    head = place_file(MAGIC, 7, 1);
    assert_int_equal(get(), 1);
    assert_int_equal(errno, E2BIG);
    assert_int_equal(count_mappings(), 1);
    assert_int_equal(get(), 1);
    assert_int_equal(count_mappings(), 1);
    drop(head);
}

static void
another_magic_or_version_is_not_read(void **state)
{
    (void)state;
    drop(place_file("authstsx", 7, 1));
    assert_int_equal(get(), UINT32_MAX);
    drop(place_file(MAGIC, 6, 1));
    assert_int_equal(get(), UINT32_MAX);
    drop(place_file(MAGIC, 8, 1));
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(count_mappings(), 0);
    drop(place_file(MAGIC, 7, 1));
    assert_int_equal(get(), 1);
}

static void
a_lease_has_an_end_and_a_beginning(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);
    uint64_t end = NOW + SHARED_LEASE_MS;
    struct shared_mapping *first;

    (void)state;
    assert_int_equal(get_at(end - 1), 1);
    first = atomic_load(&place.current);
    assert_int_equal(get_at(end), UINT32_MAX);
    assert_ptr_equal(atomic_load(&place.current), first); /* the same file is not mapped again */
    assert_int_equal(get_at(UINT64_MAX), UINT32_MAX);
    assert_int_equal(get_at(end - 2U * SHARED_LEASE_MS), 1);
    assert_int_equal(get_at(end - 2U * SHARED_LEASE_MS - 1), UINT32_MAX);
    assert_int_equal(get_at(0), UINT32_MAX);
    shared_renew(head, end);
    assert_int_equal(get_at(end), 1);
    assert_int_equal(count_mappings(), 1);
    drop(head);
}

/* Each of these would be mapped if it were as the file in the next test. */
static void
only_a_sound_file_of_roots_is_mapped(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);

    (void)state;
    assert_int_equal(chown("file", 1, 0), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(chown("file", 0, 1), 0);
    assert_int_equal(chmod("file", 0664), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(chmod("file", 0646), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(chmod("file", 0644), 0);
    assert_int_equal(truncate("file", (off_t)SHARED_SIZE_MAX + SHARED_UNIT), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(truncate("file", SIZE - 1), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(truncate("file", sizeof(struct shared_head)), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(truncate("file", 0), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(count_mappings(), 0);
    assert_int_equal(unlink("file"), 0);
    drop(head);
}

static void
only_a_file_is_mapped(void **state)
{
    (void)state;
    drop(place_file(MAGIC, 7, 1));
    assert_int_equal(rename("file", "real"), 0);
    assert_int_equal(symlink("real", "file"), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(mkfifo("file", 0600), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(mkdir("file", 0700), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(rmdir("file"), 0);
    assert_int_equal(rename("real", "file"), 0);
    assert_int_equal(get(), 1);
}

static void
a_superseded_one_is_left(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);

    (void)state;
    assert_int_equal(get(), 1);
    shared_supersede(head);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(count_mappings(), 1);
    drop(head);
    head = place_file(MAGIC, 7, 2);
    assert_int_equal(get(), 2);
    assert_int_equal(count_mappings(), 1);
    for (uint32_t i = 3; i < 100; i++) {
        head = replace(head, i);
        assert_int_equal(get(), i);
        assert_int_equal(count_mappings(), 1);
    }
    shared_supersede(head);
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(get(), UINT32_MAX);
    assert_int_equal(count_mappings(), 0);
    drop(head);
}

/* A file that is just not there any more may still be believed, until its lease runs out. */
static void
a_file_that_is_not_seen_is_kept(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);

    (void)state;
    assert_int_equal(get(), 1);
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(get(), 1);
    assert_int_equal(get_at(NOW + SHARED_LEASE_MS), UINT32_MAX);
    shared_renew(head, NOW + SHARED_LEASE_MS);
    assert_int_equal(get_at(NOW + SHARED_LEASE_MS), 1);
    drop(head);
}

static void
what_is_being_read_stays(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);
    unsigned r = shared_enter(&readers);
    size_t len;
    const struct shared_head *one = shared_get(&readers, &place, NOW, &len), *two;

    (void)state;
    assert_non_null(one);
    assert_true(shared_is_good(one));
    head = replace(head, 2);
    assert_false(shared_is_good(one));
    two = shared_get(&readers, &place, NOW, &len);
    assert_true(two != NULL && two != one);
    assert_int_equal(*(const uint32_t *)(one + 1), 1);
    assert_int_equal(*(const uint32_t *)(two + 1), 2);
    assert_int_equal(count_mappings(), 2);
    shared_leave(&readers, r);
    assert_int_equal(count_mappings(), 1);
    drop(head);
}

static void *
read_until_told(void *arg)
{
    int *pipes = arg;
    unsigned r = shared_enter(&readers);
    size_t len;
    const struct shared_head *head = shared_get(&readers, &place, NOW, &len);
    char c = head != NULL;

    if (write(pipes[1], &c, 1) != 1 || read(pipes[2], &c, 1) != 1)
        head = NULL;
    c = head != NULL && *(const volatile uint32_t *)(head + 1) == 1;
    shared_leave(&readers, r);
    return c ? pipes : NULL;
}

/* Another thread reads all the time, in a stripe of its own or in ours. */
static void
what_another_thread_reads_stays(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);
    int pipes[4];
    pthread_t thread;
    void *result;
    char c;

    (void)state;
    assert_int_equal(pipe2(pipes, O_CLOEXEC) | pipe2(pipes + 2, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_until_told, pipes), 0);
    assert_int_equal(read(pipes[0], &c, 1), 1);
    for (uint32_t i = 2; i < 2 + 20; i++) {
        head = replace(head, i);
        assert_int_equal(get(), i);
    }
    assert_int_equal(count_mappings(), 21); /* all that may be the thread's */
    assert_int_equal(write(pipes[3], &c, 1), 1);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_non_null(result);
    assert_int_equal(count_mappings(), 1);
    assert_null(atomic_load(&readers.retired));
    for (unsigned i = 0; i < 4; i++)
        (void)close(pipes[i]);
    drop(head);
}

static void *
read_while_cancelled(void *arg)
{
    (void)pthread_cancel(pthread_self());
    *(uint32_t *)arg = get();
    pthread_testcancel();
    return NULL;
}

/* It ends behind the lookup, not in it. */
static void
a_thread_that_is_cancelled_leaves_first(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);
    unsigned fds = peer_count_fds();
    uint32_t number = 0;
    pthread_t thread;
    void *result;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, read_while_cancelled, &number), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(number, 1);
    for (unsigned i = 0; i < SHARED_STRIPES; i++)
        assert_int_equal(atomic_load(&readers.stripes[i].readers), 0);
    assert_int_equal(peer_count_fds(), fds);
    drop(head);
}

static bool
child_reads(void)
{
    return get() == 1 && get() == 1;
}

/* The child of a process whose other thread was reading: that one never leaves. */
static bool
child_with_a_stuck_count(void)
{
    struct shared_head *head = NULL;
    unsigned before = count_mappings();

    for (uint32_t i = 2; i < 100; i++) {
        head = head == NULL ? place_file(MAGIC, 7, i) : replace(head, i);
        if (i > 2 && get() != i)
            return false;
    }
    return count_mappings() > before;
}

static void
a_child_goes_on(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);
    unsigned r;

    (void)state;
    assert_int_equal(get(), 1);
    assert_true(peer_in_child(child_reads));
    r = shared_enter(&readers);
    shared_supersede(head);
    assert_true(peer_in_child(child_with_a_stuck_count));
    shared_leave(&readers, r);
    assert_int_equal(get(), 99);
    assert_int_equal(count_mappings(), 1);
    drop(head);
}

static bool
in_an_empty_root(void)
{
    return mkdir("empty", 0700) == 0 && chroot("empty") == 0 && chdir("/") == 0 && get() == 1 && get() == 1;
}

static bool
without_descriptors(void)
{
    for (int fd = 0; fd < 256; fd++)
        (void)close(fd);
    for (int fd = 0; fd < 10; fd++) {
        if (open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return get() == 1;
}

/* With three descriptors there is none that may be used. */
static bool
leaves_stdio_alone(void)
{
    struct rlimit three = { 3, 64 };

    for (int fd = 0; fd < 256; fd++)
        (void)close(fd);
    if (setrlimit(RLIMIT_NOFILE, &three) != 0 || get() != UINT32_MAX || peer_count_fds() != 0)
        return false;
    three.rlim_cur = 64;
    return setrlimit(RLIMIT_NOFILE, &three) == 0 && get() == 1 && peer_count_fds() == 0;
}

static void
nothing_but_the_mapping_is_needed(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);

    (void)state;
    assert_true(peer_in_child(leaves_stdio_alone));
    assert_int_equal(get(), 1);
    assert_true(peer_in_child(without_descriptors));
    assert_true(peer_in_child(in_an_empty_root));
    assert_int_equal(rmdir("empty"), 0);
    drop(head);
}

static bool
without_descriptors_left(void)
{
    struct rlimit none = { 0, 0 };

    errno = E2BIG;
    return setrlimit(RLIMIT_NOFILE, &none) == 0 && get() == UINT32_MAX && errno == E2BIG;
}

static bool
without_memory(void)
{
    struct rlimit none = { 0, 0 };

    errno = E2BIG;
    return setrlimit(RLIMIT_AS, &none) == 0 && get() == UINT32_MAX && errno == E2BIG;
}

static void
limits_mean_no_file(void **state)
{
    struct shared_head *head = place_file(MAGIC, 7, 1);

    (void)state;
    assert_true(peer_in_child(without_descriptors_left));
    assert_true(peer_in_child(without_memory));
    assert_int_equal(get(), 1);
    drop(head);
}

static void
the_clock_counts_milliseconds(void **state)
{
    uint64_t before = shared_now();
    struct timespec t = { .tv_nsec = 40000000 };

    (void)state;
    (void)nanosleep(&t, NULL);
    /* It moves by ticks of the kernel's, of 10 ms at most. */
    assert_true(shared_now() - before >= 30 && shared_now() - before < 60000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin_anew)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_found_when_it_comes),
        TEST(another_magic_or_version_is_not_read),
        TEST(a_lease_has_an_end_and_a_beginning),
        TEST(only_a_sound_file_of_roots_is_mapped),
        TEST(only_a_file_is_mapped),
        TEST(a_superseded_one_is_left),
        TEST(a_file_that_is_not_seen_is_kept),
        TEST(what_is_being_read_stays),
        TEST(what_another_thread_reads_stays),
        TEST(a_thread_that_is_cancelled_leaves_first),
        TEST(a_child_goes_on),
        TEST(nothing_but_the_mapping_is_needed),
        TEST(limits_mean_no_file),
        TEST(the_clock_counts_milliseconds),
    };

    if (geteuid() != 0)
        return 77; /* only root's files are mapped */
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
