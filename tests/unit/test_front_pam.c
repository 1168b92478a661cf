/* Conversations: whose they are, and what is believed of those who begin them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "daemon/front.h"
#include "lib/proto/client.h"
#include "lib/sid/idmap.h"

#define DOMAIN "S-1-5-21-1004336348-1177238915-682003330"

struct desk {
    struct front *f;
    int directory;   /* directory's end of its channel with front */
    int module;      /* the module's end of its connection */
};

static void
ignore_error(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static struct desk
begin(void)
{
    static const char text[] = "[domain]\nname = corp.test\n";
    struct desk d = { .f = talloc_zero(NULL, struct front), .module = -1 };
    int pair[2];

    d.f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    d.f->config = config_parse_as(d.f, text, strlen(text), "c", "ws1.corp.test", ignore_error, NULL);
    assert_non_null(d.f->config);
    d.f->names = local_names_new(d.f, d.f->config);
    assert_true(channel_pair(pair));
    d.f->directory.fd = pair[0];
    d.directory = pair[1];
    for (size_t i = 0; i < FRONT_TICKETS_MAX; i++)
        d.f->tickets[i].tgt.fd = -1;
    return d;
}

static void
end(struct desk *d)
{
    while (d->f->conversations != NULL)
        front_pam_end(d->f, d->f->conversations, ERR_CANCELLED, false, NULL);
    (void)close(d->f->epoll_fd);
    (void)close(d->f->directory.fd);
    (void)close(d->directory);
    if (d->module >= 0)
        (void)close(d->module);
    talloc_free(d->f);
}

static int
module_socket(struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    memset(a, 0, sizeof(*a));
    a->sun_family = AF_UNIX;
    /* In no folder: the first byte is NUL. */
    (void)snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "authsod-test-%ld", (long)getpid());
    assert_true(fd >= 0);
    return fd;
}

/* A module connects, as a process of uid, and begins; gives front's side of it. */
static struct conversation *
talk(struct desk *d, uid_t uid, const struct proto_begin *b)
{
    struct conversation *c;
    uint8_t packet[8192];
    struct writer w = writer_init(packet, sizeof(packet));
    struct sockaddr_un a;
    struct watch listener = { .fd = module_socket(&a) };

    assert_int_equal(bind(listener.fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener.fd, 1), 0);
    d->module = module_socket(&a);
    assert_int_equal(connect(d->module, (struct sockaddr *)&a, sizeof(a)), 0);
    front_pam_accept(d->f, &listener, EPOLLIN);
    (void)close(listener.fd);
    c = d->f->conversations;
    assert_non_null(c);
    c->peer.uid = uid;
    proto_put_begin(&w, b);
    assert_true(channel_send(d->module, packet, w.len, NULL, 0, false));
    c->watch.ready(d->f, &c->watch, EPOLLIN);
    return c;
}

/* What the module gets next: ERR_OK for a question, else how it ended. */
static enum err
heard(const struct desk *d)
{
    struct proto_order order;
    struct proto_done done;
    uint8_t packet[8192];
    ssize_t n = recv(d->module, packet, sizeof(packet), MSG_DONTWAIT);

    assert_true(n > 0);
    if (proto_get_order(packet, (size_t)n, &order))
        return ERR_OK;
    assert_true(proto_get_done(packet, (size_t)n, &done));
    return done.err;
}

static struct ipc_identity
identity(const struct desk *d, const char *sid, uint32_t uid)
{
    struct ipc_identity m = { .request = d->f->last_request, .status = IPC_STATUS_FOUND, .uid = uid, .gid = uid };

    assert_true(sid_parse(sid, &m.sid));
    (void)snprintf(m.name, sizeof(m.name), "alice");
    (void)snprintf(m.principal, sizeof(m.principal), "mallory");
    return m;
}

static enum err
answered(struct desk *d, const char *sid, uint32_t uid)
{
    struct ipc_identity m = identity(d, sid, uid);
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_identity(&w, &m);
    assert_true(front_pam_identity(d->f, packet, w.len));
    return heard(d);
}

/* The id of the account in the tests' domain. */
static uint32_t
id_of(const char *text)
{
    struct idmap *map = idmap_new(NULL, IDMAP_LOWER_DEFAULT, IDMAP_UPPER_DEFAULT, IDMAP_SLICE_DEFAULT);
    struct sid domain, sid;
    uint32_t id = 0;

    assert_true(sid_parse(DOMAIN, &domain) && sid_parse(text, &sid));
    assert_true(idmap_add_domain(map, "corp.test", &domain) && idmap_id(map, &sid, &id));
    talloc_free(map);
    return id;
}

/* directory reads what the network sends: it cannot say which account an id belongs to. */
static void
ids_come_from_sids(void **state)
{
    static const struct proto_begin b = { .operation = PROTO_AUTHENTICATE, .user = "alice" };
    uint32_t alice = id_of(DOMAIN "-1103");

    (void)state;
    {
        const struct {
            const char *sid;
            uint32_t uid;
            enum err err;
        } cases[] = {
            { DOMAIN "-1103", alice, ERR_OK },
            { DOMAIN "-1104", alice, ERR_WRONG_ACCOUNT },
            { DOMAIN "-1103", alice + 1, ERR_WRONG_ACCOUNT },
            { "S-1-5-21-1-2-3-1103", alice, ERR_WRONG_ACCOUNT },
            { DOMAIN, alice, ERR_WRONG_ACCOUNT },
            { "S-1-5-32-544", alice, ERR_WRONG_ACCOUNT },
            { DOMAIN "-1103", 0, ERR_WRONG_ACCOUNT },
            { DOMAIN "-1103", 1000, ERR_WRONG_ACCOUNT },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct desk d = begin();
            enum err err;

            (void)talk(&d, 0, &b);
            err = answered(&d, cases[i].sid, cases[i].uid);
            if (err != cases[i].err)
                fail_msg("%s, %u: %s", cases[i].sid, cases[i].uid, err_name((uint32_t)err));
            end(&d);
        }
    }
}

/* What alice's logon of just now has left. */
static void
leave_ticket(struct desk *d, uint32_t uid)
{
    struct ticket *t = &d->f->tickets[7];

    t->until = front_clock() + FRONT_TICKETS_MS;
    t->uid = t->gid = uid;
    assert_true(sid_parse(DOMAIN "-1103", &t->sid));
    (void)snprintf(t->name, sizeof(t->name), "alice");
    memset(t->handle, 'h', sizeof(t->handle));
}

/* Who has just logged on is not looked up again where the application has the handle; everything else is asked for. */
static void
a_handle_says_who_it_is(void **state)
{
    uint32_t alice = id_of(DOMAIN "-1103");
    const struct {
        const char *what, *user;
        enum proto_operation operation;
        uid_t peer;
        uint32_t uid;  /* in the ticket */
        uint8_t handle;
        bool known;    /* without directory */
        enum err err;  /* how it ends then */
    } cases[] = {
        { "the account", "alice", PROTO_ACCOUNT, 0, alice, 'h', true, ERR_OK },
        { "the session", "alice", PROTO_OPEN_SESSION, 0, alice, 'h', true, ERR_OK },
        { "a lock screen of the user's", "alice", PROTO_ACCOUNT, alice, alice, 'h', true, ERR_OK },
        { "another user's program", "alice", PROTO_ACCOUNT, alice + 1, alice, 'h', true, ERR_FORBIDDEN },
        { "another handle", "alice", PROTO_ACCOUNT, 0, alice, 'i', false, ERR_OK },
        { "no handle", "alice", PROTO_ACCOUNT, 0, alice, 0, false, ERR_OK },
        { "another name", "bob", PROTO_ACCOUNT, 0, alice, 'h', false, ERR_OK },
        { "another spelling", "Alice", PROTO_ACCOUNT, 0, alice, 'h', false, ERR_OK },
        { "another logon", "alice", PROTO_AUTHENTICATE, 0, alice, 'h', false, ERR_OK },
        { "another password", "alice", PROTO_CHANGE_PASSWORD, 0, alice, 'h', false, ERR_OK },
        { "an id of other ranges than today's", "alice", PROTO_ACCOUNT, 0, alice + 1, 'h', false, ERR_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proto_begin b = { .operation = cases[i].operation, .has_handle = cases[i].handle != 0 };
        struct desk d = begin();
        uint8_t packet[2048];
        int fds[CHANNEL_FDS_MAX];
        bool asked_directory;

        (void)snprintf(b.user, sizeof(b.user), "%s", cases[i].user);
        memset(b.handle, cases[i].handle, sizeof(b.handle));
        leave_ticket(&d, cases[i].uid);
        (void)talk(&d, cases[i].peer, &b);
        asked_directory = channel_recv(d.directory, packet, sizeof(packet), fds, 0) > 0;
        if (asked_directory == cases[i].known)
            fail_msg("%s: directory was %s", cases[i].what, asked_directory ? "asked" : "not asked");
        if (cases[i].known && heard(&d) != cases[i].err)
            fail_msg("%s: ended otherwise", cases[i].what);
        end(&d);
    }
    /* Where no controller has let her in the account's state is asked for all the same. */
    {
        struct proto_begin b = { .operation = PROTO_ACCOUNT, .has_handle = true, .user = "alice" };
        struct desk d = begin();

        leave_ticket(&d, alice);
        d.f->tickets[7].offline = true;
        memset(b.handle, 'h', sizeof(b.handle));
        (void)talk(&d, 0, &b);
        assert_int_equal(d.f->conversations->state, CONVERSATION_STATE);
        end(&d);
    }
    /* Nor by a ticket whose time is over. */
    {
        const struct proto_begin b = { .operation = PROTO_ACCOUNT, .has_handle = true, .user = "alice" };
        struct desk d = begin();

        (void)talk(&d, 0, &b);
        assert_int_equal(d.f->conversations->state, CONVERSATION_WHO);
        end(&d);
    }
}

/* Only root says from where somebody logs on, and by which program: the log is read by what bans guessers. */
static void
what_is_believed(void **state)
{
    static const struct proto_begin b = { .operation = PROTO_AUTHENTICATE, .user = "alice", .service = "sshd",
                                          .tty = "ssh", .rhost = "203.0.113.7", .ruser = "bob", .parent = 1 };
    struct desk d = begin();
    const struct conversation *c = talk(&d, 1000, &b);

    (void)state;
    assert_string_equal(c->begin.rhost, "");
    assert_string_equal(c->begin.tty, "");
    assert_string_equal(c->begin.ruser, "");
    assert_string_equal(c->begin.service, "sshd of uid 1000");
    assert_int_equal(c->begin.parent, 0);
    end(&d);

    d = begin();
    c = talk(&d, 0, &b);
    assert_string_equal(c->begin.rhost, "203.0.113.7");
    assert_string_equal(c->begin.service, "sshd");
    end(&d);
}

/* Else one program could have directory search for as many names as it likes, whatever its share. */
static void
who_hangs_up_counts_until_the_answer(void **state)
{
    static const struct proto_begin b = { .operation = PROTO_AUTHENTICATE, .user = "nobody-knows" };
    struct desk d = begin();
    struct conversation *c = talk(&d, 1000, &b);
    struct ipc_identity none = { .request = d.f->last_request, .status = IPC_STATUS_NONE, .sid = { .n_subs = 1 } };
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    assert_int_equal(c->state, CONVERSATION_WHO);
    (void)close(d.module);
    d.module = -1;
    c->watch.ready(d.f, &c->watch, EPOLLHUP);
    assert_int_equal(d.f->n_conversations, 1);
    ipc_put_identity(&w, &none);
    assert_true(front_pam_identity(d.f, packet, w.len));
    assert_int_equal(d.f->n_conversations, 0);
    end(&d);
}

/* The number in a message that directory reads; 0: there is none. */
static uint32_t
asked(const struct desk *d)
{
    uint8_t packet[64];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(d->directory, packet, sizeof(packet), fds, 0);
    uint32_t number = 0;

    assert_true(n <= 0 || ipc_get_number(packet, (size_t)n, IPC_PING, &number));
    return number;
}

/* directory waits for the domain and reads nothing: lookups pile up, and no logon fails for want of room. */
static void
a_logons_questions_overtake_lookups(void **state)
{
    struct desk d = begin();
    int room = 1;
    uint32_t sent = 0, urgent, next, got = 0;
    uint8_t packet[8];
    struct writer w;

    (void)state;
    assert_int_equal(setsockopt(d.f->directory.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    while (d.f->outbox[1].size < 10 * 5) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_PING, ++sent);
        assert_true(front_ask(d.f, &w, false));
    }
    urgent = sent + 1;
    w = writer_init(packet, sizeof(packet));
    ipc_put_number(&w, IPC_PING, urgent);
    assert_true(front_ask(d.f, &w, true));
    for (next = asked(&d); next != urgent; next = asked(&d)) {
        if (next == 0) /* read empty: room again */
            front_outbox_flush(d.f);
        else
            assert_int_equal(next, ++got);
    }
    assert_in_range(got, 1, sent - 10);
    while (got < sent) {
        next = asked(&d);
        if (next == 0)
            front_outbox_flush(d.f);
        else
            assert_int_equal(next, ++got);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_null(d.f->outbox[i].first);
        assert_int_equal(d.f->outbox[i].size, 0);
    }
    end(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_from_sids),
        cmocka_unit_test(a_handle_says_who_it_is),
        cmocka_unit_test(what_is_believed),
        cmocka_unit_test(who_hangs_up_counts_until_the_answer),
        cmocka_unit_test(a_logons_questions_overtake_lookups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
