/* lib/krb/reply_key.h: FAST's part of an AS-REP, and what it is when it has been decrypted. */
#include "tests/fuzz/fuzz.h"

#include "lib/krb/reply_key.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    krb5_enc_data fast;
    struct krb_key key;

    if (reply_key_find_fast(data, size, &fast)) {
        const uint8_t *p = (const uint8_t *)fast.ciphertext.data;

        FUZZ_REQUIRE(fast.ciphertext.length == 0 || (p >= data && p + fast.ciphertext.length <= data + size));
    }
    if (reply_key_read_strengthen(data, size, &key))
        FUZZ_REQUIRE(key.length == 16 || key.length == 32);
    else
        FUZZ_REQUIRE(key.enctype == 0 && key.length == 0);
    return 0;
}
