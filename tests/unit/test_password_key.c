/* daemon/password_key: what libkrb5 is given is what libk5crypto would have made, whether made ahead or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <krb5/krb5.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/password_key.h"

#define NAME "krb5_c_string_to_key_with_params"

typedef krb5_error_code string_to_key_fn(krb5_context, krb5_enctype, const krb5_data *, const krb5_data *,
                                         const krb5_data *, krb5_keyblock *);

static krb5_data
data_of(const char *text)
{
    return (krb5_data){ .data = (char *)(uintptr_t)text, .length = (unsigned)strlen(text) };
}

/* libk5crypto's own. */
static string_to_key_fn *
library(void)
{
    void *found = dlsym(RTLD_NEXT, NAME);
    string_to_key_fn *fn = NULL;

    assert_non_null(found);
    memcpy(&fn, &found, sizeof(fn));
    assert_ptr_not_equal(fn, krb5_c_string_to_key_with_params);
    return fn;
}

/* Both come to the same key, or to the same error. */
static void
assert_same(krb5_enctype enctype, const krb5_data *string, const krb5_data *salt, const krb5_data *params)
{
    krb5_keyblock ours = { 0 }, theirs = { 0 };
    krb5_error_code code = krb5_c_string_to_key_with_params(NULL, enctype, string, salt, params, &ours);

    assert_int_equal(code, library()(NULL, enctype, string, salt, params, &theirs));
    if (code == 0) {
        assert_int_equal(ours.enctype, theirs.enctype);
        assert_int_equal(ours.length, theirs.length);
        assert_memory_equal(ours.contents, theirs.contents, theirs.length);
    }
    krb5_free_keyblock_contents(NULL, &ours);
    krb5_free_keyblock_contents(NULL, &theirs);
}

static void
check(const char *password, const char *salt)
{
    krb5_data p = data_of(password), s = data_of(salt);

    assert_same(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &p, &s, NULL);
    assert_same(ENCTYPE_AES128_CTS_HMAC_SHA1_96, &p, &s, NULL);
}

/* libkrb5 looks the function up as every library does. */
static void
libkrb5_is_given_ours(void **state)
{
    void *found = dlsym(RTLD_DEFAULT, NAME);
    string_to_key_fn *fn = NULL;

    (void)state;
    memcpy(&fn, &found, sizeof(fn));
    assert_ptr_equal(fn, krb5_c_string_to_key_with_params);
}

static void
keys_are_those_of_the_library(void **state)
{
    static const char *const passwords[] = {
        "", "x", "Passw0rd-alice", "p\xc3\xa4ssw\xc3\xb6rd \xf0\x9d\x84\x9e",
        "64 bytes are one block of SHA-1: more of them are hashed first.!",
        "65 bytes are one more than that: the first length that is hashed.",
        "65 bytes and more are hashed by HMAC before they are used as a key, which is easily forgotten",
    };
    static const char *const salts[] = { "", "CORP.TESTalice", "ATHENA.MIT.EDUraeburn", "CORP.TESTjos\xc3\xa9" };

    (void)state;
    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        for (size_t j = 0; j < sizeof(salts) / sizeof(salts[0]); j++)
            check(passwords[i], salts[j]);
    }
}

/* Other encryption types, rounds and inputs than the usual ones are the library's, and so are its errors. */
static void
what_is_unusual_is_left_to_the_library(void **state)
{
    static const struct {
        const char *bytes;
        unsigned n;
    } params[] = {
        { "\0\0\x10\0", 4 }, { "\0\0\x04\xb0", 4 }, { "\0\0\0\1", 4 }, { "\0\0\x10\1", 4 }, { "\0\0\0\0", 4 },
        { "\0\0\x10", 3 }, { "\0\0\x10\0\0", 5 }, { "", 0 }, { "\xff\xff\xff\xff", 4 },
    };
    static const krb5_enctype others[] = { ENCTYPE_ARCFOUR_HMAC, ENCTYPE_AES256_CTS_HMAC_SHA384_192, ENCTYPE_NULL, -1,
                                           9999 };
    krb5_data p = data_of("Passw0rd-alice"), s = data_of("CORP.TESTalice");
    krb5_data large = { .length = 5000 };

    (void)state;
    large.data = malloc(large.length);
    assert_non_null(large.data);
    memset(large.data, 'x', large.length);
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        krb5_data d = { .data = (char *)(uintptr_t)params[i].bytes, .length = params[i].n };

        assert_same(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &p, &s, &d);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_same(others[i], &p, &s, NULL);
    assert_same(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &large, &s, NULL);
    assert_same(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &p, &large, NULL);
    free(large.data);
}

/* What was made ahead counts for that password and that salt alone, and only until it is forgotten. */
static void
made_ahead_is_for_the_same_alone(void **state)
{
    static const struct {
        const char *password, *salt;
        bool used;
    } cases[] = {
        { "Passw0rd-alice", "CORP.TESTalice", true },
        { "Passw0rd-alice", "CORP.TESTAlice", false },
        { "Passw0rd-alice", "CORP.TESTalic", false },
        { "Passw0rd-alice", "CORP.TESTalicea", false },
        { "Passw0rd-alice", "", false },
        { "Passw0rd-alicE", "CORP.TESTalice", false },
        { "Passw0rd-alic", "CORP.TESTalice", false },
        { "Passw0rd-alice2", "CORP.TESTalice", false },
        { "", "CORP.TESTalice", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        password_key_ahead("Passw0rd-alice", "CORP.TEST", "alice");
        check(cases[i].password, cases[i].salt);
        assert_int_equal(password_key_forget(), cases[i].used);
        check(cases[i].password, cases[i].salt);
        assert_false(password_key_forget());
    }
}

/* The caller's memory has another password by now, at the same place: the key is that one's. */
static void
made_ahead_is_of_no_later_password(void **state)
{
    char password[32] = "Passw0rd-alice";

    (void)state;
    password_key_ahead(password, "CORP.TEST", "alice");
    memcpy(password, "wrong", sizeof("wrong"));
    check(password, "CORP.TESTalice");
    assert_false(password_key_forget());
}

static void
the_next_logon_has_its_own(void **state)
{
    char account[600];

    (void)state;
    password_key_ahead("Passw0rd-alice", "CORP.TEST", "alice");
    password_key_ahead("Passw0rd-bob", "CORP.TEST", "bob");
    check("Passw0rd-alice", "CORP.TESTalice");
    assert_false(password_key_forget());
    password_key_ahead("Passw0rd-alice", "CORP.TEST", "alice");
    password_key_ahead("Passw0rd-bob", "CORP.TEST", "bob");
    check("Passw0rd-bob", "CORP.TESTbob");
    assert_true(password_key_forget());
    /* A name that no account has. */
    memset(account, 'a', sizeof(account) - 1);
    account[sizeof(account) - 1] = '\0';
    password_key_ahead("Passw0rd-alice", "CORP.TEST", account);
    check("Passw0rd-alice", account);
    assert_false(password_key_forget());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libkrb5_is_given_ours),
        cmocka_unit_test(keys_are_those_of_the_library),
        cmocka_unit_test(what_is_unusual_is_left_to_the_library),
        cmocka_unit_test(made_ahead_is_for_the_same_alone),
        cmocka_unit_test(made_ahead_is_of_no_later_password),
        cmocka_unit_test(the_next_logon_has_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
