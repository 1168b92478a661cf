/* NETLOGON_SAM_LOGON_RESPONSE_EX, [MS-ADTS] 6.3.1.9. */
#include "lib/directory/locator.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/directory/text.h"

#define LOGON_SAM_LOGON_RESPONSE_EX 23
#define NAMES_BEGIN 24                 /* after opcode, Sbz, Flags, DomainGuid */
#define VERSION_WITH_IP 0x00000008U
#define VERSION_WITH_CLOSEST_SITE 0x00000010U
#define TOKEN 0xffff

/* A dot within a label: a NetBIOS name or a site may hold one, a DNS name may not. */
enum dots { NO_DOTS, DOTS };

static const char *
read_name(TALLOC_CTX *mem, struct reader *r, enum dots dots)
{
    char name[DNS_NAME_SIZE];

    if (!dns_name_read(r, NAMES_BEGIN, dots == DOTS, name))
        return NULL;
    return talloc_strdup(mem, name);
}

static bool
read_names(struct reader *r, struct netlogon_answer *a)
{
    const char *user;

    a->forest = read_name(a, r, NO_DOTS);
    a->domain_dns = read_name(a, r, NO_DOTS);
    a->dc_host = read_name(a, r, NO_DOTS);
    a->domain_netbios = read_name(a, r, DOTS);
    a->dc_netbios = read_name(a, r, DOTS);
    user = read_name(a, r, DOTS);
    a->dc_site = read_name(a, r, DOTS);
    a->client_site = read_name(a, r, DOTS);
    return a->forest != NULL && a->domain_dns != NULL && a->dc_host != NULL && a->domain_netbios != NULL &&
           a->dc_netbios != NULL && user != NULL && a->dc_site != NULL && a->client_site != NULL;
}

/*
 * What follows the names: an address and the next closest site where the
 * version at the very end says so (we ask for neither), the version, two
 * tokens.
 */
static bool
read_end(TALLOC_CTX *mem, struct reader *r)
{
    struct reader end = reader_at(r, r->len - 8, 8);
    uint32_t version = reader_u32(&end);
    const char *site = "";

    if ((version & VERSION_WITH_IP) != 0)
        (void)reader_bytes(r, reader_u8(r));
    if ((version & VERSION_WITH_CLOSEST_SITE) != 0)
        site = read_name(mem, r, DOTS);
    (void)reader_u32(r);
    return reader_u16(r) == TOKEN && reader_u16(r) == TOKEN && reader_done(r) && site != NULL;
}

struct netlogon_answer *
netlogon_answer_decode(TALLOC_CTX *mem, const uint8_t *p, size_t len)
{
    struct reader r = reader_init(p, len);
    struct netlogon_answer *a = NULL;
    const uint8_t *guid;
    bool good = false;

    if (len < NAMES_BEGIN + 8)
        return NULL;
    a = talloc_zero(mem, struct netlogon_answer);
    if (a == NULL || reader_u16(&r) != LOGON_SAM_LOGON_RESPONSE_EX)
        goto done;
    (void)reader_u16(&r);
    a->flags = reader_u32(&r);
    guid = reader_bytes(&r, sizeof(a->domain_guid));
    if (guid == NULL)
        goto done;
    memcpy(a->domain_guid, guid, sizeof(a->domain_guid));
    good = read_names(&r, a) && read_end(a, &r);
done:
    if (!good)
        TALLOC_FREE(a);
    return a;
}
