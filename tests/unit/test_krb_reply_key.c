/*
 * lib/krb/reply_key.h: the AS reply key, from the module that notes it to the NT
 * hash that it opens.  The module is loaded as libkrb5 loads it, beside a
 * pkinit.so of the tests' own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <krb5/clpreauth_plugin.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ber.h"
#include "lib/krb/reply_key.h"
#include "tests/unit/credential_data.h"
#include "tests/unit/fake_pkinit.h"

typedef krb5_error_code (*initvt_fn)(krb5_context, int, int, krb5_plugin_vtable);

#define AES256 ENCTYPE_AES256_CTS_HMAC_SHA1_96
#define AS_REP 0x6b /* [APPLICATION 11] */
#define CREDENTIAL_USAGE 16
#define ROOM 512

static const uint8_t nt_hash[NT_HASH_BYTES] = "\x65\xef\x25\xb7\xf7\xf5\x76\xee\x24\x14\x04\x1c\x6a\xd8\xba\x98";
static const uint8_t none[NT_HASH_BYTES];

static krb5_context ctx;

static int
setup(void **state)
{
    (void)state;
    return krb5_init_context(&ctx) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    krb5_free_context(ctx);
    return 0;
}

static struct krb_key
random_key(krb5_enctype enctype)
{
    struct krb_key key;
    krb5_keyblock block;

    assert_int_equal(krb5_c_make_random_key(ctx, enctype, &block), 0);
    reply_key_set(&key, &block);
    krb5_free_keyblock_contents(ctx, &block);
    return key;
}

static krb5_keyblock
block_of(struct krb_key *key)
{
    return (krb5_keyblock){ .magic = KV5M_KEYBLOCK, .enctype = key->enctype, .length = key->length,
                            .contents = key->bytes };
}

static bool
is_same(const struct krb_key *a, const struct krb_key *b)
{
    return a->enctype == b->enctype && a->length == b->length && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Encrypts into w. */
static void
put_encrypted(struct writer *w, struct krb_key *key, krb5_keyusage usage, const void *plain, size_t len)
{
    krb5_keyblock block = block_of(key);
    krb5_data in = { .data = (char *)(uintptr_t)plain, .length = (unsigned)len };
    krb5_enc_data out = { 0 };
    size_t n;

    assert_int_equal(krb5_c_encrypt_length(ctx, key->enctype, len, &n), 0);
    out.ciphertext.data = malloc(n);
    out.ciphertext.length = (unsigned)n;
    assert_non_null(out.ciphertext.data);
    assert_int_equal(krb5_c_encrypt(ctx, &block, usage, NULL, &in, &out), 0);
    writer_bytes(w, out.ciphertext.data, n);
    free(out.ciphertext.data);
}

/* CREDENTIAL_INFO, as it stands in a PAC. */
static size_t
make_info(uint8_t room[ROOM], struct krb_key *key, krb5_keyusage usage, const void *plain, size_t len)
{
    struct writer w = writer_init(room, ROOM);

    writer_u32(&w, 0);
    writer_u32(&w, (uint32_t)key->enctype);
    put_encrypted(&w, key, usage, plain, len);
    assert_true(writer_ok(&w));
    return w.len;
}

static void
put_number(struct writer *w, uint8_t tag, uint32_t v)
{
    size_t begun = ber_begin(w, tag);

    ber_put_uint(w, BER_INTEGER, v);
    ber_end(w, begun);
}

/* KrbFastResponse; share NULL: without a strengthen-key. */
static size_t
make_response(uint8_t room[ROOM], const struct krb_key *share)
{
    struct writer w = writer_init(room, ROOM);
    size_t response = ber_begin(&w, BER_SEQUENCE), padata = ber_begin(&w, BER_CONTEXT(0)), tagged, key, value;

    ber_end(&w, ber_begin(&w, BER_SEQUENCE));
    ber_end(&w, padata);
    if (share != NULL) {
        tagged = ber_begin(&w, BER_CONTEXT(1));
        key = ber_begin(&w, BER_SEQUENCE);
        put_number(&w, BER_CONTEXT(0), (uint32_t)share->enctype);
        value = ber_begin(&w, BER_CONTEXT(1));
        ber_put_bytes(&w, BER_OCTETS, share->bytes, share->length);
        ber_end(&w, value);
        ber_end(&w, key);
        ber_end(&w, tagged);
    }
    put_number(&w, BER_CONTEXT(3), 7); /* nonce */
    ber_end(&w, response);
    assert_true(writer_ok(&w));
    return w.len;
}

/* As much of an AS-REP as is looked at, with one PA-DATA of that type. */
static size_t
make_as_rep(uint8_t room[ROOM], uint32_t type, struct krb_key *armor, const void *response, size_t len)
{
    struct writer w = writer_init(room, ROOM);
    uint8_t cipher[ROOM];
    struct writer c = writer_init(cipher, sizeof(cipher));
    size_t begun[12], n = 0;

    put_encrypted(&c, armor, KRB5_KEYUSAGE_FAST_REP, response, len);
    begun[n++] = ber_begin(&w, AS_REP);
    begun[n++] = ber_begin(&w, BER_SEQUENCE);
    put_number(&w, BER_CONTEXT(0), 5);
    put_number(&w, BER_CONTEXT(1), 11);
    begun[n++] = ber_begin(&w, BER_CONTEXT(2));
    begun[n++] = ber_begin(&w, BER_SEQUENCE);
    begun[n++] = ber_begin(&w, BER_SEQUENCE);
    put_number(&w, BER_CONTEXT(1), type);
    begun[n++] = ber_begin(&w, BER_CONTEXT(2));
    begun[n++] = ber_begin(&w, BER_OCTETS);
    begun[n++] = ber_begin(&w, BER_CONTEXT(0));
    begun[n++] = ber_begin(&w, BER_SEQUENCE);
    begun[n++] = ber_begin(&w, BER_CONTEXT(0));
    begun[n++] = ber_begin(&w, BER_SEQUENCE);
    put_number(&w, BER_CONTEXT(0), (uint32_t)armor->enctype);
    put_number(&w, BER_CONTEXT(1), 1); /* kvno */
    begun[n++] = ber_begin(&w, BER_CONTEXT(2));
    ber_put_bytes(&w, BER_OCTETS, cipher, c.len);
    while (n > 0)
        ber_end(&w, begun[--n]);
    assert_true(writer_ok(&w));
    return w.len;
}

static struct krb_reply_keys
keys_of(struct reply_key_note *note, const uint8_t *as_rep, size_t len)
{
    krb5_data data = { .data = (char *)(uintptr_t)as_rep, .length = (unsigned)len };
    struct krb_reply_keys keys;

    memset(&keys, 0xee, sizeof(keys));
    reply_key_all(ctx, note, &data, &keys);
    assert_true(keys.n <= KRB_REPLY_KEYS_MAX);
    return keys;
}

static void
a_note_is_found_by_what_was_written_of_it(void **state)
{
    struct reply_key_note note = { 0 };
    char value[REPLY_KEY_VALUE_MAX], other[2 * REPLY_KEY_VALUE_MAX];

    (void)state;
    reply_key_value(&note, value);
    assert_ptr_equal(reply_key_note_of(value), &note);
    assert_null(reply_key_note_of(""));
    assert_null(reply_key_note_of("0:58"));
    assert_null(reply_key_note_of("-1:58"));
    assert_null(reply_key_note_of("ffffffffffffffffff:58"));
    assert_null(reply_key_note_of("x"));
    /* Of a module of another build. */
    (void)snprintf(other, sizeof(other), "%s0", value);
    assert_null(reply_key_note_of(other));
    (void)snprintf(other, sizeof(other), " %s", value);
    assert_null(reply_key_note_of(other));
    *strchr(value, ':') = '\0';
    assert_null(reply_key_note_of(value));
}

static void
keys_are_those_of_aes(void **state)
{
    uint8_t bytes[32] = { 1, 2, 3 };
    krb5_keyblock block = { .enctype = AES256, .length = 32, .contents = bytes };
    struct krb_key key;

    (void)state;
    reply_key_set(&key, &block);
    assert_int_equal(key.enctype, AES256);
    assert_int_equal(key.length, 32);
    assert_memory_equal(key.bytes, bytes, 32);
    block.length = 31;
    reply_key_set(&key, &block);
    assert_int_equal(key.enctype, 0);
    block.length = 16;
    block.enctype = ENCTYPE_ARCFOUR_HMAC;
    reply_key_set(&key, &block);
    assert_int_equal(key.enctype, 0);
    block.enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96;
    reply_key_set(&key, &block);
    assert_int_equal(key.length, 16);
    reply_key_set(&key, NULL);
    assert_int_equal(key.enctype, 0);
    assert_memory_equal(key.bytes, none, sizeof(none));
}

static void
fasts_key_is_the_second(void **state)
{
    struct reply_key_note note = { .reply = random_key(AES256), .armor = random_key(AES256) };
    struct krb_key share = random_key(AES256), expected;
    krb5_keyblock first = block_of(&share), second = block_of(&note.reply), *strong = NULL;
    uint8_t response[ROOM], as_rep[ROOM];
    size_t len = make_response(response, &share), n = make_as_rep(as_rep, 136, &note.armor, response, len);
    struct krb_reply_keys keys = keys_of(&note, as_rep, n);

    (void)state;
    assert_int_equal(krb5_c_fx_cf2_simple(ctx, &first, "strengthenkey", &second, "replykey", &strong), 0);
    reply_key_set(&expected, strong);
    krb5_free_keyblock(ctx, strong);
    assert_int_equal(keys.n, 2);
    assert_true(is_same(&keys.list[0], &note.reply));
    assert_true(is_same(&keys.list[1], &expected));
}

static void
without_fast_there_is_one_and_without_a_note_none(void **state)
{
    struct reply_key_note note = { .reply = random_key(AES256), .armor = random_key(AES256) }, empty = { 0 };
    struct krb_key share = random_key(AES256), other = random_key(AES256);
    uint8_t response[ROOM], as_rep[ROOM];
    size_t len = make_response(response, &share), n;

    (void)state;
    assert_int_equal(keys_of(&note, NULL, 0).n, 1);
    n = make_as_rep(as_rep, 136, &other, response, len);
    assert_int_equal(keys_of(&note, as_rep, n).n, 1);
    n = make_as_rep(as_rep, 19, &note.armor, response, len);
    assert_int_equal(keys_of(&note, as_rep, n).n, 1);
    n = make_as_rep(as_rep, 136, &note.armor, response, len);
    assert_int_equal(keys_of(&note, as_rep, n).n, 2);
    assert_int_equal(keys_of(&empty, as_rep, n).n, 0);
    note.armor.enctype = 0;
    assert_int_equal(keys_of(&note, as_rep, n).n, 1);
    len = make_response(response, NULL);
    note.armor.enctype = AES256;
    n = make_as_rep(as_rep, 136, &note.armor, response, len);
    assert_int_equal(keys_of(&note, as_rep, n).n, 1);
}

/* No shortened one, and none with a byte of its head changed, is taken for another. */
static void
malformed_answers_have_no_second_key(void **state)
{
    struct reply_key_note note = { .reply = random_key(AES256), .armor = random_key(AES256) };
    struct krb_key share = random_key(AES256), found;
    uint8_t response[ROOM], as_rep[ROOM];
    size_t len = make_response(response, &share), n = make_as_rep(as_rep, 136, &note.armor, response, len);
    krb5_enc_data fast;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        uint8_t *exact = malloc(i);

        assert_true(exact != NULL || i == 0);
        if (i > 0)
            memcpy(exact, as_rep, i);
        assert_false(reply_key_find_fast(exact, i, &fast));
        free(exact);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t *exact = malloc(i);

        assert_true(exact != NULL || i == 0);
        if (i > 0)
            memcpy(exact, response, i);
        assert_false(reply_key_read_strengthen(exact, i, &found));
        assert_int_equal(found.enctype, 0);
        free(exact);
    }
    for (size_t i = 0; i < n; i++) {
        as_rep[i] ^= 0xff;
        (void)keys_of(&note, as_rep, n);
        as_rep[i] ^= 0xff;
    }
    assert_true(reply_key_read_strengthen(response, len, &found));
    assert_true(is_same(&found, &share));
    /* A key of another kind than ours. */
    share.enctype = ENCTYPE_ARCFOUR_HMAC;
    len = make_response(response, &share);
    assert_false(reply_key_read_strengthen(response, len, &found));
    share.enctype = AES256;
    share.length = 31;
    len = make_response(response, &share);
    assert_false(reply_key_read_strengthen(response, len, &found));
}

static void
either_key_opens_the_hash(void **state)
{
    struct krb_reply_keys keys = { .list = { random_key(AES256), random_key(AES256) }, .n = 2 };
    uint8_t info[ROOM], nt[NT_HASH_BYTES];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        size_t n = make_info(info, &keys.list[i], CREDENTIAL_USAGE, credential_data, sizeof(credential_data));

        memset(nt, 0, sizeof(nt));
        assert_null(krb_nt_hash(ctx, &keys, info, n, nt));
        assert_memory_equal(nt, nt_hash, sizeof(nt));
    }
}

#define NOT_UNDER "CREDENTIAL_INFO is not under the AS reply key"
#define NO_KEY "libkrb5 gave no AS reply key: clpreauth_authsod.so does not load or does not fit"
#define NOT_INFO "CREDENTIAL_INFO is malformed"

static void
refuse(const struct krb_reply_keys *keys, const uint8_t *info, size_t n, const char *expected)
{
    uint8_t nt[NT_HASH_BYTES];
    uint8_t *exact = malloc(n);
    const char *why;

    assert_true(exact != NULL || n == 0);
    if (n > 0)
        memcpy(exact, info, n);
    memset(nt, 0xee, sizeof(nt));
    why = krb_nt_hash(ctx, keys, exact, n, nt);
    free(exact);
    assert_non_null(why);
    assert_string_equal(why, expected);
    assert_memory_equal(nt, none, sizeof(nt));
}

static void
nothing_else_opens_it(void **state)
{
    struct krb_reply_keys keys = { .list = { random_key(AES256) }, .n = 1 }, no_keys = { 0 };
    struct krb_key other = random_key(AES256), shorter = random_key(ENCTYPE_AES128_CTS_HMAC_SHA1_96);
    static uint8_t large[KRB_CREDENTIAL_INFO_MAX + 1];
    uint8_t info[ROOM];
    size_t n = make_info(info, &other, CREDENTIAL_USAGE, credential_data, sizeof(credential_data));

    (void)state;
    refuse(&keys, info, n, NOT_UNDER);
    n = make_info(info, &shorter, CREDENTIAL_USAGE, credential_data, sizeof(credential_data));
    refuse(&keys, info, n, NOT_UNDER);
    n = make_info(info, &keys.list[0], CREDENTIAL_USAGE + 1, credential_data, sizeof(credential_data));
    refuse(&keys, info, n, NOT_UNDER);
    n = make_info(info, &keys.list[0], CREDENTIAL_USAGE, credential_data, sizeof(credential_data) - 20);
    refuse(&keys, info, n, "CREDENTIAL_DATA is malformed");
    refuse(&keys, large, sizeof(large), "CREDENTIAL_INFO is too long");
    n = make_info(info, &keys.list[0], CREDENTIAL_USAGE, credential_data, sizeof(credential_data));
    refuse(&no_keys, info, n, NO_KEY);
    refuse(&no_keys, info, 8, NOT_INFO);
    for (size_t i = 0; i < n; i++)
        refuse(&keys, info, i, i <= 8 ? NOT_INFO : NOT_UNDER);
    for (size_t i = 8; i < n; i++) {
        info[i] ^= 1;
        refuse(&keys, info, n, NOT_UNDER);
        info[i] ^= 1;
    }
    info[4] = ENCTYPE_ARCFOUR_HMAC;
    refuse(&keys, info, n, NOT_UNDER);
    info[4] = AES256;
    info[0] = 1;
    refuse(&keys, info, n, "CREDENTIAL_INFO has a version that we do not know");
}

/* libkrb5's side of the module. */
static struct {
    struct krb_key set;
    unsigned n_set;
} seen;
static krb5_keyblock armor_block;

static krb5_error_code
see_as_key(krb5_context c, krb5_clpreauth_rock rock, const krb5_keyblock *key)
{
    (void)c;
    assert_ptr_equal(rock, &seen);
    reply_key_set(&seen.set, key);
    seen.n_set++;
    return 1234;
}

static krb5_keyblock *
give_armor(krb5_context c, krb5_clpreauth_rock rock)
{
    (void)c;
    assert_ptr_equal(rock, &seen);
    return armor_block.length == 0 ? NULL : &armor_block;
}

static initvt_fn
load(const char *path, const char *symbol)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *found;
    initvt_fn fn = NULL;

    if (handle == NULL)
        fail_msg("%s", dlerror());
    found = dlsym(handle, symbol);
    assert_non_null(found);
    memcpy(&fn, &found, sizeof(fn));
    return fn;
}

/* As libkrb5 calls it when it has an answer; gives the key that the module for PKINIT set. */
static struct krb_key
process(const struct krb5_clpreauth_vtable_st *table, int version, const char *value)
{
    struct krb5_clpreauth_callbacks_st callbacks = { .vers = version, .set_as_key = see_as_key, .fast_armor = give_armor };
    krb5_get_init_creds_opt *options = NULL;
    struct fake_pkinit told = { .callbacks = NULL };

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(krb5_get_init_creds_opt_alloc(ctx, &options), 0);
    if (value != NULL)
        assert_int_equal(krb5_get_init_creds_opt_set_pa(ctx, options, REPLY_KEY_ATTRIBUTE, value), 0);
    assert_int_equal(table->process(ctx, NULL, (krb5_clpreauth_modreq)&told, options, &callbacks,
                                    (krb5_clpreauth_rock)&seen, NULL, NULL, NULL, NULL, NULL, NULL, NULL), 1234);
    /* Where nobody is to know, libkrb5's own are handed on as they are. */
    assert_true((told.callbacks == &callbacks) == (value == NULL || version != 3));
    assert_int_equal(seen.n_set, 1);
    krb5_get_init_creds_opt_free(ctx, options);
    return seen.set;
}

static void
the_module_notes_the_key_for_who_asked(void **state)
{
    struct krb_key armor = random_key(AES256), set;
    struct reply_key_note note = { 0 };
    struct krb5_clpreauth_vtable_st table = { .name = NULL };
    initvt_fn initvt = load(TEST_KRB_MODULE, "clpreauth_authsod_initvt");
    char value[REPLY_KEY_VALUE_MAX];

    (void)state;
    /* Before libkrb5 has loaded its own. */
    assert_int_equal(initvt(ctx, 1, 1, (krb5_plugin_vtable)&table), KRB5_PLUGIN_VER_NOTSUPP);
    assert_null(table.process);
    (void)load(TEST_KRB_PKINIT, "clpreauth_pkinit_initvt");
    assert_int_equal(initvt(ctx, 2, 1, (krb5_plugin_vtable)&table), KRB5_PLUGIN_VER_NOTSUPP);
    assert_int_equal(initvt(ctx, 1, 1, (krb5_plugin_vtable)&table), 0);
    assert_string_equal(table.name, "pkinit");

    reply_key_value(&note, value);
    set = process(&table, 3, value);
    assert_int_equal(set.enctype, AES256);
    assert_true(is_same(&note.reply, &set));
    assert_int_equal(note.armor.enctype, 0);
    armor_block = block_of(&armor);
    (void)process(&table, 3, value);
    assert_true(is_same(&note.armor, &armor));

    /* Callbacks that we do not know, and nobody who asked. */
    memset(&note, 0, sizeof(note));
    assert_true(is_same(&set, &(struct krb_key){ 0 }) == false);
    (void)process(&table, 2, value);
    (void)process(&table, 4, value);
    (void)process(&table, 3, NULL);
    assert_int_equal(note.reply.enctype, 0);
    assert_int_equal(note.armor.enctype, 0);
    armor_block.length = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_found_by_what_was_written_of_it),
        cmocka_unit_test(keys_are_those_of_aes),
        cmocka_unit_test(fasts_key_is_the_second),
        cmocka_unit_test(without_fast_there_is_one_and_without_a_note_none),
        cmocka_unit_test(malformed_answers_have_no_second_key),
        cmocka_unit_test(either_key_opens_the_hash),
        cmocka_unit_test(nothing_else_opens_it),
        cmocka_unit_test(the_module_notes_the_key_for_who_asked),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
