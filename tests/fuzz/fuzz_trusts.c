/* daemon/trusts.h: a table out of the store, whatever the file has become, and back. */
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "daemon/trusts.h"
#include "tests/fuzz/fuzz.h"

static const char configuration[] = "[domain]\nname = corp.test\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config *c;
    static struct trusts t, again;
    static char out[TRUSTS_TEXT_MAX];
    char *text = malloc(size + 1);

    if (c == NULL)
        c = config_parse_as(NULL, configuration, sizeof(configuration) - 1, "", "ws1", NULL, NULL);
    FUZZ_REQUIRE(c != NULL && text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (trusts_of_text(text, c, &t)) {
        FUZZ_REQUIRE(t.n <= TRUSTS_MAX);
        for (size_t i = 0; i < t.n; i++)
            FUZZ_REQUIRE(trusts_by_domain(&t, &t.list[i].sid) == &t.list[i] &&
                         trusts_by_word(&t, t.list[i].dns) == &t.list[i] && strcmp(t.list[i].dns, c->name) != 0);
        FUZZ_REQUIRE(trusts_text(&t, out, sizeof(out)) && trusts_of_text(out, c, &again) && again.n == t.n);
    } else {
        FUZZ_REQUIRE(t.n == 0);
    }
    free(text);
    return 0;
}
