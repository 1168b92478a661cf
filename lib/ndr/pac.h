/*
 * The PAC ([MS-PAC]) of a service ticket, once its signature was verified.
 */
#ifndef AUTHSOD_NDR_PAC_H
#define AUTHSOD_NDR_PAC_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/ndr/logon_info.h"

#define PAC_MAX_BYTES (1U << 20)
#define PAC_BUFFERS_MAX 64

/* What the ticket around the PAC says, for CLIENT_INFO; name "" skips the check of the name (enterprise names differ). */
struct pac_ticket {
    const char *client;     /* "alice", the principal without its realm */
    int64_t authtime;       /* seconds since 1970 */
};

/*
 * Decodes a whole PACTYPE.  Required: LOGON_INFO (1), CLIENT_INFO (10),
 * SERVER_CHECKSUM (6) and KDC_CHECKSUM (7) be there, once each.  Read where
 * present: UPN_DNS_INFO (12, also its extended form), ATTRIBUTES_INFO (17),
 * REQUESTOR (18).  CREDENTIAL_INFO (2) is for pac_credentials.  Others are skipped, but S4U_DELEGATION_INFO (11) refuses: such
 * a ticket is got by a service without the user's password ([MS-PAC] 2.9),
 * and the service knows its session key.  Refused: a buffer outside the input or
 * overlapping the header, a second buffer of a type that is read,
 * contradictions: CLIENT_INFO's time not the ticket's authtime; SIDs of
 * LOGON_INFO, REQUESTOR and UPN_DNS_INFO that differ; SAM names that differ
 * (case ignored); an account with no name; RID 0.
 *
 * Gives the information under mem, or NULL with a reason in *why_out, a
 * static string for the log.
 */
struct logon_info *pac_decode(TALLOC_CTX *mem, const uint8_t *pac, size_t len, const struct pac_ticket *ticket,
                              const char **why_out);

/*
 * The CREDENTIAL_INFO of a PAC that pac_decode takes, for credential_info_read: an
 * alias into pac.  False: the KDC sent none, as it does for a logon with a password.
 */
bool pac_credentials(const uint8_t *pac, size_t len, struct reader *bytes_out);

#endif
