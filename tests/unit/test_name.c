/* lib/sid/name.h and utf8.h: the forms of a name, and lower case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>
#include <wctype.h>

#include "lib/base/utf8.h"
#include "lib/sid/lower.h"
#include "lib/sid/name.h"

static void
each_form_is_told_apart_and_folded(void **state)
{
    static const struct {
        const char *in;
        enum name_form form;
        const char *whole;
        const char *local;
        const char *domain;
    } names[] = {
        { "alice", NAME_SHORT, "alice", "alice", "" },
        { "ALICE", NAME_SHORT, "alice", "alice", "" },
        { "domain users", NAME_SHORT, "domain users", "domain users", "" },
        { "a", NAME_SHORT, "a", "a", "" },
        { "1000", NAME_SHORT, "1000", "1000", "" },
        { "999a", NAME_SHORT, "999a", "999a", "" },
        { ".profile", NAME_SHORT, ".profile", ".profile", "" },
        { "WS1$", NAME_SHORT, "ws1$", "ws1$", "" },
        { "\xc3\x84rger", NAME_SHORT, "\xc3\xa4rger", "\xc3\xa4rger", "" },
        { "CORP\\Alice", NAME_NETBIOS, "corp\\alice", "alice", "corp" },
        { "CORP\\500", NAME_NETBIOS, "corp\\500", "500", "corp" },
        { "Alice@CORP.example.com", NAME_UPN, "alice@corp.example.com", "alice", "corp.example.com" },
        { "a.b+c@brand", NAME_UPN, "a.b+c@brand", "a.b+c", "brand" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct name name;

        if (!name_parse(names[i].in, strlen(names[i].in), &name))
            fail_msg("refused '%s'", names[i].in);
        assert_int_equal(name.form, names[i].form);
        assert_string_equal(name.whole, names[i].whole);
        assert_string_equal(name.local, names[i].local);
        assert_string_equal(name.domain, names[i].domain);
        assert_true(name_is_safe(name.whole));
    }
}

#define BAD(s) { s, sizeof(s) - 1 }

static const struct {
    const char *s;
    size_t n;
} bad_names[] = {
    BAD(""), BAD(" "), BAD("."), BAD(".."), BAD("-"), BAD("-alice"), BAD("+alice"), BAD("+@corp"), BAD("@"), BAD("\\"),
    BAD("alice@"), BAD("@corp"), BAD("CORP\\"), BAD("\\alice"), BAD("CORP\\."), BAD("CORP\\.."), BAD("..\\alice"),
    BAD("CORP\\-rf"), BAD("-x\\alice"), BAD("..@corp"), BAD("alice@.."), BAD("alice@-x"), BAD("a@b@c"),
    BAD("a\\b\\c"), BAD("CORP\\alice@corp"), BAD("alice@corp\\x"), BAD("CORP\\\\alice"), BAD("alice@@corp"),
    BAD("al:ice"), BAD("al/ice"), BAD("/"), BAD("alice\n"), BAD("alice\nroot:x:0"), BAD("a\tb"), BAD("a\x7f"),
    BAD("al\0ice"), BAD("alice\0"), BAD("\0"), BAD(" alice"), BAD("alice "), BAD("CORP\\ alice"), BAD("alice @corp"),
    BAD("0"), BAD("00"), BAD("999"), BAD("0000000000000000000033"), BAD("\x80"), BAD("a\xff"), BAD("\xc3"),
    BAD("a\xc3"), BAD("\xc3("), BAD("\xc0\xaf"), BAD("\xc1\xbf"), BAD("\xe0\x80\xaf"), BAD("\xe0\x9f\xbf"),
    BAD("\xf0\x80\x80\xaf"), BAD("\xf0\x8f\xbf\xbf"), BAD("\xed\xa0\x80"), BAD("\xed\xbf\xbf"),
    BAD("\xf4\x90\x80\x80"), BAD("\xf5\x80\x80\x80"), BAD("\xe2\x82"), BAD("\xf0\x9f\x98"),
    BAD("a\xc2\x85"), BAD("a\xc2\x9f" "b"), BAD("a\xe2\x80\xa8" "b"), BAD("a\xe2\x80\xae" "b"),
    BAD("a\xe2\x81\xa6" "b"), BAD("\xef\xbb\xbf" "alice"),
};

static void
what_is_never_a_name_is_refused(void **state)
{
    struct name name;

    (void)state;
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        memset(&name, 1, sizeof(name));
        if (name_parse(bad_names[i].s, bad_names[i].n, &name))
            fail_msg("accepted '%s' (%zu)", bad_names[i].s, i);
        assert_string_equal(name.whole, "");
    }
    assert_false(name_parse(NULL, 0, &name));
}

static void
length_is_limited_before_and_after_folding(void **state)
{
    char s[NAME_MAX_BYTES + 2];
    struct name name;

    (void)state;
    memset(s, 'A', sizeof(s));
    assert_true(name_parse(s, NAME_MAX_BYTES, &name));
    assert_int_equal(strlen(name.local), NAME_MAX_BYTES);
    assert_false(name_parse(s, NAME_MAX_BYTES + 1, &name));
    /* U+023A, two bytes, becomes U+2C65, three. */
    for (size_t i = 0; i < NAME_MAX_BYTES; i += 2)
        memcpy(s + i, "\xc8\xba", 2);
    assert_false(name_parse(s, NAME_MAX_BYTES, &name));
    assert_true(name_parse(s, NAME_MAX_BYTES / 3 * 2, &name));
}

static void
folding_fits_or_says_so(void **state)
{
    char buf[8];

    (void)state;
    assert_true(name_fold("ABCDEFG", buf, sizeof(buf)));
    assert_string_equal(buf, "abcdefg");
    assert_false(name_fold("ABCDEFGH", buf, sizeof(buf)));
    assert_string_equal(buf, "");
    assert_true(name_fold("\xe2\x84\xaa", buf, 2)); /* the Kelvin sign is a k */
    assert_string_equal(buf, "k");
    assert_false(name_fold("\xc8\xba", buf, 3));
    assert_true(name_fold("\xc8\xba", buf, 4));
    assert_string_equal(buf, "\xe2\xb1\xa5");
    assert_true(name_fold("\xce\xa3\xf0\x90\x90\x80", buf, sizeof(buf)));
    assert_string_equal(buf, "\xcf\x83\xf0\x90\x90\xa8");
    assert_false(name_fold("a\xff", buf, sizeof(buf)));
    assert_string_equal(buf, "");
    assert_true(name_fold("", buf, 1));
    assert_false(name_fold("", buf, 0));
}

static void
every_character_survives_utf8(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char bytes[UTF8_BYTES_MAX];
        const char *s = bytes;
        uint32_t again;
        size_t n;

        if (c >= 0xd800 && c < 0xe000)
            continue;
        n = utf8_put(c, bytes);
        for (size_t cut = 0; cut < n; cut++)
            assert_false(utf8_get(&s, bytes + cut, &again));
        assert_true(utf8_get(&s, bytes + n, &again));
        assert_ptr_equal(s, bytes + n);
        assert_int_equal(again, c);
    }
}

static void
lower_case_is_unicodes(void **state)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    unsigned moved = 0;

    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint32_t low = unicode_lower(c);

        moved += low != c;
        assert_int_equal(unicode_lower(low), low);
        /* The libc's Unicode may be an older one that does not have the character yet. */
        if (low != c && locale != NULL && towlower_l(c, locale) != c)
            assert_int_equal(low, towlower_l(c, locale));
    }
    assert_int_equal(moved, 1433);
    if (locale != NULL)
        freelocale(locale);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_told_apart_and_folded),
        cmocka_unit_test(what_is_never_a_name_is_refused),
        cmocka_unit_test(length_is_limited_before_and_after_folding),
        cmocka_unit_test(folding_fits_or_says_so),
        cmocka_unit_test(every_character_survives_utf8),
        cmocka_unit_test(lower_case_is_unicodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
