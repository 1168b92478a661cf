/* daemon/card_main.c, card_look.c, logon_card.c: a worker with tests/unit/fake_pkcs11.c, in the hands of front and member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/card_worker.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/fake_pkcs11.h"

#define PIN "123456"
#define ROOT "CN=Root,O=corp" /* the issuer */
#define WAIT_MS 20000
#define TRIES_MAX 8

/* What libkrb5's part is told to do, and what it saw: the worker is another process. */
static struct shared {
    enum err outcome[TRIES_MAX]; /* of each call */
    unsigned calls;
    struct {
        char module[512], id[8], pin[64], host[64], anchors[2][64], name[64];
        unsigned long slot;
        bool has_pin, server_eku;
    } seen;
    unsigned logins; /* at the card, by us */
} *shared;

static void *library;
static struct fake_pkcs11 *fake;
static EVP_PKEY *root_key, *rsa, *other;
static struct certificate_spec root;
static char dir[] = "/tmp/authsod-test-XXXXXX", root_path[sizeof(dir) + 16];

static struct der {
    uint8_t bytes[BUILT_CERTIFICATE_MAX];
    size_t len;
} alice, bob, old, strange;

static pid_t worker;
static int front, member, log_fd;
static uint8_t packet[PROTO_PACKET_MAX];
static struct ipc_cards cards;

/* In place of lib/krb's. */
static bool
succeed(krb5_context ctx, struct krb_logon *logon)
{
    static const char *const server = "krbtgt/CORP.TEST@CORP.TEST";
    char *bytes = strdup("AP-REQ");

    memset(logon, 0, sizeof(*logon));
    logon->ap_req = (krb5_data){ .data = bytes, .length = 6 };
    logon->tgt.ticket = (krb5_data){ .data = strdup("ticket"), .length = 6 };
    return bytes != NULL && krb5_parse_name(ctx, "alice@CORP.TEST", &logon->tgt.client) == 0 &&
           krb5_parse_name(ctx, server, &logon->tgt.server) == 0;
}

bool
krb_logon_card(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
               const struct krb_card *card, const krb5_creds *armor, const struct krb_options *o,
               struct krb_logon *logon_out, struct krb_failure *failure_out)
{
    enum err outcome = shared->outcome[shared->calls++ % TRIES_MAX];
    struct krb_failure failure = { .err = outcome, .step = "AS exchange" };

    (void)enterprise;
    (void)armor;
    (void)o;
    (void)snprintf(shared->seen.module, sizeof(shared->seen.module), "%s", card->module);
    (void)snprintf(shared->seen.name, sizeof(shared->seen.name), "%s", name);
    (void)snprintf(shared->seen.host, sizeof(shared->seen.host), "%s", t->pkinit->kdc_host);
    memcpy(shared->seen.id, card->id, card->id_len < 8 ? card->id_len : 7);
    shared->seen.slot = card->slot;
    shared->seen.has_pin = card->pin != NULL;
    (void)snprintf(shared->seen.pin, sizeof(shared->seen.pin), "%s", card->pin == NULL ? "" : card->pin);
    for (size_t i = 0; i < 2 && t->pkinit->anchors[i] != NULL; i++)
        (void)snprintf(shared->seen.anchors[i], sizeof(shared->seen.anchors[i]), "%s", t->pkinit->anchors[i]);
    shared->seen.server_eku = t->pkinit->server_eku;
    *failure_out = failure;
    return outcome == ERR_OK && succeed(ctx, logon_out);
}

static void
pad(unsigned char *field, size_t n, const char *text)
{
    memset(field, ' ', n);
    memcpy(field, text, strlen(text));
}

static void
describe(struct fake_token *t, const char *label, const char *serial, const struct der *der)
{
    memset(t, 0, sizeof(*t));
    pad(t->info.label, sizeof(t->info.label), label);
    pad(t->info.manufacturerID, sizeof(t->info.manufacturerID), "Fake");
    pad(t->info.model, sizeof(t->info.model), "One");
    pad(t->info.serialNumber, sizeof(t->info.serialNumber), serial);
    t->info.flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    t->info.ulMinPinLen = 4;
    t->info.ulMaxPinLen = 8;
    t->pin = PIN;
    t->tries = 3;
    t->objects[0] = (struct fake_object){
        .class = CKO_CERTIFICATE, .id = "\x01", .label = "logon", .der = der->bytes, .der_len = der->len
    };
    t->objects[1] = (struct fake_object){ .class = CKO_PRIVATE_KEY, .id = "\x01", .key = rsa, .hidden = true };
    t->n_objects = 2;
}

/* Seconds from now; issuer NULL: nobody but itself. */
static void
certificate(struct der *der, EVP_PKEY *key, const char *name, const struct certificate_spec *issuer, int64_t from, int64_t to)
{
    struct certificate_spec spec = built_alice_certificate(key);

    spec.name = name;
    spec.issuer = issuer;
    spec.not_before = time(NULL) + from;
    spec.not_after = time(NULL) + to;
    der->len = build_certificate(&spec, der->bytes);
}

static void
authority(void)
{
    uint8_t der[BUILT_CERTIFICATE_MAX];

    root_key = build_rsa_key(2048);
    root = (struct certificate_spec){ .key = root_key, .name = "Root", .basic = "critical,CA:true",
                                      .usage = "critical,keyCertSign,cRLSign", .not_before = time(NULL) - 7200,
                                      .not_after = time(NULL) + 7200, .issuer = &root };
    assert_non_null(mkdtemp(dir));
    (void)snprintf(root_path, sizeof(root_path), "%s/root.pem", dir);
    append_pem(root_path, "CERTIFICATE", der, build_certificate(&root, der));
}

static int
group_setup(void **state)
{
    (void)state;
    library = dlopen(TEST_FAKE_PKCS11, RTLD_NOW);
    fake = library == NULL ? NULL : dlsym(library, "fake_pkcs11");
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rsa = build_rsa_key(2048);
    other = build_rsa_key(2048);
    authority();
    certificate(&alice, rsa, "Alice", &root, -3600, 3600);
    certificate(&bob, other, "Bob", &root, -3600, 3600);
    certificate(&old, rsa, "Old Alice", &root, -7200, -3600);
    certificate(&strange, rsa, "Strange Alice", NULL, -3600, 3600);
    return fake == NULL || shared == MAP_FAILED ? -1 : 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(root_key);
    (void)unlink(root_path);
    (void)rmdir(dir);
    (void)munmap(shared, sizeof(*shared));
    return dlclose(library);
}

static int
setup(void **state)
{
    (void)state;
    memset(fake, 0, sizeof(*fake));
    memset(shared, 0, sizeof(*shared));
    fake->n_tokens = 1;
    describe(&fake->tokens[0], "Alice's card", "0001", &alice);
    worker = 0;
    front = member = log_fd = -1;
    return 0;
}

static void
close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Gives its wait status. */
static int
end_worker(void)
{
    int status = -1;

    close_one(&front);
    close_one(&member);
    if (worker > 0 && waitpid(worker, &status, 0) != worker)
        status = -1;
    worker = 0;
    return status;
}

static int
teardown(void **state)
{
    (void)state;
    if (worker > 0)
        (void)kill(worker, SIGKILL);
    (void)end_worker();
    close_one(&log_fd);
    return 0;
}

static void
tell(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static struct config *
configure(void)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "[domain]\nname = corp.test\n[logon]\nfast = never\n"
                   "[smartcard]\npkcs11_module = %s\nanchors = %s %s\nkdc_eku = server\n",
                   TEST_FAKE_PKCS11, root_path, dir);
    return config_parse_as(NULL, text, strlen(text), "test", "ws1.corp.test", tell, NULL);
}

static void
be_worker(pid_t test, struct config *c, const int fds[2])
{
    int high[2] = { fcntl(fds[0], F_DUPFD, 64), fcntl(fds[1], F_DUPFD, 64) };
    bool ok;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != test || dup2(log_fd, STDERR_FILENO) < 0 ||
        dup2(log_fd, STDOUT_FILENO) < 0 || dup2(high[0], FD_FRONT) < 0 || dup2(high[1], FD_VERIFIER) < 0 ||
        close_range(STDERR_FILENO + 1, FD_FRONT - 1, 0) != 0 || close_range(FD_VERIFIER + 1, ~0U, 0) != 0)
        _exit(99);
    log_init("card", LOG_LEVEL_INFO);
    ok = card_serve(c);
    shared->logins = fake->logins;
    talloc_free(c);
    _exit(ok ? 0 : 1);
}

/* A worker that sees what the test has described until now. */
static void
start(void)
{
    int to_front[2], to_member[2];
    pid_t test = getpid();
    struct config *c = configure();

    assert_non_null(c);
    assert_true(channel_pair(to_front) && channel_pair(to_member));
    if (log_fd < 0)
        log_fd = memfd_create("log", MFD_CLOEXEC);
    worker = fork();
    if (worker == 0)
        be_worker(test, c, (const int[]){ to_front[1], to_member[1] });
    talloc_free(c);
    (void)close(to_front[1]);
    (void)close(to_member[1]);
    front = to_front[0];
    member = to_member[0];
    assert_true(worker > 0);
}

static size_t
logged(const char *text)
{
    char all[16384];
    ssize_t n = pread(log_fd, all, sizeof(all) - 1, 0);
    size_t found = 0;

    assert_true(n >= 0);
    all[n] = '\0';
    for (const char *p = strstr(all, text); p != NULL; p = strstr(p + 1, text))
        found++;
    return found;
}

static size_t
receive(int fd, int *fd_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(fd, packet, sizeof(packet), fds, WAIT_MS);

    assert_true(n >= 0);
    *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return (size_t)n;
}

static void
send_number(enum ipc_type type, uint32_t number)
{
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, type, number);
    assert_true(channel_send(front, packet, w.len, NULL, 0, true));
}

/* LOOK, into cards. */
static void
look(void)
{
    size_t n;
    int fd;

    if (worker == 0)
        start();
    send_number(IPC_LOOK, 7);
    n = receive(front, &fd);
    assert_true(ipc_get_cards(packet, n, &cards) && cards.job == 7 && fd < 0);
}

/* The module's connection with an ANSWER in it; -1 for none. */
static int
answered(const char *pin)
{
    struct writer w = writer_init(packet, sizeof(packet));
    int pair[2];

    if (pin == NULL)
        return -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    proto_put_answer(&w, pin, strlen(pin));
    assert_int_equal(send(pair[1], packet, w.len, 0), w.len);
    (void)close(pair[1]);
    return pair[0];
}

static void
send_job(const struct ipc_card_key *key, const char *pin, bool pin_pad)
{
    struct ipc_job m = { .job = 9, .with_card = true, .pin_pad = pin_pad, .card = *key, .principal = "alice",
                         .dc = { .err = ERR_OK, .address = "10.0.0.1", .host = "dc1.corp.test", .netbios = "CORP" } };
    struct writer w;
    int fd = answered(pin);

    if (worker == 0)
        start();
    w = writer_init(packet, sizeof(packet));
    ipc_put_job(&w, &m);
    assert_true(channel_send(front, packet, w.len, &fd, fd < 0 ? 0 : 1, true));
    close_one(&fd);
}

static struct ipc_result
result(void)
{
    struct ipc_result r;
    size_t n;
    int fd;

    n = receive(front, &fd);
    assert_true(ipc_get_result(packet, n, IPC_RESULT, &r));
    assert_int_equal(r.job, 9);
    assert_int_equal(r.err == ERR_OK, fd >= 0);
    close_one(&fd);
    return r;
}

/* member's part of a logon that came so far. */
static void
vouch(void)
{
    struct ipc_result verified = { .err = ERR_OK, .proved = true };
    const uint8_t *ap_req;
    struct writer w;
    uint32_t job;
    size_t n, len;
    int fd;

    n = receive(member, &fd);
    assert_true(ipc_get_verify(packet, n, &job, &ap_req, &len));
    assert_int_equal(job, 9);
    assert_memory_equal(ap_req, "AP-REQ", 6);
    w = writer_init(packet, sizeof(packet));
    ipc_put_result(&w, IPC_VERIFIED, &verified);
    assert_true(channel_send(member, packet, w.len, NULL, 0, true));
}

static void
a_card_is_told(void **state)
{
    (void)state;
    look();
    assert_int_equal(cards.unfit, ERR_OK);
    assert_int_equal(cards.n, 1);
    assert_string_equal(cards.cards[0].token, "Alice's card");
    assert_string_equal(cards.cards[0].name, "Alice");
    assert_string_equal(cards.cards[0].upn, "alice@corp.test");
    assert_string_equal(cards.cards[0].issuer, ROOT);
    assert_true(cards.cards[0].not_after > time(NULL));
    assert_false(cards.cards[0].pin_pad || cards.cards[0].pin_last_try || cards.cards[0].pin_locked);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(logged("left out"), 0);
    assert_int_equal(shared->logins, 0);
}

static void
what_the_token_says_of_its_pin_is_told(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "", "0002", &bob);
    fake->tokens[0].info.flags |= CKF_USER_PIN_FINAL_TRY | CKF_PROTECTED_AUTHENTICATION_PATH;
    fake->tokens[1].info.flags |= CKF_USER_PIN_LOCKED;
    look();
    assert_int_equal(cards.n, 2);
    assert_true(cards.cards[0].pin_pad && cards.cards[0].pin_last_try && !cards.cards[0].pin_locked);
    assert_true(cards.cards[1].pin_locked && !cards.cards[1].pin_last_try && !cards.cards[1].pin_pad);
    /* One without a label is called after who made it. */
    assert_string_equal(cards.cards[1].token, "Fake");
    assert_string_equal(cards.cards[1].name, "Bob");
}

static void
no_card(void)
{
    fake->n_tokens = 0;
}

static void
blank_card(void)
{
    fake->tokens[0].n_objects = 0;
}

static void
old_card(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &old);
}

static void
strange_card(void)
{
    describe(&fake->tokens[0], "Alice's card", "0001", &strange);
}

/* What is nearest to a certificate for logon is what is told of. */
static void
old_and_no_certificate(void)
{
    old_card();
    fake->tokens[0].objects[2] = (struct fake_object){
        .class = CKO_CERTIFICATE, .id = "\x02", .der = (const uint8_t *)"none", .der_len = 4
    };
    fake->tokens[0].n_objects = 3;
}

static void
card_without_pin(void)
{
    fake->tokens[0].info.flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
    fake->tokens[0].objects[1].hidden = false;
}

static void
card_that_cannot_be_read(void)
{
    fake->fail = "C_GetTokenInfo";
    fake->fail_code = CKR_DEVICE_ERROR;
}

static void
module_that_does_not_begin(void)
{
    fake->fail = "C_Initialize";
    fake->fail_code = CKR_GENERAL_ERROR;
}

static void
why_there_is_none(void **state)
{
    static const struct {
        void (*describe)(void);
        enum err unfit;
        const char *logged; /* once, however often it is looked at */
    } cases[] = {
        { no_card, ERR_NO_CARD, NULL },
        { blank_card, ERR_CARD_UNFIT, NULL },
        { old_card, ERR_CARD_EXPIRED, "info: logon 7: card \"Alice's card\": the certificate \"Old Alice\" of " ROOT " is left out: "
                                      "it has expired" },
        { old_and_no_certificate, ERR_CARD_EXPIRED, "it is no certificate that can be read" },
        { strange_card, ERR_CARD_UNTRUSTED, "it does not lead to an authority that is trusted here" },
        { card_without_pin, ERR_CARD_UNFIT, "info: logon 7: card \"Alice's card\" is left out: it wants no PIN" },
        { card_that_cannot_be_read, ERR_CARD_FAILED, "fake_pkcs11.so slot 70 is left out" },
        { module_that_does_not_begin, ERR_CARD_FAILED, "warning: logon 7: PKCS#11: " TEST_FAKE_PKCS11 " is left out" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)setup(state);
        cases[i].describe();
        look();
        look();
        if (cards.n != 0 || cards.unfit != cases[i].unfit || end_worker() != 0)
            fail_msg("case %zu: %u %s", i, cards.n, err_name(cards.unfit));
        if (cases[i].logged != NULL && logged(cases[i].logged) != 1)
            fail_msg("case %zu: logged %zu times", i, logged(cases[i].logged));
        if (cases[i].logged == NULL && logged("authsodd") != 0)
            fail_msg("case %zu: logged", i);
        (void)teardown(state);
    }
}

static void
a_good_card_beside_bad_ones_is_told(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    card_without_pin();
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    look();
    assert_int_equal(cards.n, 1);
    assert_int_equal(cards.unfit, ERR_OK);
    assert_string_equal(cards.cards[0].token, "Bob's card");
}

static void
more_than_can_be_told_are_left_out(void **state)
{
    (void)state;
    fake->n_tokens = 2;
    describe(&fake->tokens[1], "Bob's card", "0002", &bob);
    for (size_t i = 0; i < 2; i++) {
        static const char *const ids[FAKE_OBJECTS] = { "1", "2", "3", "4", "5", "6" };

        for (size_t n = 0; n < FAKE_OBJECTS; n++) {
            fake->tokens[i].objects[n] = fake->tokens[i].objects[0];
            fake->tokens[i].objects[n].id = ids[n];
        }
        fake->tokens[i].n_objects = FAKE_OBJECTS;
    }
    look();
    assert_int_equal(cards.n, IPC_CARDS_MAX);
    assert_int_equal(end_worker(), 0);
    assert_true(logged("there are more than 8") > 0);
}

static void
the_right_pin_logs_on(void **state)
{
    char anchors[2][64];
    struct ipc_result r;

    (void)state;
    (void)snprintf(anchors[0], sizeof(anchors[0]), "FILE:%s", root_path);
    (void)snprintf(anchors[1], sizeof(anchors[1]), "DIR:%s", dir);
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
    (void)teardown(state);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *c = &refusals[i];
        struct ipc_result r;

        (void)setup(state);
        c->describe();
        send_job(&key, c->pin, false);
        r = result();
        if (r.err != c->err || strcmp(r.step, "smart card") != 0 || r.text[0] == '\0' || r.proved)
            fail_msg("case %zu: %s in %s: %s", i, err_name(r.err), r.step, r.text);
        if (strlen(c->pin) > 2 && (strstr(r.text, c->pin) != NULL || logged(c->pin) != 0))
            fail_msg("case %zu: the PIN is told: %s", i, r.text);
        if (end_worker() != 0 || shared->logins != c->logins || shared->calls != 0)
            fail_msg("case %zu: %u times at the card, %u at the domain", i, shared->logins, shared->calls);
        (void)teardown(state);
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

static void
a_module_that_crashes_costs_the_worker(void **state)
{
    static const char *const calls[] = { "C_Initialize", "C_GetSlotList", "C_OpenSession", "C_FindObjects" };
    int fd, status;

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        (void)setup(state);
        fake->crash_at = calls[i];
        start();
        send_number(IPC_LOOK, 7);
        assert_int_equal(receive(front, &fd), 0);
        assert_int_equal(receive(member, &fd), 0);
        status = end_worker();
        assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
        (void)teardown(state);
    }
}

static void
a_module_that_hangs_can_be_ended(void **state)
{
    struct ipc_card_key key;
    int fds[CHANNEL_FDS_MAX], status;

    look();
    key = cards.cards[0].key;
    (void)teardown(state);
    (void)setup(state);
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

        start();
        assert_true(channel_send(front, packet, n, &fd, fd < 0 ? 0 : 1, true));
        close_one(&fd);
        len = receive(front, &fd);
        assert_int_equal(len, 0);
        assert_int_equal(end_worker(), 1 << 8);
        (void)teardown(state);
    }
    /* Who lets it go does no wrong. */
    start();
    assert_int_equal(end_worker(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_card_is_told),
        TEST(what_the_token_says_of_its_pin_is_told),
        TEST(why_there_is_none),
        TEST(a_good_card_beside_bad_ones_is_told),
        TEST(more_than_can_be_told_are_left_out),
        TEST(the_right_pin_logs_on),
        TEST(of_two_cards_the_one_that_was_chosen_is_used),
        TEST(the_card_refuses),
        TEST(a_certificate_that_is_unfit_by_now_is_refused),
        TEST(with_a_pin_pad_nobody_has_the_pin),
        TEST(a_card_without_a_pin_pad_is_not_asked_there),
        TEST(who_gives_no_answer_has_cancelled),
        TEST(the_domain_s_refusal_is_the_answer),
        TEST(another_controller_is_asked_with_the_same_pin),
        TEST(a_module_that_crashes_costs_the_worker),
        TEST(a_module_that_hangs_can_be_ended),
        TEST(what_front_may_not_say_ends_the_worker),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
