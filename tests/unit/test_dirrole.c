/* daemon/directory: what front gets to hear, with the real store and a domain that does as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/dirrole.h"

static void
a_user_is_asked_for_once(void **state)
{
    struct fixture *f = *state;
    struct record rec;
    struct ipc_found found = by_name(f, RECORD_PASSWD, "alice", &rec);

    assert_int_equal(found.status, IPC_STATUS_FOUND);
    assert_int_equal(found.refresh, 900);
    assert_int_equal(found.end, 30 * 86400);
    assert_int_equal(rec.kind, RECORD_PASSWD);
    assert_int_equal(rec.uid, id_of(f, 1104));
    assert_int_equal(rec.gid, id_of(f, 513));
    assert_true(is_str(rec.name, "alice"));
    assert_true(is_str(rec.gecos, "Alice Example"));
    assert_true(is_str(rec.home, "/home/alice"));
    assert_true(is_str(rec.shell, "/bin/bash"));
    assert_int_equal(domain.asked, 1);
    assert_int_equal(by_name(f, RECORD_PASSWD, "ALICE", NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(by_id(f, RECORD_PASSWD, rec.uid, NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.asked, 1);
    /* After a restart as well. */
    restart(f, SHORT);
    assert_int_equal(by_name(f, RECORD_PASSWD, "CORP\\alice", &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "alice"));
    assert_int_equal(domain.asked, 1);
}

static void
refresh_asks_again(void **state)
{
    struct fixture *f = *state;
    struct ipc_lookup m = { .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .refresh = true, .name = "alice" };
    struct record rec;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    fake_user("alice")->account = "ALICE";
    /* Not for what has just been learned: 1,000 groups are refreshed one by one, but come in batches. */
    assert_int_equal(look_up(f, &m, &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.asked, 1);
    age_alice(f, 60);
    assert_int_equal(look_up(f, &m, &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.gecos, "ALICE Example"));
    assert_int_equal(domain.asked, 2);
    age_alice(f, 60);
    domain.away = domain.broken = true;
    assert_int_equal(look_up(f, &m, NULL).status, IPC_STATUS_FOUND);
}

static void
every_spelling_names_one_account(void **state)
{
    static const char *const alice[] = { "alice", "Alice", "CORP\\ALICE", "corp\\alice", "corp.test\\alice",
                                         "alice@corp.test", "ALICE@CORP.TEST", "alice@corp" };
    static const char *const nobody[] = { "OTHER\\alice", "other.test\\alice", "alice@other.test", "corp\\",
                                          "@corp.test", "al:ice", "-alice", "..", "a/b", "\xff", "",
                                          "alice@corp@test" };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(alice) / sizeof(alice[0]); i++) {
        struct ipc_identity is = who(f, alice[i]);
        struct sid sid = fake_sid(1104);

        assert_int_equal(is.status, IPC_STATUS_FOUND);
        assert_string_equal(is.name, "alice");
        assert_string_equal(is.principal, "Alice");
        assert_true(sid_equal(&is.sid, &sid));
        assert_int_equal(is.uid, id_of(f, 1104));
        assert_int_equal(is.gid, id_of(f, 513));
    }
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
        assert_int_equal(who(f, nobody[i]).status, IPC_STATUS_NONE);
    assert_string_equal(who(f, "robert@brand.example").name, "bob");
    assert_string_equal(who(f, "Robert@BRAND.example").name, "bob");
    assert_int_equal(who(f, "robert").status, IPC_STATUS_NONE);
}

static void
what_is_no_person_is_not_there(void **state)
{
    static const char *const names[] = { "ws1$", "carol@corp.test", "CORP\\carol@corp.test", "nobody", "domain users" };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(by_name(f, RECORD_PASSWD, names[i], NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, id_of(f, 1107), NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, id_of(f, 1106), NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, id_of(f, 513), NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, 0, NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, 1000, NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_id(f, RECORD_PASSWD, UINT32_MAX, NULL).status, IPC_STATUS_NONE);
    /* Reserved names are front's to keep back. */
    assert_int_equal(by_name(f, RECORD_PASSWD, "root", NULL).status, IPC_STATUS_FOUND);
}

static void
qualified_names_are_the_only_ones(void **state)
{
    struct fixture *f = *state;
    struct record rec;

    restart(f, QUALIFIED);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(who(f, "alice").status, IPC_STATUS_NONE);
    assert_int_equal(by_name(f, RECORD_GROUP, "domain users", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_name(f, RECORD_PASSWD, "Alice@Corp.Test", &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "alice@corp.test"));
    assert_true(is_str(rec.home, "/home/alice@corp.test"));
    assert_string_equal(who(f, "CORP\\alice").name, "alice@corp.test");
    assert_string_equal(who(f, "CORP\\alice").principal, "Alice");
    assert_int_equal(by_name(f, RECORD_GROUP, "domain users@corp.test", &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "domain users@corp.test"));
}

static void
other_names_or_ids_begin_with_an_empty_store(void **state)
{
    struct fixture *f = *state;
    struct store_user *u;

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    restart(f, QUALIFIED);
    u = store_user_by_name(f->d->store, NULL, "alice");
    assert_null(u);
    (void)by_name(f, RECORD_PASSWD, "alice@corp.test", NULL);
    restart(f, QUALIFIED "range_size = 100000\n");
    assert_null(store_user_by_name(f->d->store, NULL, "alice@corp.test"));
    /* The domain was made anew. */
    (void)by_name(f, RECORD_PASSWD, "alice@corp.test", NULL);
    (void)sid_parse("S-1-5-21-9-9-9", &domain.sid);
    dir_link_close(f->d);
    (void)by_name(f, RECORD_PASSWD, "bob@corp.test", NULL);
    assert_null(store_user_by_name(f->d->store, NULL, "alice@corp.test"));
    assert_true(sid_equal(&f->d->own.sid, &domain.sid));
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice@corp.test", NULL).status, IPC_STATUS_FOUND);
}

static void
who_is_deleted_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct sid alice = fake_sid(1104);

    (void)by_name(f, RECORD_PASSWD, "alice", NULL);
    domain.n_users = 0;
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_FOUND);
    age_alice(f, 1000);
    assert_int_equal(by_name(f, RECORD_PASSWD, "alice", NULL).status, IPC_STATUS_NONE);
    assert_null(store_user_by_sid(f->d->store, NULL, &alice));
}

static void
memberships_come_from_the_token(void **state)
{
    struct fixture *f = *state;
    struct record rec;
    unsigned asked;

    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.kind, RECORD_GROUPS);
    assert_true(is_str(rec.name, "alice"));
    assert_int_equal(rec.uid, id_of(f, 1104));
    assert_int_equal(rec.gid, id_of(f, 513));
    assert_int_equal(rec.n, 2);
    assert_int_equal(record_gid(&rec, 0), id_of(f, 1200));
    assert_int_equal(record_gid(&rec, 1), id_of(f, 1201));
    asked = domain.asked;
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.asked, asked);
    /* No member of anything else than the primary group. */
    assert_int_equal(by_name(f, RECORD_GROUPS, "bob", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 0);
    assert_int_equal(by_name(f, RECORD_GROUPS, "nobody", NULL).status, IPC_STATUS_NONE);
    age_alice(f, 1000);
    domain.away = true;
    dir_link_close(f->d);
    f->d->dc.known = false;
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
}

static void
a_logon_teaches_without_asking(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(300);
    struct ipc_learned is;
    struct record rec;
    unsigned asked;

    assert_int_equal(who(f, "alice").status, IPC_STATUS_FOUND);
    asked = domain.asked;
    is = learn(f, "alice", info);
    assert_int_equal(is.err, ERR_OK);
    assert_int_equal(is.refresh, 900);
    rec = record_of(is.passwd, is.passwd_len);
    assert_true(is_str(rec.name, "alice"));
    assert_int_equal(rec.uid, id_of(f, 1104));
    rec = record_of(is.groups, is.groups_len);
    assert_int_equal(rec.kind, RECORD_GROUPS);
    assert_int_equal(rec.n, 300);
    assert_int_equal(record_gid(&rec, 0), id_of(f, 1200));
    assert_int_equal(domain.asked, asked);
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 300);
    assert_int_equal(domain.asked, asked);
    domain.away = true;
    restart(f, SHORT);
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 300);
    assert_int_equal(state_of(f, 1104), ERR_OK);
    talloc_free(info);
}

/* A group called like a local or a reserved one is left out of memberships, also as soon as the configuration says so. */
static void
namesakes_follow_the_configuration(void **state)
{
    struct fixture *f = *state;
    struct record rec;

    (void)snprintf(domain.groups[1].account, sizeof(domain.groups[1].account), "Deploy");
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
    assert_non_null(f->d->namesakes);
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1200), NULL).status, IPC_STATUS_FOUND);
    /* The domain cannot be asked: what the store knows of the group's name counts. */
    domain.away = true;
    reload(f, SHORT "[identity]\nreserved_names = +deploy\n");
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 1);
    assert_int_equal(record_gid(&rec, 0), id_of(f, 1201));
    reload(f, SHORT);
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
    /* And what the domain said under the old one does not. */
    domain.away = false;
    reload(f, SHORT "[identity]\nreserved_names = +deploy\n");
    (void)dir_link(f->d);
    dir_namesakes_refresh(f->d);
    assert_int_equal(f->d->n_namesakes, 1);
    domain.away = true;
    reload(f, SHORT);
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
}

static void
a_logon_does_not_wait_for_namesakes(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(10);

    (void)who(f, "alice");
    assert_non_null(f->d->link.ldap);
    assert_null(f->d->namesakes);
    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    assert_int_equal(domain.namesake_lists, 0);
    /* Who asks for memberships has asked the domain anyway. */
    assert_int_equal(by_name(f, RECORD_GROUPS, "alice", NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.namesake_lists, 1);
    talloc_free(info);
}

static void
a_logon_of_somebody_else_teaches_nothing(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(3);

    (void)who(f, "alice");
    info->user_account_control = USER_WORKSTATION_TRUST_ACCOUNT;
    assert_int_equal(learn(f, "alice", info).err, ERR_NOT_A_PERSON);
    info->user_account_control = USER_NORMAL_ACCOUNT;
    assert_int_equal(learn(f, "bob", info).err, ERR_WRONG_ACCOUNT);
    /* A domain that only calls itself like ours. */
    (void)sid_parse("S-1-5-21-7-8-9-1104", &info->user);
    assert_int_equal(learn(f, "alice", info).err, ERR_WRONG_ACCOUNT);
    info->domain_dns = info->domain_netbios = "";
    assert_int_equal(learn(f, "alice", info).err, ERR_INTERNAL);
    assert_int_equal(who(f, "alice").uid, id_of(f, 1104));
    assert_int_equal(f->d->n_pending, 0);
    talloc_free(info);
}

static void
names_of_groups_come_in_batches(void **state)
{
    struct fixture *f = *state;
    struct logon_info *info = logon_of_alice(350);
    struct record rec;
    unsigned asked;

    (void)who(f, "alice");
    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    assert_int_equal(f->d->n_pending, 351);
    asked = domain.asked;
    assert_true(dir_pending_due(f->d));
    dir_pending_work(f->d);
    assert_int_equal(f->d->n_pending, 251);
    /* Somebody asks for one in the middle: the batch behind it comes with it. */
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1400), &rec).status, IPC_STATUS_FOUND);
    assert_true(is_str(rec.name, "group 201"));
    assert_int_equal(f->d->n_pending, 151);
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1499), NULL).status, IPC_STATUS_FOUND);
    while (dir_pending_due(f->d))
        dir_pending_work(f->d);
    assert_int_equal(domain.asked, asked + 4);
    for (uint32_t rid = 1200; rid < 1550; rid++)
        assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, rid), NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.asked, asked + 4);
    /* Learned again: nothing is left to ask. */
    assert_int_equal(learn(f, "alice", info).err, ERR_OK);
    while (dir_pending_due(f->d))
        dir_pending_work(f->d);
    assert_int_equal(domain.asked, asked + 4);
    talloc_free(info);
}

static void
members_are_for_names_alone(void **state)
{
    static const char *members[] = { "Alice", "bob", "root", "x:y", "carol@corp.test", "Daemon" };
    struct fixture *f = *state;
    struct record rec;
    domain.members = members;
    domain.n_members = 6;
    (void)who(f, "alice");
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1200), &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 0);
    assert_int_equal(domain.member_lists, 0);
    assert_int_equal(by_name(f, RECORD_GROUP, "GROUP 1", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.member_lists, 1);
    assert_true(is_str(rec.name, "group 1"));
    assert_int_equal(rec.gid, id_of(f, 1200));
    /* Reserved names, those of local users, and those that can be no user's are left out. */
    assert_int_equal(rec.n, 2);
    assert_int_equal(rec.members_len, 10);
    assert_memory_equal(rec.members, "alice\0bob", 10);
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", NULL).status, IPC_STATUS_FOUND);
    assert_int_equal(domain.member_lists, 1);
    /* By id they are told where they are known. */
    assert_int_equal(by_id(f, RECORD_GROUP, id_of(f, 1200), &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
    assert_int_equal(by_name(f, RECORD_GROUP, "no such group", NULL).status, IPC_STATUS_NONE);
    assert_int_equal(by_name(f, RECORD_GROUP, "alice", NULL).status, IPC_STATUS_NONE);
    domain.away = true;
    dir_link_close(f->d);
    f->d->dc.known = false;
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 2);
    assert_int_equal(by_name(f, RECORD_GROUP, "group 2", &rec).status, IPC_STATUS_LATER);
    domain.away = false;
    restart(f, QUALIFIED);
    assert_int_equal(by_name(f, RECORD_GROUP, "group 1@corp.test", &rec).status, IPC_STATUS_FOUND);
    assert_int_equal(rec.n, 4);
}

static void
a_long_record_comes_as_a_descriptor(void **state)
{
    static char names[10000][16];
    static const char *members[10000];
    struct fixture *f = *state;
    struct ipc_lookup m = { .request = 5, .kind = RECORD_GROUP, .by = PROTO_BY_NAME, .name = "group 1" };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_found found;
    struct record rec;
    const void *data;
    size_t len, n;
    int fd = -1;

    for (size_t i = 0; i < 10000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "member-%05zu", i);
        members[i] = names[i];
    }
    domain.members = members;
    domain.n_members = 10000;
    ipc_put_lookup(&w, &m);
    n = ask(f, &w, &fd);
    assert_true(ipc_get_found(reply, n, &found));
    assert_int_equal(found.status, IPC_STATUS_FOUND);
    assert_null(found.record);
    assert_true(fd >= 0);
    assert_int_equal(sealed_map(fd, PROTO_RECORD_MAX, &data, &len), 0);
    rec = record_of(data, len);
    assert_int_equal(rec.n, 10000);
    assert_true(is_str(rec.name, "group 1"));
    (void)close(fd);
}

static void
what_may_not_be_sent_is_refused(void **state)
{
    struct fixture *f = *state;
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    struct ipc_lookup m = { .kind = RECORD_GROUPS, .by = PROTO_BY_ID, .id = 300000 };
    struct ipc_peer peer = { .role = ROLE_LOGON };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));

    ipc_put_lookup(&w, &m);
    assert_false(dir_dispatch(f->d, ROLE_FRONT, bytes, w.len, fds));
    assert_false(dir_dispatch(f->d, ROLE_MEMBER, bytes, w.len, fds));
    assert_false(dir_dispatch(f->d, ROLE_FRONT, bytes, w.len - 1, fds));
    assert_false(dir_dispatch(f->d, ROLE_FRONT, bytes, 0, fds));
    for (unsigned type = 0; type < 256; type++) {
        bytes[0] = (uint8_t)type;
        assert_false(dir_dispatch(f->d, ROLE_FRONT, bytes, 1, fds));
        assert_false(dir_dispatch(f->d, ROLE_MEMBER, bytes, 1, fds));
        assert_false(dir_dispatch(f->d, ROLE_KEEPER, bytes, 1, fds));
    }
    w.len = 0;
    ipc_put_peer(&w, &peer);
    assert_false(dir_dispatch(f->d, ROLE_KEEPER, bytes, w.len, fds));
}

static struct ipc_last_card
last_card(uint32_t uid)
{
    struct ipc_last_card c = { .uid = uid };

    memset(c.hash, (int)uid, sizeof(c.hash));
    return c;
}

/* front has seen a logon of that uid's. */
static void
use_card(struct fixture *f, uint32_t uid)
{
    struct ipc_last_card m = last_card(uid);
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    uint8_t bytes[64];
    struct writer w = writer_init(bytes, sizeof(bytes));

    ipc_put_last_card(&w, &m);
    assert_true(dir_dispatch(f->d, ROLE_FRONT, bytes, w.len, fds));
}

/* What front hears that has just been started. */
static struct ipc_last_cards
meet_front(struct fixture *f)
{
    const struct ipc_peer peer = { .role = ROLE_FRONT };
    int pair[2], fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    struct ipc_last_cards m = { .n = 0 };
    uint8_t bytes[16];
    struct writer w = writer_init(bytes, sizeof(bytes));
    ssize_t n;

    assert_true(channel_pair(pair));
    (void)close(f->front);
    f->front = pair[0];
    fds[0] = pair[1];
    ipc_put_peer(&w, &peer);
    assert_true(dir_dispatch(f->d, ROLE_KEEPER, bytes, w.len, fds));
    n = channel_recv(f->front, reply, sizeof(reply), fds, 0);
    if (n > 0)
        assert_true(ipc_get_last_cards(reply, (size_t)n, &m));
    return m;
}

static void
cards_that_were_used_outlast_both(void **state)
{
    static const uint32_t order[] = { 2001104, IPC_ANYBODY, 2001105 };
    struct fixture *f = *state;
    struct ipc_last_cards m;

    assert_int_equal(meet_front(f).n, 0);
    use_card(f, 2001104);
    use_card(f, 2001105);
    use_card(f, IPC_ANYBODY);
    use_card(f, 2001104);
    /* Another front, then another directory, which meets it, or finds it there. */
    for (int i = 0; i < 3; i++) {
        if (i == 2) {
            int fds[CHANNEL_FDS_MAX];
            ssize_t n;

            dir_cards_tell(f->d);
            n = channel_recv(f->front, reply, sizeof(reply), fds, 0);
            assert_true(n > 0 && ipc_get_last_cards(reply, (size_t)n, &m));
        } else {
            m = meet_front(f);
        }
        assert_int_equal(m.n, 3);
        for (size_t k = 0; k < 3; k++) {
            struct ipc_last_card c = last_card(order[k]);

            assert_memory_equal(&m.cards[k], &c, sizeof(c));
        }
        restart(f, SHORT);
    }
    /* And as many as there may be. */
    for (uint32_t i = 0; i < IPC_LAST_CARDS_MAX + 1; i++)
        use_card(f, 2002000 + i);
    m = meet_front(f);
    assert_int_equal(m.n, IPC_LAST_CARDS_MAX);
    assert_int_equal(m.cards[0].uid, 2002000 + IPC_LAST_CARDS_MAX);
    /* Where ids are others nobody knows whose they were. */
    restart(f, QUALIFIED);
    assert_int_equal(meet_front(f).n, 0);
    /* A front that is not there is nobody to tell. */
    use_card(f, 2001104);
    (void)close(f->front);
    dir_cards_tell(f->d);
    f->front = -1;
    assert_int_equal(meet_front(f).n, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DIRROLE_TEST(a_user_is_asked_for_once),
        DIRROLE_TEST(refresh_asks_again),
        DIRROLE_TEST(every_spelling_names_one_account),
        DIRROLE_TEST(what_is_no_person_is_not_there),
        DIRROLE_TEST(qualified_names_are_the_only_ones),
        DIRROLE_TEST(other_names_or_ids_begin_with_an_empty_store),
        DIRROLE_TEST(who_is_deleted_is_forgotten),
        DIRROLE_TEST(memberships_come_from_the_token),
        DIRROLE_TEST(a_logon_teaches_without_asking),
        DIRROLE_TEST(namesakes_follow_the_configuration),
        DIRROLE_TEST(a_logon_does_not_wait_for_namesakes),
        DIRROLE_TEST(a_logon_of_somebody_else_teaches_nothing),
        DIRROLE_TEST(names_of_groups_come_in_batches),
        DIRROLE_TEST(members_are_for_names_alone),
        DIRROLE_TEST(a_long_record_comes_as_a_descriptor),
        DIRROLE_TEST(cards_that_were_used_outlast_both),
        DIRROLE_TEST(what_may_not_be_sent_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
