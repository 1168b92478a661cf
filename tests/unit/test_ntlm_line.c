/* lib/krb/ntlm_line.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/krb/ntlm_line.h"

static const uint8_t nt[NT_HASH_BYTES] = "\x65\xef\x25\xb7\xf7\xf5\x76\xee\x24\x14\x04\x1c\x6a\xd8\xba\x98";

static void
a_line_says_who_and_the_hash(void **state)
{
    static const char expected[] = "CORP\\bob:4294967294:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:"
                                   "65EF25B7F7F576EE2414041C6AD8BA98:[U          ]:LCT-00000000:\n";
    char line[NTLM_LINE_MAX];

    (void)state;
    assert_int_equal(ntlm_line("CORP", "bob", 4294967294U, nt, line), strlen(expected));
    assert_string_equal(line, expected);
    assert_true(ntlm_line("CORP", "\xc3\x84nne #1 $", 1000, nt, line) > 0);
}

static void
names_that_would_be_read_as_others_are_refused(void **state)
{
    static const char *const names[] = { "", "a:b", "a\\b", "a\nb", "a\rb", "#a", "a\x7f", "\t", ":", "\\" };
    char line[NTLM_LINE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(ntlm_line("CORP", names[i], 1000, nt, line), 0);
        assert_string_equal(line, "");
        assert_int_equal(ntlm_line(names[i], "bob", 1000, nt, line), 0);
        assert_string_equal(line, "");
    }
}

static void
no_part_of_a_long_one_is_left(void **state)
{
    static const char none[NTLM_LINE_MAX];
    char name[NTLM_LINE_MAX], line[NTLM_LINE_MAX];
    size_t fixed;

    (void)state;
    fixed = ntlm_line("C", "b", 1000, nt, line) - 1;
    memset(name, 'b', sizeof(name));
    name[NTLM_LINE_MAX - 1 - fixed] = '\0';
    assert_int_equal(ntlm_line("C", name, 1000, nt, line), NTLM_LINE_MAX - 1);
    name[NTLM_LINE_MAX - 1 - fixed] = 'b';
    name[NTLM_LINE_MAX - fixed] = '\0';
    assert_int_equal(ntlm_line("C", name, 1000, nt, line), 0);
    assert_memory_equal(line, none, sizeof(line));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_who_and_the_hash),
        cmocka_unit_test(names_that_would_be_read_as_others_are_refused),
        cmocka_unit_test(no_part_of_a_long_one_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
