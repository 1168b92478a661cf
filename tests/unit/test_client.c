/* lib/proto: the modules' side of a socket, and sealed bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "lib/proto/sealed.h"
#include "tests/unit/peer.h"

#define SOCK "./sock"

static int pair[2];

static int64_t
within(int64_t ms)
{
    return client_now() + ms;
}

static int
make_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int
close_pair(void **state)
{
    (void)state;
    (void)close(pair[0]);
    (void)close(pair[1]);
    return 0;
}

static void
connect_tells_why_not(void **state)
{
    char path[200];

    (void)state;
    assert_int_equal(client_connect("./missing", within(5000)), -1);
    assert_int_equal(errno, ENOENT);
    (void)close(peer_listen(SOCK, 1));
    assert_int_equal(client_connect(SOCK, within(5000)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(client_connect(path, within(5000)), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

static void
echo(int fd, const void *arg)
{
    char buf[64];
    ssize_t n = recv(fd, buf, sizeof(buf), 0);

    (void)arg;
    if (n > 0)
        (void)send(fd, buf, (size_t)n, MSG_NOSIGNAL);
}

static void
connect_send_and_receive(void **state)
{
    pid_t peer = peer_start(peer_listen(SOCK, 8), echo, NULL);
    int fd = client_connect(SOCK, within(5000));
    char buf[64];

    (void)state;
    assert_true(fd > 2);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(client_send(fd, "hello", 5, within(5000)), 0);
    assert_int_equal(client_recv(fd, buf, sizeof(buf), NULL, within(5000)), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(client_recv(fd, buf, sizeof(buf), NULL, within(5000)), 0);
    (void)close(fd);
    peer_stop(peer);
}

/* Connections until the listener's queue takes no more. */
static size_t
fill_queue(int *fds, size_t max)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = SOCK };
    size_t n = 0;

    do {
        fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    } while (connect(fds[n], (struct sockaddr *)&a, sizeof(a)) == 0 && ++n < max);
    assert_int_equal(errno, EAGAIN);
    return n + 1;
}

static void
full_queue_ends_at_the_deadline(void **state)
{
    int listener = peer_listen(SOCK, 1), fds[16];
    size_t n = fill_queue(fds, 16);
    int64_t start = client_now();
    unsigned n_open = peer_count_fds();

    (void)state;
    assert_int_equal(client_connect(SOCK, start + 100), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(client_now() - start >= 99);
    peer_storm();
    start = client_now();
    assert_int_equal(client_connect(SOCK, start + 100), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(client_now() - start >= 99);
    assert_true(client_now() - start < 5000);
    peer_calm();
    assert_int_equal(client_connect(SOCK, client_now() - 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(peer_count_fds(), n_open);
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
    (void)close(listener);
}

static void
full_queue_lets_in_who_waited(void **state)
{
    int listener = peer_listen(SOCK, 1), fds[16], fd;
    size_t n = fill_queue(fds, 16);
    pid_t peer;

    (void)state;
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
    peer = peer_start(listener, echo, NULL);
    fd = client_connect(SOCK, within(20000));
    assert_true(fd > 2);
    (void)close(fd);
    peer_stop(peer);
}

/* Listens as nobody and says so on the pipe. */
static void
listen_as_nobody(int told)
{
    if (setresuid(65534, 65534, 65534) != 0)
        _exit(1);
    /* A change of user takes the wish to end with the parent back. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)peer_listen("./nobody", 8);
    (void)!write(told, "", 1);
    for (;;)
        (void)pause();
}

static void
peer_that_is_not_root_is_refused(void **state)
{
    int told[2];
    char byte;
    pid_t pid;
    ssize_t n;

    (void)state;
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0)
        listen_as_nobody(told[1]);
    (void)close(told[1]);
    n = read(told[0], &byte, 1);
    (void)close(told[0]);
    if (n != 1) {
        peer_stop(pid);
        skip(); /* a user namespace of one user */
    }
    assert_int_equal(client_connect("./nobody", within(5000)), -1);
    assert_int_equal(errno, EPERM);
    peer_stop(pid);
}

static void
receive_ends_at_the_deadline(void **state)
{
    int64_t start = client_now();
    char buf[16];
    int passed = 99;

    (void)state;
    assert_int_equal(client_recv(pair[0], buf, sizeof(buf), &passed, start + 50), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(passed, -1);
    assert_true(client_now() - start >= 49);
    peer_storm();
    start = client_now();
    assert_int_equal(client_recv(pair[0], buf, sizeof(buf), NULL, start + 100), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(client_now() - start >= 99);
    assert_true(client_now() - start < 5000);
    peer_calm();
    /* What is there already is given even at the deadline. */
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    assert_int_equal(client_recv(pair[0], buf, sizeof(buf), NULL, client_now() - 1000), 1);
}

static void
send_ends_at_the_deadline(void **state)
{
    static char packet[32768];
    int64_t start = client_now();
    int i = 0;

    (void)state;
    while (client_send(pair[0], packet, sizeof(packet), start + 50) == 0)
        assert_true(++i < 1000);
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(client_now() - start >= 49);
}

static void
no_signal_comes_from_a_peer_that_left(void **state)
{
    (void)state;
    (void)close(pair[1]);
    assert_int_equal(client_send(pair[0], "x", 1, within(5000)), -1);
    assert_int_equal(errno, EPIPE);
}

static void
longer_packets_are_refused_or_seen(void **state)
{
    unsigned n_open = peer_count_fds();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), passed;
    char buf[8];

    (void)state;
    peer_send_fds(pair[1], "0123456789", 10, &null, 1);
    assert_int_equal(client_peek(pair[0], buf, sizeof(buf), NULL, within(5000)), 10);
    assert_memory_equal(buf, "01234567", 8);
    assert_int_equal(client_recv(pair[0], buf, sizeof(buf), &passed, within(5000)), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(passed, -1);
    assert_int_equal(send(pair[1], "abc", 3, 0), 3);
    assert_int_equal(client_peek(pair[0], buf, sizeof(buf), &passed, within(5000)), 3);
    assert_int_equal(passed, -1);
    assert_int_equal(client_recv(pair[0], buf, sizeof(buf), NULL, within(5000)), 3);
    (void)close(pair[1]);
    assert_int_equal(client_peek(pair[0], buf, sizeof(buf), &passed, within(5000)), 0);
    (void)close(null);
    assert_int_equal(peer_count_fds(), n_open - 1);
}

static void
one_descriptor_is_taken_all_others_closed(void **state)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), passed;
    int fds[] = { null, null, null, null, null, null, null, null };
    unsigned n_open = peer_count_fds();
    char buf[8];

    (void)state;
    for (size_t n = 1; n <= 8; n++) {
        peer_send_fds(pair[1], "x", 1, fds, n);
        assert_int_equal(client_recv(pair[0], buf, sizeof(buf), &passed, within(5000)), 1);
        assert_true(passed > 2);
        assert_true((fcntl(passed, F_GETFD) & FD_CLOEXEC) != 0);
        (void)close(passed);
        assert_int_equal(peer_count_fds(), n_open);
        peer_send_fds(pair[1], "x", 1, fds, n);
        assert_int_equal(client_recv(pair[0], buf, sizeof(buf), NULL, within(5000)), 1);
        assert_int_equal(peer_count_fds(), n_open);
    }
    (void)close(null);
}

static void
senders_are_named_by_the_kernel(void **state)
{
    struct client_sender sender = { 0 };
    int on = 1;
    char buf[8];

    (void)state;
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    assert_int_equal(client_recv_sender(pair[0], buf, sizeof(buf), &sender, within(5000)), 1);
    assert_int_equal(sender.uid, UINT32_MAX);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    assert_int_equal(client_recv_sender(pair[0], buf, sizeof(buf), &sender, within(5000)), 1);
    assert_int_equal(sender.uid, geteuid());
    assert_int_equal(sender.pid, getpid());
}

static void
named_connections_name_the_sender(void **state)
{
    pid_t peer = peer_start(peer_listen(SOCK, 8), echo, NULL);
    int fd = client_connect_named(SOCK, within(5000));
    struct client_sender sender;
    char buf[8];

    (void)state;
    assert_int_equal(client_send(fd, "x", 1, within(5000)), 0);
    assert_int_equal(client_recv_sender(fd, buf, sizeof(buf), &sender, within(5000)), 1);
    assert_int_equal(sender.uid, 0);
    assert_int_equal(sender.pid, peer);
    (void)close(fd);
    peer_stop(peer);
}

static bool
connects_above_stdio(void)
{
    int fd, passed = -1;
    char buf[8];

    (void)close(0);
    (void)close(1);
    (void)close(2);
    fd = client_connect(SOCK, within(5000));
    peer_send_fds(pair[1], "x", 1, &fd, 1);
    return fd > 2 && client_recv(pair[0], buf, sizeof(buf), &passed, within(5000)) == 1 && passed > 2 &&
           peer_count_fds() > 0 && fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
}

static void
standard_descriptors_stay_closed(void **state)
{
    int listener = peer_listen(SOCK, 8);

    (void)state;
    assert_true(peer_in_child(connects_above_stdio));
    (void)close(listener);
}

static int
new_memfd(size_t size, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static int
map_error(int fd, size_t max)
{
    const void *data = "";
    size_t len = 1;
    int error;

    assert_int_equal(sealed_map(fd, max, &data, &len), -1);
    error = errno;
    assert_null(data);
    assert_int_equal(len, 0);
    (void)close(fd);
    return error;
}

static void
sealed_bodies_come_back(void **state)
{
    static char body[100000];
    const void *data;
    size_t len;
    int fd;

    (void)state;
    memset(body, 'x', sizeof(body));
    fd = sealed_new("test", body, sizeof(body));
    assert_true(fd >= 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(fd, "y", 1), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(sealed_map(fd, sizeof(body), &data, &len), 0);
    (void)close(fd);
    assert_int_equal(len, sizeof(body));
    assert_memory_equal(data, body, len);
    (void)munmap((void *)(uintptr_t)data, len);
}

static void
unsealed_bodies_are_refused(void **state)
{
    static const int some[] = { 0, F_SEAL_WRITE, F_SEAL_GROW | F_SEAL_SHRINK, F_SEAL_WRITE | F_SEAL_SHRINK,
                                F_SEAL_WRITE | F_SEAL_GROW, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK };
    const int all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    int fd, ends[2];

    (void)state;
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        assert_int_equal(map_error(new_memfd(10, some[i]), 100), EPERM);
    assert_int_equal(map_error(new_memfd(101, all), 100), EMSGSIZE);
    assert_int_equal(map_error(new_memfd(0, all), 100), EMSGSIZE);
    assert_int_equal(map_error(open("/dev/zero", O_RDWR | O_CLOEXEC), 100), EPERM);
    assert_int_equal(map_error(open("./file", O_RDWR | O_CREAT | O_CLOEXEC, 0600), 100), EPERM);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(map_error(ends[0], 100), EPERM);
    (void)close(ends[1]);
    assert_int_equal(map_error(-1, 100), EPERM);
    fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
    if (fd < 0)
        return;
    assert_int_equal(ftruncate(fd, 2 << 20), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, all), 0);
    assert_int_equal(map_error(fd, 4 << 20), EPERM);
}

/* kB that are locked of the mapping of that name. */
static long
locked_of(const char *name)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false;
    long kb = -1;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        /* A mapping's first line begins with its addresses, the others with a word. */
        if (strchr(line, '-') != NULL && strchr(line, '-') < strchr(line, ' '))
            here = strstr(line, name) != NULL;
        if (here && sscanf(line, "Locked: %ld", &kb) == 1)
            break;
    }
    (void)fclose(f);
    return kb;
}

static void
secrets_that_are_held_are_locked(void **state)
{
    struct sealed_secret s = { 0 };

    (void)state;
    sealed_hold(&s, -1);
    assert_int_equal(s.fd, -1);
    sealed_drop(&s);
    sealed_hold(&s, sealed_new("ticket", "secret", 6));
    assert_non_null(s.pages);
    assert_memory_equal(s.pages, "secret", 6);
#ifndef __SANITIZE_ADDRESS__ /* whose mlock does nothing */
    assert_true(locked_of("/memfd:ticket") > 0);
#endif
    sealed_drop(&s);
    assert_int_equal(s.fd, -1);
    assert_int_equal(locked_of("/memfd:ticket"), -1);
    sealed_drop(&s);
    /* What is no secret of ours is there all the same. */
    sealed_hold(&s, new_memfd(10, 0));
    assert_true(s.fd >= 0);
    assert_null(s.pages);
    sealed_drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_tells_why_not),
        cmocka_unit_test(connect_send_and_receive),
        cmocka_unit_test(full_queue_ends_at_the_deadline),
        cmocka_unit_test(full_queue_lets_in_who_waited),
        cmocka_unit_test(peer_that_is_not_root_is_refused),
        cmocka_unit_test_setup_teardown(receive_ends_at_the_deadline, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(send_ends_at_the_deadline, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(no_signal_comes_from_a_peer_that_left, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(longer_packets_are_refused_or_seen, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(one_descriptor_is_taken_all_others_closed, make_pair, close_pair),
        cmocka_unit_test_setup_teardown(senders_are_named_by_the_kernel, make_pair, close_pair),
        cmocka_unit_test(named_connections_name_the_sender),
        cmocka_unit_test_setup_teardown(standard_descriptors_stay_closed, make_pair, close_pair),
        cmocka_unit_test(sealed_bodies_come_back),
        cmocka_unit_test(unsealed_bodies_are_refused),
        cmocka_unit_test(secrets_that_are_held_are_locked),
    };
    int failed;

    if (!peer_be_root())
        return 77;
    peer_enter_dir();
    (void)chmod(".", 0777);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    peer_leave_dir();
    return failed;
}
