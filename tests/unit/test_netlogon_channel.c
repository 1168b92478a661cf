/* daemon/netlogon_channel: when a session is made, kept and made anew; and what is never sent twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"
#include "tests/unit/netlogon_fixture.h"

#define LONG_MS 15000

#define pass(f) netlogon_fixture_pass(f, LONG_MS)

static unsigned
sessions(const struct netlogon_fixture *f, unsigned house)
{
    return f->world->dc[house].calls[CALL_AUTHENTICATE];
}

static unsigned
logons(const struct netlogon_fixture *f)
{
    return f->world->dc[0].calls[CALL_LOGON] + f->world->dc[1].calls[CALL_LOGON];
}

/* As if the time had passed after which it is tried again. */
static void
let_it_try_again(struct netlogon_fixture *f)
{
    assert_true(f->n->retry_at > 0);
    f->n->retry_at = client_now() - 1;
    f->n->keys_at -= NETLOGON_QUICK_RETRY_MS + 1;
}

static void
a_session_is_made_once(void **state)
{
    struct netlogon_fixture *f = *state;

    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(pass(f), ERR_OK);
        assert_string_equal(f->info->account, "alice");
        assert_int_equal(logons(f), i);
    }
    assert_int_equal(sessions(f, 0), 1);
    assert_int_equal(f->world->read, 1);
    assert_int_equal(f->world->dc[0].calls[CALL_CAPABILITIES], 1);
    assert_int_equal(f->world->dc[0].calls[CALL_LOGON_EX], 0);
    /* Another controller: another session, as soon as it is asked which. */
    f->world->first = 1;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 1), 0);
    f->n->dc_at -= NETLOGON_DC_FRESH_MS;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 1), 1);
}

static void
a_verdict_is_told(void **state)
{
    struct netlogon_fixture *f = *state;

    f->world->dc[0].way = WRONG_PASSWORD;
    assert_int_equal(pass(f), ERR_WRONG_PASSWORD);
    assert_null(f->info);
    assert_int_equal(logons(f), 1);
    f->world->dc[0].way = HONEST;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 0), 1);
}

/* ACCESS_DENIED is said before the password is looked at: once more with a new session, and no third time. */
static void
a_session_that_was_ended_is_made_anew(void **state)
{
    struct netlogon_fixture *f = *state;

    f->world->dc[0].way = ENDED;
    assert_int_equal(pass(f), ERR_STALE_KEYTAB);
    assert_int_equal(logons(f), 2);
    assert_int_equal(sessions(f, 0), 2);
    assert_null(f->n->session);
    let_it_try_again(f);
    f->world->dc[0].way = HONEST;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 0), 3);
}

/* The server's process is replaced: its connections are gone, and the next logon sees that before it is sent. */
static void
a_connection_that_was_lost_is_made_anew(void **state)
{
    struct netlogon_fixture *f = *state;

    assert_int_equal(pass(f), ERR_OK);
    fake_rpc_stop(&f->server[0]);
    fake_rpc_start(&f->server[0]);
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 0), 2);
    assert_int_equal(logons(f), 2);
}

static void
a_password_that_may_have_been_counted_is_not_sent_again(void **state)
{
    static const struct {
        enum controller_spoil spoil;
        enum controller_way way;
        enum err err;
    } cases[] = {
        { SPOIL_STALL, HONEST, ERR_TIMEOUT },
        { SPOIL_HANG_UP, HONEST, ERR_TIMEOUT },
        { SPOIL_FAULT, HONEST, ERR_TIMEOUT },
        { SPOIL_NOTHING, OTHER_LEVEL, ERR_UNTRUSTED_KDC },
    };
    struct netlogon_fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before;

        assert_int_equal(pass(f), ERR_OK);
        before = logons(f);
        f->world->dc[0].spoil_at = CALL_LOGON;
        f->world->dc[0].spoil = cases[i].spoil;
        f->world->dc[0].way = cases[i].way;
        assert_int_equal(netlogon_fixture_pass(f, 600), cases[i].err);
        assert_int_equal(logons(f), before + 1);
        assert_int_equal(f->world->dc[1].calls[CALL_LOGON], 0);
        assert_null(f->n->session);
        assert_null(f->info);
        /* Who is in line hears it at once. */
        assert_int_equal(pass(f), cases[i].err);
        assert_int_equal(logons(f), before + 1);
        f->world->dc[0].spoil = SPOIL_NOTHING;
        f->world->dc[0].way = HONEST;
        let_it_try_again(f);
    }
}

static void
what_failed_is_not_tried_again_at_once(void **state)
{
    struct netlogon_fixture *f = *state;
    int64_t began;

    f->world->alone = true;
    f->world->mapper_spoil[0] = SPOIL_HANG_UP;
    began = client_now();
    assert_int_equal(pass(f), ERR_NO_KDC);
    assert_in_range(f->n->retry_at, began + NETLOGON_RETRY_MS, client_now() + NETLOGON_RETRY_MS);
    assert_int_equal(f->world->mapped[0], 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pass(f), ERR_NO_KDC);
    assert_int_equal(f->world->mapped[0], 1);
    /* It holds for that controller alone. */
    f->world->first = 1;
    assert_int_equal(pass(f), ERR_OK);
    f->world->first = 0;
    f->world->mapper_spoil[0] = SPOIL_NOTHING;
    f->n->dc_at -= NETLOGON_DC_FRESH_MS;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(f->world->mapped[0], 2);
}

static void
after_its_time_it_is_tried_again(void **state)
{
    struct netlogon_fixture *f = *state;

    f->world->alone = true;
    f->world->mapper_spoil[0] = SPOIL_HANG_UP;
    assert_int_equal(pass(f), ERR_NO_KDC);
    f->world->mapper_spoil[0] = SPOIL_NOTHING;
    assert_int_equal(pass(f), ERR_NO_KDC);
    let_it_try_again(f);
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(f->n->retry_at, 0);
}

/* Where there is no key that costs nothing, and is soon looked at again. */
static void
no_key_is_soon_looked_for_again(void **state)
{
    struct netlogon_fixture *f = *state;
    int64_t began = client_now();

    f->world->secrets[MACHINE_CURRENT][0] = '\0';
    assert_int_equal(pass(f), ERR_NO_KEYTAB);
    assert_in_range(f->n->retry_at, began + NETLOGON_QUICK_RETRY_MS, client_now() + NETLOGON_QUICK_RETRY_MS);
    assert_int_equal(pass(f), ERR_NO_KEYTAB);
    assert_int_equal(f->world->read, 1);
    assert_int_equal(f->world->mapped[0], 0);
    (void)snprintf(f->world->secrets[MACHINE_CURRENT], sizeof(f->world->secrets[0]), CONTROLLER_PASSWORD);
    let_it_try_again(f);
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(f->world->read, 2);
}

static void
set_secrets(struct netlogon_fixture *f, const char *current, const char *previous, const char *pending)
{
    const char *const texts[] = { "", current, previous, pending };

    for (unsigned i = MACHINE_CURRENT; i <= MACHINE_SLOTS; i++)
        (void)snprintf(f->world->secrets[i], sizeof(f->world->secrets[i]), "%s", texts[i]);
}

static void
all_passwords_are_tried_in_order(void **state)
{
    static const char *const guesses[] = { "current", "previous", "pending", NULL };
    struct netlogon_fixture *f = *state;
    struct controller *dc = &f->world->dc[0];

    dc->guesses = guesses;
    set_secrets(f, "current", "previous", "pending");
    (void)snprintf(dc->password, sizeof(dc->password), "previous");
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 0), 3);
    assert_string_equal(dc->tries[0], "pending");
    assert_string_equal(dc->tries[1], "current");
    assert_string_equal(dc->tries[2], "previous");
}

static void
no_password_is_tried_but_after_access_denied(void **state)
{
    static const struct {
        enum controller_way way;
        enum err err;
    } cases[] = {
        { HONEST, ERR_OK },
        { NO_ACCOUNT, ERR_STALE_KEYTAB },
        { OTHER_PASSWORD, ERR_UNTRUSTED_KDC },
        { NO_AES, ERR_NO_ENCTYPE },
        { MALFORMED_ANSWER, ERR_UNTRUSTED_KDC },
    };
    struct netlogon_fixture *f = *state;

    set_secrets(f, "current", "previous", "pending");
    (void)snprintf(f->world->dc[0].password, sizeof(f->world->dc[0].password), "pending");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before = sessions(f, 0);

        f->world->dc[0].way = cases[i].way;
        assert_int_equal(pass(f), cases[i].err);
        assert_int_equal(sessions(f, 0), before + 1);
        netlogon_drop(f->n);
        f->n->retry_at = 0;
    }
}

/* The domain has another password: then the secret is read again, as it may have been changed just now. */
static void
a_password_that_was_changed_is_read_again(void **state)
{
    struct netlogon_fixture *f = *state;

    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(f->world->read, 1);
    set_secrets(f, "new", "", "");
    (void)snprintf(f->world->dc[0].password, sizeof(f->world->dc[0].password), "new");
    netlogon_drop(f->n);
    f->n->keys_at -= NETLOGON_QUICK_RETRY_MS + 1;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(f->world->read, 2);
    assert_int_equal(sessions(f, 0), 3);
    /* Where it stays the same it is not tried in vain: the domain would count that. */
    f->world->dc[0].way = DENIES;
    netlogon_drop(f->n);
    f->n->keys_at -= NETLOGON_QUICK_RETRY_MS + 1;
    assert_int_equal(pass(f), ERR_STALE_KEYTAB);
    assert_int_equal(f->world->read, 3);
    assert_int_equal(sessions(f, 0), 4);
}

/* What keeper wants in a run of the rotation; it has the answer when this returns. */
static void
rotate(struct netlogon_fixture *f, enum ipc_type type, uint32_t run)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, type, run);
    if (type == IPC_ROTATE_SET)
        fds[0] = sealed_new("secret", "none", 4);
    assert_true(netlogon_keeper_message(f->n, packet, w.len, fds));
    channel_close_fds(fds);
    netlogon_rotate_turn(f->n);
    netlogon_read_keys(f->n);
}

static void
keeper_is_answered_in_its_run(void **state)
{
    struct netlogon_fixture *f = *state;

    rotate(f, IPC_ROTATE, 7);
    assert_int_equal(f->world->holds.run, 7);
    assert_int_equal(f->world->holds.slot, MACHINE_CURRENT);
    rotate(f, IPC_ROTATE_SET, 8);
    assert_int_equal(f->world->ended.run, 8);
    assert_int_equal(f->world->ended.outcome, IPC_ROTATE_UNSENT);
    f->world->secrets[MACHINE_CURRENT][0] = '\0';
    rotate(f, IPC_ROTATE, 9);
    assert_int_equal(f->world->ended.run, 9);
    assert_int_equal(f->world->holds.run, 7);
}

static void
who_was_idle_is_asked_first(void **state)
{
    struct netlogon_fixture *f = *state;
    struct controller *dc = &f->world->dc[0];
    unsigned asked;

    assert_int_equal(pass(f), ERR_OK);
    asked = dc->calls[CALL_CAPABILITIES];
    f->n->used -= NETLOGON_IDLE_MS;
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(dc->calls[CALL_CAPABILITIES], asked + 1);
    assert_int_equal(sessions(f, 0), 1);
}

/* The password is sent in the new session alone. */
static void
an_idle_session_that_is_none_any_more(void **state)
{
    struct netlogon_fixture *f = *state;
    struct controller *dc = &f->world->dc[0];
    int64_t began;

    assert_int_equal(pass(f), ERR_OK);
    f->n->used -= NETLOGON_IDLE_MS;
    dc->chain.stored[0] ^= 1; /* another session's: ours does not follow, and the server's process ends, too */
    fake_rpc_stop(&f->server[0]);
    fake_rpc_start(&f->server[0]);
    assert_int_equal(pass(f), ERR_OK);
    assert_int_equal(sessions(f, 0), 2);
    assert_int_equal(logons(f), 2);
    /* One that is silent is not waited for as long as for a logon, and no logon is sent to it. */
    f->n->used -= NETLOGON_IDLE_MS;
    dc->spoil = SPOIL_STALL;
    dc->spoil_at = CALL_CAPABILITIES;
    began = client_now();
    assert_int_equal(pass(f), ERR_NO_KDC);
    assert_in_range(client_now() - began, 1400, 4000);
    assert_int_equal(logons(f), 2);
    assert_null(f->n->session);
}

static void
what_is_weak_or_false_is_refused(void **state)
{
    static const struct {
        enum controller_way way;
        enum err err;
    } cases[] = {
        { NO_AES, ERR_NO_ENCTYPE },         { NO_SECURE_RPC, ERR_NO_ENCTYPE },  { OTHER_PASSWORD, ERR_UNTRUSTED_KDC },
        { REFLECTS, ERR_UNTRUSTED_KDC },    { DOWNGRADED, ERR_UNTRUSTED_KDC },  { WRONG_RETURN, ERR_UNTRUSTED_KDC },
        { MALFORMED_ANSWER, ERR_UNTRUSTED_KDC },
    };
    struct netlogon_fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->world->dc[0].way = cases[i].way;
        if (pass(f) != cases[i].err)
            fail_msg("%zu: %s", i, err_name((enum err)f->r.err));
        assert_null(f->n->session);
        f->n->retry_at = 0;
    }
    /* Nobody was told a password; and no other controller was asked to make good what an impostor may have said. */
    assert_int_equal(logons(f), 0);
    assert_int_equal(f->world->mapped[1], 0);
    /* A session in use that turns out to be another one than was agreed on. */
    f->world->dc[0].way = HONEST;
    assert_int_equal(pass(f), ERR_OK);
    f->n->used -= NETLOGON_IDLE_MS;
    f->world->dc[0].way = DOWNGRADED;
    assert_int_equal(pass(f), ERR_UNTRUSTED_KDC);
    assert_int_equal(logons(f), 1);
}

static void
another_controller_is_asked(void **state)
{
    static const struct {
        enum controller_spoil spoil, mapper;
        unsigned at;
    } cases[] = {
        { SPOIL_NOTHING, SPOIL_HANG_UP, 0 },          { SPOIL_NOTHING, SPOIL_HANG_UP, 1 },
        { SPOIL_HANG_UP, SPOIL_NOTHING, AT_BIND },    { SPOIL_FAULT, SPOIL_NOTHING, AT_SEALED_BIND },
        { SPOIL_FAULT, SPOIL_NOTHING, CALL_CHALLENGE }, { SPOIL_HANG_UP, SPOIL_NOTHING, CALL_AUTHENTICATE },
        { SPOIL_HANG_UP, SPOIL_NOTHING, CALL_CAPABILITIES },
    };
    struct netlogon_fixture *f = *state;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->world->dc[0].spoil = cases[i].spoil;
        f->world->dc[0].spoil_at = f->world->mapper_spoil_at[0] = cases[i].at;
        f->world->mapper_spoil[0] = cases[i].mapper;
        assert_int_equal(pass(f), ERR_OK);
        assert_int_equal(f->world->dc[1].calls[CALL_LOGON], i + 1);
        assert_string_equal(f->n->dc.address, "127.0.0.2");
        netlogon_drop(f->n);
        f->n->retry_at = 0;
    }
    assert_int_equal(f->world->dc[0].calls[CALL_LOGON], 0);
    /* There is none. */
    f->world->alone = true;
    assert_int_equal(pass(f), ERR_NO_KDC);
}

static void
every_wait_ends_at_the_deadline(void **state)
{
    static const unsigned steps[] = { AT_BIND, CALL_CHALLENGE, CALL_AUTHENTICATE, AT_SEALED_BIND, CALL_CAPABILITIES,
                                      CALL_LOGON };
    struct netlogon_fixture *f = *state;
    enum { WAIT_MS = 300 };
    uint32_t asked;

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) + 2; i++) {
        int64_t began = client_now();

        /* First those of the endpoint mapper. */
        f->world->mapper_spoil[0] = i < 2 ? SPOIL_STALL : SPOIL_NOTHING;
        f->world->mapper_spoil_at[0] = i;
        f->world->dc[0].spoil = i < 2 ? SPOIL_NOTHING : SPOIL_STALL;
        f->world->dc[0].spoil_at = i < 2 ? 0 : steps[i - 2];
        f->n->retry_at = 0;
        assert_int_equal(netlogon_fixture_pass(f, WAIT_MS), i == 7 ? ERR_TIMEOUT : ERR_NO_KDC);
        assert_in_range(client_now() - began, WAIT_MS - 20, WAIT_MS + 1500);
        assert_null(f->n->session);
    }
    assert_int_equal(logons(f), 1);
    /* One whose time was up before its turn asks nobody. */
    asked = f->n->last_request;
    assert_int_equal(netlogon_fixture_pass(f, 0), ERR_NO_KDC);
    assert_int_equal(f->n->last_request, asked);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, netlogon_setup, netlogon_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_made_once),
        TEST(a_verdict_is_told),
        TEST(a_session_that_was_ended_is_made_anew),
        TEST(a_connection_that_was_lost_is_made_anew),
        TEST(a_password_that_may_have_been_counted_is_not_sent_again),
        TEST(what_failed_is_not_tried_again_at_once),
        TEST(after_its_time_it_is_tried_again),
        TEST(no_key_is_soon_looked_for_again),
        TEST(all_passwords_are_tried_in_order),
        TEST(no_password_is_tried_but_after_access_denied),
        TEST(a_password_that_was_changed_is_read_again),
        TEST(keeper_is_answered_in_its_run),
        TEST(who_was_idle_is_asked_first),
        TEST(an_idle_session_that_is_none_any_more),
        TEST(what_is_weak_or_false_is_refused),
        TEST(another_controller_is_asked),
        TEST(every_wait_ends_at_the_deadline),
    };

    if (!netlogon_own_network())
        return 77;
    log_init("test_netlogon_channel", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
