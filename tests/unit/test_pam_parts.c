/* pam_authsod: the parts that need no conversation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libintl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/visible.h"
#include "lib/proto/messages.h"
#include "lib/proto/proto.h"
#include "pam_authsod/codes.h"
#include "pam_authsod/sentence.h"
#include "tests/unit/pam/workplace.h"

static void
text_from_outside_is_made_harmless(void **state)
{
    static const struct {
        const char *in;
        const char *visible;
        const char *word;
    } cases[] = {
        { "", "", "" },
        { "alice", "alice", "alice" },
        { "a b", "a b", "a?b" },
        { "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x91", "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x94\x91",
          "J\xc3\xbcrgen?\xe2\x82\xac?\xf0\x9f\x94\x91" },
        { "a\nb\rc\td\x1b[2J\x7f", "a?b?c?d?[2J?", "a?b?c?d?[2J?" },
        { "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "?" "?" "?" "\xc2\xa0", "?" "?" "?" "\xc2\xa0" },
        { "\xe2\x80\xaegnp.exe", "?gnp.exe", "?gnp.exe" },                       /* right to left */
        { "\xe2\x80\xa8" "x", "?x", "?x" },                                     /* line separator */
        { "\xff\xfe" "a", "?" "?" "a", "?" "?" "a" },
        { "\xc0\xaf" "a", "?" "?" "a", "?" "?" "a" },                              /* overlong */
        { "\xe0\x80\xaf" "a", "?" "?" "?" "a", "?" "?" "?" "a" },
        { "\xed\xa0\x80" "a", "?" "?" "?" "a", "?" "?" "?" "a" },                   /* surrogate */
        { "\xf4\x90\x80\x80", "?" "?" "?" "?", "?" "?" "?" "?" },                  /* past the last */
        { "a\xe2\x82", "a?" "?", "a?" "?" },                                       /* cut off */
    };
    char buf[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(visible_text(buf, sizeof(buf), cases[i].in), strlen(cases[i].visible));
        assert_string_equal(buf, cases[i].visible);
        assert_int_equal(visible_word(buf, sizeof(buf), cases[i].in), strlen(cases[i].word));
        assert_string_equal(buf, cases[i].word);
    }
}

static void
text_is_cut_between_characters(void **state)
{
    static const char in[] = "a\xc3\xbc\xe2\x82\xac";
    static const char *const cut[] = { "", "a", "a", "a\xc3\xbc", "a\xc3\xbc", "a\xc3\xbc", in };
    char buf[8];

    (void)state;
    for (size_t size = 1; size <= 7; size++) {
        memset(buf, 'x', sizeof(buf));
        (void)visible_text(buf, size, in);
        assert_string_equal(buf, cut[size - 1]);
        assert_true(size == 8 || buf[size] == 'x');
    }
}

struct sentence {
    const char *name;
    const char *text;
};

static const struct sentence sentences[] = {
#define X(name, number, pam, telling, sentence) { "ERR_" #name, sentence },
    AUTHSOD_ERRORS(X)
#undef X
#define X(name, number, sentence) { "PROMPT_" #name, sentence },
    AUTHSOD_PROMPTS(X)
#undef X
#define X(name, number, sentence) { "NOTICE_" #name, sentence },
    AUTHSOD_NOTICES(X)
#undef X
};

/* One digit for each place of a value that a sentence has, in order: "12". */
static void
places(const char *sentence, char found[5])
{
    size_t n = 0;

    for (char digit = '1'; digit <= '4'; digit++) {
        for (const char *s = strchr(sentence, '%'); s != NULL; s = strchr(s + 1, '%')) {
            if (s[1] == digit && (n == 0 || found[n - 1] != digit))
                found[n++] = digit;
        }
    }
    found[n] = '\0';
}

static void
every_sentence_has_a_german_one_with_the_same_values(void **state)
{
    char english[5], german[5];

    (void)state;
    workplace_german();
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        const char *text = sentences[i].text, *translation;

        if (text[0] == '\0')
            continue;
        translation = dgettext("authsod", text);
        if (strcmp(translation, text) == 0)
            fail_msg("po/de.po has no translation of %s: \"%s\"", sentences[i].name, text);
        places(text, english);
        places(translation, german);
        if (strcmp(english, german) != 0)
            fail_msg("po/de.po: the values of %s are others than in \"%s\"", sentences[i].name, text);
        assert_true(strlen(translation) < SENTENCE_MAX - 256);
    }
    workplace_usual();
}

static void
values_stand_in_their_places(void **state)
{
    char const one[1][256] = { "%1 %s %n corp" };
    char const longest[4][256] = { { 0 } };
    char value[1][256];
    char buf[SENTENCE_MAX];

    (void)state;
    /* A value is no format, and no place for another value. */
    assert_true(sentence_error(ERR_NO_REALM, 1, one, buf));
    assert_non_null(strstr(buf, "%1 %s %n corp"));
    assert_true(sentence_error(ERR_NO_REALM, 0, one, buf));
    assert_non_null(strstr(buf, "?"));
    memset(value, 'x', sizeof(value));
    value[0][255] = '\0';
    assert_true(sentence_error(ERR_CLOCK, 1, (char const (*)[256])value, buf));
    assert_non_null(strstr(buf, value[0]));
    assert_false(sentence_error(ERR_OK, 4, longest, buf));
    assert_string_equal(buf, "");
    assert_false(sentence_error(100000, 4, longest, buf));
    assert_false(sentence_notice(0, 4, longest, buf));
    assert_false(sentence_prompt(0, 4, longest, buf));
}

static void
each_kind_of_call_gets_codes_that_it_knows(void **state)
{
    static const struct {
        enum err err;
        int authenticate, cred, session;
    } cases[] = {
        { ERR_OK, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS },
        { ERR_NOT_OURS, PAM_USER_UNKNOWN, PAM_IGNORE, PAM_IGNORE },
        { ERR_WRONG_PASSWORD, PAM_AUTH_ERR, PAM_CRED_ERR, PAM_SESSION_ERR },
        { ERR_NO_SERVICE, PAM_AUTHINFO_UNAVAIL, PAM_CRED_UNAVAIL, PAM_SESSION_ERR },
        { ERR_NO_TICKETS, PAM_CRED_UNAVAIL, PAM_CRED_UNAVAIL, PAM_SESSION_ERR },
        { ERR_NO_CCACHE, PAM_CRED_ERR, PAM_CRED_ERR, PAM_SESSION_ERR },
        { ERR_PROTOCOL, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SESSION_ERR },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned op = PROTO_AUTHENTICATE; op <= PROTO_CHANGE_PASSWORD; op++) {
            int code = codes_pam(cases[i].err, (enum proto_operation)op);

            if (op >= PROTO_CRED_ESTABLISH && op <= PROTO_CRED_DELETE)
                assert_int_equal(code, cases[i].cred);
            else if (op == PROTO_OPEN_SESSION || op == PROTO_CLOSE_SESSION)
                assert_int_equal(code, cases[i].session);
            else
                assert_int_equal(code, cases[i].authenticate);
        }
    }
}

/* The code of a failure lets nobody in, whatever the stack says of the codes that it treats as success. */
static void
no_error_is_a_success(void **state)
{
    (void)state;
    for (unsigned op = PROTO_AUTHENTICATE; op <= PROTO_CHANGE_PASSWORD; op++) {
#define X(name, number, pam, telling, sentence) \
    if ((number) != 0) { \
        assert_int_not_equal(codes_pam(ERR_##name, (enum proto_operation)op), PAM_SUCCESS); \
        assert_int_not_equal(codes_pam(ERR_##name, (enum proto_operation)op), PAM_NEW_AUTHTOK_REQD); \
    }
        AUTHSOD_ERRORS(X)
#undef X
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_from_outside_is_made_harmless),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(every_sentence_has_a_german_one_with_the_same_values),
        cmocka_unit_test(values_stand_in_their_places),
        cmocka_unit_test(each_kind_of_call_gets_codes_that_it_knows),
        cmocka_unit_test(no_error_is_a_success),
    };

    int failed;

    workplace_enter();
    failed = cmocka_run_group_tests_name("pam parts", tests, NULL, NULL);
    workplace_leave();
    return failed;
}
