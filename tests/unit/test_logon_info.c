/* lib/ndr/logon_info.h: logon information, its groups and its encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/logon_info.h"

static struct sid
parsed(const char *text)
{
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    return sid;
}

static struct logon_info *
alice(void)
{
    struct logon_info *info = talloc_zero(NULL, struct logon_info);

    assert_non_null(info);
    info->user = parsed("S-1-5-21-1-2-3-1104");
    info->primary_rid = 513;
    info->user_account_control = USER_NORMAL_ACCOUNT;
    info->account = "alice";
    info->full_name = "Alice \xc3\x84rger";
    info->domain_netbios = "CORP";
    info->domain_dns = "corp.test";
    info->upn = "alice@corp.test";
    info->logon_server = "DC1";
    info->logon_script = "";
    info->profile_path = "\\\\dc1\\p";
    info->home_directory = "";
    info->home_drive = "H:";
    info->logon_time = 1700000000;
    info->logoff_time = INT64_MAX;
    info->kickoff_time = INT64_MAX;
    info->password_last_set = 1690000000;
    info->password_can_change = 1;
    info->password_must_change = 0;
    info->groups = talloc_zero_array(info, struct logon_group, 3);
    info->n_groups = 3;
    info->groups[0] = (struct logon_group){ parsed("S-1-18-2"), 7 };
    info->groups[1] = (struct logon_group){ parsed("S-1-5-21-1-2-3-1200"), 7 };
    info->groups[2] = (struct logon_group){ parsed("S-1-5-21-1-2-3-512"), SE_GROUP_USE_FOR_DENY_ONLY };
    assert_true(logon_info_settle_groups(info));
    return info;
}

static void
what_is_written_is_read(void **state)
{
    struct logon_info *a = alice(), *b;
    uint8_t bytes[1024], again[1024];
    struct writer w = writer_init(bytes, logon_info_size(a));
    struct reader r;

    (void)state;
    logon_info_write(&w, a);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, logon_info_size(a));
    r = reader_init(bytes, w.len);
    b = logon_info_read(NULL, &r);
    assert_non_null(b);
    assert_true(sid_equal(&b->user, &a->user));
    assert_int_equal(b->n_groups, 4);
    assert_true(b->is_service_asserted);
    assert_string_equal(b->account, "alice");
    assert_string_equal(b->full_name, a->full_name);
    assert_string_equal(b->home_drive, "H:");
    assert_true(b->kickoff_time == INT64_MAX && b->password_must_change == 0);
    /* All of it: the same bytes once more. */
    w = writer_init(again, sizeof(again));
    logon_info_write(&w, b);
    assert_int_equal(w.len, r.len);
    assert_memory_equal(again, bytes, w.len);
    talloc_free(a);
    talloc_free(b);
}

/* The encoding of an account without text and with one group, and one thing in it changed. */
#define ENCODED_MAX 256

struct encoded {
    uint8_t bytes[ENCODED_MAX];
    size_t len;
};

static const struct small {
    const char *what;
    uint8_t version;
    const char *user;
    uint32_t primary;
    const char *account;
    uint64_t time;
    uint32_t n;
    const char *groups[3];
    size_t cut, more;
    bool ok;
} smalls[] = {
    { "whole", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, true },
    { "two groups", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 2, { "S-1-1-0", "S-1-5-21-1-2-3-513" }, 0, 0, true },
    { "version", 2, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "no user", 1, "S-1-5", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "no domain's user", 1, "S-1-5-32-500", 513, "a", 0, 1, { "S-1-5-32-513" }, 0, 0, false },
    { "a domain as user", 1, "S-1-5-21-1-2-3", 513, "a", 0, 1, { "S-1-5-21-1-2-513" }, 0, 0, false },
    { "RID 0", 1, "S-1-5-21-1-2-3-0", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "no name", 1, "S-1-5-21-1-2-3-500", 513, "", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "negative time", 1, "S-1-5-21-1-2-3-500", 513, "a", UINT64_MAX, 1, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "no groups", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 0, { NULL }, 0, 0, false },
    { "without the primary", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-514" }, 0, 0, false },
    { "twice", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 2, { "S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "order", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 2, { "S-1-5-21-1-2-3-513", "S-1-1-0" }, 0, 0, false },
    { "fewer than said", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 2, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "more than said", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-514" }, 0, 0,
      false },
    { "huge count", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, UINT32_MAX, { "S-1-5-21-1-2-3-513" }, 0, 0, false },
    { "cut", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 1, 0, false },
    { "more bytes", 1, "S-1-5-21-1-2-3-500", 513, "a", 0, 1, { "S-1-5-21-1-2-3-513" }, 0, 1, false },
};

static void
encode(const struct small *s, struct encoded *e)
{
    struct writer w = writer_init(e->bytes, sizeof(e->bytes));
    struct sid sid = parsed(s->user);

    memset(e, 0, sizeof(*e));
    writer_u8(&w, s->version);
    sid_write(&w, &sid);
    writer_u32(&w, s->primary);
    writer_u32(&w, USER_NORMAL_ACCOUNT);
    writer_str(&w, s->account);
    for (size_t i = 1; i < 10; i++)
        writer_str(&w, "");
    for (size_t i = 0; i < 6; i++)
        writer_u64(&w, s->time);
    writer_u32(&w, s->n);
    for (size_t i = 0; i < 3 && s->groups[i] != NULL; i++) {
        sid = parsed(s->groups[i]);
        sid_write(&w, &sid);
        writer_u32(&w, 7);
    }
    assert_true(writer_ok(&w));
    e->len = w.len - s->cut + s->more;
}

static void
only_the_well_formed_is_read(void **state)
{
    struct encoded e;

    (void)state;
    for (size_t i = 0; i < sizeof(smalls) / sizeof(smalls[0]); i++) {
        struct logon_info *info;
        struct reader r;

        encode(&smalls[i], &e);
        r = reader_init(e.bytes, e.len);
        info = logon_info_read(NULL, &r);
        if ((info != NULL) != smalls[i].ok)
            fail_msg("%s", smalls[i].what);
        talloc_free(info);
    }
    encode(&smalls[0], &e);
    for (size_t n = 0; n < e.len; n++) {
        struct reader r = reader_init(e.bytes, n);

        assert_null(logon_info_read(NULL, &r));
    }
}

static void
too_many_groups_are_refused(void **state)
{
    struct logon_info *info = alice();

    (void)state;
    info->groups = talloc_realloc(info, info->groups, struct logon_group, LOGON_GROUPS_MAX + 1);
    assert_non_null(info->groups);
    for (uint32_t i = 0; i <= LOGON_GROUPS_MAX; i++) {
        info->groups[i].sid = parsed("S-1-5-21-1-2-3");
        assert_true(sid_append(&info->groups[i].sid, 2000 + i));
        info->groups[i].attributes = 7;
    }
    info->n_groups = LOGON_GROUPS_MAX + 1;
    assert_false(logon_info_settle_groups(info));
    info->n_groups = LOGON_GROUPS_MAX; /* and the primary is one more */
    assert_false(logon_info_settle_groups(info));
    info->n_groups = LOGON_GROUPS_MAX - 1;
    assert_true(logon_info_settle_groups(info));
    assert_int_equal(info->n_groups, LOGON_GROUPS_MAX);
    assert_false(info->is_service_asserted);
    talloc_free(info);
}

static void
groups_count_if_enabled_and_not_deny_only(void **state)
{
    static const struct {
        uint32_t attributes;
        bool active;
    } cases[] = {
        { 0, false }, { 7, true }, { SE_GROUP_MANDATORY, false }, { SE_GROUP_ENABLED, true },
        { SE_GROUP_ENABLED_BY_DEFAULT, false }, { SE_GROUP_RESOURCE, false }, { SE_GROUP_RESOURCE | 7, true },
        { SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT, false },
        { SE_GROUP_USE_FOR_DENY_ONLY, false }, { SE_GROUP_USE_FOR_DENY_ONLY | 7, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logon_group g = { .attributes = cases[i].attributes };

        assert_int_equal(logon_group_is_active(&g), cases[i].active);
    }
}

static void
computers_and_trusts_are_machines(void **state)
{
    static const struct {
        uint32_t control;
        bool machine;
    } cases[] = {
        { 0, false }, { USER_NORMAL_ACCOUNT, false }, { 0x210, false }, { USER_WORKSTATION_TRUST_ACCOUNT, true },
        { USER_SERVER_TRUST_ACCOUNT, true }, { USER_INTERDOMAIN_TRUST_ACCOUNT, true },
        { USER_NORMAL_ACCOUNT | USER_WORKSTATION_TRUST_ACCOUNT, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logon_info info = { .user_account_control = cases[i].control };

        assert_int_equal(logon_info_is_machine(&info), cases[i].machine);
    }
}

static void
filetimes_are_seconds(void **state)
{
    static const struct {
        uint64_t filetime;
        int64_t seconds;
    } cases[] = {
        { 0, 0 }, { 1, 1 }, { 116444736000000000, 1 }, { 116444736010000000, 1 }, { 116444736029999999, 2 },
        { 133444736000000000, 1700000000 }, { 0x7ffffffffffffffe, 910692730085 }, { 0x7fffffffffffffff, INT64_MAX },
        { 0x8000000000000000, INT64_MAX }, { UINT64_MAX, INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (filetime_seconds(cases[i].filetime) != cases[i].seconds)
            fail_msg("case %zu: %lld", i, (long long)filetime_seconds(cases[i].filetime));
    }
}

/* Groups beside alice's own domain's S-1-5-21-1-2-3. */
static void
a_domain_speaks_of_its_own(void **state)
{
    static const struct {
        const char *domain;
        bool ok;
    } cases[] = {
        { "S-1-5-21-1-2-3", true },  { "S-1-5-21-1-2-4", false }, { "S-1-5-21-1-2", false },
        { "S-1-5-32", false },       { "S-1-5-21-1-2-3-1104", false },
    };
    static const char *const groups[] = { "S-1-5-21-1-2-3-1200", "S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-512",
                                          "S-1-5-21-1-2-4-513", "S-1-5-21-1-2-3-1-513", "S-1-5-32-544", "S-1-1-0",
                                          "S-1-18-1", "S-1-5-21-1-2-3", "S-1-5-11" };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logon_info *info = alice();
        struct sid domain = parsed(cases[i].domain);
        const size_t n = sizeof(groups) / sizeof(groups[0]);

        info->groups = talloc_zero_array(info, struct logon_group, n);
        info->n_groups = n;
        for (size_t k = 0; k < n; k++)
            info->groups[k] = (struct logon_group){ parsed(groups[k]), 7 };
        assert_int_equal(logon_info_keep_domain(info, &domain), cases[i].ok);
        assert_int_equal(info->n_groups, cases[i].ok ? 3 : n);
        for (size_t k = 0; k < info->n_groups && cases[i].ok; k++)
            assert_true(sid_in_domain(&info->groups[k].sid, &domain));
        talloc_free(info);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(only_the_well_formed_is_read),
        cmocka_unit_test(too_many_groups_are_refused),
        cmocka_unit_test(groups_count_if_enabled_and_not_deny_only),
        cmocka_unit_test(a_domain_speaks_of_its_own),
        cmocka_unit_test(computers_and_trusts_are_machines),
        cmocka_unit_test(filetimes_are_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
