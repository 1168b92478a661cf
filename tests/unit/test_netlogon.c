/* lib/rpc/netlogon_ndr.h, lib/rpc/lsa.h: answers that are read, and those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rpc/lsa.h"
#include "lib/rpc/netlogon_ndr.h"
#include "tests/unit/netlogon_builder.h"

static uint8_t bytes[BUILT_MAX];

static bool
has_group(const struct logon_info *info, const char *text)
{
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    for (size_t i = 0; i < info->n_groups; i++) {
        if (sid_equal(&info->groups[i].sid, &sid))
            return true;
    }
    return false;
}

static void
a_logon_is_read_at_both_levels(void **state)
{
    static const uint8_t credential[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        TALLOC_CTX *mem = talloc_new(NULL);
        struct built_logon spec = built_alice(i % 2 == 0 ? 3 : 6);
        struct writer w = writer_init(bytes, sizeof(bytes));
        struct netlogon_verdict v;
        struct built places;
        uint8_t got[8];

        spec.credential = i < 2 ? NULL : credential;
        build_logon(&w, &spec, &places);
        assert_null(netlogon_read_logon(mem, bytes, w.len, spec.level, i < 2 ? NULL : got, &v));
        if (i >= 2)
            assert_memory_equal(got, credential, 8);
        assert_int_equal(v.status, 0);
        assert_true(v.authoritative);
        assert_string_equal(v.info->account, "alice");
        assert_string_equal(v.info->full_name, "Alice Liddell");
        assert_string_equal(v.info->home_directory, "\\\\srv\\alice");
        assert_string_equal(v.info->domain_netbios, "CORP");
        assert_string_equal(v.info->logon_server, "DC1");
        assert_string_equal(v.info->domain_dns, spec.level == 6 ? "corp.test" : "");
        assert_string_equal(v.info->upn, spec.level == 6 ? "alice@corp.test" : "");
        assert_int_equal(v.info->user_account_control, 0x10);
        assert_int_equal(v.info->password_last_set, 1600000000);
        assert_int_equal(v.info->kickoff_time, INT64_MAX);
        assert_int_equal(v.info->n_groups, 5);
        assert_true(has_group(v.info, BUILT_DOMAIN "-513") && has_group(v.info, BUILT_DOMAIN "-2001") &&
                    has_group(v.info, BUILT_DOMAIN "-2002") && has_group(v.info, "S-1-18-1") &&
                    has_group(v.info, "S-1-5-21-1-2-3-1000"));
        talloc_free(mem);
    }
}

static void
a_refused_logon_has_no_information(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct built_logon spec = built_alice(6);
        struct writer w = writer_init(bytes, sizeof(bytes));
        struct netlogon_verdict v;
        struct built places;

        spec.status = NTSTATUS_WRONG_PASSWORD;
        spec.has_info = i == 1;
        build_logon(&w, &spec, &places);
        assert_null(netlogon_read_logon(NULL, bytes, w.len, 6, NULL, &v));
        assert_int_equal(v.status, 0xc000006a);
        assert_null(v.info);
    }
}

static void
an_information_that_cannot_be_is_refused(void **state)
{
    struct built_logon cases[6];

    (void)state;
    for (size_t i = 0; i < 6; i++)
        cases[i] = built_alice(6);
    cases[0].has_info = false;       /* success without any */
    cases[1].user_rid = 0;
    cases[2].account = "";
    cases[3].n_groups = LOGON_GROUPS_MAX + 1;
    cases[4].level = 3;              /* another than was asked for */
    cases[5].level = 2;
    for (size_t i = 0; i < 6; i++) {
        static uint8_t large[4 * BUILT_MAX];
        struct writer w = writer_init(large, sizeof(large));
        struct netlogon_verdict v;
        struct built places;

        build_logon(&w, &cases[i], &places);
        assert_true(writer_ok(&w));
        if (netlogon_read_logon(NULL, large, w.len, 6, NULL, &v) == NULL)
            fail_msg("case %zu", i);
        assert_null(v.info);
    }
}

/* What reads one kind of answer: true if it was taken. */
typedef bool taker(const uint8_t *stub, size_t len);

static bool
take_logon(const uint8_t *stub, size_t len, uint16_t level, bool with_credential)
{
    struct netlogon_verdict v;
    uint8_t credential[8];
    bool taken = netlogon_read_logon(NULL, stub, len, level, with_credential ? credential : NULL, &v) == NULL;

    talloc_free(v.info);
    return taken;
}

static bool
take_logon_3(const uint8_t *stub, size_t len)
{
    return take_logon(stub, len, 3, false);
}

static bool
take_logon_6(const uint8_t *stub, size_t len)
{
    return take_logon(stub, len, 6, false);
}

static bool
take_logon_flags(const uint8_t *stub, size_t len)
{
    return take_logon(stub, len, 6, true);
}

static bool
take_trusts(const uint8_t *stub, size_t len)
{
    struct netlogon_trusts *trusts;
    uint32_t status;
    bool taken = netlogon_read_list_trusts(NULL, stub, len, &trusts, &status) == NULL;

    talloc_free(trusts);
    return taken;
}

static bool
take_dc(const uint8_t *stub, size_t len)
{
    struct netlogon_dc *dc;
    uint32_t status;
    bool taken = netlogon_read_find_dc(NULL, stub, len, &dc, &status) == NULL;

    talloc_free(dc);
    return taken;
}

static bool
take_lsa_names(const uint8_t *stub, size_t len)
{
    struct lsa_account *accounts;
    uint32_t status;
    bool taken = lsa_read_lookup_sids(NULL, stub, len, 3, &accounts, &status) == NULL;

    talloc_free(accounts);
    return taken;
}

static bool
take_lsa_sids(const uint8_t *stub, size_t len)
{
    struct lsa_account *accounts;
    uint32_t status;
    bool taken = lsa_read_lookup_names(NULL, stub, len, 3, &accounts, &status) == NULL;

    talloc_free(accounts);
    return taken;
}

static size_t
build(int which, struct built *places)
{
    static const uint8_t credential[8] = { 1 };
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct built_logon spec = built_alice(which == 0 ? 3 : 6);

    spec.credential = which == 2 ? credential : NULL;
    if (which < 3)
        build_logon(&w, &spec, places);
    else if (which == 3)
        build_trusts(&w, 0, places);
    else if (which == 4)
        build_dc(&w, 0, places);
    else if (which == 5)
        build_lsa_names(&w, 0x107, places);
    else
        build_lsa_sids(&w, 0x107, places);
    assert_true(writer_ok(&w));
    return w.len;
}

static taker *const takers[] = { take_logon_3, take_logon_6, take_logon_flags, take_trusts, take_dc, take_lsa_names,
                                 take_lsa_sids };
#define N_TAKERS ((int)(sizeof(takers) / sizeof(takers[0])))

/* From a copy of exactly that size, so that a sanitizer sees a read past it. */
static bool
takes(int which, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    bool taken;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    taken = takers[which](copy, len);
    free(copy);
    return taken;
}

static void
cut_answers_are_refused(void **state)
{
    (void)state;
    for (int which = 0; which < N_TAKERS; which++) {
        struct built places;
        size_t len = build(which, &places);

        assert_true(takes(which, len));
        for (size_t n = 0; n < len; n++) {
            if (takes(which, n))
                fail_msg("%d: %zu bytes of %zu", which, n, len);
        }
        bytes[len] = 0;
        assert_false(takes(which, len + 1));
    }
}

static void
spoilt_counts_are_refused(void **state)
{
    static const uint32_t values[] = { 4, 255, 65536, LOGON_GROUPS_MAX, 0x7fffffff, 0x80000004, UINT32_MAX };

    (void)state;
    for (int which = 0; which < N_TAKERS; which++) {
        struct built places;
        size_t len = build(which, &places);

        for (size_t i = 0; i < places.n; i++) {
            for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
                struct writer w;
                bool is_pointer, is_index, is_kind;
                uint32_t old;
                struct reader r;

                (void)build(which, &places);
                r = reader_init(bytes + places.at[i], 4);
                old = reader_u32(&r);
                if (old == values[k])
                    continue;
                w = writer_init(bytes + places.at[i], 4);
                writer_u32(&w, values[k]);
                /* Any referent will do but 0, and whatever is negative is no index. */
                is_pointer = old >= 0x20000 && old != UINT32_MAX;
                is_index = which >= 5 && values[k] > INT32_MAX;
                /* An unknown account's index is not looked at; 4 is a kind, too. */
                is_kind = which >= 5 && (values[k] == 4 || old == UINT32_MAX);
                if (takes(which, len) && !is_pointer && !is_index && !is_kind)
                    fail_msg("%d: place %zu, value %x", which, i, (unsigned)values[k]);
            }
        }
    }
}

/* Whatever byte is changed: an answer or none, and no crash; what is read is freed as it should. */
static void
damaged_answers_do_no_harm(void **state)
{
    static const uint8_t masks[] = { 1, 0x80, 0xff };

    (void)state;
    for (int which = 0; which < N_TAKERS; which++) {
        struct built places;
        size_t len = build(which, &places);

        for (size_t i = 0; i < len; i++) {
            for (size_t k = 0; k < sizeof(masks); k++) {
                bytes[i] ^= masks[k];
                (void)takes(which, len);
                bytes[i] ^= masks[k];
            }
        }
    }
}

static void
trusts_are_read(void **state)
{
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct netlogon_trusts *t;
    struct built places;
    char text[SID_TEXT_MAX];
    uint32_t status;

    (void)state;
    build_trusts(&w, 0, &places);
    assert_null(netlogon_read_list_trusts(NULL, bytes, w.len, &t, &status));
    assert_int_equal(t->n, 3);
    assert_string_equal(t->list[0].netbios, "CORP");
    assert_string_equal(t->list[0].dns, "corp.test");
    assert_string_equal(sid_text(&t->list[0].sid, text), BUILT_DOMAIN);
    assert_int_equal(t->list[0].parent, NETLOGON_NO_PARENT);
    assert_int_equal(t->list[1].parent, 0);
    assert_int_equal(t->list[1].flags, 0x23);
    assert_int_equal(t->list[1].attributes, 8);
    assert_string_equal(t->list[2].netbios, "OLD");
    assert_string_equal(t->list[2].dns, "");
    assert_int_equal(t->list[2].sid.n_subs, 0);
    assert_int_equal(t->list[2].parent, NETLOGON_NO_PARENT);
    talloc_free(t);
    w = writer_init(bytes, sizeof(bytes));
    writer_u32(&w, 0);
    writer_u32(&w, 0);
    writer_u32(&w, 0);
    assert_null(netlogon_read_list_trusts(NULL, bytes, w.len, &t, &status));
    assert_int_equal(t->n, 0);
    talloc_free(t);
    w = writer_init(bytes, sizeof(bytes));
    build_trusts(&w, 5, &places);
    assert_null(netlogon_read_list_trusts(NULL, bytes, w.len, &t, &status));
    assert_null(t);
    assert_int_equal(status, 5);
}

static void
a_controller_is_read(void **state)
{
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct netlogon_dc *dc;
    struct built places;
    uint32_t status;

    (void)state;
    build_dc(&w, 0, &places);
    assert_null(netlogon_read_find_dc(NULL, bytes, w.len, &dc, &status));
    assert_string_equal(dc->name, "\\\\dc1.corp.test");
    assert_string_equal(dc->forest, "forest.test");
    assert_string_equal(dc->client_site, "");
    assert_int_equal(dc->domain_guid[15], 15);
    talloc_free(dc);
    w = writer_init(bytes, sizeof(bytes));
    build_dc(&w, 1355, &places);
    assert_null(netlogon_read_find_dc(NULL, bytes, w.len, &dc, &status));
    assert_null(dc);
    assert_int_equal(status, 1355);
}

static void
lookups_are_read(void **state)
{
    char text[SID_TEXT_MAX];

    (void)state;
    for (int by_sid = 0; by_sid < 2; by_sid++) {
        struct writer w = writer_init(bytes, sizeof(bytes));
        struct lsa_account *a;
        struct built places;
        uint32_t status;

        if (by_sid) {
            build_lsa_names(&w, 0x107, &places);
            assert_null(lsa_read_lookup_sids(NULL, bytes, w.len, 3, &a, &status));
            assert_string_equal(a[0].name, "alice");
            assert_string_equal(a[1].name, "Editors");
        } else {
            build_lsa_sids(&w, 0x107, &places);
            assert_null(lsa_read_lookup_names(NULL, bytes, w.len, 3, &a, &status));
            assert_string_equal(sid_text(&a[0].sid, text), BUILT_DOMAIN "-1104");
            assert_int_equal(a[2].sid.n_subs, 0);
        }
        assert_int_equal(status, 0x107);
        assert_int_equal(a[0].kind, LSA_USER);
        assert_int_equal(a[1].kind, LSA_GROUP);
        assert_int_equal(a[2].kind, LSA_UNKNOWN);
        assert_string_equal(a[0].domain, "CORP");
        assert_string_equal(a[1].domain, "OTHER");
        assert_string_equal(sid_text(&a[1].domain_sid, text), "S-1-5-21-1-2-3");
        assert_string_equal(a[2].domain, "");
        talloc_free(a);
        /* As many as were asked for. */
        assert_non_null(by_sid ? lsa_read_lookup_sids(NULL, bytes, w.len, 2, &a, &status)
                               : lsa_read_lookup_names(NULL, bytes, w.len, 2, &a, &status));
        assert_null(a);
    }
}

static void
a_lookup_that_is_refused_gives_nothing(void **state)
{
    static const uint8_t none[20] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x22, 0, 0, 0xc0 };
    struct lsa_account *a;
    uint32_t status;

    (void)state;
    assert_null(lsa_read_lookup_sids(NULL, none, sizeof(none), 1, &a, &status));
    assert_null(a);
    assert_int_equal(status, 0xc0000022);
}

/* Requests cut by the memory there is, and names that do not fit. */
static void
requests_fit_or_fail(void **state)
{
    static const struct netlogon_names names = { "WS1$", "WS1", "CORP", "corp.test", "dc1.corp.test" };
    static const struct netlogon_hashes hashes = { { 0 }, { 1 } };
    static char long_name[9000];
    struct netlogon_names longer = names;
    struct netlogon_logon logon = { .user = "alice", .domain = "CORP", .workstation = "WS1" };
    struct writer w = writer_init(bytes, NETLOGON_REQUEST_MAX);
    size_t len;

    (void)state;
    netlogon_put_logon(&w, &names, &logon, &hashes, 6, NULL);
    assert_true(writer_ok(&w));
    len = w.len;
    for (size_t size = 0; size < len; size++) {
        w = writer_init(bytes, size);
        netlogon_put_logon(&w, &names, &logon, &hashes, 6, NULL);
        assert_false(writer_ok(&w));
    }
    memset(long_name, 'a', sizeof(long_name) - 1);
    logon.user = long_name;
    w = writer_init(bytes, NETLOGON_REQUEST_MAX);
    netlogon_put_logon(&w, &names, &logon, &hashes, 6, NULL);
    assert_false(writer_ok(&w));
    longer.controller = long_name;
    w = writer_init(bytes, NETLOGON_REQUEST_MAX);
    netlogon_put_list_trusts(&w, &longer, 0);
    assert_false(writer_ok(&w));
    logon.user = "al\377ice";
    w = writer_init(bytes, NETLOGON_REQUEST_MAX);
    netlogon_put_logon(&w, &names, &logon, &hashes, 6, NULL);
    assert_false(writer_ok(&w));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_logon_is_read_at_both_levels),
        cmocka_unit_test(a_refused_logon_has_no_information),
        cmocka_unit_test(an_information_that_cannot_be_is_refused),
        cmocka_unit_test(cut_answers_are_refused),
        cmocka_unit_test(spoilt_counts_are_refused),
        cmocka_unit_test(damaged_answers_do_no_harm),
        cmocka_unit_test(trusts_are_read),
        cmocka_unit_test(a_controller_is_read),
        cmocka_unit_test(lookups_are_read),
        cmocka_unit_test(a_lookup_that_is_refused_gives_nothing),
        cmocka_unit_test(requests_fit_or_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
