/* lib/rpc: Netlogon's answers; the first byte says which. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/rpc/netlogon_ndr.h"

static void
logon(const uint8_t *data, size_t size, uint16_t level, bool with_credential)
{
    struct netlogon_verdict v;
    uint8_t credential[8];

    if (netlogon_read_logon(NULL, data, size, level, with_credential ? credential : NULL, &v) != NULL) {
        FUZZ_REQUIRE(v.info == NULL);
        return;
    }
    FUZZ_REQUIRE((v.info != NULL) == (v.status == 0));
    if (v.info == NULL)
        return;
    FUZZ_REQUIRE(v.info->account[0] != '\0' && v.info->n_groups >= 1 && v.info->n_groups <= LOGON_GROUPS_MAX);
    FUZZ_REQUIRE(v.info->upn != NULL && v.info->domain_dns != NULL && v.info->home_drive != NULL);
    FUZZ_REQUIRE(strlen(v.info->full_name) < LOGON_TEXT_MAX);
    talloc_free(v.info);
}

static void
trusts(const uint8_t *data, size_t size)
{
    struct netlogon_trusts *t;
    uint32_t status;

    if (netlogon_read_list_trusts(NULL, data, size, &t, &status) != NULL || t == NULL)
        return;
    FUZZ_REQUIRE(t->n <= NETLOGON_TRUSTS_MAX);
    for (size_t i = 0; i < t->n; i++) {
        FUZZ_REQUIRE(t->list[i].netbios != NULL && t->list[i].dns != NULL);
        FUZZ_REQUIRE(t->list[i].parent == NETLOGON_NO_PARENT || t->list[i].parent < t->n);
        FUZZ_REQUIRE(t->list[i].sid.n_subs == 0 || sid_is_domain(&t->list[i].sid));
    }
    talloc_free(t);
}

static void
controller(const uint8_t *data, size_t size)
{
    struct netlogon_dc *dc;
    uint32_t status;

    if (netlogon_read_find_dc(NULL, data, size, &dc, &status) != NULL || dc == NULL)
        return;
    FUZZ_REQUIRE(strlen(dc->name) + strlen(dc->address) + strlen(dc->domain) + strlen(dc->forest) < 4 * (size + 1));
    talloc_free(dc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 3: logon(data + 1, size - 1, 3, false); break;
    case 6: logon(data + 1, size - 1, 6, false); break;
    case 7: logon(data + 1, size - 1, 6, true); break;
    case 40: trusts(data + 1, size - 1); break;
    case 34: controller(data + 1, size - 1); break;
    default: break;
    }
    return 0;
}
