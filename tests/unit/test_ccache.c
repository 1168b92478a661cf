/* lib/krb: the user's credential cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/krb/ccache.h"
#include "lib/krb/krb.h"

#define SOME_UID 60123 /* for keyrings; nobody's */

static krb5_context ctx;
static char dir[] = "/tmp/test_ccache.XXXXXX";

static int
setup(void **state)
{
    const struct krb_target t = { .realm = "CORP.TEST", .domain_dns = "corp.test", .fqdn = "ws1.corp.test",
                                  .computer = "WS1", .timeout = 1 };

    (void)state;
    return krb_context_new(&t, &ctx) == 0 && mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    char command[64];

    (void)state;
    krb5_free_context(ctx);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* A TGT with a ticket of n bytes that are all fill. */
static void
make_creds(krb5_creds *creds, const char *client, size_t n, char fill)
{
    memset(creds, 0, sizeof(*creds));
    assert_int_equal(krb5_parse_name(ctx, client, &creds->client), 0);
    assert_int_equal(krb5_parse_name(ctx, "krbtgt/CORP.TEST@CORP.TEST", &creds->server), 0);
    creds->keyblock.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96;
    creds->keyblock.length = 32;
    creds->keyblock.contents = calloc(1, 32);
    creds->times.endtime = 2000000000;
    creds->ticket.data = malloc(n);
    creds->ticket.length = (unsigned)n;
    assert_non_null(creds->keyblock.contents);
    assert_non_null(creds->ticket.data);
    memset(creds->ticket.data, fill, n);
}

/* The first byte of the TGT's ticket in a cache; NUL if there is none. */
static char
stored_fill(const char *name)
{
    krb5_creds want = { 0 }, got = { 0 };
    krb5_ccache cache;
    char fill = '\0';

    assert_int_equal(krb5_cc_resolve(ctx, name, &cache), 0);
    assert_int_equal(krb5_parse_name(ctx, "krbtgt/CORP.TEST@CORP.TEST", &want.server), 0);
    if (krb5_cc_get_principal(ctx, cache, &want.client) == 0 &&
        krb5_cc_retrieve_cred(ctx, cache, 0, &want, &got) == 0)
        fill = got.ticket.data[0];
    krb5_free_cred_contents(ctx, &got);
    krb5_free_cred_contents(ctx, &want);
    assert_int_equal(krb5_cc_close(ctx, cache), 0);
    return fill;
}

/* Stores under the name, and gives what it is called then, "" if that failed. */
static const char *
store(const char *name, const char *client, char fill, bool *fell_back_out, krb5_error_code *code_out)
{
    static char full[256];
    krb5_creds creds;
    char *given;

    make_creds(&creds, client, 100, fill);
    given = ccache_store(NULL, ctx, name, &creds, fell_back_out, code_out);
    (void)snprintf(full, sizeof(full), "%s", given == NULL ? "" : given);
    talloc_free(given);
    krb5_free_cred_contents(ctx, &creds);
    return full;
}

static void
credentials_travel_by_memfd(void **state)
{
    krb5_creds creds, back;
    int fd;

    (void)state;
    make_creds(&creds, "alice@CORP.TEST", 5000, 'a');
    fd = ccache_to_memfd(ctx, &creds);
    assert_true(fd >= 0);
    assert_true(ccache_from_memfd(ctx, fd, &back));
    assert_true(krb5_principal_compare(ctx, creds.client, back.client));
    assert_int_equal(back.ticket.length, 5000);
    assert_memory_equal(back.ticket.data, creds.ticket.data, 5000);
    assert_int_equal(back.times.endtime, creds.times.endtime);
    /* Nobody can change them on the way. */
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    krb5_free_cred_contents(ctx, &back);
    krb5_free_cred_contents(ctx, &creds);
    close(fd);
}

static void
what_is_not_sealed_or_no_credentials_is_refused(void **state)
{
    static const struct {
        const char *what;
        size_t size;
        int seals;
    } cases[] = {
        { "not sealed", 100, 0 },
        { "can still shrink", 100, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_WRITE },
        { "can still be written", 100, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK },
        { "empty", 0, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE },
        { "zeros", 100, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE },
        { "too large", (1U << 20) + 1, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE },
    };
    krb5_creds back;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)cases[i].size), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
        if (ccache_from_memfd(ctx, fd, &back))
            fail_msg("taken: %s", cases[i].what);
        close(fd);
    }
    assert_false(ccache_from_memfd(ctx, -1, &back));
    assert_false(ccache_from_memfd(ctx, STDERR_FILENO, &back));
}

/* Good credentials with n bytes behind them, or without the last n. */
static int
odd_memfd(const krb5_creds *creds, int n)
{
    int good = ccache_to_memfd(ctx, creds);
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char bytes[4096] = { 0 };
    ssize_t size = pread(good, bytes, sizeof(bytes), 0);

    assert_true(size > 100 && size < 4000);
    assert_int_equal(write(fd, bytes, (size_t)(size + n)), size + n);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE), 0);
    close(good);
    return fd;
}

static void
nothing_may_be_missing_or_left_over(void **state)
{
    krb5_creds creds, back;

    (void)state;
    make_creds(&creds, "alice@CORP.TEST", 100, 'a');
    for (int n = -50; n <= 50; n++) {
        int fd = odd_memfd(&creds, n);
        bool taken = ccache_from_memfd(ctx, fd, &back);

        assert_true(taken == (n == 0));
        if (taken)
            krb5_free_cred_contents(ctx, &back);
        close(fd);
    }
    krb5_free_cred_contents(ctx, &creds);
}

static void
names_are_expanded(void **state)
{
    static const struct {
        const char *templ;
        const char *name; /* NULL: refused */
    } cases[] = {
        { "FILE:/tmp/krb5cc_%{uid}", "FILE:/tmp/krb5cc_1234" },
        { "FILE:%{TEMP}/%{username}/%{euid}/%{USERID}%{null}", "FILE:/tmp/alice/1234/1234" },
        { "/tmp/krb5cc_%{uid}_XXXXXX", "FILE:/tmp/krb5cc_1234_XXXXXX" },
        { "FILE:", "FILE:/tmp/krb5cc_1234_XXXXXX" },
        { "FILE", "FILE:/tmp/krb5cc_1234_XXXXXX" },
        { "DIR:/run/user/%{uid}/krb5cc", "DIR:/run/user/1234/krb5cc" },
        { "KEYRING:persistent:%{uid}", "KEYRING:persistent:1234" },
        { "KEYRING:user:x", "KEYRING:user:x" },
        { "KCM:", "KCM:" },
        { "FILE:/tmp/%{HOME}", NULL },
        { "FILE:/tmp/%{uid", NULL },
        { "FILE:/tmp/%uid", NULL },
        { "FILE:/tmp/%", NULL },
        { "FILE:relative", NULL },
        { "FILE:/tmp/../etc/x", NULL },
        { "DIR:", NULL },
        { "KEYRING:session:x", NULL },
        { "KEYRING:process:x", NULL },
        { "KEYRING:thread:x", NULL },
        { "KEYRING:x", NULL },
        { "MEMORY:", NULL },
        { "API:", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why;
        char *name = ccache_name(NULL, cases[i].templ, 1234, "alice", &why);

        if (cases[i].name == NULL) {
            if (name != NULL)
                fail_msg("taken: %s", cases[i].templ);
            assert_non_null(why);
        } else {
            assert_non_null(name);
            assert_string_equal(name, cases[i].name);
        }
        talloc_free(name);
    }
}

static void
sessions_share_what_has_a_fixed_name(void **state)
{
    (void)state;
    assert_false(ccache_is_shared("FILE:/tmp/krb5cc_1_XXXXXX"));
    assert_false(ccache_is_shared("/tmp/krb5cc_1_XXXXXX"));
    assert_true(ccache_is_shared("FILE:/tmp/krb5cc_1"));
    assert_true(ccache_is_shared("DIR:/tmp/XXXXXX"));
    assert_true(ccache_is_shared("KEYRING:persistent:1"));
    assert_true(ccache_is_shared("KCM:"));
}

static unsigned
count_entries(const char *path, const char *prefix)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    (void)closedir(d);
    return n;
}

/* It goes all the way, twice, and then there is nothing more than before. */
static void
a_rehearsal_leaves_nothing(void **state)
{
    unsigned files, descriptors;
    krb5_ccache cache = NULL;
    krb5_principal owner;
    char own[64];

    (void)state;
    (void)snprintf(own, sizeof(own), "krb5cc_%lu", (unsigned long)geteuid());
    assert_true(ccache_rehearse());
    files = count_entries("/tmp", own);
    descriptors = count_entries("/proc/self/fd", "");
    assert_true(ccache_rehearse());
    assert_int_equal(count_entries("/tmp", own), files);
    assert_int_equal(count_entries("/proc/self/fd", ""), descriptors);
    assert_int_equal(krb5_cc_resolve(ctx, "MEMORY:rehearsal", &cache), 0);
    assert_int_not_equal(krb5_cc_get_principal(ctx, cache, &owner), 0);
    (void)krb5_cc_close(ctx, cache);
}

static void
a_file_is_made_and_replaced(void **state)
{
    char templ[128], name[256];
    krb5_error_code code;
    struct stat st;
    bool fell_back;

    (void)state;
    (void)snprintf(templ, sizeof(templ), "FILE:%s/cc_XXXXXX", dir);
    (void)snprintf(name, sizeof(name), "%s", store(templ, "alice@CORP.TEST", 'a', &fell_back, &code));
    assert_string_not_equal(name, "");
    assert_string_not_equal(name, templ);
    assert_false(fell_back);
    assert_int_equal(code, 0);
    assert_int_equal(stat(name + 5, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stored_fill(name), 'a');
    /* Another session has another file. */
    assert_string_not_equal(store(templ, "alice@CORP.TEST", 'b', &fell_back, &code), name);
    assert_int_equal(stored_fill(name), 'a');
    /* The same session again: the same file. */
    assert_string_equal(store(name, "alice@CORP.TEST", 'c', &fell_back, &code), name);
    assert_int_equal(stored_fill(name), 'c');
    assert_int_equal(ccache_destroy(ctx, name), 0);
    assert_int_equal(access(name + 5, F_OK), -1);
    assert_int_equal(ccache_destroy(ctx, name), 0);
}

static void
what_is_no_file_of_ours_is_not_written(void **state)
{
    char name[128], other[128];
    krb5_error_code code;
    struct stat st;
    bool fell_back;

    (void)state;
    (void)snprintf(name, sizeof(name), "FILE:%s/link", dir);
    (void)snprintf(other, sizeof(other), "%s/victim", dir);
    assert_int_equal(symlink(other, name + 5), 0);
    assert_string_equal(store(name, "alice@CORP.TEST", 'a', &fell_back, &code), "");
    assert_int_equal(code, KRB5_FCC_PERM);
    assert_int_equal(lstat(other, &st), -1);
    (void)snprintf(name, sizeof(name), "FILE:%s/folder", dir);
    assert_int_equal(mkdir(name + 5, 0700), 0);
    assert_string_equal(store(name, "alice@CORP.TEST", 'a', &fell_back, &code), "");
    assert_int_equal(code, KRB5_FCC_PERM);
    if (geteuid() != 0)
        return;
    (void)snprintf(name, sizeof(name), "FILE:%s/foreign", dir);
    assert_int_equal(close(open(name + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0666)), 0);
    assert_int_equal(chown(name + 5, SOME_UID, 0), 0);
    assert_string_equal(store(name, "alice@CORP.TEST", 'a', &fell_back, &code), "");
    assert_int_equal(code, KRB5_FCC_PERM);
}

static void
a_folder_holds_one_cache_a_client(void **state)
{
    char name[128];
    krb5_error_code code;
    bool fell_back;

    (void)state;
    (void)snprintf(name, sizeof(name), "DIR:%s/dir", dir);
    assert_string_equal(store(name, "alice@CORP.TEST", 'a', &fell_back, &code), name);
    assert_int_equal(stored_fill(name), 'a');
    assert_string_equal(store(name, "bob@CORP.TEST", 'b', &fell_back, &code), name);
    assert_int_equal(stored_fill(name), 'b');
    /* Alice is back: in her place, and hers is the primary one. */
    assert_string_equal(store(name, "alice@CORP.TEST", 'c', &fell_back, &code), name);
    assert_int_equal(stored_fill(name), 'c');
    assert_false(fell_back);
    assert_int_equal(ccache_destroy(ctx, name), 0);
}

static void
where_no_folder_can_be_a_file_serves(void **state)
{
    const char *got;
    char name[128];
    krb5_error_code code;
    bool fell_back;

    (void)state;
    (void)snprintf(name, sizeof(name), "DIR:%s/none/dir", dir);
    got = store(name, "alice@CORP.TEST", 'a', &fell_back, &code);
    assert_int_equal(strncmp(got, "FILE:/tmp/krb5cc_", 17), 0);
    assert_true(fell_back);
    assert_int_not_equal(code, 0);
    assert_int_equal(stored_fill(got), 'a');
    assert_int_equal(ccache_destroy(ctx, got), 0);
}

/* In a child that is SOME_UID: 0 if a keyring works and a full one is replaced by a file. */
static int
use_keyring(void)
{
    char name[64];
    krb5_error_code code = 0;
    krb5_creds creds;
    bool fell_back = false;
    int status = 10;

    (void)snprintf(name, sizeof(name), "KEYRING:persistent:%d", SOME_UID);
    if (strcmp(store(name, "alice@CORP.TEST", 'a', &fell_back, &code), name) != 0 || fell_back)
        return 2;
    if (stored_fill(name) != 'a')
        return 3;
    /* The quota of a user is 20,000 bytes, where tickets are not kept elsewhere (CONFIG_BIG_KEYS). */
    make_creds(&creds, "alice@CORP.TEST", 900000, 'b');
    for (int i = 0; i < 2; i++) {
        char *given = ccache_store(NULL, ctx, name, &creds, &fell_back, &code);

        if (given == NULL)
            return 4;
        status = 0;
        if (fell_back)
            status = strncmp(given, "FILE:/tmp/krb5cc_60123_", 23) == 0 && stored_fill(given) == 'b' ? 0 : 5;
        if (fell_back && ccache_destroy(ctx, given) != 0)
            status = 6;
        talloc_free(given);
    }
    krb5_free_cred_contents(ctx, &creds);
    if (ccache_destroy(ctx, name) != 0 || ccache_destroy(ctx, name) != 0)
        return 7;
    return status;
}

static void
a_keyring_is_used_while_there_is_room(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setresgid(SOME_UID, SOME_UID, SOME_UID) != 0 || setresuid(SOME_UID, SOME_UID, SOME_UID) != 0)
            _exit(1);
        if (syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, (uid_t)-1, KEY_SPEC_PROCESS_KEYRING) < 0)
            _exit(77);
        _exit(use_keyring());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_travel_by_memfd),
        cmocka_unit_test(what_is_not_sealed_or_no_credentials_is_refused),
        cmocka_unit_test(nothing_may_be_missing_or_left_over),
        cmocka_unit_test(names_are_expanded),
        cmocka_unit_test(sessions_share_what_has_a_fixed_name),
        cmocka_unit_test(a_rehearsal_leaves_nothing),
        cmocka_unit_test(a_file_is_made_and_replaced),
        cmocka_unit_test(what_is_no_file_of_ours_is_not_written),
        cmocka_unit_test(a_folder_holds_one_cache_a_client),
        cmocka_unit_test(where_no_folder_can_be_a_file_serves),
        cmocka_unit_test(a_keyring_is_used_while_there_is_room),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
