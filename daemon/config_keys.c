#include "daemon/config_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/config_check.h"

#define DAY 86400
#define LIST_MAX 1024 /* items of one list */
#define VALUE_MAX 180 /* bytes of a text or an item: with any key before it inih still takes the line */
#define TOO_LONG "is longer than 180 bytes"

/*
 * Names that sudoers, polkit, udev or device nodes of Debian, Fedora, Arch or
 * SUSE give something to, whether or not this computer has them, and ours.
 */
#define RESERVED_NAMES \
    "_ssh adm admin audio authsod authsod-logon authsod-member avahi bin cdrom colord console crontab daemon dbus " \
    "dialout dip disk docker floppy fuse games google-sudoers incus incus-admin input kmem kvm libvirt libvirt-qemu " \
    "libvirtd lock log lp lpadmin lxd mem messagebus netdev network networkmanager nobody nogroup operator optical " \
    "plugdev podman polkitd power printadmin qemu render rfkill root sambashare scanner sgx shadow ssh ssh_keys sshd " \
    "staff storage sudo sync sys systemd-coredump systemd-journal systemd-journal-remote systemd-network systemd-oom " \
    "systemd-resolve systemd-timesync tape toor trusted tss tty utempter utmp uucp vboxsf vboxusers video wheel " \
    "wireshark"

static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const fasts[] = { "try", "require", "never", NULL };      /* as enum config_fast */
static const char *const fallbacks[] = { "unavailable", "never", NULL };      /* as enum config_fallback */
static const char *const cards[] = { "auto", "require", "off", NULL };        /* as enum config_smartcard */
static const char *const kdc_ekus[] = { "kdc", "server", NULL };
static const char *const nt_hashes[] = { "discard", "keep", NULL };
static const char *const removals[] = { "ignore", "lock", "logoff", NULL };    /* as enum config_card_removal */
static const char *const formats[] = { "short", "qualified", NULL };         /* as enum config_name_format */
static const char *const levels[] = { "error", "warning", "info", "debug", NULL }; /* as log_level_parse */

const struct config_key config_keys[KEY_COUNT] = {
    [KEY_NAME] = { .section = "domain", .name = "name", .kind = CONFIG_TEXT, .check = config_check_dns,
                   .unset = "this computer is in no domain" },
    [KEY_REALM] = { .section = "domain", .name = "realm", .kind = CONFIG_TEXT, .check = config_check_realm,
                    .unset = "the name of the domain in capitals" },
    [KEY_COMPUTER] = { .section = "domain", .name = "computer", .kind = CONFIG_TEXT, .check = config_check_netbios,
                       .unset = "from the host name" },
    [KEY_FQDN] = { .section = "domain", .name = "fqdn", .kind = CONFIG_TEXT, .check = config_check_dns,
                   .unset = "from the host name" },
    [KEY_CONTROLLERS] = { .section = "domain", .name = "controllers", .kind = CONFIG_LIST, .check = config_check_host,
                          .unset = "found by DNS" },
    [KEY_SITE] = { .section = "domain", .name = "site", .kind = CONFIG_TEXT, .check = config_check_site,
                   .unset = "as the domain says" },
    [KEY_KEYTAB] = { .section = "domain", .name = "keytab", .kind = CONFIG_TEXT, .check = config_check_path,
                     .fallback = "/etc/krb5.keytab" },
    [KEY_TIMEOUT] = { .section = "domain", .name = "timeout", .kind = CONFIG_DURATION, .min = 1, .max = 60,
                      .fallback = "5s" },
    [KEY_TRUSTED] = { .section = "domain", .name = "trusted", .kind = CONFIG_LIST, .check = config_check_trusted,
                      .fallback = CONFIG_TRUSTED_AUTO },
    [KEY_PASSWORD_LIFETIME] = { .section = "domain", .name = "password_lifetime", .kind = CONFIG_DURATION, .min = 0,
                                .max = 365 * DAY, .fallback = "30d" },
    [KEY_FAST] = { .section = "logon", .name = "fast", .kind = CONFIG_WORD, .words = fasts, .fallback = "try" },
    [KEY_NTLM_FALLBACK] = { .section = "logon", .name = "ntlm_fallback", .kind = CONFIG_WORD, .words = fallbacks,
                            .fallback = "unavailable" },
    [KEY_SMARTCARD] = { .section = "logon", .name = "smartcard", .kind = CONFIG_WORD, .words = cards,
                        .fallback = "auto" },
    [KEY_FORWARDABLE] = { .section = "logon", .name = "forwardable", .kind = CONFIG_WORD, .words = no_yes,
                          .fallback = "yes" },
    [KEY_RENEWABLE] = { .section = "logon", .name = "renewable", .kind = CONFIG_WORD, .words = no_yes,
                        .fallback = "yes" },
    [KEY_LIFETIME] = { .section = "logon", .name = "lifetime", .kind = CONFIG_DURATION, .min = 0, .max = 365 * DAY,
                       .fallback = "10h" },
    [KEY_RENEW_LIFETIME] = { .section = "logon", .name = "renew_lifetime", .kind = CONFIG_DURATION, .min = 0,
                             .max = 365 * DAY, .fallback = "7d" },
    [KEY_WORKERS] = { .section = "logon", .name = "workers", .kind = CONFIG_NUMBER, .min = 1, .max = 256,
                      .fallback = "32" },
    [KEY_DEADLINE] = { .section = "logon", .name = "deadline", .kind = CONFIG_DURATION, .min = 5, .max = 300,
                       .fallback = "30s" },
    [KEY_CCACHE] = { .section = "logon", .name = "ccache", .kind = CONFIG_TEXT, .check = config_check_ccache,
                     .unset = "default_ccache_name of krb5.conf" },
    [KEY_PASSWORD_WARNING] = { .section = "logon", .name = "password_warning", .kind = CONFIG_DURATION, .min = 0,
                               .max = 365 * DAY, .fallback = "5d" },
    [KEY_PKCS11_MODULE] = { .section = "smartcard", .name = "pkcs11_module", .kind = CONFIG_TEXT,
                            .check = config_check_path, .unset = "all that p11-kit is configured for" },
    [KEY_ANCHORS] = { .section = "smartcard", .name = "anchors", .kind = CONFIG_LIST, .check = config_check_path,
                      .unset = "no smart card is used" },
    [KEY_INTERMEDIATES] = { .section = "smartcard", .name = "intermediates", .kind = CONFIG_LIST,
                            .check = config_check_path, .unset = "none" },
    [KEY_CRLS] = { .section = "smartcard", .name = "crls", .kind = CONFIG_LIST, .check = config_check_path,
                   .unset = "none" },
    [KEY_REQUIRE_CRL] = { .section = "smartcard", .name = "require_crl", .kind = CONFIG_WORD, .words = no_yes,
                          .fallback = "no" },
    [KEY_REQUIRE_EKU] = { .section = "smartcard", .name = "require_eku", .kind = CONFIG_WORD, .words = no_yes,
                          .fallback = "yes" },
    [KEY_KDC_EKU] = { .section = "smartcard", .name = "kdc_eku", .kind = CONFIG_WORD, .words = kdc_ekus,
                      .fallback = "kdc" },
    [KEY_OFFLINE_SMARTCARD] = { .section = "smartcard", .name = "offline_smartcard", .kind = CONFIG_WORD,
                                .words = no_yes, .fallback = "no" },
    [KEY_NT_HASH] = { .section = "smartcard", .name = "nt_hash", .kind = CONFIG_WORD, .words = nt_hashes,
                      .fallback = "discard" },
    [KEY_CARD_REMOVAL] = { .section = "smartcard", .name = "card_removal", .kind = CONFIG_WORD, .words = removals,
                           .fallback = "ignore" },
    [KEY_NAME_FORMAT] = { .section = "identity", .name = "name_format", .kind = CONFIG_WORD, .words = formats,
                          .fallback = "short" },
    [KEY_HOME] = { .section = "identity", .name = "home", .kind = CONFIG_TEXT, .check = config_check_home,
                   .fallback = "/home/%u" },
    [KEY_SHELL] = { .section = "identity", .name = "shell", .kind = CONFIG_TEXT, .check = config_check_path,
                    .fallback = "/bin/bash" },
    [KEY_GECOS] = { .section = "identity", .name = "gecos", .kind = CONFIG_TEXT, .check = config_check_gecos,
                    .fallback = "%f" },
    [KEY_RESERVED_NAMES] = { .section = "identity", .name = "reserved_names", .kind = CONFIG_LIST,
                             .check = config_check_name, .fallback = RESERVED_NAMES },
    /* The ranges' defaults are SSSD's, so that files keep their owners when a computer moves over. */
    [KEY_RANGE_LOWER] = { .section = "identity", .name = "range_lower", .kind = CONFIG_NUMBER, .min = 1000,
                          .max = UINT32_MAX, .fallback = "200000" },
    [KEY_RANGE_UPPER] = { .section = "identity", .name = "range_upper", .kind = CONFIG_NUMBER, .min = 1000,
                          .max = UINT32_MAX, .fallback = "2000200000" },
    [KEY_RANGE_SIZE] = { .section = "identity", .name = "range_size", .kind = CONFIG_NUMBER, .min = 1,
                         .max = UINT32_MAX, .fallback = "200000" },
    [KEY_CACHE_REFRESH] = { .section = "identity", .name = "cache_refresh", .kind = CONFIG_DURATION, .min = 1,
                            .max = 30 * DAY, .fallback = "15m" },
    [KEY_CACHE_END] = { .section = "identity", .name = "cache_end", .kind = CONFIG_DURATION, .min = 1,
                        .max = 3650 * DAY, .fallback = "30d" },
    [KEY_NEGATIVE] = { .section = "identity", .name = "negative", .kind = CONFIG_DURATION, .min = 0, .max = 3600,
                       .fallback = "15s" },
    [KEY_MEMBERS_MAX] = { .section = "identity", .name = "members_max", .kind = CONFIG_NUMBER, .min = 0,
                          .max = 200000, .fallback = "20000" },
    [KEY_LEVEL] = { .section = "log", .name = "level", .kind = CONFIG_WORD, .words = levels, .fallback = "info" },
};

/* Decimal digits at *p, which moves past them. False if there are none or they pass max. */
static bool
digits(const char **p, int64_t max, int64_t *number_out)
{
    int64_t n = 0;
    const char *start = *p;

    for (; **p >= '0' && **p <= '9'; (*p)++) {
        int64_t digit = **p - '0';

        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *number_out = n;
    return *p != start;
}

static int64_t
seconds_of(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return DAY;
    case 'w':
        return 7 * DAY;
    default:
        return 0;
    }
}

/* Seconds, or parts with falling units: "1h30m". False if it is anything else or passes INT32_MAX. */
static bool
duration(const char *text, int64_t *seconds_out)
{
    int64_t total = 0, last = INT64_MAX;

    if (text[0] == '\0')
        return false;
    while (*text != '\0') {
        int64_t n, unit;

        if (!digits(&text, INT32_MAX, &n))
            return false;
        if (*text == '\0' && last == INT64_MAX) {
            *seconds_out = n;
            return true;
        }
        unit = seconds_of(*text);
        if (unit == 0 || unit >= last)
            return false;
        total += n * unit; /* five parts at most, each below 2^51 */
        last = unit;
        text++;
    }
    *seconds_out = total;
    return total <= INT32_MAX;
}

static const char *
parse_word(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    char *choice;

    for (int i = 0; key->words[i] != NULL; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            value->number = i;
            return NULL;
        }
    }
    choice = talloc_strdup(mem, "must be ");
    for (int i = 0; key->words[i] != NULL; i++)
        choice = talloc_asprintf_append(choice, "%s%s", i == 0 ? "" : key->words[i + 1] == NULL ? " or " : ", ",
                                        key->words[i]);
    return talloc_asprintf_append(choice, ", not `%s`", text);
}

static const char *
parse_number(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    int64_t n = 0;
    const char *end = text;

    if (!digits(&end, INT64_MAX, &n) || *end != '\0' || n < key->min || n > key->max)
        return talloc_asprintf(mem, "must be a number from %" PRId64 " to %" PRId64 ", not `%s`", key->min, key->max,
                               text);
    value->number = n;
    return NULL;
}

static const char *
parse_duration(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    int64_t n = 0;

    if (!duration(text, &n))
        return talloc_asprintf(mem, "must be a time like 30s, 15m, 1h30m or 7d, not `%s`", text);
    if (n < key->min || n > key->max)
        return talloc_asprintf(mem, "must be from %" PRId64 " to %" PRId64 " seconds, not `%s`", key->min, key->max,
                               text);
    value->number = n;
    return NULL;
}

static const char *
parse_text(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    char *copy;
    const char *why;

    if (strlen(text) > VALUE_MAX)
        return TOO_LONG;
    copy = talloc_strdup(mem, text);
    if (copy == NULL)
        return "does not fit into memory";
    why = key->check(copy);
    if (why != NULL)
        return talloc_asprintf(mem, "%s, not `%s`", why, text);
    value->text = copy;
    return NULL;
}

static const char *
append_item(TALLOC_CTX *mem, const char *item, struct config_value *value)
{
    const char **list;

    for (size_t i = 0; i < value->n; i++) {
        if (strcmp(value->list[i], item) == 0)
            return NULL;
    }
    if (value->n == LIST_MAX)
        return "has too many items";
    list = talloc_realloc(mem, value->list, const char *, (unsigned)value->n + 2);
    if (list == NULL)
        return "does not fit into memory";
    list[value->n++] = item;
    list[value->n] = NULL;
    value->list = list;
    return NULL;
}

static const char *
parse_list(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    const char *reason = NULL;

    while (*text != '\0' && reason == NULL) {
        size_t n = strcspn(text, " \t,");
        char *item;

        if (n == 0) {
            text++;
            continue;
        }
        if (n > VALUE_MAX)
            return TOO_LONG;
        item = talloc_strndup(mem, text, n);
        text += n;
        if (item == NULL)
            return "does not fit into memory";
        reason = key->check(item);
        if (reason != NULL)
            reason = talloc_asprintf(mem, "holds `%s`, and each item %s", item, reason);
        else
            reason = append_item(mem, item, value);
    }
    if (reason == NULL && value->n == 0)
        reason = "has no items";
    return reason;
}

const char *
config_value_parse(TALLOC_CTX *mem, const struct config_key *key, const char *text, struct config_value *value)
{
    switch (key->kind) {
    case CONFIG_WORD:
        return parse_word(mem, key, text, value);
    case CONFIG_NUMBER:
        return parse_number(mem, key, text, value);
    case CONFIG_DURATION:
        return parse_duration(mem, key, text, value);
    case CONFIG_TEXT:
        return parse_text(mem, key, text, value);
    case CONFIG_LIST:
        return parse_list(mem, key, text, value);
    }
    return "is of no kind";
}

const struct config_key *
config_key_find(const char *section, const char *name)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}

bool
config_section_known(const char *section)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(config_keys[i].section, section) == 0)
            return true;
    }
    return false;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to change, drop, add or swap with the next to make b of a; at most WORD_MAX bytes each. */
#define WORD_MAX 32
static unsigned
distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];

    for (unsigned i = 0; i <= n_a; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= n_b; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t j = 1; j <= n_b; j++) {
            unsigned cost = a[i - 1] == b[j - 1] ? 0 : 1;

            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n_a][n_b];
}

const char *
config_suggest(const char *section, const char *word)
{
    size_t len = strlen(word);
    const char *best = NULL;
    unsigned least_d = 3; /* three changes are another word */

    if (len > WORD_MAX)
        return NULL;
    for (int i = 0; i < KEY_COUNT; i++) {
        const char *known = section == NULL ? config_keys[i].section : config_keys[i].name;
        size_t n = strlen(known);
        unsigned d;

        if ((section != NULL && strcmp(config_keys[i].section, section) != 0) || n > WORD_MAX)
            continue;
        d = distance(word, len, known, n);
        if (d < least_d && d < n) {
            least_d = d;
            best = known;
        }
    }
    return best;
}
