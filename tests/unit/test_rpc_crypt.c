/* lib/rpc: the NT hash, what Netlogon computes, and the sealing of messages, against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rpc/netlogon_crypt.h"
#include "lib/rpc/nt_hash.h"
#include "lib/rpc/schannel.h"

/* Hexadecimal digits to bytes; gives how many. */
static size_t
bytes_of(const char *hex, uint8_t *out, size_t size)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= size);
    for (size_t i = 0; i < n; i++) {
        char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static void
assert_bytes(const uint8_t *bytes, const char *hex)
{
    uint8_t expected[512];
    size_t n = bytes_of(hex, expected, sizeof(expected));

    assert_memory_equal(bytes, expected, n);
}

/* RFC 1320 A.5, and below lengths around a block's end, computed by openssl(1). */
static void
md4_is_as_published(void **state)
{
    static const struct {
        const char *text;
        const char *digest;
    } cases[] = {
        { "", "31d6cfe0d16ae931b73c59d7e0c089c0" },
        { "a", "bde52cb31de33e46245e05fbdbd6fb24" },
        { "abc", "a448017aaf21d8525fc10ae87aa6729d" },
        { "message digest", "d9130a8164549fe818874806e1c7014b" },
        { "abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9" },
        { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4" },
        { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
          "e33b4ddc9c38f2199c3e7b164fcc0536" },
    };
    uint8_t digest[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        md4((const uint8_t *)cases[i].text, strlen(cases[i].text), digest);
        assert_bytes(digest, cases[i].digest);
    }
}

static void
md4_pads_at_any_length(void **state)
{
    static const struct {
        size_t n;
        const char *digest;
    } cases[] = {
        { 54, "10993f670d6d785f3e87bc46e8da89dc" },
        { 55, "c889c81dd86c4d2e025778944ea02881" },
        { 56, "d5f9a9e9257077a5f08b0b92f348b0ad" },
        { 57, "872097e6f78e3b53f890459d03bc6fb7" },
        { 63, "7ea3da77432d44c323671097d1348fc8" },
        { 64, "52f5076fabd22680234a3fa9f9dc5732" },
        { 65, "330e377bf231f3cacfecc2c182fe7e5b" },
        { 119, "e65dd227ccef97fa1d34d70189120f76" },
        { 120, "b03ddbd470b47c013e0c7ab2ddd763db" },
        { 128, "cb4a20a561558e29460190c91dced59f" },
        { 200, "e4720c787792df1ec36423b1f3fb0ee6" },
    };
    uint8_t text[256], digest[16];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        md4(text, cases[i].n, digest);
        assert_bytes(digest, cases[i].digest);
    }
}

static void
nt_hash_is_of_utf16(void **state)
{
    static char text[2 * NT_HASH_PASSWORD_MAX];
    uint8_t hash[16];

    (void)state;
    assert_true(nt_hash("Password", hash)); /* [MS-NLMP] 4.2.2.1.2 */
    assert_bytes(hash, "a4f49c406510bdcab6824ee7c30fd852");
    assert_true(nt_hash("", hash));
    assert_bytes(hash, "31d6cfe0d16ae931b73c59d7e0c089c0");
    assert_true(nt_hash("p\303\244ss\342\202\254\360\237\230\200", hash));
    assert_bytes(hash, "7f3da70cc4ba8ba37ae9179d5c931561");
    assert_false(nt_hash("p\344ss", hash));
    assert_bytes(hash, "00000000000000000000000000000000");
    memset(text, 'a', NT_HASH_PASSWORD_MAX);
    assert_true(nt_hash(text, hash));
    text[NT_HASH_PASSWORD_MAX] = 'a';
    assert_false(nt_hash(text, hash));
}

/* An exchange with AES: challenges, key and both credentials. */
static void
session_key_and_credentials(void **state)
{
    uint8_t hash[16], client[8], server[8], key[16], credential[8];

    (void)state;
    (void)bytes_of("74c30a4acf1e6aa7255284dbeac059a8", hash, sizeof(hash));
    (void)bytes_of("4e0047a6758beb79", client, sizeof(client));
    (void)bytes_of("a74c757856a3e078", server, sizeof(server));
    assert_true(netlogon_session_key(hash, client, server, key));
    assert_bytes(key, "8e9d41fd4f8f73651dbad7df539847b2");
    assert_true(netlogon_credential(key, client, credential));
    assert_bytes(credential, "b4417225bc7cbe59");
    assert_true(netlogon_credential(key, server, credential));
    assert_bytes(credential, "5de864ca7f5847e8");
}

static void
authenticators_follow_each_other(void **state)
{
    struct netlogon_chain chain, other;
    uint8_t key[16], credential[8], answer[8];

    (void)state;
    (void)bytes_of("eceedab730de5198a4ce44457274ce6d", key, sizeof(key));
    (void)bytes_of("f88930441b5ff278", chain.stored, sizeof(chain.stored));
    assert_true(netlogon_chain_next(&chain, key, 1773509346, credential));
    assert_bytes(credential, "6118a3eb75603384");
    (void)bytes_of("60366ed080912206", answer, sizeof(answer));
    other = chain;
    assert_true(netlogon_chain_check(&chain, key, answer));
    /* The same answer again, or another. */
    assert_false(netlogon_chain_check(&chain, key, answer));
    answer[7] ^= 1;
    assert_false(netlogon_chain_check(&other, key, answer));
}

/* The number in front wraps, and carries nothing into the rest. */
static void
the_chain_wraps(void **state)
{
    struct netlogon_chain chain = { { 0xff, 0xff, 0xff, 0xff, 9, 9, 9, 9 } };
    uint8_t key[16] = { 0 }, credential[8];

    (void)state;
    assert_true(netlogon_chain_next(&chain, key, 2, credential));
    assert_bytes(chain.stored, "0100000009090909");
}

#define VECTOR_KEY "0cb6948805f797bf2a82807973b89537"
#define VECTOR_PLAIN \
    "3000000000000000000000000000000030000000000000005c005c00570049004e002d00450055003400550047003800" \
    "370048003200490056002e00320033003000360066006500760032002e006e00740074006500730074002e006d006900" \
    "630072006f0073006f00660074002e0063006f006d000000000002000000000010000000000000000000000000000000" \
    "1000000000000000570049004e002d004400310049005400420046004d003400410038005500000085bb1511fd09786d" \
    "3b61b06400000000000000000000000001000000000000000000000000000000"
#define VECTOR_SEALED \
    "c930c9a079d95c78bea6a3150908c11f4b68e41219bcb91680ead287da211eec66bc27df2bc9a0f4ecf25c88624e493c" \
    "59cdec6bc7b08bed84b97c33138ae3c8377cb327f3ea6076da91c5d23dbf1b2f4066a455332716b7b64f2ec9a944702d" \
    "20a85035de3b231a5216b7a6c9102bd17c7d6ab1b379445eb5a5276e360d3bcef93b5359d36b0006b0c10bc2fec73777" \
    "816a383a4614494b7b18bc34cd5447681eb48f8132a0a08a50d752826cff068c76959d49767557e503d509fa3c18b086" \
    "0a22a7e2bae50e812c5d71c31f9f1dfd143333b3043f6bf906e5d91207f1d988"
#define VECTOR_HEADER "0500000310000000380138000c000000d400000001001500"
#define VECTOR_TRAILER "44060c0003000000"

/* [MS-NRPC] 4.3 and 4.3.1, the latter with the headers signed. */
static void
messages_are_sealed_as_published(void **state)
{
    static const char *const signatures[2] = { "13001a00ffff0000b37c1f0ec86468f086761f2f86f4f4c1632d1f547d2cf6ff",
                                               "13001a00ffff00005d69950dfde45ae9f092ae5c3c55aacd632d1f547d2cf6ff" };
    uint8_t key[16], confounder[8], plain[512], data[512], header[24], trailer[8], signature[SCHANNEL_SIGNATURE_BYTES];
    size_t n = bytes_of(VECTOR_PLAIN, plain, sizeof(plain));

    (void)state;
    (void)bytes_of(VECTOR_KEY, key, sizeof(key));
    (void)bytes_of("717f5076c5902bcd", confounder, sizeof(confounder));
    (void)bytes_of(VECTOR_HEADER, header, sizeof(header));
    (void)bytes_of(VECTOR_TRAILER, trailer, sizeof(trailer));
    for (int i = 0; i < 2; i++) {
        struct schannel *client = schannel_new(NULL, key, true), *server = schannel_new(NULL, key, false);
        struct schannel_message m = { .data = data, .len = n };

        if (i == 1) {
            m.before = (struct crypt_part){ header, sizeof(header) };
            m.after = (struct crypt_part){ trailer, sizeof(trailer) };
        }
        memcpy(data, plain, n);
        assert_true(schannel_seal_with(client, &m, confounder, signature));
        assert_bytes(signature, signatures[i]);
        assert_bytes(data, VECTOR_SEALED);
        assert_true(schannel_unseal(server, &m, signature, sizeof(signature)));
        assert_memory_equal(data, plain, n);
        talloc_free(client);
        talloc_free(server);
    }
}

/* Two sides that know the key, and a sealed message from the second to the first. */
struct pair {
    struct schannel *client;
    struct schannel *server;
    uint8_t data[64];
    uint8_t header[24];
    uint8_t trailer[8];
    uint8_t signature[SCHANNEL_SIGNATURE_BYTES];
};

static struct schannel_message
message_of(struct pair *p)
{
    return (struct schannel_message){ .before = { p->header, sizeof(p->header) },
                                      .data = p->data,
                                      .len = sizeof(p->data),
                                      .after = { p->trailer, sizeof(p->trailer) } };
}

static void
make_pair(struct pair *p)
{
    static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    struct schannel_message m = message_of(p);

    memset(p, 0, sizeof(*p));
    memcpy(p->data, "a message of some length, more than one block of the cipher", 59);
    p->client = schannel_new(NULL, key, true);
    p->server = schannel_new(NULL, key, false);
    assert_true(schannel_seal(p->server, &m, p->signature));
}

static bool
client_takes(struct pair *p)
{
    struct schannel_message m = message_of(p);

    return schannel_unseal(p->client, &m, p->signature, sizeof(p->signature));
}

static void
free_pair(struct pair *p)
{
    talloc_free(p->client);
    talloc_free(p->server);
}

static void
what_was_changed_is_refused(void **state)
{
    struct pair p;

    (void)state;
    make_pair(&p);
    assert_true(client_takes(&p));
    assert_memory_equal(p.data, "a message", 9);
    free_pair(&p);
    for (size_t i = 0; i < sizeof(p.data) + sizeof(p.header) + sizeof(p.trailer) + 32; i++) {
        make_pair(&p);
        if (i < sizeof(p.data))
            p.data[i] ^= 1;
        else if (i < sizeof(p.data) + sizeof(p.header))
            p.header[i - sizeof(p.data)] ^= 1;
        else if (i < sizeof(p.data) + sizeof(p.header) + sizeof(p.trailer))
            p.trailer[i - sizeof(p.data) - sizeof(p.header)] ^= 1;
        else
            p.signature[i - sizeof(p.data) - sizeof(p.header) - sizeof(p.trailer)] ^= 0x80;
        if (client_takes(&p))
            fail_msg("byte %zu", i);
        free_pair(&p);
    }
    make_pair(&p);
    for (size_t n = 0; n < sizeof(p.signature); n++) {
        struct schannel_message m = message_of(&p);

        assert_false(schannel_unseal(p.client, &m, p.signature, n));
    }
    free_pair(&p);
}

static void
messages_out_of_turn_are_refused(void **state)
{
    struct pair p, copy;

    (void)state;
    /* Again. */
    make_pair(&p);
    copy = p;
    assert_true(client_takes(&p));
    memcpy(p.data, copy.data, sizeof(p.data));
    assert_false(client_takes(&p));
    free_pair(&p);
    /* One was lost. */
    make_pair(&p);
    copy = p;
    memset(p.data, 7, sizeof(p.data));
    {
        struct schannel_message m = message_of(&p);

        assert_true(schannel_seal(p.server, &m, p.signature));
    }
    assert_false(client_takes(&p));
    free_pair(&copy);
    /* One's own comes back. */
    make_pair(&p);
    {
        struct schannel_message m = message_of(&p);
        struct schannel *other = schannel_new(NULL, (const uint8_t *)"\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", true);

        assert_true(schannel_seal(other, &m, p.signature));
        talloc_free(other);
    }
    assert_false(client_takes(&p));
    free_pair(&p);
}

static void
both_sides_count_all_messages(void **state)
{
    struct pair p;

    (void)state;
    make_pair(&p);
    assert_true(client_takes(&p));
    for (int i = 0; i < 300; i++) {
        struct schannel_message m = message_of(&p);

        assert_true(schannel_seal(i % 2 == 0 ? p.client : p.server, &m, p.signature));
        assert_true(schannel_unseal(i % 2 == 0 ? p.server : p.client, &m, p.signature, sizeof(p.signature)));
        assert_memory_equal(p.data, "a message", 9);
    }
    free_pair(&p);
}

static void
the_token_names_domain_and_computer(void **state)
{
    static const uint8_t expected[] = "\0\0\0\0\3\0\0\0CORP\0WS1";
    static const uint8_t by_dns[] = "\0\0\0\0\6\0\0\0WS1\0\4corp\4test";
    uint8_t token[SCHANNEL_TOKEN_MAX];

    (void)state;
    assert_int_equal(schannel_token("CORP", "corp.test", "WS1", token, sizeof(token)), sizeof(expected));
    assert_memory_equal(token, expected, sizeof(expected));
    assert_int_equal(schannel_token("M\303\234NCHEN", "corp.test", "WS1", token, sizeof(token)), sizeof(by_dns));
    assert_memory_equal(token, by_dns, sizeof(by_dns));
    assert_int_equal(schannel_token("CORP", "corp.test", "W\303\234", token, sizeof(token)), 0);
    assert_int_equal(schannel_token("\303\234", "corp..test", "WS1", token, sizeof(token)), 0);
    for (size_t size = 0; size < sizeof(expected); size++)
        assert_int_equal(schannel_token("CORP", "corp.test", "WS1", token, size), 0);
}

static void
the_answer_to_a_token(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
        bool good;
    } cases[] = {
        { { 1 }, 12, true }, { { 1 }, 8, true }, { { 1 }, 7, false }, { { 1 }, 13, false }, { { 0 }, 12, false },
        { { 2 }, 12, false }, { { 1, 0, 0, 0, 1 }, 12, false }, { { 1, 0, 0, 1 }, 12, false }, { { 0 }, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(schannel_token_is_answer(cases[i].bytes, cases[i].len), cases[i].good);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md4_is_as_published),
        cmocka_unit_test(md4_pads_at_any_length),
        cmocka_unit_test(nt_hash_is_of_utf16),
        cmocka_unit_test(session_key_and_credentials),
        cmocka_unit_test(authenticators_follow_each_other),
        cmocka_unit_test(the_chain_wraps),
        cmocka_unit_test(messages_are_sealed_as_published),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(messages_out_of_turn_are_refused),
        cmocka_unit_test(both_sides_count_all_messages),
        cmocka_unit_test(the_token_names_domain_and_computer),
        cmocka_unit_test(the_answer_to_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
