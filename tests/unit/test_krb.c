/* lib/krb without a domain: the profile, bytes to a KDC and back, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <profile.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/krb/edata.h"
#include "lib/krb/failure.h"
#include "lib/krb/kdc.h"
#include "lib/krb/krb.h"
#include "lib/krb/verifier.h"

static struct krb_target target = { .realm = "CORP.TEST", .domain_dns = "corp.test", .kdc = "10.99.0.1",
                                    .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 2 };
static krb5_context ctx;

static int
setup(void **state)
{
    (void)state;
    return krb_context_new(&target, &ctx);
}

static int
teardown(void **state)
{
    (void)state;
    krb5_free_context(ctx);
    return 0;
}

static void
the_profile_pins_and_nothing_else_is_read(void **state)
{
    static const struct {
        const char *section, *name, *sub, *value;
    } cases[] = {
        { "libdefaults", "default_realm", NULL, "CORP.TEST" },
        { "libdefaults", "dns_lookup_kdc", NULL, "false" },
        { "libdefaults", "kdc_timesync", NULL, "0" },
        { "realms", "CORP.TEST", "kdc", "10.99.0.1" },
        { "realms", "CORP.TEST", "primary_kdc", "10.99.0.1" },
        { "realms", "OTHER.TEST", "kdc", "none" },
        { "realms", "CORP.TEST", "admin_server", "none" },
        { "domain_realm", "corp.test", NULL, "CORP.TEST" },
        { "libdefaults", "no_such_thing", NULL, "none" },
    };
    profile_t profile = NULL;
    char *realm = NULL;

    (void)state;
    assert_int_equal(krb5_get_profile(ctx, &profile), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *value = NULL;

        assert_int_equal(profile_get_string(profile, cases[i].section, cases[i].name, cases[i].sub, "none", &value),
                         0);
        assert_string_equal(value, cases[i].value);
        profile_release_string(value);
    }
    profile_release(profile);
    assert_int_equal(krb5_get_default_realm(ctx, &realm), 0);
    assert_string_equal(realm, "CORP.TEST");
    krb5_free_default_realm(ctx, realm);
}

/* How the KDC of a test answers each request on each connection. */
enum manner { ECHO, ECHO_AND_CLOSE, ECHO_ONCE, ECHO_SLOWLY, CLOSE, SILENT, HUGE_LENGTH, NO_LENGTH, HALF };

static bool
read_all(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, p, n);

        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static void
must_write(int fd, const void *p, size_t n)
{
    if (write(fd, p, n) != (ssize_t)n)
        _exit(1);
}

/* Answers request number n of a connection. False when the connection is to end. */
static bool
answer(int fd, enum manner manner, int n)
{
    uint8_t bytes[256];

    if (!read_all(fd, bytes, 4) || !read_all(fd, bytes + 4, bytes[3]))
        return false;
    switch (manner) {
    case ECHO_ONCE:
        if (n > 0)
            return false;
        must_write(fd, bytes, 4U + bytes[3]);
        return true;
    case ECHO_SLOWLY: /* but for the first one */
        if (n > 0)
            (void)usleep(400000);
        must_write(fd, bytes, 4U + bytes[3]);
        return true;
    case ECHO:
    case ECHO_AND_CLOSE:
        must_write(fd, bytes, 4U + bytes[3]);
        return manner == ECHO;
    case CLOSE:
        return false;
    case SILENT:
        (void)pause();
        return false;
    case HUGE_LENGTH:
        must_write(fd, "\x7f\xff\xff\xff", 4);
        return true;
    case NO_LENGTH:
        must_write(fd, "\0\0\0\0", 4);
        return true;
    case HALF:
        must_write(fd, "\0\0\0\x08" "abcd", 8);
        return false;
    }
    return false;
}

struct server {
    pid_t pid;
    char address[32];
};

/* A KDC that takes connections one after the other; the first n in the first manner, the others in the second. */
static struct server
serve(enum manner first, int n, enum manner second)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    struct server s;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    (void)snprintf(s.address, sizeof(s.address), "127.0.0.1:%u", (unsigned)ntohs(sin.sin_port));
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        /* It ends with a test that fails, too, and keeps nobody waiting who reads what that says. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
            _exit(1);
        for (int i = 0;; i++) {
            int c = accept(fd, NULL, NULL);
            int asked = 0;

            while (answer(c, i < n ? first : second, asked))
                asked++;
            close(c);
        }
    }
    close(fd);
    return s;
}

static void
serve_end(const struct server *s)
{
    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

static krb5_error_code
ask(struct kdc *kdc, const char *text, bool once)
{
    krb5_data request = { .data = (char *)(uintptr_t)text, .length = (unsigned)strlen(text) };
    krb5_data reply;
    krb5_error_code code = kdc_exchange(ctx, kdc, &request, once, &reply);

    if (code == 0) {
        assert_int_equal(reply.length, request.length);
        assert_memory_equal(reply.data, request.data, reply.length);
    } else {
        assert_null(reply.data);
    }
    krb5_free_data_contents(ctx, &reply);
    return code;
}

static void
one_connection_serves_all_requests(void **state)
{
    struct server s = serve(ECHO, 1, CLOSE);
    struct krb_target t = target;
    struct kdc kdc;

    (void)state;
    t.kdc = s.address;
    kdc = kdc_init(&t);
    assert_int_equal(ask(&kdc, "one", false), 0);
    assert_int_equal(ask(&kdc, "two", true), 0);
    assert_int_equal(ask(&kdc, "three", false), 0);
    kdc_done(&kdc);
    serve_end(&s);
}

struct waiting {
    const struct kdc *kdc;
    int times;
};

/* The request is out, on a connection that is there, and its answer is not read. */
static void
while_it_works(void *arg)
{
    struct waiting *w = arg;

    w->times++;
    assert_true(w->kdc->fd >= 0);
    assert_true(poll(&(struct pollfd){ .fd = w->kdc->fd, .events = POLLIN }, 1, 1000) == 1);
}

/* The wait for the first answer is made use of, once, also where that comes by a second try. */
static void
the_first_wait_is_spent(void **state)
{
    enum manner manners[] = { ECHO, ECHO_ONCE };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct server s = serve(manners[i], 1, ECHO);
        struct krb_target t = target;
        struct kdc kdc;
        struct waiting w = { .kdc = &kdc };

        t.kdc = s.address;
        kdc = kdc_init(&t);
        kdc.meanwhile = while_it_works;
        kdc.arg = &w;
        assert_int_equal(ask(&kdc, "one", false), 0);
        assert_int_equal(w.times, 1);
        assert_int_equal(ask(&kdc, "two", false), 0);
        assert_int_equal(w.times, 1);
        kdc_done(&kdc);
        serve_end(&s);
    }
}

static void
a_kdc_may_end_the_connection(void **state)
{
    struct server s = serve(ECHO_AND_CLOSE, 0, ECHO_AND_CLOSE);
    struct krb_target t = target;
    struct kdc kdc;

    (void)state;
    t.kdc = s.address;
    kdc = kdc_init(&t);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(&kdc, "one", false), 0);
    kdc_done(&kdc);
    serve_end(&s);
}

/* A KDC that ends the connection instead of answering may have counted the password. */
static void
what_must_be_sent_once_is_sent_once(void **state)
{
    struct krb_target t = target;
    struct server s;
    struct kdc kdc;

    (void)state;
    for (int once = 0; once < 2; once++) {
        s = serve(ECHO_ONCE, 1, ECHO);
        t.kdc = s.address;
        kdc = kdc_init(&t);
        assert_int_equal(ask(&kdc, "one", false), 0);
        assert_int_equal(ask(&kdc, "two", once != 0), once != 0 ? KRB5_KDC_UNREACH : 0);
        assert_int_equal(ask(&kdc, "three", once != 0), 0);
        kdc_done(&kdc);
        serve_end(&s);
    }
}

static void
a_bad_kdc_is_left(void **state)
{
    static const enum manner manners[] = { CLOSE, SILENT, HUGE_LENGTH, NO_LENGTH, HALF };
    struct krb_target t = target;

    (void)state;
    t.timeout = 1;
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        struct server s = serve(manners[i], 0, manners[i]);
        struct kdc kdc;

        t.kdc = s.address;
        kdc = kdc_init(&t);
        assert_int_equal(ask(&kdc, "one", false), KRB5_KDC_UNREACH);
        assert_int_equal(kdc.fd, -1);
        kdc_done(&kdc);
        serve_end(&s);
    }
    t.kdc = "127.0.0.1:1";
    assert_int_equal(ask(&(struct kdc){ .address = t.kdc, .timeout = 1, .fd = -1 }, "one", false), KRB5_KDC_UNREACH);
    assert_int_equal(ask(&(struct kdc){ .address = NULL, .timeout = 1, .fd = -1 }, "one", false), KRB5_KDC_UNREACH);
    assert_int_equal(ask(&(struct kdc){ .address = "dc1", .timeout = 1, .fd = -1 }, "one", false), KRB5_KDC_UNREACH);
}

static void
patience_is_for_a_kdc_that_has_not_answered(void **state)
{
    struct server s = serve(ECHO_SLOWLY, 1, SILENT);
    struct krb_target t = target;
    struct timespec from, to;
    struct kdc kdc;

    (void)state;
    t.timeout = 30;
    t.patience = 200;
    t.kdc = s.address;
    kdc = kdc_init(&t);
    assert_int_equal(ask(&kdc, "one", false), 0);
    assert_int_equal(ask(&kdc, "two", true), 0);
    kdc_done(&kdc);
    kdc = kdc_init(&t);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(ask(&kdc, "one", false), KRB5_KDC_UNREACH);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_in_range(to.tv_sec - from.tv_sec, 0, 15);
    kdc_done(&kdc);
    serve_end(&s);
}

static void
failures_are_described(void **state)
{
    static const struct {
        struct krb_failure failure;
        const char *value, *text;
    } cases[] = {
        { { .err = ERR_CLOCK, .code = KRB5KRB_AP_ERR_SKEW, .clock_offset = 603, .text = "skew" }, "10:03 min",
          "skew (KRB_AP_ERR_SKEW 37)" },
        { { .err = ERR_CLOCK, .clock_offset = -600, .text = "skew" }, "10:00 min", "skew" },
        { { .err = ERR_NO_KDC, .code = KRB5_KDC_UNREACH, .text = "silence" }, "corp.test",
          "silence (KRB5_KDC_UNREACH -1765328228)" },
        { { .err = ERR_DISABLED, .code = KRB5KDC_ERR_CLIENT_REVOKED, .ntstatus = 0xc0000072, .text = "revoked" }, "",
          "revoked (KDC_ERR_CLIENT_REVOKED 18, STATUS_ACCOUNT_DISABLED C0000072)" },
        { { .err = ERR_CARD_REVOKED, .code = KRB5KDC_ERR_CLIENT_NOT_TRUSTED, .ntstatus = 0xc0000389, .text = "no" }, "",
          "no (KDC_ERR_CLIENT_NOT_TRUSTED 62, STATUS_SMARTCARD_CERT_REVOKED C0000389)" },
        { { .err = ERR_KDC_CERTIFICATE, .code = KRB5KDC_ERR_KDC_NAME_MISMATCH, .text = "no" }, "",
          "no (KDC_ERR_KDC_NAME_MISMATCH 76)" },
        { { .err = ERR_REVOKED, .ntstatus = 0xc0009999, .text = "no" }, "", "no (NTSTATUS C0009999)" },
        { { .err = ERR_UNTRUSTED_KDC, .code = KRB5KRB_AP_ERR_MSG_TYPE, .text = "odd" }, "", "odd (code 40)" },
    };
    char value[64], text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        krb_failure_value(&cases[i].failure, "corp.test", value, sizeof(value));
        krb_failure_describe(&cases[i].failure, text, sizeof(text));
        assert_string_equal(value, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

#define EXT_ERROR(status) "\x04\x0c" status "\0\0\0\0\x01\0\0\0"

static void
ntstatus_is_found_in_e_data(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t n;
        uint32_t status;
    } cases[] = {
#define CASE(what, bytes, status) { what, bytes, sizeof(bytes) - 1, status }
        CASE("KERB-ERROR-DATA", "\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0xc0000072),
        CASE("PA-DATA", "\x30\x17\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x34\x02\0\xc0"), 0xc0000234),
        CASE("second PA-DATA",
             "\x30\x22\x30\x09\xa1\x03\x02\x01\x13\xa2\x02\x04\x00\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e"
             EXT_ERROR("\x34\x02\0\xc0"), 0xc0000234),
        CASE("long form of length", "\x30\x81\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0xc0000072),
        CASE("success", "\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\0\0\0\0"), 0),
        CASE("a salt", "\x30\x17\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c" "CORP.TESTbob", 0),
        CASE("another type", "\x30\x15\xa1\x03\x02\x01\x02\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0),
        CASE("a negative type", "\x30\x15\xa1\x03\x02\x01\x83\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0),
        CASE("no value", "\x30\x05\xa1\x03\x02\x01\x03", 0),
        CASE("too short", "\x30\x14\xa1\x03\x02\x01\x03\xa2\x0d\x04\x0b\x72\0\0\xc0\0\0\0\0\x01\0\0", 0),
        CASE("bytes left over", "\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0") "x", 0),
        CASE("cut", "\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x72\0\0\xc0", 0),
        CASE("endless length", "\x30\x80\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0),
        CASE("length of four bytes", "\x30\x84\0\0\0\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0xc0000072),
        CASE("length of five bytes", "\x30\x85\0\0\0\0\x15\xa1\x03\x02\x01\x03\xa2\x0e" EXT_ERROR("\x72\0\0\xc0"), 0),
        CASE("length past the end", "\x30\x83\xff\xff\xff\xa1", 0),
        CASE("length far past the end", "\x30\x84\xff\xff\xff\xff\xa1", 0),
        CASE("an INTEGER without bytes", "\x30\x04\xa1\x02\x02\x00", 0),
        CASE("nothing", "", 0),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t status = krb_error_ntstatus(cases[i].bytes, cases[i].n);

        if (status != cases[i].status)
            fail_msg("%s: %08x", cases[i].what, (unsigned)status);
    }
    assert_int_equal(krb_error_ntstatus(NULL, 0), 0);
}

static void
fast_is_found_in_e_data(void **state)
{
    static const char with[] = "\x30\x13\x30\x09\xa1\x03\x02\x01\x13\xa2\x02\x04\x00"
                               "\x30\x06\xa1\x04\x02\x02\x00\x88";
    static const char negative[] = "\x30\x07\x30\x05\xa1\x03\x02\x01\x88";

    (void)state;
    assert_true(edata_has_fast(with, sizeof(with) - 1));
    assert_false(edata_has_fast(negative, sizeof(negative) - 1));
    for (size_t n = 0; n < sizeof(with) - 1; n++)
        assert_false(edata_has_fast(with, n));
}

static void
codes_become_ours(void **state)
{
    static const struct {
        krb5_error_code code;
        uint32_t ntstatus;
        int64_t offset;
        enum err err;
    } cases[] = {
        { KRB5KDC_ERR_PREAUTH_FAILED, 0, 0, ERR_WRONG_PASSWORD },
        { KRB5KDC_ERR_PREAUTH_FAILED, 0xc0000072, 0, ERR_WRONG_PASSWORD },
        { KRB5KDC_ERR_CLIENT_REVOKED, 0, 0, ERR_REVOKED },
        { KRB5KDC_ERR_CLIENT_REVOKED, 0xc0000072, 0, ERR_DISABLED },
        { KRB5KDC_ERR_CLIENT_REVOKED, 0xc0000234, 0, ERR_LOCKED },
        { KRB5KDC_ERR_CLIENT_REVOKED, 0xc0999999, 0, ERR_REVOKED },
        { KRB5KDC_ERR_KEY_EXP, 0, 0, ERR_PASSWORD_EXPIRED },
        { KRB5KDC_ERR_KEY_EXP, 0xc0000224, 0, ERR_MUST_CHANGE },
        { KRB5KDC_ERR_POLICY, 0, 0, ERR_POLICY },
        { KRB5KDC_ERR_POLICY, 0xc0000070, 0, ERR_WORKSTATION },
        { KRB5KDC_ERR_NEVER_VALID, 0, 0, ERR_POLICY },
        { KRB5KDC_ERR_NEVER_VALID, 0, 90000, ERR_CLOCK },
        { KRB5KDC_ERR_NEVER_VALID, 0, -90000, ERR_CLOCK },
        { KRB5KRB_AP_ERR_SKEW, 0, 600, ERR_CLOCK },
        { KRB5_KDC_UNREACH, 0, 0, ERR_NO_KDC },
        { KRB5KDC_ERR_WRONG_REALM, 0, 0, ERR_NO_REALM },
        { KRB5_KDCREP_MODIFIED, 0, 0, ERR_UNTRUSTED_KDC },
        { KRB5KRB_AP_ERR_BAD_INTEGRITY, 0, 0, ERR_UNTRUSTED_KDC },
        { ENOMEM, 0, 0, ERR_INTERNAL },
        { KRB5KDC_ERR_POLICY, 0xc00002fa, 0, ERR_CARD_REQUIRED },
        { KRB5KDC_ERR_CLIENT_NOT_TRUSTED, 0, 0, ERR_CARD_UNFIT },
        { KRB5KDC_ERR_CLIENT_NOT_TRUSTED, 0xc0000389, 0, ERR_CARD_REVOKED },
        { KRB5KDC_ERR_CLIENT_NOT_TRUSTED, 0xc000038b, 0, ERR_POLICY },
        { KRB5KDC_ERR_CLIENT_NOT_TRUSTED, 0xc0999999, 0, ERR_CARD_UNFIT },
        { KRB5KDC_ERR_KDC_NOT_TRUSTED, 0, 0, ERR_KDC_CERTIFICATE },
        { KRB5KDC_ERR_INVALID_SIG, 0, 0, ERR_CARD_FAILED },
        { KRB5KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED, 0, 0, ERR_NO_ENCTYPE },
        { KRB5KDC_ERR_CERTIFICATE_MISMATCH, 0, 0, ERR_CARD_NOT_YOURS },
        { KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE, 0, 0, ERR_CARD_UNTRUSTED },
        { KRB5KDC_ERR_INVALID_CERTIFICATE, 0, 0, ERR_CARD_UNFIT },
        { KRB5KDC_ERR_INVALID_CERTIFICATE, 0xc000038d, 0, ERR_CARD_EXPIRED },
        { KRB5KDC_ERR_REVOKED_CERTIFICATE, 0, 0, ERR_CARD_REVOKED },
        { KRB5KDC_ERR_REVOCATION_STATUS_UNKNOWN, 0, 0, ERR_POLICY },
        { KRB5KDC_ERR_REVOCATION_STATUS_UNAVAILABLE, 0, 0, ERR_POLICY },
        { KRB5KDC_ERR_CLIENT_NAME_MISMATCH, 0, 0, ERR_CARD_NOT_YOURS },
        { KRB5KDC_ERR_KDC_NAME_MISMATCH, 0, 0, ERR_KDC_CERTIFICATE },
        { KRB5KDC_ERR_INCONSISTENT_KEY_PURPOSE, 0, 0, ERR_CARD_UNFIT },
        { KRB5KDC_ERR_DIGEST_IN_CERT_NOT_ACCEPTED, 0, 0, ERR_CARD_UNFIT },
        { KRB5KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED, 0, 0, ERR_NO_ENCTYPE },
        { KRB5KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED, 0, 0, ERR_NO_ENCTYPE },
        { KRB5KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED, 0, 0, ERR_NO_ENCTYPE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exchange x = { .ntstatus = cases[i].ntstatus, .offset = cases[i].offset, .offset_known = true };
        struct krb_failure f;

        failure_of_exchange(ctx, &f, "test", cases[i].code, &x);
        if (f.err != cases[i].err)
            fail_msg("case %zu: %s", i, err_name((uint32_t)f.err));
        assert_int_equal(f.code, cases[i].code);
        assert_string_not_equal(f.text, "");
    }
}

static void
an_ap_req_is_new_once(void **state)
{
    struct krb_verifier *v = krb_verifier_new(NULL, &target);
    uint8_t digest[SEEN_BYTES] = { 0 };

    (void)state;
    assert_non_null(v);
    for (unsigned i = 0; i < SEEN_MAX; i++) {
        memcpy(digest, &i, sizeof(i));
        assert_true(verifier_is_new(v, digest));
    }
    for (unsigned i = 0; i < SEEN_MAX; i += 1000) {
        memcpy(digest, &i, sizeof(i));
        assert_false(verifier_is_new(v, digest));
    }
    /* Full means refused, not forgotten. */
    memset(digest, 0xff, sizeof(digest));
    assert_false(verifier_is_new(v, digest));
    /* When its time is over each leaves its place to another. */
    v->seen[v->first].until = 0;
    assert_true(verifier_is_new(v, digest));
    assert_false(verifier_is_new(v, digest));
    memset(digest, 0, sizeof(digest));
    assert_false(verifier_is_new(v, digest));
    talloc_free(v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_profile_pins_and_nothing_else_is_read),
        cmocka_unit_test(one_connection_serves_all_requests),
        cmocka_unit_test(the_first_wait_is_spent),
        cmocka_unit_test(a_kdc_may_end_the_connection),
        cmocka_unit_test(what_must_be_sent_once_is_sent_once),
        cmocka_unit_test(a_bad_kdc_is_left),
        cmocka_unit_test(patience_is_for_a_kdc_that_has_not_answered),
        cmocka_unit_test(failures_are_described),
        cmocka_unit_test(ntstatus_is_found_in_e_data),
        cmocka_unit_test(fast_is_found_in_e_data),
        cmocka_unit_test(codes_become_ours),
        cmocka_unit_test(an_ap_req_is_new_once),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
