/* daemon/directory: groups of the own domain that users of trusted ones are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto/client.h"
#include "tests/unit/dirrole.h"

#define ALICE "alice@other.test"

static void
say_trusts(struct fixture *f)
{
    struct trusts t = { .own = domain.sid };
    struct trust other = { .dns = "other.test", .netbios = "other", .sid = other_sid(0), .mutual = true };
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(trusts_add(&t, NULL, &other));
    ipc_put_trusts(&w, ERR_OK, &t);
    assert_true(dir_dispatch(f->d, ROLE_NETLOGON, w.data, w.len, fds));
}

/* alice@other.test herself is in 1200, her primary group in 1201, her other group in 1202. */
static int
begin(void **state)
{
    int failed = setup(state);

    if (failed != 0)
        return failed;
    (void)by_name(*state, RECORD_PASSWD, "alice", NULL); /* the own domain is known */
    say_trusts(*state);
    domain.resource[0].member = other_sid(1104);
    domain.resource[0].groups[0] = 1200;
    domain.resource[1].member = other_sid(513);
    domain.resource[1].groups[0] = 1201;
    domain.resource[2].member = other_sid(1400);
    domain.resource[2].groups[0] = 1202;
    return 0;
}

/* A logon that claims 1203 and 1204 of the own domain, too; in_1400: she is in that group of her domain. */
static struct ipc_learned
log_on_as(struct fixture *f, const char *name, uint32_t rid, bool in_1400)
{
    struct logon_info *info = logon_of_alice(0);
    struct ipc_learned is;

    info->user = other_sid(rid);
    info->primary_rid = 513;
    info->groups = talloc_zero_array(info, struct logon_group, 4);
    info->n_groups = 4;
    info->groups[0] = (struct logon_group){ .sid = fake_sid(1203), .attributes = 7 };
    info->groups[1] = (struct logon_group){ .sid = fake_sid(1204), .attributes = 7 | SE_GROUP_RESOURCE };
    info->groups[2] = (struct logon_group){ .sid = other_sid(513), .attributes = 7 };
    info->groups[3] = (struct logon_group){ .sid = other_sid(in_1400 ? 1400 : 1401), .attributes = 7 };
    qsort(info->groups, info->n_groups, sizeof(info->groups[0]), sid_compare);
    is = learn(f, name, info);
    assert_int_equal(is.err, ERR_OK);
    talloc_free(info);
    return is;
}

static struct ipc_learned
log_on(struct fixture *f, bool in_1400)
{
    return log_on_as(f, ALICE, 1104, in_1400);
}

static bool
has(const struct record *rec, uint32_t gid)
{
    for (uint32_t i = 0; i < rec->n; i++) {
        if (record_gid(rec, i) == gid)
            return true;
    }
    return false;
}

/* She is in these groups of the own domain, 0 ends, and in n groups in all. */
static void
assert_groups(struct fixture *f, const struct record *rec, uint32_t n, const uint32_t rids[static 4])
{
    assert_int_equal(rec->n, n);
    for (size_t i = 0; i < 4 && rids[i] != 0; i++)
        assert_true(has(rec, id_of(f, rids[i])));
}

static struct ipc_found
look(struct fixture *f, bool refresh, struct record *rec)
{
    struct ipc_lookup m = { .request = 7, .kind = RECORD_GROUPS, .by = PROTO_BY_NAME, .refresh = refresh,
                            .name = ALICE };
    struct ipc_found found = look_up(f, &m, rec);

    assert_int_equal(found.status, IPC_STATUS_FOUND);
    return found;
}

/* As if what is known of her had been learned so many seconds ago. */
static void
age(struct fixture *f, int64_t seconds, bool name_too)
{
    struct sid sid = other_sid(1104);
    struct store_user *u = store_user_by_sid(f->d->store, NULL, &sid);

    assert_non_null(u);
    u->refreshed -= name_too ? seconds : 0;
    u->resource_learned -= seconds;
    assert_true(store_put_user(f->d->store, u));
    talloc_free(u);
}

static void
a_logon_brings_what_the_own_directory_says(void **state)
{
    struct fixture *f = *state;
    struct ipc_learned is;
    struct record rec;

    /* By way of herself, of her primary group, and of another of her domain's. */
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    assert_true(has(&rec, other_id(f, 1400)));
    assert_true(is.refresh > DIR_RETRY_S);
    (void)look(f, false, &rec);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    assert_int_equal(domain.resource_lists, 1);
    /* Their names are learned while nobody waits. */
    assert_true(dir_pending_due(f->d));
    dir_pending_work(f->d);
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1200), &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "group 1"));
    /* The next one is in another group there. */
    is = log_on(f, false);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 3, (uint32_t[4]){ 1200, 1201 });
    restart(f, SHORT);
    (void)look(f, false, &rec);
    assert_groups(f, &rec, 3, (uint32_t[4]){ 1200, 1201 });
}

static void
what_her_controller_claims_counts_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct ipc_learned is;
    struct record rec;

    memset(domain.resource, 0, sizeof(domain.resource));
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 1, (uint32_t[4]){ 0 });
    assert_false(has(&rec, id_of(f, 1203)) || has(&rec, id_of(f, 1204)));
}

static void
other_domains_groups_are_not_taken_from_the_directory(void **state)
{
    static const char *const strays[] = { "S-1-5-32-544", "S-1-5-21-4-5-6-512", "S-1-5-21-7-8-9-512", "S-1-5-21-1-2-3",
                                          "S-1-1-0" };
    struct fixture *f = *state;
    struct record rec;

    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        assert_true(sid_parse(strays[i], &domain.stray));
        (void)log_on(f, true);
        (void)look(f, false, &rec);
        assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    }
}

static void
a_namesake_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct ipc_learned is;
    struct record rec;

    strcpy(domain.groups[1].account, "Wheel"); /* 1200 */
    dir_namesakes_forget(f->d);
    dir_namesakes_refresh(f->d);
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 3, (uint32_t[4]){ 1201, 1202 });
}

static void
before_a_logon_she_is_where_she_herself_is(void **state)
{
    struct fixture *f = *state;
    struct store_user u = { .sid = other_sid(1104), .uid = other_id(f, 1104), .gid = other_id(f, 513), .name = ALICE,
                            .account = "alice", .upn = "", .full_name = "", .refreshed = dir_now() };
    struct record rec;

    assert_true(store_put_user(f->d->store, &u));
    (void)look(f, false, &rec);
    /* Her primary group is a guess. */
    assert_groups(f, &rec, 1, (uint32_t[4]){ 1200 });
    assert_int_equal(domain.resource_lists, 1);
    (void)look(f, false, &rec);
    assert_int_equal(domain.resource_lists, 1);
    (void)log_on(f, true);
    (void)look(f, false, &rec);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
}

static void
who_is_taken_out_is_out_after_the_refresh(void **state)
{
    struct fixture *f = *state;
    struct record rec;

    (void)log_on(f, true);
    domain.resource[0].groups[0] = 0;
    (void)look(f, true, &rec); /* too soon */
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    age(f, DIR_RECENT_S, true);
    (void)look(f, false, &rec);
    assert_int_equal(rec.n, 4);
    (void)look(f, true, &rec);
    assert_groups(f, &rec, 3, (uint32_t[4]){ 1201, 1202 });
    /* By itself, too. */
    domain.resource[1].groups[0] = 0;
    age(f, f->d->config->cache_refresh, false);
    (void)look(f, false, &rec);
    assert_groups(f, &rec, 2, (uint32_t[4]){ 1202 });
}

static void
known_before_while_the_directory_is_away(void **state)
{
    struct fixture *f = *state;
    unsigned opened;
    struct ipc_learned is;
    struct ipc_found found;
    struct record rec;

    (void)log_on(f, true);
    domain.away = true;
    dir_link_close(f->d);
    f->d->link.failures = 1;
    opened = domain.opened;
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    age(f, f->d->config->cache_refresh, false);
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    assert_true(is.refresh <= DIR_RETRY_S);
    found = look(f, false, &rec);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
    assert_true(found.refresh <= DIR_RETRY_S);
    /* Not for ever. */
    age(f, f->d->config->cache_end, false);
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 1, (uint32_t[4]){ 0 });
    found = look(f, false, &rec);
    assert_groups(f, &rec, 1, (uint32_t[4]){ 0 });
    assert_true(found.refresh <= DIR_RETRY_S && found.end > DIR_RETRY_S);
    assert_int_equal(domain.opened, opened);
}

static void
a_logon_waits_for_no_connection(void **state)
{
    struct fixture *f = *state;
    unsigned opened = domain.opened;
    struct ipc_learned is;
    struct record rec;

    dir_link_close(f->d);
    is = log_on(f, true);
    rec = record_of(is.groups, is.groups_len);
    assert_groups(f, &rec, 1, (uint32_t[4]){ 0 });
    assert_true(is.refresh <= DIR_RETRY_S);
    assert_int_equal(domain.opened, opened);
    /* One that has broken is not made anew for it, either. */
    (void)by_name(f, RECORD_PASSWD, "bob", NULL);
    opened = domain.opened;
    domain.broken = true;
    (void)log_on(f, true);
    assert_int_equal(domain.opened, opened);
    /* Whoever looks her up has the time. */
    (void)look(f, false, &rec);
    assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
}

/* How many lists of groups a logon of that account of other.test asks for, when they end like that. */
static unsigned
lists_for(struct fixture *f, uint32_t rid, enum err fail)
{
    unsigned lists = domain.resource_lists;
    char name[32];

    (void)by_name(f, RECORD_PASSWD, "bob", NULL);
    (void)dir_link(f->d);
    domain.resource_fail = fail;
    (void)snprintf(name, sizeof(name), "user%u@other.test", rid);
    (void)log_on_as(f, name, rid, true);
    domain.resource_fail = ERR_OK;
    return domain.resource_lists - lists;
}

/* The pauses are over, but for the time since the last answer. */
static void
end_pauses(struct fixture *f)
{
    f->d->resource.pause = 0;
    memset(f->d->resource.users, 0, sizeof(f->d->resource.users));
}

static void
what_is_too_much_is_left_alone_for_a_while(void **state)
{
    static const enum err fails[] = { ERR_BUSY, ERR_TIMEOUT };
    struct fixture *f = *state;
    struct ipc_learned is;
    struct record rec;

    (void)log_on(f, true);
    for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
        unsigned lists = domain.resource_lists;

        end_pauses(f);
        (void)by_name(f, RECORD_PASSWD, "bob", NULL);
        (void)dir_link(f->d);
        domain.resource_fail = fails[i];
        is = log_on(f, true);
        rec = record_of(is.groups, is.groups_len);
        assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
        age(f, f->d->config->cache_refresh, false);
        (void)look(f, true, &rec);
        assert_groups(f, &rec, 4, (uint32_t[4]){ 1200, 1201, 1202 });
        assert_int_equal(domain.resource_lists, lists + 1);
        assert_in_range(f->d->resource.users[0].until, client_now() + 5000, client_now() + DIR_HARD_PAUSE_MS);
    }
    domain.resource_fail = ERR_OK;
    end_pauses(f);
    domain.resource[0].groups[0] = 0;
    (void)look(f, true, &rec);
    assert_groups(f, &rec, 3, (uint32_t[4]){ 1201, 1202 });
}

static void
one_user_too_much_holds_up_no_other(void **state)
{
    struct fixture *f = *state;

    /* Nobody has been answered: it may be the controller. */
    assert_int_equal(lists_for(f, 1500, ERR_TIMEOUT), 1);
    assert_int_equal(lists_for(f, 1501, ERR_OK), 0);
    end_pauses(f);
    /* However often one is too much, the others are asked for. */
    for (uint32_t rid = 1501; rid < 1501 + 2 * DIR_RESOURCE_MAX; rid++) {
        assert_int_equal(lists_for(f, rid, ERR_OK), 1);
        assert_int_equal(lists_for(f, 1500, ERR_TIMEOUT), rid == 1501);
    }
    assert_int_equal(lists_for(f, 1501, ERR_OK), 1);
    assert_int_equal(lists_for(f, 1600, ERR_TIMEOUT), 1);
    assert_int_equal(lists_for(f, 1600, ERR_OK) + lists_for(f, 1500, ERR_OK), 0);
    assert_int_equal(lists_for(f, 1501, ERR_OK), 1);
    /* The controller fails twice in a row. */
    assert_int_equal(lists_for(f, 1501, ERR_BUSY), 1);
    assert_int_equal(lists_for(f, 1502, ERR_BUSY), 1);
    assert_int_equal(lists_for(f, 1503, ERR_OK), 0);
    end_pauses(f);
    assert_int_equal(lists_for(f, 1503, ERR_OK), 1);
    /* That was long ago. */
    f->d->resource.answered -= DIR_RESOURCE_RECENT_MS + 1000;
    assert_int_equal(lists_for(f, 1501, ERR_TIMEOUT), 1);
    assert_int_equal(lists_for(f, 1502, ERR_OK), 0);
}

static void
an_own_user_s_logon_asks_nobody(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(2);
    unsigned asked = domain.asked;

    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    assert_int_equal(domain.asked, asked);
    talloc_free(info);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_logon_brings_what_the_own_directory_says),
        TEST(what_her_controller_claims_counts_for_nothing),
        TEST(other_domains_groups_are_not_taken_from_the_directory),
        TEST(a_namesake_is_left_out),
        TEST(before_a_logon_she_is_where_she_herself_is),
        TEST(who_is_taken_out_is_out_after_the_refresh),
        TEST(known_before_while_the_directory_is_away),
        TEST(a_logon_waits_for_no_connection),
        TEST(what_is_too_much_is_left_alone_for_a_while),
        TEST(one_user_too_much_holds_up_no_other),
        TEST(an_own_user_s_logon_asks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
