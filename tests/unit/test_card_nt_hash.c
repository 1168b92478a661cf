/* daemon/card_nt_hash.c: what becomes of the NT hash that a KDC seals for who logs on with a card. */
#include <krb5/krb5.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/card_worker_fixture.h"
#include "tests/unit/credential_data.h"

static uint8_t sealed[256];
static size_t sealed_len;

/* PAC_CREDENTIAL_INFO ([MS-PAC] 2.6.1) with that, sealed with this key of AES-256. */
static void
seal(const char key[32])
{
    krb5_keyblock block = { .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = (krb5_octet *)(uintptr_t)key };
    krb5_data in = { .length = sizeof(credential_data), .data = (char *)(uintptr_t)credential_data };
    krb5_enc_data out = { .ciphertext = { .length = sizeof(sealed) - 8, .data = (char *)sealed + 8 } };
    krb5_context ctx;

    assert_int_equal(krb5_init_context(&ctx), 0);
    assert_int_equal(krb5_c_encrypt(ctx, &block, 16, NULL, &in, &out), 0);
    krb5_free_context(ctx);
    memset(sealed, 0, 8);
    sealed[4] = ENCTYPE_AES256_CTS_HMAC_SHA1_96;
    sealed_len = 8 + out.ciphertext.length;
}

/* Alice's logon, with that in her PAC: what front gets beside the tickets. "" for nothing. */
static const char *
line(const void *bytes, size_t len)
{
    static char text[512];
    int fds[CHANNEL_FDS_MAX];
    struct ipc_result r;
    const void *data;
    size_t size;
    ssize_t n;

    look();
    send_job(&cards.cards[0].key, PIN, false);
    vouch_with(bytes, len);
    n = channel_recv(front, packet, sizeof(packet), fds, WAIT_MS);
    assert_true(n > 0 && ipc_get_result(packet, (size_t)n, IPC_RESULT, &r));
    assert_int_equal(r.err, ERR_OK);
    assert_true(fds[0] >= 0);
    memset(text, 0, sizeof(text));
    if (fds[1] >= 0) {
        assert_int_equal(sealed_map(fds[1], sizeof(text) - 1, &data, &size), 0);
        memcpy(text, data, size);
        (void)munmap((void *)(uintptr_t)data, size);
    }
    channel_close_fds(fds);
    return text;
}

static void
it_is_kept_where_the_configuration_says_so(void **state)
{
    const char *got;

    (void)state;
    keep_nt_hash = true;
    seal(REPLY_KEY);
    got = line(sealed, sealed_len);
    if (strncmp(got, "CORP\\alice:201103:", 18) != 0 || strstr(got, ":" CREDENTIAL_NT_HASH ":") == NULL || got[strlen(got) - 1] != '\n')
        fail_msg("%s", got);
    assert_true(shared->seen.wants_key);
    assert_int_equal(end_worker(), 0);
    assert_int_equal(logged(CREDENTIAL_NT_HASH), 0);
}

static void
else_nobody_asks_for_the_key(void **state)
{
    (void)state;
    seal(REPLY_KEY);
    assert_string_equal(line(sealed, sealed_len), "");
    assert_false(shared->seen.wants_key);
    assert_int_equal(end_worker(), 0);
}

static void
what_cannot_be_opened_costs_nothing(void **state)
{
    (void)state;
    keep_nt_hash = true;
    assert_string_equal(line(NULL, 0), "");
    assert_string_equal(line("sealed", 6), "");
    seal("another key, of the same length.");
    assert_string_equal(line(sealed, sealed_len), "");
    assert_int_equal(logged("NTLM without a password will not be possible for alice: "), 3);
    assert_int_equal(end_worker(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_kept_where_the_configuration_says_so), TEST(else_nobody_asks_for_the_key),
        TEST(what_cannot_be_opened_costs_nothing),
    };

    return cmocka_run_group_tests(tests, worker_group_setup, worker_group_teardown);
}
