/*
 * A line of smbpasswd(5), by which gss-ntlmssp does NTLM for who has no password
 * at hand but its hash (NTLM_USER_FILE).  libc only.
 */
#ifndef AUTHSOD_KRB_NTLM_LINE_H
#define AUTHSOD_KRB_NTLM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ndr/credentials.h"

#define NTLM_LINE_MAX 512 /* gss-ntlmssp reads lines of up to 1,023 bytes */

/*
 * "CORP\alice:10001:XX...:<NT hash>:[U          ]:LCT-00000000:\n" with its NUL;
 * the length without.  0 where one of the names is empty, holds what ends a field,
 * a name or a line, or makes it a comment, or the line gets too long: it would be read as another.
 */
size_t ntlm_line(const char *domain, const char *account, uint32_t uid, const uint8_t nt[NT_HASH_BYTES],
                 char line_out[NTLM_LINE_MAX]);

#endif
