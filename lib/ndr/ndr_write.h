/*
 * NDR writer, the counterpart of lib/ndr/ndr.h: NDR32, little-endian (C706
 * chapter 14).  Alignment counts from the start of the writer's memory, which
 * is the start of a stub.  Sticky errors like lib/base/buf.h: what does not fit
 * or is not UTF-8 fails the writer.  Padding is zero.
 */
#ifndef AUTHSOD_NDR_NDR_WRITE_H
#define AUTHSOD_NDR_NDR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/sid/sid.h"

/* Zero bytes up to a multiple of n (1, 2, 4 or 8). */
void ndr_put_align(struct writer *w, size_t n);

/* Aligned primitives. */
void ndr_put_u16(struct writer *w, uint16_t v);
void ndr_put_u32(struct writer *w, uint32_t v);

/* A unique pointer's referent, none like another in this stub; the pointee comes later. */
void ndr_put_pointer(struct writer *w, bool present);

/* [string] wchar_t: the text with its NUL, a conformant varying array of UTF-16LE. */
void ndr_put_text(struct writer *w, const char *text);

/* [unique, string] wchar_t *: the pointer and, where text is not NULL, what it points to. */
void ndr_put_unique_text(struct writer *w, const char *text);

/* RPC_UNICODE_STRING ([MS-DTYP] 2.3.10): the head with its pointer, and the pointee. No NUL is counted or sent. */
void ndr_put_string_head(struct writer *w, const char *text);
void ndr_put_string_body(struct writer *w, const char *text);

/* RPC_SID ([MS-DTYP] 2.4.2.3), the pointee: its count of sub-authorities, then the SID. */
void ndr_put_sid(struct writer *w, const struct sid *sid);

/* The text in UTF-16LE, without a NUL and without alignment. */
void utf16le_put(struct writer *w, const char *text);

#endif
