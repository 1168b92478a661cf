/*
 * Was a certificate issued by an authority that is trusted here, and has none
 * on the way revoked it (RFC 5280 6)?  What the certificate itself says, and
 * what it is meant for, is judged by lib/card/certificate.h.
 *
 * Only the given files count: neither the authorities that this computer trusts
 * for other things nor any variable of the environment.
 */
#ifndef AUTHSOD_CARD_CHAIN_H
#define AUTHSOD_CARD_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/card/certificate.h"

#define CHAIN_WHY_MAX 256   /* bytes of a reason, its NUL included; visible, cut where it is too long */
#define CHAIN_BETWEEN_MAX 8 /* authorities between a certificate and the trusted one */

/* Of one list of paths; what is beyond is left out. */
#define CHAIN_FILE_MAX (16 << 20)  /* bytes of one file */
#define CHAIN_BYTES_MAX (64 << 20) /* of all files */
#define CHAIN_FILES_MAX 1024       /* entries of folders count, too */
#define CHAIN_ITEMS_MAX 1024       /* different certificates, or lists */

/* Authorities and lists of revoked certificates, as the files were when they were read. */
struct chain;

/*
 * Paths are of files in PEM with one or more items, or of folders of such
 * files; what is of another kind in a file, and a folder's folders, hidden files
 * and files without PEM are passed over.  The arrays end with NULL, and may be
 * NULL.  The caller frees with talloc.
 *
 *   anchors        trusted; as for libkrb5, authorities that sign themselves. One
 *                  that does not is used as one of the intermediates.
 *   intermediates  authorities that a certificate may lead over
 *   crls           lists of revoked certificates, whole ones or deltas
 *   require_crl    whoever has no list in force of an issuer's is not fit
 *
 * why_out says what could not be read, "" for nothing; the rest is used.  NULL,
 * with why, if that leaves no anchor, or if out of memory.
 */
struct chain *chain_new(TALLOC_CTX *mem, const char *const *anchors, const char *const *intermediates,
                        const char *const *crls, bool require_crl, char why_out[static CHAIN_WHY_MAX]);

/*
 * Judges a certificate in DER at the time now (seconds since 1970):
 *
 *   CERTIFICATE_FIT
 *   CERTIFICATE_UNTRUSTED   also where it or an authority is not valid now, or an
 *                           authority may not issue it; signatures with SHA-1 or
 *                           weaker, and keys below RSA's 2048 bits, are none
 *   CERTIFICATE_REVOKED     it, or an authority on the way
 *   CERTIFICATE_NO_CRL      with require_crl alone
 *
 * A list that is not in force now, or is signed wrongly or with SHA-1 or
 * weaker, is as none.  One that is about some certificates or reasons only, a
 * delta, or one with an extension that is critical and unknown, revokes, but
 * says of none that it is not revoked; that a delta takes a revocation back is
 * believed once a whole list does.  why_out: the certificate and the reason;
 * with CERTIFICATE_FIT, whose lists could not be used, or "".
 *
 * last_lists, for who has no way to newer ones: a list that has run out is as
 * one in force, and of an issuer's whole lists the one that was made last
 * counts, even where an older one is in force for longer.
 */
enum certificate_unfit chain_judge(const struct chain *c, const uint8_t *der, size_t len, int64_t now, bool last_lists,
                                   char why_out[static CHAIN_WHY_MAX]);

#endif
