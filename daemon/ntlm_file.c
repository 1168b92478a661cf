#include "daemon/ntlm_file.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool
ntlm_file_path(uint32_t uid, const char *ccname, char path_out[static PROTO_NTLM_FILE_MAX])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(ccname, strlen(ccname), hash, &n, EVP_sha256(), NULL) != 1 || n < 8)
        return false;
    (void)snprintf(path_out, PROTO_NTLM_FILE_MAX, PROTO_NTLM_FOLDER "/%lu.%02x%02x%02x%02x%02x%02x%02x%02x",
                   (unsigned long)uid, hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]);
    return true;
}
