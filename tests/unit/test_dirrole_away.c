/* daemon/directory: domain controllers that come and go, and what is answered meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "tests/unit/dirrole.h"

static void
the_store_answers_while_the_domain_is_away(void **state)
{
    struct fixture *f = *state;
    struct ipc_found found;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    domain.away = true;
    restart(f, SHORT);
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_LATER);
    found = by_name(f, RECORD_PASSWD, "alice", NULL);
    assert_int_equal(found.status, IPC_STATUS_FOUND);
    assert_in_range(found.refresh, 890, 900);
    age_alice(f, 86400);
    found = by_name(f, RECORD_PASSWD, "alice", NULL);
    assert_int_equal(found.status, IPC_STATUS_FOUND);
    assert_int_equal(found.refresh, DIR_RETRY_S);
    assert_in_range(found.end, 29 * 86400 - 10, 29 * 86400);
    assert_int_equal(who(f, "alice@corp.test").status, IPC_STATUS_FOUND);
    assert_int_equal(by_id(f, RECORD_PASSWD, id_of(f, 1104), NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(by_id(f, RECORD_PASSWD, id_of(f, 1105), NULL).status, IPC_STATUS_LATER);
    /* Memberships were never learned: not to know them is not to have none. */
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", NULL).status, IPC_STATUS_LATER);
    age_alice(f, 30 * 86400);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(who(f, "alice").status, IPC_STATUS_LATER);
    assert_int_equal(by_name(f, RECORD_PASSWD, "a:b", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, 500, NULL).status, IPC_STATUS_NONE);
}

static void
before_the_domain_was_ever_seen_nothing_is_denied(void **state)
{
    struct fixture *f = *state;

    domain.away = true;
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(by_name(f, RECORD_PASSWD, "OTHER\\alice", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(by_name(f, RECORD_GROUP, "x", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(by_id(f, RECORD_PASSWD, 300000, NULL).status, IPC_STATUS_LATER);
    assert_int_equal(by_id(f, RECORD_GROUP, 300000, NULL).status, IPC_STATUS_LATER);
    assert_int_equal(state_of(f, 1104), ERR_NO_STATE);
}

static void
a_silent_domain_is_waited_for_once(void **state)
{
    struct fixture *f = *state;
    unsigned asked, opened;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    domain.away = true;
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_LATER);
    asked = domain.asked;
    opened = domain.opened;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_LATER);
        assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_FOUND);
        assert_int_equal(state_of(f, 1104), ERR_OK);
    }
    assert_int_equal(domain.asked, asked);
    assert_int_equal(domain.opened, opened);
    /* The pause grows, to half a minute. */
    for (int i = 0; i < 10; i++) {
        f->d->link.retry_at = 0;
        f->d->dc.none_until = 0;
        dir_link_tick(f->d);
    }
    assert_in_range(f->d->link.retry_at, client_now() + 25000, client_now() + 30000);
    /* A ping finds the way back at once. */
    assert_true(domain.pinged > 0);
    domain.away = false;
    assert_in_range(dir_link_due(f->d), 0, 1000);
    dir_link_tick(f->d);
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_FOUND);
}

static void
a_closed_connection_is_made_anew(void **state)
{
    struct fixture *f = *state;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    assert_int_equal(domain.opened, 1);
    domain.broken = true;
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.opened, 2);
    /* The ticket ends soon: also the connection, before anybody asks. */
    f->d->link.renew_at = dir_now();
    dir_link_tick(f->d);
    assert_int_equal(domain.opened, 3);
}

static void
an_idle_connection_is_tried_by_a_ping(void **state)
{
    struct fixture *f = *state;
    unsigned asked;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    asked = domain.asked;
    f->d->link.used -= 10000;
    domain.away = true;
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(domain.asked, asked);
    assert_null(f->d->link.ldap);
    domain.away = false;
    f->d->link.retry_at = f->d->dc.none_until = 0;
    dir_link_tick(f->d);
    f->d->link.used -= 10000;
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_FOUND);
}

static void
a_hung_controller_is_left(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(need_dc(f, "").address, "192.0.2.1");
    domain.hung = "192.0.2.1";
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_FOUND);
    assert_string_equal(f->d->link.address, "192.0.2.2");
    assert_string_equal(need_dc(f, "").address, "192.0.2.2");
    assert_string_equal(need_dc(f, "").host, "dc2.corp.test");
}

static void
a_ticket_that_is_refused_is_no_controllers_fault(void **state)
{
    struct fixture *f = *state;

    domain.ticket = ERR_NO_KEYTAB;
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_LATER);
    assert_int_equal(domain.located, 1);
    assert_int_equal(domain.opened, 0);
    assert_int_equal(need_dc(f, "").err, ERR_OK);
    domain.ticket = ERR_OK;
    f->d->link.retry_at = 0;
    dir_link_tick(f->d);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_FOUND);
}

static void
whoever_logs_on_hears_why_the_domain_is_not_asked(void **state)
{
    struct fixture *f = *state;
    struct ipc_identity is;

    domain.ticket = ERR_CLOCK;
    is = who(f, "alice");
    assert_int_equal(is.status, IPC_STATUS_LATER);
    assert_int_equal(is.why.err, ERR_CLOCK);
    assert_string_equal(is.why.value, "10:00 min");
    assert_string_equal(is.why.text, "as the test says");
    /* The clock is right again: the next one a second later need not wait for a pause that has grown. */
    domain.ticket = ERR_OK;
    assert_int_equal(who(f, "alice").status, IPC_STATUS_LATER);
    f->d->link.retry_at = client_now() + 30000;
    f->d->link.tried -= 1000;
    assert_int_equal(who(f, "alice").status, IPC_STATUS_FOUND);
    domain.away = true;
    is = who(f, "bob");
    assert_int_equal(is.status, IPC_STATUS_LATER);
    assert_int_equal(is.why.err, ERR_NO_KDC);
    assert_string_equal(is.why.value, "corp.test");
}

static void
names_wait_for_the_domain(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(10);

    (void)who(f, "alice");
    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    domain.away = true;
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1200), NULL).status, IPC_STATUS_LATER);
    assert_int_equal(f->d->n_pending, 11);
    assert_false(dir_pending_due(f->d));
    domain.away = false;
    f->d->link.retry_at = f->d->dc.none_until = 0;
    dir_link_tick(f->d);
    assert_true(dir_pending_due(f->d));
    dir_pending_work(f->d);
    assert_int_equal(f->d->n_pending, 0);
    talloc_free(info);
}

static void
the_state_of_an_account(void **state)
{
    static const struct {
        struct account_state is;
        enum err key, password;
    } cases[] = {
        { { .disabled = false }, ERR_OK, ERR_OK },
        { { .disabled = true, .locked = true }, ERR_DISABLED, ERR_DISABLED },
        { { .expired = true, .outside_hours = true }, ERR_ACCOUNT_EXPIRED, ERR_ACCOUNT_EXPIRED },
        { { .locked = true, .must_change = true }, ERR_LOCKED, ERR_LOCKED },
        { { .outside_hours = true, .password_expired = true }, ERR_LOGON_HOURS, ERR_LOGON_HOURS },
        { { .password_expired = true }, ERR_OK, ERR_PASSWORD_EXPIRED },
        { { .must_change = true, .password_expired = true }, ERR_OK, ERR_MUST_CHANGE },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_user("alice")->state = cases[i].is;
        assert_int_equal(state_of(f, 1104), cases[i].key);
        assert_int_equal(state_for(f, 1104, true), cases[i].password);
        /* The domain goes away: the last word counts, for a restart too. */
        domain.away = true;
        restart(f, SHORT);
        assert_int_equal(state_of(f, 1104), cases[i].key);
        assert_int_equal(state_for(f, 1104, true), cases[i].password);
        assert_int_equal(state_of(f, 1105), ERR_NO_STATE);
        domain.away = false;
        restart(f, SHORT);
    }
    assert_int_equal(state_of(f, 1107), ERR_NOT_A_PERSON);
    assert_int_equal(state_of(f, 4711), ERR_UNKNOWN_PRINCIPAL);
    assert_int_equal(state_of(f, 1106), ERR_NO_STATE);
    domain.away = true;
    restart(f, SHORT);
    age_alice(f, 31 * 86400);
    assert_int_equal(state_of(f, 1104), ERR_NO_STATE);
}

static void
an_account_may_be_for_other_computers(void **state)
{
    static const struct {
        const char *workstations;
        enum err err;
    } cases[] = {
        { "", ERR_OK },
        { "WS1", ERR_OK },
        { "OTHER, ws1 ,THIRD", ERR_OK },
        { "OTHER,Ws1.Corp.Test", ERR_OK },
        { "OTHER", ERR_WORKSTATION },
        { "WS,WS11,XWS1,WS1.OTHER.TEST", ERR_WORKSTATION },
        { ",", ERR_WORKSTATION },
        { " , ,", ERR_WORKSTATION },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        restart(f, SHORT "computer = WS1\nfqdn = ws1.corp.test\n");
        fake_user("alice")->workstations = cases[i].workstations;
        if (state_of(f, 1104) != cases[i].err || state_for(f, 1104, true) != cases[i].err)
            fail_msg("'%s': %s", cases[i].workstations, err_name(state_of(f, 1104)));
    }
}

static void
a_controller_is_found_kept_and_remembered(void **state)
{
    struct fixture *f = *state;
    struct ipc_dc is = need_dc(f, "");
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    assert_int_equal(is.request, 11);
    assert_int_equal(is.err, ERR_OK);
    assert_string_equal(is.address, "192.0.2.1");
    assert_string_equal(is.host, "dc1.corp.test");
    assert_string_equal(is.netbios, "CORP");
    n = channel_recv(f->member, reply, sizeof(reply), fds, 0);
    assert_true(n > 0 && ipc_get_dc(reply, (size_t)n, &is));
    assert_string_equal(is.address, "192.0.2.1");
    (void)need_dc(f, "");
    assert_int_equal(domain.located, 1);
    /* Failed already, but that was another one. */
    (void)need_dc(f, "192.0.2.77");
    assert_int_equal(domain.located, 1);
    is = need_dc(f, "192.0.2.1");
    assert_string_equal(is.address, "192.0.2.2");
    assert_string_equal(domain.avoided, "192.0.2.1");
    n = channel_recv(f->member, reply, sizeof(reply), fds, 0);
    assert_true(n > 0 && ipc_get_dc(reply, (size_t)n, &is));
    assert_string_equal(is.address, "192.0.2.2");
    restart(f, SHORT);
    assert_string_equal(f->d->dc.dc.address, "192.0.2.2");
    assert_string_equal(f->d->dc.dc.site, "Here");
    assert_false(f->d->dc.known);
}

/* An answer to a ping is not sealed: the name that the directory gave counts, where there is one. */
static void
what_a_ping_says_of_the_domain_s_name_is_not_the_last_word(void **state)
{
    struct fixture *f = *state;

    domain.netbios = "Evil";
    assert_string_equal(need_dc(f, "").netbios, "Evil");
    restart(f, SHORT);
    domain.netbios = "CORP";
    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    assert_true(f->d->own.known);
    assert_string_equal(f->d->own.netbios, "corp");
    domain.netbios = "Evil";
    assert_string_equal(need_dc(f, "192.0.2.1").netbios, "CORP");
    /* As it is written in the answer where it is the same one. */
    domain.netbios = "Corp";
    assert_string_equal(need_dc(f, "192.0.2.2").netbios, "Corp");
}

static void
no_controller_is_looked_for_once_a_second(void **state)
{
    struct fixture *f = *state;

    domain.away = true;
    assert_int_equal(need_dc(f, "").err, ERR_NO_KDC);
    for (int i = 0; i < 32; i++)
        assert_int_equal(need_dc(f, "").err, ERR_NO_KDC);
    assert_int_equal(domain.located, 1);
    domain.away = false;
    f->d->dc.none_until = 0;
    assert_int_equal(need_dc(f, "").err, ERR_OK);
}

/* Twenty logons find out at once that a controller does not serve them: that costs one search. */
static void
the_only_controller_is_not_looked_for_again_and_again(void **state)
{
    struct fixture *f = *state;

    domain.alone = true;
    (void)need_dc(f, "");
    for (int i = 0; i < 20; i++)
        assert_string_equal(need_dc(f, "192.0.2.1").address, "192.0.2.1");
    assert_int_equal(domain.located, 2);
    /* But it may hang by now, or there may be another one. */
    domain.alone = false;
    f->d->dc.only_until = client_now();
    assert_string_equal(need_dc(f, "192.0.2.1").address, "192.0.2.2");
    assert_int_equal(domain.located, 3);
}

static void
a_new_member_hears_of_the_controller(void **state)
{
    struct fixture *f = *state;
    struct ipc_peer peer = { .role = ROLE_MEMBER };
    int pair[2], fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t bytes[64];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_dc is;
    ssize_t n;

    (void)need_dc(f, "");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fds[0] = pair[1];
    ipc_put_peer(&w, &peer);
    assert_true(dir_dispatch(f->d, ROLE_KEEPER, bytes, w.len, fds));
    assert_int_equal(f->d->member, pair[1]);
    n = channel_recv(pair[0], reply, sizeof(reply), fds, 0);
    assert_true(n > 0 && ipc_get_dc(reply, (size_t)n, &is));
    assert_string_equal(is.address, "192.0.2.1");
    (void)close(pair[0]);
}

/* The members of one group are more than the domain can tell in time: nobody else suffers. */
static void
members_that_are_too_much(void **state)
{
    static const enum err ends[] = { ERR_BUSY, ERR_TIMEOUT };
    static const char *members[] = { "alice", "bob" };
    struct fixture *f = *state;
    struct ipc_lookup again = { .request = 7, .kind = RECORD_GROUP, .by = PROTO_BY_NAME, .refresh = true };
    struct ipc_found found;
    struct record rec;

    domain.members = members;
    domain.n_members = 2;
    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    for (size_t i = 0; i < 2; i++) {
        unsigned lists = domain.member_lists, opened = domain.opened, located = domain.located;
        char name[16];

        (void)snprintf(name, sizeof(name), "group %zu", i + 1);
        domain.members_fail = ends[i];
        found = by_name(f, RECORD_GROUP, name, &rec);
        assert_int_equal(found.status, IPC_STATUS_FOUND);
        assert_int_equal(rec.n, 0);
        assert_int_equal(rec.gid, id_of(f, 1200 + (uint32_t)i));
        assert_int_equal(found.refresh, DIR_RETRY_S);
        assert_in_range(found.end, 86400, 30 * 86400);
        assert_int_equal(domain.member_lists, lists + 1);
        /* Not tried again at each question, also not where front wants the latest. */
        memcpy(again.name, name, sizeof(name));
        assert_int_equal(by_name(f, RECORD_GROUP, name, NULL).status, IPC_STATUS_FOUND);
        assert_int_equal(look_up(f, &again, NULL).status, IPC_STATUS_FOUND);
        f->d->hard.pause = 0;
        assert_int_equal(by_name(f, RECORD_GROUP, name, NULL).status, IPC_STATUS_FOUND);
        assert_int_equal(domain.member_lists, lists + 1);
        /* The controller is kept, others are answered: on a new connection where the old one may be busy. */
        domain.members_fail = ERR_OK;
        assert_int_equal(by_name(f, RECORD_PASSWD, i == 0 ? "bob" : "root", NULL).status, IPC_STATUS_FOUND);
        assert_int_equal(domain.opened, opened + (ends[i] == ERR_TIMEOUT));
        assert_int_equal(domain.located, located);
        assert_true(f->d->dc.known);
        assert_int_equal(f->d->link.failures, 0);
    }
    /* Their time comes again. */
    memset(&f->d->hard, 0, sizeof(f->d->hard));
    assert_int_equal(by_name(f, RECORD_GROUP, "group 2", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
}

/* A user who asks for one such group after the other does not have the directory to himself. */
static void
searches_that_are_too_much_leave_time_for_others(void **state)
{
    static const char *members[] = { "alice" };
    struct fixture *f = *state;
    struct record rec;

    domain.members = members;
    domain.n_members = 1;
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 1);
    domain.members_fail = ERR_TIMEOUT;
    for (int i = 2; i < 30; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "group %d", i);
        assert_int_equal(by_name(f, RECORD_GROUP, name, NULL).status, IPC_STATUS_FOUND);
    }
    assert_int_equal(domain.member_lists, 2);
    assert_in_range(f->d->hard.pause, client_now() + 5000, client_now() + DIR_HARD_PAUSE_MS);
    /* What is known is told. */
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 1);
    f->d->config->cache_refresh = 0;
    f->d->hard.pause = 0;
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.member_lists, 3);
    assert_int_equal(rec.n, 1);
}

/* Not even a ping is answered: then the controller is lost. */
static void
a_controller_that_falls_silent_over_members_is_left(void **state)
{
    struct fixture *f = *state;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    domain.members_fail = ERR_TIMEOUT;
    domain.deaf = true;
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", NULL).status, IPC_STATUS_FOUND);
    assert_false(f->d->dc.known);
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_FOUND);
    assert_string_equal(f->d->link.address, "192.0.2.2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DIRROLE_TEST(the_store_answers_while_the_domain_is_away),
        DIRROLE_TEST(before_the_domain_was_ever_seen_nothing_is_denied),
        DIRROLE_TEST(a_silent_domain_is_waited_for_once),
        DIRROLE_TEST(a_closed_connection_is_made_anew),
        DIRROLE_TEST(an_idle_connection_is_tried_by_a_ping),
        DIRROLE_TEST(a_hung_controller_is_left),
        DIRROLE_TEST(a_ticket_that_is_refused_is_no_controllers_fault),
        DIRROLE_TEST(whoever_logs_on_hears_why_the_domain_is_not_asked),
        DIRROLE_TEST(names_wait_for_the_domain),
        DIRROLE_TEST(the_state_of_an_account),
        DIRROLE_TEST(an_account_may_be_for_other_computers),
        DIRROLE_TEST(a_controller_is_found_kept_and_remembered),
        DIRROLE_TEST(what_a_ping_says_of_the_domain_s_name_is_not_the_last_word),
        DIRROLE_TEST(no_controller_is_looked_for_once_a_second),
        DIRROLE_TEST(the_only_controller_is_not_looked_for_again_and_again),
        DIRROLE_TEST(a_new_member_hears_of_the_controller),
        DIRROLE_TEST(members_that_are_too_much),
        DIRROLE_TEST(searches_that_are_too_much_leave_time_for_others),
        DIRROLE_TEST(a_controller_that_falls_silent_over_members_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
