/* daemon/fallback and netlogon's tables: what is tried by NTLM, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/fallback.h"
#include "daemon/netlogon.h"
#include "lib/base/secret.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/sealed.h"

#define STAGES (KERBEROS_CHECK + 1)

static const enum err errs[] = {
#define X(name, number, pam, telling, sentence) ERR_##name,
    AUTHSOD_ERRORS(X)
#undef X
};
#define ERRS (sizeof(errs) / sizeof(errs[0]))

/* All that may be tried by NTLM; what is not here may not. */
static const struct kerberos_end may[] = {
    { .stage = KERBEROS_SEARCH, .err = ERR_NO_KDC },
    { .stage = KERBEROS_SEARCH, .err = ERR_NO_REALM },
    { .stage = KERBEROS_COMPUTER, .err = ERR_NO_KDC },
    { .stage = KERBEROS_COMPUTER, .err = ERR_NO_REALM },
    { .stage = KERBEROS_COMPUTER, .err = ERR_NO_ENCTYPE },
    { .stage = KERBEROS_EXCHANGE, .err = ERR_NO_KDC },
    { .stage = KERBEROS_EXCHANGE, .err = ERR_NO_ENCTYPE },
    /* The KDC took the password. */
    { .stage = KERBEROS_EXCHANGE, .err = ERR_NO_KEYTAB, .password_sent = true, .no_service = true },
    { .stage = KERBEROS_EXCHANGE, .err = ERR_NO_ENCTYPE, .password_sent = true, .no_service = true },
};

static bool
is_in_table(const struct kerberos_end *end)
{
    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
        if (may[i].stage == end->stage && may[i].err == end->err && may[i].password_sent == end->password_sent &&
            may[i].no_service == end->no_service)
            return true;
    }
    return false;
}

static void
what_may_be_tried_by_ntlm(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < STAGES; stage++) {
        for (size_t i = 0; i < ERRS; i++) {
            for (int sent = 0; sent < 2; sent++) {
                struct kerberos_end end = { .stage = (enum kerberos_stage)stage, .err = errs[i],
                                            .password_sent = sent != 0 && stage == KERBEROS_EXCHANGE };

                if (fallback_may(CONFIG_FALLBACK_UNAVAILABLE, &end) != is_in_table(&end))
                    fail_msg("stage %u, %s, %ssent", stage, err_name(errs[i]), sent != 0 ? "" : "not ");
                assert_false(fallback_may(CONFIG_FALLBACK_NEVER, &end));
            }
        }
    }
    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
        assert_true(fallback_may(CONFIG_FALLBACK_UNAVAILABLE, &may[i]));
        assert_false(fallback_may(CONFIG_FALLBACK_NEVER, &may[i]));
    }
}

/* Where there was no verdict either, why Kerberos failed is what the person hears. */
static void
what_is_an_answer(void **state)
{
    (void)state;
    assert_true(fallback_is_answer(ERR_OK));
    assert_true(fallback_is_answer(ERR_WRONG_PASSWORD));
    assert_true(fallback_is_answer(ERR_STALE_KEYTAB));
    assert_true(fallback_is_answer(ERR_TIMEOUT));
    assert_true(fallback_is_answer(ERR_UNTRUSTED_KDC));
    assert_false(fallback_is_answer(ERR_NO_KDC));
    assert_false(fallback_is_answer(ERR_NO_KEYTAB));
    assert_false(fallback_is_answer(ERR_NO_SERVICE));
}

static void
each_ntstatus_has_its_error(void **state)
{
    static const struct {
        uint32_t status;
        enum err err;
        bool proved;
    } cases[] = {
        { 0x00000000, ERR_OK, true },
        { 0xC0000064, ERR_UNKNOWN_PRINCIPAL, false },
        { 0xC000006A, ERR_WRONG_PASSWORD, false },
        { 0xC000006D, ERR_WRONG_PASSWORD, false },
        { 0xC000006E, ERR_POLICY, false },
        { 0xC000006F, ERR_LOGON_HOURS, true },
        { 0xC0000070, ERR_WORKSTATION, true },
        { 0xC0000071, ERR_PASSWORD_EXPIRED, true },
        { 0xC0000072, ERR_DISABLED, true },
        { 0xC0000193, ERR_ACCOUNT_EXPIRED, true },
        { 0xC0000224, ERR_MUST_CHANGE, true },
        { 0xC0000234, ERR_LOCKED, false },
        { 0xC000015B, ERR_POLICY, false },
        { 0xC0000022, ERR_STALE_KEYTAB, false },
        { 0xC000018B, ERR_STALE_KEYTAB, false },
        { 0xC000018D, ERR_STALE_KEYTAB, false },
        { 0xC0000133, ERR_CLOCK, false },
        { 0xC000014B, ERR_TIMEOUT, false },
        { 0xC00000AE, ERR_BUSY, false },
        { 0xC0000192, ERR_NO_KDC, false },
        { 0xC0000199, ERR_NOT_A_PERSON, false },
        { 0xC0009999, ERR_REVOKED, false },
        /* No success that we know. */
        { 0x00000107, ERR_REVOKED, false },
        { 0x00000001, ERR_REVOKED, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool proved;
        enum err err = netlogon_err_of_status(cases[i].status, &proved);

        if (err != cases[i].err || proved != cases[i].proved)
            fail_msg("%08X: %s, %d", (unsigned)cases[i].status, err_name(err), proved);
    }
}

static void
each_failure_has_its_error(void **state)
{
    static const struct {
        struct rpc_failure failure;
        enum err before, sent; /* the logon was not asked for, or was */
        const char *text;
    } cases[] = {
        { { RPC_CONNECT, 111, "bind" }, ERR_NO_KDC, ERR_TIMEOUT, "no connection (Connection refused in bind)" },
        { { RPC_TIMEOUT, 0, "NetrServerAuthenticate3" }, ERR_NO_KDC, ERR_TIMEOUT,
          "no answer in time in NetrServerAuthenticate3" },
        { { RPC_CLOSED, 0, "bind" }, ERR_NO_KDC, ERR_TIMEOUT, "the connection broke (- in bind)" },
        { { RPC_FAULT, 5, "bind" }, ERR_NO_KDC, ERR_TIMEOUT, "the call was refused in bind (access denied 00000005)" },
        { { RPC_STATUS, 0xC0000022, "NetrServerAuthenticate3" }, ERR_STALE_KEYTAB, ERR_STALE_KEYTAB,
          "the domain controller refused in NetrServerAuthenticate3 (NT_STATUS_ACCESS_DENIED C0000022)" },
        { { RPC_WEAK, 0x4000, "x" }, ERR_NO_ENCTYPE, ERR_NO_ENCTYPE, NULL },
        { { RPC_IMPOSTOR, 0, "x" }, ERR_UNTRUSTED_KDC, ERR_UNTRUSTED_KDC, NULL },
        { { RPC_DOWNGRADE, 1, "x" }, ERR_UNTRUSTED_KDC, ERR_UNTRUSTED_KDC, NULL },
        { { RPC_SEAL, 0, "x" }, ERR_UNTRUSTED_KDC, ERR_UNTRUSTED_KDC, NULL },
        { { RPC_MALFORMED, 0, "x" }, ERR_UNTRUSTED_KDC, ERR_UNTRUSTED_KDC, NULL },
        { { RPC_MEMORY, 0, "x" }, ERR_INTERNAL, ERR_INTERNAL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];

        assert_int_equal(netlogon_err_of_failure(&cases[i].failure, false), cases[i].before);
        assert_int_equal(netlogon_err_of_failure(&cases[i].failure, true), cases[i].sent);
        netlogon_describe(&cases[i].failure, text, sizeof(text));
        if (cases[i].text != NULL)
            assert_string_equal(text, cases[i].text);
    }
}

static void
complain(void *arg, const char *message)
{
    (void)arg;
    fail_msg("%s", message);
}

static int
setup(void **state)
{
    static const char text[] = "[domain]\nname = corp.test\n";
    struct netlogon_role *n = talloc_zero(NULL, struct netlogon_role);

    n->config = config_parse_as(n, text, sizeof(text) - 1, "c", "ws1", complain, NULL);
    n->keys = secret_new(sizeof(*n->keys));
    assert_true(n->config != NULL && n->keys != NULL);
    *state = n;
    return 0;
}

static int
teardown(void **state)
{
    struct netlogon_role *n = *state;

    secret_free(n->keys, sizeof(*n->keys));
    talloc_free(n);
    return 0;
}

static void
forget(struct netlogon_role *n)
{
    memset(n->keys, 0, sizeof(*n->keys));
    n->keys_text[0] = '\0';
}

/* The machine secret as keeper hands it over. */
static void
take_secret(struct netlogon_role *n, const char *realm, const char *account, const char *pending)
{
    struct machine_secret *s = machine_secret_new();
    uint8_t bytes[MACHINE_SECRET_FILE_MAX];
    size_t len;
    int fd;

    assert_non_null(s);
    (void)snprintf(s->domain, sizeof(s->domain), "corp.test");
    (void)snprintf(s->realm, sizeof(s->realm), "%s", realm);
    (void)snprintf(s->account, sizeof(s->account), "%s", account);
    (void)snprintf(s->slots[MACHINE_CURRENT].text, sizeof(s->slots[0].text), "current");
    (void)snprintf(s->slots[MACHINE_PENDING].text, sizeof(s->slots[0].text), "%s", pending);
    len = machine_secret_encode(s, bytes, sizeof(bytes));
    assert_true(len > 0);
    fd = sealed_new("t", bytes, len);
    assert_true(fd >= 0);
    forget(n);
    netlogon_take_secret(n, fd);
    (void)close(fd);
    machine_secret_free(s);
}

static void
the_hash_of_a_machine_secret(void **state)
{
    struct netlogon_role *n = *state;
    uint8_t hash[NT_HASH_BYTES];
    int fd = sealed_new("t", "garbage", 7);

    take_secret(n, "CORP.TEST", "WS1$", "");
    assert_int_equal(n->keys->n, 1);
    assert_true(nt_hash("current", hash));
    assert_memory_equal(n->keys->hash[0], hash, sizeof(hash));
    /* One whose change may have come through is tried first. */
    take_secret(n, "CORP.TEST", "ws1$", "pending");
    assert_int_equal(n->keys->n, 2);
    assert_memory_equal(n->keys->hash[1], hash, sizeof(hash));
    assert_true(nt_hash("pending", hash));
    assert_memory_equal(n->keys->hash[0], hash, sizeof(hash));
    take_secret(n, "CORP.TEST", "WS2$", "");
    assert_int_equal(n->keys->n, 0);
    assert_non_null(strstr(n->keys_text, "another computer, WS2$ in CORP.TEST"));
    take_secret(n, "OTHER.TEST", "WS1$", "");
    assert_int_equal(n->keys->n, 0);
    forget(n);
    netlogon_take_secret(n, fd);
    assert_int_equal(n->keys->n, 0);
    assert_non_null(strstr(n->keys_text, "damaged"));
    (void)close(fd);
}

/* One entry of a keytab (MIT's format, version 2), as its bytes. */
static void
put_entry(struct writer *w, const char *name, uint32_t kvno, uint16_t enctype, uint8_t fill, size_t key_len)
{
    size_t n = strlen(name);
    uint8_t body[256];
    struct writer b = writer_init(body, sizeof(body));
    const char *realm = "CORP.TEST";
    uint8_t key[64];

#define U16(v) (writer_u8(&b, (uint8_t)((v) >> 8)), writer_u8(&b, (uint8_t)(v)))
    memset(key, fill, sizeof(key));
    U16(1);
    U16(strlen(realm));
    writer_bytes(&b, realm, strlen(realm));
    U16(n);
    writer_bytes(&b, name, n);
    for (int i = 0; i < 8; i++) /* name type 1, time 0 */
        writer_u8(&b, i == 3);
    writer_u8(&b, (uint8_t)kvno);
    U16(enctype);
    U16(key_len);
    writer_bytes(&b, key, key_len);
    assert_true(writer_ok(&b));
#undef U16
    for (int i = 3; i >= 0; i--)
        writer_u8(w, (uint8_t)(b.len >> 8 * i));
    writer_bytes(w, body, b.len);
}

static void
when_a_card_may_do_without_a_controller(void **state)
{
    (void)state;
    for (uint32_t err = 1; err_name(err)[0] != '?'; err++) {
        bool silent = err == ERR_NO_KDC || err == ERR_NO_REALM;

        for (int stage = KERBEROS_SEARCH; stage <= KERBEROS_CHECK; stage++) {
            struct kerberos_end end = { .stage = (enum kerberos_stage)stage, .err = (enum err)err };
            /* That the realm is another one a KDC says, in the exchange. */
            bool is = silent && stage != KERBEROS_CHECK && !(err == ERR_NO_REALM && stage == KERBEROS_EXCHANGE);

            assert_int_equal(fallback_is_offline(&end), is);
            end.heard = true;
            assert_false(fallback_is_offline(&end));
        }
    }
}

static void
take_keytab(struct netlogon_role *n, const struct writer *w)
{
    int fd = sealed_new("t", w->data, w->len);

    assert_true(writer_ok(w) && fd >= 0);
    forget(n);
    netlogon_take_keytab(n, 0, fd);
    (void)close(fd);
}

static void
the_arcfour_key_of_a_keytab(void **state)
{
    struct netlogon_role *n = *state;
    uint8_t bytes[2048], expected[NT_HASH_BYTES];
    struct writer w = writer_init(bytes, sizeof(bytes));

    writer_u8(&w, 5);
    writer_u8(&w, 2);
    put_entry(&w, "WS1$", 3, 18, 'a', 32);
    put_entry(&w, "WS2$", 9, 23, 'b', 16);
    put_entry(&w, "WS1$", 9, 23, 'c', 15);
    take_keytab(n, &w);
    assert_int_equal(n->keys->n, 0);
    assert_non_null(strstr(n->keys_text, "/etc/krb5.keytab has no arcfour-hmac key of WS1$"));
    put_entry(&w, "WS1$", 2, 23, 'd', 16);
    put_entry(&w, "WS1$", 3, 23, 'e', 16);
    put_entry(&w, "WS1$", 1, 23, 'f', 16);
    take_keytab(n, &w);
    assert_int_equal(n->keys->n, 1);
    memset(expected, 'e', sizeof(expected));
    assert_memory_equal(n->keys->hash[0], expected, sizeof(expected));
    /* Cut in its head; further on libkrb5 1.20 forgets to free what it had read of an entry. */
    for (size_t len = 1; len < 8; len++) {
        struct writer part = w;

        part.len = len;
        take_keytab(n, &part);
        assert_int_equal(n->keys->n, 0);
    }
    forget(n);
    netlogon_take_keytab(n, 2, -1);
    assert_int_equal(n->keys->n, 0);
    assert_non_null(strstr(n->keys_text, "No such file or directory"));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_tried_by_ntlm), cmocka_unit_test(what_is_an_answer),
        cmocka_unit_test(when_a_card_may_do_without_a_controller),
        cmocka_unit_test(each_ntstatus_has_its_error), cmocka_unit_test(each_failure_has_its_error),
        TEST(the_hash_of_a_machine_secret), TEST(the_arcfour_key_of_a_keytab),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
