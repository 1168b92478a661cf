/* daemon/directory: users and groups of trusted domains, whom netlogon names. */
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

static uint8_t packet[CHANNEL_PACKET_MAX];
static int netlogon; /* its end of the channel */

static void
connect_netlogon(struct fixture *f)
{
    int pair[2], fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    struct ipc_peer peer = { .role = ROLE_NETLOGON };
    uint8_t bytes[16];
    struct writer w = writer_init(bytes, sizeof(bytes));

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    netlogon = pair[0];
    fds[0] = pair[1];
    ipc_put_peer(&w, &peer);
    assert_true(dir_dispatch(f->d, ROLE_KEEPER, bytes, w.len, fds));
}

static int
begin(void **state)
{
    int failed = setup(state);

    if (failed == 0) {
        /* The own domain is known, as it is anywhere a moment after the start. */
        (void)by_name(*state, RECORD_PASSWD, "alice", NULL);
        connect_netlogon(*state);
    }
    return failed;
}

static int
end(void **state)
{
    (void)close(netlogon);
    return teardown(state);
}

/* What netlogon was asked last; 0 if nothing. */
static size_t
asked(void)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(netlogon, packet, sizeof(packet), fds, 0);

    return n < 0 ? 0 : (size_t)n;
}

static bool
is_asked_for_trusts(void)
{
    size_t n = asked();

    return n > 0 && ipc_get_empty(packet, n, IPC_GET_TRUSTS);
}

static const struct ipc_accounts *
question(void)
{
    static struct ipc_accounts m;
    size_t n = asked();

    assert_true(n > 0 && ipc_get_accounts(packet, n, &m));
    return &m;
}

static void
say(struct fixture *f, const struct writer *w)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };

    assert_true(writer_ok(w));
    assert_true(dir_dispatch(f->d, ROLE_NETLOGON, w->data, w->len, fds));
}

static void
say_trusts(struct fixture *f, bool with_other)
{
    struct trusts t = { .own = domain.sid };
    struct trust other = { .dns = "other.test", .netbios = "other", .sid = other_sid(0), .mutual = true };
    struct writer w = writer_init(packet, sizeof(packet));

    if (with_other)
        assert_true(trusts_add(&t, NULL, &other));
    ipc_put_trusts(&w, ERR_OK, &t);
    say(f, &w);
}

static void
say_account(struct fixture *f, uint32_t request, enum ipc_account_kind kind, const char *account, uint32_t rid)
{
    static struct ipc_accounts_are m;
    struct writer w = writer_init(packet, sizeof(packet));

    memset(&m, 0, sizeof(m));
    m.request = request;
    m.n = 1;
    m.accounts[0].kind = (uint8_t)kind;
    m.accounts[0].sid = other_sid(rid);
    (void)snprintf(m.accounts[0].account, sizeof(m.accounts[0].account), "%s", account);
    ipc_put_accounts_are(&w, &m);
    say(f, &w);
}

static void
say_failure(struct fixture *f, uint32_t request)
{
    static struct ipc_accounts_are m;
    struct writer w = writer_init(packet, sizeof(packet));

    memset(&m, 0, sizeof(m));
    m.request = request;
    m.err = ERR_NO_KDC;
    ipc_put_accounts_are(&w, &m);
    say(f, &w);
}

static void
send_lookup(struct fixture *f, enum record_kind kind, const char *name, uint32_t id)
{
    struct ipc_lookup m = { .request = 70, .kind = kind, .by = name == NULL ? PROTO_BY_ID : PROTO_BY_NAME, .id = id };
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t bytes[1024];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)snprintf(m.name, sizeof(m.name), "%s", name == NULL ? "" : name);
    ipc_put_lookup(&w, &m);
    assert_true(dir_dispatch(f->d, ROLE_FRONT, bytes, w.len, fds));
}

static void
send_who(struct fixture *f, const char *name)
{
    struct ipc_who m = { .request = 71 };
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_who(&w, &m);
    assert_true(dir_dispatch(f->d, ROLE_FRONT, bytes, w.len, fds));
}

/* What front was answered; status 0: nothing yet. */
static struct ipc_found
answered(struct fixture *f, struct record *rec_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(f->front, reply, sizeof(reply), fds, 0);
    struct ipc_found found = { 0 };

    if (n < 0)
        return found;
    assert_true(ipc_get_found(reply, (size_t)n, &found));
    assert_int_equal(found.request, 70);
    if (rec_out != NULL && found.record != NULL)
        *rec_out = record_of(found.record, found.record_len);
    return found;
}

/* alice@other.test is in the store. */
static void
learn_other_alice(struct fixture *f)
{
    say_trusts(f, true);
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    say_account(f, question()->request, IPC_ACCOUNT_USER, "Alice", 1104);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_FOUND);
}

static void
the_table_and_the_name_are_asked_for(void **state)
{
    static const char *const spellings[] = { "OTHER\\alice", "other.test\\ALICE", "Alice@Other.Test", "alice@other" };
    struct fixture *f = *state;
    const struct ipc_accounts *q;
    struct record rec;

    send_lookup(f, RECORD_PASSWD, "OTHER\\Alice", 0);
    assert_int_equal(answered(f, NULL).status, 0);
    assert_true(is_asked_for_trusts());
    /* Others are answered meanwhile. */
    assert_int_equal(by_name(f, RECORD_PASSWD, "bob", NULL).status, IPC_STATUS_FOUND);
    say_trusts(f, true);
    assert_int_equal(answered(f, NULL).status, 0);
    q = question();
    assert_string_equal(q->domain, "other.test");
    assert_string_equal(q->name, "alice");
    assert_true(q->deadline > client_now() && q->deadline <= client_now() + DIR_NETLOGON_MS);
    say_account(f, q->request, IPC_ACCOUNT_USER, "Alice", 1104);
    assert_int_equal(answered(f, &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "alice@other.test"));
    assert_true(is_str(rec.gecos, "Alice"));
    assert_true(is_str(rec.home, "/home/alice@other.test"));
    assert_int_equal(rec.uid, other_id(f, 1104));
    assert_int_equal(rec.gid, other_id(f, 513));
    assert_int_not_equal(rec.uid, id_of(f, 1104));
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        struct ipc_identity is = who(f, spellings[i]);
        struct sid sid = other_sid(1104);

        assert_int_equal(is.status, IPC_STATUS_FOUND);
        assert_string_equal(is.name, "alice@other.test");
        assert_string_equal(is.principal, "Alice");
        assert_true(sid_equal(&is.sid, &sid));
    }
    /* Two identities. */
    assert_string_equal(who(f, "alice").name, "alice");
    assert_int_equal(asked(), 0);
}

static void
nobody_is_asked_for_what_cannot_be(void **state)
{
    static const char *const nobody[] = { "OTHER\\al:ice", "other\\", "a\\b@other.test", "alice@other@test" };
    struct fixture *f = *state;

    say_trusts(f, true);
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
        assert_int_equal(who(f, nobody[i]).status, IPC_STATUS_NONE);
    assert_int_equal(asked(), 0);
}

static void
a_table_is_not_asked_for_at_every_lookup(void **state)
{
    struct fixture *f = *state;

    send_lookup(f, RECORD_PASSWD, "NOSUCH\\alice", 0);
    assert_true(is_asked_for_trusts());
    /* Who comes meanwhile waits for the same answer. */
    send_lookup(f, RECORD_PASSWD, "NOSUCH\\bob", 0);
    assert_int_equal(asked(), 0);
    say_trusts(f, true);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_NONE);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_name(f, RECORD_PASSWD, "NOSUCH\\alice", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(asked(), 0);
    /* UPNs of the own domain's users are found as ever. */
    assert_string_equal(who(f, "robert@brand.example").name, "bob");
}

static void
what_is_not_answered_in_time_is_later(void **state)
{
    struct fixture *f = *state;

    say_trusts(f, true);
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    (void)question();
    assert_int_equal(answered(f, NULL).status, 0);
    assert_true(dir_trust_due(f->d) > 0);
    for (size_t i = 0; i < DIR_WAITING_MAX; i++)
        f->d->waiting[i].deadline = client_now();
    assert_int_equal(dir_trust_due(f->d), 0);
    dir_trust_tick(f->d);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_LATER);
    assert_int_equal(dir_trust_due(f->d), -1);
    /* And at once where netlogon ends, or is not there. */
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    (void)question();
    (void)close(f->d->netlogon);
    f->d->netlogon = -1;
    dir_netlogon_gone(f->d);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_LATER);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@other.test", NULL).status, IPC_STATUS_LATER);
}

static void
so_many_wait_and_no_more(void **state)
{
    struct fixture *f = *state;

    say_trusts(f, true);
    for (size_t i = 0; i < DIR_WAITING_MAX / 2; i++)
        send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    assert_int_equal(answered(f, NULL).status, 0);
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_LATER);
    /* Who logs on has places of his own. */
    for (size_t i = 0; i < DIR_WAITING_MAX / 2; i++)
        send_who(f, "alice@other.test");
    assert_int_equal(channel_recv(f->front, reply, sizeof(reply), (int[CHANNEL_FDS_MAX]){ 0 }, 0), -1);
    assert_int_equal(who(f, "alice@other.test").status, IPC_STATUS_LATER);
}

static void
only_the_account_that_was_asked_for(void **state)
{
    static const struct {
        enum ipc_account_kind kind;
        const char *account;
        uint32_t rid;
        enum ipc_status status;
    } cases[] = {
        { IPC_ACCOUNT_UNKNOWN, "alice", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_GROUP, "alice", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_USER, "al\xc3\xad" "ce", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_USER, "alice@corp.test", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_USER, "CORP\\alice", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_USER, "root:", 1104, IPC_STATUS_NONE },
        { IPC_ACCOUNT_USER, "ALICE", 1104, IPC_STATUS_FOUND },
    };
    struct fixture *f = *state;

    say_trusts(f, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
        say_account(f, question()->request, cases[i].kind, cases[i].account, cases[i].rid);
        assert_int_equal(answered(f, NULL).status, cases[i].status);
    }
}

/* netlogon never says such a thing; directory would not take it either. */
static void
an_answer_of_the_own_domain_is_not_taken(void **state)
{
    static struct ipc_accounts_are m = { .err = ERR_OK, .n = 1 };
    struct fixture *f = *state;
    struct writer w;

    say_trusts(f, true);
    send_lookup(f, RECORD_PASSWD, "mallory@other.test", 0);
    m.request = question()->request;
    m.accounts[0] = (struct ipc_account){ .kind = IPC_ACCOUNT_USER, .sid = fake_sid(1104), .account = "mallory" };
    w = writer_init(packet, sizeof(packet));
    ipc_put_accounts_are(&w, &m);
    say(f, &w);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_NONE);
    assert_string_equal(who(f, "alice").name, "alice");
}

static void
ids_and_groups_have_names_too(void **state)
{
    struct fixture *f = *state;
    const struct ipc_accounts *q;
    struct sid sid = other_sid(1200);
    struct record rec;

    say_trusts(f, true);
    send_lookup(f, RECORD_GROUP, NULL, other_id(f, 1200));
    q = question();
    assert_int_equal(q->n, 1);
    assert_true(sid_equal(&q->sids[0], &sid));
    say_account(f, q->request, IPC_ACCOUNT_GROUP, "The Crew", 1200);
    assert_int_equal(answered(f, &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "the crew@other.test"));
    assert_int_equal(by_name(f, RECORD_GROUP, "OTHER\\The Crew", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.gid, other_id(f, 1200));
    send_lookup(f, RECORD_PASSWD, NULL, other_id(f, 1104));
    say_account(f, question()->request, IPC_ACCOUNT_USER, "alice", 1104);
    assert_int_equal(answered(f, &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "alice@other.test"));
    /* Who has not logged on here is in the usual group, and no other. */
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice@other.test", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 0);
    assert_int_equal(rec.gid, other_id(f, 513));
}

static void
a_restart_knows_them_and_a_removed_trust_does_not(void **state)
{
    struct fixture *f = *state;
    struct record rec;
    uint32_t uid;

    learn_other_alice(f);
    uid = other_id(f, 1104);
    restart(f, SHORT);
    assert_int_equal(by_name(f, RECORD_PASSWD, "OTHER\\alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.uid, uid);
    (void)close(netlogon);
    connect_netlogon(f);
    /* It is asked for again, and nobody waits. */
    assert_int_equal(by_name(f, RECORD_PASSWD, "OTHER\\alice", NULL).status, IPC_STATUS_FOUND);
    dir_trust_tick(f->d);
    assert_true(is_asked_for_trusts());
    say_trusts(f, false);
    assert_int_equal(by_name(f, RECORD_PASSWD, "OTHER\\alice", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@other.test", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, uid, NULL).status, IPC_STATUS_NONE);
    restart(f, SHORT);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@other.test", NULL).status, IPC_STATUS_NONE);
}

static void
the_configuration_keeps_them_out(void **state)
{
    struct fixture *f = *state;

    learn_other_alice(f);
    reload(f, SHORT "trusted = none\n");
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@other.test", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(asked(), 0);
    say_trusts(f, true);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@other.test", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(asked(), 0);
}

static void
another_domain_s_table_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct trusts t = { 0 };
    struct trust other = { .dns = "other.test", .netbios = "other", .sid = other_sid(0) };
    struct writer w = writer_init(packet, sizeof(packet));

    (void)sid_parse("S-1-5-21-9-9-9", &t.own);
    assert_true(trusts_add(&t, NULL, &other));
    ipc_put_trusts(&w, ERR_OK, &t);
    say(f, &w);
    assert_int_equal(f->d->trusts.t.n, 0);
}

/* What is known serves while netlogon has no answer, or says that there is none such. */
static void
what_is_known_serves_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct sid sid = other_sid(1104);
    struct store_user *u;

    learn_other_alice(f);
    u = store_user_by_sid(f->d->store, NULL, &sid);
    assert_non_null(u);
    u->refreshed -= 3600;
    assert_true(store_put_user(f->d->store, u));
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    say_failure(f, question()->request);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_FOUND);
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    say_account(f, question()->request, IPC_ACCOUNT_UNKNOWN, "", 1104);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_FOUND);
    u->refreshed -= 90 * 86400;
    assert_true(store_put_user(f->d->store, u));
    send_lookup(f, RECORD_PASSWD, "alice@other.test", 0);
    say_account(f, question()->request, IPC_ACCOUNT_UNKNOWN, "", 1104);
    assert_int_equal(answered(f, NULL).status, IPC_STATUS_NONE);
    talloc_free(u);
}

static struct logon_info *
logon_of_other_alice(void)
{
    struct logon_info *info = logon_of_alice(2);

    info->user = other_sid(1104);
    info->primary_rid = 1300;
    /* RIDs 1200, 1201 and 513 of the own domain, which no trusted one may say; then its own. */
    info->groups = talloc_realloc(info, info->groups, struct logon_group, (unsigned)info->n_groups + 2);
    info->groups[info->n_groups++] = (struct logon_group){ .sid = other_sid(1300), .attributes = 7 };
    info->groups[info->n_groups] = (struct logon_group){ .sid = other_sid(1400), .attributes = 7 };
    info->n_groups++;
    qsort(info->groups, info->n_groups, sizeof(info->groups[0]), sid_compare);
    return info;
}

static enum err
state_of_other(struct fixture *f, uint32_t rid)
{
    struct ipc_state m = { .request = 10, .sid = other_sid(rid) };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_state_is is;

    ipc_put_state(&w, &m);
    assert_true(ipc_get_state_is(reply, ask(f, &w, NULL), &is));
    return (enum err)is.err;
}

static void
a_logon_tells_groups_and_state(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_other_alice();
    const struct ipc_accounts *q;
    struct sid sid = other_sid(1104);
    struct store_user *u;
    struct record rec;

    learn_other_alice(f);
    assert_int_equal(state_of_other(f, 1104), ERR_NO_STATE);
    assert_int_equal(learn(f, "alice@other.test", info).err, ERR_OK);
    /* All names in one question. */
    q = question();
    assert_int_equal(q->n, 2);
    assert_int_equal(asked(), 0);
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice@other.test", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.gid, other_id(f, 1300));
    assert_int_equal(rec.n, 1);
    assert_int_equal(state_of_other(f, 1104), ERR_OK);
    assert_int_equal(state_of_other(f, 1105), ERR_NO_STATE);
    /* For a day. */
    u = store_user_by_sid(f->d->store, NULL, &sid);
    u->state_learned -= DIR_FOREIGN_STATE_S;
    assert_true(store_put_user(f->d->store, u));
    assert_int_equal(state_of_other(f, 1104), ERR_NO_STATE);
    talloc_free(u);
    talloc_free(info);
}

static void
a_logon_is_of_the_domain_in_its_name(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_other_alice();

    /* Before its trust is known. */
    assert_int_equal(learn(f, "alice@other.test", info).err, ERR_WRONG_ACCOUNT);
    learn_other_alice(f);
    assert_int_equal(learn(f, "alice", info).err, ERR_WRONG_ACCOUNT);
    assert_int_equal(learn(f, "alice@corp.test", info).err, ERR_WRONG_ACCOUNT);
    talloc_free(info);
    info = logon_of_alice(2);
    assert_int_equal(learn(f, "alice@other.test", info).err, ERR_WRONG_ACCOUNT);
    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    talloc_free(info);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_table_and_the_name_are_asked_for),
        TEST(nobody_is_asked_for_what_cannot_be),
        TEST(a_table_is_not_asked_for_at_every_lookup),
        TEST(what_is_not_answered_in_time_is_later),
        TEST(so_many_wait_and_no_more),
        TEST(only_the_account_that_was_asked_for),
        TEST(an_answer_of_the_own_domain_is_not_taken),
        TEST(ids_and_groups_have_names_too),
        TEST(a_restart_knows_them_and_a_removed_trust_does_not),
        TEST(the_configuration_keeps_them_out),
        TEST(another_domain_s_table_is_not_taken),
        TEST(what_is_known_serves_meanwhile),
        TEST(a_logon_tells_groups_and_state),
        TEST(a_logon_is_of_the_domain_in_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
