/* lib/sid/idmap.h: SIDs to ids as SSSD has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/sid/idmap.h"

static const char *const domains[] = {
    "S-1-5-21-1004336348-1177238915-682003330",       "S-1-5-21-3623811015-3361044348-30300820",
    "S-1-5-21-1-2-3",                                 "S-1-5-21-4294967295-4294967295-4294967295",
    "S-1-5-21-2571216883-1601522099-2002488368",
};
#define N_DOMAINS (sizeof(domains) / sizeof(domains[0]))

/*
 * Made by libsss_idmap 2.8.2 itself, driven as SSSD's LDAP provider drives it
 * with its defaults (200000 to 2000200000, slices of 200000, 10 helper slices,
 * no autorid): sss_idmap_calculate_range, sss_idmap_add_auto_domain_ex,
 * sss_idmap_sid_to_unix.
 */
static const struct {
    const char *sid;
    uint32_t id;
} sssd[] = {
    { "S-1-5-21-1004336348-1177238915-682003330-500", 266800500U },
    { "S-1-5-21-1004336348-1177238915-682003330-512", 266800512U },
    { "S-1-5-21-1004336348-1177238915-682003330-513", 266800513U },
    { "S-1-5-21-1004336348-1177238915-682003330-1104", 266801104U },
    { "S-1-5-21-1004336348-1177238915-682003330-199999", 266999999U },
    { "S-1-5-21-1004336348-1177238915-682003330-200000", 1304600000U },
    { "S-1-5-21-1004336348-1177238915-682003330-200001", 1304600001U },
    { "S-1-5-21-1004336348-1177238915-682003330-399999", 1304799999U },
    { "S-1-5-21-1004336348-1177238915-682003330-400000", 1948600000U },
    { "S-1-5-21-1004336348-1177238915-682003330-2199999", 1265599999U },
    { "S-1-5-21-1004336348-1177238915-682003330-2200000", 1045600000U },
    { "S-1-5-21-1004336348-1177238915-682003330-1073741823", 1547941823U },
    { "S-1-5-21-3623811015-3361044348-30300820-500", 674000500U },
    { "S-1-5-21-3623811015-3361044348-30300820-512", 674000512U },
    { "S-1-5-21-3623811015-3361044348-30300820-513", 674000513U },
    { "S-1-5-21-3623811015-3361044348-30300820-1104", 674001104U },
    { "S-1-5-21-3623811015-3361044348-30300820-199999", 674199999U },
    { "S-1-5-21-3623811015-3361044348-30300820-200000", 1787200000U },
    { "S-1-5-21-3623811015-3361044348-30300820-200001", 1787200001U },
    { "S-1-5-21-3623811015-3361044348-30300820-399999", 1787399999U },
    { "S-1-5-21-3623811015-3361044348-30300820-400000", 67800000U },
    { "S-1-5-21-3623811015-3361044348-30300820-2199999", 1021799999U },
    { "S-1-5-21-3623811015-3361044348-30300820-2200000", 396600000U },
    { "S-1-5-21-3623811015-3361044348-30300820-1073741823", 1851341823U },
    { "S-1-5-21-1-2-3-500", 686200500U },
    { "S-1-5-21-1-2-3-512", 686200512U },
    { "S-1-5-21-1-2-3-513", 686200513U },
    { "S-1-5-21-1-2-3-1104", 686201104U },
    { "S-1-5-21-1-2-3-199999", 686399999U },
    { "S-1-5-21-1-2-3-200000", 832600000U },
    { "S-1-5-21-1-2-3-200001", 832600001U },
    { "S-1-5-21-1-2-3-399999", 832799999U },
    { "S-1-5-21-1-2-3-400000", 313800000U },
    { "S-1-5-21-1-2-3-2199999", 1754199999U },
    { "S-1-5-21-1-2-3-2200000", 1544400000U },
    { "S-1-5-21-1-2-3-1073741823", 131541823U },
    { "S-1-5-21-4294967295-4294967295-4294967295-500", 1246200500U },
    { "S-1-5-21-4294967295-4294967295-4294967295-512", 1246200512U },
    { "S-1-5-21-4294967295-4294967295-4294967295-513", 1246200513U },
    { "S-1-5-21-4294967295-4294967295-4294967295-1104", 1246201104U },
    { "S-1-5-21-4294967295-4294967295-4294967295-199999", 1246399999U },
    { "S-1-5-21-4294967295-4294967295-4294967295-200000", 1969000000U },
    { "S-1-5-21-4294967295-4294967295-4294967295-200001", 1969000001U },
    { "S-1-5-21-4294967295-4294967295-4294967295-399999", 1969199999U },
    { "S-1-5-21-4294967295-4294967295-4294967295-400000", 799800000U },
    { "S-1-5-21-4294967295-4294967295-4294967295-2199999", 940799999U },
    { "S-1-5-21-4294967295-4294967295-4294967295-2200000", 49600000U },
    { "S-1-5-21-4294967295-4294967295-4294967295-1073741823", 767541823U },
    { "S-1-5-21-2571216883-1601522099-2002488368-500", 1369400500U },
    { "S-1-5-21-2571216883-1601522099-2002488368-512", 1369400512U },
    { "S-1-5-21-2571216883-1601522099-2002488368-513", 1369400513U },
    { "S-1-5-21-2571216883-1601522099-2002488368-1104", 1369401104U },
    { "S-1-5-21-2571216883-1601522099-2002488368-199999", 1369599999U },
    { "S-1-5-21-2571216883-1601522099-2002488368-200000", 1316400000U },
    { "S-1-5-21-2571216883-1601522099-2002488368-200001", 1316400001U },
    { "S-1-5-21-2571216883-1601522099-2002488368-399999", 1316599999U },
    { "S-1-5-21-2571216883-1601522099-2002488368-400000", 1095200000U },
    { "S-1-5-21-2571216883-1601522099-2002488368-2199999", 499599999U },
    { "S-1-5-21-2571216883-1601522099-2002488368-2200000", 1409200000U },
    { "S-1-5-21-2571216883-1601522099-2002488368-1073741823", 1512941823U },
};

static struct idmap *
default_map(void)
{
    return idmap_new(NULL, IDMAP_LOWER_DEFAULT, IDMAP_UPPER_DEFAULT, IDMAP_SLICE_DEFAULT);
}

static bool
add(struct idmap *map, const char *text)
{
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    return idmap_add_domain(map, text, &sid);
}

/* 0 if there is none. */
static uint32_t
id_of(struct idmap *map, const char *text)
{
    struct sid sid;
    uint32_t id = 1;

    assert_true(sid_parse(text, &sid));
    if (!idmap_id(map, &sid, &id))
        assert_int_equal(id, 0);
    return id;
}

static void
ids_are_those_of_sssd(void **state)
{
    struct idmap *map = default_map();

    (void)state;
    for (size_t i = 0; i < N_DOMAINS; i++)
        assert_true(add(map, domains[i]));
    for (size_t i = 0; i < sizeof(sssd) / sizeof(sssd[0]); i++) {
        struct sid sid;
        char text[SID_TEXT_MAX];

        assert_int_equal(id_of(map, sssd[i].sid), sssd[i].id);
        assert_true(idmap_in_range(map, sssd[i].id));
        assert_true(idmap_sid(map, sssd[i].id, &sid));
        assert_string_equal(sid_text(&sid, text), sssd[i].sid);
    }
    talloc_free(map);
}

static void
ids_do_not_depend_on_the_order_of_questions(void **state)
{
    struct idmap *map = default_map();

    (void)state;
    for (size_t i = N_DOMAINS; i > 0; i--)
        assert_true(add(map, domains[i - 1]));
    for (size_t i = sizeof(sssd) / sizeof(sssd[0]); i > 0; i--)
        assert_int_equal(id_of(map, sssd[i - 1].sid), sssd[i - 1].id);
    talloc_free(map);
}

/* The identity of a file's owner after a restart, before anybody asked for his SID. */
static void
ids_of_helper_slices_are_known_from_the_start(void **state)
{
    struct idmap *map = default_map();
    struct sid sid;
    char text[SID_TEXT_MAX];

    (void)state;
    assert_true(add(map, domains[0]));
    assert_true(idmap_sid(map, 1948600000, &sid));
    assert_string_equal(sid_text(&sid, text), "S-1-5-21-1004336348-1177238915-682003330-400000");
    talloc_free(map);
}

static void
only_accounts_of_known_domains_have_ids(void **state)
{
    static const char *const no[] = {
        "S-1-5-21-1-2-4-1104",      /* another domain */
        "S-1-5-21-1-2-3",           /* the domain itself */
        "S-1-5-21-1-2-31-1104",
        "S-1-5-21-1-2-3-1104-1",
        "S-1-5-32-544",
        "S-1-18-2",
        "S-1-5",
        "S-1-1-0",
        "S-1-5-21-1-2-3-2147483648", /* no RID */
        "S-1-5-21-1-2-3-4294967295",
    };
    struct idmap *map = default_map();

    (void)state;
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-1104"), 0);
    assert_true(add(map, "S-1-5-21-1-2-3"));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_int_equal(id_of(map, no[i]), 0);
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-1104"), 686201104);
    talloc_free(map);
}

static void
only_ids_of_known_domains_have_sids(void **state)
{
    static const uint32_t no[] = { 0, 1, 999, 1000, 65534, 199999, 200000, 686200000 - 1, 686400000, 2000200000,
                                   UINT32_MAX };
    struct idmap *map = default_map();
    struct sid sid;

    (void)state;
    assert_true(add(map, "S-1-5-21-1-2-3"));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_false(idmap_sid(map, no[i], &sid));
        assert_int_equal(sid.n_subs, 0);
    }
    assert_true(idmap_in_range(map, 200000));
    assert_false(idmap_in_range(map, 199999));
    assert_false(idmap_in_range(map, 2000200000));
    talloc_free(map);
}

static void
only_domains_are_added_and_each_once(void **state)
{
    struct idmap *map = default_map();
    struct sid sid;

    (void)state;
    assert_false(add(map, "S-1-5-32"));
    assert_false(add(map, "S-1-5-21-1-2"));
    assert_false(add(map, "S-1-5-21-1-2-3-4"));
    assert_true(add(map, "S-1-5-21-1-2-3"));
    assert_true(add(map, "S-1-5-21-1-2-3"));
    assert_true(sid_parse("S-1-5-21-1-2-4", &sid));
    assert_false(idmap_add_domain(map, "S-1-5-21-1-2-3", &sid)); /* the name of another */
    assert_int_equal(id_of(map, "S-1-5-21-1-2-4-500"), 0);
    talloc_free(map);
}

static void
impossible_ranges_are_refused(void **state)
{
    static const struct {
        uint32_t lower, upper, slice;
    } no[] = {
        { 0, 2000200000, 200000 },      { 999, 2000200000, 200000 }, { 200000, 200000, 1 },
        { 200001, 200000, 1 },          { 200000, 400000, 0 },       { 200000, 399999, 200000 },
        { 200000, 400000, UINT32_MAX }, { 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_null(idmap_new(NULL, no[i].lower, no[i].upper, no[i].slice));
}

/* Every domain that there is room for gets a slice of its own, whatever it hashes to. */
static void
full_ranges_refuse_the_next_domain(void **state)
{
    struct idmap *map = idmap_new(NULL, 1000, 5000, 1000);
    uint32_t slices = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        char text[SID_TEXT_MAX];
        uint32_t id;

        (void)snprintf(text, sizeof(text), "S-1-5-21-7-8-%u", i);
        assert_true(add(map, text));
        (void)snprintf(text, sizeof(text), "S-1-5-21-7-8-%u-17", i);
        id = id_of(map, text);
        assert_int_equal(id % 1000, 17);
        slices |= 1U << (id / 1000);
    }
    assert_int_equal(slices, 0x1e);
    assert_false(add(map, "S-1-5-21-7-8-4"));
    assert_int_equal(id_of(map, "S-1-5-21-7-8-4-17"), 0);
    assert_int_equal(id_of(map, "S-1-5-21-7-8-0-1017"), 0);
    talloc_free(map);
}

/* What an id is must not depend on which account was seen first. */
static void
two_accounts_never_share_an_id(void **state)
{
    struct idmap *map = idmap_new(NULL, 10000, 60000, 1000);
    uint32_t owner[50] = { 0 };

    (void)state;
    for (unsigned d = 0; d < 5; d++) {
        char text[SID_TEXT_MAX];

        (void)snprintf(text, sizeof(text), "S-1-5-21-7-8-%u", d);
        assert_true(add(map, text));
    }
    for (uint32_t n = 0; n < 5 * 40; n++) {
        char text[SID_TEXT_MAX];
        uint32_t id;

        (void)snprintf(text, sizeof(text), "S-1-5-21-7-8-%u-%u", n % 5, n / 5 * 1000 + 5);
        id = id_of(map, text);
        if (id == 0)
            continue;
        assert_int_equal(owner[(id - 10000) / 1000], 0);
        owner[(id - 10000) / 1000] = n + 1;
    }
    talloc_free(map);
}

static void
one_domain_cannot_use_up_the_range(void **state)
{
    struct idmap *map = default_map();
    unsigned mapped = 0;

    (void)state;
    assert_true(add(map, "S-1-5-21-1-2-3"));
    for (unsigned i = 0; i < 1000; i++) {
        char text[SID_TEXT_MAX];

        (void)snprintf(text, sizeof(text), "S-1-5-21-1-2-3-%u", i * 200000);
        mapped += id_of(map, text) != 0;
    }
    assert_in_range(mapped, 60, 65);
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-500"), 686200500);
    talloc_free(map);
}

static void
nobody_is_never_given_away(void **state)
{
    struct idmap *map = idmap_new(NULL, 60000, 70000, 10000);

    (void)state;
    assert_true(add(map, "S-1-5-21-1-2-3"));
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-5533"), 65533);
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-5534"), 0);
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-5535"), 0);
    assert_int_equal(id_of(map, "S-1-5-21-1-2-3-5536"), 65536);
    talloc_free(map);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_sssd),
        cmocka_unit_test(ids_do_not_depend_on_the_order_of_questions),
        cmocka_unit_test(ids_of_helper_slices_are_known_from_the_start),
        cmocka_unit_test(only_accounts_of_known_domains_have_ids),
        cmocka_unit_test(only_ids_of_known_domains_have_sids),
        cmocka_unit_test(only_domains_are_added_and_each_once),
        cmocka_unit_test(impossible_ranges_are_refused),
        cmocka_unit_test(full_ranges_refuse_the_next_domain),
        cmocka_unit_test(two_accounts_never_share_an_id),
        cmocka_unit_test(one_domain_cannot_use_up_the_range),
        cmocka_unit_test(nobody_is_never_given_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
