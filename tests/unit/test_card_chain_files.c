/* lib/card/chain.h: the files with authorities and lists of revoked certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "tests/unit/chain_fixture.h"

/* With these paths as anchors. */
static struct chain *
open_anchors(const char *const *paths)
{
    const char *end, *p = w.why;
    struct chain *c = chain_new(NULL, paths, NULL, NULL, false, w.why);
    uint32_t character;

    end = w.why + strnlen(w.why, CHAIN_WHY_MAX);
    assert_true(end < w.why + CHAIN_WHY_MAX);
    while (p < end)
        assert_true(utf8_get(&p, end, &character) && utf8_is_visible(character));
    return c;
}

static enum certificate_unfit
judge_by(const struct chain *c, const struct certificate_spec *spec)
{
    static uint8_t der[BUILT_CERTIFICATE_MAX];
    char why[CHAIN_WHY_MAX];

    return chain_judge(c, der, build_certificate(spec, der), BUILT_NOW, false, why);
}

static void
no_anchor_at_all(void **state)
{
    static const char binary[] = "\0\377\r-----BEGIN", cut[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    static const char wrong[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    const char *const none[] = { NULL }, *one[] = { NULL, NULL };
    static const char *const names[] = { "empty", "binary", "cut", "wrong", "crl", "nosuch", "folder", "user" };
    static const char *const whys[] = { "no certificate in PEM", "no certificate in PEM", "damaged PEM",
                                        "a certificate in it cannot be read", "no certificate in PEM",
                                        "No such file or directory", "", "no authority" };

    (void)state;
    put_text("empty", "", 0);
    put_text("binary", binary, sizeof(binary));
    put_text("cut", cut, strlen(cut));
    put_text("wrong", wrong, strlen(wrong));
    put_crl("crl", &(struct crl_spec){ .issuer = &w.root });
    put_certificate("user", &w.user);
    assert_int_equal(mkdir(in_dir("folder"), 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        one[0] = in_dir(names[i]);
        assert_null(open_anchors(one));
        assert_why(whys[i]);
        assert_why("no authority is left to trust");
    }
    one[0] = "/dev/null";
    assert_null(open_anchors(one));
    assert_why("/dev/null: neither file nor folder");
    assert_null(open_anchors(none));
    assert_string_equal(w.why, "no authority is left to trust");
    assert_null(open_anchors(NULL));
}

static void
what_is_read_counts(void **state)
{
    const char *const paths[] = { in_dir("nosuch"), in_dir("good"), "relative", NULL };
    struct chain *c;

    (void)state;
    put_certificate("good", &w.root);
    c = open_anchors(paths);
    assert_non_null(c);
    assert_why("nosuch: No such file");
    assert_why("relative: No such file");
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
    talloc_free(c);
}

static void
a_file_of_several(void **state)
{
    static const char text[] = "Our root, of 2019:\n\n", key[] = "-----BEGIN PRIVATE KEY-----\nMAA=\n"
                                                                 "-----END PRIVATE KEY-----\n";
    static const char old_kind[] = "X509 CERTIFICATE";
    static uint8_t der[BUILT_CERTIFICATE_MAX];

    (void)state;
    put_text("anchors", text, strlen(text));
    append_pem(in_dir("anchors"), old_kind, der, build_certificate(&w.stranger, der));
    put_text("anchors", key, strlen(key));
    put_crl("anchors", &(struct crl_spec){ .issuer = &w.root });
    put_certificate("anchors", &w.root);
    put_certificate("anchors", &w.root);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.issuer = &w.stranger;
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
}

static void
one_broken_item_does_not_stop_the_rest(void **state)
{
    static const char *const broken[] = {
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END X509 CRL-----\n",
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    };
    const char *const paths[] = { in_dir("some"), NULL };

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct chain *c;

        put_text("some", broken[i], strlen(broken[i]));
        put_certificate("some", &w.root);
        c = open_anchors(paths);
        if (c == NULL || w.why[0] == '\0')
            fail_msg("case %zu: %s", i, w.why);
        assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
        talloc_free(c);
        put_away("some");
    }
}

static void
a_folder_with_other_things(void **state)
{
    static const char rubbish[] = "\177ELF\0\0\1\2\3 no PEM", notes[] = "ask the help desk\n";
    const char *const paths[] = { in_dir("anchors"), NULL };
    struct chain *c;

    (void)state;
    assert_int_equal(mkdir(in_dir("anchors"), 0700), 0);
    assert_int_equal(mkdir(in_dir("anchors/deeper"), 0700), 0);
    put_text("anchors/rubbish", rubbish, sizeof(rubbish));
    put_text("anchors/README", notes, strlen(notes));
    put_text("anchors/empty", "", 0);
    put_certificate("anchors/.hidden", &w.stranger);
    put_certificate("anchors/deeper/stranger", &w.stranger);
    put_certificate("anchors/root.pem", &w.root);
    assert_int_equal(mkfifo(in_dir("anchors/fifo"), 0600), 0);
    assert_int_equal(symlink("root.pem", in_dir("anchors/0123abcd.0")), 0);
    assert_judged(judge(&w.user), CERTIFICATE_FIT);
    w.user.issuer = &w.stranger;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    /* What was meant to be read and cannot is told. */
    assert_int_equal(symlink("nosuch", in_dir("anchors/dangling")), 0);
    put_text("anchors/cut", "-----BEGIN CERTIFICATE-----\n", 28);
    c = open_anchors(paths);
    assert_non_null(c);
    assert_why("anchors/cut: damaged PEM");
    assert_why("anchors/dangling: No such file");
    talloc_free(c);
}

static void
anchors_that_are_none(void **state)
{
    const char *const paths[] = { in_dir("some"), NULL };
    struct certificate_spec self = built_alice_certificate(w.user_key);
    struct chain *c;

    (void)state;
    self.issuer = &self;
    put_certificate("some", &self);
    put_certificate("some", &w.between);
    assert_null(open_anchors(paths));
    assert_why("CN=Alice Liddell,O=corp: no authority");
    assert_why("CN=Between,O=corp: does not sign itself");
    put_certificate("some", &w.root);
    c = open_anchors(paths);
    assert_non_null(c);
    assert_int_equal(judge_by(c, &self), CERTIFICATE_UNTRUSTED);
    /* It still helps to find the way. */
    w.user.issuer = &w.between;
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
    talloc_free(c);
}

static void
files_that_are_too_large(void **state)
{
    const char *const paths[] = { in_dir("huge"), in_dir("root"), NULL };
    const char *const five[] = { in_dir("anchors-a"), in_dir("anchors-b"), in_dir("anchors-c"), in_dir("anchors-d"),
                                 in_dir("anchors-e"), NULL };
    struct chain *c;
    char name[16];

    (void)state;
    put_certificate("huge", &w.stranger);
    put_certificate("root", &w.root);
    assert_int_equal(truncate(in_dir("huge"), CHAIN_FILE_MAX + 1), 0);
    c = open_anchors(paths);
    assert_non_null(c);
    assert_why("huge: too large");
    w.user.issuer = &w.stranger;
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_UNTRUSTED);
    talloc_free(c);
    /* Each may be, but all together are too much. */
    w.user.issuer = &w.root;
    put_certificate("anchors-e", &w.stranger);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof(name), "anchors-%c", 'a' + (char)i);
        put_certificate(name, &w.root);
        assert_int_equal(truncate(in_dir(name), CHAIN_FILE_MAX), 0);
    }
    c = open_anchors(five);
    assert_non_null(c);
    assert_why("anchors-e: there are too many bytes");
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
    w.user.issuer = &w.stranger;
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_UNTRUSTED);
    talloc_free(c);
}

static void
too_many_files(void **state)
{
    const char *const paths[] = { in_dir("many"), NULL };
    struct chain *c;
    char name[32];

    (void)state;
    assert_int_equal(mkdir(in_dir("many"), 0700), 0);
    put_certificate("many/0000", &w.root);
    put_certificate("many/9999", &w.stranger);
    for (unsigned i = 1; i <= CHAIN_FILES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "many/%04u", i);
        put_text(name, "", 0);
    }
    c = open_anchors(paths);
    assert_why("there are too many files");
    assert_non_null(c);
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
    w.user.issuer = &w.stranger;
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_UNTRUSTED);
    talloc_free(c);
}

static void
too_many_items(void **state)
{
    static const unsigned revoked[] = { 17, 0 };
    struct crl_spec spec = { .issuer = &w.stranger };
    struct chain *c;

    (void)state;
    put_certificate("anchors", &w.root);
    for (int i = 0; i < CHAIN_ITEMS_MAX; i++) {
        spec.last_update = BUILT_NOW - 1 - i;
        put_crl("crls", &spec);
    }
    put_crl("crls", &(struct crl_spec){ .issuer = &w.root, .revoked = revoked });
    c = open_chain(false);
    assert_non_null(c);
    assert_why("there are too many items");
    assert_int_equal(judge_by(c, &w.user), CERTIFICATE_FIT);
    talloc_free(c);
}

/* A file that ends anywhere: it is whole, or there is nothing. */
static void
cuts(void **state)
{
    char text[BUILT_CERTIFICATE_MAX];
    const char *const paths[] = { in_dir("cut"), NULL };
    FILE *f;
    size_t n;

    (void)state;
    put_certificate("whole", &w.root);
    f = fopen(in_dir("whole"), "re");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text), f);
    assert_int_equal(fclose(f), 0);
    for (size_t i = 0; i < n; i++) {
        struct chain *c;

        put_text("cut", text, i);
        c = open_anchors(paths);
        if (c != NULL && i + 1 < n)
            fail_msg("%zu of %zu bytes", i, n);
        talloc_free(c);
        put_away("cut");
    }
}

static void
reasons_are_bounded_and_visible(void **state)
{
    char path[400], name[300];
    const char *const paths[] = { "/nosuch\n\033[31m\377", path, path, in_dir("root"), NULL };
    struct chain *c;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    (void)snprintf(path, sizeof(path), "/%s", name);
    put_certificate("root", &w.root);
    c = open_anchors(paths);
    assert_non_null(c);
    assert_why("/nosuch??[31m?: No such file or directory; /xxx");
    assert_int_equal(strlen(w.why), CHAIN_WHY_MAX - 1);
    talloc_free(c);
}

/* What this computer trusts for other things is not asked. */
static void
the_environment_says_nothing(void **state)
{
    (void)state;
    put_certificate("anchors", &w.root);
    put_certificate("trusted", &w.stranger);
    put_crl("list", &(struct crl_spec){ .issuer = &w.root });
    assert_int_equal(setenv("SSL_CERT_FILE", in_dir("trusted"), 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", w.dir, 1), 0);
    w.user.issuer = &w.stranger;
    assert_judged(judge(&w.user), CERTIFICATE_UNTRUSTED);
    w.user.issuer = &w.root;
    assert_judged(judge_strictly(&w.user), CERTIFICATE_NO_CRL);
    (void)unsetenv("SSL_CERT_FILE");
    (void)unsetenv("SSL_CERT_DIR");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, chain_setup, chain_teardown)
    const struct CMUnitTest tests[] = {
        T(no_anchor_at_all), T(what_is_read_counts), T(a_file_of_several), T(one_broken_item_does_not_stop_the_rest),
        T(a_folder_with_other_things), T(anchors_that_are_none), T(files_that_are_too_large), T(too_many_files),
        T(too_many_items), T(cuts), T(reasons_are_bounded_and_visible), T(the_environment_says_nothing),
    };

    return cmocka_run_group_tests_name("card_chain_files", tests, chain_group_setup, chain_group_teardown);
}
