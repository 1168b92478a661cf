#include "tests/unit/card_worker_fixture.h"

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

struct shared *shared;
struct fake_pkcs11 *fake;
struct der alice, bob, old, strange;
char anchors_folder[] = "/tmp/authsod-test-XXXXXX", anchors_file[sizeof(anchors_folder) + 16];
bool offline, keep_nt_hash;
const char *more_config = "";
pid_t worker;
int front, member;
uint8_t packet[PROTO_PACKET_MAX];
struct ipc_cards cards;

static void *library;
static EVP_PKEY *root_key, *rsa, *other;
struct certificate_spec root;
static int log_fd;

/* In place of lib/krb's. */
static bool
succeed(krb5_context ctx, struct krb_logon *logon)
{
    static const char *const server = "krbtgt/CORP.TEST@CORP.TEST";
    char *bytes = strdup("AP-REQ");

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
    unsigned call = shared->calls++ % TRIES_MAX;
    enum err outcome = shared->outcome[call];
    struct krb_failure failure = { .err = outcome, .step = "AS exchange", .heard = shared->heard,
                                   .armored = shared->armored };

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
    shared->seen.wants_key = t->pkinit->reply_key_module != NULL;
    *failure_out = failure;
    memset(logon_out, 0, sizeof(*logon_out));
    logon_out->twice = shared->twice[call];
    if (outcome != ERR_OK || !succeed(ctx, logon_out))
        return false;
    if (shared->seen.wants_key) {
        logon_out->reply_keys = (struct krb_reply_keys){
            .n = 1, .list = { { .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32 } }
        };
        memcpy(logon_out->reply_keys.list[0].bytes, REPLY_KEY, 32);
    }
    return true;
}

static void
pad(unsigned char *field, size_t n, const char *text)
{
    memset(field, ' ', n);
    memcpy(field, text, strlen(text));
}

void
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
    assert_non_null(mkdtemp(anchors_folder));
    (void)snprintf(anchors_file, sizeof(anchors_file), "%s/root.pem", anchors_folder);
    append_pem(anchors_file, "CERTIFICATE", der, build_certificate(&root, der));
}

void
hide_anchors(bool hide)
{
    char away[sizeof(anchors_folder) + 8];

    (void)snprintf(away, sizeof(away), "%s.away", anchors_folder);
    assert_int_equal(hide ? rename(anchors_folder, away) : rename(away, anchors_folder), 0);
}

int
worker_group_setup(void **state)
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

int
worker_group_teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(root_key);
    (void)unlink(anchors_file);
    (void)rmdir(anchors_folder);
    (void)munmap(shared, sizeof(*shared));
    return dlclose(library);
}

int
worker_setup(void **state)
{
    (void)state;
    memset(fake, 0, sizeof(*fake));
    memset(shared, 0, sizeof(*shared));
    fake->n_tokens = 1;
    describe(&fake->tokens[0], "Alice's card", "0001", &alice);
    worker = 0;
    offline = keep_nt_hash = false;
    more_config = "";
    front = member = log_fd = -1;
    return 0;
}

void
close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

int
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

int
worker_teardown(void **state)
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
                   "[smartcard]\npkcs11_module = %s\nanchors = %s %s\nkdc_eku = server\noffline_smartcard = %s\n"
                   "nt_hash = %s\n%s",
                   TEST_FAKE_PKCS11, anchors_file, anchors_folder, offline ? "yes" : "no",
                   keep_nt_hash ? "keep" : "discard", more_config);
    return config_parse_as(NULL, text, strlen(text), "test", "ws1.corp.test", tell, NULL);
}

static void
be_worker(pid_t test, struct config *c, const int fds[2])
{
    int high[2] = { fcntl(fds[0], F_DUPFD, 64), fcntl(fds[1], F_DUPFD, 64) };
    bool ok;

    /* cmocka would go on with the tests in a process that crashes. */
    (void)signal(SIGSEGV, SIG_DFL);
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

void
start_worker(void)
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

size_t
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

size_t
receive(int fd, int *fd_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(fd, packet, sizeof(packet), fds, WAIT_MS);

    assert_true(n >= 0);
    *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return (size_t)n;
}

void
send_number(enum ipc_type type, uint32_t number)
{
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, type, number);
    assert_true(channel_send(front, packet, w.len, NULL, 0, true));
}

void
look(void)
{
    size_t n;
    int fd;

    if (worker == 0)
        start_worker();
    send_number(IPC_LOOK, 7);
    n = receive(front, &fd);
    assert_true(ipc_get_cards(packet, n, &cards) && cards.job == 7 && fd < 0);
}

int
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

void
send_job(const struct ipc_card_key *key, const char *pin, bool pin_pad)
{
    struct ipc_job m = { .job = 9, .with_card = true, .pin_pad = pin_pad, .card = *key, .principal = "alice",
                         .uid = ALICE_UID,
                         .dc = { .err = ERR_OK, .address = "10.0.0.1", .host = "dc1.corp.test", .netbios = "CORP" } };
    struct writer w;
    int fd = answered(pin);

    assert_true(sid_parse(ALICE_SID, &m.user));
    if (worker == 0)
        start_worker();
    w = writer_init(packet, sizeof(packet));
    ipc_put_job(&w, &m);
    assert_true(channel_send(front, packet, w.len, &fd, fd < 0 ? 0 : 1, true));
    close_one(&fd);
}

struct ipc_result
result(void)
{
    struct ipc_result r;
    size_t n;
    int fd;

    n = receive(front, &fd);
    assert_true(ipc_get_result(packet, n, IPC_RESULT, &r));
    assert_int_equal(r.job, 9);
    assert_int_equal(r.err == ERR_OK && !r.offline, fd >= 0);
    close_one(&fd);
    return r;
}

void
vouch(void)
{
    vouch_with(NULL, 0);
}

void
vouch_with(const void *sealed, size_t len)
{
    const struct ipc_verified verified = { .result = { .err = ERR_OK, .proved = true }, .sealed = sealed,
                                           .sealed_len = len };
    struct ipc_verify v;
    struct writer w;
    size_t n;
    int fd;

    n = receive(member, &fd);
    assert_true(ipc_get_verify(packet, n, &v));
    assert_int_equal(v.job, 9);
    assert_memory_equal(v.ap_req, "AP-REQ", 6);
    assert_true(v.certificate_len > 0);
    w = writer_init(packet, sizeof(packet));
    ipc_put_verified(&w, &verified);
    assert_true(channel_send(member, packet, w.len, NULL, 0, true));
}

void
card_without_pin(void)
{
    fake->tokens[0].info.flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
    fake->tokens[0].objects[1].hidden = false;
}

void
module_that_does_not_begin(void)
{
    fake->fail = "C_Initialize";
    fake->fail_code = CKR_GENERAL_ERROR;
}
