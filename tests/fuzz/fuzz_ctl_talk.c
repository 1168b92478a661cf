/* What the half of authsodctl that has the network says to the one that is root. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "tools/talk.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk t;

    if (!talk_decode(data, size, &t))
        return 0;
    FUZZ_REQUIRE(t.fd == -1);
    FUZZ_REQUIRE(strnlen(t.a, sizeof(t.a)) < sizeof(t.a) && strnlen(t.b, sizeof(t.b)) < sizeof(t.b));
    /* Both strings and what stands around them are all there was. */
    FUZZ_REQUIRE(size == 13 + strlen(t.a) + strlen(t.b));
    return 0;
}
