/*
 * A front that was taken over, in authsodd's place, for tests/system/90-hostile.bats.
 *
 *   liarfront
 *
 * Listens on both sockets, says "ready", and answers each question according to
 * the name in it; the tables below have the lies.  A name that no table has is
 * told the truth about: uid 3000N for the N-th of people, group 300500.
 */
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "lib/proto/proto.h"
#include "lib/proto/record.h"

#define GID 300500

/* Users whom front should never answer as it does. */
static const struct user {
    const char *name;
    uint32_t uid, gid;
    const char *answered; /* the name in the answer */
    const char *gecos, *home, *shell;
} users[] = {
    { "uid-0", 0, GID, "uid-0", "", "/root", "/bin/bash" },
    { "uid-1", 1, GID, "uid-1", "", "/", "/bin/bash" },
    { "uid-999", 999, GID, "uid-999", "", "/", "/bin/bash" },
    { "uid-none", UINT32_MAX, GID, "uid-none", "", "/", "/bin/bash" },
    { "gid-0", 300001, 0, "gid-0", "", "/root", "/bin/bash" },
    { "gid-27", 300001, 27, "gid-27", "", "/", "/bin/bash" },
    { "as-root", 300001, GID, "root", "", "/", "/bin/bash" },
    { "as-nobody", 300001, GID, "", "", "/", "/bin/bash" },
    { "home-relative", 300001, GID, "home-relative", "", "tmp/home", "/bin/bash" },
    { "shell-relative", 300001, GID, "shell-relative", "", "/", "bash" },
    { "name-colon", 300001, GID, "name-colon:x:0:0::/:/bin/sh", "", "/", "/bin/bash" },
    { "name-newline", 300001, GID, "name-newline\nroot", "", "/", "/bin/bash" },
    { "gecos-colon", 300001, GID, "gecos-colon", "x:/:/bin/sh", "/", "/bin/bash" },
    { "gecos-newline", 300001, GID, "gecos-newline", "x\nevil::0:0::/:/bin/sh", "/", "/bin/bash" },
    { "home-newline", 300001, GID, "home-newline", "", "/x\nevil::0:0::/:/bin/sh", "/bin/bash" },
};

/* Their groups; everybody's else is GID alone. */
static const struct {
    const char *name;
    uint32_t gid;
} memberships[] = { { "in-root", 0 }, { "in-sudo", 27 }, { "in-shadow", 42 } };

static const struct {
    const char *name;
    uint32_t gid;
    const char *answered;
} groups[] = {
    { "group-0", 0, "group-0" },
    { "group-27", 27, "group-27" },
    { "group-as-root", GID, "root" },
    { "group-newline", GID, "x\nroot" },
};

/* What is said in a conversation; honest until that operation. */
static const struct talk {
    const char *name;
    enum proto_operation when;
    uint32_t uid;             /* of DONE; UINT32_MAX: the right one */
    unsigned what;            /* of SET; 0: nothing is set */
    const char *value;
} talks[] = {
    { "done-0", PROTO_AUTHENTICATE, 0, 0, NULL },
    { "done-1", PROTO_AUTHENTICATE, 1, 0, NULL },
    { "done-999", PROTO_AUTHENTICATE, 999, 0, NULL },
    { "done-local", PROTO_AUTHENTICATE, 1000, 0, NULL },
    { "done-other", PROTO_AUTHENTICATE, 300001, 0, NULL },
    { "account-0", PROTO_ACCOUNT, 0, 0, NULL },
    { "cred-0", PROTO_CRED_ESTABLISH, 0, 0, NULL },
    { "is-local", PROTO_AUTHENTICATE, 1000, 0, NULL },
    { "set-user", PROTO_AUTHENTICATE, UINT32_MAX, PROTO_SET_USER, "root" },
    { "set-early", PROTO_AUTHENTICATE, UINT32_MAX, 99, "LD_PRELOAD=/tmp/evil.so" },
    { "set-preload", PROTO_CRED_ESTABLISH, UINT32_MAX, 99, "LD_PRELOAD=/tmp/evil.so" },
    { "set-assign", PROTO_CRED_ESTABLISH, UINT32_MAX, PROTO_SET_KRB5CCNAME, "LD_PRELOAD=/tmp/evil.so" },
    { "set-lines", PROTO_CRED_ESTABLISH, UINT32_MAX, PROTO_SET_KRB5CCNAME, "FILE:/tmp/x\nLD_PRELOAD=/tmp/evil.so" },
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Who is told the truth about, or is lied to in a conversation only, has an id of his own. */
static uint32_t
uid_of(const char *name)
{
    if (strcmp(name, "is-local") == 0)
        return 1000;
    for (size_t i = 0; i < COUNT(talks); i++) {
        if (strcmp(talks[i].name, name) == 0)
            return 300010 + (uint32_t)i;
    }
    for (size_t i = 0; i < COUNT(memberships); i++) {
        if (strcmp(memberships[i].name, name) == 0)
            return 300100 + (uint32_t)i;
    }
    return strcmp(name, "honest") == 0 ? 300000 : 0;
}

static void
put_passwd(struct writer *w, const char *name)
{
    char home[64];

    for (size_t i = 0; i < COUNT(users); i++) {
        const struct user *u = &users[i];

        if (strcmp(u->name, name) == 0) {
            record_put_passwd(w, u->uid, u->gid, u->answered, u->gecos, u->home, u->shell);
            return;
        }
    }
    (void)snprintf(home, sizeof(home), "/home/%.32s", name);
    record_put_passwd(w, uid_of(name), GID, name, "", home, "/bin/bash");
}

static void
put_group(struct writer *w, const char *name)
{
    const char *const members[] = { "honest" };

    for (size_t i = 0; i < COUNT(groups); i++) {
        if (strcmp(groups[i].name, name) == 0) {
            record_put_group(w, groups[i].gid, groups[i].answered, members, 1);
            return;
        }
    }
    record_put_group(w, GID, "people", members, 1);
}

static void
put_groups(struct writer *w, const char *name)
{
    uint32_t gids[2] = { GID };
    uint32_t n = 1;

    for (size_t i = 0; i < COUNT(memberships); i++) {
        if (strcmp(memberships[i].name, name) == 0)
            gids[n++] = memberships[i].gid;
    }
    record_put_groups(w, uid_of(name), GID, name, gids, n);
}

static bool
is_known(unsigned kind, const char *name)
{
    for (size_t i = 0; i < COUNT(users) && kind == RECORD_PASSWD; i++) {
        if (strcmp(users[i].name, name) == 0)
            return true;
    }
    return kind == RECORD_GROUP ? strncmp(name, "group-", 6) == 0 : uid_of(name) != 0;
}

/* Answers by id are true: lies about ids are told about names. */
static const char *
name_of_id(unsigned kind, uint32_t id)
{
    if (kind == RECORD_GROUP)
        return id == GID ? "people" : NULL;
    for (size_t i = 0; i < COUNT(talks); i++) {
        if (id == 300010 + i)
            return talks[i].name;
    }
    for (size_t i = 0; i < COUNT(memberships); i++) {
        if (id == 300100 + i)
            return memberships[i].name;
    }
    return id == 300000 ? "honest" : NULL;
}

static void
serve_nss(int fd)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    char text[PROTO_NAME_MAX + 1] = "";
    const char *name = text;
    struct proto_get get;
    ssize_t n = recv(fd, packet, sizeof(packet), 0);

    if (n <= 0 || !proto_get_get(packet, (size_t)n, &get))
        return;
    if (get.by == PROTO_BY_NAME)
        memcpy(text, get.name, get.name_len);
    else
        name = name_of_id(get.kind, get.id);
    if (name == NULL || (get.by == PROTO_BY_NAME && !is_known(get.kind, name))) {
        proto_put_head(&w, PROTO_NONE);
    } else {
        proto_put_head(&w, PROTO_RECORD);
        if (get.kind == RECORD_PASSWD)
            put_passwd(&w, name);
        else if (get.kind == RECORD_GROUP)
            put_group(&w, name);
        else
            put_groups(&w, name);
    }
    (void)send(fd, packet, w.len, MSG_NOSIGNAL);
}

static void
send_order(int fd, const struct proto_order *o)
{
    uint8_t packet[4096];
    struct writer w = writer_init(packet, sizeof(packet));

    proto_put_order(&w, o);
    (void)send(fd, packet, w.len, MSG_NOSIGNAL);
}

static void
send_set(int fd, unsigned what, const char *value)
{
    uint8_t packet[4096];
    struct writer w = writer_init(packet, sizeof(packet));

    /* Not by the codec: it would not write such a thing. */
    proto_put_head(&w, PROTO_SET);
    writer_u8(&w, (uint8_t)what);
    writer_str(&w, value);
    (void)send(fd, packet, w.len, MSG_NOSIGNAL);
}

static void
serve_pam(int fd)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    const struct proto_order ask = { .type = PROTO_ASK, .how = PROTO_HOW_SECRET, .code = PROMPT_PASSWORD };
    struct writer w = writer_init(packet, sizeof(packet));
    struct proto_done done = { .err = ERR_OK, .sid = "S-1-5-21-1-2-3-1104" };
    struct proto_begin begin;
    ssize_t n = recv(fd, packet, sizeof(packet), 0);

    if (n <= 0 || !proto_get_begin(packet, (size_t)n, &begin))
        return;
    if (begin.operation == PROTO_AUTHENTICATE) {
        send_order(fd, &ask);
        (void)recv(fd, packet, sizeof(packet), 0);
    }
    done.uid = uid_of(begin.user);
    for (size_t i = 0; i < COUNT(talks); i++) {
        if (strcmp(talks[i].name, begin.user) != 0 || talks[i].when != begin.operation)
            continue;
        if (talks[i].uid != UINT32_MAX)
            done.uid = talks[i].uid;
        if (talks[i].what != 0)
            send_set(fd, talks[i].what, talks[i].value);
    }
    proto_put_done(&w, &done);
    (void)send(fd, packet, w.len, MSG_NOSIGNAL);
}

static int
listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)unlink(path);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 64) != 0 ||
        chmod(path, 0666) != 0)
        err(1, "%s", path);
    return fd;
}

static void
serve_all(int listener, void (*serve)(int))
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0 && fork() == 0) {
            serve(fd);
            _exit(0);
        }
        (void)close(fd);
    }
}

int
main(void)
{
    int nss = listen_at(CLIENT_PATH_NSS), pam = listen_at(CLIENT_PATH_PAM);

    (void)signal(SIGCHLD, SIG_IGN);
    printf("ready\n");
    (void)fflush(stdout);
    if (fork() == 0)
        serve_all(nss, serve_nss);
    serve_all(pam, serve_pam);
}
