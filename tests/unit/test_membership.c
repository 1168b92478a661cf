/* lib/membership: the computer's names and keys, the file of its password, its account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/krb/krb.h"
#include "lib/membership/account.h"
#include "lib/membership/keytab.h"
#include "lib/membership/machine_secret.h"
#include "tests/unit/fake_directory.h"
#include "tests/unit/folder.h"

#define DN "CN=WS1,CN=Computers,DC=corp,DC=test"

static const struct membership_names ws1 = { "CORP.TEST", "WS1", "ws1.corp.test" };
static krb5_context ctx;

static int
setup(void **state)
{
    const struct krb_target t = {
        .realm = "CORP.TEST", .domain_dns = "corp.test", .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 1
    };

    (void)state;
    return krb_context_new(&t, &ctx) == 0 && folder_begin() ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    krb5_free_context(ctx);
    return folder_end() ? 0 : -1;
}

static int
make_file(const char *path, mode_t mode, const void *bytes, size_t n)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, bytes, n), n);
    return fd;
}

static void
names_and_salt_are_as_the_domain_makes_them(void **state)
{
    static const char *const names[] = { "host/ws1.corp.test", "host/WS1", "RestrictedKrbHost/ws1.corp.test",
                                         "RestrictedKrbHost/WS1", "WS1$" };
    const struct membership_names other = { "EU.Example.COM", "BIG-BOX_7", "big-box_7.lab.example" };
    char buf[MEMBERSHIP_NAME_SIZE];

    (void)state;
    for (int i = 0; i < MEMBERSHIP_NAMES; i++) {
        assert_true(membership_name(&ws1, i, buf));
        assert_string_equal(buf, names[i]);
    }
    assert_false(membership_name(&ws1, MEMBERSHIP_NAMES, buf));
    assert_true(membership_salt(&ws1, buf));
    assert_string_equal(buf, "CORP.TESThostws1.corp.test");
    /* The realm's own letters in front, all lower behind; the host's own domain has no part in it. */
    assert_true(membership_salt(&other, buf));
    assert_string_equal(buf, "EU.Example.COMhostbig-box_7.eu.example.com");
}

/* Writes what the keytab is with these keys over old, gives its path. */
static const char *
write_keytab(const char *name, const char *old, const char *password, uint32_t kvno, bool keep)
{
    const char *path = in_folder(name);
    int fd = make_file(path, 0600, "", 0);

    assert_int_equal(membership_keytab_write(ctx, &ws1, old, fd, path, password, kvno, keep), 0);
    (void)close(fd);
    return path;
}

/* "name kvno enctype" of each entry, a line each. */
static void
list_keytab(const char *path, char *buf, size_t size)
{
    char name[128], *text;
    krb5_keytab keytab;
    krb5_kt_cursor cursor;
    krb5_keytab_entry e;
    size_t len = 0;

    buf[0] = '\0';
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(krb5_kt_start_seq_get(ctx, keytab, &cursor), 0);
    while (krb5_kt_next_entry(ctx, keytab, &e, &cursor) == 0) {
        assert_int_equal(krb5_unparse_name(ctx, e.principal, &text), 0);
        len += (size_t)snprintf(buf + len, size - len, "%s %u %d\n", text, (unsigned)e.vno, (int)e.key.enctype);
        krb5_free_unparsed_name(ctx, text);
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    (void)krb5_kt_end_seq_get(ctx, keytab, &cursor);
    (void)krb5_kt_close(ctx, keytab);
}

static void
add_stranger(const char *path, const char *principal)
{
    char name[128], bytes[16] = "0123456789abcdef";
    krb5_keytab keytab;
    krb5_keytab_entry e = {
        .vno = 7, .key = { .enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96, .length = 16, .contents = (krb5_octet *)bytes }
    };

    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(krb5_parse_name(ctx, principal, &e.principal), 0);
    assert_int_equal(krb5_kt_add_entry(ctx, keytab, &e), 0);
    krb5_free_principal(ctx, e.principal);
    (void)krb5_kt_close(ctx, keytab);
}

static void
keytab_has_every_name_with_both_keys(void **state)
{
    const char *path = write_keytab("fresh", in_folder("none"), "secret", 3, false);
    char list[4096], salt[] = "CORP.TESThostws1.corp.test", password[] = "secret";
    krb5_data secret = { .data = password, .length = 6 }, salt_data = { .data = salt, .length = sizeof(salt) - 1 };
    krb5_keyblock key = { 0 };
    krb5_keytab_entry e;
    krb5_principal account;
    krb5_keytab keytab;
    char name[128];

    (void)state;
    list_keytab(path, list, sizeof(list));
    assert_string_equal(list, "host/ws1.corp.test@CORP.TEST 3 18\nhost/WS1@CORP.TEST 3 18\n"
                              "RestrictedKrbHost/ws1.corp.test@CORP.TEST 3 18\nRestrictedKrbHost/WS1@CORP.TEST 3 18\n"
                              "WS1$@CORP.TEST 3 18\n"
                              "host/ws1.corp.test@CORP.TEST 3 17\nhost/WS1@CORP.TEST 3 17\n"
                              "RestrictedKrbHost/ws1.corp.test@CORP.TEST 3 17\nRestrictedKrbHost/WS1@CORP.TEST 3 17\n"
                              "WS1$@CORP.TEST 3 17\n");
    assert_int_equal(membership_keytab_kvno(ctx, &ws1, path), 3);
    assert_int_equal(membership_keytab_kvno(ctx, &ws1, in_folder("none")), 0);
    /* The key is that of the password with the domain's salt. */
    (void)snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(krb5_parse_name(ctx, "WS1$@CORP.TEST", &account), 0);
    assert_int_equal(krb5_kt_get_entry(ctx, keytab, account, 3, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &e), 0);
    assert_int_equal(krb5_c_string_to_key(ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &secret, &salt_data, &key), 0);
    assert_int_equal(e.key.length, key.length);
    assert_memory_equal(e.key.contents, key.contents, key.length);
    krb5_free_keyblock_contents(ctx, &key);
    (void)krb5_free_keytab_entry_contents(ctx, &e);
    krb5_free_principal(ctx, account);
    (void)krb5_kt_close(ctx, keytab);
    assert_int_equal(unlink(path), 0);
}

static void
keytab_keeps_what_is_not_the_computers(void **state)
{
    const char *first = write_keytab("first", in_folder("none"), "one", 3, false), *second, *third, *stripped;
    char list[8192];
    size_t left, removed;
    int fd;

    (void)state;
    add_stranger(first, "HTTP/www.corp.test@CORP.TEST");
    add_stranger(first, "host/ws1.corp.test@OTHER.TEST");
    add_stranger(first, "host/ws2.corp.test@CORP.TEST");
    add_stranger(first, "HOST/WS1.corp.test@CORP.TEST");
    /* The version before stays, in other letters it is still the computer's. */
    second = write_keytab("second", first, "two", 4, true);
    list_keytab(second, list, sizeof(list));
    assert_non_null(strstr(list, "WS1$@CORP.TEST 3 18\n"));
    assert_non_null(strstr(list, "WS1$@CORP.TEST 4 18\n"));
    assert_non_null(strstr(list, "HTTP/www.corp.test@CORP.TEST 7 17\n"));
    assert_non_null(strstr(list, "host/ws1.corp.test@OTHER.TEST 7 17\n"));
    assert_non_null(strstr(list, "host/ws2.corp.test@CORP.TEST 7 17\n"));
    assert_null(strstr(list, "HOST/WS1.corp.test@CORP.TEST"));
    assert_int_equal(membership_keytab_kvno(ctx, &ws1, second), 4);
    /* Not so of an account that was made anew. */
    third = write_keytab("third", second, "three", 4, false);
    list_keytab(third, list, sizeof(list));
    assert_null(strstr(list, " 3 18\n"));
    stripped = in_folder("stripped");
    fd = make_file(stripped, 0600, "", 0);
    assert_int_equal(membership_keytab_strip(ctx, &ws1, second, fd, stripped, &left, &removed), 0);
    (void)close(fd);
    assert_int_equal(left, 3);
    assert_int_equal(removed, 20);
    list_keytab(stripped, list, sizeof(list));
    assert_null(strstr(list, "WS1$"));
    assert_non_null(strstr(list, "HTTP/www.corp.test@CORP.TEST 7 17\n"));
    (void)unlink(in_folder("first"));
    (void)unlink(in_folder("second"));
    (void)unlink(in_folder("third"));
    (void)unlink(in_folder("stripped"));
}

static void
a_damaged_keytab_is_no_empty_one(void **state)
{
    const char *old = in_folder("damaged"), *path = in_folder("new");
    int fd;

    (void)state;
    (void)close(make_file(old, 0600, "keytab?", 7));
    fd = make_file(path, 0600, "", 0);
    assert_int_not_equal(membership_keytab_write(ctx, &ws1, old, fd, path, "x", 2, false), 0);
    (void)close(fd);
    assert_int_equal(unlink(old) | unlink(path), 0);
}

static struct machine_secret *
a_secret(void)
{
    struct machine_secret *s = machine_secret_new();

    assert_non_null(s);
    (void)strcpy(s->domain, "corp.test");
    (void)strcpy(s->realm, "CORP.TEST");
    (void)strcpy(s->account, "WS1$");
    (void)strcpy(s->controller, "dc1.corp.test");
    s->slots[MACHINE_CURRENT].kvno = 2;
    s->slots[MACHINE_CURRENT].time = 1700000000;
    (void)strcpy(s->slots[MACHINE_CURRENT].text, "Current-1");
    return s;
}

static void
secret_is_read_as_it_was_written(void **state)
{
    struct machine_secret *s = a_secret(), *t = machine_secret_new();
    uint8_t buf[MACHINE_SECRET_FILE_MAX];
    size_t n;

    (void)state;
    (void)strcpy(s->slots[MACHINE_PENDING].text, "Pending-2");
    n = machine_secret_encode(s, buf, sizeof(buf));
    assert_true(n > 0 && machine_secret_decode(buf, n, t));
    assert_memory_equal(s, t, sizeof(*s));
    /* No byte may be missing, and none be too many. */
    for (size_t i = 0; i < n; i++)
        assert_false(machine_secret_decode(buf, i, t));
    buf[n] = 0;
    assert_false(machine_secret_decode(buf, n + 1, t));
    assert_string_equal(t->account, "");
    assert_int_equal(machine_secret_encode(s, buf, n - 1), 0);
    machine_secret_free(s);
    machine_secret_free(t);
    machine_secret_free(NULL);
}

/* Bytes of a good file at an offset from the end of its head, and what makes them bad. */
static void
malformed_secrets_are_refused(void **state)
{
    enum { HEAD = 8 + 4 + 4 + 9 + 4 + 9 + 4 + 4 + 4 + 13 };
    static const struct {
        size_t at;
        uint8_t byte;
        const char *what;
    } cases[] = {
        { 0, 'A', "magic" },           { 8, 2, "version" },
        { HEAD, 0, "no password" },    { HEAD, 4, "four passwords" },
        { HEAD, 2, "two of one" },     { HEAD + 4, 0, "slot 0" },
        { HEAD + 4, 2, "no current" }, { HEAD + 4, 4, "slot 4" },
        { HEAD + 19, 0x80, "time" },   { HEAD + 20, 0, "no text" },
        { HEAD + 21, 1, "too long" },  { HEAD + 24, ' ', "a blank" },
        { HEAD + 24, 0, "a NUL" },     { HEAD + 24, 0xe4, "no ASCII" },
    };
    struct machine_secret *s = a_secret(), *t = machine_secret_new();
    uint8_t good[MACHINE_SECRET_FILE_MAX], bad[MACHINE_SECRET_FILE_MAX];
    size_t n = machine_secret_encode(s, good, sizeof(good));

    (void)state;
    assert_true(machine_secret_decode(good, n, t));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bad, good, n);
        bad[cases[i].at] = cases[i].byte;
        if (machine_secret_decode(bad, n, t))
            fail_msg("accepted: %s", cases[i].what);
    }
    machine_secret_free(s);
    machine_secret_free(t);
}

static void
secret_file_of_others_is_refused(void **state)
{
    struct machine_secret *s = a_secret(), *t = machine_secret_new();
    uint8_t buf[MACHINE_SECRET_FILE_MAX];
    size_t n = machine_secret_encode(s, buf, sizeof(buf));
    const char *path = in_folder("secret"), *link = in_folder("link");

    (void)state;
    assert_false(machine_secret_load(path, t));
    assert_int_equal(errno, ENOENT);
    (void)close(make_file(path, 0600, buf, n));
    assert_true(machine_secret_load(path, t));
    assert_memory_equal(s, t, sizeof(*s));
    assert_int_equal(chmod(path, 0640), 0);
    assert_false(machine_secret_load(path, t));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(chmod(path, 0602), 0);
    assert_false(machine_secret_load(path, t));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    assert_false(machine_secret_load(link, t));
    assert_int_equal(truncate(path, 20), 0);
    assert_false(machine_secret_load(path, t));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(unlink(path) | unlink(link), 0);
    machine_secret_free(s);
    machine_secret_free(t);
}

static void
passwords_are_long_and_random(void **state)
{
    char a[MACHINE_PASSWORD_MAX + 1], b[MACHINE_PASSWORD_MAX + 1];

    (void)state;
    assert_true(machine_password_make(a) && machine_password_make(b));
    assert_int_equal(strlen(a), 120);
    assert_int_equal(strspn(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), 120);
    assert_string_not_equal(a, b);
    assert_int_equal(account_unicode_password("aB", (uint8_t *)b, sizeof(b)), 8);
    assert_memory_equal(b, "\"\0a\0B\0\"\0", 8);
    assert_int_equal(account_unicode_password("aB", (uint8_t *)b, 7), 0);
    assert_int_equal(account_unicode_password("\303\244", (uint8_t *)b, sizeof(b)), 0);
}

static void
names_in_the_directory_are_escaped(void **state)
{
    static const struct {
        int code;
        uint32_t win32;
        enum dir_write write;
    } codes[] = {
        { LDAP_SUCCESS, 0, DIR_WRITE_OK },
        { LDAP_INSUFFICIENT_ACCESS, 0x2098, DIR_WRITE_DENIED },
        { LDAP_UNWILLING_TO_PERFORM, WIN32_QUOTA_EXCEEDED, DIR_WRITE_QUOTA },
        { LDAP_UNWILLING_TO_PERFORM, 0x202b, DIR_WRITE_REFUSED },
        { LDAP_ALREADY_EXISTS, 0, DIR_WRITE_EXISTS },
        { LDAP_NO_SUCH_OBJECT, 0, DIR_WRITE_MISSING },
        { LDAP_CONSTRAINT_VIOLATION, 0, DIR_WRITE_CONSTRAINT },
        { LDAP_NOT_ALLOWED_ON_NONLEAF, 0, DIR_WRITE_NOT_LEAF },
    };
    char *dn = directory_child_dn(NULL, "CN", "WS,1=+ \"", "CN=Computers,DC=corp,DC=test");

    (void)state;
    assert_string_equal(dn, "CN=WS\\2C1\\3D\\2B\\20\\22,CN=Computers,DC=corp,DC=test");
    assert_true(directory_is_dn(dn));
    talloc_free(dn);
    assert_true(directory_is_dn("OU=Lab,DC=corp,DC=test"));
    assert_false(directory_is_dn(""));
    assert_false(directory_is_dn("Lab"));
    assert_false(directory_is_dn("OU=Lab\n,DC=corp"));
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(dir_write_of(codes[i].code, codes[i].win32), codes[i].write);
}

/* The answer to a change; tag: 0x69 add, 0x67 modify, 0x6b delete. */
static void
answer(struct fake_directory *f, uint32_t id, uint8_t tag, uint32_t code, const char *text)
{
    struct writer *w = &f->w;
    size_t message = ber_begin(w, BER_SEQUENCE), result;

    ber_put_uint(w, BER_INTEGER, id);
    result = ber_begin(w, tag);
    ber_put_uint(w, BER_ENUMERATED, code);
    ber_put_text(w, BER_OCTETS, "");
    ber_put_text(w, BER_OCTETS, text);
    ber_end(w, result);
    ber_end(w, message);
}

static void
begin_fake(struct fake_directory *f)
{
    memset(f, 0, sizeof(*f));
    fake_directory_init(f, 500);
}

static void
an_account_is_made(void **state)
{
    const struct account_wish wish = { .names = ws1,
                                       .container = "CN=Computers,DC=corp,DC=test",
                                       .password = "Secret",
                                       .os_name = "Linux",
                                       .os_version = "" };
    struct fake_directory *f = calloc(1, sizeof(*f));
    struct account_result r;

    (void)state;
    assert_non_null(f);
    begin_fake(f);
    answer(f, 1, 0x69, 0, "");
    answer(f, 2, 0x67, 50, "");
    answer(f, 3, 0x67, 0, "");
    fake_send(f);
    assert_int_equal(account_make(f->d, f->d, &wish, &r), DIR_WRITE_OK);
    assert_true(r.made && r.password_set && !r.encryption_set);
    assert_string_equal(r.dn, DN);
    fake_directory_done(f);
    /* What the quota says, and text that could drive a terminal. */
    begin_fake(f);
    answer(f, 1, 0x69, 53, "0000216D: SvcErr: \033[31mred\n");
    fake_send(f);
    assert_int_equal(account_make(f->d, f->d, &wish, &r), DIR_WRITE_QUOTA);
    assert_true(!r.made && !r.password_set);
    assert_string_equal(r.refusal.text, "0000216D: SvcErr: ?[31mred?");
    fake_directory_done(f);
    /* No answer: it may be there all the same, and is not ours to delete for sure. */
    begin_fake(f);
    assert_int_equal(account_make(f->d, f->d, &wish, &r), DIR_WRITE_LOST);
    assert_true(!r.made && f->d->dead);
    fake_directory_done(f);
    free(f);
}

static void
an_account_is_taken_with_its_password_last(void **state)
{
    const struct account_wish wish = { .names = ws1, .password = "Secret", .os_name = "Linux", .os_version = "12" };
    const struct dir_computer c = {
        .dn = DN, .dns_name = "", .control = 0x1002, .is_workstation = true, .is_disabled = true
    };
    struct fake_directory *f = calloc(1, sizeof(*f));
    struct account_result r;

    (void)state;
    assert_non_null(f);
    begin_fake(f);
    for (uint32_t i = 1; i <= 6; i++)
        answer(f, i, 0x67, i == 6 ? 50 : 0, i == 6 ? "00000005: denied" : "");
    fake_send(f);
    assert_int_equal(account_take(f->d, f->d, &c, &wish, &r), DIR_WRITE_DENIED);
    assert_string_equal(r.step, "unicodePwd");
    assert_true(!r.password_set && !r.made && r.encryption_set);
    fake_directory_done(f);
    /* Refused before: the password is not touched. */
    begin_fake(f);
    answer(f, 1, 0x67, 0, "");
    answer(f, 2, 0x67, 19, "");
    fake_send(f);
    assert_int_equal(account_take(f->d, f->d, &c, &wish, &r), DIR_WRITE_CONSTRAINT);
    assert_string_equal(r.step, "servicePrincipalName");
    assert_false(r.password_set);
    fake_directory_done(f);
    /* With things below it it goes as a tree. */
    begin_fake(f);
    answer(f, 1, 0x6b, 66, "");
    answer(f, 2, 0x6b, 0, "");
    fake_send(f);
    assert_int_equal(account_remove(f->d, DN, &r.refusal), DIR_WRITE_OK);
    fake_directory_done(f);
    free(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_salt_are_as_the_domain_makes_them),
        cmocka_unit_test(keytab_has_every_name_with_both_keys),
        cmocka_unit_test(keytab_keeps_what_is_not_the_computers),
        cmocka_unit_test(a_damaged_keytab_is_no_empty_one),
        cmocka_unit_test(secret_is_read_as_it_was_written),
        cmocka_unit_test(malformed_secrets_are_refused),
        cmocka_unit_test(secret_file_of_others_is_refused),
        cmocka_unit_test(passwords_are_long_and_random),
        cmocka_unit_test(names_in_the_directory_are_escaped),
        cmocka_unit_test(an_account_is_made),
        cmocka_unit_test(an_account_is_taken_with_its_password_last),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
