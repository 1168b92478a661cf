/* lib/store: what is put comes back, as the contract says, and after restarts too. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUGE_BYTES (33U << 20) /* more than a value may have */

static void
users_come_back_by_every_key_after_a_restart(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();

    (void)state;
    assert_true(store_put_user(s, &a));
    for (int again = 0; again < 2; again++) {
        assert_alice(store_user_by_sid(s, s, &a.sid));
        assert_alice(store_user_by_name(s, s, "alice"));
        assert_alice(store_user_by_name(s, s, "alice@corp.test"));
        assert_null(store_user_by_name(s, s, "Alice"));
        assert_null(store_user_by_name(s, s, ""));
        store_close(s);
        s = open_store();
    }
    store_drop_user(s, &a.sid);
    assert_null(store_user_by_sid(s, s, &a.sid));
    store_close(s);
    store_close(NULL);
}

static void
groups_come_back_by_every_key_after_a_restart(void **state)
{
    struct store *s = open_store();
    struct store_group g = staff(), *got;

    (void)state;
    assert_true(store_put_group(s, &g));
    store_close(s);
    s = open_store();
    got = store_group_by_name(s, s, "domain staff");
    assert_non_null(got);
    assert_true(sid_equal(&got->sid, &g.sid));
    assert_int_equal(got->gid, g.gid);
    assert_int_equal(got->refreshed, 7);
    assert_int_equal(got->members_learned, 8);
    assert_int_equal(got->n_members, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(got->members[i], staff_members[i]);
    assert_non_null(store_group_by_gid(s, s, 201104));
    store_drop_group(s, &g.sid);
    assert_null(store_group_by_gid(s, s, 201104));
    store_close(s);
}

static void
what_was_never_learned_keeps_what_the_row_has(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), *u;
    struct store_group g = staff(), *got;
    uint32_t gids[] = { 201200, 201201 };

    (void)state;
    assert_true(store_put_user(s, &a));
    a.name = "alice2";
    a.state = 0;
    a.state_learned = 0;
    a.gids = NULL;
    a.n_gids = 0;
    a.groups_learned = 0;
    assert_true(store_put_user(s, &a));
    u = store_user_by_name(s, s, "alice2");
    assert_non_null(u);
    assert_int_equal(u->state, STORE_STATE_LOCKED);
    assert_int_equal(u->state_learned, 1001);
    assert_int_equal(u->groups_learned, 1002);
    assert_int_equal(u->n_gids, 3);
    assert_null(store_user_by_name(s, s, "alice"));

    /* Learned and empty is not the same as never learned. */
    a.groups_learned = 2000;
    assert_true(store_put_user(s, &a));
    u = store_user_by_sid(s, s, &a.sid);
    assert_int_equal(u->groups_learned, 2000);
    assert_int_equal(u->n_gids, 0);
    assert_int_equal(u->state_learned, 1001);
    assert_int_equal(u->resource_learned, 0);
    assert_null(u->resource_gids);

    a.groups_learned = 0;
    a.resource_gids = gids;
    a.n_resource_gids = 2;
    a.resource_learned = 3000;
    assert_true(store_put_user(s, &a));
    a.resource_gids = NULL;
    a.n_resource_gids = 0;
    a.resource_learned = 0;
    assert_true(store_put_user(s, &a));
    u = store_user_by_sid(s, s, &a.sid);
    assert_int_equal(u->groups_learned, 2000);
    assert_int_equal(u->n_gids, 0);
    assert_int_equal(u->resource_learned, 3000);
    assert_int_equal(u->n_resource_gids, 2);
    assert_int_equal(u->resource_gids[1], gids[1]);
    gids[1] = 999;
    a.resource_gids = gids;
    a.n_resource_gids = 2;
    assert_false(store_put_user(s, &a));

    assert_true(store_put_group(s, &g));
    g.members = NULL;
    g.n_members = 0;
    g.members_learned = 0;
    assert_true(store_put_group(s, &g));
    got = store_group_by_gid(s, s, g.gid);
    assert_int_equal(got->n_members, 3);
    assert_int_equal(got->members_learned, 8);
    store_close(s);
}

static void
a_row_that_never_learned_has_none(void **state)
{
    struct store *s = open_store();
    char name[32];
    struct store_user u = user_n(5000, name), *got;

    (void)state;
    assert_true(store_put_user(s, &u));
    got = store_user_by_name(s, s, "user5000");
    assert_non_null(got);
    assert_null(got->gids);
    assert_int_equal(got->n_gids, 0);
    assert_int_equal(got->groups_learned, 0);
    assert_int_equal(got->state_learned, 0);
    store_close(s);
}

static void
names_and_ids_are_unique(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), b = alice(), c = alice();
    struct store_group g = staff(), h = staff();

    (void)state;
    b.sid = rid(2000);
    b.uid = 202000;
    b.name = "bob";
    c.sid = rid(3000);
    assert_true(store_put_user(s, &a) && store_put_user(s, &b));
    /* One put may push out two: the holder of its name and that of its id. */
    c.name = "bob";
    assert_true(store_put_user(s, &c));
    assert_null(store_user_by_sid(s, s, &a.sid));
    assert_null(store_user_by_sid(s, s, &b.sid));
    assert_non_null(store_user_by_sid(s, s, &c.sid));

    h.sid = rid(2001);
    h.name = "other";
    assert_true(store_put_group(s, &g) && store_put_group(s, &h));
    assert_null(store_group_by_name(s, s, g.name));
    h.sid = rid(2002);
    h.gid = 202002;
    assert_true(store_put_group(s, &h));
    assert_int_equal(store_group_by_name(s, s, "other")->gid, 202002);
    assert_null(store_group_by_gid(s, s, 201104));
    store_close(s);
}

static void
a_name_means_the_canonical_one_first(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), b = alice(), c = alice();

    (void)state;
    /* A user whose UPN spells another's canonical name takes nothing. */
    b.sid = rid(2000);
    b.uid = 202000;
    b.name = "mallory";
    b.account = "mallory";
    b.upn = "alice";
    assert_true(store_put_user(s, &b) && store_put_user(s, &a));
    assert_int_equal(store_user_by_name(s, s, "alice")->uid, a.uid);

    /* The same account in another domain, with the same UPN: ambiguous. */
    c.sid = sid_of("S-1-5-21-9-9-9-1103");
    c.uid = 401103;
    c.name = "alice@other.test";
    assert_true(store_put_user(s, &c));
    assert_null(store_user_by_name(s, s, "alice@corp.test"));
    assert_int_equal(store_user_by_name(s, s, "alice@other.test")->uid, 401103);
    store_close(s);
}

static void
impossible_rows_are_refused(void **state)
{
    struct store *s = open_store();
    struct store_user u = alice();
    struct store_group g = staff();
    static const uint32_t system_gids[] = { 200512, 27 };
    static const char *const bad_members[] = { "alice", "" };
    char name[300];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    u.uid = 0;
    assert_false(store_put_user(s, &u));
    u.uid = 999;
    assert_false(store_put_user(s, &u));
    u.uid = UINT32_MAX;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.gid = 0;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.gids = system_gids;
    u.n_gids = 2;
    assert_false(store_put_user(s, &u));
    u = alice();
    u.name = "";
    assert_false(store_put_user(s, &u));
    u.name = name;
    assert_false(store_put_user(s, &u));
    g.gid = 27;
    assert_false(store_put_group(s, &g));
    g = staff();
    g.members = bad_members;
    g.n_members = 2;
    assert_false(store_put_group(s, &g));
    assert_null(store_user_by_name(s, s, name));
    store_close(s);
}

static void
facts_and_their_removal_are_kept(void **state)
{
    struct store *s = open_store();

    (void)state;
    assert_null(store_fact(s, s, "site"));
    assert_true(store_put_fact(s, "site", "Default-First-Site-Name"));
    assert_true(store_put_fact(s, "dc", "dc1.corp.test"));
    assert_true(store_put_fact(s, "dc", "dc2.corp.test"));
    store_close(s);
    s = open_store();
    assert_string_equal(store_fact(s, s, "site"), "Default-First-Site-Name");
    assert_string_equal(store_fact(s, s, "dc"), "dc2.corp.test");
    assert_true(store_put_fact(s, "site", ""));
    assert_null(store_fact(s, s, "site"));
    store_close(s);
}

static void
clearing_leaves_facts(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice();
    struct store_group g = staff();
    struct store_card c = { .uid = a.uid }, cards[STORE_CARDS_MAX];

    (void)state;
    assert_true(store_put_fact(s, "site", "Here"));
    for (int inside = 0; inside < 2; inside++) {
        assert_true(store_put_user(s, &a));
        assert_true(store_put_group(s, &g));
        assert_true(store_put_card(s, &c));
        assert_int_equal(inside == 1 && !store_begin(s), 0);
        assert_true(store_clear(s));
        assert_int_equal(inside == 1 && !store_commit(s), 0);
        assert_null(store_user_by_sid(s, s, &a.sid));
        assert_null(store_group_by_gid(s, s, g.gid));
        assert_int_equal(store_cards(s, cards), 0);
        assert_string_equal(store_fact(s, s, "site"), "Here");
    }
    store_close(s);
}

/* n cards, the newest first; the first of them is of that uid, and each is of the uid before that of the next. */
static void
assert_cards(struct store *s, size_t n, uint32_t uid)
{
    struct store_card cards[STORE_CARDS_MAX];

    assert_int_equal(store_cards(s, cards), n);
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[STORE_HASH_BYTES];

        memset(hash, (int)(uid - i), sizeof(hash));
        assert_int_equal(cards[i].uid, uid - i);
        assert_memory_equal(cards[i].hash, hash, sizeof(hash));
    }
}

static void
cards_come_back_newest_first_and_the_oldest_go(void **state)
{
    struct store *s = open_store();
    struct store_card cards[STORE_CARDS_MAX], c;

    (void)state;
    assert_int_equal(store_cards(s, cards), 0);
    for (uint32_t uid = 2000; uid < 2000 + 2 * STORE_CARDS_MAX; uid++) {
        c.uid = uid;
        memset(c.hash, (int)uid, sizeof(c.hash));
        assert_true(store_put_card(s, &c));
        assert_cards(s, uid - 2000 < STORE_CARDS_MAX ? uid - 2000 + 1 : STORE_CARDS_MAX, uid);
    }
    store_close(s);
    s = open_store();
    assert_cards(s, STORE_CARDS_MAX, c.uid);

    /* One that is used again, and one of anybody's, are the newest; nobody has two. */
    c.uid -= STORE_CARDS_MAX / 2;
    assert_true(store_put_card(s, &c));
    c.uid = STORE_ANYBODY;
    memset(c.hash, 7, sizeof(c.hash));
    assert_true(store_put_card(s, &c));
    memset(c.hash, 8, sizeof(c.hash));
    assert_true(store_put_card(s, &c));
    assert_int_equal(store_cards(s, cards), STORE_CARDS_MAX);
    assert_memory_equal(&cards[0], &c, sizeof(c));
    assert_int_equal(cards[1].uid, 2000 + 2 * STORE_CARDS_MAX - 1 - STORE_CARDS_MAX / 2);
    assert_int_equal(cards[2].uid, 2000 + 2 * STORE_CARDS_MAX - 1);
    for (size_t i = 2; i < STORE_CARDS_MAX; i++)
        assert_int_not_equal(cards[i].uid, cards[1].uid);

    /* The system's are nobody's of ours. */
    c.uid = 999;
    assert_false(store_put_card(s, &c));
    /* And where nothing can be written there is what there was. */
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA query_only = ON", NULL, NULL, NULL), SQLITE_OK);
    c.uid = 2000;
    assert_false(store_put_card(s, &c));
    assert_int_equal(store_cards(s, cards), STORE_CARDS_MAX);
    assert_int_equal(cards[0].uid, STORE_ANYBODY);
    store_close(s);
}

/* What another program may have written there. */
static void
a_card_that_is_malformed_is_left_out(void **state)
{
    struct store *s = open_store();
    struct store_card c = { .uid = 2000 }, cards[STORE_CARDS_MAX];

    (void)state;
    assert_true(store_put_card(s, &c));
    assert_int_equal(sqlite3_exec(s->db,
                                  "INSERT INTO card (uid, hash) VALUES (2001, x'00'), (2002, zeroblob(33)), (2003, 'text'),"
                                  " (0, zeroblob(32)), (4294967296, zeroblob(32)), ('you', zeroblob(32))",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_cards(s, cards), 1);
    assert_memory_equal(&cards[0], &c, sizeof(c));
    store_close(s);
}

/* A store of the version before has none yet, and all that it had. */
static void
a_store_from_before_cards_takes_them(void **state)
{
    struct store_card c = { .uid = 2000 }, cards[STORE_CARDS_MAX];
    struct store_user a = alice();
    struct store *s = open_store();
    sqlite3 *db;

    (void)state;
    assert_true(store_put_user(s, &a));
    store_close(s);
    assert_int_equal(sqlite3_open(path_of(""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE card; PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    s = open_store();
    assert_alice(store_user_by_name(s, s, "alice"));
    assert_int_equal(store_cards(s, cards), 0);
    assert_true(store_put_card(s, &c));
    store_close(s);
    assert_false(exists(".damaged"));
}

static void
note_domain(void *arg, const char *dns, const char *netbios, const struct sid *sid)
{
    char *text = arg, sid_chars[SID_TEXT_MAX];

    (void)snprintf(text + strlen(text), 1000 - strlen(text), "%s %s %s;", dns, netbios, sid_text(sid, sid_chars));
}

static void
domains_keep_their_order_for_ever(void **state)
{
    struct store *s = open_store();
    struct sid one = sid_of("S-1-5-21-9-9-9"), two = sid_of("S-1-5-21-1-1-1"), three = sid_of("S-1-5-21-5-5-5");
    char text[1000] = "";

    (void)state;
    assert_true(store_put_domain(s, "zzz.test", "ZZZ", &one));
    assert_true(store_put_domain(s, "corp.test", "CORP", &two));
    assert_true(store_put_domain(s, "zzz.test", "ZZZ2", &one));
    assert_false(store_put_domain(s, "", "X", &three));
    store_close(s);
    s = open_store();
    store_domains(s, note_domain, text);
    assert_string_equal(text, "zzz.test ZZZ2 S-1-5-21-9-9-9;corp.test CORP S-1-5-21-1-1-1;");

    /* A domain made anew under an old name: the old one keeps its place, and so its slice of ids. */
    assert_true(store_put_domain(s, "zzz.test", "ZZZ", &three));
    text[0] = '\0';
    store_domains(s, note_domain, text);
    assert_string_equal(text, "-sid-010400000000000515000000090000000900000009000000  S-1-5-21-9-9-9;"
                              "corp.test CORP S-1-5-21-1-1-1;zzz.test ZZZ S-1-5-21-5-5-5;");
    store_close(s);
}

static void
a_transaction_is_whole_or_not_at_all(void **state)
{
    struct store *s = open_store();
    struct store_user a = alice(), bad = alice();
    char name[32];
    struct store_user b = user_n(5000, name);
    char *huge;

    (void)state;
    assert_false(store_commit(s));
    assert_true(store_begin(s));
    assert_false(store_begin(s));
    assert_true(store_put_user(s, &a));
    assert_true(store_put_fact(s, "site", "here"));
    assert_non_null(store_user_by_name(s, s, "alice"));
    assert_true(store_commit(s));
    assert_non_null(store_user_by_name(s, s, "alice"));

    /* An impossible row is refused before it touches the transaction. */
    bad.uid = 0;
    assert_true(store_begin(s));
    assert_true(store_put_user(s, &b));
    assert_false(store_put_user(s, &bad));
    assert_true(store_commit(s));
    assert_non_null(store_user_by_name(s, s, "user5000"));

    /* A row that cannot be written takes the others back. */
    huge = talloc_size(s, HUGE_BYTES);
    memset(huge, 'x', HUGE_BYTES - 1);
    huge[HUGE_BYTES - 1] = '\0';
    assert_true(store_begin(s));
    assert_true(store_put_fact(s, "site", "elsewhere"));
    a.full_name = huge;
    assert_false(store_put_user(s, &a));
    assert_false(store_put_fact(s, "dc", "dc1"));
    assert_false(store_commit(s));
    assert_string_equal(store_fact(s, s, "site"), "here");
    assert_null(store_fact(s, s, "dc"));
    assert_alice(store_user_by_name(s, s, "alice"));
    assert_true(store_begin(s));
    assert_true(store_commit(s));

    /* What was begun only is forgotten. */
    assert_true(store_begin(s));
    store_drop_user(s, &a.sid);
    store_close(s);
    s = open_store();
    assert_non_null(store_user_by_name(s, s, "alice"));
    store_close(s);
}

static void
a_place_that_is_none_is_told(void **state)
{
    const char *why = NULL;

    (void)state;
    assert_null(store_open(NULL, "/nonexistent/place", &why));
    assert_int_not_equal(errno, EBUSY);
    assert_non_null(strstr(why, "No such file"));
    talloc_free((void *)(uintptr_t)why);
}

static void
a_store_in_memory_ends_with_the_process(void **state)
{
    struct store *s = store_open_memory(NULL), *other = store_open_memory(NULL);
    struct store_user a = alice();

    (void)state;
    assert_true(store_put_user(s, &a));
    assert_non_null(store_user_by_name(s, s, "alice"));
    assert_null(store_user_by_name(other, other, "alice"));
    store_close(s);
    store_close(other);
}

static void
versions_upgrade_and_never_downgrade(void **state)
{
    const char *const *now = store_schema.steps;
    const char *const steps[] = { now[0], now[1], now[2],
                                  "ALTER TABLE user ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';"
                                  "PRAGMA user_version = 4;" };
    const char *const broken[] = { now[0], now[1], now[2],
                                   "ALTER TABLE user ADD COLUMN colour TEXT; DROP TABLE nothing;"
                                   "PRAGMA user_version = 4;" };
    const struct store_schema next = { .steps = steps, .version = 4 }, bad = { .steps = broken, .version = 4 };
    struct store *s = open_store();
    struct store_user a = alice();
    sqlite3_stmt *stmt;
    const char *why;

    (void)state;
    assert_int_equal(store_schema.version, 3);
    assert_true(store_put_user(s, &a));
    store_close(s);

    s = store_open_schema(NULL, dir, &next, &why);
    assert_non_null(s);
    assert_alice(store_user_by_name(s, s, "alice"));
    assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT colour FROM user", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "blue");
    (void)sqlite3_finalize(stmt);
    store_close(s);

    /* The version before it does not guess. */
    s = open_store();
    assert_true(exists(".newer"));
    assert_false(exists(".damaged"));
    assert_null(store_user_by_name(s, s, "alice"));
    assert_true(store_put_user(s, &a));
    store_close(s);

    /* A step that fails is taken back whole, and costs the file its place. */
    assert_null(store_open_schema(NULL, dir, &bad, &why));
    talloc_free((void *)(uintptr_t)why);
    assert_true(exists(".damaged"));
}

static void
a_group_of_twenty_thousand_fits(void **state)
{
    enum { N = 20000 };
    struct store *s = open_store();
    struct store_group g = staff(), *got;
    const char **names = talloc_array(s, const char *, N);

    (void)state;
    for (unsigned i = 0; i < N; i++)
        names[i] = talloc_asprintf(names, "some.body.%05u", i);
    g.members = names;
    g.n_members = N;
    assert_true(store_put_group(s, &g));
    got = store_group_by_gid(s, s, g.gid);
    assert_non_null(got);
    assert_int_equal(got->n_members, N);
    assert_string_equal(got->members[0], "some.body.00000");
    assert_string_equal(got->members[N - 1], "some.body.19999");
    store_close(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_come_back_by_every_key_after_a_restart),
        TEST(groups_come_back_by_every_key_after_a_restart),
        TEST(what_was_never_learned_keeps_what_the_row_has),
        TEST(a_row_that_never_learned_has_none),
        TEST(names_and_ids_are_unique),
        TEST(a_name_means_the_canonical_one_first),
        TEST(impossible_rows_are_refused),
        TEST(facts_and_their_removal_are_kept),
        TEST(clearing_leaves_facts),
        TEST(cards_come_back_newest_first_and_the_oldest_go),
        TEST(a_card_that_is_malformed_is_left_out),
        TEST(a_store_from_before_cards_takes_them),
        TEST(domains_keep_their_order_for_ever),
        TEST(a_transaction_is_whole_or_not_at_all),
        TEST(a_place_that_is_none_is_told),
        TEST(a_store_in_memory_ends_with_the_process),
        TEST(versions_upgrade_and_never_downgrade),
        TEST(a_group_of_twenty_thousand_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
