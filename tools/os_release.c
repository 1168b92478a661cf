#include "tools/os_release.h"

#include <string.h>

#include "lib/base/visible.h"

/* Takes the value of a line "KEY=value" or KEY="value" with that key. */
static void
take(const char *line, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);
    char value[256];

    if (strncmp(line, key, n) != 0 || line[n] != '=')
        return;
    (void)snprintf(value, sizeof(value), "%s", line[n + 1] == '"' ? line + n + 2 : line + n + 1);
    value[strcspn(value, "\"\r\n")] = '\0';
    if (value[0] != '\0')
        (void)visible_text(out, size, value);
}

void
os_release_read(FILE *f, char *name, size_t name_size, char *version, size_t version_size)
{
    char line[512];

    (void)snprintf(name, name_size, "Linux");
    (void)snprintf(version, version_size, "%s", "");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        take(line, "NAME", name, name_size);
        take(line, "VERSION_ID", version, version_size);
    }
}

void
os_release(char *name, size_t name_size, char *version, size_t version_size)
{
    FILE *f = fopen("/etc/os-release", "re");

    os_release_read(f, name, name_size, version, version_size);
    if (f != NULL)
        (void)fclose(f);
}
