/* daemon/keeper: the files that every process maps, on a disk and with an /etc of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/identmap/format.h"
#include "lib/identmap/local_list.h"

#define CONFIG "[domain]\nname = corp.test\n"
#define MINUTE 61000

static char run[] = "/tmp/test_keeper_map-run-XXXXXX", etc[] = "/tmp/test_keeper_map-etc-XXXXXX";
static struct keeper *k;
static struct child *front;
static int to_front; /* what keeper tells front */
static int64_t waited_ms, slept_ms;
static struct shared_readers readers;

/* In place of libc's: time passes when the test says so. */
int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);

    t->tv_sec += (clock == CLOCK_BOOTTIME ? slept_ms : waited_ms) / 1000;
    return rc;
}

/* A path in a folder; good until the next call. */
static const char *
at(const char *folder, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* A disk for the files and an /etc, in a mount namespace of this process. */
static int
begin(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) {
        (void)puts("# skipped: needs root's right to mount");
        exit(77);
    }
    assert_non_null(mkdtemp(run));
    assert_non_null(mkdtemp(etc));
    assert_int_equal(mount("test", run, "tmpfs", 0, "size=96m"), 0);
    assert_int_equal(mount(etc, "/etc", "none", MS_BIND, NULL), 0);
    (void)umask(077);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    (void)umount2(run, MNT_DETACH);
    (void)umount2("/etc", MNT_DETACH);
    (void)unlink(at(etc, "passwd"));
    (void)unlink(at(etc, "group"));
    return rmdir(run) == 0 && rmdir(etc) == 0 ? 0 : -1;
}

static void
complain(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static void
configure(const char *text)
{
    talloc_free(k->config);
    k->config = config_parse_as(k, text, strlen(text), "c", "ws1", complain, NULL);
    assert_non_null(k->config);
}

static int
setup(void **state)
{
    int pair[2];

    (void)state;
    log_init("test", LOG_LEVEL_ALARM);
    waited_ms = slept_ms = 0;
    write_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nLocal1:x:1001:1001::/:/bin/sh\n");
    write_file("/etc/group", "root:x:0:\nteam:x:1500:\n");
    k = talloc_zero(NULL, struct keeper);
    configure(CONFIG);
    assert_true(channel_pair(pair));
    k->config_fd = k->nss_fd = k->pam_fd = -1;
    front = &k->children[0];
    front->pid = getpid();
    front->role = ROLE_FRONT;
    front->channel = pair[0];
    to_front = pair[1];
    assert_true(keeper_map_begin(k, run));
    return 0;
}

/* What is in the folder, beside the disk's filling. */
static unsigned
files(void)
{
    DIR *dir = opendir(run);
    unsigned n = 0;

    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

static int
teardown(void **state)
{
    (void)state;
    keeper_local_end(k);
    keeper_map_end(k);
    assert_int_equal(files(), 0);
    (void)close(front->channel);
    (void)close(to_front);
    talloc_free(k);
    return 0;
}

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

/* Bytes of the disk that it takes up. */
static off_t
room_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return (off_t)st.st_blocks * 512;
}

static uint32_t
superseded(int fd)
{
    uint32_t value;

    assert_int_equal(pread(fd, &value, sizeof(value), offsetof(struct shared_head, superseded)), sizeof(value));
    return value;
}

static void
renew(int fd)
{
    void *p = mmap(NULL, IDENTMAP_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_true(p != MAP_FAILED);
    shared_renew(p, shared_now());
    (void)munmap(p, IDENTMAP_PAGE);
}

/* The file's number; 0: there is none. */
static ino_t
file(const char *name)
{
    struct stat st;

    return lstat(at(run, name), &st) == 0 ? st.st_ino : 0;
}

static void
fill_disk(void)
{
    static char zeros[1U << 20];
    int fd = open(at(run, ".full"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    (void)close(fd);
}

static void
empty_disk(void)
{
    assert_int_equal(unlink(at(run, ".full")), 0);
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
    fill_disk();
    assert_true(asks_for(2 * IDENTMAP_SIZE_MIN));
    assert_int_equal(told(&fd), ENOSPC);
    assert_int_equal(fd, -1);
    assert_int_equal(files(), 1);
    assert_false(places());
    assert_int_equal(superseded(placed), 0);
    empty_disk();
    /* Others need the disk, too. */
    assert_true(asks_for(64U << 20));
    assert_int_equal(told(&fd), ENOSPC);
    (void)close(new_map(2 * IDENTMAP_SIZE_MIN));
    assert_true(places());
    /* It fills up while a map is allocated. */
    assert_true(asks_for(32U << 20));
    fill_disk();
    while (keeper_map_turn(k))
        ;
    assert_int_equal(told(&fd), ENOSPC);
    assert_int_equal(files(), 1);
    empty_disk();
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

/*
 * The list of local names.
 */

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
    fill_disk();
    write_file("/etc/group", "root:x:0:\nwriters:x:1600:\n");
    hear();
    /* Not what was true before. */
    assert_int_equal(superseded(old), 1);
    assert_null(list(&len));
    keeper_local_tick(k);
    assert_null(list(&len));
    empty_disk();
    waited_ms = 2000;
    keeper_local_tick(k);
    assert_true(lists(LOCAL_LIST_GROUPS, "writers"));
    (void)close(old);
    keeper_local_end(k);
    /* keeper begins all the same. */
    fill_disk();
    assert_true(keeper_local_begin(k));
    assert_null(list(&len));
    empty_disk();
    waited_ms = 4000;
    keeper_local_tick(k);
    assert_true(lists(LOCAL_LIST_GROUPS, "writers"));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_map_is_root_s_and_wholly_there),
        TEST(a_new_map_takes_the_place_of_the_old),
        TEST(what_front_may_not_ask_for_ends_it),
        TEST(a_full_disk_is_said_and_nothing_is_left),
        TEST(no_number_of_maps_fills_the_disk),
        TEST(a_front_that_ended_leaves_what_is_in_place),
        TEST(what_an_earlier_life_left_is_put_away),
        TEST(at_the_end_nothing_is_left_nor_believed),
        TEST(local_names_are_listed),
        TEST(no_line_hides_another),
        TEST(a_change_makes_a_new_list),
        TEST(the_list_is_believed_while_keeper_lives),
        TEST(a_list_that_cannot_be_written_is_none),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
