/* daemon/keeper: what a role that was taken over may ask for, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/keeper_fixture.h"

static void
workers_are_started_up_to_a_bound(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_number(&w, IPC_SPAWN, ROLE_LOGON);
    for (size_t i = 1; i < 8; i++) {
        k->children[i].pid = getpid();
        k->children[i].role = ROLE_LOGON;
    }
    for (int i = 0; i < 1000; i++)
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    /* Twice the configured number; the one that was missing was started, and it is this program again. */
    assert_int_equal(count(ROLE_LOGON), 8);
    assert_int_equal(waitpid(k->children[8].pid, NULL, 0), k->children[8].pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    (void)close(k->children[8].channel);
    k->children[8].pid = 0;
    /* None when the end has begun. */
    k->stopping = true;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(count(ROLE_LOGON), 7);
}

/* Beside the others, whose number does not count. */
static void
card_workers_are_started_up_to_a_bound(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_number(&w, IPC_SPAWN, ROLE_CARD);
    for (size_t i = 1; i < 8 + KEEPER_CARDS_MAX; i++) {
        k->children[i].pid = getpid();
        k->children[i].role = i < 8 ? ROLE_CARD : ROLE_LOGON;
    }
    for (int i = 0; i < 1000; i++)
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(count(ROLE_CARD), KEEPER_CARDS_MAX);
    assert_int_equal(k->children[8 + KEEPER_CARDS_MAX].role, ROLE_CARD);
    assert_true(k->children[8 + KEEPER_CARDS_MAX].id != 0);
    assert_int_equal(waitpid(k->children[8 + KEEPER_CARDS_MAX].pid, NULL, 0), k->children[8 + KEEPER_CARDS_MAX].pid);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    (void)close(k->children[8 + KEEPER_CARDS_MAX].channel);
    k->children[8 + KEEPER_CARDS_MAX].pid = 0;
    /* Of those that are about sessions there is one, and one on its way out. */
    for (enum role role = ROLE_WATCH; role <= ROLE_SESSION; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_SPAWN, role);
        k->children[1].role = k->children[2].role = role;
        for (int i = 0; i < 10; i++)
            assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_int_equal(count(role), KEEPER_WATCHERS_MAX);
    }
    /* What is no worker is not started so. */
    for (uint32_t role = 0; role < 16; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_SPAWN, role);
        k->stopping = true;
        assert_int_equal(takes(ROLE_FRONT, packet, w.len, -1), role == ROLE_LOGON || role == ROLE_CARD ||
                                                                   role == ROLE_WATCH || role == ROLE_SESSION);
    }
}

static void
nobody_else_is_ended_for_a_worker(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    pid_t victim = victim_new();

    (void)state;
    k->children[1].pid = victim;
    k->children[1].role = ROLE_MEMBER;
    k->children[1].id = 5;
    ipc_put_number(&w, IPC_END_WORKER, 5);
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(waitpid(victim, NULL, WNOHANG), 0);
    k->children[1].role = ROLE_LOGON;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_ended(victim);
    victim = victim_new();
    k->children[1].pid = victim;
    k->children[1].role = ROLE_CARD;
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_ended(victim);
}

static void
a_role_that_broke_the_protocol_is_ended(void **state)
{
    static const enum role roles[] = { ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON };
    struct writer w;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pid_t victim = victim_new();

        k->children[1].pid = victim;
        k->children[1].role = roles[i];
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, roles[(i + 1) % 3]);
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_int_equal(waitpid(victim, NULL, WNOHANG), 0);
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, roles[i]);
        assert_false(takes(roles[i], packet, w.len, -1));
        assert_true(takes(ROLE_FRONT, packet, w.len, -1));
        assert_ended(victim);
        k->children[1].pid = 0;
    }
    for (uint32_t role = 0; role < 16; role++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_ROLE, role);
        assert_int_equal(takes(ROLE_FRONT, packet, w.len, -1), role == ROLE_MEMBER || role == ROLE_DIRECTORY || role == ROLE_NETLOGON);
    }
}

static void
the_table_is_closed(void **state)
{
    static const enum role roles[] = { ROLE_FRONT, ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON, ROLE_LOGON, ROLE_CCACHE,
                                       ROLE_KEYTAB, ROLE_CARD, ROLE_WATCH, ROLE_SESSION, ROLE_KEEPER };
    uint8_t bytes[64] = { 0 };

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bytes[0] = (uint8_t)type;
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
            bool may = (roles[i] == ROLE_FRONT && type == IPC_SPAWN) || (roles[i] == ROLE_MEMBER && type == IPC_GET_KEYTAB) ||
                       (roles[i] == ROLE_NETLOGON && type == IPC_GET_SECRET);

            /* A type alone is a message for those only that have no fields. */
            if (!may && takes(roles[i], bytes, 1, -1))
                fail_msg("%u by %s", type, role_name(roles[i]));
            if (takes(roles[i], bytes, sizeof(bytes), -1))
                fail_msg("%u, too long, by %s", type, role_name(roles[i]));
        }
    }
    assert_false(takes(ROLE_FRONT, bytes, 0, -1));
    assert_int_equal(count(ROLE_LOGON), 0);
}

static void
each_request_is_one_role_s(void **state)
{
    static const enum role others[] = { ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON, ROLE_LOGON, ROLE_CCACHE, ROLE_KEYTAB,
                                        ROLE_CARD, ROLE_WATCH, ROLE_SESSION };
    struct writer w = writer_init(packet, sizeof(packet));
    const struct ipc_rotate_holds holds = { .slot = 3, .controller = "dc1" };
    const struct ipc_rotate_end end = { .outcome = IPC_ROTATE_TAKEN, .controller = "dc1" };
    int descriptor = sealed_new("t", "x", 1);
    size_t n;

    (void)state;
    ipc_put_number(&w, IPC_PING, 5);
    assert_true(takes(ROLE_FRONT, packet, w.len, -1));
    assert_int_equal(k->ping_seen, 5);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_PING, 6);
        assert_false(takes(others[i], packet, w.len, -1));
        w = writer_init(packet, sizeof(packet));
        ipc_put_number(&w, IPC_END_WORKER, 1);
        assert_false(takes(others[i], packet, w.len, -1));
        n = put_ccache(IPC_CCACHE_WRITE, DOMAIN_UID, DOMAIN_GID, "alice");
        assert_false(takes(others[i], packet, n, descriptor));
    }
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_GET_KEYTAB);
    assert_false(takes(ROLE_FRONT, packet, w.len, -1));
    assert_false(takes(ROLE_DIRECTORY, packet, w.len, -1));
    assert_false(takes(ROLE_LOGON, packet, w.len, -1));
    assert_false(takes(ROLE_NETLOGON, packet, w.len, -1));
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_GET_SECRET);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    /* What nobody has asked for is passed over; keys come from nobody else, and a failure has no descriptor. */
    w = writer_init(packet, sizeof(packet));
    ipc_put_rotate_holds(&w, &holds);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    w = writer_init(packet, sizeof(packet));
    ipc_put_rotate_end(&w, &end);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, -1), role == ROLE_NETLOGON);
    w = writer_init(packet, sizeof(packet));
    ipc_put_number(&w, IPC_KEYTAB, 0);
    for (enum role role = ROLE_KEEPER; role <= ROLE_SESSION; role++)
        assert_int_equal(takes(role, packet, w.len, descriptor), role == ROLE_KEYTAB);
    assert_false(takes(ROLE_KEYTAB, packet, w.len, -1));
    assert_int_equal(k->ping_seen, 5);
    (void)close(descriptor);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KEEPER_TEST(workers_are_started_up_to_a_bound),
        KEEPER_TEST(card_workers_are_started_up_to_a_bound),
        KEEPER_TEST(nobody_else_is_ended_for_a_worker),
        KEEPER_TEST(a_role_that_broke_the_protocol_is_ended),
        KEEPER_TEST(the_table_is_closed),
        KEEPER_TEST(each_request_is_one_role_s),
    };

    return KEEPER_MAIN(argc, argv, tests);
}
