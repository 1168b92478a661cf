/*
 * NDR reader for what [MS-PAC] and [MS-NRPC] marshal: NDR32, little-endian
 * (C706 chapter 14, [MS-RPCE] 2.2.6 type serialization version 1).
 * Sticky errors like lib/base/buf.h.  Read only.
 */
#ifndef AUTHSOD_NDR_NDR_H
#define AUTHSOD_NDR_NDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/base/buf.h"
#include "lib/sid/sid.h"

/*
 * Steps over the common type header and the private header of type
 * serialization version 1 and gives a reader over the body, whose alignment
 * starts at its first byte.  Fails r if the headers lie about the length.
 */
struct reader ndr_body(struct reader *r);

/* Aligned primitives. */
uint16_t ndr_u16(struct reader *r);
uint32_t ndr_u32(struct reader *r);
uint64_t ndr_hyper(struct reader *r); /* as two u32, aligned to 4: FILETIME, OLD_LARGE_INTEGER */

/* A unique pointer's referent: true if it is not NULL; its pointee comes later. */
bool ndr_pointer(struct reader *r);

/* The header part of RPC_UNICODE_STRING ([MS-DTYP] 2.3.10). */
struct ndr_string {
    uint16_t length;  /* bytes */
    uint16_t maximum; /* bytes */
    bool present;
};
struct ndr_string ndr_string_head(struct reader *r);

/*
 * The pointee: conformant varying array of UTF-16LE.  Gives UTF-8 under mem,
 * "" where not present; NULL (and failed) if counts contradict the head, or
 * the text is not UTF-16 or holds a NUL.
 */
const char *ndr_string_body(TALLOC_CTX *mem, struct reader *r, const struct ndr_string *head);

/*
 * [string] wchar_t, the pointee: conformant varying array of UTF-16LE that ends
 * with its one NUL.  Gives UTF-8 under mem; NULL (and failed) if counts
 * contradict each other or the text is not UTF-16.
 */
const char *ndr_text(TALLOC_CTX *mem, struct reader *r);

/* The maximum count of a conformant array; failed if more than max or more than could be left at size bytes each. */
uint32_t ndr_conformance(struct reader *r, uint32_t max, size_t size);

/* RPC_SID ([MS-DTYP] 2.4.2.3), the pointee: its count of sub-authorities, then the SID. */
bool ndr_sid(struct reader *r, struct sid *sid_out);

/* UTF-16LE of n bytes to UTF-8 under mem; NULL if it is not UTF-16 or holds a NUL. */
const char *utf16le_text(TALLOC_CTX *mem, const uint8_t *p, size_t n);

#endif
