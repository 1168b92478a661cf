/* The file with the computer's password, however it was damaged. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/membership/machine_secret.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine_secret s, again;
    uint8_t bytes[MACHINE_SECRET_FILE_MAX];
    size_t n;

    if (!machine_secret_decode(data, size, &s)) {
        FUZZ_REQUIRE(s.account[0] == '\0' && s.slots[MACHINE_CURRENT].text[0] == '\0');
        return 0;
    }
    /* What was accepted is exactly what would be written. */
    n = machine_secret_encode(&s, bytes, sizeof(bytes));
    FUZZ_REQUIRE(n == size && memcmp(bytes, data, size) == 0);
    FUZZ_REQUIRE(machine_secret_decode(bytes, n, &again));
    FUZZ_REQUIRE(strcmp(s.slots[MACHINE_CURRENT].text, again.slots[MACHINE_CURRENT].text) == 0);
    return 0;
}
