/* daemon/member_offline.c, with a folder, authorities and a key of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/member.h"
#include "lib/cached/cached.h"
#include "lib/card/proof.h"
#include "tests/unit/certificate_builder.h"

#define ALICE "S-1-5-21-1-2-3-1103"
#define BOB "S-1-5-21-1-2-3-1104"
#define WORKER 7
#define JOB 9

static char folder[64], trust[64], crl_path[96];
static EVP_PKEY *root_key, *key, *other_key;
static struct certificate_spec root;
static uint8_t der[BUILT_CERTIFICATE_MAX], hash[32];
static size_t der_len;
static struct member *m;
static struct worker_link *link_;
static int worker, front; /* our ends */
static uint8_t packet[CHANNEL_PACKET_MAX];

static void
tell(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static void
configure(const char *more)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "[domain]\nname = corp.test\n[smartcard]\nanchors = %s/root.pem\n%s\n", trust, more);
    talloc_free(m->config);
    m->config = config_parse_as(m, text, strlen(text), "test", "ws1.corp.test", tell, NULL);
    assert_non_null(m->config);
    member_offline_begin(m);
}

static struct sid
sid(const char *text)
{
    struct sid s;

    assert_true(sid_parse(text, &s));
    return s;
}

/* Alice's certificate, valid from an hour ago until so many seconds from now. */
static void
make_certificate(int64_t until)
{
    struct certificate_spec spec = built_alice_certificate(key);
    unsigned n = 0;

    spec.issuer = &root;
    spec.not_before = (int64_t)time(NULL) - 3600;
    spec.not_after = (int64_t)time(NULL) + until;
    der_len = build_certificate(&spec, der);
    assert_int_equal(EVP_Digest(der, der_len, hash, &n, EVP_sha256(), NULL), 1);
}

static int
group_setup(void **state)
{
    uint8_t bytes[BUILT_CERTIFICATE_MAX];
    char path[96];

    (void)state;
    (void)snprintf(trust, sizeof(trust), "/tmp/member-trust.XXXXXX");
    if (mkdtemp(trust) == NULL)
        return -1;
    root_key = build_ec_key("P-256");
    key = build_rsa_key(2048);
    other_key = build_rsa_key(2048);
    root = (struct certificate_spec){ .key = root_key, .name = "Root", .basic = "critical,CA:true",
                                      .usage = "critical,keyCertSign,cRLSign", .not_before = time(NULL) - 86400 * 10,
                                      .not_after = time(NULL) + 86400, .issuer = &root };
    (void)snprintf(path, sizeof(path), "%s/root.pem", trust);
    (void)snprintf(crl_path, sizeof(crl_path), "%s/crl.pem", trust);
    append_pem(path, "CERTIFICATE", bytes, build_certificate(&root, bytes));
    return 0;
}

static void
remove_folder(const char *path)
{
    DIR *d = opendir(path);

    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d))
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(path);
}

static int
group_teardown(void **state)
{
    (void)state;
    remove_folder(trust);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    return 0;
}

static int
setup(void **state)
{
    int pair[2], fd;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/member-cards.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd != FD_CARDS && (dup2(fd, FD_CARDS) != FD_CARDS || close(fd) != 0))
        return -1;
    m = talloc_zero(NULL, struct member);
    link_ = &m->workers[0];
    if (!channel_pair(pair))
        return -1;
    worker = pair[0];
    link_->fd = pair[1];
    link_->id = WORKER;
    link_->has_cards = true;
    if (!channel_pair(pair))
        return -1;
    front = pair[0];
    m->front = pair[1];
    configure("offline_smartcard = yes");
    make_certificate(3600);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    (void)close(worker);
    (void)close(front);
    (void)close(link_->fd);
    (void)close(m->front);
    talloc_free(m);
    (void)close(FD_CARDS);
    remove_folder(folder);
    (void)unlink(crl_path);
    return 0;
}

static void
took(const char *user, int64_t when)
{
    struct sid s = sid(user);

    assert_true(cached_take(FD_CARDS, &s, der, der_len, when));
}

static struct ipc_challenge
ask(const char *user)
{
    struct ipc_offline o = { .job = JOB, .user = sid(user) };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_challenge c = { 0 };
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    memcpy(o.hash, hash, sizeof(hash));
    ipc_put_offline(&w, &o);
    assert_true(member_offline_asked(m, link_, packet, w.len));
    n = channel_recv(worker, packet, sizeof(packet), fds, 1000);
    assert_true(n > 0 && ipc_get_challenge(packet, (size_t)n, &c));
    return c;
}

/* As lib/card/session.c has a card sign. */
static struct proof
sign(EVP_PKEY *with, const uint8_t challenge[PROOF_CHALLENGE_BYTES])
{
    struct proof p = { .len = sizeof(p.signature) };
    uint8_t digest[PROOF_HASH_BYTES];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(with, NULL);

    assert_true(proof_hash(hash, challenge, digest));
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, p.signature, &p.len, digest, sizeof(digest)), 1);
    EVP_PKEY_CTX_free(ctx);
    return p;
}

/* False: the worker is out. */
static bool
show(uint32_t job, const struct proof *p, struct ipc_result *r_out)
{
    struct ipc_verified verified;
    struct ipc_proof out = { .job = job, .signature = p->signature, .signature_len = p->len };
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    ipc_put_proof(&w, &out);
    if (!member_offline_proof(m, link_, packet, w.len))
        return false;
    n = channel_recv(worker, packet, sizeof(packet), fds, 1000);
    assert_true(n > 0 && ipc_get_verified(packet, (size_t)n, &verified));
    assert_int_equal(verified.sealed_len, 0);
    *r_out = verified.result;
    return true;
}

/* Has member told front? */
static bool
vouched(const char *user)
{
    struct ipc_vouch_offline v;
    char text[SID_TEXT_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(front, packet, sizeof(packet), fds, 0);

    if (n <= 0)
        return false;
    assert_true(ipc_get_vouch_offline(packet, (size_t)n, &v));
    assert_int_equal(v.worker, WORKER);
    assert_int_equal(v.job, JOB);
    assert_string_equal(sid_text(&v.user, text), user);
    return true;
}

static void
a_card_that_the_domain_took_lets_its_user_in(void **state)
{
    struct ipc_challenge first, c;
    struct ipc_result r;
    struct proof p;

    (void)state;
    took(ALICE, (int64_t)time(NULL) - 86400);
    first = ask(ALICE);
    assert_int_equal(first.why.err, ERR_OK);
    c = ask(ALICE);
    assert_memory_not_equal(first.challenge, c.challenge, sizeof(c.challenge));
    p = sign(key, c.challenge);
    assert_true(show(JOB, &p, &r));
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.job, JOB);
    assert_non_null(strstr(r.text, "the domain took last"));
    assert_true(vouched(ALICE));
    /* Not twice. */
    assert_false(show(JOB, &p, &r));
    assert_false(vouched(ALICE));
}

static void
what_is_not_the_card_s_lets_nobody_in(void **state)
{
    static const uint8_t zero[PROOF_CHALLENGE_BYTES];
    struct ipc_challenge c;
    struct ipc_result r;
    struct proof p;

    (void)state;
    took(ALICE, (int64_t)time(NULL));
    for (int i = 0; i < 4; i++) {
        c = ask(ALICE);
        p = sign(i == 0 ? other_key : key, i == 1 ? zero : c.challenge);
        p.len -= i == 2;
        if (i == 3)
            p.len = 0;
        assert_true(show(JOB, &p, &r));
        assert_int_equal(r.err, ERR_CARD_FAILED);
        assert_false(vouched(ALICE));
    }
    /* Of another logon; of none. */
    c = ask(ALICE);
    p = sign(key, c.challenge);
    assert_false(show(JOB + 1, &p, &r));
    assert_false(show(JOB, &p, &r));
    /* A challenge that nobody waits for any more. */
    m->config->deadline = -60;
    c = ask(ALICE);
    p = sign(key, c.challenge);
    assert_true(show(JOB, &p, &r));
    assert_int_equal(r.err, ERR_CARD_LATE);
    assert_false(vouched(ALICE));
    m->config->deadline = 30;
    /* An earlier challenge of the same card. */
    c = ask(ALICE);
    p = sign(key, c.challenge);
    (void)ask(ALICE);
    assert_true(show(JOB, &p, &r));
    assert_int_equal(r.err, ERR_CARD_FAILED);
    assert_false(vouched(ALICE));
}

static void
a_card_that_was_not_taken_is_not_asked(void **state)
{
    struct sid alice = sid(ALICE);

    (void)state;
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
    /* For another user only. */
    took(BOB, (int64_t)time(NULL));
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
    assert_null(link_->offline);
    /* Another card of hers. */
    took(ALICE, (int64_t)time(NULL));
    hash[0] ^= 1;
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
    hash[0] ^= 1;
    assert_int_equal(ask(ALICE).why.err, ERR_OK);
    assert_true(cached_forget(FD_CARDS, &alice, NULL));
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
}

static void
a_logon_of_long_ago_does_not_count(void **state)
{
    int64_t now = (int64_t)time(NULL);

    (void)state;
    configure("offline_smartcard = yes\n[identity]\ncache_end = 7d");
    took(ALICE, now - 7 * 86400 + 60);
    assert_int_equal(ask(ALICE).why.err, ERR_OK);
    took(BOB, now - 7 * 86400 - 60);
    assert_int_equal(ask(BOB).why.err, ERR_NO_KDC);
    /* Nor one that is yet to come: the clock was set back. */
    took(BOB, now + 3600);
    assert_int_equal(ask(BOB).why.err, ERR_NO_KDC);
}

static void
what_has_become_of_the_certificate_counts(void **state)
{
    static const unsigned revoked[] = { 17, 0 };
    struct crl_spec crl = { .issuer = &root, .revoked = revoked, .last_update = (int64_t)time(NULL) - 86400 * 3,
                            .next_update = (int64_t)time(NULL) - 86400 };
    uint8_t bytes[BUILT_CERTIFICATE_MAX];
    char more[192];

    (void)state;
    make_certificate(-60);
    took(ALICE, (int64_t)time(NULL) - 3000);
    assert_int_equal(ask(ALICE).why.err, ERR_CARD_EXPIRED);
    make_certificate(3600);
    took(ALICE, (int64_t)time(NULL));
    assert_int_equal(ask(ALICE).why.err, ERR_OK);
    /* The last list counts, also when it has run out. */
    (void)snprintf(more, sizeof(more), "offline_smartcard = yes\nrequire_crl = yes\ncrls = %s", crl_path);
    append_pem(crl_path, "X509 CRL", bytes, build_crl(&crl, bytes));
    configure(more);
    assert_int_equal(ask(ALICE).why.err, ERR_CARD_REVOKED);
    (void)unlink(crl_path);
    assert_int_equal(ask(ALICE).why.err, ERR_CARD_UNTRUSTED);
    crl.revoked = NULL;
    append_pem(crl_path, "X509 CRL", bytes, build_crl(&crl, bytes));
    assert_int_equal(ask(ALICE).why.err, ERR_OK);
}

static void
without_the_permission_nothing_is_kept(void **state)
{
    struct sid alice = sid(ALICE);

    (void)state;
    member_offline_took(m, &alice, der, der_len);
    assert_int_equal(ask(ALICE).why.err, ERR_OK);
    /* A password's logon has no certificate. */
    member_offline_took(m, &alice, NULL, 0);
    configure("offline_smartcard = no");
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
    member_offline_took(m, &alice, der, der_len);
    configure("offline_smartcard = yes");
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
}

static void
what_the_domain_takes_no_more_is_forgotten(void **state)
{
    struct ipc_forget f = { .user = sid(ALICE) };
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    took(ALICE, (int64_t)time(NULL));
    took(BOB, (int64_t)time(NULL));
    memcpy(f.hash, hash, sizeof(hash));
    ipc_put_forget(&w, &f);
    assert_true(member_offline_forget(packet, w.len, false));
    assert_int_equal(ask(ALICE).why.err, ERR_NO_KDC);
    assert_int_equal(ask(BOB).why.err, ERR_OK);
    /* Which one it is does not matter where it is the account; that is front's to say. */
    f = (struct ipc_forget){ .user = sid(BOB), .all = true };
    w = writer_init(packet, sizeof(packet));
    ipc_put_forget(&w, &f);
    assert_false(member_offline_forget(packet, w.len, false));
    assert_int_equal(ask(BOB).why.err, ERR_OK);
    w = writer_init(packet, sizeof(packet));
    ipc_put_forget(&w, &f);
    assert_true(member_offline_forget(packet, w.len, true));
    assert_int_equal(ask(BOB).why.err, ERR_NO_KDC);
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_STOP);
    assert_false(member_offline_forget(packet, w.len, true));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_card_that_the_domain_took_lets_its_user_in), TEST(what_is_not_the_card_s_lets_nobody_in),
        TEST(a_card_that_was_not_taken_is_not_asked), TEST(a_logon_of_long_ago_does_not_count),
        TEST(what_has_become_of_the_certificate_counts), TEST(without_the_permission_nothing_is_kept),
        TEST(what_the_domain_takes_no_more_is_forgotten),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
