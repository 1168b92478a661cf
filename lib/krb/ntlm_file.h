/* Where gss-ntlmssp finds the NT hash of who has logged on with a card (NTLM_USER_FILE).  libc only. */
#ifndef AUTHSOD_KRB_NTLM_FILE_H
#define AUTHSOD_KRB_NTLM_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/proto.h"

/* In PROTO_NTLM_FOLDER: one for each credential cache of a user, whose name it is made of. */
void ntlm_file_path(uint32_t uid, const char *ccname, char path_out[static PROTO_NTLM_FILE_MAX]);

/* For root: all that are in the folder. True where none is left, or there is no folder; false with errno. */
bool ntlm_files_remove(void);

#endif
