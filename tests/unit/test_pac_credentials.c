/* lib/ndr/credentials.h: CREDENTIAL_INFO in a PAC, and what is inside of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/credentials.h"
#include "lib/ndr/pac.h"
#include "tests/unit/pac_builder.h"

static const uint8_t nt_hash[NT_HASH_BYTES] = "\x10\x21\x32\x43\x54\x65\x76\x87\x98\xa9\xba\xcb\xdc\xed\xfe\x0f";
static const uint8_t none[NT_HASH_BYTES];

/* Where things are in what build makes: a package that nobody knows, and NTLM. */
enum {
    AT_BODY_LENGTH = 8,
    AT_POINTER = 16,
    AT_CONFORMANCE = 20,
    AT_COUNT = 24,
    AT_OTHER_NAME = 28,
    AT_OTHER_SIZE = 36,
    AT_OTHER_POINTER = 40,
    AT_NTLM_NAME = 44,
    AT_NTLM_SIZE = 52,
    AT_NTLM_POINTER = 56,
    AT_OTHER_TEXT = 60,
    AT_OTHER_CREDENTIAL = 84,
    AT_NTLM_TEXT = 92,
    AT_NTLM_CREDENTIAL = 112,
    AT_VERSION = 116,
    AT_FLAGS = 120,
    AT_END = 156,
    BYTES = 160,
};

static void
put_head(struct writer *w, size_t chars, uint32_t size)
{
    writer_u16(w, (uint16_t)(2 * chars));
    writer_u16(w, (uint16_t)(2 * chars));
    writer_u32(w, 0x20004);
    writer_u32(w, size);
    writer_u32(w, 0x20008);
}

static void
put_text(struct writer *w, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);

    writer_u32(w, n);
    writer_u32(w, 0);
    writer_u32(w, n);
    for (uint32_t i = 0; i < n; i++)
        writer_u16(w, (uint8_t)text[i]);
    while (w->len % 4 != 0)
        writer_u8(w, 0);
}

static void
build(uint8_t bytes[BYTES])
{
    struct writer w = writer_init(bytes, BYTES);

    writer_u32(&w, 0x00081001); /* version 1, little-endian, 8 bytes of header */
    writer_u32(&w, 0xcccccccc);
    writer_u32(&w, BYTES - 16);
    writer_u32(&w, 0);
    writer_u32(&w, 0x20000);
    writer_u32(&w, 2);
    writer_u32(&w, 2);
    put_head(&w, 5, 3);
    put_head(&w, 4, 40);
    put_text(&w, "Other");
    writer_u32(&w, 3);
    writer_u32(&w, 0x00636261);
    put_text(&w, "NTLM");
    writer_u32(&w, 40);
    writer_u32(&w, 0);
    writer_u32(&w, 3); /* LM and NT */
    for (int i = 0; i < 16; i++)
        writer_u8(&w, 0x77);
    writer_bytes(&w, nt_hash, sizeof(nt_hash));
    writer_u32(&w, 0);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, BYTES);
}

/* Reads an exact copy, so that ASan sees one byte too far. */
static const char *
read_copy(const uint8_t *data, size_t len, uint8_t nt_out[NT_HASH_BYTES])
{
    uint8_t *exact = malloc(len);
    const char *why;

    assert_true(exact != NULL || len == 0);
    if (len > 0)
        memcpy(exact, data, len);
    memset(nt_out, 0xee, NT_HASH_BYTES);
    why = credential_data_nt_hash(exact, len, nt_out);
    free(exact);
    assert_true(why == NULL || memcmp(nt_out, none, sizeof(none)) == 0);
    return why;
}

static void
the_nt_hash_is_found_among_other_packages(void **state)
{
    uint8_t bytes[BYTES], nt[NT_HASH_BYTES];

    (void)state;
    build(bytes);
    assert_null(read_copy(bytes, sizeof(bytes), nt));
    assert_memory_equal(nt, nt_hash, sizeof(nt));
}

/* What Samba 4.17 sends for a password of the tests' own. */
static void
a_kdcs_own_bytes_are_read(void **state)
{
    static const uint8_t bytes[112] =
        "\x01\x10\x08\x00\xcc\xcc\xcc\xcc\x60\x00\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x02\x00\x01\x00\x00\x00\x01\x00\x00\x00\x08\x00\x08\x00"
        "\x04\x00\x02\x00\x28\x00\x00\x00\x08\x00\x02\x00\x04\x00\x00\x00"
        "\x00\x00\x00\x00\x04\x00\x00\x00\x4e\x00\x54\x00\x4c\x00\x4d\x00"
        "\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x65\xef\x25\xb7"
        "\xf7\xf5\x76\xee\x24\x14\x04\x1c\x6a\xd8\xba\x98\x00\x00\x00";
    uint8_t nt[NT_HASH_BYTES];

    (void)state;
    assert_null(read_copy(bytes, sizeof(bytes), nt));
    assert_memory_equal(nt, "\x65\xef\x25\xb7\xf7\xf5\x76\xee\x24\x14\x04\x1c\x6a\xd8\xba\x98", sizeof(nt));
}

#define MALFORMED "CREDENTIAL_DATA is malformed"
#define NOTHING "CREDENTIAL_DATA has nothing for NTLM"
#define BAD_NTLM "the NTLM credential is malformed"

static const struct {
    size_t offset;
    unsigned bytes;
    uint32_t value;
    const char *why; /* NULL: it is accepted */
} patches[] = {
    { 0, 1, 2, MALFORMED },
    { 1, 1, 0, MALFORMED },                         /* big-endian */
    { 2, 2, 16, MALFORMED },
    { AT_BODY_LENGTH, 4, 0, MALFORMED },
    { AT_BODY_LENGTH, 4, BYTES - 16 + 1, MALFORMED },
    { AT_BODY_LENGTH, 4, UINT32_MAX, MALFORMED },
    { AT_BODY_LENGTH, 4, BYTES - 16 - 4, NULL },    /* without the padding */
    { AT_BODY_LENGTH, 4, BYTES - 16 - 5, MALFORMED },
    { AT_POINTER, 4, 0, MALFORMED },
    { AT_CONFORMANCE, 4, 0, MALFORMED },
    { AT_CONFORMANCE, 4, 1, MALFORMED },
    { AT_CONFORMANCE, 4, 3, MALFORMED },
    { AT_CONFORMANCE, 4, 17, MALFORMED },
    { AT_CONFORMANCE, 4, UINT32_MAX, MALFORMED },
    { AT_COUNT, 4, 0, MALFORMED },
    { AT_COUNT, 4, 1, MALFORMED },
    { AT_COUNT, 4, UINT32_MAX, MALFORMED },
    { AT_OTHER_NAME, 2, 9, MALFORMED },             /* odd */
    { AT_OTHER_NAME, 2, 12, MALFORMED },            /* longer than its maximum */
    { AT_OTHER_NAME, 2, 8, MALFORMED },             /* not what the array says */
    { AT_OTHER_NAME + 2, 2, 12, MALFORMED },
    { AT_OTHER_NAME + 4, 4, 0, MALFORMED },         /* length without pointer */
    { AT_OTHER_SIZE, 4, 2, MALFORMED },
    { AT_OTHER_SIZE, 4, UINT32_MAX, MALFORMED },
    { AT_OTHER_POINTER, 4, 0, MALFORMED },
    { AT_OTHER_TEXT, 4, 4, MALFORMED },
    { AT_OTHER_TEXT + 4, 4, 1, MALFORMED },
    { AT_OTHER_TEXT + 8, 4, 6, MALFORMED },
    { AT_OTHER_CREDENTIAL, 4, 4, MALFORMED },
    { AT_OTHER_CREDENTIAL, 4, UINT32_MAX, MALFORMED },
    { AT_NTLM_NAME + 4, 4, 0, MALFORMED },
    { AT_NTLM_SIZE, 4, 39, MALFORMED },
    { AT_NTLM_SIZE, 4, 0, MALFORMED },
    { AT_NTLM_POINTER, 4, 0, MALFORMED },
    { AT_NTLM_TEXT + 12, 2, 'n', NOTHING },         /* case counts */
    { AT_NTLM_TEXT + 12, 2, 0x4e4e, NOTHING },
    { AT_NTLM_TEXT + 12, 2, 0, NOTHING },
    { AT_NTLM_CREDENTIAL, 4, 39, MALFORMED },
    { AT_NTLM_CREDENTIAL, 4, 41, MALFORMED },
    { AT_NTLM_CREDENTIAL, 4, UINT32_MAX, MALFORMED },
    { AT_VERSION, 4, 1, "the NTLM credential has a version that we do not know" },
    { AT_FLAGS, 4, 1, "the NTLM credential has no NT hash" },
    { AT_FLAGS, 4, 0, "the NTLM credential has no NT hash" },
    { AT_FLAGS, 4, 2, NULL },
    { AT_FLAGS, 4, 6, NULL },                       /* flags that we do not know */
    { AT_END, 4, UINT32_MAX, NULL },                /* the padding */
};

static void
each_malformed_one_is_refused_for_its_reason(void **state)
{
    uint8_t bytes[BYTES], nt[NT_HASH_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        const char *why;

        build(bytes);
        for (unsigned b = 0; b < patches[i].bytes; b++)
            bytes[patches[i].offset + b] = (uint8_t)(patches[i].value >> (8 * b));
        why = read_copy(bytes, sizeof(bytes), nt);
        if ((why == NULL) != (patches[i].why == NULL) || (why != NULL && strcmp(why, patches[i].why) != 0))
            fail_msg("patch %zu (offset %zu): '%s', not '%s'", i, patches[i].offset, why == NULL ? "accepted" : why,
                     patches[i].why == NULL ? "accepted" : patches[i].why);
    }
}

static void
ntlm_with_another_length_or_twice_is_refused(void **state)
{
    uint8_t bytes[BYTES], nt[NT_HASH_BYTES];

    (void)state;
    /* Both sizes: the structure is whole, the credential is not. */
    build(bytes);
    bytes[AT_NTLM_SIZE] = 39;
    bytes[AT_NTLM_CREDENTIAL] = 39;
    assert_string_equal(read_copy(bytes, sizeof(bytes), nt), BAD_NTLM);
    bytes[AT_NTLM_SIZE] = 41;
    bytes[AT_NTLM_CREDENTIAL] = 41;
    assert_string_equal(read_copy(bytes, sizeof(bytes), nt), BAD_NTLM);
    /* The other one's name in the place of five letters. */
    build(bytes);
    bytes[AT_OTHER_NAME] = bytes[AT_OTHER_NAME + 2] = 8;
    bytes[AT_OTHER_TEXT] = bytes[AT_OTHER_TEXT + 8] = 4;
    memcpy(bytes + AT_OTHER_TEXT + 12, "N\0T\0L\0M\0", 8);
    memmove(bytes + AT_OTHER_TEXT + 20, bytes + AT_OTHER_CREDENTIAL, BYTES - AT_OTHER_CREDENTIAL);
    bytes[AT_BODY_LENGTH] -= 4;
    assert_string_equal(read_copy(bytes, sizeof(bytes), nt), "CREDENTIAL_DATA has NTLM twice");
}

static void
no_part_of_it_is_taken_for_the_whole(void **state)
{
    uint8_t bytes[BYTES], nt[NT_HASH_BYTES];

    (void)state;
    build(bytes);
    for (size_t n = 0; n < BYTES; n++)
        assert_string_equal(read_copy(bytes, n, nt), MALFORMED);
}

static void
bytes_behind_it_are_those_of_a_cipher_at_most(void **state)
{
    uint8_t bytes[BYTES + 8] = { 0 }, nt[NT_HASH_BYTES];

    (void)state;
    build(bytes);
    assert_null(read_copy(bytes, BYTES + 7, nt));
    assert_string_equal(read_copy(bytes, BYTES + 8, nt), MALFORMED);
}

static void
the_head_of_the_encrypted_part_is_read(void **state)
{
    static const uint8_t whole[] = { 0, 0, 0, 0, 18, 0, 0, 0, 0xaa, 0xbb };
    static const uint8_t newer[] = { 1, 0, 0, 0, 18, 0, 0, 0, 0xaa, 0xbb };
    struct credential_info info;

    (void)state;
    assert_null(credential_info_read(reader_init(whole, sizeof(whole)), &info));
    assert_int_equal(info.enctype, 18);
    assert_ptr_equal(info.data, whole + 8);
    assert_int_equal(info.len, 2);
    for (size_t n = 0; n <= 8; n++)
        assert_string_equal(credential_info_read(reader_init(whole, n), &info), "CREDENTIAL_INFO is malformed");
    assert_string_equal(credential_info_read(reader_init(newer, sizeof(newer)), &info),
                        "CREDENTIAL_INFO has a version that we do not know");
}

static void
a_pac_has_them_or_not(void **state)
{
    static const uint32_t with[PAC_ORDER_MAX] = { 1, 2, 10, 6, 7 }, twice[PAC_ORDER_MAX] = { 1, 2, 10, 6, 7, 2 };
    static const struct pac_ticket ticket = { .client = "alice", .authtime = PAC_AUTHTIME };
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));
    struct logon_info *info;
    struct reader bytes;
    const char *why;

    (void)state;
    assert_non_null(built);
    pac_build(&spec, built);
    assert_false(pac_credentials(built->data, built->len, &bytes));
    assert_int_equal(reader_left(&bytes), 0);

    memcpy(spec.order, with, sizeof(with));
    pac_build(&spec, built);
    info = pac_decode(NULL, built->data, built->len, &ticket, &why);
    assert_non_null(info);
    talloc_free(info);
    assert_true(pac_credentials(built->data, built->len, &bytes));
    assert_int_equal(reader_left(&bytes), 16);
    assert_true(bytes.data >= built->data && bytes.data + 16 <= built->data + built->len);
    assert_false(pac_credentials(built->data, 40, &bytes));

    memcpy(spec.order, twice, sizeof(twice));
    pac_build(&spec, built);
    assert_null(pac_decode(NULL, built->data, built->len, &ticket, &why));
    assert_string_equal(why, "a second CREDENTIAL_INFO");
    assert_false(pac_credentials(built->data, built->len, &bytes));
    free(built);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nt_hash_is_found_among_other_packages),
        cmocka_unit_test(a_kdcs_own_bytes_are_read),
        cmocka_unit_test(each_malformed_one_is_refused_for_its_reason),
        cmocka_unit_test(ntlm_with_another_length_or_twice_is_refused),
        cmocka_unit_test(no_part_of_it_is_taken_for_the_whole),
        cmocka_unit_test(bytes_behind_it_are_those_of_a_cipher_at_most),
        cmocka_unit_test(the_head_of_the_encrypted_part_is_read),
        cmocka_unit_test(a_pac_has_them_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
