/* lib/rpc: what the endpoint mapper answers. */
#include "tests/fuzz/fuzz.h"

#include "lib/rpc/epm.h"

static const struct pdu_syntax wanted = {
    .uuid = { 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb },
    .major = 1,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t status;
    uint16_t port;

    if (epm_read_answer(data, size, &wanted, &port, &status) != NULL || status != 0)
        FUZZ_REQUIRE(port == 0);
    return 0;
}
