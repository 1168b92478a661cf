/* lib/ndr/credentials.h: CREDENTIAL_DATA as a KDC encrypts it, and the head before it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/ndr/credentials.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credential_info info;
    uint8_t nt[NT_HASH_BYTES];

    /* What is given out was in there. */
    if (credential_data_nt_hash(data, size, nt) == NULL)
        FUZZ_REQUIRE(memmem(data, size, nt, sizeof(nt)) != NULL);
    if (credential_info_read(reader_init(data, size), &info) == NULL)
        FUZZ_REQUIRE(info.data >= data && info.len > 0 && info.len == size - (size_t)(info.data - data));
    return 0;
}
