/*
 * KERB_VALIDATION_INFO ([MS-PAC] 2.5), the LOGON_INFO buffer of a PAC.  Inside lib/ndr only.
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

#endif
