/* lib/directory: a CLDAP answer (to message 7), and the Netlogon attribute in it or by itself. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/directory/locator.h"
#include "lib/directory/text.h"

static void
decode(const uint8_t *data, size_t size)
{
    struct netlogon_answer *a = netlogon_answer_decode(NULL, data, size);

    if (a == NULL)
        return;
    FUZZ_REQUIRE(strlen(a->forest) < DNS_NAME_SIZE && strlen(a->domain_dns) < DNS_NAME_SIZE);
    FUZZ_REQUIRE(strlen(a->dc_host) < DNS_NAME_SIZE && text_ok(a->dc_host, strlen(a->dc_host)));
    FUZZ_REQUIRE(text_ok(a->dc_site, strlen(a->dc_site)) && text_ok(a->client_site, strlen(a->client_site)));
    FUZZ_REQUIRE(a->domain_netbios != NULL && a->dc_netbios != NULL);
    talloc_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *value;
    size_t len;

    if (cldap_answer(data, size, 7, &value, &len)) {
        FUZZ_REQUIRE(value >= data && len <= size && value + len <= data + size);
        decode(value, len);
    }
    decode(data, size);
    return 0;
}
