/* lib/rpc: a fragment from a server, and the secure channel's answer in it. */
#include "tests/fuzz/fuzz.h"

#include "lib/rpc/pdu.h"
#include "lib/rpc/schannel.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdu pdu;

    if (size >= PDU_HEADER_BYTES) {
        size_t len = pdu_length(data);

        FUZZ_REQUIRE(len == 0 || (len >= PDU_HEADER_BYTES && len <= PDU_FRAGMENT_MAX));
    }
    if (pdu_read(&pdu, data, size) != NULL)
        return 0;
    FUZZ_REQUIRE(size <= PDU_FRAGMENT_MAX);
    if (pdu.auth.token_len > 0) {
        FUZZ_REQUIRE(pdu.auth.token >= data + PDU_HEADER_BYTES + PDU_TRAILER_BYTES);
        FUZZ_REQUIRE(pdu.auth.token + pdu.auth.token_len == data + size);
        (void)schannel_token_is_answer(pdu.auth.token, pdu.auth.token_len);
    }
    if (pdu.type == PDU_RESPONSE) {
        FUZZ_REQUIRE(pdu.stub_at == PDU_CALL_HEADER_BYTES && pdu.stub_len <= size - pdu.stub_at);
        FUZZ_REQUIRE(pdu.auth.pad <= pdu.stub_len);
    }
    FUZZ_REQUIRE(pdu.type != PDU_BIND_ACK || pdu.max_send >= PDU_FRAGMENT_MIN);
    return 0;
}
