/* daemon/keeper_map: the identity map's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identmap/format.h"
#include "lib/identmap/local_list.h"
#include "tests/unit/keeper_files.h"

#define MINUTE 61000

/* True if keeper takes the message; false: it ends the role. */
static bool
takes(const struct writer *w)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };

    assert_true(writer_ok(w));
    return keeper_request(k, front, w->data, w->len, fds);
}

static bool
asks_for(uint32_t size)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_MAP_NEW, size);
    return takes(&w);
}

static bool
places(void)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_empty(&w, IPC_MAP_PLACE);
    return takes(&w);
}

/* What front is told: the errno, and the descriptor if there is one. UINT32_MAX: nothing. */
static uint32_t
told(int *fd_out)
{
    int fds[CHANNEL_FDS_MAX];
    uint8_t answer[16];
    uint32_t code;
    ssize_t n = channel_recv(to_front, answer, sizeof(answer), fds, 0);

    *fd_out = channel_take_fd(fds);
    if (n <= 0)
        return UINT32_MAX;
    assert_true(ipc_get_number(answer, (size_t)n, IPC_MAP_IS, &code));
    return code;
}

/* A map as front gets it. */
static int
new_map(uint32_t size)
{
    int fd;

    assert_true(asks_for(size));
    while (keeper_map_turn(k))
        ;
    assert_int_equal(told(&fd), 0);
    assert_true(fd >= 0);
    return fd;
}

static void
renew(int fd)
{
    void *p = mmap(NULL, IDENTMAP_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_true(p != MAP_FAILED);
    shared_renew(p, shared_now());
    (void)munmap(p, IDENTMAP_PAGE);
}

/* Bytes of the disk that it takes up. */
static off_t
room_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return (off_t)st.st_blocks * 512;
}

/* The file's number; 0: there is none. */
static ino_t
file(const char *name)
{
    struct stat st;

    return lstat(at(run, name), &st) == 0 ? st.st_ino : 0;
}

static void
a_map_is_root_s_and_wholly_there(void **state)
{
    struct shared_place place = { .path = at(run, "identmap"), .magic = IDENTMAP_MAGIC, .version = IDENTMAP_VERSION };
    char path[128];
    struct shared_head head;
    struct stat st;
    const void *data;
    unsigned reader;
    size_t len;
    int fd = new_map(IDENTMAP_SIZE_MIN);

    (void)state;
    (void)snprintf(path, sizeof(path), "%s", place.path);
    place.path = path;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0644);
    assert_int_equal(st.st_size, IDENTMAP_SIZE_MIN);
    assert_true(room_of(fd) >= (off_t)IDENTMAP_SIZE_MIN);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
    assert_memory_equal(head.key, k->map_key, HASH_KEY_LEN);
    assert_int_equal(head.lease, 0);
    assert_int_equal(file("identmap"), 0);
    assert_true(places());
    assert_int_equal(file("identmap"), st.st_ino);
    assert_int_equal(file("identmap.new"), 0);
    reader = shared_enter(&readers);
    /* Whom nobody writes to nobody believes. */
    assert_null(shared_get(&readers, &place, shared_now(), &len));
    renew(fd);
    data = shared_get(&readers, &place, shared_now(), &len);
    assert_non_null(data);
    assert_int_equal(len, IDENTMAP_SIZE_MIN);
    assert_true(shared_is_good(data));
    shared_leave(&readers, reader);
    (void)close(fd);
}

static void
a_new_map_takes_the_place_of_the_old(void **state)
{
    enum { LARGE = 32U << 20 }; /* in two pieces */
    int old = new_map(LARGE), next, dropped;
    struct stat st;

    (void)state;
    assert_true(places());
    dropped = new_map(IDENTMAP_SIZE_MIN);
    next = new_map(2 * IDENTMAP_SIZE_MIN);
    assert_int_equal(superseded(old), 0);
    assert_true(places());
    assert_int_equal(fstat(next, &st), 0);
    assert_int_equal(file("identmap"), st.st_ino);
    assert_int_equal(files(), 1);
    assert_int_equal(superseded(old), 1);
    assert_int_equal(superseded(next), 0);
    assert_int_equal(fstat(dropped, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    /* Who is reading it still can, for a minute; then nothing is left of it but its head. */
    assert_false(keeper_map_turn(k));
    assert_true(room_of(old) >= (off_t)LARGE);
    waited_ms = MINUTE;
    assert_true(keeper_map_turn(k));
    assert_in_range(room_of(old), IDENTMAP_PAGE + 1, LARGE - 1);
    while (keeper_map_turn(k))
        ;
    assert_int_equal(room_of(old), IDENTMAP_PAGE);
    assert_int_equal(superseded(old), 1);
    assert_int_equal(fstat(old, &st), 0);
    assert_int_equal(st.st_size, LARGE);
    assert_true(room_of(next) >= 2 * (off_t)IDENTMAP_SIZE_MIN);
    (void)close(old);
    (void)close(next);
    (void)close(dropped);
}

static void
what_front_may_not_ask_for_ends_it(void **state)
{
    static const uint32_t sizes[] = { 0, 1, 4096, IDENTMAP_SIZE_MIN / 2, IDENTMAP_SIZE_MIN - 1, IDENTMAP_SIZE_MIN + 1,
                                      3 * IDENTMAP_SIZE_MIN, 2 * IDENTMAP_SIZE_MAX, UINT32_MAX };
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (asks_for(sizes[i]))
            fail_msg("%u", sizes[i]);
    }
    assert_int_equal(told(&fd), UINT32_MAX);
    assert_int_equal(files(), 0);
    assert_false(places());
    /* Not before it is wholly there. */
    assert_true(asks_for(32U << 20));
    assert_int_equal(told(&fd), UINT32_MAX);
    assert_false(places());
    while (keeper_map_turn(k))
        ;
    assert_int_equal(told(&fd), 0);
    assert_true(places());
    assert_false(places());
    (void)close(fd);
}

static void
a_full_disk_is_said_and_nothing_is_left(void **state)
{
    int fd, placed = new_map(IDENTMAP_SIZE_MIN);

    (void)state;
    assert_true(places());
    fill_disk(run);
    assert_true(asks_for(2 * IDENTMAP_SIZE_MIN));
    assert_int_equal(told(&fd), ENOSPC);
    assert_int_equal(fd, -1);
    assert_int_equal(files(), 1);
    assert_false(places());
    assert_int_equal(superseded(placed), 0);
    empty_disk(run);
    /* Others need the disk, too. */
    assert_true(asks_for(64U << 20));
    assert_int_equal(told(&fd), ENOSPC);
    (void)close(new_map(2 * IDENTMAP_SIZE_MIN));
    assert_true(places());
    /* It fills up while a map is allocated. */
    assert_true(asks_for(32U << 20));
    fill_disk(run);
    while (keeper_map_turn(k))
        ;
    assert_int_equal(told(&fd), ENOSPC);
    assert_int_equal(files(), 1);
    empty_disk(run);
    (void)close(placed);
}

static void
no_number_of_maps_fills_the_disk(void **state)
{
    unsigned n = 0;
    uint32_t code;
    int fd;

    (void)state;
    for (;;) {
        assert_true(asks_for(IDENTMAP_SIZE_MIN));
        code = told(&fd);
        if (code != 0)
            break;
        assert_true(places());
        (void)close(fd);
        n++;
    }
    assert_int_equal(code, EBUSY);
    assert_in_range(n, 4, 64);
    waited_ms = MINUTE;
    while (keeper_map_turn(k))
        ;
    (void)close(new_map(IDENTMAP_SIZE_MIN));
    assert_true(places());
}

static void
a_front_that_ended_leaves_what_is_in_place(void **state)
{
    int placed = new_map(IDENTMAP_SIZE_MIN);

    (void)state;
    assert_true(places());
    (void)close(new_map(IDENTMAP_SIZE_MIN));
    assert_int_equal(files(), 2);
    keeper_map_front_gone(k);
    assert_int_equal(files(), 1);
    assert_int_equal(superseded(placed), 0);
    assert_false(places());
    (void)close(new_map(IDENTMAP_SIZE_MIN));
    assert_true(places());
    assert_int_equal(superseded(placed), 1);
    (void)close(placed);
}

/* keeper was killed: the next one finds what it left. */
static void
what_an_earlier_life_left_is_put_away(void **state)
{
    int placed = new_map(IDENTMAP_SIZE_MIN), list;
    uint8_t key[HASH_KEY_LEN];

    (void)state;
    assert_true(places());
    assert_true(keeper_local_begin(k));
    list = open(at(run, "local-names"), O_RDONLY | O_CLOEXEC);
    assert_true(list >= 0);
    (void)close(new_map(IDENTMAP_SIZE_MIN));
    memcpy(key, k->map_key, sizeof(key));
    (void)close(k->run_fd);
    assert_true(keeper_map_begin(k, run));
    assert_int_equal(files(), 0);
    assert_int_equal(superseded(placed), 1);
    assert_int_equal(superseded(list), 1);
    assert_memory_not_equal(k->map_key, key, sizeof(key));
    waited_ms = MINUTE;
    while (keeper_map_turn(k))
        ;
    assert_int_equal(room_of(placed), IDENTMAP_PAGE);
    /* A link is no file of ours. */
    keeper_map_end(k);
    write_file(at(run, ".other"), "more than a head has bytes, which nobody is to write into: 0123456789 0123456789");
    assert_int_equal(symlink(".other", at(run, "identmap")), 0);
    assert_int_equal(symlink(".other", at(run, "identmap.new")), 0);
    assert_true(keeper_map_begin(k, run));
    assert_int_equal(files(), 0);
    (void)close(placed);
    placed = open(at(run, ".other"), O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(superseded(placed), 1);
    (void)unlink(at(run, ".other"));
    (void)close(placed);
    (void)close(list);
}

static void
at_the_end_nothing_is_left_nor_believed(void **state)
{
    int old = new_map(IDENTMAP_SIZE_MIN), placed;

    (void)state;
    assert_true(places());
    placed = new_map(IDENTMAP_SIZE_MIN);
    assert_true(places());
    (void)close(new_map(IDENTMAP_SIZE_MIN));
    keeper_map_end(k);
    assert_int_equal(files(), 0);
    assert_int_equal(superseded(placed), 1);
    assert_int_equal(room_of(placed), IDENTMAP_PAGE);
    assert_int_equal(room_of(old), IDENTMAP_PAGE);
    (void)close(old);
    (void)close(placed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        KEEPER_FILES_TEST(a_map_is_root_s_and_wholly_there),
        KEEPER_FILES_TEST(a_new_map_takes_the_place_of_the_old),
        KEEPER_FILES_TEST(what_front_may_not_ask_for_ends_it),
        KEEPER_FILES_TEST(a_full_disk_is_said_and_nothing_is_left),
        KEEPER_FILES_TEST(no_number_of_maps_fills_the_disk),
        KEEPER_FILES_TEST(a_front_that_ended_leaves_what_is_in_place),
        KEEPER_FILES_TEST(what_an_earlier_life_left_is_put_away),
        KEEPER_FILES_TEST(at_the_end_nothing_is_left_nor_believed),
    };

    return cmocka_run_group_tests(tests, keeper_files_begin, keeper_files_end);
}
