/*
 * CREDENTIAL_INFO of a PAC ([MS-PAC] 2.6): what a KDC hands to somebody who logged
 * on without a password so that he can do NTLM all the same, encrypted with the
 * AS reply key.
 */
#ifndef AUTHSOD_NDR_CREDENTIALS_H
#define AUTHSOD_NDR_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define NT_HASH_BYTES 16

/* PAC_CREDENTIAL_INFO ([MS-PAC] 2.6.1), as it is in the PAC. */
struct credential_info {
    uint32_t enctype;    /* of Kerberos */
    const uint8_t *data; /* an alias; the encrypted PAC_CREDENTIAL_DATA */
    size_t len;
};

/* All that is left in bytes. NULL, or what is wrong: a static string. */
const char *credential_info_read(struct reader bytes, struct credential_info *info_out);

/*
 * The NT hash in a PAC_CREDENTIAL_DATA ([MS-PAC] 2.6.2 to 2.6.4) that has been
 * decrypted.  Packages other than NTLM are skipped.  NULL, or what is wrong with
 * it or is not in it: a static string, and nt_out is zeroed.  Nothing else is
 * left of the secret: no copy is made but that.
 */
const char *credential_data_nt_hash(const uint8_t *data, size_t len, uint8_t nt_out[NT_HASH_BYTES]);

#endif
