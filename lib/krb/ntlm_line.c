#include "lib/krb/ntlm_line.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/secret.h"

/* No LM hash: thirty-two times X is smbpasswd(5)'s word for that. */
#define NO_HASH "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

static bool
is_plain(const char *name)
{
    if (name[0] == '\0' || name[0] == '#')
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        if (*p < ' ' || *p == 0x7f || *p == ':' || *p == '\\')
            return false;
    }
    return true;
}

size_t
ntlm_line(const char *domain, const char *account, uint32_t uid, const uint8_t nt[NT_HASH_BYTES],
          char line_out[NTLM_LINE_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    char hash[2 * NT_HASH_BYTES + 1] = "";
    int n;

    line_out[0] = '\0';
    if (!is_plain(domain) || !is_plain(account))
        return 0;
    for (size_t i = 0; i < NT_HASH_BYTES; i++) {
        hash[2 * i] = digits[nt[i] >> 4];
        hash[2 * i + 1] = digits[nt[i] & 15];
    }
    n = snprintf(line_out, NTLM_LINE_MAX, "%s\\%s:%u:" NO_HASH ":%s:[U          ]:LCT-00000000:\n", domain, account,
                 (unsigned)uid, hash);
    secret_erase(hash, sizeof(hash));
    if (n > 0 && n < NTLM_LINE_MAX)
        return (size_t)n;
    secret_erase(line_out, NTLM_LINE_MAX);
    return 0;
}
