/* lib/sid/sid.h: SIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sid/sid.h"

/* [MS-DTYP] 2.4.2.1 to 2.4.2.4 */
static const struct {
    const char *text;
    size_t len;
    uint8_t bytes[SID_BINARY_MAX];
} same[] = {
    { "S-1-5", 8, { 1, 0, 0, 0, 0, 0, 0, 5 } },
    { "S-1-1-0", 12, { 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 } },
    { "S-1-18-2", 12, { 1, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0 } },
    { "S-1-5-32-544", 16, { 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0 } },
    { "S-1-5-21-1-2-4294967295-1104", 28,
      { 1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255, 0x50, 4, 0, 0 } },
    { "S-1-4294967295-7", 12, { 1, 1, 0, 0, 255, 255, 255, 255, 7, 0, 0, 0 } },
    { "S-1-0x0123456789ab-7", 12, { 1, 1, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 7, 0, 0, 0 } },
    { "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15", 68,
      { 1, 15, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0,
        8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0, 14, 0, 0, 0, 15, 0, 0, 0 } },
};

static void
text_and_bytes_are_the_same_sid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct reader r = reader_init(same[i].bytes, same[i].len);
        uint8_t bytes[SID_BINARY_MAX];
        struct writer w = writer_init(bytes, sizeof(bytes));
        char text[SID_TEXT_MAX];
        struct sid a, b;

        assert_true(sid_parse(same[i].text, &a));
        assert_true(sid_read(&r, &b) && reader_done(&r));
        assert_true(sid_equal(&a, &b));
        assert_int_equal(memcmp(a.subs, b.subs, sizeof(a.subs)), 0);
        assert_string_equal(sid_text(&b, text), same[i].text);
        sid_write(&w, &a);
        assert_true(writer_ok(&w));
        assert_int_equal(w.len, same[i].len);
        assert_memory_equal(bytes, same[i].bytes, w.len);
    }
}

static void
the_longest_text_fits(void **state)
{
    struct sid sid = { .n_subs = SID_SUBS_MAX, .authority = 0xffffffffffff }, again;
    char text[SID_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < SID_SUBS_MAX; i++)
        sid.subs[i] = UINT32_MAX;
    assert_true(sid_parse(sid_text(&sid, text), &again));
    assert_true(sid_equal(&sid, &again));
    assert_false(sid_append(&sid, 1));
    assert_int_equal(sid.n_subs, SID_SUBS_MAX);
}

static void
other_text_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "S", "S-1", "S-1-", "S-1--5", "s-1-5", "S-2-5", "S-01-5", " S-1-5", "S-1-5 ", "S-1-5-", "S-1-5--1",
        "S-1-05", "S-1-5-01", "S-1-5-+1", "S-1-5- 1", "S-1-5--1", "S-1-5-4294967296", "S-1-4294967296",
        "S-1-5-99999999999999999999", "S-1-0x5", "S-1-0x0000000000005", "S-1-0x00000000000g", "S-1-0x", "S-1-5-0x1",
        "S-1-5-1a", "S-1-5/1", "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    };
    struct sid sid;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&sid, 1, sizeof(sid));
        if (sid_parse(bad[i], &sid))
            fail_msg("accepted '%s'", bad[i]);
        assert_int_equal(sid.n_subs, 0);
    }
}

static void
other_bytes_are_refused(void **state)
{
    static const struct {
        size_t len;
        uint8_t bytes[16];
    } bad[] = {
        { 12, { 0, 1, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0 } },        /* revision */
        { 12, { 2, 1, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0 } },
        { 12, { 1, 2, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0 } },        /* more subs than bytes */
        { 12, { 1, 16, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0 } },       /* more subs than there can be */
        { 12, { 1, 255, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0 } },
        { 7, { 1, 0, 0, 0, 0, 0, 0 } },
        { 0, { 0 } },
    };
    struct sid sid;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader r = reader_init(bad[i].bytes, bad[i].len);

        assert_false(sid_read(&r, &sid));
        assert_true(r.failed);
    }
    for (size_t n = 0; n < same[4].len; n++) {
        struct reader r = reader_init(same[4].bytes, n);

        assert_false(sid_read(&r, &sid));
    }
}

static void
an_account_is_its_domain_and_a_rid(void **state)
{
    struct sid domain, other, sid, part;
    uint32_t rid;

    (void)state;
    assert_true(sid_parse("S-1-5-21-1-2-3", &domain));
    assert_true(sid_parse("S-1-5-21-1-2-4", &other));
    sid = domain;
    assert_true(sid_append(&sid, 1104));
    assert_true(sid_in_domain(&sid, &domain));
    assert_false(sid_in_domain(&sid, &other));
    assert_false(sid_in_domain(&domain, &domain));
    assert_true(sid_split(&sid, &part, &rid));
    assert_true(sid_equal(&part, &domain));
    assert_int_equal(rid, 1104);
    assert_int_equal(part.subs[4], 0);
    assert_true(sid_append(&sid, 1));
    assert_false(sid_in_domain(&sid, &domain));
    assert_true(sid_parse("S-1-5", &sid));
    assert_false(sid_split(&sid, &part, &rid));
}

static void
only_s_1_5_21_a_b_c_is_a_domain(void **state)
{
    static const char *const no[] = { "S-1-5-21-1-2", "S-1-5-21-1-2-3-4", "S-1-5-22-1-2-3", "S-1-1-21-1-2-3",
                                      "S-1-5-32-544", "S-1-5" };
    struct sid sid;

    (void)state;
    assert_true(sid_parse("S-1-5-21-0-0-0", &sid));
    assert_true(sid_is_domain(&sid));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_true(sid_parse(no[i], &sid));
        assert_false(sid_is_domain(&sid));
    }
}

static void
sorting_finds_every_sid(void **state)
{
    static const char *const text[] = { "S-1-5-32-545", "S-1-5-21-1-2-3-9", "S-1-1-0", "S-1-5-21-1-2-3-10",
                                        "S-1-5-32-544", "S-1-5-21-1-2-3", "S-1-5" };
    struct sid sids[sizeof(text) / sizeof(text[0])], sid;
    size_t n = sizeof(text) / sizeof(text[0]);

    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_true(sid_parse(text[i], &sids[i]));
    qsort(sids, n, sizeof(sids[0]), sid_compare);
    for (size_t i = 0; i < n; i++) {
        const struct sid *found;

        assert_true(sid_parse(text[i], &sid));
        found = bsearch(&sid, sids, n, sizeof(sids[0]), sid_compare);
        assert_non_null(found);
        assert_true(sid_equal(found, &sid));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_are_the_same_sid),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(an_account_is_its_domain_and_a_rid),
        cmocka_unit_test(only_s_1_5_21_a_b_c_is_a_domain),
        cmocka_unit_test(sorting_finds_every_sid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
