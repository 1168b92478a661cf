/*
 * The NT hash that a KDC gives to who has logged on with a card ([MS-PAC] 2.6),
 * kept where nt_hash says so: as the line of smbpasswd(5) by which gss-ntlmssp
 * does NTLM without a password.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "daemon/card_worker.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/krb/ntlm_line.h"
#include "lib/proto/sealed.h"

/* NULL, or why there is none. */
static const char *
make_line(struct job *j, const uint8_t *sealed, size_t len, char line[NTLM_LINE_MAX])
{
    const char *domain = j->m.home.dns[0] == '\0' ? j->m.dc.netbios : j->m.home.netbios;
    uint8_t nt[NT_HASH_BYTES];
    const char *why = len == 0 ? "the KDC sent none" : krb_nt_hash(j->krb, &j->logon.reply_keys, sealed, len, nt);
    size_t n = why == NULL ? ntlm_line(domain, j->m.principal, j->m.uid, nt, line) : 0;

    OPENSSL_cleanse(nt, sizeof(nt));
    if (why != NULL)
        return why;
    if (n == 0)
        return "the name cannot be in the file";
    j->ntlm_fd = sealed_new("ntlm", line, n);
    return j->ntlm_fd < 0 ? "no memory" : NULL;
}

void
card_keep_nt_hash(struct job *j, const uint8_t *sealed, size_t len)
{
    const char *why = "no memory";
    char *line;

    /* A card that proves itself offline has no KDC behind it. */
    if (!j->config->keep_nt_hash || j->krb == NULL)
        return;
    line = secret_new(NTLM_LINE_MAX);
    if (line != NULL)
        why = make_line(j, sealed, len, line);
    secret_free(line, NTLM_LINE_MAX);
    if (why != NULL)
        log_info("NTLM without a password will not be possible for %s: %s", j->m.principal, why);
}
