/* The rotation of the computer's password: what the machine secret becomes, its keytab, and the words for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/krb/computer_keys.h"
#include "lib/membership/keytab.h"
#include "lib/membership/rotation.h"
#include "lib/proto/control.h"
#include "tests/unit/folder.h"
#include "tests/unit/secret_words.h"

#define NOW 2000000000
#define DAY 86400
#define OLD (NOW - 40 * DAY)
#define YOUNG (NOW - DAY)

static const struct membership_names ws1 = { "CORP.TEST", "WS1", "ws1.corp.test" };
static const struct krb_target target = {
    .realm = "CORP.TEST", .domain_dns = "corp.test", .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 1
};
static krb5_context ctx;

static int
setup(void **state)
{
    (void)state;
    return krb_context_new(&target, &ctx) == 0 && folder_begin() ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    krb5_free_context(ctx);
    return folder_end() ? 0 : -1;
}

/* What the file has, what the domain has: what is done, and what the file is then. */
static const struct {
    const char *file;
    int64_t since;
    enum machine_slot holds;
    bool wanted;
    enum rotation_work work;
    bool fresh;
    const char *then;
    uint32_t kvno; /* of the pending one, or else the current one */
} table[] = {
    { "a - -", OLD, MACHINE_CURRENT, false, ROTATION_NOTHING, false, "a - -", 5 },
    { "a - -", OLD, MACHINE_CURRENT, true, ROTATION_SET, true, "a - new", 6 },
    /* One that is pending is never replaced by another one while it may be in force somewhere. */
    { "a - p", OLD, MACHINE_CURRENT, false, ROTATION_SET, false, "a - p", 6 },
    { "a - p", YOUNG, MACHINE_CURRENT, true, ROTATION_SET, false, "a - p", 6 },
    { "a o p", YOUNG, MACHINE_CURRENT, true, ROTATION_SET, false, "a o p", 6 },
    /* The answer was lost, not the change. */
    { "a - p", OLD, MACHINE_PENDING, false, ROTATION_COMPLETE, false, "p a -", 6 },
    { "a o p", OLD, MACHINE_PENDING, true, ROTATION_COMPLETE, false, "p a -", 6 },
    /* The previous one goes when no ticket under its keys can be alive, and the domain is seen to have the next. */
    { "a o -", YOUNG, MACHINE_CURRENT, false, ROTATION_NOTHING, false, "a o -", 5 },
    { "a o -", OLD, MACHINE_CURRENT, false, ROTATION_TIDY, false, "a - -", 5 },
    /* A clock that was set back a little makes nothing older; one that was far ahead must not keep it for ever. */
    { "a o -", NOW + DAY, MACHINE_CURRENT, false, ROTATION_NOTHING, false, "a o -", 5 },
    { "a o -", NOW + 3 * DAY, MACHINE_CURRENT, false, ROTATION_TIDY, false, "a - -", 5 },
    { "a o -", OLD, MACHINE_CURRENT, true, ROTATION_SET, true, "a o new", 6 },
    /* A controller that has not heard, and a domain that was restored from a backup. */
    { "a o -", YOUNG, MACHINE_PREVIOUS, false, ROTATION_LAGS, false, "a o -", 5 },
    { "a o p", YOUNG, MACHINE_PREVIOUS, true, ROTATION_LAGS, false, "a o p", 6 },
    { "a o -", NOW + DAY, MACHINE_PREVIOUS, false, ROTATION_LAGS, false, "a o -", 5 },
    { "a o -", OLD, MACHINE_PREVIOUS, false, ROTATION_SET, true, "o a new", 5 },
    { "a o p", OLD, MACHINE_PREVIOUS, false, ROTATION_SET, false, "o a p", 5 },
    /* What netlogon cannot have found. */
    { "a - -", OLD, MACHINE_PENDING, true, ROTATION_NOTHING, false, "a - -", 5 },
    { "a - -", OLD, MACHINE_PREVIOUS, true, ROTATION_NOTHING, false, "a - -", 5 },
    { "a o p", OLD, (enum machine_slot)0, true, ROTATION_NOTHING, false, "a o p", 6 },
    { "a o p", OLD, (enum machine_slot)4, true, ROTATION_NOTHING, false, "a o p", 6 },
};

static void
every_state_of_file_and_domain_has_its_way_on(void **state)
{
    struct machine_secret *s = machine_secret_new();

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct machine_password *p;
        enum rotation_work work;
        bool fresh = true;

        secret_fill(s, table[i].file, table[i].since);
        work = rotation_plan(s, table[i].holds, table[i].wanted, NOW, &fresh);
        p = &s->slots[s->slots[MACHINE_PENDING].text[0] != '\0' ? MACHINE_PENDING : MACHINE_CURRENT];
        if (work != table[i].work || fresh != table[i].fresh || strcmp(secret_words(s), table[i].then) != 0 ||
            p->kvno != table[i].kvno)
            fail_msg("row %zu: work %d fresh %d, %s, kvno %u", i, (int)work, fresh, secret_words(s), p->kvno);
        assert_string_equal(s->slots[0].text, "");
    }
    machine_secret_free(s);
}

static void
without_a_version_nothing_is_begun(void **state)
{
    struct machine_secret *s = machine_secret_new();
    bool fresh;

    (void)state;
    secret_fill(s, "a - -", OLD);
    s->slots[MACHINE_CURRENT].kvno = 0;
    assert_int_equal(rotation_plan(s, MACHINE_CURRENT, true, NOW, &fresh), ROTATION_NO_KVNO);
    assert_string_equal(secret_words(s), "a - -");
    s->slots[MACHINE_CURRENT].kvno = UINT32_MAX;
    assert_int_equal(rotation_plan(s, MACHINE_CURRENT, true, NOW, &fresh), ROTATION_NO_KVNO);
    machine_secret_free(s);
}

static void
taken_and_refused(void **state)
{
    struct machine_secret *s = machine_secret_new();

    (void)state;
    secret_fill(s, "a o p", OLD);
    rotation_taken(s, "dc1.corp.test", NOW);
    assert_string_equal(secret_words(s), "p a -");
    assert_int_equal(s->slots[MACHINE_CURRENT].kvno, 6);
    assert_int_equal(s->slots[MACHINE_PREVIOUS].kvno, 5);
    /* Tickets under the old keys were made until now. */
    assert_true(s->slots[MACHINE_CURRENT].time == NOW);
    assert_string_equal(s->controller, "dc1.corp.test");
    rotation_taken(s, "dc2.corp.test", NOW);
    assert_string_equal(secret_words(s), "p a -");
    secret_fill(s, "a - p", NOW);
    assert_true(rotation_refused(s, true, NOW));
    assert_string_equal(secret_words(s), "a - -");
    /* Another controller may have taken it, of which this one has not heard. */
    secret_fill(s, "a - p", YOUNG);
    assert_false(rotation_refused(s, false, NOW));
    assert_string_equal(secret_words(s), "a - p");
    secret_fill(s, "a - p", OLD);
    assert_true(rotation_refused(s, false, NOW));
    assert_string_equal(secret_words(s), "a - -");
    machine_secret_free(s);
}

static void
not_all_computers_come_at_once(void **state)
{
    struct machine_secret *s = machine_secret_new();
    int64_t due, first = 0;
    bool differ = false;

    (void)state;
    secret_fill(s, "a - -", NOW);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(s->account, sizeof(s->account), "WS%d$", i);
        due = rotation_due(s, 30 * DAY);
        assert_true(due >= NOW + 27 * DAY && due <= NOW + 30 * DAY);
        assert_true(due == rotation_due(s, 30 * DAY));
        first = i == 0 ? due : first;
        differ = differ || due > first + DAY || due < first - DAY;
    }
    assert_true(differ);
    assert_true(rotation_due(s, 0) == INT64_MAX);
    s->slots[MACHINE_CURRENT].time = INT64_MAX;
    assert_true(rotation_due(s, 30 * DAY) == INT64_MAX);
    secret_fill(s, "a - -", NOW);
    assert_false(rotation_has_work(s, 30 * DAY, NOW + 26 * DAY));
    assert_true(rotation_has_work(s, 30 * DAY, NOW + 30 * DAY));
    assert_false(rotation_has_work(s, 0, NOW + 300 * DAY));
    secret_fill(s, "a - p", NOW);
    assert_true(rotation_has_work(s, 0, NOW));
    secret_fill(s, "a o -", NOW);
    assert_false(rotation_has_work(s, 30 * DAY, NOW + DAY));
    assert_true(rotation_has_work(s, 30 * DAY, NOW + ROTATION_SETTLED));
    machine_secret_free(s);
}

static const char *
follow(const char *name, const char *old, const struct machine_secret *s, bool tidy)
{
    const char *path = in_folder(name);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(membership_keytab_follow(ctx, &ws1, old, fd, path, s, tidy), 0);
    (void)close(fd);
    return path;
}

/* Is there such a key, and is it that password's? */
static bool
has_key(const char *path, const char *principal, krb5_kvno kvno, const char *password)
{
    char name[128], salt[MEMBERSHIP_NAME_SIZE], text[64];
    krb5_data secret = { .data = text, .length = (unsigned)snprintf(text, sizeof(text), "%s", password) }, salt_data;
    krb5_keyblock key = { 0 };
    krb5_keytab_entry e;
    krb5_principal p;
    krb5_keytab keytab;
    bool same = false;

    assert_true(membership_salt(&ws1, salt));
    salt_data = (krb5_data){ .data = salt, .length = (unsigned)strlen(salt) };
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(krb5_parse_name(ctx, principal, &p), 0);
    if (krb5_kt_get_entry(ctx, keytab, p, kvno, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &e) == 0) {
        assert_int_equal(krb5_c_string_to_key(ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &secret, &salt_data, &key), 0);
        same = memcmp(e.key.contents, key.contents, key.length) == 0;
        krb5_free_keyblock_contents(ctx, &key);
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    krb5_free_principal(ctx, p);
    (void)krb5_kt_close(ctx, keytab);
    return same;
}

static void
the_keytab_follows_each_step(void **state)
{
    static const char *const made[] = { "joined", "pending", "taken", "tidy", "first", "second", "back" };
    struct machine_secret *s = machine_secret_new();
    const char *joined = in_folder("joined"), *path;
    int fd = open(joined, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool fresh;

    (void)state;
    assert_int_equal(membership_keytab_write(ctx, &ws1, "/nonexistent", fd, joined, "o", 4, false), 0);
    (void)close(fd);
    /* Pending: tickets for services will open; the account goes on logging on with what is in force. */
    secret_fill(s, "a - p", NOW);
    path = follow("pending", joined, s, false);
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 6, "p"));
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 5, "a"));
    assert_true(has_key(path, "WS1$@CORP.TEST", 0, "a"));
    assert_false(has_key(path, "WS1$@CORP.TEST", 6, "p"));
    /* What a join has left of before stays, too, until all is settled. */
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 4, "o"));
    /* In force. */
    rotation_taken(s, NULL, NOW);
    path = follow("taken", path, s, false);
    assert_true(has_key(path, "WS1$@CORP.TEST", 0, "p"));
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 5, "a"));
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 4, "o"));
    /* Settled. */
    assert_int_equal(rotation_plan(s, MACHINE_CURRENT, false, NOW + ROTATION_SETTLED, &fresh), ROTATION_TIDY);
    path = follow("tidy", path, s, true);
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 6, "p"));
    assert_false(has_key(path, "host/ws1.corp.test@CORP.TEST", 5, "a"));
    assert_false(has_key(path, "host/ws1.corp.test@CORP.TEST", 4, "o"));
    /* Refused, then another one of the same version: nothing of the first is left. */
    secret_fill(s, "a - p", NOW);
    path = follow("first", joined, s, false);
    (void)strcpy(s->slots[MACHINE_PENDING].text, "q");
    path = follow("second", path, s, false);
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 6, "q"));
    /* A domain that went back: the pending key has the version that the lost one had. */
    secret_fill(s, "a o -", OLD);
    assert_int_equal(rotation_plan(s, MACHINE_PREVIOUS, false, NOW, &fresh), ROTATION_SET);
    (void)strcpy(s->slots[MACHINE_PENDING].text, "p");
    path = follow("back", joined, s, false);
    assert_true(has_key(path, "host/ws1.corp.test@CORP.TEST", 5, "p"));
    assert_true(has_key(path, "WS1$@CORP.TEST", 0, "o"));
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        assert_int_equal(unlink(in_folder(made[i])), 0);
    machine_secret_free(s);
}

static krb5_kvno
version_of(krb5_keytab keytab)
{
    krb5_keytab_entry e = { 0 };
    krb5_principal p;
    krb5_kvno vno = 0;

    if (keytab == NULL)
        return 0;
    assert_int_equal(krb5_parse_name(ctx, "WS1$@CORP.TEST", &p), 0);
    if (krb5_kt_get_entry(ctx, keytab, p, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &e) == 0) {
        vno = e.vno;
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    krb5_free_principal(ctx, p);
    (void)krb5_kt_close(ctx, keytab);
    return vno;
}

/* The answer was lost, and so was the process: the computer's own logon finds the pending key. */
static void
the_account_finds_its_services_keys(void **state)
{
    struct machine_secret *s = machine_secret_new();
    krb5_keytab keytab;
    const char *path;
    char name[128], previous[128];

    (void)state;
    secret_fill(s, "a o p", NOW);
    path = follow("keys", "/nonexistent", s, false);
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(version_of(computer_keys_other(ctx, &target, keytab, 0)), 6);
    assert_int_equal(version_of(computer_keys_other(ctx, &target, keytab, 1)), 4);
    assert_null(computer_keys_other(ctx, &target, keytab, 2));
    (void)krb5_kt_close(ctx, keytab);
    assert_int_equal(unlink(path), 0);
    /* However many versions there are. */
    for (uint32_t kvno = 7; kvno < 30; kvno++) {
        s->slots[MACHINE_CURRENT].kvno = kvno;
        (void)strcpy(previous, path);
        path = follow(kvno % 2 == 0 ? "even" : "odd", kvno == 7 ? "/nonexistent" : previous, s, false);
        if (kvno > 7)
            assert_int_equal(unlink(previous), 0);
    }
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    s->slots[MACHINE_PENDING].kvno = 30;
    path = follow("last", path, s, false);
    assert_int_equal(unlink(name + 5), 0);
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(version_of(computer_keys_other(ctx, &target, keytab, 0)), 30);
    assert_int_equal(version_of(computer_keys_other(ctx, &target, keytab, 1)), 28);
    (void)krb5_kt_close(ctx, keytab);
    assert_int_equal(unlink(path), 0);
    machine_secret_free(s);
}

static void
control_messages_come_back_and_nothing_else_is_one(void **state)
{
    uint8_t packet[CONTROL_PACKET_MAX + 1];
    char longest[CONTROL_TEXT_MAX * 2];
    struct writer w = writer_init(packet, sizeof(packet));
    enum control_request what;
    struct control_answer a;

    (void)state;
    control_put_request(&w, CONTROL_ROTATE);
    assert_true(control_get_request(packet, w.len, &what));
    assert_false(control_get_request(packet, w.len + 1, &what));
    assert_false(control_get_request(packet, 1, &what));
    assert_false(control_get_request(packet, 0, &what));
    for (int i = 0; i < 2; i++) {
        packet[i]++;
        assert_false(control_get_request(packet, w.len, &what));
        packet[i]--;
    }
    w = writer_init(packet, sizeof(packet));
    control_put_answer(&w, CONTROL_FAILED, CONTROL_REFUSED, "why");
    assert_true(control_get_answer(packet, w.len, &a));
    assert_int_equal(a.kind, CONTROL_FAILED);
    assert_int_equal(a.number, CONTROL_REFUSED);
    assert_string_equal(a.text, "why");
    for (size_t n = 0; n < w.len; n++)
        assert_false(control_get_answer(packet, n, &a));
    assert_false(control_get_answer(packet, w.len + 1, &a));
    for (unsigned kind = 0; kind < 256; kind++) {
        for (unsigned number = 0; number < 12; number++) {
            bool known = (kind == CONTROL_STEP && number >= 1 && number <= CONTROL_TAKEN) || kind == CONTROL_DONE ||
                         (kind == CONTROL_FAILED && number >= 1 && number <= CONTROL_INTERNAL);

            w = writer_init(packet, sizeof(packet));
            control_put_answer(&w, (enum control_kind)kind, number, "");
            assert_int_equal(control_get_answer(packet, w.len, &a), known);
        }
    }
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    w = writer_init(packet, CONTROL_PACKET_MAX);
    control_put_answer(&w, CONTROL_FAILED, CONTROL_FILES, longest);
    assert_true(writer_ok(&w) && control_get_answer(packet, w.len, &a));
    assert_int_equal(strlen(a.text), CONTROL_TEXT_MAX - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_file_and_domain_has_its_way_on),
        cmocka_unit_test(without_a_version_nothing_is_begun),
        cmocka_unit_test(taken_and_refused),
        cmocka_unit_test(not_all_computers_come_at_once),
        cmocka_unit_test(the_keytab_follows_each_step),
        cmocka_unit_test(the_account_finds_its_services_keys),
        cmocka_unit_test(control_messages_come_back_and_nothing_else_is_one),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
