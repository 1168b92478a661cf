/* lib/ndr/ndr.h, lib/ndr/ndr_write.h: the NDR reader and writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/ndr/ndr_write.h"

static void
primitives_are_aligned(void **state)
{
    static const uint8_t bytes[] = { 1, 0xff, 2, 0, 3, 0xff, 0xff, 0xff, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0xff };
    struct reader r = reader_init(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(ndr_u16(&r), 2);
    assert_int_equal(reader_u8(&r), 3);
    assert_int_equal(ndr_u32(&r), 4);
    assert_true(ndr_hyper(&r) == 0x0000000600000005); /* aligned to 4, not to 8 */
    assert_int_equal(reader_u8(&r), 7);
    (void)ndr_u32(&r);
    assert_true(r.failed);
    assert_false(ndr_pointer(&r));
}

static void
a_body_is_what_its_headers_say(void **state)
{
    static const struct {
        uint8_t bytes[24];
        size_t len;
        bool ok;
    } cases[] = {
        { { 1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, true },
        { { 1, 0x10, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9, 7, 0, 0, 0 }, 20, true }, /* fillers do not matter */
        { { 1, 0x10, 8, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, false },
        { { 1, 0x10, 8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, false },
        { { 2, 0x10, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, false },
        { { 1, 0x00, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, false },
        { { 1, 0x10, 0, 8, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0 }, 20, false },
        { { 1, 0x10, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0 }, 15, false },
        { { 0 }, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r = reader_init(cases[i].bytes, cases[i].len);
        struct reader body = ndr_body(&r);

        assert_int_equal(!body.failed, cases[i].ok);
        assert_int_equal(!r.failed, cases[i].ok);
        if (!cases[i].ok)
            continue;
        assert_int_equal(ndr_u32(&body), 7);
        assert_true(reader_done(&body) && reader_done(&r));
    }
}

/* A head, and behind it the pointee. */
static const struct {
    const char *text; /* NULL: refused */
    size_t len;
    uint8_t bytes[32];
} strings[] = {
    { "ab", 24, { 4, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },
    { "ab", 24, { 4, 0, 6, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },
    { "", 8, { 0, 0, 0, 0, 0, 0, 0, 0 } },
    { "", 8, { 0, 0, 2, 0, 0, 0, 0, 0 } },
    { "", 20, { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { NULL, 8, { 2, 0, 2, 0, 0, 0, 0, 0 } },                                                           /* no pointee */
    { NULL, 24, { 3, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },      /* odd */
    { NULL, 24, { 4, 0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },      /* too long */
    { NULL, 24, { 4, 0, 4, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },
    { NULL, 24, { 4, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 } },
    { NULL, 24, { 4, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'a', 0, 'b', 0 } },
    { NULL, 24, { 4, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0 } },        /* NUL */
    { NULL, 23, { 4, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b' } },
    { NULL, 20, { 0xfe, 0xff, 0xfe, 0xff, 1, 0, 0, 0, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0x7f, 0, 0 } },
};

static void
strings_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        TALLOC_CTX *mem = talloc_new(NULL);
        struct reader r = reader_init(strings[i].bytes, strings[i].len);
        struct ndr_string head = ndr_string_head(&r);
        const char *text = ndr_string_body(mem, &r, &head);

        if ((text == NULL) != (strings[i].text == NULL) || (text == NULL) != r.failed)
            fail_msg("string %zu", i);
        if (text != NULL) {
            assert_string_equal(text, strings[i].text);
            assert_true(reader_done(&r));
        }
        talloc_free(mem);
    }
}

static const struct {
    const char *text; /* NULL: refused */
    size_t len;
    uint8_t bytes[12];
} utf16[] = {
    { "", 0, { 0 } },
    { "A\xc3\xa4", 4, { 'A', 0, 0xe4, 0 } },
    { "\xe2\x82\xac", 2, { 0xac, 0x20 } },
    { "\xed\x9f\xbf\xee\x80\x80", 4, { 0xff, 0xd7, 0x00, 0xe0 } },
    { "\xef\xbf\xbf", 2, { 0xff, 0xff } },
    { "\xf0\x9f\x98\x80", 4, { 0x3d, 0xd8, 0x00, 0xde } },
    { "\xf0\x90\x80\x80", 4, { 0x00, 0xd8, 0x00, 0xdc } },
    { "\xf4\x8f\xbf\xbf", 4, { 0xff, 0xdb, 0xff, 0xdf } },
    { NULL, 1, { 'A' } },
    { NULL, 3, { 'A', 0, 'B' } },
    { NULL, 2, { 0, 0 } },
    { NULL, 4, { 'A', 0, 0, 0 } },
    { NULL, 2, { 0x00, 0xd8 } },
    { NULL, 4, { 0x00, 0xd8, 'A', 0 } },
    { NULL, 4, { 0x00, 0xd8, 0x00, 0xd8 } },
    { NULL, 4, { 0x00, 0xdc, 0x00, 0xd8 } },
    { NULL, 2, { 0xff, 0xdf } },
    { NULL, 4, { 0x00, 0xd8, 0x00, 0xe0 } },
};

static void
utf16_becomes_utf8_or_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(utf16) / sizeof(utf16[0]); i++) {
        TALLOC_CTX *mem = talloc_new(NULL);
        const char *text = utf16le_text(mem, utf16[i].bytes, utf16[i].len);

        if ((text == NULL) != (utf16[i].text == NULL))
            fail_msg("text %zu", i);
        if (text != NULL)
            assert_string_equal(text, utf16[i].text);
        talloc_free(mem);
    }
    assert_null(utf16le_text(NULL, NULL, 2));
}

/* The longest that a string of RPC can be, each unit three bytes. */
static void
the_longest_text_fits(void **state)
{
    static uint8_t bytes[65534];
    const char *text;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = 0xac;
        bytes[i + 1] = 0x20;
    }
    text = utf16le_text(NULL, bytes, sizeof(bytes));
    assert_non_null(text);
    assert_int_equal(strlen(text), 98301);
    talloc_free((void *)(uintptr_t)text);
}

static void
arrays_are_no_longer_than_their_bytes(void **state)
{
    static const uint8_t three[] = { 3, 0, 0, 0, 1, 2, 3, 4, 5, 6 };
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6 };
    struct reader r = reader_init(three, sizeof(three));

    (void)state;
    assert_int_equal(ndr_conformance(&r, 3, 2), 3);
    r = reader_init(three, sizeof(three));
    assert_int_equal(ndr_conformance(&r, 2, 2), 0);
    assert_true(r.failed);
    r = reader_init(three, sizeof(three));
    assert_int_equal(ndr_conformance(&r, 100, 3), 0);
    assert_true(r.failed);
    r = reader_init(huge, sizeof(huge));
    assert_int_equal(ndr_conformance(&r, UINT32_MAX, 0x40000000), 0);
    assert_true(r.failed);
    r = reader_init(three, 3);
    assert_int_equal(ndr_conformance(&r, 3, 2), 0);
    assert_true(r.failed);
}

static void
a_sid_has_as_many_parts_as_its_array(void **state)
{
    static const struct {
        uint8_t bytes[24];
        size_t len;
        bool ok;
    } cases[] = {
        { { 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0 }, 16, true },
        { { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5 }, 12, true },
        { { 2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0, 3, 0, 0, 0 }, 20, false },
        { { 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0, 3, 0, 0, 0 }, 20, false },
        { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0 }, 16, false },
        { { 16, 0, 0, 0, 1, 16, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0 }, 16, false },
        { { 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0 }, 15, false },
    };
    struct sid sid;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r = reader_init(cases[i].bytes, cases[i].len);

        assert_int_equal(ndr_sid(&r, &sid), cases[i].ok);
        assert_int_equal(reader_done(&r), cases[i].ok);
    }
}

static void
what_is_written_is_aligned_and_padded_with_zero(void **state)
{
    static const uint8_t expected[] = { 1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 12, 0, 2, 0, 0, 0, 0, 0 };
    uint8_t bytes[64];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)state;
    memset(bytes, 0xee, sizeof(bytes));
    writer_u8(&w, 1);
    ndr_put_u16(&w, 2);
    writer_u8(&w, 3);
    ndr_put_u32(&w, 4);
    ndr_put_pointer(&w, true);
    ndr_put_pointer(&w, false);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, sizeof(expected));
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void
what_is_written_can_be_read(void **state)
{
    static const char *const texts[] = { "", "alice", "Ren\303\251", "\342\202\254\360\237\230\200",
                                         "\360\237\230\200" };
    struct sid sid = { .n_subs = 2, .authority = 5, .subs = { 21, 4294967295 } }, back;
    TALLOC_CTX *mem = talloc_new(NULL);
    uint8_t bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct writer w = writer_init(bytes, sizeof(bytes));
        struct ndr_string head;
        struct reader r;

        writer_u8(&w, 7);
        ndr_put_unique_text(&w, NULL);
        ndr_put_unique_text(&w, texts[i]);
        ndr_put_string_head(&w, texts[i]);
        ndr_put_string_body(&w, texts[i]);
        ndr_put_sid(&w, &sid);
        assert_true(writer_ok(&w));
        r = reader_init(bytes, w.len);
        assert_int_equal(reader_u8(&r), 7);
        assert_false(ndr_pointer(&r));
        assert_true(ndr_pointer(&r));
        assert_string_equal(ndr_text(mem, &r), texts[i]);
        head = ndr_string_head(&r);
        assert_string_equal(ndr_string_body(mem, &r, &head), texts[i]);
        assert_true(ndr_sid(&r, &back) && sid_equal(&sid, &back));
        assert_true(reader_done(&r));
        /* Nothing is written past the memory that there is. */
        for (size_t size = 0; size < w.len; size++) {
            struct writer small = writer_init(bytes, size);

            writer_u8(&small, 7);
            ndr_put_unique_text(&small, NULL);
            ndr_put_unique_text(&small, texts[i]);
            ndr_put_string_head(&small, texts[i]);
            ndr_put_string_body(&small, texts[i]);
            ndr_put_sid(&small, &sid);
            assert_false(writer_ok(&small));
        }
    }
    talloc_free(mem);
}

static void
text_that_is_not_utf8_is_not_written(void **state)
{
    static const char *const texts[] = { "\303", "\200", "\355\240\200", "\364\220\200\200", "a\300\257" };
    uint8_t bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct writer w = writer_init(bytes, sizeof(bytes));

        ndr_put_text(&w, texts[i]);
        assert_false(writer_ok(&w));
        w = writer_init(bytes, sizeof(bytes));
        ndr_put_string_head(&w, texts[i]);
        assert_false(writer_ok(&w));
        w = writer_init(bytes, sizeof(bytes));
        utf16le_put(&w, texts[i]);
        assert_false(writer_ok(&w));
    }
}

static void
a_string_too_long_for_its_head_is_not_written(void **state)
{
    static char text[32769];
    static uint8_t bytes[70000];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)state;
    memset(text, 'a', 32767);
    ndr_put_string_head(&w, text);
    assert_true(writer_ok(&w));
    text[32767] = 'a';
    ndr_put_string_head(&w, text);
    assert_false(writer_ok(&w));
}

static void
texts_with_a_nul_are_read_or_refused(void **state)
{
    static const struct {
        uint8_t bytes[24];
        size_t len;
        const char *text;
    } cases[] = {
        { { 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0 }, 16, "a" },
        { { 9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0 }, 16, "a" },
        { { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 }, 14, "" },
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, NULL },
        { { 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0 }, 16, NULL }, /* more than the maximum */
        { { 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0, 0 }, 16, NULL }, /* an offset */
        { { 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 'b', 0 }, 16, NULL },
        { { 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0 }, 16, NULL },
        { { 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0, 0 }, 15, NULL },
        { { 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 'a', 0, 0 }, 15, NULL },
        { { 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0xd8, 0, 0 }, 16, NULL },
    };
    TALLOC_CTX *mem = talloc_new(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r = reader_init(cases[i].bytes, cases[i].len);
        const char *text = ndr_text(mem, &r);

        if (cases[i].text == NULL) {
            assert_null(text);
            assert_true(r.failed);
        } else {
            assert_string_equal(text, cases[i].text);
            assert_true(reader_done(&r));
        }
    }
    talloc_free(mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives_are_aligned),
        cmocka_unit_test(a_body_is_what_its_headers_say),
        cmocka_unit_test(strings_are_read_or_refused),
        cmocka_unit_test(utf16_becomes_utf8_or_nothing),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(arrays_are_no_longer_than_their_bytes),
        cmocka_unit_test(a_sid_has_as_many_parts_as_its_array),
        cmocka_unit_test(what_is_written_is_aligned_and_padded_with_zero),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(text_that_is_not_utf8_is_not_written),
        cmocka_unit_test(a_string_too_long_for_its_head_is_not_written),
        cmocka_unit_test(texts_with_a_nul_are_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
