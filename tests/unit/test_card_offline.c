/* daemon/logon_card.c where no controller answers: the card signs what member has thought of. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/card/proof.h"
#include "tests/unit/card_worker_fixture.h"

static uint8_t challenge[PROOF_CHALLENGE_BYTES];

/* front knows no controller, and no other one than one that was silent. */
static void
no_controller(void)
{
    struct ipc_dc dc = { .err = ERR_NO_KDC };
    struct ipc_need_dc need;
    struct writer w;
    size_t n;
    int fd;

    n = receive(front, &fd);
    assert_true(ipc_get_need_dc(packet, n, &need));
    w = writer_init(packet, sizeof(packet));
    ipc_put_dc(&w, &dc);
    assert_true(channel_send(front, packet, w.len, NULL, 0, true));
}

/* A logon with Alice's card, which finds none. */
static void
begin(const char *pin, bool pin_pad)
{
    offline = true;
    look();
    shared->outcome[0] = shared->outcome[1] = ERR_NO_KDC;
    send_job(&cards.cards[0].key, pin, pin_pad);
    no_controller();
}

/* member is asked whether it knows the card, and says err. */
static void
asked(enum err err)
{
    struct ipc_challenge m = { .why = { .err = (uint32_t)err, .text = "as member says" } };
    struct ipc_offline asked;
    struct writer w;
    char sid[SID_TEXT_MAX];
    size_t n;
    int fd;

    n = receive(member, &fd);
    assert_true(ipc_get_offline(packet, n, &asked));
    assert_int_equal(asked.job, 9);
    assert_string_equal(sid_text(&asked.user, sid), ALICE_SID);
    assert_memory_equal(asked.hash, cards.cards[0].key.hash, sizeof(asked.hash));
    assert_true(proof_challenge(challenge));
    memcpy(m.challenge, challenge, sizeof(challenge));
    w = writer_init(packet, sizeof(packet));
    ipc_put_challenge(&w, &m);
    assert_true(channel_send(member, packet, w.len, NULL, 0, true));
}

/* member is shown the signature, which is the card's, and says err. */
static void
shown(enum err err)
{
    struct ipc_verified verified = { .result = { .job = 9, .err = (uint32_t)err, .proved = true, .text = "offline" } };
    struct proof proof = { .len = 0 };
    struct ipc_proof p;
    struct writer w;
    size_t n;
    int fd;

    n = receive(member, &fd);
    assert_true(ipc_get_proof(packet, n, &p));
    assert_int_equal(p.job, 9);
    assert_true(p.signature_len <= sizeof(proof.signature));
    memcpy(proof.signature, p.signature, p.signature_len);
    proof.len = p.signature_len;
    assert_true(proof_verify(alice.bytes, alice.len, challenge, &proof));
    w = writer_init(packet, sizeof(packet));
    ipc_put_verified(&w, &verified);
    assert_true(channel_send(member, packet, w.len, NULL, 0, true));
}

static void
a_card_that_is_known_logs_on(void **state)
{
    struct ipc_result r;

    (void)state;
    begin(PIN, false);
    asked(ERR_OK);
    shown(ERR_OK);
    r = result();
    assert_int_equal(r.err, ERR_OK);
    assert_true(r.offline);
    assert_string_equal(r.text, "offline");
    assert_int_equal(end_worker(), 0);
    /* The PIN was tried before the domain was asked, and was right; then it signed. */
    assert_int_equal(shared->logins, 2);
    assert_int_equal(logged(PIN), 0);
}

static void
at_a_reader_the_pin_is_typed_for_the_signature_alone(void **state)
{
    (void)state;
    fake->tokens[0].info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    begin(NULL, true);
    asked(ERR_OK);
    shown(ERR_OK);
    assert_true(result().offline);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 1);
}

static void
a_card_that_member_does_not_know_signs_nothing(void **state)
{
    struct ipc_result r;

    (void)state;
    begin(PIN, false);
    asked(ERR_NO_KDC);
    r = result();
    assert_int_equal(r.err, ERR_NO_KDC);
    assert_false(r.offline);
    assert_non_null(strstr(r.text, "as member says"));
    assert_int_equal(end_worker(), 0);
    assert_int_equal(shared->logins, 1);
}

static void
what_member_has_against_the_card_is_the_answer(void **state)
{
    struct ipc_result r;

    (void)state;
    begin(PIN, false);
    asked(ERR_CARD_REVOKED);
    r = result();
    assert_int_equal(r.err, ERR_CARD_REVOKED);
    assert_string_equal(r.text, "as member says");
    assert_int_equal(end_worker(), 0);
}

static void
what_member_does_not_believe_is_no_logon(void **state)
{
    struct ipc_result r;

    (void)state;
    begin(PIN, false);
    asked(ERR_OK);
    shown(ERR_CARD_FAILED);
    r = result();
    assert_int_equal(r.err, ERR_CARD_FAILED);
    assert_false(r.offline);
    assert_int_equal(end_worker(), 0);
}

static void
another_certificate_in_its_place_signs_nothing(void **state)
{
    struct ipc_card_key key;

    (void)state;
    offline = true;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    look();
    key = cards.cards[0].key;
    /* Of Alice's token, with Bob's certificate. */
    memcpy(key.hash, cards.cards[1].key.hash, sizeof(key.hash));
    send_job(&key, PIN, false);
    assert_int_equal(result().err, ERR_CARD_REMOVED);
    assert_int_equal(end_worker(), 0);
}

static void
without_the_permission_member_is_not_asked(void **state)
{
    struct ipc_result r;

    (void)state;
    look();
    shared->outcome[0] = shared->outcome[1] = ERR_NO_KDC;
    send_job(&cards.cards[0].key, PIN, false);
    no_controller();
    r = result();
    assert_int_equal(r.err, ERR_NO_KDC);
    assert_int_equal(end_worker(), 0);
}

/* What member is told to forget after that answer of the domain's; false: it is told nothing. */
static bool
forgets(enum err err)
{
    struct ipc_forget m;
    char sid[SID_TEXT_MAX];
    size_t n;
    int fd;

    shared->outcome[shared->calls % TRIES_MAX] = err;
    send_job(&cards.cards[0].key, PIN, false);
    assert_int_equal(result().err, err);
    n = (size_t)recv(member, packet, sizeof(packet), MSG_DONTWAIT | MSG_PEEK);
    if (n == (size_t)-1)
        return false;
    n = receive(member, &fd);
    assert_true(ipc_get_forget(packet, n, &m));
    assert_string_equal(sid_text(&m.user, sid), ALICE_SID);
    assert_memory_equal(m.hash, cards.cards[0].key.hash, sizeof(m.hash));
    return true;
}

static void
what_a_kdc_turns_away_for_good_is_forgotten(void **state)
{
    static const struct {
        enum err err;
        bool forgets;
    } cases[] = {
        { ERR_CARD_REVOKED, true }, { ERR_CARD_NOT_YOURS, true }, { ERR_CARD_UNKNOWN, true },
        /* Of the account front finds out. */
        { ERR_DISABLED, false }, { ERR_REVOKED, false }, { ERR_UNKNOWN_PRINCIPAL, false },
        /* One controller alone may not know the issuer, or do no PKINIT; libkrb5's module has such words, too. */
        { ERR_CARD_UNTRUSTED, false }, { ERR_CARD_UNFIT, false }, { ERR_NO_CARD_LOGON, false },
        { ERR_CLOCK, false }, { ERR_KDC_CERTIFICATE, false }, { ERR_UNTRUSTED_KDC, false }, { ERR_TIMEOUT, false },
    };

    (void)state;
    look();
    /* By a word that nobody has protected nothing is. */
    for (int armored = 0; armored <= 1; armored++) {
        shared->armored = armored == 1;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (forgets(cases[i].err) != (cases[i].forgets && armored == 1))
                fail_msg("%s, %s", err_name(cases[i].err), armored == 1 ? "armored" : "not armored");
        }
    }
    assert_int_equal(end_worker(), 0);
}

/* It took the card, and then was silent. */
static void
a_controller_that_has_answered_is_there(void **state)
{
    (void)state;
    shared->heard = true;
    begin(PIN, false);
    assert_int_equal(result().err, ERR_NO_KDC);
    assert_int_equal(end_worker(), 0);
}

/* A list that has run out: good enough where no newer one is to be had, and only there. */
static void
with_a_controller_lists_are_to_be_in_force(void **state)
{
    const struct crl_spec crl = { .issuer = &root, .last_update = time(NULL) - 3600, .next_update = time(NULL) - 60 };
    uint8_t der[BUILT_CERTIFICATE_MAX];
    char path[96], lines[160];
    struct ipc_result r;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/authsod-card-offline.%d", (int)getpid());
    (void)snprintf(lines, sizeof(lines), "require_crl = yes\ncrls = %s\n", path);
    append_pem(path, "X509 CRL", der, build_crl(&crl, der));
    more_config = lines;
    begin(PIN, false);
    asked(ERR_OK);
    shown(ERR_OK);
    assert_true(result().offline);
    shared->outcome[shared->calls % TRIES_MAX] = ERR_OK;
    send_job(&cards.cards[0].key, PIN, false);
    r = result();
    (void)unlink(path);
    assert_int_equal(r.err, ERR_CARD_UNTRUSTED);
    assert_string_equal(r.step, "smart card");
    assert_int_equal(end_worker(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_card_that_is_known_logs_on), TEST(at_a_reader_the_pin_is_typed_for_the_signature_alone),
        TEST(a_card_that_member_does_not_know_signs_nothing), TEST(what_member_has_against_the_card_is_the_answer),
        TEST(what_member_does_not_believe_is_no_logon), TEST(another_certificate_in_its_place_signs_nothing),
        TEST(without_the_permission_member_is_not_asked), TEST(what_a_kdc_turns_away_for_good_is_forgotten),
        TEST(a_controller_that_has_answered_is_there), TEST(with_a_controller_lists_are_to_be_in_force),
    };

    return cmocka_run_group_tests(tests, worker_group_setup, worker_group_teardown);
}
