/* lib/base: the bounded reader and writer, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"

static void
reads_what_was_written(void **state)
{
    uint8_t bytes[64];
    char text[8];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct reader r;

    (void)state;
    writer_u8(&w, 0xfe);
    writer_u16(&w, 0x1234);
    writer_u32(&w, 0xdeadbeef);
    writer_u64(&w, 0x0123456789abcdef);
    writer_str(&w, "alice");
    writer_patch_u32(&w, 3, 7);
    assert_true(writer_ok(&w));
    r = reader_init(bytes, w.len);
    assert_int_equal(reader_u8(&r), 0xfe);
    assert_int_equal(reader_u16(&r), 0x1234);
    assert_int_equal(reader_u32(&r), 7);
    assert_true(reader_u64(&r) == 0x0123456789abcdef);
    assert_true(reader_str_copy(&r, text, sizeof(text)));
    assert_string_equal(text, "alice");
    assert_true(reader_done(&r));
}

static void
every_cut_fails_and_stays_failed(void **state)
{
    uint8_t bytes[] = { 1, 2, 0, 0, 0, 'a', 'b' };
    char text[8];

    (void)state;
    for (size_t n = 0; n < sizeof(bytes); n++) {
        struct reader r = reader_init(bytes, n);

        (void)reader_u8(&r);
        assert_false(reader_str_copy(&r, text, sizeof(text)));
        assert_string_equal(text, "");
        assert_false(reader_done(&r));
        assert_int_equal(reader_u8(&r), 0);
        assert_int_equal(reader_left(&r), 0);
    }
}

static void
strings_with_nul_or_too_long_are_refused(void **state)
{
    uint8_t nul[] = { 3, 0, 0, 0, 'a', 0, 'b' };
    uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 'a' };
    uint8_t fits[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
    char text[3];
    struct reader r = reader_init(nul, sizeof(nul));
    size_t n;

    (void)state;
    assert_null(reader_str(&r, 100, &n));
    r = reader_init(huge, sizeof(huge));
    assert_null(reader_str(&r, SIZE_MAX, &n));
    r = reader_init(fits, sizeof(fits));
    assert_false(reader_str_copy(&r, text, sizeof(text)));
}

static void
ranges_outside_are_refused(void **state)
{
    uint8_t bytes[8] = { 0 };
    struct reader r = reader_init(bytes, sizeof(bytes)), sub;

    (void)state;
    sub = reader_at(&r, 4, 4);
    assert_int_equal(reader_left(&sub), 4);
    sub = reader_at(&r, 4, SIZE_MAX);
    assert_true(sub.failed && r.failed);
    r = reader_init(bytes, sizeof(bytes));
    sub = reader_at(&r, 9, 0);
    assert_true(sub.failed);
    r = reader_init(bytes, sizeof(bytes));
    (void)reader_u8(&r);
    reader_align(&r, 8);
    assert_true(reader_done(&r));
}

static void
writer_never_writes_past_its_size(void **state)
{
    uint8_t bytes[4] = { 9, 9, 9, 9 };
    struct writer w = writer_init(bytes, 3);

    (void)state;
    writer_u32(&w, 0);
    assert_false(writer_ok(&w));
    writer_u8(&w, 1);
    assert_int_equal(w.len, 0);
    assert_int_equal(bytes[3], 9);
}

static void
secrets_are_erased(void **state)
{
    char text[] = "hunter2";
    char *p = secret_new(SECRET_MAX);

    (void)state;
    assert_non_null(p);
    memcpy(p, text, sizeof(text));
    secret_free(p, SECRET_MAX);
    secret_erase_str(text);
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal(text[i], 0);
    secret_erase_str(NULL);
    secret_free(NULL, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(every_cut_fails_and_stays_failed),
        cmocka_unit_test(strings_with_nul_or_too_long_are_refused),
        cmocka_unit_test(ranges_outside_are_refused),
        cmocka_unit_test(writer_never_writes_past_its_size),
        cmocka_unit_test(secrets_are_erased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
