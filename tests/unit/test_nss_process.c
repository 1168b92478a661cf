/* nss_authsod in the processes that programs make: threads, forks, chroots, closed descriptors, the boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "nss_authsod/module.h"
#include "tests/unit/fake_front.h"
#include "tests/unit/peer.h"

static pid_t front;

static int
start_front(void **state)
{
    (void)state;
    front = front_start();
    return 0;
}

static int
stop_front(void **state)
{
    (void)state;
    peer_stop(front);
    return 0;
}

static enum nss_status
user(const char *name, int *error)
{
    struct passwd pw;
    char buf[4096];

    return _nss_authsod_getpwnam_r(name, &pw, buf, sizeof(buf), error);
}

static bool
is_refused_here(void)
{
    int error = 0;

    return user("alice", &error) == NSS_STATUS_UNAVAIL && error == ENOENT;
}

/* All kinds a few times: true if each answer was right. Its errors are its own: threads run it. */
static bool
looks_up(void)
{
    struct passwd pw;
    struct group gr;
    long int start = 0, size = 1;
    gid_t *gids = calloc(1, sizeof(*gids));
    char buf[1024], *large = malloc(1 << 19);
    int err = 0;
    bool ok = gids != NULL && large != NULL;

    for (int i = 0; ok && i < 20; i++) {
        ok = _nss_authsod_getpwnam_r("alice", &pw, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS && pw.pw_uid == 200001;
        ok = ok && _nss_authsod_getpwuid_r(200001, &pw, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS &&
             strcmp(pw.pw_name, "alice") == 0;
        ok = ok && _nss_authsod_getgrgid_r(200513, &gr, buf, sizeof(buf), &err) == NSS_STATUS_SUCCESS &&
             strcmp(gr.gr_mem[1], "bob") == 0;
    }
    ok = ok && _nss_authsod_getgrnam_r("big", &gr, large, 1 << 19, &err) == NSS_STATUS_SUCCESS &&
         strcmp(gr.gr_mem[FRONT_BIG_MEMBERS - 1], "user9999") == 0;
    ok = ok && _nss_authsod_initgroups_dyn("many", 0, &start, &size, &gids, -1, &err) == NSS_STATUS_SUCCESS &&
         start == FRONT_MANY_GROUPS + 1;
    free(gids);
    free(large);
    return ok;
}

static void *
look_up_in_thread(void *ok)
{
    *(bool *)ok = looks_up();
    return NULL;
}

static void
run_threads(size_t n, size_t stack)
{
    pthread_t threads[8];
    bool ok[8] = { false };
    pthread_attr_t attr;

    assert_int_equal(pthread_attr_init(&attr), 0);
    if (stack > 0)
        assert_int_equal(pthread_attr_setstacksize(&attr, stack), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], &attr, look_up_in_thread, &ok[i]), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(ok[i]);
    }
    (void)pthread_attr_destroy(&attr);
}

static void
threads_do_not_meet(void **state)
{
    unsigned open = peer_count_fds();

    (void)state;
    run_threads(8, 0);
    assert_int_equal(peer_count_fds(), open);
}

static void
small_stacks_are_enough(void **state)
{
    (void)state;
    run_threads(1, 65536);
}

static void *
wait_for_silence(void *unused)
{
    int error = 0;

    (void)unused;
    (void)user("silent", &error);
    pthread_testcancel();
    return NULL;
}

static void
cancelled_threads_leave_nothing(void **state)
{
    unsigned open = peer_count_fds();
    pthread_t thread;
    void *result;

    (void)state;
    front_patience = 200;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_silence, NULL), 0);
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    front_patience = 60000;
    assert_true(result == PTHREAD_CANCELED);
    assert_int_equal(peer_count_fds(), open);
}

static void
forks_do_not_meet(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(looks_up());
        assert_true(peer_in_child(looks_up));
    }
}

/* Every descriptor closed, then each number taken by something else. */
static bool
looks_up_without_descriptors(void)
{
    bool ok = looks_up();

    for (int fd = 0; fd < 256; fd++)
        (void)close(fd);
    ok = ok && looks_up() && peer_count_fds() == 0;
    for (int i = 0; i < 10; i++)
        ok = ok && open("/dev/null", O_RDWR | O_CLOEXEC) == i;
    return ok && looks_up() && peer_count_fds() == 10;
}

static void
descriptors_may_be_closed_and_reused(void **state)
{
    (void)state;
    assert_true(peer_in_child(looks_up_without_descriptors));
}

static bool
looks_up_in_chroot(void)
{
    if (!looks_up() || mkdir("./empty", 0700) != 0 || chroot("./empty") != 0 || chdir("/") != 0)
        return false;
    return is_refused_here();
}

static void
chroot_has_no_service(void **state)
{
    (void)state;
    assert_true(peer_in_child(looks_up_in_chroot));
}

static bool
looks_up_as_nobody(void)
{
    return looks_up() && setresuid(65534, 65534, 65534) == 0 && looks_up() && setresuid(0, 0, 0) != 0;
}

static void
dropped_rights_change_nothing(void **state)
{
    if (seteuid(65534) != 0 || seteuid(0) != 0)
        skip(); /* a user namespace of one user */
    (void)state;
    assert_int_equal(chmod(CLIENT_PATH_NSS, 0666), 0);
    assert_true(peer_in_child(looks_up_as_nobody));
}

static bool
is_refused_in_our_unit(void)
{
    return setenv("SYSTEMD_ACTIVATION_UNIT", "authsodd.service", 1) == 0 && is_refused_here() &&
           setenv("SYSTEMD_ACTIVATION_UNIT", "authsodd.socket", 1) == 0 && is_refused_here() &&
           setenv("SYSTEMD_ACTIVATION_UNIT", "cron.service", 1) == 0 && looks_up();
}

/* In a PID namespace: process 1 there, and children of it. */
static bool
init_is_refused(void)
{
    return getpid() == 1 && is_refused_here() && peer_in_child(is_refused_in_our_unit) && peer_in_child(looks_up);
}

static bool
init_is_refused_in_namespace(void)
{
    return unshare(CLONE_NEWPID) == 0 && peer_in_child(init_is_refused);
}

static void
boot_does_not_wait_for_itself(void **state)
{
    (void)state;
    assert_true(peer_in_child(init_is_refused_in_namespace));
    /* Elsewhere the environment says nothing. */
    assert_int_equal(setenv("SYSTEMD_ACTIVATION_UNIT", "authsodd.service", 1), 0);
    assert_true(looks_up());
    assert_int_equal(unsetenv("SYSTEMD_ACTIVATION_UNIT"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_meet),
        cmocka_unit_test(small_stacks_are_enough),
        cmocka_unit_test(cancelled_threads_leave_nothing),
        cmocka_unit_test(forks_do_not_meet),
        cmocka_unit_test(descriptors_may_be_closed_and_reused),
        cmocka_unit_test(chroot_has_no_service),
        cmocka_unit_test(dropped_rights_change_nothing),
        cmocka_unit_test(boot_does_not_wait_for_itself),
    };
    int failed;

    if (!peer_be_root())
        return 77;
    peer_enter_dir();
    if (chmod(".", 0711) != 0)
        return 99;
    failed = cmocka_run_group_tests(tests, start_front, stop_front);
    peer_leave_dir();
    return failed;
}
