/* daemon/config: what a configuration means, and what is said about a wrong one. */
#include <config.h> /* not daemon/config.h */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/config_keys.h"

/* What this build can do with a card that is pulled. */
#ifdef HAVE_SD_BUS
#define REMOVAL "logoff"
#define REMOVAL_READ CONFIG_REMOVAL_LOGOFF
#else
#define REMOVAL "ignore"
#define REMOVAL_READ CONFIG_REMOVAL_IGNORE
#endif

/* What was told, one message a line. */
struct told {
    char text[16384];
    unsigned n;
};

static void
note(void *arg, const char *message)
{
    struct told *told = arg;
    size_t len = strlen(told->text);

    assert_null(strchr(message, '\n'));
    (void)snprintf(told->text + len, sizeof(told->text) - len, "%s\n", message);
    told->n++;
}

static struct config *
parse(const char *text, struct told *told)
{
    *told = (struct told){ .n = 0 };
    return config_parse_as(NULL, text, strlen(text), "c", "WS1.corp.test", note, told);
}

static struct config *
parse_well(const char *text)
{
    struct told told;
    struct config *c = parse(text, &told);

    assert_string_equal(told.text, "");
    assert_non_null(c);
    return c;
}

static void
defaults_hold_where_nothing_is_said(void **state)
{
    struct config *c = parse_well("[domain]\nname = Corp.Test\n");

    (void)state;
    assert_string_equal(c->name, "corp.test");
    assert_string_equal(c->realm, "CORP.TEST");
    assert_string_equal(c->computer, "WS1");
    assert_string_equal(c->fqdn, "ws1.corp.test");
    assert_null(c->controllers[0]);
    assert_string_equal(c->trusted[0], CONFIG_TRUSTED_AUTO);
    assert_null(c->trusted[1]);
    assert_string_equal(c->site, "");
    assert_string_equal(c->keytab, "/etc/krb5.keytab");
    assert_int_equal(c->timeout, 5);
    assert_int_equal(c->password_lifetime, 30 * 86400);
    assert_int_equal(c->fast, CONFIG_FAST_TRY);
    assert_int_equal(c->ntlm_fallback, CONFIG_FALLBACK_UNAVAILABLE);
    assert_int_equal(c->smartcard, CONFIG_SMARTCARD_AUTO);
    assert_null(c->anchors[0]);
    assert_null(c->intermediates[0]);
    assert_null(c->crls[0]);
    assert_null(c->pkcs11_module);
    assert_true(!c->require_crl && c->require_eku && !c->kdc_eku_server);
    assert_true(!c->offline_smartcard && !c->keep_nt_hash);
    assert_int_equal(c->card_removal, CONFIG_REMOVAL_IGNORE);
    assert_true(c->forwardable && c->renewable);
    assert_int_equal(c->lifetime, 36000);
    assert_int_equal(c->renew_lifetime, 7 * 86400);
    assert_int_equal(c->workers, 32);
    assert_int_equal(c->deadline, 30);
    assert_int_equal(c->password_warning, 5 * 86400);
    assert_null(c->ccache);
    assert_int_equal(c->name_format, CONFIG_NAME_SHORT);
    assert_string_equal(c->home, "/home/%u");
    assert_string_equal(c->shell, "/bin/bash");
    assert_string_equal(c->gecos, "%f");
    assert_int_equal(c->range_lower, 200000);
    assert_int_equal(c->range_upper, 2000200000);
    assert_int_equal(c->range_size, 200000);
    assert_int_equal(c->cache_refresh, 900);
    assert_int_equal(c->cache_end, 30 * 86400);
    assert_int_equal(c->negative, 15);
    assert_int_equal(c->members_max, 20000);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    talloc_free(c);
}

static const char everything[] = "\xef\xbb\xbf"
                                 "; a comment\r\n"
                                 "[domain]   # where\r\n"
                                 "name=corp.test ; trailing\r\n"
                                 "realm\t=\tOTHER.TEST\r\n"
                                 "computer = ws1-long_name15\n"
                                 "fqdn: W.Corp.Test\n"
                                 "trusted = Other.Test\n"
                                 "controllers = DC1.corp.test, 10.0.0.1\n"
                                 "  fd00::1 ; the third\n"
                                 "\n"
                                 "\t# not the fourth\n"
                                 "\tdc4\n"
                                 "site = Default-First-Site-Name\n"
                                 "keytab = /var/lib/a b/krb5.keytab\n"
                                 "timeout = 60\npassword_lifetime = 0\n"
                                 "[log]\n"
                                 "level = debug\n"
                                 "[logon]\n"
                                 "fast = require\nntlm_fallback = never\nforwardable = no\nrenewable = no\nlifetime = 0\n"
                                 "renew_lifetime = 1w2d3h4m5s\nworkers = 256\ndeadline = 5m\npassword_warning = 0\n"
                                 "ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX\nsmartcard = require\n"
                                 "[smartcard]\n"
                                 "anchors = /a/ca.pem /a/more\nintermediates = /a/i\ncrls = /a/crls\nrequire_crl = yes\n"
                                 "require_eku = no\nkdc_eku = server\npkcs11_module = /usr/lib/p.so\n"
                                 "offline_smartcard = yes\nnt_hash = keep\ncard_removal = " REMOVAL "\n"
                                 "[identity]\n"
                                 "name_format = qualified\nhome = /home/%d/%u\nshell = /bin/sh\n"
                                 "gecos = %f = %% : %u\nreserved_names = +Foo, sudo\n bar\nrange_lower = 1000\n"
                                 "range_upper = 4294967295\nrange_size = 4294966295\ncache_refresh = 1s\n"
                                 "cache_end = 1\nnegative = 0\nmembers_max = 0\n";

static void
every_key_is_read(void **state)
{
    struct config *c = parse_well(everything);

    (void)state;
    assert_string_equal(c->name, "corp.test");
    assert_string_equal(c->realm, "OTHER.TEST");
    assert_string_equal(c->computer, "WS1-LONG_NAME15");
    assert_string_equal(c->fqdn, "w.corp.test");
    assert_string_equal(c->trusted[0], "other.test");
    assert_string_equal(c->controllers[0], "dc1.corp.test");
    assert_string_equal(c->controllers[1], "10.0.0.1");
    assert_string_equal(c->controllers[2], "fd00::1");
    assert_string_equal(c->controllers[3], "dc4");
    assert_null(c->controllers[4]);
    assert_string_equal(c->site, "Default-First-Site-Name");
    assert_string_equal(c->keytab, "/var/lib/a b/krb5.keytab");
    assert_int_equal(c->timeout, 60);
    assert_int_equal(c->password_lifetime, 0);
    assert_int_equal(c->fast, CONFIG_FAST_REQUIRE);
    assert_int_equal(c->ntlm_fallback, CONFIG_FALLBACK_NEVER);
    assert_false(c->forwardable || c->renewable);
    assert_int_equal(c->lifetime, 0);
    assert_int_equal(c->renew_lifetime, 9 * 86400 + 3 * 3600 + 4 * 60 + 5);
    assert_int_equal(c->workers, 256);
    assert_int_equal(c->deadline, 300);
    assert_int_equal(c->password_warning, 0);
    assert_int_equal(c->smartcard, CONFIG_SMARTCARD_REQUIRE);
    assert_string_equal(c->anchors[0], "/a/ca.pem");
    assert_string_equal(c->anchors[1], "/a/more");
    assert_null(c->anchors[2]);
    assert_string_equal(c->intermediates[0], "/a/i");
    assert_string_equal(c->crls[0], "/a/crls");
    assert_true(c->require_crl && !c->require_eku && c->kdc_eku_server);
    assert_true(c->offline_smartcard && c->keep_nt_hash);
    assert_int_equal(c->card_removal, REMOVAL_READ);
    assert_string_equal(c->pkcs11_module, "/usr/lib/p.so");
    assert_string_equal(c->ccache, "FILE:/tmp/krb5cc_%{uid}_XXXXXX");
    assert_int_equal(c->name_format, CONFIG_NAME_QUALIFIED);
    assert_string_equal(c->home, "/home/%d/%u");
    assert_string_equal(c->shell, "/bin/sh");
    assert_string_equal(c->gecos, "%f = %% : %u");
    assert_int_equal(c->range_lower, 1000);
    assert_int_equal(c->range_upper, UINT32_MAX);
    assert_int_equal(c->range_size, UINT32_MAX - 1000);
    assert_int_equal(c->cache_refresh, 1);
    assert_int_equal(c->cache_end, 1);
    assert_int_equal(c->negative, 0);
    assert_int_equal(c->members_max, 0);
    assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
    talloc_free(c);
}

static void
a_computer_without_a_domain_has_a_configuration_too(void **state)
{
    static const char *const texts[] = { "", "[domain]\ntimeout = 1\n", "# nothing", "[log]\nlevel = error\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config *c = parse_well(texts[i]);

        assert_string_equal(c->name, "");
        assert_string_equal(c->realm, "");
        assert_string_equal(c->computer, "");
        assert_string_equal(c->fqdn, "");
        talloc_free(c);
    }
}

static void
names_follow_from_the_host_name(void **state)
{
    static const struct {
        const char *host, *computer, *fqdn; /* NULL: refused */
    } cases[] = {
        { "ws1", "WS1", "ws1.corp.test" },
        { "WS1.Other.Test", "WS1", "ws1.other.test" },
        { "a-very-long-host-name", "A-VERY-LONG-HOS", "a-very-long-host-name.corp.test" },
        { "fourteen-chars-x", NULL, NULL }, /* cut behind a "-" */
        { "", NULL, NULL },
        { "(none)", NULL, NULL },
        { "ws 1", NULL, NULL },
    };
    static const char text[] = "[domain]\nname = corp.test\n";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told told = { .n = 0 };
        struct config *c = config_parse_as(NULL, text, strlen(text), "c", cases[i].host, note, &told);

        if (cases[i].computer == NULL) {
            assert_null(c);
            assert_non_null(strstr(told.text, "c: `computer` is not set, and what follows from the host name must be"));
            continue;
        }
        assert_string_equal(told.text, "");
        assert_string_equal(c->computer, cases[i].computer);
        assert_string_equal(c->fqdn, cases[i].fqdn);
        talloc_free(c);
    }
}

#define DOMAIN "[domain]\nname = corp.test\n"
#define LABEL_64 "a234567890123456789012345678901234567890123456789012345678901234"
#define LINE_80 "x2345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define LINE_100 "x234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static void
each_error_names_its_line(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        /* the shape of the file */
        { "[logon]\nfsat = try\n", "c:2: unknown key `fsat` in [logon]; did you mean `fast`?\n" },
        { "[logon]\nFast = try\n", "c:2: unknown key `Fast` in [logon]; did you mean `fast`?\n" },
        { "[logon]\nlevel = info\n", "c:2: unknown key `level` in [logon]; it belongs in [log]\n" },
        { "[logon]\ncolour = blue\n", "c:2: unknown key `colour` in [logon]\n" },
        { "[logon]\n = blue\n", "c:2: unknown key `` in [logon]\n" },
        { "\n[lgoon]\nfast = try\nrubbish\n", "c:2: unknown section [lgoon]; did you mean [logon]?\n" },
        { "[kerberos]\n", "c:1: unknown section [kerberos]\n" },
        { "[]\n", "c:1: unknown section []\n" },
        { "fast = try\n", "c:1: `fast` stands before the first section\n" },
        { "[logon\n", "c:1: a section stands alone in its line, as in `[domain]`\n" },
        { "[logon] fast = never\n", "c:1: a section stands alone in its line, as in `[domain]`\n" },
        { "[logon]\nfast\n", "c:2: this is no `key = value`\n" },
        { "[logon]\nfast", "c:2: this is no `key = value`\n" },
        { "[logon]\nfast = try\nfast = try\n", "c:3: `fast` is set in line 2 already\n" },
        { "[logon]\nfast = try\n[log]\n[logon]\nfast = try\n", "c:5: `fast` is set in line 2 already\n" },
        { "[logon]\nfast =\n", "c:2: `fast` has no value; leave the line out for the default\n" },
        { "[logon]\nfast = ; try\n", "c:2: `fast` has no value; leave the line out for the default\n" },
        { "[logon]\nfast = try\n workers = 2\n",
          "c:3: the line begins with a blank, so it would go on with `fast`, which is no list\n" },
        { "[logon]\nfast = try\n  [log]\n",
          "c:3: the line begins with a blank, so it would go on with `fast`, which is no list\n" },
        { "[logon]\nfast = t\x01ry\n", "c:2: there is a control character in the line\n" },
        { "[logon]\nfast = try\x7f\n", "c:2: there is a control character in the line\n" },
        { "[logon]\nfast = try\xc2\x85\n", "c:2: there is a control character in the line\n" },
        { "[logon]\nfast = try\xc3\n", "c:2: the line is not UTF-8\n" },
        { "[logon]\nfast = try\xed\xa0\x80\n", "c:2: the line is not UTF-8\n" },
        { "[logon]\nfast = " LINE_100 LINE_100 "\n",
          "c:2: the line has more than 197 bytes; a list may go on in the next line, after a blank\n" },
        /* words, numbers, times */
        { "[logon]\nfast = maybe\n", "c:2: `fast` must be try, require or never, not `maybe`\n" },
        { "[logon]\nrenewable = true\n", "c:2: `renewable` must be no or yes, not `true`\n" },
        { "[logon]\nworkers = 0\n", "c:2: `workers` must be a number from 1 to 256, not `0`\n" },
        { "[logon]\nworkers = 257\n", "c:2: `workers` must be a number from 1 to 256, not `257`\n" },
        { "[logon]\nworkers = -1\n", "c:2: `workers` must be a number from 1 to 256, not `-1`\n" },
        { "[logon]\nworkers = 1e2\n", "c:2: `workers` must be a number from 1 to 256, not `1e2`\n" },
        { "[logon]\nworkers = 99999999999999999999\n",
          "c:2: `workers` must be a number from 1 to 256, not `99999999999999999999`\n" },
        { "[logon]\ndeadline = 4s\n", "c:2: `deadline` must be from 5 to 300 seconds, not `4s`\n" },
        { "[logon]\ndeadline = 301\n", "c:2: `deadline` must be from 5 to 300 seconds, not `301`\n" },
        { "[logon]\nntlm_fallback = always\n",
          "c:2: `ntlm_fallback` must be unavailable or never, not `always`\n" },
        { "[logon]\nsmartcard = require\n", "c:2: `smartcard = require` needs `anchors` in [smartcard]\n" },
        { "[smartcard]\ncard_removal = eject\n",
          "c:2: `card_removal` must be ignore, lock or logoff, not `eject`\n" },
#ifndef HAVE_SD_BUS
        { "[smartcard]\ncard_removal = lock\n",
          "c:2: `card_removal` must be ignore: this authsodd was built without libsystemd\n" },
#endif
        { "[smartcard]\nanchors = /a ca.pem\n",
          "c:2: `anchors` holds `ca.pem`, and each item must be an absolute path\n" },
        { "[logon]\npassword_warning = 366d\n",
          "c:2: `password_warning` must be from 0 to 31536000 seconds, not `366d`\n" },
        { "[logon]\nlifetime = 10\xc2\xa0h\n",
          "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `10\xc2\xa0h`\n" },
        { "[logon]\nlifetime = h\n", "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `h`\n" },
        { "[logon]\nlifetime = 1h30\n", "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `1h30`\n" },
        { "[logon]\nlifetime = 30m1h\n", "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `30m1h`\n" },
        { "[logon]\nlifetime = 1h1h\n", "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `1h1h`\n" },
        { "[logon]\nlifetime = 2147483648\n",
          "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `2147483648`\n" },
        { "[logon]\nlifetime = 2147483647w\n",
          "c:2: `lifetime` must be a time like 30s, 15m, 1h30m or 7d, not `2147483647w`\n" },
        { "[logon]\nlifetime = 366d\n", "c:2: `lifetime` must be from 0 to 31536000 seconds, not `366d`\n" },
        /* names */
        { "[domain]\nname = corp..test\n", "c:2: `name` must be a DNS name, not `corp..test`\n" },
        { "[domain]\nname = corp.test.\n", "c:2: `name` must be a DNS name, not `corp.test.`\n" },
        { "[domain]\nname = 10.0.0.1\n", "c:2: `name` must be a DNS name, not `10.0.0.1`\n" },
        { "[domain]\nname = -corp.test\n", "c:2: `name` must be a DNS name, not `-corp.test`\n" },
        { "[domain]\nname = " LABEL_64 "\n", "c:2: `name` must be a DNS name, not `" LABEL_64 "`\n" },
        { "[domain]\nname = m\xc3\xbc.test\n", "c:2: `name` must be a DNS name, not `m\xc3\xbc.test`\n" },
        { DOMAIN "realm = A REALM\n", "c:3: `realm` must be a realm like CORP.EXAMPLE.COM, not `A REALM`\n" },
        { DOMAIN "computer = abcdefghijklmnop\n",
          "c:3: `computer` must be a computer name of at most 15 characters, not `abcdefghijklmnop`\n" },
        { DOMAIN "computer = WS1$\n",
          "c:3: `computer` must be a computer name of letters, digits and `-`, not `WS1$`\n" },
        { DOMAIN "controllers = dc1 dc_2 dc/3\n",
          "c:3: `controllers` holds `dc/3`, and each item must be a host name or an address\n" },
        { DOMAIN "controllers = dc1\n 10.0.0.256\n",
          "c:4: `controllers` holds `10.0.0.256`, and each item must be a host name or an address\n" },
        { DOMAIN "trusted = other.test partner\n",
          "c:3: `trusted` holds `partner`, and each item must be the DNS name of a domain\n" },
        { DOMAIN "trusted = other.test none\n", "c:3: `none` in `trusted` stands alone or not at all\n" },
        { DOMAIN "trusted = auto other.test\n", "c:3: `auto` in `trusted` stands alone or not at all\n" },
        { DOMAIN "controllers = ,\n", "c:3: `controllers` has no items\n" },
        { "[identity]\nshell = /" LINE_100 LINE_80 "\n", "c:2: `shell` is longer than 180 bytes\n" },
        { DOMAIN "controllers = a\n " LINE_100 LINE_80 "1\n", "c:4: `controllers` is longer than 180 bytes\n" },
        { DOMAIN "site = a.b\n", "c:3: `site` must be the name of a site, not `a.b`\n" },
        { DOMAIN "keytab = krb5.keytab\n", "c:3: `keytab` must be an absolute path, not `krb5.keytab`\n" },
        { DOMAIN "keytab = FILE:/etc/krb5.keytab\n",
          "c:3: `keytab` must be an absolute path, not `FILE:/etc/krb5.keytab`\n" },
        { "[identity]\nshell = /bin/ba:sh\n",
          "c:2: `shell` must be a path without `:` and control characters, not `/bin/ba:sh`\n" },
        { "[identity]\nreserved_names = good b@d\n",
          "c:2: `reserved_names` holds `b@d`, and each item must be the name of a user or group\n" },
        { "[identity]\nreserved_names = a +b\n",
          "c:2: `reserved_names` holds `+b`, and each item must be the name of a user or group\n" },
        /* templates */
        { "[identity]\nhome = home/%u\n", "c:2: `home` must be an absolute path, not `home/%u`\n" },
        { "[identity]\nhome = /home/../%u\n",
          "c:2: `home` must be a path without empty parts, `.` and `..`, not `/home/../%u`\n" },
        { "[identity]\nhome = /home//%u\n",
          "c:2: `home` must be a path without empty parts, `.` and `..`, not `/home//%u`\n" },
        { "[identity]\nhome = /home/%x\n",
          "c:2: `home` must hold no `%` but those of %u, %d, %n, %f, %U and %%, not `/home/%x`\n" },
        { "[identity]\nhome = /home/%u%\n",
          "c:2: `home` must hold no `%` but those of %u, %d, %n, %f, %U and %%, not `/home/%u%`\n" },
        { "[identity]\nhome = /home/%%u\n",
          "c:2: `home` must hold %u or %U, or all users would share one home directory, not `/home/%%u`\n" },
        { "[identity]\nhome = /home/all\n",
          "c:2: `home` must hold %u or %U, or all users would share one home directory, not `/home/all`\n" },
        { "[identity]\ngecos = %s\n",
          "c:2: `gecos` must hold no `%` but those of %u, %d, %n, %f, %U and %%, not `%s`\n" },
        { "[logon]\nccache = MEMORY:x\n",
          "c:2: `ccache` must begin with FILE:, DIR:, KEYRING:persistent:, KEYRING:user:, KCM: or `/`, not `MEMORY:x`\n" },
        { "[logon]\nccache = FILE:tmp/x\n", "c:2: `ccache` must be an absolute path, not `FILE:tmp/x`\n" },
        { "[logon]\nccache = /tmp/krb5cc\n",
          "c:2: `ccache` must hold %{uid} or %{username}, or all users would share one cache, not `/tmp/krb5cc`\n" },
        { "[logon]\nccache = KEYRING:persistent:%{luid}\n",
          "c:2: `ccache` must hold no variables but %{uid}, %{euid}, %{USERID}, %{username} and %{TEMP}, "
          "not `KEYRING:persistent:%{luid}`\n" },
        /* together */
        { "[identity]\nrange_lower = 300000\nrange_upper = 400000\n",
          "c:3: from `range_lower` to `range_upper` there is no room for one `range_size`\n" },
        { "[identity]\nrange_lower = 3000000000\n",
          "c: from `range_lower` to `range_upper` there is no room for one `range_size`\n" },
        { "[identity]\nrange_lower = 999\n",
          "c:2: `range_lower` must be a number from 1000 to 4294967295, not `999`\n" },
        { "[identity]\ncache_end = 1m\n", "c:2: `cache_end` is before `cache_refresh`\n" },
        { "[domain]\nsite = x\n", "c:2: [domain] lacks `name`\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told told;

        assert_null(parse(cases[i].text, &told));
        assert_string_equal(told.text, cases[i].told);
    }
}

static void
all_errors_are_told_in_order(void **state)
{
    struct told told;
    char text[4096] = "[logon]\n";

    (void)state;
    assert_null(parse("[logon]\nfast = x\n[log]\nlevel = y\nrubbish\n[logon]\nworkers = 0\n", &told));
    assert_string_equal(told.text, "c:2: `fast` must be try, require or never, not `x`\n"
                                   "c:4: `level` must be error, warning, info or debug, not `y`\n"
                                   "c:5: this is no `key = value`\n"
                                   "c:7: `workers` must be a number from 1 to 256, not `0`\n");

    for (unsigned i = 0; i < 1000; i++)
        strcat(text, "x\n");
    assert_null(parse(text, &told));
    assert_int_equal(told.n, CONFIG_ERRORS_MAX + 1);
    assert_non_null(strstr(told.text, "c:51: this is no `key = value`\nc: there are more errors\n"));
}

static void
a_nul_and_a_long_text_are_refused(void **state)
{
    static const char nul[] = "[logon]\nfast = try\0\nworkers = 0\n";
    struct told told = { .n = 0 };
    char *text = talloc_size(NULL, CONFIG_MAX + 1);

    (void)state;
    assert_null(config_parse_as(NULL, nul, sizeof(nul) - 1, "c", "h", note, &told));
    assert_string_equal(told.text, "c:2: there is a control character in the line\n"
                                   "c:3: `workers` must be a number from 1 to 256, not `0`\n");
    memset(text, '\n', CONFIG_MAX + 1);
    told = (struct told){ .n = 0 };
    assert_null(config_parse_as(NULL, text, CONFIG_MAX + 1, "c", "h", note, &told));
    assert_string_equal(told.text, "c: the file has more than 262144 bytes\n");
    talloc_free(text);
}

static void
reserved_names_are_the_default_or_more(void **state)
{
    static const char *const privileged[] = { "root", "sudo", "wheel", "admin", "adm", "docker", "lxd", "disk",
                                              "shadow", "kvm", "libvirt", "netdev", "systemd-journal", "staff" };
    struct config *c = parse_well("");

    (void)state;
    for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
        assert_true(config_is_reserved(c, privileged[i]));
    assert_false(config_is_reserved(c, "alice"));
    assert_false(config_is_reserved(c, ""));
    talloc_free(c);

    c = parse_well("[identity]\nreserved_names = +Alice,bob\n carol sudo \xc3\x89mile\n");
    assert_true(config_is_reserved(c, "alice") && config_is_reserved(c, "bob") && config_is_reserved(c, "carol"));
    assert_true(config_is_reserved(c, "\xc3\xa9mile"));
    assert_true(config_is_reserved(c, "wheel"));
    for (size_t i = 1; i < c->n_reserved; i++)
        assert_true(strcmp(c->reserved_names[i - 1], c->reserved_names[i]) < 0);
    assert_null(c->reserved_names[c->n_reserved]);
    talloc_free(c);

    /* A list of one's own replaces the default, all but root. */
    c = parse_well("[identity]\nreserved_names = alice\n");
    assert_true(config_is_reserved(c, "alice") && config_is_reserved(c, "root"));
    assert_int_equal(c->n_reserved, 2);
    talloc_free(c);
}

static char *
described(const struct config *c, bool json)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    assert_non_null(f);
    assert_true(config_describe(c, f, json));
    assert_int_equal(fclose(f), 0);
    return text;
}

static void
what_is_described_means_the_same(void **state)
{
    const char *const texts[] = { "", DOMAIN, everything };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config *c = parse_well(texts[i]), *again;
        char *one = described(c, false), *two;

        again = parse_well(one);
        two = described(again, false);
        assert_string_equal(one, two);
        assert_int_equal(again->renew_lifetime, c->renew_lifetime);
        assert_int_equal(again->n_reserved, c->n_reserved);
        free(one);
        free(two);
        talloc_free(c);
        talloc_free(again);
    }
}

static void
json_has_every_key(void **state)
{
    struct config *c = parse_well(DOMAIN "[identity]\nreserved_names = a\ngecos = \"\\%f\n");
    char *text = described(c, true);

    (void)state;
    assert_string_equal(text, "{\n"
                              "  \"domain\": {\n"
                              "    \"name\": \"corp.test\",\n"
                              "    \"realm\": \"CORP.TEST\",\n"
                              "    \"computer\": \"WS1\",\n"
                              "    \"fqdn\": \"ws1.corp.test\",\n"
                              "    \"controllers\": [],\n"
                              "    \"site\": null,\n"
                              "    \"keytab\": \"/etc/krb5.keytab\",\n"
                              "    \"timeout\": 5,\n"
                              "    \"trusted\": [\"auto\"],\n"
                              "    \"password_lifetime\": 2592000\n"
                              "  },\n"
                              "  \"logon\": {\n"
                              "    \"fast\": \"try\",\n"
                              "    \"ntlm_fallback\": \"unavailable\",\n"
                              "    \"smartcard\": \"auto\",\n"
                              "    \"forwardable\": true,\n"
                              "    \"renewable\": true,\n"
                              "    \"lifetime\": 36000,\n"
                              "    \"renew_lifetime\": 604800,\n"
                              "    \"workers\": 32,\n"
                              "    \"deadline\": 30,\n"
                              "    \"ccache\": null,\n"
                              "    \"password_warning\": 432000\n"
                              "  },\n"
                              "  \"smartcard\": {\n"
                              "    \"pkcs11_module\": null,\n"
                              "    \"anchors\": [],\n"
                              "    \"intermediates\": [],\n"
                              "    \"crls\": [],\n"
                              "    \"require_crl\": false,\n"
                              "    \"require_eku\": true,\n"
                              "    \"kdc_eku\": \"kdc\",\n"
                              "    \"offline_smartcard\": false,\n"
                              "    \"nt_hash\": \"discard\",\n"
                              "    \"card_removal\": \"ignore\"\n"
                              "  },\n"
                              "  \"identity\": {\n"
                              "    \"name_format\": \"short\",\n"
                              "    \"home\": \"/home/%u\",\n"
                              "    \"shell\": \"/bin/bash\",\n"
                              "    \"gecos\": \"\\\"\\\\%f\",\n"
                              "    \"reserved_names\": [\"a\", \"root\"],\n"
                              "    \"range_lower\": 200000,\n"
                              "    \"range_upper\": 2000200000,\n"
                              "    \"range_size\": 200000,\n"
                              "    \"cache_refresh\": 900,\n"
                              "    \"cache_end\": 2592000,\n"
                              "    \"negative\": 15,\n"
                              "    \"members_max\": 20000\n"
                              "  },\n"
                              "  \"log\": {\n"
                              "    \"level\": \"info\"\n"
                              "  }\n"
                              "}\n");
    free(text);
    talloc_free(c);
}

static void
a_stream_that_fails_is_told(void **state)
{
    struct config *c = parse_well("");
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    assert_false(config_describe(c, full, false));
    (void)fclose(full);
    talloc_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_where_nothing_is_said),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(a_computer_without_a_domain_has_a_configuration_too),
        cmocka_unit_test(names_follow_from_the_host_name),
        cmocka_unit_test(each_error_names_its_line),
        cmocka_unit_test(all_errors_are_told_in_order),
        cmocka_unit_test(a_nul_and_a_long_text_are_refused),
        cmocka_unit_test(reserved_names_are_the_default_or_more),
        cmocka_unit_test(what_is_described_means_the_same),
        cmocka_unit_test(json_has_every_key),
        cmocka_unit_test(a_stream_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
