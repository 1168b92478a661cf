/* What may be in a record: texts and names, ids, and the members of a large group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/proto/proto.h"
#include "lib/proto/record.h"
#include "lib/proto/text.h"

static uint8_t bytes[PROTO_PACKET_MAX];

/* A RECORD packet of len bytes. */
static bool
is_believed(size_t len)
{
    struct reader r = reader_init(bytes, len);
    struct record rec;

    return proto_get_head(&r) == PROTO_RECORD && record_get(&r, &rec) && record_is_safe(&rec);
}

#define TEXT(s) s, sizeof(s) - 1

static const struct {
    const char *s;
    size_t n;
    bool field;
    bool name;
} texts[] = {
    { TEXT("alice"), true, true },
    { TEXT("CORP\\alice"), true, true },
    { TEXT("alice@corp.example.com"), true, true },
    { TEXT("domain users"), true, true },
    { TEXT("o'neil"), true, true },
    { TEXT("j\xc3\xbcrgen"), true, true },
    { TEXT("\xf0\x9f\x98\x80"), true, true },
    { TEXT("host$"), true, true },
    { TEXT("rooty"), true, true },
    { TEXT("1000"), true, true },
    { TEXT("4294967296000"), true, true },
    { TEXT("0x0"), true, true },
    { TEXT("..."), true, true },
    { TEXT(""), true, false },
    { TEXT("root"), true, false },
    { TEXT("."), true, false },
    { TEXT(".."), true, false },
    { TEXT("-rf"), true, false },
    { TEXT("0"), true, false },
    { TEXT("033"), true, false },
    { TEXT("999"), true, false },
    { TEXT("a/b"), true, false },
    { TEXT("a:b"), false, false },
    { TEXT("a\nb"), false, false },
    { TEXT("a\0b"), false, false },
    { TEXT("\x1b[31m"), false, false },
    { TEXT("a\x7f"), false, false },
    { TEXT("\xc2\x9b"), false, false },         /* CSI of C1 */
    { TEXT("\xc2\xa0"), true, true },
    { TEXT("\xff"), false, false },
    { TEXT("\x80"), false, false },
    { TEXT("\xc3"), false, false },             /* cut */
    { TEXT("\xe2\x82"), false, false },
    { TEXT("\xc3("), false, false },
    { TEXT("\xc0\xaf"), false, false },         /* '/' in two bytes */
    { TEXT("\xe0\x80\xaf"), false, false },     /* in three */
    { TEXT("\xf0\x80\x80\xaf"), false, false }, /* in four */
    { TEXT("\xed\xa0\x80"), false, false },     /* half a surrogate pair */
    { TEXT("\xf4\x90\x80\x80"), false, false }, /* beyond Unicode */
    { TEXT("\xf5\x80\x80\x80"), false, false },
    { TEXT("\xef\xbf\xbf"), true, true },
};

static void
texts_and_names_are_judged(void **state)
{
    static char name[PROTO_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (text_is_field(texts[i].s, texts[i].n) != texts[i].field)
            fail_msg("field %zu: %s", i, texts[i].s);
        if (text_is_name(texts[i].s, texts[i].n) != texts[i].name)
            fail_msg("name %zu: %s", i, texts[i].s);
    }
    memset(name, 'a', sizeof(name));
    assert_true(text_is_name(name, PROTO_NAME_MAX));
    assert_false(text_is_name(name, PROTO_NAME_MAX + 1));
    assert_false(text_is_name("0123456789", 1));
}

/* Every byte at every place of texts of all lengths, what stands around them no part of it. */
static void
no_byte_of_a_text_is_passed_over(void **state)
{
    char around[24];

    (void)state;
    for (size_t n = 1; n <= 20; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                bool field = byte >= 0x20 && byte < 0x7f && byte != ':';

                memset(around, '\n', sizeof(around));
                memset(around + 1, 'a', n);
                around[1 + at] = (char)byte;
                assert_int_equal(text_is_field(around + 1, n), field);
                if (n > 1)
                    assert_int_equal(text_is_name(around + 1, n), field && byte != '/' && (at > 0 || byte != '-'));
            }
        }
    }
}

/* Every byte at every place of texts that are shorter, as long and longer than what is looked at at once. */
static void
a_copy_says_what_was_copied(void **state)
{
    char from[50], to[50];

    (void)state;
    for (size_t n = 0; n < sizeof(from); n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                bool plain = byte == 0 || (byte >= 0x20 && byte < 0x7f && byte != ':');

                memset(from, 'a', sizeof(from));
                memset(to, '!', sizeof(to));
                from[at] = (char)byte;
                assert_int_equal(text_copy(to, from, n), plain && n >= 16);
                assert_memory_equal(to, from, n);
                assert_int_equal(to[n], '!');
            }
        }
    }
    assert_false(text_copy(to, from, 0));
}

static void
what_is_plain_is_not_safe_yet(void **state)
{
    static const struct record_str text = { "alice", 5 }, path = { "/home", 5 }, dash = { "-l", 2 }, slash = { "a/b", 3 };
    struct record rec = { .kind = RECORD_PASSWD, .uid = 1000, .gid = 1000, .name = text, .gecos = text, .home = path,
                          .shell = path };
    struct record bad;

    (void)state;
    assert_true(record_head_is_safe(&rec, true));
    bad = rec;
    bad.name = dash;
    assert_false(record_head_is_safe(&bad, true));
    bad.name = slash;
    assert_false(record_head_is_safe(&bad, true));
    bad.name = (struct record_str){ "ro\0t", 4 };
    assert_false(record_head_is_safe(&bad, true));
    bad = rec;
    bad.home = text;
    assert_false(record_head_is_safe(&bad, true));
    bad = rec;
    bad.shell = text;
    assert_false(record_head_is_safe(&bad, true));
    bad = rec;
    bad.uid = 0;
    assert_false(record_head_is_safe(&bad, true));
}

static bool
user_is_safe(uint32_t uid, uint32_t gid, const char *name, const char *gecos, const char *home, const char *shell)
{
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct reader r;
    struct record rec;

    record_put_passwd(&w, uid, gid, name, gecos, home, shell);
    assert_true(writer_ok(&w));
    r = reader_init(bytes, w.len);
    assert_true(record_get(&r, &rec));
    return record_is_safe(&rec);
}

static bool
group_is_safe(uint32_t gid, const char *name, const char *member)
{
    const char *members[] = { "alice", member };
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct reader r;
    struct record rec;

    record_put_group(&w, gid, name, members, 2);
    r = reader_init(bytes, w.len);
    assert_true(record_get(&r, &rec));
    return record_is_safe(&rec);
}

static bool
groups_are_safe(uint32_t uid, uint32_t gid, uint32_t other, const char *name)
{
    uint32_t gids[] = { 200513, other };
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct reader r;
    struct record rec;

    record_put_groups(&w, uid, gid, name, gids, 2);
    r = reader_init(bytes, w.len);
    assert_true(record_get(&r, &rec));
    return record_is_safe(&rec);
}

static void
records_of_the_system_are_unsafe(void **state)
{
    static const uint32_t bad[] = { 0, 1, 33, 999, UINT32_MAX };

    (void)state;
    assert_true(user_is_safe(1000, 1000, "alice", "", "", ""));
    assert_true(user_is_safe(3000000000U, 3000000000U, "alice", "Alice, \xc3\x9c", "/home/alice", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "root", "", "/", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "a/b", "", "/", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "alice", "x:/:/bin/sh\nroot", "/", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "alice", "", "home", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "alice", "", "/a:b", "/bin/sh"));
    assert_false(user_is_safe(1000, 1000, "alice", "", "/", "sh"));
    assert_false(user_is_safe(1000, 1000, "alice", "", "/", "/bin/\xff"));
    assert_true(group_is_safe(1000, "staff@corp.test", "bob"));
    assert_false(group_is_safe(1000, "root", "bob"));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strlen(texts[i].s) == texts[i].n && group_is_safe(1000, "staff", texts[i].s) != texts[i].name)
            fail_msg("member %zu: %s", i, texts[i].s);
    }
    assert_true(groups_are_safe(1000, 1000, 1000, "alice"));
    assert_false(groups_are_safe(1000, 1000, 1000, "root"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(user_is_safe(bad[i], 1000, "alice", "", "/", "/bin/sh"));
        assert_false(user_is_safe(1000, bad[i], "alice", "", "/", "/bin/sh"));
        assert_false(group_is_safe(bad[i], "staff", "bob"));
        assert_false(groups_are_safe(bad[i], 1000, 1000, "alice"));
        assert_false(groups_are_safe(1000, bad[i], 1000, "alice"));
        assert_false(groups_are_safe(1000, 1000, bad[i], "alice"));
    }
}

/* Long enough for vector instructions; each byte of the members is spoilt in turn. */
static void
one_bad_byte_spoils_all_members(void **state)
{
    static char names[100][8];
    const char *members[100];
    struct writer w = writer_init(bytes, sizeof(bytes));
    size_t first;

    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "user%d", i);
        members[i] = names[i];
    }
    proto_put_head(&w, PROTO_RECORD);
    record_put_group(&w, 200513, "staff", members, 100);
    assert_true(writer_ok(&w));
    assert_true(is_believed(w.len));
    first = w.len - 10 * 6 - 90 * 7;
    for (size_t i = first; i < w.len; i++) {
        uint8_t was = bytes[i];

        bytes[i] = was == '\0' ? 'x' : '\0';
        assert_false(is_believed(w.len));
        bytes[i] = was == '\0' ? '\0' : '/';
        assert_int_equal(is_believed(w.len), was == '\0');
        bytes[i] = was == '\0' ? '\0' : 0xff;
        assert_int_equal(is_believed(w.len), was == '\0');
        bytes[i] = was;
    }
    memcpy(bytes + first, "\xc3\xbc", 2);
    assert_true(is_believed(w.len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_names_are_judged),
        cmocka_unit_test(no_byte_of_a_text_is_passed_over),
        cmocka_unit_test(a_copy_says_what_was_copied),
        cmocka_unit_test(what_is_plain_is_not_safe_yet),
        cmocka_unit_test(records_of_the_system_are_unsafe),
        cmocka_unit_test(one_bad_byte_spoils_all_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
