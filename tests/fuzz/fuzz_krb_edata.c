/* The e_data of a KRB-ERROR, as any KDC, ours or not, may send it. */
#include "tests/fuzz/fuzz.h"

#include "lib/krb/edata.h"
#include "lib/krb/krb.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t status = krb_error_ntstatus(data, size);

    /* What is given out is an error of NT's. */
    FUZZ_REQUIRE(status == 0 || status >> 30 == 3);
    FUZZ_REQUIRE(krb_err_of_ntstatus(status) != ERR_OK);
    /* Found or not, it is so each time. */
    FUZZ_REQUIRE(edata_has_fast(data, size) == edata_has_fast(data, size));
    return 0;
}
