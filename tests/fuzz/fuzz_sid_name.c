/* lib/sid: a SID's binary and text forms, names. What is accepted must come back the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/sid/name.h"
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

static void
name_forms(const char *s, size_t n)
{
    char folded[NAME_MAX_BYTES + 1], again[NAME_MAX_BYTES + 1];
    struct name name, same;

    if (name_fold(s, folded, sizeof(folded)))
        FUZZ_REQUIRE(name_fold(folded, again, sizeof(again)) && strcmp(folded, again) == 0);
    if (!name_parse(s, n, &name))
        return;
    FUZZ_REQUIRE(strlen(s) == n && strpbrk(name.whole, ":/\n") == NULL && name.local[0] != '\0');
    FUZZ_REQUIRE((name.domain[0] == '\0') == (name.form == NAME_SHORT));
    FUZZ_REQUIRE(name_is_safe(name.whole) && name_parse(name.whole, strlen(name.whole), &same));
    FUZZ_REQUIRE(strcmp(name.whole, same.whole) == 0 && strcmp(name.local, same.local) == 0 &&
                 strcmp(name.domain, same.domain) == 0 && name.form == same.form);
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
    name_forms(s, size);
    free(s);
    return 0;
}
