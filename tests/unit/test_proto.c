/* lib/proto: every message and record, what comes back and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto/proto.h"
#include "lib/proto/record.h"
#include "lib/proto/text.h"

static void
put_get_name(struct writer *w)
{
    proto_put_get(w, RECORD_GROUP, PROTO_BY_NAME, "CORP\\alice", 0);
}

static void
put_get_id(struct writer *w)
{
    proto_put_get(w, RECORD_PASSWD, PROTO_BY_ID, NULL, 200001);
}

static bool
get_get(const void *packet, size_t len)
{
    struct proto_get get;

    return proto_get_get(packet, len, &get);
}

static const struct proto_begin a_begin = {
    .operation = PROTO_OPEN_SESSION,
    .has_handle = true,
    .handle = "0123456789abcde",
    .pid = 4711,
    .parent = 4710,
    .user = "alice",
    .service = "sshd",
    .tty = "ssh",
    .rhost = "192.0.2.1",
    .ruser = "bob",
    .ccname = "FILE:/tmp/krb5cc_200001",
};

static void
put_begin(struct writer *w)
{
    proto_put_begin(w, &a_begin);
}

static void
put_begin_empty(struct writer *w)
{
    struct proto_begin b = { .operation = PROTO_AUTHENTICATE };

    proto_put_begin(w, &b);
}

static bool
get_begin(const void *packet, size_t len)
{
    struct proto_begin b;

    return proto_get_begin(packet, len, &b);
}

static void
put_answer(struct writer *w)
{
    proto_put_answer(w, "hunter2", 7);
}

static bool
get_answer(const void *packet, size_t len)
{
    const char *secret;
    size_t n;

    return proto_get_answer(packet, len, &secret, &n);
}

static void
put_ask(struct writer *w)
{
    struct proto_order o = { .type = PROTO_ASK, .how = PROTO_HOW_SECRET, .code = PROMPT_PASSWORD, .n_values = 1,
                             .values = { "corp.test" } };

    proto_put_order(w, &o);
}

static void
put_say(struct writer *w)
{
    struct proto_order o = { .type = PROTO_SAY, .code = NOTICE_PASSWORD_EXPIRES_DAYS, .n_values = 4,
                             .values = { "5", "", "x", "y" } };

    proto_put_order(w, &o);
}

static void
put_set(struct writer *w)
{
    struct proto_order o = { .type = PROTO_SET, .what = PROTO_SET_KRB5CCNAME, .text = "KEYRING:persistent:200001" };

    proto_put_order(w, &o);
}

static void
put_wait(struct writer *w)
{
    proto_put_order(w, &(struct proto_order){ .type = PROTO_WAIT });
}

static void
put_choice(struct writer *w)
{
    proto_put_answer(w, "7", 1);
}

static bool
get_choice(const void *packet, size_t len)
{
    unsigned place;

    return proto_get_choice(packet, len, 7, &place);
}

static bool
get_order(const void *packet, size_t len)
{
    struct proto_order o;

    return proto_get_order(packet, len, &o);
}

static void
put_done(struct writer *w)
{
    struct proto_done d = { .err = ERR_CLOCK, .uid = 200001, .has_handle = true, .sid = "S-1-5-21-1-2-3-1104",
                            .n_values = 1, .values = { "10 minutes" } };

    proto_put_done(w, &d);
}

static bool
get_done(const void *packet, size_t len)
{
    struct proto_done d;

    return proto_get_done(packet, len, &d);
}

static void
put_passwd(struct writer *w)
{
    proto_put_head(w, PROTO_RECORD);
    record_put_passwd(w, 200001, 200513, "alice", "Alice", "/home/alice", "/bin/bash");
}

static void
put_group(struct writer *w)
{
    static const char *const members[] = { "alice", "bob" };

    proto_put_head(w, PROTO_RECORD);
    record_put_group(w, 200513, "domain users", members, 2);
}

static void
put_groups(struct writer *w)
{
    static const uint32_t gids[] = { 200514, 200515 };

    proto_put_head(w, PROTO_RECORD);
    record_put_groups(w, 200001, 200513, "alice", gids, 2);
}

static bool
get_record(const void *packet, size_t len)
{
    struct reader r = reader_init(packet, len);
    struct record rec;

    return proto_get_head(&r) == PROTO_RECORD && record_get(&r, &rec) && record_is_safe(&rec);
}

enum which { GET_NAME, GET_ID, BEGIN, BEGIN_EMPTY, ANSWER, CHOICE, ASK, SAY, SET, WAIT, DONE, PASSWD, GROUP, GROUPS };

static const struct message {
    const char *name;
    void (*put)(struct writer *w);
    bool (*get)(const void *packet, size_t len);
} messages[] = {
    [GET_NAME] = { "GET by name", put_get_name, get_get },
    [GET_ID] = { "GET by id", put_get_id, get_get },
    [BEGIN] = { "BEGIN", put_begin, get_begin },
    [BEGIN_EMPTY] = { "BEGIN, all empty", put_begin_empty, get_begin },
    [ANSWER] = { "ANSWER", put_answer, get_answer },
    [CHOICE] = { "ANSWER to a choice", put_choice, get_choice },
    [WAIT] = { "WAIT", put_wait, get_order },
    [ASK] = { "ASK", put_ask, get_order },
    [SAY] = { "SAY", put_say, get_order },
    [SET] = { "SET", put_set, get_order },
    [DONE] = { "DONE", put_done, get_done },
    [PASSWD] = { "RECORD of a user", put_passwd, get_record },
    [GROUP] = { "RECORD of a group", put_group, get_record },
    [GROUPS] = { "RECORD of memberships", put_groups, get_record },
};

#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))

static uint8_t bytes[PROTO_PACKET_MAX];

static size_t
encode(const struct message *m)
{
    struct writer w = writer_init(bytes, sizeof(bytes));

    m->put(&w);
    assert_true(writer_ok(&w));
    return w.len;
}

/* Parses a copy of exactly that size, so that ASan sees each byte read beyond it. */
static bool
parses(const struct message *m, const uint8_t *packet, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    bool ok;

    assert_non_null(copy);
    memcpy(copy, packet, len);
    ok = m->get(copy, len);
    free(copy);
    return ok;
}

static void
every_cut_and_every_excess_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MESSAGES; i++) {
        const struct message *m = &messages[i];
        size_t len = encode(m);

        if (!parses(m, bytes, len))
            fail_msg("%s", m->name);
        for (size_t n = 0; n < len; n++) {
            if (parses(m, bytes, n))
                fail_msg("%s: %zu of %zu bytes", m->name, n, len);
        }
        bytes[len] = 0;
        if (parses(m, bytes, len + 1))
            fail_msg("%s: one byte more", m->name);
        assert_false(m->get(NULL, 0));
    }
}

static void
other_versions_and_types_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MESSAGES; i++) {
        const struct message *m = &messages[i];
        size_t len = encode(m);

        for (unsigned version = 0; version < 256; version++) {
            bytes[0] = (uint8_t)version;
            if (version == PROTO_VERSION)
                continue;
            assert_int_equal(proto_peek(bytes, len), 0);
            if (parses(m, bytes, len))
                fail_msg("%s: version %u", m->name, version);
        }
        bytes[0] = PROTO_VERSION;
        bytes[1] ^= 0x40;
        if (parses(m, bytes, len))
            fail_msg("%s: type %u", m->name, bytes[1]);
    }
}

/* One byte of a good packet replaced. Offsets are those of the fields in proto.h and record.h. */
static const struct {
    enum which which;
    size_t at;
    uint8_t value;
    const char *why;
} spoilt[] = {
    { GET_NAME, 2, 0, "kind 0" },
    { GET_NAME, 2, 4, "kind beyond the last" },
    { GET_NAME, 3, 0, "by 0" },
    { GET_NAME, 3, 3, "by beyond the last" },
    { GET_NAME, 3, PROTO_BY_ID, "an id that is a string" },
    { GET_NAME, 4, 0, "an empty name, then bytes" },
    { GET_NAME, 4, 9, "a name that ends early" },
    { GET_NAME, 4, 11, "a name that ends late" },
    { GET_NAME, 7, 0xff, "a name of 4 GiB" },
    { GET_NAME, 8, 0, "a NUL in the name" },
    { GET_ID, 2, RECORD_GROUPS, "memberships by id" },
    { GET_ID, 3, PROTO_BY_NAME, "a string that is an id" },
    { BEGIN, 2, 0, "operation 0" },
    { BEGIN, 2, PROTO_CHANGE_PASSWORD + 1, "operation beyond the last" },
    { BEGIN, 3, PROTO_CARD_ONLY + 1, "a card beyond the last" },
    { BEGIN, 4, 2, "a bool of 2" },
    { BEGIN, 4, 0, "a handle that is not announced" },
    { BEGIN, 33, 0, "a NUL in the user" },
    { BEGIN, 30, 2, "a user of more than 256 bytes" },
    { BEGIN_EMPTY, 4, 1, "a handle that is not there" },
    { ANSWER, 2, 8, "a secret beyond the end" },
    { ANSWER, 3, 5, "a secret that is too long" },
    { ANSWER, 8, 0, "a NUL in the secret" },
    { CHOICE, 2, 0, "no digit, then bytes" },
    { CHOICE, 2, 2, "a digit that is not there" },
    { CHOICE, 5, 1, "16 million digits" },
    { CHOICE, 6, '0', "the place before the first" },
    { CHOICE, 6, '8', "the place behind the last" },
    { CHOICE, 6, '/', "no digit" },
    { CHOICE, 6, ':', "no digit" },
    { CHOICE, 6, 0, "a NUL" },
    { ASK, 2, 0, "how 0" },
    { ASK, 2, 4, "how beyond the last" },
    { ASK, 2, PROTO_HOW_CHOICE, "one thing to choose from" },
    { ASK, 7, 0, "a value that is not announced" },
    { ASK, 7, 2, "a value that is not there" },
    { ASK, 7, PROTO_VALUES_MAX + 1, "too many values" },
    { SAY, 2, 2, "a bool of 2" },
    { SAY, 7, 255, "too many values" },
    { SAY, 12, 0, "a NUL in a value" },
    { SET, 2, 0, "what 0" },
    { SET, 2, 4, "what beyond the last" },
    { SET, 4, 8, "a text that is too long" },
    { DONE, 2, 200, "no such error" },
    { DONE, 5, 1, "no such error, high byte" },
    { DONE, 10, 2, "a bool of 2" },
    { DONE, 10, 0, "a handle that is not announced" },
    { DONE, 50, PROTO_VALUES_MAX + 1, "too many values" },
    { PASSWD, 2, 0, "kind 0" },
    { PASSWD, 2, 4, "kind beyond the last" },
    { PASSWD, 2, RECORD_GROUP, "of another kind" },
    { PASSWD, 11, 0, "no name" },
    { PASSWD, 11, 4, "a name that ends early" },
    { PASSWD, 11, 6, "a name that ends late" },
    { PASSWD, 12, 2, "a name that is too long" },
    { PASSWD, 14, 5, "a gecos that is too long" },
    { PASSWD, 17, 8, "a shell that ends early" },
    { PASSWD, 19, 0, "a NUL in the name" },
    { PASSWD, 24, 'x', "a name without its NUL" },
    { PASSWD, 30, 'x', "a gecos without its NUL" },
    { GROUP, 7, 1, "a member that is not announced" },
    { GROUP, 7, 3, "a member that is not there" },
    { GROUP, 10, 0xff, "4 billion members" },
    { GROUP, 27, 0, "a member without a name" },
    { GROUP, 27, 4, "a member without its NUL" },
    { GROUP, 28, 1, "a member that is too long" },
    { GROUP, 29, 2, "members that end early" },
    { GROUP, 29, 4, "members that end late" },
    { GROUP, 36, 'x', "members that run together" },
    { GROUPS, 11, 1, "a gid that is not announced" },
    { GROUPS, 11, 3, "a gid that is not there" },
    { GROUPS, 14, 0xff, "4 billion gids" },
    { GROUPS, 14, 0x40, "gids whose bytes wrap around" },
    { GROUPS, 23, 0, "no name" },
};

static void
spoilt_fields_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        const struct message *m = &messages[spoilt[i].which];
        size_t len = encode(m);

        assert_true(spoilt[i].at < len);
        if (bytes[spoilt[i].at] == spoilt[i].value)
            fail_msg("%s: %s: nothing is spoilt", m->name, spoilt[i].why);
        bytes[spoilt[i].at] = spoilt[i].value;
        if (parses(m, bytes, len))
            fail_msg("%s: %s", m->name, spoilt[i].why);
    }
}

static void
get_comes_back(void **state)
{
    struct proto_get get;

    (void)state;
    assert_true(proto_get_get(bytes, encode(&messages[GET_NAME]), &get));
    assert_int_equal(get.kind, RECORD_GROUP);
    assert_int_equal(get.by, PROTO_BY_NAME);
    assert_int_equal(get.name_len, 10);
    assert_memory_equal(get.name, "CORP\\alice", 10);
    assert_true(proto_get_get(bytes, encode(&messages[GET_ID]), &get));
    assert_int_equal(get.kind, RECORD_PASSWD);
    assert_int_equal(get.by, PROTO_BY_ID);
    assert_int_equal(get.id, 200001);
    assert_int_equal(proto_peek(bytes, encode(&messages[GET_ID])), PROTO_GET);
}

static void
begin_and_answer_come_back(void **state)
{
    struct proto_begin b;
    const char *secret;
    size_t n;

    (void)state;
    assert_true(proto_get_begin(bytes, encode(&messages[BEGIN]), &b));
    assert_int_equal(b.operation, a_begin.operation);
    assert_true(b.has_handle);
    assert_memory_equal(b.handle, a_begin.handle, PROTO_HANDLE_LEN);
    assert_int_equal(b.pid, 4711);
    assert_int_equal(b.parent, 4710);
    assert_string_equal(b.user, a_begin.user);
    assert_string_equal(b.service, a_begin.service);
    assert_string_equal(b.tty, a_begin.tty);
    assert_string_equal(b.rhost, a_begin.rhost);
    assert_string_equal(b.ruser, a_begin.ruser);
    assert_string_equal(b.ccname, a_begin.ccname);
    assert_true(proto_get_begin(bytes, encode(&messages[BEGIN_EMPTY]), &b));
    assert_false(b.has_handle);
    assert_string_equal(b.user, "");
    assert_true(proto_get_answer(bytes, encode(&messages[ANSWER]), &secret, &n));
    assert_int_equal(n, 7);
    assert_memory_equal(secret, "hunter2", 7);
}

static void
a_choice_is_a_place_in_its_list(void **state)
{
    static const struct {
        const char *text;
        unsigned n, place;   /* 0: refused */
    } cases[] = {
        { "1", 1, 1 },   { "2", 1, 0 },   { "8", 8, 8 },    { "9", 8, 0 },   { "12", 12, 12 }, { "13", 12, 0 },
        { "99", 99, 99 }, { "100", 99, 0 }, { "0", 8, 0 },  { "01", 8, 0 },  { "1 ", 8, 0 },   { " 1", 8, 0 },
        { "+1", 8, 0 },  { "-1", 8, 0 },  { "1x", 8, 0 },   { "x", 8, 0 },   { "", 8, 0 },     { "4294967297", 8, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct writer w = writer_init(bytes, sizeof(bytes));
        unsigned place = 99;
        bool ok;

        proto_put_answer(&w, cases[i].text, strlen(cases[i].text));
        ok = proto_get_choice(bytes, w.len, cases[i].n, &place);
        if (ok != (cases[i].place != 0) || place != cases[i].place)
            fail_msg("\"%s\" of %u: %u", cases[i].text, cases[i].n, place);
    }
}

static void
orders_and_done_come_back(void **state)
{
    struct proto_order o;
    struct proto_done d;

    (void)state;
    assert_true(proto_get_order(bytes, encode(&messages[ASK]), &o));
    assert_int_equal(o.type, PROTO_ASK);
    assert_int_equal(o.how, PROTO_HOW_SECRET);
    assert_int_equal(o.code, PROMPT_PASSWORD);
    assert_int_equal(o.n_values, 1);
    assert_string_equal(o.values[0], "corp.test");
    assert_true(proto_get_order(bytes, encode(&messages[SAY]), &o));
    assert_int_equal(o.type, PROTO_SAY);
    assert_false(o.is_error);
    assert_int_equal(o.n_values, 4);
    assert_string_equal(o.values[1], "");
    assert_string_equal(o.values[3], "y");
    assert_true(proto_get_order(bytes, encode(&messages[SET]), &o));
    assert_int_equal(o.what, PROTO_SET_KRB5CCNAME);
    assert_string_equal(o.text, "KEYRING:persistent:200001");
    assert_true(proto_get_done(bytes, encode(&messages[DONE]), &d));
    assert_int_equal(d.err, ERR_CLOCK);
    assert_int_equal(d.uid, 200001);
    assert_true(d.has_handle);
    assert_string_equal(d.sid, "S-1-5-21-1-2-3-1104");
    assert_string_equal(d.values[0], "10 minutes");
    /* What could not be read is never a success. */
    assert_false(proto_get_done(bytes, 3, &d));
    assert_int_equal(d.err, ERR_PROTOCOL);
    assert_int_not_equal(d.err, ERR_OK);
}

static void
too_much_is_not_written(void **state)
{
    static char name[PROTO_NAME_MAX + 2];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct proto_order o = { .type = PROTO_SAY, .n_values = PROTO_VALUES_MAX + 1 };
    struct proto_get get;

    (void)state;
    proto_put_order(&w, &o);
    assert_false(writer_ok(&w));
    for (size_t n = PROTO_NAME_MAX; n <= PROTO_NAME_MAX + 1; n++) {
        memset(name, 'a', n);
        w = writer_init(bytes, sizeof(bytes));
        proto_put_get(&w, RECORD_PASSWD, PROTO_BY_NAME, name, 0);
        assert_true(writer_ok(&w));
        assert_int_equal(proto_get_get(bytes, w.len, &get), n == PROTO_NAME_MAX);
    }
}

static struct record
record_of(const struct message *m)
{
    struct reader r = reader_init(bytes, encode(m));
    struct record rec;

    assert_int_equal(proto_get_head(&r), PROTO_RECORD);
    assert_true(record_get(&r, &rec));
    return rec;
}

static void
assert_str(struct record_str str, const char *text)
{
    assert_int_equal(str.len, strlen(text));
    assert_memory_equal(str.s, text, str.len);
}

static void
records_come_back(void **state)
{
    struct record rec = record_of(&messages[PASSWD]);
    char members[16], *names[2];

    (void)state;
    assert_int_equal(rec.kind, RECORD_PASSWD);
    assert_int_equal(rec.uid, 200001);
    assert_int_equal(rec.gid, 200513);
    assert_str(rec.name, "alice");
    assert_str(rec.gecos, "Alice");
    assert_str(rec.home, "/home/alice");
    assert_str(rec.shell, "/bin/bash");

    rec = record_of(&messages[GROUP]);
    assert_int_equal(rec.kind, RECORD_GROUP);
    assert_int_equal(rec.gid, 200513);
    assert_str(rec.name, "domain users");
    assert_int_equal(rec.n, 2);
    assert_int_equal(rec.members_len, 10);
    memcpy(members, rec.members, rec.members_len);
    assert_true(record_members(&rec, members, names));
    assert_string_equal(names[0], "alice");
    assert_string_equal(names[1], "bob");
    /* What is given is what was checked, whatever becomes of the bytes that it was copied from. */
    members[0] = '-';
    assert_false(record_members(&rec, members, names));

    rec = record_of(&messages[GROUPS]);
    assert_int_equal(rec.kind, RECORD_GROUPS);
    assert_int_equal(rec.uid, 200001);
    assert_int_equal(rec.gid, 200513);
    assert_str(rec.name, "alice");
    assert_int_equal(rec.n, 2);
    assert_int_equal(record_gid(&rec, 0), 200514);
    assert_int_equal(record_gid(&rec, 1), 200515);
}

static void
what_is_told_depends_on_who_hears_it(void **state)
{
    (void)state;
    assert_int_equal(err_for_peer(ERR_LOCKED, false, false), ERR_DENIED);
    assert_int_equal(err_for_peer(ERR_LOCKED, true, false), ERR_LOCKED);
    assert_int_equal(err_for_peer(ERR_LOCKED, false, true), ERR_LOCKED);
    assert_int_equal(err_for_peer(ERR_NO_KDC, false, false), ERR_NO_KDC);
    assert_string_equal(err_name(ERR_WRONG_PASSWORD), "WRONG_PASSWORD");
    assert_string_equal(err_name(UINT32_MAX), "?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_and_every_excess_is_refused),
        cmocka_unit_test(other_versions_and_types_are_refused),
        cmocka_unit_test(spoilt_fields_are_refused),
        cmocka_unit_test(get_comes_back),
        cmocka_unit_test(begin_and_answer_come_back),
        cmocka_unit_test(a_choice_is_a_place_in_its_list),
        cmocka_unit_test(orders_and_done_come_back),
        cmocka_unit_test(too_much_is_not_written),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(what_is_told_depends_on_who_hears_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
