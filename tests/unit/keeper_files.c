#include "tests/unit/keeper_files.h"

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
#include "lib/membership/machine_secret.h"
#include "lib/membership/replace.h"

#define CONFIG "[domain]\nname = corp.test\n"

char run[] = "/tmp/test_keeper-run-XXXXXX";
struct keeper *k;
struct child *front;
int to_front;
int64_t waited_ms, slept_ms;
struct shared_readers readers;

/* In place of libc's: time passes when the test says so. */
int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);

    t->tv_sec += (clock == CLOCK_BOOTTIME ? slept_ms : waited_ms) / 1000;
    return rc;
}

const char *
at(const char *folder, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/*
 * A disk of the test's own in place of the nearest folder that there is above
 * the path, unless that is on one, and all folders on the way.
 */
static void
own_folder_of(const char *path)
{
    static char own[PATH_MAX] = "-";
    char folder[PATH_MAX];
    size_t len;

    (void)snprintf(folder, sizeof(folder), "%s", path);
    do {
        *strrchr(folder, '/') = '\0';
        len = strlen(folder);
    } while (len > 0 && access(folder, F_OK) != 0);
    assert_true(len > 0);
    if (strncmp(folder, own, strlen(own)) != 0) {
        assert_int_equal(mount("test", folder, "tmpfs", 0, "size=1m"), 0);
        (void)snprintf(own, sizeof(own), "%s", folder);
    }
    for (const char *slash = strchr(path + len + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        assert_int_equal(mkdir(folder, 0755), 0);
    }
}

int
keeper_files_begin(void **state)
{
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) {
        (void)puts("# skipped: needs root's right to mount");
        exit(77);
    }
    own_folder_of("/etc/passwd");
    own_folder_of(MACHINE_SECRET_PATH);
    own_folder_of(MEMBERSHIP_LOCK_PATH);
    assert_non_null(mkdtemp(run));
    assert_int_equal(mount("test", run, "tmpfs", 0, "size=96m"), 0);
    (void)umask(077);
    return 0;
}

int
keeper_files_end(void **state)
{
    (void)state;
    (void)umount2(run, MNT_DETACH);
    return rmdir(run);
}

static void
complain(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

void
configure(const char *text)
{
    talloc_free(k->config);
    k->config = config_parse_as(k, text, strlen(text), "c", "ws1", complain, NULL);
    assert_non_null(k->config);
}

void
keeper_new(const char *config)
{
    log_init("test", LOG_LEVEL_ALARM);
    waited_ms = slept_ms = 0;
    k = talloc_zero(NULL, struct keeper);
    configure(config);
    k->config_fd = k->nss_fd = k->pam_fd = k->control_fd = k->control_client = -1;
}

int
setup(void **state)
{
    int pair[2];

    (void)state;
    write_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nLocal1:x:1001:1001::/:/bin/sh\n");
    write_file("/etc/group", "root:x:0:\nteam:x:1500:\n");
    keeper_new(CONFIG);
    assert_true(channel_pair(pair));
    front = &k->children[0];
    front->pid = getpid();
    front->role = ROLE_FRONT;
    front->channel = pair[0];
    to_front = pair[1];
    assert_true(keeper_map_begin(k, run));
    return 0;
}

unsigned
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

int
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

uint32_t
superseded(int fd)
{
    uint32_t value;

    assert_int_equal(pread(fd, &value, sizeof(value), offsetof(struct shared_head, superseded)), sizeof(value));
    return value;
}

void
fill_disk(const char *folder)
{
    static char zeros[1U << 20];
    int fd = open(at(folder, ".full"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    (void)close(fd);
}

void
empty_disk(const char *folder)
{
    assert_int_equal(unlink(at(folder, ".full")), 0);
}
