/*
 * The e_data of a KRB-ERROR: the little of it that libkrb5 keeps to itself.
 */
#ifndef AUTHSOD_KRB_EDATA_H
#define AUTHSOD_KRB_EDATA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* True if e_data is a METHOD-DATA with a PA-FX-FAST in it ([RFC 6113] 5.4.3). */
bool edata_has_fast(const void *e_data, size_t len);

/* The value of the PA-FX-FAST in a sequence of PA-DATA, as an alias. False: there is none, or it is no such sequence. */
bool edata_fast(const void *padata, size_t len, struct reader *value_out);

#endif
