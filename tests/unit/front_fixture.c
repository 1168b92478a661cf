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
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/identmap/format.h"
#include "lib/proto/sealed.h"
#include "tests/unit/front_fixture.h"

#define CONFIG "[domain]\nname = corp.test\n"
#define RECORD_INLINE (60U * 1024)
#define HIGH 64 /* above the role's descriptors */

uint32_t peer_uid;
int32_t peer_pid;
int64_t slept_ms;
int64_t waited_ms;
int accept_errno;

/* In place of libc's: who connects is whom the test says. */
int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int rc = (int)syscall(SYS_getsockopt, fd, level, name, value, len);

    if (rc == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
        ((struct ucred *)value)->uid = peer_uid;
    if (rc == 0 && level == SOL_SOCKET && name == SO_PEERCRED && peer_pid != 0)
        ((struct ucred *)value)->pid = peer_pid;
    return rc;
}

/* A connection waits on where there is no descriptor for it. */
int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    if (accept_errno == 0)
        return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
    errno = accept_errno;
    return -1;
}

/* And time asleep passes when the test says so. */
int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);

    if (rc == 0 && clock == CLOCK_BOOTTIME)
        t->tv_sec += slept_ms / 1000;
    if (rc == 0 && clock == CLOCK_MONOTONIC)
        t->tv_sec += waited_ms / 1000;
    return rc;
}

static int
high(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

    assert_true(moved >= HIGH);
    (void)close(fd);
    return moved;
}

static struct sockaddr_un
address(const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    (void)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "test_front-%ld-%s", (long)getpid(), name);
    return a;
}

static int
listener(const char *name)
{
    struct sockaddr_un a = address(name);
    int fd = high(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 4096), 0);
    return fd;
}

/* A pair: one end at the role's place, the other one is given. */
static int
channel_at(int place)
{
    int fds[2];

    assert_true(channel_pair(fds));
    fds[0] = high(fds[0]);
    fds[1] = high(fds[1]);
    assert_int_equal(dup2(fds[1], place), place);
    (void)close(fds[1]);
    return fds[0];
}

static void
listen_at(int place, const char *name)
{
    int fd = listener(name);

    assert_int_equal(dup2(fd, place), place);
    (void)close(fd);
}

int
setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    uint32_t size;

    assert_non_null(x);
    peer_uid = 0;
    peer_pid = 0;
    slept_ms = 0;
    waited_ms = 0;
    accept_errno = 0;
    log_init("test", LOG_LEVEL_ALARM);
    x->keeper = channel_at(FD_KEEPER);
    x->directory = channel_at(FD_DIRECTORY);
    x->member = channel_at(FD_MEMBER);
    x->netlogon = channel_at(FD_NETLOGON);
    listen_at(FD_NSS, "nss");
    listen_at(FD_PAM, "pam");
    x->f = talloc_zero(NULL, struct front);
    x->f->config = config_parse_as(x->f, CONFIG, strlen(CONFIG), "authsod.conf", "ws1", NULL, NULL);
    assert_non_null(x->f->config);
    assert_true(front_begin(x->f));
    assert_true(wants_map(x, &size));
    assert_int_equal(size, IDENTMAP_SIZE_MIN);
    *state = x;
    return 0;
}

int
teardown(void **state)
{
    struct fixture *x = *state;
    int *ends[] = { &x->keeper, &x->directory, &x->member, &x->netlogon };
    struct watch *watches[] = { &x->f->keeper, &x->f->directory, &x->f->member, &x->f->netlogon, &x->f->nss, &x->f->pam };

    front_nss_directory_gone(x->f);
    for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++)
        front_unwatch(x->f, watches[i]);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (*ends[i] >= 0)
            (void)close(*ends[i]);
    }
    (void)turn(x);
    (void)close(x->f->epoll_fd);
    talloc_free(x->f);
    free(x);
    return 0;
}

unsigned
turn(struct fixture *x)
{
    struct epoll_event e;
    unsigned n = 0;

    while (n < 1000000 && epoll_wait(x->f->epoll_fd, &e, 1, 0) == 1) {
        struct watch *w = e.data.ptr;

        w->ready(x->f, w, e.events);
        n++;
    }
    return n;
}

void
tick(struct fixture *x)
{
    x->f->tick_at = 0;
    front_tick(x->f);
}

void
reload(struct fixture *x, const char *text)
{
    int fd = sealed_new("test", text, strlen(text));
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(fd >= 0);
    ipc_put_empty(&w, IPC_CONFIG);
    assert_true(channel_send(x->keeper, packet, w.len, &fd, 1, false));
    (void)close(fd);
    (void)turn(x);
    log_init("test", LOG_LEVEL_ALARM);
}

int
introduce(struct fixture *x, enum role role)
{
    int *end = role == ROLE_DIRECTORY ? &x->directory : role == ROLE_MEMBER ? &x->member : &x->netlogon, old = *end, pair[2];
    struct ipc_peer peer = { .role = role };
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(channel_pair(pair));
    *end = high(pair[0]);
    ipc_put_peer(&w, &peer);
    assert_true(channel_send(x->keeper, packet, w.len, &pair[1], 1, false));
    (void)close(pair[1]);
    return old;
}

bool
told_keeper(struct fixture *x, enum ipc_type type, uint32_t *number_out)
{
    uint8_t packet[256];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(x->keeper, packet, sizeof(packet), fds, 0);

    channel_close_fds(fds);
    return n > 0 && ipc_get_number(packet, (size_t)n, type, number_out);
}

/* The next message to keeper that is not about workers; its length, or what is not above 0. */
static ssize_t
next_for_keeper(struct fixture *x, uint8_t *packet, size_t n)
{
    ssize_t len;

    do {
        int fds[CHANNEL_FDS_MAX];

        len = channel_recv(x->keeper, packet, n, fds, 0);
        channel_close_fds(fds);
    } while (len > 0 && ipc_type(packet, (size_t)len) == IPC_SPAWN);
    return len;
}

bool
wants_map(struct fixture *x, uint32_t *size_out)
{
    uint8_t packet[256];
    ssize_t n = next_for_keeper(x, packet, sizeof(packet));

    return n > 0 && ipc_get_number(packet, (size_t)n, IPC_MAP_NEW, size_out);
}

static void
answer_map(struct fixture *x, uint32_t code, int fd)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_MAP_IS, code);
    assert_true(channel_send(x->keeper, packet, w.len, &fd, fd < 0 ? 0 : 1, false));
    (void)turn(x);
}

void *
give_map(struct fixture *x, uint32_t size)
{
    static const uint8_t key[HASH_KEY_LEN] = "not known to you";
    int fd = memfd_create("map", MFD_CLOEXEC);
    void *data;

    assert_true(fd >= 0 && ftruncate(fd, size) == 0);
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(data != MAP_FAILED);
    shared_head_init(data, IDENTMAP_MAGIC, IDENTMAP_VERSION, key);
    answer_map(x, 0, fd);
    (void)close(fd);
    return data;
}

void
refuse_map(struct fixture *x, uint32_t code)
{
    answer_map(x, code, -1);
}

bool
map_placed(struct fixture *x)
{
    uint8_t packet[256];
    ssize_t n = next_for_keeper(x, packet, sizeof(packet));

    return n > 0 && ipc_get_empty(packet, (size_t)n, IPC_MAP_PLACE);
}

static int
connect_to(const char *name)
{
    struct sockaddr_un a = address(name);
    int fd = high(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

int
pam_connect(void)
{
    return connect_to("pam");
}

int
nss_connect(void)
{
    return connect_to("nss");
}

void
nss_send(int fd, enum record_kind kind, enum proto_by by, const char *name, uint32_t id)
{
    uint8_t packet[PROTO_NAME_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_get(&w, kind, by, name, id);
    assert_true(writer_ok(&w));
    assert_int_equal(send(fd, packet, w.len, MSG_NOSIGNAL), (ssize_t)w.len);
}

int
nss_ask(struct fixture *x, enum record_kind kind, const char *name)
{
    int fd = connect_to("nss");

    nss_send(fd, kind, PROTO_BY_NAME, name, 0);
    (void)turn(x);
    return fd;
}

int
nss_ask_id(struct fixture *x, enum record_kind kind, uint32_t id)
{
    int fd = connect_to("nss");

    nss_send(fd, kind, PROTO_BY_ID, NULL, id);
    (void)turn(x);
    return fd;
}

int
nss_answer(int fd, int *fd_out)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(fd, packet, sizeof(packet), fds, 0);

    if (fd_out != NULL)
        *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return 0;
    return n <= 0 ? -1 : (int)proto_peek(packet, (size_t)n);
}

int
nss_take(int fd)
{
    int type = nss_answer(fd, NULL);

    (void)close(fd);
    return type;
}

bool
next_lookup(struct fixture *x, struct ipc_lookup *m_out)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(x->directory, packet, sizeof(packet), fds, 0);

    return n > 0 && ipc_get_lookup(packet, (size_t)n, m_out);
}

static void
send_found(struct fixture *x, const struct ipc_found *m, int fd)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_found(&w, m);
    assert_true(writer_ok(&w));
    assert_true(channel_send(x->directory, packet, w.len, &fd, fd < 0 ? 0 : 1, false));
    (void)turn(x);
}

void
answer_status(struct fixture *x, uint32_t request, enum ipc_status status)
{
    struct ipc_found m = { .request = request, .status = status, .refresh = 1, .end = 1 };

    send_found(x, &m, -1);
}

static void
answer_record(struct fixture *x, uint32_t request, const uint8_t *record, size_t len)
{
    struct ipc_found m = { .request = request, .status = IPC_STATUS_FOUND, .refresh = 900, .end = 86400,
                           .record = record, .record_len = len };
    int fd = -1;

    if (len > RECORD_INLINE) {
        m.record = NULL;
        m.record_len = 0;
        fd = sealed_new("test", record, len);
        assert_true(fd >= 0);
    }
    send_found(x, &m, fd);
    if (fd >= 0)
        (void)close(fd);
}

void
answer_passwd(struct fixture *x, uint32_t request, const char *name, uint32_t uid)
{
    uint8_t record[1024];
    struct writer w = writer_init(record, sizeof(record));

    proto_put_head(&w, PROTO_RECORD);
    record_put_passwd(&w, uid, 2000513, name, "", "/home/x", "/bin/sh");
    assert_true(writer_ok(&w));
    answer_record(x, request, record, w.len);
}

void
answer_group(struct fixture *x, uint32_t request, const char *name, uint32_t gid, unsigned members)
{
    static uint8_t record[1U << 20];
    static char names[20000][24];
    static const char *list[20000];
    struct writer w = writer_init(record, sizeof(record));

    assert_true(members <= 20000);
    for (unsigned i = 0; i < members; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "member%05u", i);
        list[i] = names[i];
    }
    proto_put_head(&w, PROTO_RECORD);
    record_put_group(&w, gid, name, list, members);
    assert_true(writer_ok(&w));
    answer_record(x, request, record, w.len);
}

unsigned
open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n;
}
