/* lib/directory: filters, the state of accounts, and entries as a domain controller would not send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "tests/unit/fake_directory.h"

#define TIMEOUT_MS 3000
#define USER_DN "CN=alice,CN=Users,DC=corp,DC=test"

static void
filters_escape_what_is_not_plain(void **state)
{
    static const struct {
        const char *value;
        const char *filter;
    } cases[] = {
        { "alice", "(a=alice)" },
        { "", "(a=)" },
        { "*", "(a=\\2a)" },
        { "a)(b", "(a=a\\29\\28b)" },
        { "a\\2a", "(a=a\\5c2a)" },
        { "*)(objectClass=*", "(a=\\2a\\29\\28objectClass=\\2a)" },
        { "a b", "(a=a\\20b)" },
        { " a ", "(a=\\20a\\20)" },
        { "jos\303\251", "(a=jos\\c3\\a9)" },
        { "\n\177\377", "(a=\\0a\\7f\\ff)" },
        { "100%s%b", "(a=100%s%b)" },
    };
    char *filter;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        filter = directory_filter(NULL, "(a=%s)", cases[i].value);
        assert_non_null(filter);
        assert_string_equal(filter, cases[i].filter);
        talloc_free(filter);
    }
    filter = directory_filter(NULL, "(&(a=%b)(b=%s))", "\0*a", (size_t)3, "x");
    assert_string_equal(filter, "(&(a=\\00\\2aa)(b=x))");
    talloc_free(filter);
    filter = directory_filter(NULL, "(a=%b)", "x", (size_t)0);
    assert_string_equal(filter, "(a=)");
    talloc_free(filter);
    assert_null(directory_filter(NULL, "(a=%d)", 1));
    assert_null(directory_filter(NULL, "(a=%"));
}

static void
hours_are_counted_from_sunday_in_utc(void **state)
{
    static const int64_t sunday = 1735430400; /* 29 December 2024, 0:00 UTC */
    uint8_t hours[21];

    (void)state;
    for (int hour = 0; hour < 168; hour++) {
        memset(hours, 0, sizeof(hours));
        hours[hour / 8] = (uint8_t)(1 << (hour % 8));
        assert_true(directory_hours_allow(hours, 21, sunday + hour * 3600));
        assert_true(directory_hours_allow(hours, 21, sunday + hour * 3600 + 3599));
        assert_false(directory_hours_allow(hours, 21, sunday + hour * 3600 - 1));
        assert_false(directory_hours_allow(hours, 21, sunday + hour * 3600 + 3600));
        assert_true(directory_hours_allow(hours, 21, sunday + hour * 3600 - 3000 * 7 * 86400LL)); /* long before 1970 */
    }
    memset(hours, 0xff, sizeof(hours));
    assert_true(directory_hours_allow(hours, 21, 0));
    assert_true(directory_hours_allow(NULL, 0, 0));
    assert_false(directory_hours_allow(hours, 20, 0));
    assert_false(directory_hours_allow(hours, 0, 0));
}

/* 1 January 2025, 0:00 UTC. */
#define NOW 1735689600LL
#define FILETIME_OF(seconds) (((seconds) + 11644473600LL) * 10000000LL)
#define NORMAL 0x200U

static const uint8_t never_hours[21];

static const struct {
    const char *what;
    struct account_facts facts;
    struct account_state state;
} states[] = {
    { "nothing told", { NORMAL, -1, -1, -1, -1, -1, NULL, 0 }, { .password_expires = INT64_MAX } },
    { "well", { NORMAL, 0, 0, FILETIME_NEVER, FILETIME_OF(NOW - 9), FILETIME_OF(NOW + 9), NULL, 0 },
      { .password_expires = NOW + 9 } },
    { "disabled", { NORMAL | 2, 0, 0, 0, 1, FILETIME_NEVER, NULL, 0 },
      { .disabled = true, .password_expires = INT64_MAX } },
    { "locked", { NORMAL, 0x10, 5, 0, 1, FILETIME_NEVER, NULL, 0 }, { .locked = true, .password_expires = INT64_MAX } },
    { "a lockout that is over", { NORMAL, 0, 5, 0, 1, FILETIME_NEVER, NULL, 0 }, { .password_expires = INT64_MAX } },
    { "a lockout that nobody computes", { NORMAL, -1, 5, 0, 1, FILETIME_NEVER, NULL, 0 },
      { .locked = true, .password_expires = INT64_MAX } },
    { "expired a second ago", { NORMAL, 0, 0, FILETIME_OF(NOW - 1), 1, FILETIME_NEVER, NULL, 0 },
      { .expired = true, .password_expires = INT64_MAX } },
    { "expires now", { NORMAL, 0, 0, FILETIME_OF(NOW), 1, FILETIME_NEVER, NULL, 0 },
      { .expired = true, .password_expires = INT64_MAX } },
    { "expires in a second", { NORMAL, 0, 0, FILETIME_OF(NOW + 1), 1, FILETIME_NEVER, NULL, 0 },
      { .password_expires = INT64_MAX } },
    { "must change", { NORMAL, 0x800000, 0, 0, 0, 0, NULL, 0 }, { .must_change = true, .password_expires = 0 } },
    { "must change, not computed", { NORMAL, -1, -1, -1, 0, -1, NULL, 0 },
      { .must_change = true, .password_expires = INT64_MAX } },
    { "no password set, but it does not expire", { NORMAL | 0x10000, 0, 0, 0, 0, FILETIME_NEVER, NULL, 0 },
      { .password_expires = INT64_MAX } },
    { "card only", { NORMAL | 0x40000, 0, 0, 0, 0, 0, NULL, 0 }, { .password_expires = INT64_MAX } },
    { "password expired", { NORMAL, 0x800000, 0, 0, 1, FILETIME_OF(NOW - 5), NULL, 0 },
      { .password_expired = true, .password_expires = NOW - 5 } },
    { "password expired, by its time alone", { NORMAL, -1, 0, 0, 1, FILETIME_OF(NOW - 5), NULL, 0 },
      { .password_expired = true, .password_expires = NOW - 5 } },
    { "password expired, by the flag alone", { NORMAL, 0x800000, 0, 0, 1, -1, NULL, 0 },
      { .password_expired = true, .password_expires = INT64_MAX } },
    { "at no hour", { NORMAL, 0, 0, 0, 1, FILETIME_NEVER, never_hours, 21 },
      { .outside_hours = true, .password_expires = INT64_MAX } },
    { "hours of no length that is known", { NORMAL, 0, 0, 0, 1, FILETIME_NEVER, never_hours, 3 },
      { .outside_hours = true, .password_expires = INT64_MAX } },
    { "everything at once", { NORMAL | 2, 0x800010, 1, 1, 1, FILETIME_OF(NOW - 1), never_hours, 21 },
      { true, true, true, true, false, true, NOW - 1 } },
};

static void
account_states_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        const struct account_state *want = &states[i].state;
        struct account_state got;

        account_state_of(&states[i].facts, NOW, &got);
        if (got.disabled != want->disabled || got.locked != want->locked || got.expired != want->expired ||
            got.outside_hours != want->outside_hours || got.must_change != want->must_change ||
            got.password_expired != want->password_expired || got.password_expires != want->password_expires)
            fail_msg("%s: disabled %d locked %d expired %d hours %d must %d expired %d at %" PRId64, states[i].what,
                     got.disabled, got.locked, got.expired, got.outside_hours, got.must_change, got.password_expired,
                     got.password_expires);
    }
}

static uint8_t alice_sid[SID_BINARY_MAX];
static size_t alice_sid_len;

/* All attributes of alice but those in without; those in with after them. */
static void
alice(struct fake_directory *f, uint32_t id, const char *without, const struct fake_value *with)
{
    const struct fake_value all[] = {
        { "objectSid", alice_sid, alice_sid_len }, FAKE_TEXT("primaryGroupID", "513"),
        FAKE_TEXT("sAMAccountName", "alice"), FAKE_TEXT("userPrincipalName", "alice@corp.test"),
        FAKE_TEXT("displayName", "Alice Liddell"), FAKE_TEXT("cn", "alice"), FAKE_TEXT("userAccountControl", "512"),
        FAKE_TEXT("msDS-User-Account-Control-Computed", "0"), FAKE_TEXT("lockoutTime", "0"),
        FAKE_TEXT("accountExpires", "9223372036854775807"), FAKE_TEXT("pwdLastSet", "133000000000000000"),
        FAKE_TEXT("msDS-UserPasswordExpiryTimeComputed", "9223372036854775807"),
    };
    struct fake_value values[20] = { { NULL, NULL, 0 } };
    size_t n = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].attribute, without) != 0)
            values[n++] = all[i];
    }
    for (; with != NULL && with->attribute != NULL; with++)
        values[n++] = *with;
    fake_entry(f, id, USER_DN, values);
}

static void
a_user_is_read(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct dir_user *u;
    char text[SID_TEXT_MAX];

    (void)state;
    alice(f, 1, "", NULL);
    fake_result(f, 1, 0, NULL);
    fake_send(f);
    assert_int_equal(directory_user_by_account(f->d, f->d, "ALICE", &u), ERR_OK);
    assert_string_equal(u->account, "alice");
    assert_string_equal(u->upn, "alice@corp.test");
    assert_string_equal(u->full_name, "Alice Liddell");
    assert_string_equal(u->dn, USER_DN);
    assert_string_equal(sid_text(&u->sid, text), FAKE_DOMAIN "-1103");
    assert_int_equal(u->primary_rid, 513);
    assert_false(u->is_machine);
    assert_false(u->state.disabled || u->state.locked || u->state.expired || u->state.must_change);
    assert_true(u->state.password_expires == INT64_MAX);
    fake_directory_end(f);
}

static const struct {
    const char *without;      /* the attribute that is left out */
    struct fake_value with[3];
    enum err err;
} entries[] = {
    { "objectSid", { { NULL, NULL, 0 } }, ERR_UNKNOWN_PRINCIPAL },
    { "objectSid", { FAKE_TEXT("objectSid", "") }, ERR_UNKNOWN_PRINCIPAL },
    { "objectSid", { FAKE_TEXT("objectSid", "\1\5\0\0\0\0\0\5") }, ERR_UNKNOWN_PRINCIPAL },
    { "objectSid", { FAKE_TEXT("objectSid", "\1\1\0\0\0\0\0\5\22\0\0\0") }, ERR_UNKNOWN_PRINCIPAL }, /* S-1-5-18 */
    { "objectSid",
      { FAKE_TEXT("objectSid", "\1\5\0\0\0\0\0\5\25\0\0\0\1\0\0\0\2\0\0\0\4\0\0\0\1\0\0\0") },
      ERR_UNKNOWN_PRINCIPAL }, /* of another domain */
    { "objectSid",
      { FAKE_TEXT("objectSid", "\1\5\0\0\0\0\0\5\25\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\1\0\0\0x") },
      ERR_UNKNOWN_PRINCIPAL }, /* a byte after it */
    { "primaryGroupID", { { NULL, NULL, 0 } }, ERR_UNKNOWN_PRINCIPAL },
    { "primaryGroupID", { FAKE_TEXT("primaryGroupID", "0") }, ERR_UNKNOWN_PRINCIPAL },
    { "primaryGroupID", { FAKE_TEXT("primaryGroupID", "-513") }, ERR_UNKNOWN_PRINCIPAL },
    { "primaryGroupID", { FAKE_TEXT("primaryGroupID", "4294967296") }, ERR_UNKNOWN_PRINCIPAL },
    { "primaryGroupID", { FAKE_TEXT("primaryGroupID", "513x") }, ERR_UNKNOWN_PRINCIPAL },
    { "primaryGroupID", { FAKE_TEXT("primaryGroupID", " 513") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { { NULL, NULL, 0 } }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "bob") }, ERR_UNKNOWN_PRINCIPAL }, /* not who was asked for */
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "al\303\255ce") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "alice\0") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "alice\n") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "alice\377") }, ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName",
      { FAKE_TEXT("sAMAccountName", "alice"), FAKE_TEXT("sAMAccountName", "bob") },
      ERR_UNKNOWN_PRINCIPAL },
    { "sAMAccountName", { FAKE_TEXT("sAMAccountName", "Alice") }, ERR_OK },
    { "userPrincipalName", { { NULL, NULL, 0 } }, ERR_OK },
    { "userPrincipalName", { FAKE_TEXT("userPrincipalName", "a\0b") }, ERR_UNKNOWN_PRINCIPAL },
    { "displayName", { { NULL, NULL, 0 } }, ERR_OK },
    { "displayName", { FAKE_TEXT("displayName", "a\nb") }, ERR_OK },
    { "displayName", { FAKE_TEXT("displayName", "\200") }, ERR_OK },
    { "userAccountControl", { { NULL, NULL, 0 } }, ERR_UNKNOWN_PRINCIPAL },
    { "userAccountControl", { FAKE_TEXT("userAccountControl", "-1") }, ERR_UNKNOWN_PRINCIPAL },
    { "userAccountControl", { FAKE_TEXT("userAccountControl", "") }, ERR_UNKNOWN_PRINCIPAL },
    { "userAccountControl", { FAKE_TEXT("userAccountControl", "99999999999999999999") }, ERR_UNKNOWN_PRINCIPAL },
    { "userAccountControl", { FAKE_TEXT("userAccountControl", "0x200") }, ERR_UNKNOWN_PRINCIPAL },
    { "lockoutTime", { { NULL, NULL, 0 } }, ERR_OK },
    { "lockoutTime", { FAKE_TEXT("lockoutTime", "never") }, ERR_UNKNOWN_PRINCIPAL },
    { "accountExpires", { FAKE_TEXT("accountExpires", "9223372036854775808") }, ERR_UNKNOWN_PRINCIPAL },
    { "accountExpires", { FAKE_TEXT("accountExpires", "-1") }, ERR_UNKNOWN_PRINCIPAL },
    { "pwdLastSet", { FAKE_TEXT("pwdLastSet", "1\n") }, ERR_UNKNOWN_PRINCIPAL },
    { "", { { "logonHours", never_hours, 21 } }, ERR_OK },
    { "", { { "logonHours", never_hours, 0 } }, ERR_OK },
    { "", { FAKE_TEXT("logonHours", "a"), FAKE_TEXT("logonHours", "b") }, ERR_UNKNOWN_PRINCIPAL },
};

static void
malformed_users_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
        struct dir_user *u;

        alice(f, 1, entries[i].without, entries[i].with);
        fake_result(f, 1, 0, NULL);
        fake_send(f);
        if (directory_user_by_account(f->d, f->d, "alice", &u) != entries[i].err)
            fail_msg("entry %zu (%s)", i, entries[i].without);
        assert_int_equal(u != NULL, entries[i].err == ERR_OK);
        if (u != NULL && strcmp(entries[i].without, "displayName") == 0)
            assert_string_equal(u->full_name, "alice");
        if (u != NULL && i >= sizeof(entries) / sizeof(entries[0]) - 3)
            assert_true(u->state.outside_hours);
        fake_directory_end(f);
    }
}

static void
names_that_are_none_are_not_asked(void **state)
{
    static const char *const names[] = { "", "\n", "a\177", "\377", "\303" };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    char longest[600], byte;
    struct dir_user *u;
    struct dir_group *g;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(directory_user_by_account(f->d, f->d, names[i], &u), ERR_UNKNOWN_PRINCIPAL);
        assert_int_equal(directory_user_by_upn(f->d, f->d, names[i], &u), ERR_UNKNOWN_PRINCIPAL);
        assert_int_equal(directory_group_by_account(f->d, f->d, names[i], &g), ERR_UNKNOWN_PRINCIPAL);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(directory_user_by_account(f->d, f->d, longest, &u), ERR_UNKNOWN_PRINCIPAL);
    assert_int_equal(directory_group_by_account(f->d, f->d, longest, &g), ERR_UNKNOWN_PRINCIPAL);
    assert_int_equal(directory_user_by_upn(f->d, f->d, "alice", &u), ERR_UNKNOWN_PRINCIPAL);
    assert_int_equal(directory_user_by_upn(f->d, f->d, "@corp.test", &u), ERR_UNKNOWN_PRINCIPAL);
    assert_int_equal(recv(f->peer, &byte, 1, 0), -1);
    fake_directory_end(f);
}

static void
a_upn_of_the_domain_is_an_account_too(void **state)
{
    static const struct fake_value none[] = { { NULL, NULL, 0 } };
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct dir_user *u;

    (void)state;
    fake_result(f, 1, 0, NULL);
    alice(f, 2, "userPrincipalName", none);
    fake_result(f, 2, 0, NULL);
    fake_send(f);
    assert_int_equal(directory_user_by_upn(f->d, f->d, "alice@CORP.test", &u), ERR_OK);
    assert_string_equal(u->account, "alice");
    /* Of another suffix: it is not asked again. */
    fake_result(f, 3, 0, NULL);
    fake_send(f);
    assert_int_equal(directory_user_by_upn(f->d, f->d, "alice@brand.example", &u), ERR_UNKNOWN_PRINCIPAL);
    /* Two accounts with one UPN are none. */
    alice(f, 4, "", NULL);
    alice(f, 4, "", NULL);
    fake_result(f, 4, 0, NULL);
    fake_send(f);
    assert_int_equal(directory_user_by_upn(f->d, f->d, "alice@corp.test", &u), ERR_UNKNOWN_PRINCIPAL);
    assert_false(f->d->dead);
    fake_directory_end(f);
}

static void
result_codes_are_told_apart(void **state)
{
    static const struct {
        uint32_t code;
        enum err err;
    } cases[] = {
        { LDAP_SUCCESS, ERR_UNKNOWN_PRINCIPAL },     { LDAP_NO_SUCH_OBJECT, ERR_UNKNOWN_PRINCIPAL },
        { LDAP_SIZELIMIT_EXCEEDED, ERR_UNKNOWN_PRINCIPAL }, { LDAP_OPERATIONS_ERROR, ERR_NO_KDC },
        { LDAP_TIMELIMIT_EXCEEDED, ERR_NO_KDC },     { LDAP_STRONG_AUTH_REQUIRED, ERR_NO_KDC },
        { LDAP_INSUFFICIENT_ACCESS, ERR_NO_KDC },    { LDAP_BUSY, ERR_NO_KDC },
        { LDAP_UNAVAILABLE, ERR_NO_KDC },            { 12345, ERR_NO_KDC },
    };
    struct dir_user *u;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);

        fake_result(f, 1, cases[i].code, NULL);
        fake_send(f);
        assert_int_equal(directory_user_by_account(f->d, f->d, "alice", &u), cases[i].err);
        assert_int_equal(f->d->dead, cases[i].err == ERR_NO_KDC);
        fake_directory_end(f);
    }
}

static void
more_entries_than_asked_for_end_the_connection(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct dir_user *u;

    (void)state;
    for (int i = 0; i < 3; i++)
        alice(f, 1, "", NULL);
    fake_result(f, 1, 0, NULL);
    fake_send(f);
    assert_int_equal(directory_user_by_account(f->d, f->d, "alice", &u), ERR_NO_KDC);
    assert_true(f->d->dead);
    fake_directory_end(f);
}

/* Each way of not answering ends in time, and after it nothing is asked any more. */
static void
no_answer_ends_in_time(void **state)
{
    static const uint8_t stalled[] = { 0x30, 0x82, 1, 0, 2, 1, 1 };
    static const uint8_t huge[] = { 0x30, 0x84, 0x40, 0, 0, 0, 2, 1, 1, 0x64 };
    struct dir_user *u;

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
        int64_t began;

        f->d->timeout_ms = 300;
        if (i == 0)
            assert_int_equal(send(f->peer, stalled, sizeof(stalled), 0), sizeof(stalled));
        if (i == 1)
            assert_int_equal(send(f->peer, huge, sizeof(huge), 0), sizeof(huge));
        if (i == 2)
            assert_int_equal(send(f->peer, "HTTP/1.1 400\r\n\r\n", 16, 0), 16);
        if (i == 3)
            assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
        if (i == 4) {
            /* Writing to it must raise no SIGPIPE. */
            assert_int_equal(close(f->peer), 0);
            f->peer = -1;
        }
        began = client_now();
        assert_int_equal(directory_user_by_account(f->d, f->d, "alice", &u), ERR_NO_KDC);
        assert_true(client_now() - began < 2300);
        assert_true(f->d->dead);
        began = client_now();
        assert_int_equal(directory_user_by_account(f->d, f->d, "alice", &u), ERR_NO_KDC);
        assert_true(client_now() - began < 300);
        fake_directory_end(f);
    }
}

static void
no_ticket_is_no_key(void **state)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    const char *why = NULL;
    enum err err;

    (void)state;
    assert_int_equal(setenv("KRB5CCNAME", "MEMORY:none", 1), 0);
    assert_int_equal(setenv("KRB5_CONFIG", "/dev/null", 1), 0);
    assert_null(directory_open(mem, "127.0.0.1:1", "dc1.corp.test", "corp.test", 1000, &err, &why));
    assert_int_equal(err, ERR_NO_KEYTAB);
    assert_non_null(strstr(why, "ldap/dc1.corp.test"));
    assert_null(directory_open(mem, "dc1.corp.test", "dc1.corp.test", "corp.test", 1000, &err, &why));
    assert_int_equal(err, ERR_NO_KDC);
    assert_null(directory_open(mem, "127.0.0.1:1", "dc1/x", "corp.test", 1000, &err, &why));
    assert_int_equal(err, ERR_NO_KDC);
    assert_null(directory_open(mem, "127.0.0.1:1", "", "corp.test", 1000, &err, &why));
    assert_int_equal(err, ERR_NO_KDC);
    directory_close(NULL);
    talloc_free(mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_escape_what_is_not_plain),
        cmocka_unit_test(hours_are_counted_from_sunday_in_utc),
        cmocka_unit_test(account_states_are_told),
        cmocka_unit_test(a_user_is_read),
        cmocka_unit_test(malformed_users_are_refused),
        cmocka_unit_test(names_that_are_none_are_not_asked),
        cmocka_unit_test(a_upn_of_the_domain_is_an_account_too),
        cmocka_unit_test(result_codes_are_told_apart),
        cmocka_unit_test(more_entries_than_asked_for_end_the_connection),
        cmocka_unit_test(no_answer_ends_in_time),
        cmocka_unit_test(no_ticket_is_no_key),
    };

    log_init("test_ldap", LOG_LEVEL_ERROR);
    alice_sid_len = fake_sid(1103, alice_sid, sizeof(alice_sid));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
