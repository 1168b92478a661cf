/*
 * Locating a domain controller: DNS SRV records, then CLDAP pings
 * ([MS-ADTS] 6.3), the site from the ping's answer.
 */
#ifndef AUTHSOD_DIRECTORY_LOCATOR_H
#define AUTHSOD_DIRECTORY_LOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/proto/messages.h"

#define LOCATOR_DCS_MAX 64

/* DS_FLAGs of the answer, [MS-ADTS] 6.3.1.2 */
#define DS_PDC_FLAG 0x00000001U
#define DS_GC_FLAG 0x00000004U
#define DS_LDAP_FLAG 0x00000008U
#define DS_DS_FLAG 0x00000010U
#define DS_KDC_FLAG 0x00000020U
#define DS_CLOSEST_FLAG 0x00000080U
#define DS_WRITABLE_FLAG 0x00000100U

/* NETLOGON_SAM_LOGON_RESPONSE_EX, [MS-ADTS] 6.3.1.9; strings under the struct. */
struct netlogon_answer {
    uint32_t flags;
    uint8_t domain_guid[16];
    const char *forest;
    const char *domain_dns;
    const char *dc_host;          /* "dc1.corp.test" */
    const char *domain_netbios;
    const char *dc_netbios;
    const char *dc_site;
    const char *client_site;      /* "" if the subnet is not defined */
};

/* Decodes the Netlogon attribute of a CLDAP answer (names compressed as in RFC 1035). NULL if malformed. */
struct netlogon_answer *netlogon_answer_decode(TALLOC_CTX *mem, const uint8_t *p, size_t len);

/* The CLDAP search request (LDAPMessage) for domain; returns its bytes in buf, 0 if it does not fit. */
size_t cldap_request(uint8_t *buf, size_t size, uint32_t message_id, const char *domain_dns, const char *host);
/* Finds the Netlogon attribute in a searchResEntry with that id; alias into packet. False if it is anything else. */
bool cldap_answer(const uint8_t *packet, size_t len, uint32_t message_id, const uint8_t **value_out, size_t *len_out);

struct srv_record {
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    char host[256];
};

/*
 * Answers of a DNS SRV query to the name servers of resolv.conf, the next one
 * asked where one is slow (deadline in ms, client_now based).  Sorted by priority, shuffled by weight.
 * Gives the count; -1 if no name server answered; 0 if the name has none.
 */
int locator_srv(const char *name, int64_t deadline, struct srv_record *out, int max);
/* Does DNS know the name, with whatever records? 1 yes, 0 no, -1 if no name server answered. */
int locator_name_exists(const char *name, int64_t deadline);
/* An address of the host as text; false with *answered_out where DNS has none, without it where no server answered. */
bool locator_address(const char *host, int64_t deadline, char address[static 64], bool *answered_out);
/* The parser under it: the SRV records of a DNS answer, as they come; -1 if it is malformed. */
int srv_parse(const uint8_t *packet, size_t len, struct srv_record *out, int max);

struct dc {
    char host[256];       /* "dc1.corp.test" */
    char address[64];     /* numeric: what Kerberos, LDAP and CLDAP use */
    char site[128];       /* the client's site, "" if none */
    char domain_dns[256];
    char domain_netbios[64];
    char forest[256];
    uint32_t flags;
};

struct locator_query {
    const char *domain_dns;
    const char *site;            /* remembered or configured, "" if none */
    const char *const *hosts;    /* configured domain controllers, tried first; NULL-terminated, or NULL.  A
                                    numeric address needs no DNS: so the one that is remembered can stand here, too. */
    const char *avoid;           /* address that has just failed: asked last; "" if none */
    int64_t deadline;            /* client_now() based, ms */
};

/*
 * The nearest domain controller that answers: those of the site first, all
 * pinged in parallel at intervals, the first whose answer fits (domain,
 * LDAP + KDC + writable not required) taken.  Where the answer names another
 * client site, asked once more there.  ERR_OK, ERR_NO_REALM (DNS says there is
 * no such domain), ERR_NO_KDC (nobody answered).
 */
enum err locator_find(const struct locator_query *q, struct dc *dc_out);

#endif
