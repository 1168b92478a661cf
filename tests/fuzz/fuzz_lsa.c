/* lib/rpc: LSA's answers to lookups of three; the first byte says which. */
#include "tests/fuzz/fuzz.h"

#include "lib/rpc/lsa.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lsa_account *a = NULL;
    uint32_t status;
    const char *why;

    if (size == 0)
        return 0;
    why = data[0] == 76 ? lsa_read_lookup_sids(NULL, data + 1, size - 1, 3, &a, &status)
                        : lsa_read_lookup_names(NULL, data + 1, size - 1, 3, &a, &status);
    FUZZ_REQUIRE(why == NULL || a == NULL);
    for (size_t i = 0; a != NULL && i < 3; i++) {
        FUZZ_REQUIRE(a[i].kind >= LSA_USER && a[i].kind <= LSA_LABEL);
        FUZZ_REQUIRE(a[i].name != NULL && a[i].domain != NULL);
    }
    talloc_free(a);
    return 0;
}
