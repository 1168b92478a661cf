/*
 * The stubs of Netlogon's calls ([MS-NRPC] 3.5.4): writers of requests and
 * readers of answers, without state or I/O.  Inside lib/rpc, for its tests and
 * fuzz targets.
 *
 * Readers take a whole stub and give NULL, or what is wrong with it (a static
 * string); their outputs count only then.
 */
#ifndef AUTHSOD_RPC_NETLOGON_NDR_H
#define AUTHSOD_RPC_NETLOGON_NDR_H

#include "lib/rpc/netlogon.h"

#define NETLOGON_REQUEST_MAX 8192    /* bytes of any request here */
#define NETLOGON_PASSWORD_BYTES 516  /* NL_TRUST_PASSWORD, 2.2.1.3.7 */

struct netlogon_authenticator {
    uint8_t credential[NETLOGON_CREDENTIAL_BYTES];
    uint32_t timestamp;
};

void netlogon_put_challenge(struct writer *w, const struct netlogon_names *names,
                            const uint8_t challenge[static NETLOGON_CREDENTIAL_BYTES]);
const char *netlogon_read_challenge(const uint8_t *stub, size_t len,
                                    uint8_t challenge_out[static NETLOGON_CREDENTIAL_BYTES], uint32_t *status_out);

void netlogon_put_authenticate(struct writer *w, const struct netlogon_names *names,
                               const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES], uint32_t flags);
struct netlogon_authenticated {
    uint8_t credential[NETLOGON_CREDENTIAL_BYTES];
    uint32_t flags;
    uint32_t rid;
    uint32_t status;
};
const char *netlogon_read_authenticate(const uint8_t *stub, size_t len, struct netlogon_authenticated *out);

void netlogon_put_capabilities(struct writer *w, const struct netlogon_names *names,
                               const struct netlogon_authenticator *authenticator);
const char *netlogon_read_capabilities(const uint8_t *stub, size_t len,
                                       uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES],
                                       uint32_t *capabilities_out, uint32_t *status_out);

/* hash: the NT hash, encrypted; lm likewise. authenticator: NULL for NETLOGON_EX. */
struct netlogon_hashes {
    uint8_t lm[NT_HASH_BYTES];
    uint8_t nt[NT_HASH_BYTES];
};
void netlogon_put_logon(struct writer *w, const struct netlogon_names *names, const struct netlogon_logon *logon,
                        const struct netlogon_hashes *hashes, uint16_t level,
                        const struct netlogon_authenticator *authenticator);
/*
 * credential_out: NULL for NETLOGON_EX.  verdict->info is under mem.  A success
 * without information is malformed; information with another status is none.
 */
const char *netlogon_read_logon(TALLOC_CTX *mem, const uint8_t *stub, size_t len, uint16_t level,
                                uint8_t *credential_out, struct netlogon_verdict *verdict_out);

void netlogon_put_find_dc(struct writer *w, const struct netlogon_names *names, const char *domain, uint32_t flags);
const char *netlogon_read_find_dc(TALLOC_CTX *mem, const uint8_t *stub, size_t len, struct netlogon_dc **dc_out,
                                  uint32_t *status_out);

void netlogon_put_list_trusts(struct writer *w, const struct netlogon_names *names, uint32_t flags);
const char *netlogon_read_list_trusts(TALLOC_CTX *mem, const uint8_t *stub, size_t len,
                                      struct netlogon_trusts **trusts_out, uint32_t *status_out);

void netlogon_put_set_password(struct writer *w, const struct netlogon_names *names,
                               const struct netlogon_authenticator *authenticator,
                               const uint8_t encrypted[static NETLOGON_PASSWORD_BYTES]);
const char *netlogon_read_set_password(const uint8_t *stub, size_t len,
                                       uint8_t credential_out[static NETLOGON_CREDENTIAL_BYTES], uint32_t *status_out);

#endif
