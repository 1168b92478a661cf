#include "daemon/config_check.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "daemon/config.h"
#include "lib/sid/name.h"

#define DNS_MAX 253
#define LABEL_MAX 63

/* ASCII only: these are names of computers and protocols. */
static bool
is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static void
lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

static void
upper(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
    }
}

/* One label of n bytes: letters, digits, '-' inside, and '_', which Windows allows. */
static bool
label_ok(const char *s, size_t n)
{
    if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_')
            return false;
    }
    return true;
}

/* Labels between dots, the last one not a number (or 10.0.0.1 would be a name). */
static bool
dns_ok(const char *text)
{
    const char *last = text;

    if (strlen(text) > DNS_MAX)
        return false;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ".");

        if (!label_ok(p, n))
            return false;
        last = p;
        p += n;
        if (*p == '\0')
            break;
    }
    return last[strspn(last, "0123456789")] != '\0';
}

const char *
config_check_dns(char *text)
{
    lower(text);
    return dns_ok(text) ? NULL : "must be a DNS name";
}

const char *
config_check_realm(char *text)
{
    return dns_ok(text) ? NULL : "must be a realm like CORP.EXAMPLE.COM";
}

const char *
config_check_netbios(char *text)
{
    size_t n = strlen(text);

    upper(text);
    if (n > CONFIG_NETBIOS_MAX)
        return "must be a computer name of at most 15 characters";
    return label_ok(text, n) ? NULL : "must be a computer name of letters, digits and `-`";
}

const char *
config_check_host(char *text)
{
    struct in6_addr address;

    lower(text);
    if (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1)
        return NULL;
    return dns_ok(text) ? NULL : "must be a host name or an address";
}

const char *
config_check_trusted(char *text)
{
    lower(text);
    if (strcmp(text, CONFIG_TRUSTED_AUTO) == 0 || strcmp(text, CONFIG_TRUSTED_NONE) == 0)
        return NULL;
    return dns_ok(text) && strchr(text, '.') != NULL ? NULL : "must be the DNS name of a domain";
}

const char *
config_check_site(char *text)
{
    return label_ok(text, strlen(text)) ? NULL : "must be the name of a site";
}

const char *
config_check_path(char *text)
{
    if (text[0] != '/' || strlen(text) > CONFIG_HOME_MAX)
        return "must be an absolute path";
    for (; *text != '\0'; text++) {
        if (is_control(*text) || *text == ':')
            return "must be a path without `:` and control characters";
    }
    return NULL;
}

const char *
config_check_name(char *text)
{
    char folded[NAME_MAX_BYTES + 1];

    if (text[0] == '\0' || text[0] == '-' || text[strcspn(text, ":/\\@=[]+")] != '\0')
        return "must be the name of a user or group";
    /* Lower case is longer for a few letters. */
    if (!name_fold(text, folded, sizeof(folded)) || strlen(folded) > strlen(text))
        return "must be the name of a user or group in lower case";
    (void)strcpy(text, folded);
    return NULL;
}

const char *
config_check_home(char *text)
{
    static const struct config_names names = { "user", "domain", "netbios", "name", 1 };
    const char *why, *p = text;
    char *home = config_expand_home(NULL, text, &names, &why);

    if (home == NULL)
        return why;
    talloc_free(home);
    /* One home for everybody would share authorized_keys, too. */
    for (p = strchr(p, '%'); p != NULL; p = strchr(p + 2, '%')) {
        if (p[1] == 'u' || p[1] == 'U')
            return NULL;
    }
    return "must hold %u or %U, or all users would share one home directory";
}

const char *
config_check_gecos(char *text)
{
    static const struct config_names names = { "user", "domain", "netbios", "name", 1 };
    char *gecos = config_expand_gecos(NULL, text, &names);

    if (gecos == NULL)
        return "must hold no `%` but those of %u, %d, %n, %f, %U and %%";
    talloc_free(gecos);
    return NULL;
}

/* Past one "%{name}" at p that krb5.conf knows and a daemon can fill in; NULL for another. */
static const char *
variable(const char *p, bool *per_user)
{
    static const struct {
        const char *text;
        bool per_user;
    } known[] = { { "%{uid}", true }, { "%{euid}", true }, { "%{USERID}", true }, { "%{username}", true },
                  { "%{TEMP}", false } };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t n = strlen(known[i].text);

        if (strncmp(p, known[i].text, n) == 0) {
            *per_user = *per_user || known[i].per_user;
            return p + n;
        }
    }
    return NULL;
}

/* True if one of the types that outlive a process; *rest_out: what follows the colon; *is_path_out: a path. */
static bool
ccache_type(const char *text, const char **rest_out, bool *is_path_out)
{
    static const struct {
        const char *prefix;
        bool is_path;
    } types[] = {
        { "FILE:", true },          { "DIR:", true }, { "KEYRING:persistent:", false },
        { "KEYRING:user:", false }, { "KCM:", false },
    };

    *rest_out = text;
    *is_path_out = true;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t n = strlen(types[i].prefix);

        if (strncmp(text, types[i].prefix, n) == 0) {
            *rest_out = text + n;
            *is_path_out = types[i].is_path;
            return true;
        }
    }
    return text[0] == '/';
}

const char *
config_check_ccache(char *text)
{
    const char *p;
    bool is_path, per_user = false;

    if (!ccache_type(text, &p, &is_path))
        return "must begin with FILE:, DIR:, KEYRING:persistent:, KEYRING:user:, KCM: or `/`";
    if (*p == '\0')
        return NULL;
    if (is_path && *p != '/' && strncmp(p, "%{TEMP}", 7) != 0)
        return "must be an absolute path";
    while (*p != '\0') {
        if (is_control(*p))
            return "must hold no control characters";
        p = *p == '%' ? variable(p, &per_user) : p + 1;
        if (p == NULL)
            return "must hold no variables but %{uid}, %{euid}, %{USERID}, %{username} and %{TEMP}";
    }
    if (is_path && !per_user)
        return "must hold %{uid} or %{username}, or all users would share one cache";
    return NULL;
}
