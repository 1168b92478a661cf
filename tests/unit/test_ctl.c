/* authsodctl: its command line, what its halves say to each other, the files that it reads and changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "tools/ctl.h"
#include "tools/options.h"
#include "tools/os_release.h"
#include "tools/talk.h"

#define WORDS_MAX 16

/* Reads a command line of words between blanks. */
static bool
read_line(const char *line, struct ctl_options *o, char error[static 256])
{
    static char text[512];
    char *argv[WORDS_MAX + 1] = { NULL }, *save = NULL;
    int argc = 0;

    (void)snprintf(text, sizeof(text), "authsodctl %s", line);
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    error[0] = '\0';
    return ctl_options_read(argc, argv, o, error);
}

static void
command_lines_are_understood(void **state)
{
    struct ctl_options o;
    char error[256];

    (void)state;
    assert_true(read_line("join corp.test", &o, error));
    assert_true(o.command == CTL_JOIN && strcmp(o.domain, "corp.test") == 0 && o.user == NULL && !o.json);
    assert_true(read_line("join --user bob corp.test --ou OU=x --computer-name WS1 --dc dc1 --enable --json "
                          "--password-stdin",
                          &o, error));
    assert_string_equal(o.user, "bob");
    assert_string_equal(o.ou, "OU=x");
    assert_string_equal(o.computer, "WS1");
    assert_string_equal(o.dc, "dc1");
    assert_true(o.enable && o.json && o.password_stdin && !o.one_time);
    assert_true(read_line("join corp.test --one-time-password --password-stdin", &o, error) && o.one_time);
    assert_true(read_line("join corp.test --ccache", &o, error) && o.use_ccache && o.ccache == NULL);
    assert_true(read_line("join corp.test --ccache=FILE:/x", &o, error));
    assert_string_equal(o.ccache, "FILE:/x");
    assert_true(read_line("leave --keep-account --json", &o, error) && o.command == CTL_LEAVE && o.keep_account);
    assert_true(read_line("--json testjoin --dc dc1", &o, error) && o.command == CTL_TESTJOIN);
    assert_true(read_line("status", &o, error) && o.command == CTL_STATUS);
    assert_true(read_line("rotate --json", &o, error) && o.command == CTL_ROTATE && o.json);
    assert_true(read_line("--help", &o, error) && o.command == CTL_HELP);
    assert_true(read_line("join --version", &o, error) && o.command == CTL_VERSION);
    assert_string_equal(ctl_command_word(CTL_TESTJOIN), "testjoin");
}

static void
command_lines_without_sense_are_refused(void **state)
{
    static const struct {
        const char *line;
        const char *why;
    } cases[] = {
        { "", "first word" },
        { "jion corp.test", "first word" },
        { "join", "name of the domain" },
        { "join corp.test more", "more: one word too many" },
        { "leave corp.test", "corp.test: one word too many" },
        { "join corp.test --frobnicate", "--frobnicate: no such option" },
        { "join corp.test --user", "--user: no such option, or it lacks its value" },
        { "join corp.test -u bob", "no such option" },
        { "join corp.test --keep-account", "--keep-account does not go with join" },
        { "leave --ou OU=x", "--ou does not go with leave" },
        { "leave --json --enable", "--enable does not go with leave" },
        { "testjoin --user bob", "--user does not go with testjoin" },
        { "status --dc dc1", "--dc does not go with status" },
        { "rotate --dc dc1", "--dc does not go with rotate" },
        { "rotate --user u", "--user does not go with rotate" },
        { "join corp.test --ccache --user bob", "--ccache says who you are" },
        { "join corp.test --ccache --password-stdin", "--ccache says who you are" },
        { "join corp.test --one-time-password --user bob", "--one-time-password" },
        { "join corp.test --one-time-password --ou OU=x", "--one-time-password" },
        { "leave --keep-account --user bob", "--keep-account asks nobody" },
        { "leave --keep-account --dc dc1", "--keep-account asks nobody" },
    };
    struct ctl_options o;
    char error[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_line(cases[i].line, &o, error))
            fail_msg("accepted: %s", cases[i].line);
        if (strstr(error, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].line, error);
    }
}

static void
packets_arrive_as_they_were_sent(void **state)
{
    struct talk t;
    char secret[300];
    int pair[2], fd = memfd_create("x", MFD_CLOEXEC);

    (void)state;
    memset(secret, 's', sizeof(secret) - 1);
    secret[sizeof(secret) - 1] = '\0';
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(talk_send(pair[0], TALK_VERIFY, 7, secret, "b", fd));
    assert_true(talk_receive(pair[1], &t, 1000));
    assert_true(t.type == TALK_VERIFY && t.number == 7 && t.fd >= 0 && t.fd != fd);
    assert_string_equal(t.a, secret);
    assert_string_equal(t.b, "b");
    talk_clear(&t);
    assert_true(t.fd == -1 && t.a[0] == '\0' && t.a[100] == '\0');
    assert_true(talk_send(pair[0], TALK_DONE, 0, NULL, NULL, -1) && talk_receive(pair[1], &t, 1000) && t.fd == -1);
    /* Nothing is waited for without an end, and the end of the other half is seen. */
    assert_false(talk_receive(pair[1], &t, 20));
    (void)close(pair[0]);
    assert_false(talk_receive(pair[1], &t, 1000));
    assert_false(talk_send(pair[1], TALK_DONE, 0, NULL, NULL, -1));
    (void)close(pair[1]);
    (void)close(fd);
}

static void
malformed_packets_are_refused(void **state)
{
    uint8_t good[64], bytes[TALK_PACKET_MAX];
    struct writer w = writer_init(good, sizeof(good)), big = writer_init(bytes, sizeof(bytes));
    static char text[TALK_TEXT_MAX + 1];
    struct talk t;

    (void)state;
    writer_u8(&w, TALK_CHECK);
    writer_u32(&w, 1);
    writer_str(&w, "key");
    writer_str(&w, "value");
    assert_true(talk_decode(good, w.len, &t));
    for (size_t i = 0; i < w.len; i++)
        assert_false(talk_decode(good, i, &t));
    good[w.len] = 0;
    assert_false(talk_decode(good, w.len + 1, &t));
    good[10] = '\0'; /* within the key */
    assert_false(talk_decode(good, w.len, &t));
    memset(text, 'x', TALK_TEXT_MAX);
    writer_u8(&big, TALK_CHECK);
    writer_u32(&big, 1);
    writer_str(&big, text);
    writer_str(&big, "");
    assert_false(talk_decode(bytes, big.len, &t));
}

static void
nsswitch_gets_the_service_once(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "passwd: files\ngroup:\tfiles systemd\n", "passwd: authsod [TRYAGAIN=return] files\n"
                                                    "group:\tauthsod [TRYAGAIN=return] files systemd\n" },
        { "passwd: authsod files\ngroup: files authsod\n", "passwd: authsod files\ngroup: files authsod\n" },
        { "shadow: files\nhosts: files dns\n#passwd: files\n", "shadow: files\nhosts: files dns\n#passwd: files\n" },
        { "passwd: compat # files\n", "passwd: compat # files\n" },
        { "passwd:files", "passwd:authsod [TRYAGAIN=return] files" },
        { "passwd: myfiles\n", "passwd: myfiles\n" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *after = ctl_nsswitch(NULL, cases[i].before), *again;

        assert_string_equal(after, cases[i].after);
        again = ctl_nsswitch(NULL, after);
        assert_string_equal(again, after);
        talloc_free(again);
        talloc_free(after);
    }
}

static void
the_system_is_called_as_it_says(void **state)
{
    static const struct {
        const char *text, *name, *version;
    } cases[] = {
        { "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n",
          "Debian GNU/Linux", "12" },
        { "NAME=Fedora\nVERSION_ID=40", "Fedora", "40" },
        { "NAME=\"\"\n", "Linux", "" },
        { "NAME=\"a\033b\"\n", "a?b", "" },
        { "", "Linux", "" },
    };
    char name[64], version[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        FILE *f = tmpfile();

        assert_non_null(f);
        assert_true(fputs(cases[i].text, f) >= 0);
        rewind(f);
        os_release_read(f, name, sizeof(name), version, sizeof(version));
        (void)fclose(f);
        assert_string_equal(name, cases[i].name);
        assert_string_equal(version, cases[i].version);
    }
    os_release_read(NULL, name, sizeof(name), version, sizeof(version));
    assert_string_equal(name, "Linux");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_understood),     cmocka_unit_test(command_lines_without_sense_are_refused),
        cmocka_unit_test(packets_arrive_as_they_were_sent), cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(nsswitch_gets_the_service_once),   cmocka_unit_test(the_system_is_called_as_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
