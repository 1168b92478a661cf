/*
 * KERB_VALIDATION_INFO ([MS-PAC] 2.5), the LOGON_INFO buffer of a PAC, and what
 * Netlogon sends in its place ([MS-NRPC] 2.2.1.4.12, 2.2.1.4.13).  For lib/ndr
 * and lib/rpc only.
 */
#ifndef AUTHSOD_NDR_VALIDATION_INFO_H
#define AUTHSOD_NDR_VALIDATION_INFO_H

#include "lib/base/buf.h"
#include "lib/ndr/logon_info.h"

/*
 * Decodes the whole of r into *info, whose strings and groups become its
 * talloc children.  NULL, or what is wrong: a static string.
 */
const char *validation_info_read(struct logon_info *info, struct reader *r);

/*
 * Decodes what ValidationInformation of the level points to:
 * NETLOGON_VALIDATION_SAM_INFO2 (3) or NETLOGON_VALIDATION_SAM_INFO4 (6).  r
 * counts its alignment from the start of the stub and is left behind it.  NULL,
 * or what is wrong.
 */
#define VALIDATION_SAM_INFO2 3
#define VALIDATION_SAM_INFO4 6
const char *validation_sam_info_read(struct logon_info *info, struct reader *r, uint16_t level);

#endif
