/* Where gss-ntlmssp finds the NT hash of who has logged on with a card (NTLM_USER_FILE). */
#ifndef AUTHSOD_DAEMON_NTLM_FILE_H
#define AUTHSOD_DAEMON_NTLM_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/proto.h"

/* In PROTO_NTLM_FOLDER: one for each credential cache of a user, whose name it is made of. False if libcrypto fails. */
bool ntlm_file_path(uint32_t uid, const char *ccname, char path_out[static PROTO_NTLM_FILE_MAX]);

#endif
