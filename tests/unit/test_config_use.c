/* daemon/config: the file itself, what it makes of people's names, and what is written about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/config_keys.h"

struct told {
    char text[1024];
    unsigned n;
};

static void
note(void *arg, const char *message)
{
    struct told *told = arg;

    (void)snprintf(told->text, sizeof(told->text), "%s", message);
    told->n++;
}

static struct config *
parse_well(const char *text)
{
    struct told told = { .n = 0 };
    struct config *c = config_parse_as(NULL, text, strlen(text), "c", "ws1", note, &told);

    assert_string_equal(told.text, "");
    assert_non_null(c);
    return c;
}

/* %u %d %n %f, uid 1000000001 */
#define LINE_100 "x234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define LONG_NAME LINE_100 LINE_100 LINE_100 LINE_100 LINE_100 LINE_100

static void
homes_are_safe_paths(void **state)
{
    static const struct {
        const char *templ;
        struct config_names names;
        const char *home; /* NULL: refused */
    } cases[] = {
        { "/home/%u", { "alice", "corp.test", "CORP", "Alice L", 1000000001 }, "/home/alice" },
        { "/home/%d/%u", { "alice", "corp.test", "CORP", "Alice L", 1000000001 }, "/home/corp.test/alice" },
        { "/home/%n/%U", { "alice", "corp.test", "CORP", "Alice L", 1000000001 }, "/home/CORP/1000000001" },
        { "/home/%u/%f", { "alice", "corp.test", "CORP", "Alice L", 1000000001 }, "/home/alice/Alice L" },
        { "/home/100%%/%u", { "alice", "corp.test", "CORP", "Alice L", 1 }, "/home/100%/alice" },
        { "/home/%u", { "zo\xc3\xab", "", "", "", 1 }, "/home/zo\xc3\xab" },
        { "/home/%u", { "...", "", "", "", 1 }, "/home/..." },
        { "/home/%u", { "alice.", "", "", "", 1 }, "/home/alice." },
        { "/home/%u", { "%d", "corp.test", "", "", 1 }, "/home/%d" },
        { "/home/%u", { "..", "", "", "", 1 }, NULL },
        { "/home/%u", { ".", "", "", "", 1 }, NULL },
        { "/home/.%u", { ".", "", "", "", 1 }, NULL },
        { "/home/%d%u", { ".", ".", "", "", 1 }, NULL },
        { "/home/%u", { "", "", "", "", 1 }, NULL },
        { "/home/%d/%u", { "alice", "", "", "", 1 }, NULL },
        { "/home/%u", { "a/b", "", "", "", 1 }, NULL },
        { "/home/%u", { "../root", "", "", "", 1 }, NULL },
        { "/home/%u", { "/root", "", "", "", 1 }, NULL },
        { "/home/%f", { "alice", "", "", "../../root", 1 }, NULL },
        { "%f/%u", { "alice", "", "", "/root", 1 }, NULL },
        { "/home/%u", { "a:b", "", "", "", 1 }, NULL },
        { "/home/%u", { "a\nb", "", "", "", 1 }, NULL },
        { "/home/%u", { "a\tb", "", "", "", 1 }, NULL },
        { "/home/%u", { "a\x7f", "", "", "", 1 }, NULL },
        { "/home/%u", { "a\xff", "", "", "", 1 }, NULL },
        { "/home/%u", { "a\xc2\x85", "", "", "", 1 }, NULL },
        { "/home/%u/", { "alice", "", "", "", 1 }, NULL },
        { "/home/%u", { LONG_NAME LONG_NAME, "", "", "", 1 }, NULL },
        { "%u", { "alice", "", "", "", 1 }, NULL },
        { "", { "alice", "", "", "", 1 }, NULL },
        { "/home/%", { "alice", "", "", "", 1 }, NULL },
        { "/home/%s", { "alice", "", "", "", 1 }, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = NULL;
        char *home = config_expand_home(NULL, cases[i].templ, &cases[i].names, &why);

        if (cases[i].home == NULL) {
            if (home != NULL)
                fail_msg("%s with %s gives %s", cases[i].templ, cases[i].names.user, home);
            assert_non_null(why);
            continue;
        }
        if (home == NULL)
            fail_msg("%s with %s: %s", cases[i].templ, cases[i].names.user, why);
        assert_string_equal(home, cases[i].home);
        talloc_free(home);
    }
}

static void
comments_hold_nothing_that_ends_a_field(void **state)
{
    struct config_names names = { "alice", "corp.test", "CORP", "Liddell, Alice:\n0\x7f%u\xc3\xa9", 201103 };
    char *gecos = config_expand_gecos(NULL, "%f (%u) %U %%:", &names);
    char name[600];

    (void)state;
    assert_string_equal(gecos, "Liddell, Alice  0 %u\xc3\xa9 (alice) 201103 % ");
    talloc_free(gecos);
    names.full_name = "a\xff\xe2\x82z\xc2\x85y";
    gecos = config_expand_gecos(NULL, "%f", &names);
    assert_string_equal(gecos, "a   z  y");
    talloc_free(gecos);
    names.full_name = "";
    gecos = config_expand_gecos(NULL, "%f", &names);
    assert_string_equal(gecos, "");
    talloc_free(gecos);

    /* 255 bytes hold 127 characters of two bytes, and no half one. */
    for (size_t i = 0; i < sizeof(name) - 1; i++)
        name[i] = i % 2 == 0 ? '\xc3' : '\xa9';
    name[sizeof(name) - 2] = '\0';
    names.full_name = name;
    gecos = config_expand_gecos(NULL, "%f", &names);
    assert_int_equal(strlen(gecos), 254);
    talloc_free(gecos);
    assert_null(config_expand_gecos(NULL, "%q", &names));
}

/* Writes text to a file of that mode in a folder of its own; gives its path. */
static char *
make_file(const char *text, mode_t mode)
{
    char *path = talloc_strdup(NULL, "/tmp/test_config.XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    return path;
}

static void
assert_refused(const char *path, const char *reason)
{
    struct told told = { .n = 0 };

    assert_null(config_load(NULL, path, note, &told));
    if (told.n != 1 || strncmp(told.text, path, strlen(path)) != 0 || strstr(told.text, reason) == NULL)
        fail_msg("told: %s", told.text);
}

static void
a_file_that_others_may_write_is_refused(void **state)
{
    static const mode_t modes[] = { 0664, 0646, 0666, 0620 };

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char *path = make_file("", modes[i]);

        assert_refused(path, "others than its owner may write");
        (void)unlink(path);
        talloc_free(path);
    }
}

static void
only_a_file_of_root_is_read(void **state)
{
    char *path = make_file("[log]\nlevel = debug\n", 0644), *big;
    struct told told = { .n = 0 };
    struct config *c = config_load(NULL, path, note, &told);

    (void)state;
    assert_string_equal(told.text, "");
    assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
    talloc_free(c);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 0), 0);
        assert_refused(path, "does not belong to root");
    }
    (void)unlink(path);
    assert_refused(path, "No such file");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, "no regular file");
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(path, "no regular file");
    (void)rmdir(path);
    talloc_free(path);

    big = talloc_size(NULL, CONFIG_MAX + 2);
    memset(big, '\n', CONFIG_MAX + 1);
    big[CONFIG_MAX + 1] = '\0';
    path = make_file(big, 0644);
    assert_refused(path, "too long");
    assert_int_equal(truncate(path, CONFIG_MAX), 0);
    told = (struct told){ .n = 0 };
    c = config_load(NULL, path, note, &told);
    assert_non_null(c);
    talloc_free(c);
    (void)unlink(path);
    talloc_free(path);
    talloc_free(big);
}

/* A file of the source tree, under NULL. */
static char *
read_source(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char *path = talloc_asprintf(NULL, "%s/%s", srcdir == NULL ? "." : srcdir, name);
    char *text = talloc_zero_size(NULL, CONFIG_MAX);
    FILE *f = fopen(path, "r");

    if (f == NULL)
        fail_msg("%s cannot be read", path);
    assert_true(fread(text, 1, CONFIG_MAX - 1, f) > 0);
    (void)fclose(f);
    talloc_free(path);
    return text;
}

static void
the_example_has_every_key_with_its_default(void **state)
{
    char *text = read_source("dist/authsod.conf"), *line;
    struct config *c = parse_well(text);

    (void)state;
    assert_string_equal(c->name, "corp.example.com");
    talloc_free(c);
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        bool shown = key->fallback != NULL && i != KEY_RESERVED_NAMES;

        line = talloc_asprintf(text, "\n%s%s = %s%s", i == KEY_NAME ? "" : "# ", key->name,
                               shown ? key->fallback : "", shown ? "\n" : "");
        if (strstr(text, line) == NULL)
            fail_msg("the example lacks: %s", line);
    }
    /* With its comments taken away it is still well. */
    for (int i = 0; i < KEY_COUNT; i++) {
        line = strstr(text, talloc_asprintf(text, "\n# %s = ", config_keys[i].name));
        if (line != NULL)
            memmove(line + 1, line + 3, strlen(line + 3) + 1);
    }
    c = parse_well(text);
    assert_string_equal(c->controllers[1], "dc2.corp.example.com");
    talloc_free(c);
    talloc_free(text);
}

/* Where the man page speaks of a key; NULL where it does not. */
static char *
man_item(char *text, int i)
{
    if (i == KEY_RANGE_UPPER)
        return strstr(text, ".It Cm range_lower , range_upper\n");
    return strstr(text, talloc_asprintf(text, "\n.It Cm %s", config_keys[i].name));
}

static void
the_man_page_has_every_key_with_its_default(void **state)
{
    char *text = read_source("doc/man/authsod.conf.5");

    (void)state;
    for (int i = 0; i < KEY_COUNT; i++) {
        const char *fallback = config_keys[i].fallback;
        char *at = man_item(text, i), *end, *found;

        if (at == NULL)
            fail_msg("the man page lacks %s", config_keys[i].name);
        if (i == KEY_RESERVED_NAMES || i == KEY_RANGE_LOWER || fallback == NULL)
            continue;
        /* The keys stand in the order of the table. */
        end = i + 1 < KEY_COUNT ? man_item(text, i + 1) : strstr(at, "\n.Sh ");
        assert_true(end > at);
        found = strstr(at, fallback);
        if (found == NULL || found > end)
            fail_msg("the man page lacks the default of %s", config_keys[i].name);
    }
    talloc_free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(homes_are_safe_paths),
        cmocka_unit_test(comments_hold_nothing_that_ends_a_field),
        cmocka_unit_test(a_file_that_others_may_write_is_refused),
        cmocka_unit_test(only_a_file_of_root_is_read),
        cmocka_unit_test(the_example_has_every_key_with_its_default),
        cmocka_unit_test(the_man_page_has_every_key_with_its_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
