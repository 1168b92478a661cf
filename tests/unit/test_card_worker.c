/* daemon/card_main.c, logon_card.c: logons with a card, and what front may say. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/card_worker_fixture.h"

static void
the_right_pin_logs_on(void **state)
{
    char anchors[2][64];
    struct ipc_result r;

    (void)state;
    (void)snprintf(anchors[0], sizeof(anchors[0]), "FILE:%s", anchors_file);
    (void)snprintf(anchors[1], sizeof(anchors[1]), "DIR:%s", anchors_folder);
    look();
    send_job(&cards.cards[0].key, PIN, false);
    vouch();
    r = result();
    assert_int_equal(r.err, ERR_OK);
    assert_true(r.proved);
    assert_string_equal(r.text, "domain controller dc1.corp.test");
    assert_int_equal(shared->calls, 1);
    assert_string_equal(shared->seen.module, TEST_FAKE_PKCS11);
    assert_string_equal(shared->seen.name, "alice");
    assert_string_equal(shared->seen.id, "\x01");
    assert_string_equal(shared->seen.pin, PIN);
    assert_string_equal(shared->seen.host, "dc1.corp.test");
    assert_string_equal(shared->seen.anchors[0], anchors[0]);
    assert_string_equal(shared->seen.anchors[1], anchors[1]);
    assert_true(shared->seen.server_eku);
    assert_int_equal(shared->seen.slot, 70);
    /* And the next one, by the same worker. */
    send_job(&cards.cards[0].key, PIN, false);
    vouch();
    assert_int_equal(result().err, ERR_OK);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 2);
    assert_int_equal(logged(PIN), 0);
}

static void
of_two_cards_the_one_that_was_chosen_is_used(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    fake->tokens[1].pin = "2222";
    look();
    assert_int_equal(cards.n, 2);
    send_job(&cards.cards[1].key, "2222", false);
    vouch();
    assert_int_equal(result().err, ERR_OK);
    assert_int_equal(shared->seen.slot, 71);
    send_job(&cards.cards[0].key, "2222", false);
    assert_int_equal(result().err, ERR_PIN_WRONG);
    assert_int_equal(shared->calls, 1);
}

static void
wrong_at_last(void)
{
    fake->tokens[0].tries = 2;
}

static void
wrong_once_too_often(void)
{
    fake->tokens[0].tries = 1;
}

static void
locked(void)
{
    fake->tokens[0].info.flags |= CKF_USER_PIN_LOCKED;
}

static void
as_it_is(void)
{
}

static void
fail_login(CK_RV code)
{
    fake->fail = "C_Login";
    fake->fail_code = code;
}

static void
expired_pin(void)
{
    fail_login(CKR_PIN_EXPIRED);
}

static void
no_pin_yet(void)
{
    fail_login(CKR_USER_PIN_NOT_INITIALIZED);
}

static void
cancelled(void)
{
    fail_login(CKR_FUNCTION_CANCELED);
}

static void
general_error(void)
{
    fail_login(CKR_GENERAL_ERROR);
}

static void
pulled(void)
{
    fake->pull_at = "C_Login";
    fake->pull_from = 1;
}

static void
gone(void)
{
    fake->tokens[0].absent = true;
}

static void
another_card(void)
{
    describe(&fake->tokens[0], "Alice's card", "0009", &alice);
}

static void
another_certificate(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &bob);
}

static void
no_key(void)
{
    fake->tokens[0].n_objects = 1;
}

static void
expired_meanwhile(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &old);
}

/* Each is how the card is when the answer has come; nothing of it gets to the domain. */
static const struct refusal {
    void (*describe)(void);
    const char *pin;
    enum err err;
    unsigned logins;
} refusals[] = {
    { as_it_is, "999999", ERR_PIN_WRONG, 1 },
    { wrong_at_last, "999999", ERR_PIN_LAST_TRY, 1 },
    { wrong_once_too_often, "999999", ERR_PIN_LOCKED, 1 },
    { locked, PIN, ERR_PIN_LOCKED, 0 },
    { as_it_is, "12", ERR_PIN_WRONG, 0 },
    { as_it_is, "", ERR_PIN_WRONG, 0 },
    { as_it_is, "1234567890", ERR_PIN_WRONG, 0 },
    { expired_pin, PIN, ERR_PIN_CHANGE, 1 },
    { no_pin_yet, PIN, ERR_PIN_CHANGE, 1 },
    { cancelled, PIN, ERR_CANCELLED, 1 },
    { general_error, PIN, ERR_CARD_FAILED, 1 },
    { pulled, PIN, ERR_CARD_REMOVED, 1 },
    { gone, PIN, ERR_CARD_REMOVED, 0 },
    { another_card, PIN, ERR_CARD_REMOVED, 0 },
    { another_certificate, PIN, ERR_CARD_REMOVED, 0 },
    { card_without_pin, PIN, ERR_CARD_UNFIT, 0 },
    { no_key, PIN, ERR_CARD_UNFIT, 1 },
    { module_that_does_not_begin, PIN, ERR_CARD_REMOVED, 0 },
};

static void
the_card_refuses(void **state)
{
    struct ipc_card_key key;

    look();
    key = cards.cards[0].key;
    (void)worker_teardown(state);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *c = &refusals[i];
        struct ipc_result r;

        (void)worker_setup(state);
        c->describe();
        send_job(&key, c->pin, false);
        r = result();
        if (r.err != c->err || strcmp(r.step, "smart card") != 0 || r.text[0] == '\0' || r.proved)
            fail_msg("case %zu: %s in %s: %s", i, err_name(r.err), r.step, r.text);
        if (strlen(c->pin) > 2 && (strstr(r.text, c->pin) != NULL || logged(c->pin) != 0))
            fail_msg("case %zu: the PIN is told: %s", i, r.text);
        if (end_worker() != 0 || shared->logins != c->logins || shared->calls != 0)
            fail_msg("case %zu: %u times at the card, %u at the domain", i, shared->logins, shared->calls);
        (void)worker_teardown(state);
    }
}

static void
a_certificate_that_is_unfit_by_now_is_refused(void **state)
{
    struct ipc_card_key key;
    unsigned n = 0;

    (void)state;
    look();
    key = cards.cards[0].key;
    assert_int_equal(EVP_Digest(old.bytes, old.len, key.hash, &n, EVP_sha256(), NULL), 1);
    (void)end_worker();
    expired_meanwhile();
    send_job(&key, PIN, false);
    assert_int_equal(result().err, ERR_CARD_EXPIRED);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 0);
}

static void
with_a_pin_pad_nobody_has_the_pin(void **state)
{
    struct ipc_card_key key;

    (void)state;
    fake->tokens[0].info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    look();
    key = cards.cards[0].key;
    send_job(&key, NULL, true);
    vouch();
    assert_int_equal(result().err, ERR_OK);
    assert_false(shared->seen.has_pin);
    /* A PIN that was asked for is not for this reader. */
    send_job(&key, PIN, false);
    assert_int_equal(result().err, ERR_CARD_REMOVED);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 0);
}

static void
a_card_without_a_pin_pad_is_not_asked_there(void **state)
{
    (void)state;
    look();
    send_job(&cards.cards[0].key, NULL, true);
    assert_int_equal(result().err, ERR_CARD_REMOVED);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 0);
}

static void
who_gives_no_answer_has_cancelled(void **state)
{
    struct ipc_job m = { .job = 9, .with_card = true, .principal = "alice", .dc = { .err = ERR_OK } };
    struct writer w = writer_init(packet, sizeof(packet));
    int pair[2];

    (void)state;
    look();
    m.card = cards.cards[0].key;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    (void)close(pair[1]);
    ipc_put_job(&w, &m);
    assert_true(channel_send(front, packet, w.len, &pair[0], 1, true));
    (void)close(pair[0]);
    assert_int_equal(result().err, ERR_CANCELLED);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 0);
}

static void
the_domain_s_refusal_is_the_answer(void **state)
{
    static const enum err errors[] = { ERR_CARD_REVOKED, ERR_CARD_UNTRUSTED, ERR_CARD_NOT_YOURS, ERR_KDC_CERTIFICATE,
                                       ERR_NO_CARD_LOGON, ERR_CARD_FAILED, ERR_CLOCK };

    (void)state;
    look();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct ipc_result r;

        shared->outcome[i] = errors[i];
        send_job(&cards.cards[0].key, PIN, false);
        r = result();
        assert_int_equal(r.err, errors[i]);
        assert_string_equal(r.step, "AS exchange");
        assert_non_null(strstr(r.text, "domain controller dc1.corp.test"));
        /* Nothing else is tried, and no other controller. */
        assert_int_equal(shared->calls, i + 1);
    }
}

/* Whatever came of it; and nothing of the sort of one that was made once. */
static void
an_exchange_that_was_made_twice_is_logged(void **state)
{
    static const char line[] = "the exchange for alice was made twice, because the first answer of dc1.corp.test";

    (void)state;
    shared->twice[0] = shared->twice[1] = true;
    shared->outcome[1] = ERR_UNTRUSTED_KDC;
    look();
    for (unsigned i = 0; i < 3; i++) {
        send_job(&cards.cards[0].key, PIN, false);
        if (shared->outcome[i] == ERR_OK)
            vouch();
        assert_int_equal(result().err, shared->outcome[i]);
        assert_int_equal(logged(line), i == 0 ? 1 : 2);
    }
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->calls, 3);
}

/* front's answer to who asks for another controller than that. */
static void
give_controller(const char *avoid)
{
    struct ipc_dc dc = { .err = ERR_OK, .address = "10.0.0.2", .host = "dc2.corp.test", .netbios = "CORP" };
    struct ipc_need_dc need;
    struct writer w;
    size_t n;
    int fd;

    n = receive(front, &fd);
    assert_true(ipc_get_need_dc(packet, n, &need));
    assert_string_equal(need.avoid, avoid);
    w = writer_init(packet, sizeof(packet));
    ipc_put_dc(&w, &dc);
    assert_true(channel_send(front, packet, w.len, NULL, 0, true));
}

static void
another_controller_is_asked_with_the_same_pin(void **state)
{
    (void)state;
    look();
    shared->outcome[0] = ERR_NO_KDC;
    send_job(&cards.cards[0].key, PIN, false);
    give_controller("10.0.0.1");
    vouch();
    assert_int_equal(result().err, ERR_OK);
    assert_string_equal(shared->seen.host, "dc2.corp.test");
    assert_string_equal(shared->seen.pin, PIN);
    assert_int_equal(shared->calls, 2);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 1);
}

/* Nothing says whose certificate counts: no PIN is tried, and nothing is offered. */
static void
without_an_authority_no_card_is_used(void **state)
{
    struct ipc_card_key key;

    (void)state;
    look();
    key = cards.cards[0].key;
    assert_int_equal(end_worker(), 0);
    hide_anchors(true);
    look();
    assert_int_equal(cards.n, 0);
    assert_int_equal(cards.unfit, ERR_CARD_NOT_SET_UP);
    send_job(&key, PIN, false);
    assert_int_equal(result().err, ERR_CARD_NOT_SET_UP);
    assert_int_equal(end_worker(), 0);
    hide_anchors(false);
    assert_int_equal(shared->logins, 0);
    assert_int_equal(shared->calls, 0);
}

static void
a_module_that_crashes_costs_the_worker(void **state)
{
    static const char *const calls[] = { "C_Initialize", "C_GetSlotList", "C_OpenSession", "C_FindObjects" };
    int fd, status;

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        (void)worker_setup(state);
        fake->crash_at = calls[i];
        start_worker();
        send_number(IPC_LOOK, 7);
        assert_int_equal(receive(front, &fd), 0);
        assert_int_equal(receive(member, &fd), 0);
        status = end_worker();
        assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
        (void)worker_teardown(state);
    }
}

static void
a_module_that_hangs_can_be_ended(void **state)
{
    struct ipc_card_key key;
    int fds[CHANNEL_FDS_MAX], status;

    look();
    key = cards.cards[0].key;
    (void)worker_teardown(state);
    (void)worker_setup(state);
    fake->hang_at = "C_Login";
    send_job(&key, PIN, false);
    assert_true(channel_recv(front, packet, sizeof(packet), fds, 300) < 0);
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(channel_recv(front, packet, sizeof(packet), fds, WAIT_MS), 0);
    status = end_worker();
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static size_t
bad_message(size_t i, int *fd)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_job m = { .job = 9, .with_card = i != 0, .principal = "alice", .dc = { .err = ERR_OK } };

    *fd = -1;
    switch (i) {
    case 0: /* a password's */
        *fd = answered(PIN);
        w = writer_init(packet, sizeof(packet));
        ipc_put_job(&w, &m);
        break;
    case 1: /* without the connection */
        ipc_put_job(&w, &m);
        break;
    case 2:
        ipc_put_empty(&w, IPC_LOOK);
        break;
    case 3:
        ipc_put_number(&w, IPC_PASS, 1);
        break;
    default:
        return 0;
    }
    return w.len;
}

static void
what_front_may_not_say_ends_the_worker(void **state)
{
    size_t n;
    int fd;

    for (size_t i = 0; (n = bad_message(i, &fd)) > 0; i++) {
        size_t len;

        start_worker();
        assert_true(channel_send(front, packet, n, &fd, fd < 0 ? 0 : 1, true));
        close_one(&fd);
        len = receive(front, &fd);
        assert_int_equal(len, 0);
        assert_int_equal(end_worker(), 1 << 8);
        (void)worker_teardown(state);
    }
    /* Who lets it go does no wrong. */
    start_worker();
    assert_int_equal(end_worker(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_right_pin_logs_on),
        TEST(of_two_cards_the_one_that_was_chosen_is_used),
        TEST(the_card_refuses),
        TEST(a_certificate_that_is_unfit_by_now_is_refused),
        TEST(with_a_pin_pad_nobody_has_the_pin),
        TEST(a_card_without_a_pin_pad_is_not_asked_there),
        TEST(who_gives_no_answer_has_cancelled),
        TEST(the_domain_s_refusal_is_the_answer),
        TEST(an_exchange_that_was_made_twice_is_logged),
        TEST(another_controller_is_asked_with_the_same_pin),
        TEST(without_an_authority_no_card_is_used),
        TEST(a_module_that_crashes_costs_the_worker),
        TEST(a_module_that_hangs_can_be_ended),
        TEST(what_front_may_not_say_ends_the_worker),
    };

    return cmocka_run_group_tests(tests, worker_group_setup, worker_group_teardown);
}
