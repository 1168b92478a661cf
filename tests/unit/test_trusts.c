/* daemon/trusts, daemon/ipc_trusts, daemon/netlogon_trusts: which domains are in the table, and what is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/netlogon.h"

#define OWN "S-1-5-21-1-2-3"
#define OTHER "S-1-5-21-4-5-6"

static uint8_t packet[CHANNEL_PACKET_MAX];

static struct config *
config(const char *more)
{
    char text[256];
    struct config *c;

    (void)snprintf(text, sizeof(text), "[domain]\nname = corp.test\n%s", more);
    c = config_parse_as(NULL, text, strlen(text), "authsod.conf", "ws1", NULL, NULL);
    assert_non_null(c);
    return c;
}

static struct sid
sid_of(const char *text)
{
    struct sid sid = { 0 };

    if (text[0] != '\0')
        assert_true(sid_parse(text, &sid));
    return sid;
}

/* What a controller says of one domain, and whether it comes into the table beside the own one and other.test. */
static const struct row {
    const char *dns, *netbios, *sid;
    uint32_t flags, type;
    bool taken, mutual;
} rows[] = {
    { "Third.Test", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, true, true },
    { "third.test", "THIRD", "S-1-5-21-7-8-9", 0x02, 2, true, false },
    { "sub.corp.test", "SUB", "S-1-5-21-7-8-9", 0x23, 2, true, true },
    /* not trusted by ours, reached by way of another, NT 4, MIT */
    { "third.test", "THIRD", "S-1-5-21-7-8-9", 0x20, 2, false, false },
    { "third.test", "THIRD", "S-1-5-21-7-8-9", 0x01, 2, false, false },
    { "third.test", "THIRD", "S-1-5-21-7-8-9", 0x22, 1, false, false },
    { "THIRD.TEST", "", "", 0x22, 3, false, false },
    /* that could be taken for another */
    { "corp.test", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "THIRD", OWN, 0x22, 2, false, false },
    { "other.test", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "OTHER", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "THIRD", OTHER, 0x22, 2, false, false },
    /* no names, no domain's SIDs */
    { "third", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test.", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "thi rd.test", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.te@st", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.te/st", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "", "THIRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "TH.IRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "TH\\IRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "THI\nRD", "S-1-5-21-7-8-9", 0x22, 2, false, false },
    { "third.test", "THIRD", "", 0x22, 2, false, false },
    { "third.test", "THIRD", "S-1-5-32", 0x22, 2, false, false },
    { "third.test", "THIRD", "S-1-5-21-7-8-9-500", 0x22, 2, false, false },
};

static void
only_what_ours_trusts_and_nothing_ambiguous(void **state)
{
    struct config *c = config("");

    (void)state;
    log_init("test", LOG_LEVEL_ALARM);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netlogon_trust list[] = {
            { .dns = "other.test", .netbios = "OTHER", .flags = 0x22, .type = 2, .sid = sid_of(OTHER) },
            { .dns = rows[i].dns, .netbios = rows[i].netbios, .flags = rows[i].flags, .type = rows[i].type,
              .sid = sid_of(rows[i].sid) },
            { .dns = "corp.test", .netbios = "CORP", .flags = 0x1d, .type = 2, .sid = sid_of(OWN) },
        };
        const struct netlogon_trusts told = { .list = list, .n = 3 };
        struct trusts t;

        netlogon_make_trusts(c, &told, &t);
        assert_int_equal(t.n, rows[i].taken ? 2 : 1);
        assert_true(sid_equal(&t.own, &list[2].sid));
        assert_string_equal(t.list[0].dns, "other.test");
        assert_string_equal(t.list[0].netbios, "other");
        if (rows[i].taken)
            assert_int_equal(t.list[1].mutual, rows[i].mutual);
    }
    talloc_free(c);
}

static void
the_configuration_limits_it(void **state)
{
    static const struct {
        const char *line;
        bool other, third, any;
    } cases[] = {
        { "", true, true, true },
        { "trusted = auto\n", true, true, true },
        { "trusted = none\n", false, false, false },
        { "trusted = THIRD.test\n", false, true, true },
        { "trusted = third.test, other.test\n", true, true, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *c = config(cases[i].line);

        assert_int_equal(trusts_may_be(c, "other.test"), cases[i].other);
        assert_int_equal(trusts_may_be(c, "third.test"), cases[i].third);
        assert_int_equal(trusts_are_wanted(c), cases[i].any);
        talloc_free(c);
    }
}

static struct trusts
two(void)
{
    struct trusts t = { .own = sid_of(OWN) };
    struct trust other = { .dns = "other.test", .netbios = "other", .sid = sid_of(OTHER), .mutual = true };
    struct trust third = { .dns = "third.test", .netbios = "the third", .sid = sid_of("S-1-5-21-7-8-9") };

    assert_true(trusts_add(&t, NULL, &other));
    assert_true(trusts_add(&t, NULL, &third));
    return t;
}

static void
everything_is_found_by_what_it_is(void **state)
{
    struct trusts t = two();
    struct sid user = sid_of(OTHER "-1104"), own = sid_of(OWN "-1104"), domain = sid_of(OTHER);
    char realm[TRUST_DNS_MAX + 1];

    (void)state;
    assert_string_equal(trusts_by_word(&t, "other")->dns, "other.test");
    assert_string_equal(trusts_by_word(&t, "third.test")->netbios, "the third");
    assert_null(trusts_by_word(&t, "OTHER"));
    assert_null(trusts_by_word(&t, ""));
    assert_ptr_equal(trusts_by_account(&t, &user), &t.list[0]);
    assert_null(trusts_by_account(&t, &own));
    assert_null(trusts_by_account(&t, &domain));
    assert_ptr_equal(trusts_by_domain(&t, &domain), &t.list[0]);
    trust_realm("other-1.test", realm);
    assert_string_equal(realm, "OTHER-1.TEST");
}

/* Not as bytes: there are some between the fields. */
static void
assert_same(const struct trusts *a, const struct trusts *b)
{
    assert_true(sid_equal(&a->own, &b->own));
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->list[i].dns, b->list[i].dns);
        assert_string_equal(a->list[i].netbios, b->list[i].netbios);
        assert_true(sid_equal(&a->list[i].sid, &b->list[i].sid));
        assert_int_equal(a->list[i].mutual, b->list[i].mutual);
    }
}

static void
the_store_gives_it_back(void **state)
{
    static const char *const malformed[] = {
        "", OWN, "S-1-5-21-1-2\n", "-\n" OTHER, "-\n" OTHER " other.test both other", "-\n" OTHER " other.test both\n",
        "-\n" OTHER " other.test in other\n", "-\n" OTHER "  both other\n", "-\n" OTHER " other.test both \n",
        "-\n" OTHER " other both other\n", "-\n" OTHER "-500 other.test both other\n",
        "-\n" OTHER " other.test both other\n" OTHER " third.test both third\n",
        OTHER "\n" OTHER " other.test both other\n", "-\n" OTHER " Other.test both other\n",
        "-\n" OTHER " corp.test both other\n", "-\n\n",
    };
    static char text[TRUSTS_TEXT_MAX];
    struct config *c = config(""), *third = config("trusted = third.test\n"), *none = config("trusted = none\n");
    struct trusts t = two(), again;

    (void)state;
    assert_true(trusts_text(&t, text, sizeof(text)));
    assert_true(trusts_of_text(text, c, &again));
    assert_same(&t, &again);
    assert_true(trusts_of_text(text, third, &again));
    assert_int_equal(again.n, 1);
    assert_string_equal(again.list[0].dns, "third.test");
    assert_true(trusts_of_text(text, none, &again));
    assert_int_equal(again.n, 0);
    for (size_t size = 0; size <= strlen(text); size++)
        assert_false(trusts_text(&t, (char *)packet, size));
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        assert_false(trusts_of_text(malformed[i], c, &again));
        assert_int_equal(again.n, 0);
    }
    talloc_free(c);
    talloc_free(third);
    talloc_free(none);
}

/* Every cut, and one byte more, is refused. */
#define ONLY_WHOLE(len, call) \
    do { \
        for (size_t n_ = 0; n_ <= (len); n_++) { \
            size_t n = n_ == (len) ? (len) + 1 : n_; \
            assert_false(call); \
        } \
    } while (0)

static void
a_message_brings_it(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct trusts t = two(), out;
    uint32_t err;

    (void)state;
    ipc_put_trusts(&w, ERR_OK, &t);
    assert_true(ipc_get_trusts(packet, w.len, &err, &out));
    assert_same(&t, &out);
    ONLY_WHOLE(w.len, ipc_get_trusts(packet, n, &err, &out));
    /* One domain twice. */
    t.list[1] = t.list[0];
    w = writer_init(packet, sizeof(packet));
    ipc_put_trusts(&w, ERR_OK, &t);
    assert_false(ipc_get_trusts(packet, w.len, &err, &out));
    assert_int_equal(out.n, 0);
    w = writer_init(packet, sizeof(packet));
    ipc_put_trusts(&w, ERR_NO_KDC, NULL);
    assert_true(ipc_get_trusts(packet, w.len, &err, &out));
    assert_int_equal(err, ERR_NO_KDC);
    ONLY_WHOLE(w.len, ipc_get_trusts(packet, n, &err, &out));
    packet[1] = 0xff;
    assert_false(ipc_get_trusts(packet, w.len, &err, &out));
}

static void
questions_come_back_as_they_went(void **state)
{
    static struct ipc_accounts by_name = { .request = 7, .deadline = 5, .domain = "other.test", .name = "alice" };
    static struct ipc_accounts by_sid = { .request = 8, .n = 2 }, out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_accounts(&w, &by_name);
    assert_true(ipc_get_accounts(packet, w.len, &out));
    assert_memory_equal(&by_name, &out, sizeof(out));
    ONLY_WHOLE(w.len, ipc_get_accounts(packet, n, &out));
    by_sid.sids[0] = sid_of(OTHER "-1104");
    by_sid.sids[1] = sid_of(OTHER "-513");
    w = writer_init(packet, sizeof(packet));
    ipc_put_accounts(&w, &by_sid);
    assert_true(ipc_get_accounts(packet, w.len, &out));
    assert_memory_equal(&by_sid, &out, sizeof(out));
    ONLY_WHOLE(w.len, ipc_get_accounts(packet, n, &out));
}

static void
impossible_questions_are_refused(void **state)
{
    static const struct ipc_accounts bad[] = {
        { .request = 1 },                                               /* nothing */
        { .request = 1, .name = "alice" },                              /* of no domain */
        { .request = 1, .domain = "other.test" },
        { .request = 1, .domain = "other.test", .name = "alice", .n = 1 }, /* two things */
        { .request = 1, .n = 1 },                                       /* no account's SID */
        { .request = 1, .deadline = -1, .domain = "other.test", .name = "alice" },
    };
    static struct ipc_accounts out;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct writer w = writer_init(packet, sizeof(packet));

        ipc_put_accounts(&w, &bad[i]);
        assert_false(ipc_get_accounts(packet, w.len, &out));
    }
}

static void
answers_come_back_as_they_went(void **state)
{
    static struct ipc_accounts_are in = { .request = 9, .err = ERR_OK, .n = 3 }, out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    in.accounts[0] = (struct ipc_account){ .kind = IPC_ACCOUNT_USER, .account = "Alice", .sid = sid_of(OTHER "-1104") };
    in.accounts[2] = (struct ipc_account){ .kind = IPC_ACCOUNT_GROUP, .account = "crew", .sid = sid_of(OTHER "-1200") };
    ipc_put_accounts_are(&w, &in);
    assert_true(ipc_get_accounts_are(packet, w.len, &out));
    assert_memory_equal(&in, &out, sizeof(out));
    ONLY_WHOLE(w.len, ipc_get_accounts_are(packet, n, &out));
    packet[13] = 3; /* kind */
    assert_false(ipc_get_accounts_are(packet, w.len, &out));
    /* A domain or a builtin group is no account of a domain. */
    in.accounts[0].sid = sid_of("S-1-5-32-544");
    w = writer_init(packet, sizeof(packet));
    ipc_put_accounts_are(&w, &in);
    assert_false(ipc_get_accounts_are(packet, w.len, &out));
    /* An error with an answer, and neither. */
    in.err = ERR_NO_KDC;
    in.n = 1;
    w = writer_init(packet, sizeof(packet));
    ipc_put_accounts_are(&w, &in);
    assert_false(ipc_get_accounts_are(packet, w.len, &out));
    in.err = ERR_OK;
    in.n = 0;
    w = writer_init(packet, sizeof(packet));
    ipc_put_accounts_are(&w, &in);
    assert_false(ipc_get_accounts_are(packet, w.len, &out));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_ours_trusts_and_nothing_ambiguous),
        cmocka_unit_test(the_configuration_limits_it),
        cmocka_unit_test(everything_is_found_by_what_it_is),
        cmocka_unit_test(the_store_gives_it_back),
        cmocka_unit_test(a_message_brings_it),
        cmocka_unit_test(questions_come_back_as_they_went),
        cmocka_unit_test(impossible_questions_are_refused),
        cmocka_unit_test(answers_come_back_as_they_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
