/* How the user's credential cache is called. */
#include "lib/krb/ccache.h"

#include <linux/keyctl.h>
#include <profile.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_KEYRING "KEYRING:persistent:%{uid}"
#define DEFAULT_FILE "FILE:/tmp/krb5cc_%{uid}_XXXXXX"

static bool
starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * True if the kernel keeps a persistent keyring for this process's user.  The
 * question makes an empty one, as every later use of it would.
 */
static bool
has_persistent_keyring(void)
{
    return syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, (uid_t)-1, KEY_SPEC_PROCESS_KEYRING) >= 0;
}

struct variable {
    const char *name;
    const char *value;
};

/* The value of the variable that starts at s ("%{uid}..."); *after_out is what follows it. NULL: no such variable. */
static const char *
variable_value(const struct variable *variables, size_t n, const char *s, const char **after_out)
{
    const char *end = strchr(s, '}');

    if (s[1] != '{' || end == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(variables[i].name);

        if (len == (size_t)(end - s - 2) && memcmp(s + 2, variables[i].name, len) == 0) {
            *after_out = end + 1;
            return variables[i].value;
        }
    }
    return NULL;
}

static char *
expand(TALLOC_CTX *mem, const char *templ, uint32_t uid, const char *user, const char **why_out)
{
    char id[16];
    const struct variable variables[] = {
        { "uid", id }, { "euid", id }, { "USERID", id }, { "username", user }, { "TEMP", "/tmp" }, { "null", "" },
    };
    char *name = talloc_strdup(mem, "");
    const char *s = templ;

    (void)snprintf(id, sizeof(id), "%lu", (unsigned long)uid);
    while (name != NULL && *s != '\0') {
        size_t plain = strcspn(s, "%");
        const char *value;

        name = talloc_strndup_append(name, s, plain);
        s += plain;
        if (*s == '\0' || name == NULL)
            break;
        value = variable_value(variables, sizeof(variables) / sizeof(variables[0]), s, &s);
        if (value == NULL) {
            *why_out = "it has a variable that is not known here";
            talloc_free(name);
            return NULL;
        }
        name = talloc_strdup_append(name, value);
    }
    if (name == NULL)
        *why_out = "out of memory";
    return name;
}

/* The types that somebody else's program finds again by the name. */
static bool
is_storable(const char *name, const char **why_out)
{
    /* Written by another process than the session's: what belongs to one process or session would not be found. */
    if (starts_with(name, "KEYRING:") && !starts_with(name, "KEYRING:persistent:") &&
        !starts_with(name, "KEYRING:user:")) {
        *why_out = "of the keyrings, only persistent and user ones can be reached from a session";
        return false;
    }
    if (!starts_with(name, "FILE:/") && !starts_with(name, "DIR:/") &&
        !starts_with(name, "DIR::/") && !starts_with(name, "KEYRING:") && !starts_with(name, "KCM:")) {
        *why_out = "it is none of FILE, DIR, KEYRING and KCM with an absolute path";
        return false;
    }
    if (strstr(name, "/../") != NULL) {
        *why_out = "it has .. in its path";
        return false;
    }
    return true;
}

char *
ccache_name(TALLOC_CTX *mem, const char *templ, uint32_t uid, const char *user, const char **why_out)
{
    char *name, *path;

    *why_out = NULL;
    if (templ == NULL)
        templ = has_persistent_keyring() ? DEFAULT_KEYRING : DEFAULT_FILE;
    else if (strcmp(templ, "FILE:") == 0 || strcmp(templ, "FILE") == 0)
        templ = DEFAULT_FILE;
    name = expand(mem, templ, uid, user, why_out);
    /* With its type, as the cache is called once it is made. */
    if (name != NULL && name[0] == '/') {
        path = name;
        name = talloc_asprintf(mem, "FILE:%s", path);
        talloc_free(path);
    }
    if (name == NULL && *why_out == NULL)
        *why_out = "out of memory";
    if (name == NULL || is_storable(name, why_out))
        return name;
    talloc_free(name);
    return NULL;
}

bool
ccache_is_shared(const char *name)
{
    size_t n = strlen(name);

    if (name[0] != '/' && !starts_with(name, "FILE:"))
        return true;
    return n < 6 || strcmp(name + n - 6, "XXXXXX") != 0;
}

char *
ccache_system_template(TALLOC_CTX *mem, krb5_context ctx)
{
    profile_t profile = NULL;
    char *value = NULL;
    char *templ = NULL;

    if (krb5_get_profile(ctx, &profile) == 0 &&
        profile_get_string(profile, "libdefaults", "default_ccache_name", NULL, NULL, &value) == 0 && value != NULL)
        templ = talloc_strdup(mem, value);
    profile_release_string(value);
    if (profile != NULL)
        profile_release(profile);
    return templ;
}
