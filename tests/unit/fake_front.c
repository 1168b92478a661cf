#include "tests/unit/fake_front.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "lib/proto/proto.h"
#include "lib/proto/record.h"
#include "lib/proto/sealed.h"
#include "tests/unit/peer.h"

#define BODY_MAX (1U << 20)

int64_t front_patience = 60000;

static atomic_uint *heard;
static uint8_t body[BODY_MAX];

static struct writer
record(void)
{
    struct writer w = writer_init(body, sizeof(body));

    proto_put_head(&w, PROTO_RECORD);
    return w;
}

static void
send_packet(int fd, const void *data, size_t len)
{
    (void)send(fd, data, len, MSG_NOSIGNAL);
}

static void
send_head(int fd, enum proto_type type)
{
    uint8_t packet[2];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_head(&w, type);
    send_packet(fd, packet, w.len);
}

static void
send_memfd(int fd, int memfd)
{
    uint8_t packet[2] = { PROTO_VERSION, PROTO_RECORD };

    peer_send_fds(fd, packet, sizeof(packet), &memfd, 1);
    (void)close(memfd);
}

/* As the daemon sends it: in a packet, or in a memfd where that is too small. */
static void
send_record(int fd, const struct writer *w)
{
    if (w->failed)
        errx(99, "BODY_MAX is too small");
    if (w->len <= PROTO_PACKET_MAX)
        send_packet(fd, w->data, w->len);
    else
        send_memfd(fd, sealed_new("authsod", w->data, w->len));
}

/* A record of the kind that was asked for. */
static void
put_kind(struct writer *w, unsigned kind, uint32_t uid, uint32_t gid, const char *name)
{
    static const char *const members[] = { "alice", "bob" };
    uint32_t gids[] = { 200513, gid, 200514, 200515 };

    if (kind == RECORD_PASSWD)
        record_put_passwd(w, uid, gid, name, "Alice Example", "/home/alice", "/bin/bash");
    else if (kind == RECORD_GROUP)
        record_put_group(w, gid, name, members, 2);
    else
        record_put_groups(w, uid, gid, name, gids, 4);
}

static void
put_large_group(struct writer *w, uint32_t gid, const char *name, uint32_t n)
{
    static char texts[FRONT_BIG_MEMBERS][12];
    static const char *members[FRONT_BIG_MEMBERS];

    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "user%u", i);
        members[i] = texts[i];
    }
    record_put_group(w, gid, name, members, n);
}

static void
send_group(int fd, uint32_t gid, const char *name, uint32_t n)
{
    struct writer w = record();

    put_large_group(&w, gid, name, n);
    send_record(fd, &w);
}

static void
send_many_groups(int fd)
{
    static uint32_t gids[FRONT_MANY_GROUPS];
    struct writer w = record();

    for (uint32_t i = 0; i < FRONT_MANY_GROUPS; i++)
        gids[i] = 201000 + i;
    record_put_groups(&w, 200002, 200513, "many", gids, FRONT_MANY_GROUPS);
    send_record(fd, &w);
}

const char *const front_lies[] = { "uid-0",      "uid-999",     "uid-none",     "gid-0",      "gid-999",       "named-root",
                                   "named-evil", "named-empty", "wrong-kind",   "cut",        "excess",        "version-2",
                                   "type-get",   "type-0",      "endless-list", "none-extra", "later-extra",   "too-long",
                                   "unsealed",   "not-memfd",   "empty-memfd",  "huge-memfd", "garbage-memfd", NULL };

/* Lies that are records: true if name is one of them. */
static bool
put_lie(struct writer *w, unsigned kind, const char *name)
{
    bool user = kind != RECORD_GROUP;

    if (strcmp(name, "uid-0") == 0)
        put_kind(w, kind, 0, user ? 200513 : 0, "alice");
    else if (strcmp(name, "uid-999") == 0)
        put_kind(w, kind, 999, user ? 200513 : 999, "alice");
    else if (strcmp(name, "uid-none") == 0)
        put_kind(w, kind, UINT32_MAX, user ? 200513 : UINT32_MAX, "alice");
    else if (strcmp(name, "gid-0") == 0)
        put_kind(w, kind, 200001, 0, "alice");
    else if (strcmp(name, "gid-999") == 0)
        put_kind(w, kind, 200001, 999, "alice");
    else if (strcmp(name, "named-root") == 0)
        put_kind(w, kind, 200001, 200513, "root");
    else if (strcmp(name, "named-evil") == 0)
        put_kind(w, kind, 200001, 200513, "eve::0:0::/:/bin/sh\nroot");
    else if (strcmp(name, "named-empty") == 0)
        put_kind(w, kind, 200001, 200513, "");
    else if (strcmp(name, "wrong-kind") == 0)
        put_kind(w, kind % 3 + 1, 200001, 200513, "alice");
    else if (strcmp(name, "too-long") == 0 && kind == RECORD_GROUP)
        put_large_group(w, 200600, "big", FRONT_BIG_MEMBERS); /* in a packet */
    else
        return false;
    return true;
}

/* Lies about a packet's form: the good one is in w. */
static void
spoil(struct writer *w, unsigned kind, const char *name)
{
    if (strcmp(name, "cut") == 0)
        w->len--;
    if (strcmp(name, "excess") == 0)
        writer_u8(w, 0);
    if (strcmp(name, "version-2") == 0)
        w->data[0] = PROTO_VERSION + 1;
    if (strcmp(name, "type-get") == 0)
        w->data[1] = PROTO_GET;
    if (strcmp(name, "type-0") == 0)
        w->data[1] = 0;
    if (strcmp(name, "none-extra") == 0)
        w->data[1] = PROTO_NONE;
    if (strcmp(name, "later-extra") == 0)
        w->data[1] = PROTO_LATER;
    /* The u32 that counts a list; a user's lengths. */
    if (strcmp(name, "endless-list") == 0)
        writer_patch_u32(w, kind == RECORD_GROUP ? 7 : 11, UINT32_MAX);
    if (strcmp(name, "too-long") == 0 && kind != RECORD_GROUP)
        w->len = PROTO_PACKET_MAX + 1;
}

/* Lies about a memfd: -1 if name is none of them. w: what belongs into it. */
static int
lying_memfd(const struct writer *w, const char *name)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    int fd;

    if (strcmp(name, "not-memfd") == 0)
        return open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (strcmp(name, "garbage-memfd") == 0)
        return sealed_new("authsod", "garbage", 7);
    if (strcmp(name, "unsealed") != 0 && strcmp(name, "empty-memfd") != 0 && strcmp(name, "huge-memfd") != 0)
        return -1;
    fd = memfd_create("authsod", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (strcmp(name, "unsealed") == 0 && write(fd, w->data, w->len) == (ssize_t)w->len)
        return fd;
    if (strcmp(name, "huge-memfd") == 0 && ftruncate(fd, PROTO_RECORD_MAX + 1) != 0)
        err(99, "ftruncate");
    if (fcntl(fd, F_ADD_SEALS, seals) != 0)
        err(99, "F_ADD_SEALS");
    return fd;
}

static bool
is_lie(const char *name)
{
    for (size_t i = 0; front_lies[i] != NULL; i++) {
        if (strcmp(front_lies[i], name) == 0)
            return true;
    }
    return false;
}

static void
lie(int fd, unsigned kind, const char *name)
{
    struct writer w = record();
    int memfd;

    if (!put_lie(&w, kind, name))
        put_kind(&w, kind, 200001, 200513, "alice");
    memfd = lying_memfd(&w, name);
    if (memfd >= 0) {
        send_memfd(fd, memfd);
        return;
    }
    spoil(&w, kind, name);
    send_packet(fd, w.data, w.len);
}

static void
send_kind(int fd, unsigned kind, uint32_t uid, uint32_t gid, const char *name)
{
    struct writer w = record();

    put_kind(&w, kind, uid, gid, name);
    send_record(fd, &w);
}

/* Questions that have no record for an answer: true if name is one. */
static bool
answer_nothing(int fd, const char *name)
{
    char byte;

    if (strcmp(name, "later") == 0)
        send_head(fd, PROTO_LATER);
    else if (strcmp(name, "silent") == 0)
        (void)recv(fd, &byte, 1, 0); /* until the asker gives up */
    else
        return strcmp(name, "gone") == 0;
    return true;
}

static void
answer_name(int fd, unsigned kind, const char *name)
{
    if (answer_nothing(fd, name))
        return;
    if (strcmp(name, "slow") == 0)
        (void)poll(NULL, 0, 20);
    if (is_lie(name))
        lie(fd, kind, name);
    else if (kind == RECORD_GROUP && strcmp(name, "big") == 0)
        send_group(fd, 200600, "big", FRONT_BIG_MEMBERS);
    else if (kind == RECORD_GROUP && strcmp(name, "wide") == 0)
        send_group(fd, 200601, "wide", FRONT_WIDE_MEMBERS);
    else if (kind == RECORD_GROUP && strcmp(name, "domain users") == 0)
        send_kind(fd, kind, 0, 200513, "domain users");
    else if (kind == RECORD_GROUPS && strcmp(name, "many") == 0)
        send_many_groups(fd);
    else if (kind != RECORD_GROUP && (strcmp(name, "alice") == 0 || strcmp(name, "CORP\\alice") == 0 ||
                                      strcmp(name, "slow") == 0 || strstr(name, "@corp.test") != NULL))
        send_kind(fd, kind, 200001, 200513, "alice");
    else
        send_head(fd, PROTO_NONE);
}

static void
answer_id(int fd, unsigned kind, uint32_t id)
{
    if (id == 200900)
        send_kind(fd, kind, 200001, 200513, "alice");
    else if (id == 200901)
        send_kind(fd, kind % 3 + 1, id, id, "alice");
    else if (kind == RECORD_PASSWD && id == 200001)
        send_kind(fd, kind, 200001, 200513, "alice");
    else if (kind == RECORD_GROUP && id == 200513)
        send_kind(fd, kind, 0, 200513, "domain users");
    else if (kind == RECORD_GROUP && id == 200600)
        send_group(fd, 200600, "big", FRONT_BIG_MEMBERS);
    else
        send_head(fd, PROTO_NONE);
}

static void
serve(int fd, const void *arg)
{
    uint8_t packet[512];
    char name[PROTO_NAME_MAX + 1] = "";
    ssize_t n = recv(fd, packet, sizeof(packet), 0);
    struct proto_get get;

    (void)arg;
    if (n <= 0 || !proto_get_get(packet, (size_t)n, &get))
        return;
    (void)atomic_fetch_add(heard, 1);
    if (get.by == PROTO_BY_ID) {
        answer_id(fd, get.kind, get.id);
        return;
    }
    memcpy(name, get.name, get.name_len);
    answer_name(fd, get.kind, name);
}

pid_t
front_start(void)
{
    if (heard == NULL)
        heard = mmap(NULL, sizeof(*heard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (heard == MAP_FAILED)
        err(99, "mmap");
    return peer_start(peer_listen(CLIENT_PATH_NSS, 64), serve, NULL);
}

unsigned
front_heard(void)
{
    return atomic_load(heard);
}
