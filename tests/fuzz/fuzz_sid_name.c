/* lib/sid: a SID's binary and text forms. What is accepted must come back the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/sid/sid.h"

static void
binary(const uint8_t *data, size_t size)
{
    struct reader r = reader_init(data, size);
    uint8_t bytes[SID_BINARY_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));
    char text[SID_TEXT_MAX];
    struct sid sid, again;

    if (!sid_read(&r, &sid))
        return;
    sid_write(&w, &sid);
    FUZZ_REQUIRE(writer_ok(&w) && w.len == r.pos && memcmp(bytes, data, w.len) == 0);
    FUZZ_REQUIRE(sid_parse(sid_text(&sid, text), &again) && sid_equal(&sid, &again));
}

static void
text_form(const char *s)
{
    char text[SID_TEXT_MAX];
    struct sid sid, again;

    if (!sid_parse(s, &sid))
        return;
    FUZZ_REQUIRE(sid_parse(sid_text(&sid, text), &again) && sid_equal(&sid, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);

    if (s == NULL)
        return 0;
    if (size > 0)
        memcpy(s, data, size);
    s[size] = '\0';
    binary(data, size);
    text_form(s);
    free(s);
    return 0;
}
