/* daemon/config: the file's text; what was read is described, and the description read again means the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "daemon/config.h"

static void
count(void *arg, const char *message)
{
    unsigned *n = arg;

    FUZZ_REQUIRE(message[0] != '\0' && strchr(message, '\n') == NULL);
    (*n)++;
}

static char *
described(const struct config *c, bool json, size_t *len_out)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len_out);

    FUZZ_REQUIRE(f != NULL && config_describe(c, f, json));
    (void)fclose(f);
    return text;
}

static void
expand(const struct config *c)
{
    const struct config_names names = { "alice", "corp.test", "CORP", "Alice: L\n", 201103 };
    const char *why;
    char *home = config_expand_home(NULL, c->home, &names, &why);
    char *gecos = config_expand_gecos(NULL, c->gecos, &names);

    FUZZ_REQUIRE(home == NULL || (home[0] == '/' && strpbrk(home, ":\n") == NULL && strstr(home, "/../") == NULL));
    FUZZ_REQUIRE(gecos != NULL && strpbrk(gecos, ":\n") == NULL);
    talloc_free(home);
    talloc_free(gecos);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c, *same;
    char *text, *again, *json;
    size_t len, n;
    unsigned errors = 0;

    c = config_parse_as(NULL, (const char *)data, size, "c", "ws1", count, &errors);
    FUZZ_REQUIRE((c == NULL) == (errors > 0));
    if (c == NULL)
        return 0;
    expand(c);
    text = described(c, false, &len);
    same = config_parse_as(NULL, text, len, "c", "other", count, &errors);
    FUZZ_REQUIRE(same != NULL);
    again = described(same, false, &n);
    FUZZ_REQUIRE(n == len && memcmp(text, again, n) == 0);
    json = described(c, true, &n);
    free(json);
    free(again);
    free(text);
    talloc_free(same);
    talloc_free(c);
    return 0;
}
