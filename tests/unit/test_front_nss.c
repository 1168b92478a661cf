/* daemon/front: lookups, with a directory that does as it is told and users who wish us ill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "tests/unit/front_fixture.h"

#define ALICE 2001104
#define BIG 2003000
#define MANY 5000 /* members of a group whose record does not fit a packet */

static void
a_question_is_asked_once_and_answered_to_all(void **state)
{
    static const char *const spellings[] = { "Alice", "ALICE", "alice", "aLiCe" };
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fds[4];

    for (size_t i = 0; i < 4; i++)
        fds[i] = nss_ask(x, RECORD_PASSWD, spellings[i]);
    assert_true(next_lookup(x, &m));
    assert_string_equal(m.name, "alice");
    assert_int_equal(m.kind, RECORD_PASSWD);
    assert_false(m.refresh);
    assert_false(next_lookup(x, &m));
    answer_passwd(x, m.request, "alice", ALICE);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(nss_take(fds[i]), PROTO_RECORD);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "ALicE")), PROTO_RECORD);
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, ALICE)), PROTO_RECORD);
    assert_false(next_lookup(x, &m));
}

static void
another_name_of_an_entry_is_not_another_entry(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fd = nss_ask(x, RECORD_PASSWD, "CORP\\Alice");

    assert_true(next_lookup(x, &m));
    assert_string_equal(m.name, "corp\\alice");
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "corp\\ALICE")), PROTO_RECORD);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_RECORD);
    assert_false(next_lookup(x, &m));
    /* Somebody else is called alice now: the other name is asked for anew. */
    cache_clear(x->f->cache);
    fd = nss_ask(x, RECORD_PASSWD, "corp\\alice");
    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    cache_put_none(x->f->cache, &(struct cache_key){ RECORD_PASSWD, PROTO_BY_NAME, 0, "alice" }, INT64_MAX);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_NONE);
    fd = nss_ask(x, RECORD_PASSWD, "corp\\alice");
    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, "alice", ALICE + 1);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
}

static void
what_can_be_nobodys_is_not_asked_for(void **state)
{
    static const char *const names[] = { "root", "ROOT", "docker", "doc\342\204\252er", "\377", "a\303" };
    struct fixture *x = *state;
    struct ipc_lookup m;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, names[i])), PROTO_NONE);
        assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, names[i])), PROTO_NONE);
    }
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, 0)), PROTO_NONE);
    assert_int_equal(nss_take(nss_ask_id(x, RECORD_GROUP, 1000)), PROTO_NONE);
    assert_false(next_lookup(x, &m));
}

/* What directory was asked before a reload it may have answered before it, too. */
static void
what_was_asked_under_the_old_configuration_is_not_kept(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup old, m;
    int alice, nobody, again;

    alice = nss_ask(x, RECORD_PASSWD, "alice");
    assert_true(next_lookup(x, &old));
    nobody = nss_ask(x, RECORD_PASSWD, "nobody1");
    assert_true(next_lookup(x, &m));
    reload(x, "[domain]\nname = corp.test\n");
    again = nss_ask(x, RECORD_PASSWD, "alice");
    answer_status(x, m.request, IPC_STATUS_NONE);
    assert_int_equal(nss_take(nobody), PROTO_NONE);
    answer_passwd(x, old.request, "alice", ALICE);
    assert_int_equal(nss_take(alice), PROTO_RECORD);
    /* Who came after it is answered anew. */
    assert_int_equal(nss_answer(again, NULL), 0);
    assert_true(next_lookup(x, &m));
    assert_string_equal(m.name, "alice");
    answer_status(x, m.request, IPC_STATUS_NONE);
    assert_int_equal(nss_take(again), PROTO_NONE);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_NONE);
    nobody = nss_ask(x, RECORD_PASSWD, "nobody1");
    assert_true(next_lookup(x, &m));
    answer_status(x, m.request, IPC_STATUS_LATER);
    assert_int_equal(nss_take(nobody), PROTO_LATER);
}

static void
who_is_gone_is_forgotten_in_every_spelling(void **state)
{
    static const char *const spellings[] = { "alice", "ALICE", "corp\\alice", "CORP\\Alice" };
    struct fixture *x = *state;
    struct ipc_lookup m;

    for (size_t i = 0; i < 4; i++) {
        int fd = nss_ask(x, RECORD_PASSWD, spellings[i]);

        assert_true(next_lookup(x, &m));
        answer_passwd(x, m.request, "alice", ALICE);
        assert_int_equal(nss_take(fd), PROTO_RECORD);
        front_record_forget(x->f, spellings[i]);
        assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, spellings[i])), PROTO_NONE);
        assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_NONE);
        assert_int_equal(nss_take(nss_ask(x, RECORD_GROUPS, "alice")), PROTO_NONE);
        assert_int_equal(nss_take(nss_ask_id(x, RECORD_PASSWD, ALICE)), PROTO_NONE);
        assert_false(next_lookup(x, &m));
        cache_clear(x->f->cache);
    }
}

/* Asks for the group as it is spelled and gives directory's answer, if it is asked. */
static void
ask_big(struct fixture *x, const char *spelling, const char *name, uint32_t gid)
{
    int fd = nss_ask(x, RECORD_GROUP, spelling), record = -1;
    struct ipc_lookup m;

    if (next_lookup(x, &m))
        answer_group(x, m.request, name, gid, MANY);
    assert_int_equal(nss_answer(fd, &record), PROTO_RECORD);
    assert_true(record >= 0);
    (void)close(record);
    (void)close(fd);
    (void)turn(x);
}

static void
a_large_record_is_kept_once_however_it_is_spelled(void **state)
{
    static const char name[] = "biggroup";
    struct fixture *x = *state;
    struct ipc_lookup m;
    unsigned before;
    char spelling[64];

    ask_big(x, name, name, BIG);
    before = open_descriptors();
    for (unsigned i = 0; i < 1U << (sizeof(name) - 1); i++) {
        for (size_t j = 0; j < sizeof(name); j++)
            spelling[j] = (char)((i >> j & 1) != 0 ? toupper(name[j]) : name[j]);
        ask_big(x, spelling, name, BIG);
    }
    assert_false(next_lookup(x, &m));
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(spelling, sizeof(spelling), "BigGroup@suffix%u.test", i);
        ask_big(x, spelling, name, BIG);
    }
    assert_int_equal(open_descriptors(), before);
}

static void
large_records_have_a_limited_number_of_descriptors(void **state)
{
    struct fixture *x = *state;
    unsigned before = open_descriptors();
    char name[32];

    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "big%u", i);
        ask_big(x, name, name, BIG + i);
    }
    assert_int_equal(open_descriptors(), before + 32);
    /* The last ones are there, and what is small does not suffer. */
    for (uint32_t i = 68; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "big%u", i);
        assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, name)), PROTO_RECORD);
    }
    (void)turn(x);
    cache_clear(x->f->cache);
    assert_int_equal(open_descriptors(), before);
}

static void
without_descriptors_front_waits_and_goes_on(void **state)
{
    static const int codes[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS };
    struct fixture *x = *state;
    struct ipc_lookup m;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        int fd = nss_connect();

        nss_send(fd, RECORD_PASSWD, PROTO_BY_NAME, "alice", 0);
        accept_errno = codes[i];
        for (int j = 0; j < 3; j++) {
            assert_int_equal(turn(x), 1);
            assert_int_equal(turn(x), 0);
            tick(x);
        }
        accept_errno = 0;
        assert_in_range(turn(x), 1, 2);
        if (i == 0) {
            assert_true(next_lookup(x, &m));
            answer_passwd(x, m.request, "alice", ALICE);
        }
        assert_int_equal(nss_take(fd), PROTO_RECORD);
    }
}

/* So many uids as one user can have. */
static void
no_number_of_uids_keeps_root_out(void **state)
{
    enum { UIDS = 40, EACH = FRONT_PENDING_PER_UID + 1, HALF = FRONT_PENDING_MAX / 2 };
    static int fds[UIDS][EACH];
    struct fixture *x = *state;
    unsigned asked = 0, refused = 0;
    struct ipc_lookup m;
    char name[32];
    int fd;

    for (unsigned i = 0; i < UIDS; i++) {
        peer_uid = 100000 + i;
        for (unsigned j = 0; j < EACH; j++) {
            (void)snprintf(name, sizeof(name), "name%u-%u", i, j);
            fds[i][j] = nss_ask(x, RECORD_PASSWD, name);
        }
        /* Each has a limit of his own, too. */
        assert_int_equal(nss_answer(fds[i][EACH - 1], NULL), PROTO_LATER);
        if (i == 0)
            assert_int_equal(nss_answer(fds[i][EACH - 2], NULL), 0);
    }
    for (unsigned i = 0; i < UIDS; i++) {
        for (unsigned j = 0; j < EACH - 1; j++)
            refused += nss_answer(fds[i][j], NULL) == PROTO_LATER;
    }
    assert_int_equal(refused, UIDS * (EACH - 1) - HALF);
    peer_uid = 0;
    fd = nss_ask(x, RECORD_PASSWD, "alice");
    while (next_lookup(x, &m))
        asked++;
    assert_int_equal(asked, HALF + 1);
    assert_string_equal(m.name, "alice");
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    /* What is given back is there for others. */
    front_nss_directory_gone(x->f);
    peer_uid = 200000;
    fd = nss_ask(x, RECORD_PASSWD, "bob");
    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, "bob", ALICE + 1);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    for (unsigned i = 0; i < UIDS * EACH; i++)
        (void)close(fds[i / EACH][i % EACH]);
}

/* Connections that say nothing. */
static void
no_number_of_connections_keeps_root_out(void **state)
{
    enum { EACH = FRONT_NSS_CLIENTS_PER_UID, HALF = FRONT_NSS_CLIENTS_MAX / 2, ALL = HALF + 3 };
    static int fds[ALL];
    struct rlimit limit, many;
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fd;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 3 * ALL)
        skip();
    many = limit;
    many.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
    for (unsigned i = 0; i < ALL; i++) {
        peer_uid = 100000 + i / EACH;
        fds[i] = nss_connect();
        (void)turn(x);
        assert_int_equal(nss_answer(fds[i], NULL), i < HALF ? 0 : PROTO_LATER);
        if (i == EACH - 1)
            assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_LATER);
    }
    peer_uid = 0;
    fd = nss_ask(x, RECORD_PASSWD, "bob");
    while (next_lookup(x, &m) && strcmp(m.name, "bob") != 0)
        ;
    answer_passwd(x, m.request, "bob", ALICE + 1);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    /* Who hangs up makes room. */
    (void)close(fds[0]);
    (void)turn(x);
    peer_uid = 100000;
    fds[0] = nss_connect();
    (void)turn(x);
    assert_int_equal(nss_answer(fds[0], NULL), 0);
    for (unsigned i = 0; i < ALL; i++)
        (void)close(fds[i]);
    (void)turn(x);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Descriptors that were sent and not received count against all of our processes. */
static void
large_answers_that_nobody_takes_are_limited(void **state)
{
    enum { TRIES = FRONT_LARGE_PER_UID + 1, HALF = FRONT_LARGE_MAX / 2, UIDS = HALF / FRONT_LARGE_PER_UID + 2 };
    static int fds[UIDS][TRIES];
    struct fixture *x = *state;
    unsigned sent[UIDS] = { 0 };
    struct ipc_lookup m;

    for (unsigned i = 0; i < UIDS; i++) {
        peer_uid = 100000 + i;
        for (unsigned j = 0; j < TRIES; j++)
            fds[i][j] = nss_ask(x, RECORD_GROUP, "big");
        /* The first ones waited for directory's answer, the others get what is there. */
        if (i == 0) {
            assert_true(next_lookup(x, &m));
            answer_group(x, m.request, "big", BIG, MANY);
        }
    }
    assert_false(next_lookup(x, &m));
    /* Time alone does not take them. */
    front_nss_tick(x->f, client_now() + 2 * FRONT_NSS_MS);
    peer_uid = 200000;
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "big")), PROTO_LATER);
    peer_uid = 0;
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "big")), PROTO_RECORD);
    for (unsigned i = 0; i < UIDS; i++) {
        for (unsigned j = 0; j < TRIES; j++)
            sent[i] += nss_take(fds[i][j]) == PROTO_RECORD;
        assert_int_equal(sent[i], i < HALF / FRONT_LARGE_PER_UID ? FRONT_LARGE_PER_UID : 0);
    }
    (void)turn(x);
    peer_uid = 200000;
    assert_int_equal(nss_take(nss_ask(x, RECORD_GROUP, "big")), PROTO_RECORD);
}

/* However directory ends, those who wait hear of it at once. */
static void
who_waits_for_a_directory_that_has_ended_is_told(void **state)
{
    struct fixture *x = *state;
    struct ipc_lookup m;
    int fd = nss_ask(x, RECORD_PASSWD, "alice"), old;

    assert_true(next_lookup(x, &m));
    assert_int_equal(nss_answer(fd, NULL), 0);
    (void)close(x->directory);
    x->directory = -1;
    (void)turn(x);
    assert_int_equal(nss_take(fd), PROTO_LATER);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_LATER);
    assert_int_equal(introduce(x, ROLE_DIRECTORY), -1);
    (void)turn(x);
    fd = nss_ask(x, RECORD_PASSWD, "alice");
    assert_true(next_lookup(x, &m));
    /* keeper's word that there is a new one is read before the old one's end. */
    old = introduce(x, ROLE_DIRECTORY);
    (void)turn(x);
    assert_int_equal(nss_take(fd), PROTO_LATER);
    (void)close(old);
    fd = nss_ask(x, RECORD_PASSWD, "alice");
    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
}

static void
a_role_that_breaks_the_protocol_is_ended(void **state)
{
    static uint8_t long_packet[CHANNEL_PACKET_MAX + 1];
    static const uint8_t wrong[] = { IPC_VOUCH, 1, 2, 3 };
    struct fixture *x = *state;
    struct ipc_lookup m;
    uint32_t role;

    x->f->logons.n_starting = 1;
    for (int i = 0; i < 2; i++) {
        int fd = nss_ask(x, RECORD_PASSWD, "alice");

        assert_true(next_lookup(x, &m));
        assert_true(channel_send(x->directory, i == 0 ? wrong : long_packet, i == 0 ? sizeof(wrong) : sizeof(long_packet),
                                 NULL, 0, false));
        (void)turn(x);
        assert_int_equal(nss_take(fd), PROTO_LATER);
        assert_true(told_keeper(x, IPC_END_ROLE, &role));
        assert_int_equal(role, ROLE_DIRECTORY);
        (void)close(introduce(x, ROLE_DIRECTORY));
        (void)turn(x);
        assert_true(channel_send(x->member, wrong, sizeof(wrong), NULL, 0, false));
        (void)turn(x);
        assert_true(told_keeper(x, IPC_END_ROLE, &role));
        assert_int_equal(role, ROLE_MEMBER);
        assert_int_equal(x->f->member.fd, -1);
        (void)close(introduce(x, ROLE_MEMBER));
        (void)turn(x);
        assert_true(x->f->member.fd >= 0);
    }
    /* Nobody is accused because he has died. */
    (void)close(x->member);
    x->member = -1;
    (void)close(x->directory);
    x->directory = -1;
    (void)turn(x);
    assert_false(told_keeper(x, IPC_END_ROLE, &role));
}

/* What was learned before a weekend of sleep is old; who waits, waits on. */
static void
time_asleep_counts_for_ages_alone(void **state)
{
    struct conversation c = { .tgt = { .fd = -1 }, .who = { .uid = ALICE } };
    struct fixture *x = *state;
    struct ipc_lookup m;
    struct ticket *t;
    int fd = nss_ask(x, RECORD_PASSWD, "alice"), waits;

    assert_true(next_lookup(x, &m));
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
    t = front_ticket_keep(x->f, &c);
    assert_non_null(t);
    waits = nss_ask(x, RECORD_PASSWD, "bob");
    assert_true(next_lookup(x, &m));
    tick(x);
    assert_true(t->until != 0);
    /* Past its refresh: served and asked for again. */
    slept_ms = 3600000;
    tick(x);
    assert_int_equal(t->until, 0);
    assert_int_equal(nss_take(nss_ask(x, RECORD_PASSWD, "alice")), PROTO_RECORD);
    assert_int_equal(nss_answer(waits, NULL), 0);
    answer_passwd(x, m.request, "bob", ALICE + 1);
    assert_int_equal(nss_take(waits), PROTO_RECORD);
    assert_true(next_lookup(x, &m));
    assert_string_equal(m.name, "alice");
    assert_true(m.refresh);
    answer_status(x, m.request, IPC_STATUS_LATER);
    /* Past its end. */
    slept_ms = 90000000;
    fd = nss_ask(x, RECORD_PASSWD, "alice");
    assert_int_equal(nss_answer(fd, NULL), 0);
    assert_true(next_lookup(x, &m));
    assert_false(m.refresh);
    answer_passwd(x, m.request, "alice", ALICE);
    assert_int_equal(nss_take(fd), PROTO_RECORD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(a_question_is_asked_once_and_answered_to_all),
        FRONT_TEST(another_name_of_an_entry_is_not_another_entry),
        FRONT_TEST(what_can_be_nobodys_is_not_asked_for),
        FRONT_TEST(what_was_asked_under_the_old_configuration_is_not_kept),
        FRONT_TEST(who_is_gone_is_forgotten_in_every_spelling),
        FRONT_TEST(a_large_record_is_kept_once_however_it_is_spelled),
        FRONT_TEST(large_records_have_a_limited_number_of_descriptors),
        FRONT_TEST(without_descriptors_front_waits_and_goes_on),
        FRONT_TEST(no_number_of_uids_keeps_root_out),
        FRONT_TEST(no_number_of_connections_keeps_root_out),
        FRONT_TEST(large_answers_that_nobody_takes_are_limited),
        FRONT_TEST(who_waits_for_a_directory_that_has_ended_is_told),
        FRONT_TEST(a_role_that_breaks_the_protocol_is_ended),
        FRONT_TEST(time_asleep_counts_for_ages_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
