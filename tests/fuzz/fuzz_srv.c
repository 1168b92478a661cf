/* lib/directory: the records of a DNS answer. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/directory/dns.h"
#include "lib/directory/text.h"

#define RECORDS_MAX 4

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct srv_record records[RECORDS_MAX];
    struct sockaddr_storage addresses[RECORDS_MAX];
    int n = srv_parse(data, size, records, RECORDS_MAX);

    FUZZ_REQUIRE(n >= -1 && n <= RECORDS_MAX);
    for (int i = 0; i < n; i++) {
        FUZZ_REQUIRE(records[i].port != 0 && records[i].host[0] != '\0');
        FUZZ_REQUIRE(text_ok(records[i].host, strlen(records[i].host)));
    }
    n = dns_addresses_parse(data, size, 389, addresses, RECORDS_MAX);
    FUZZ_REQUIRE(n >= -1 && n <= RECORDS_MAX);
    for (int i = 0; i < n; i++)
        FUZZ_REQUIRE(addresses[i].ss_family == AF_INET || addresses[i].ss_family == AF_INET6);
    return 0;
}
