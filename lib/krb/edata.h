/*
 * The e_data of a KRB-ERROR: the little of it that libkrb5 keeps to itself.
 */
#ifndef AUTHSOD_KRB_EDATA_H
#define AUTHSOD_KRB_EDATA_H

#include <stdbool.h>
#include <stddef.h>

/* True if e_data is a METHOD-DATA with a PA-FX-FAST in it ([RFC 6113] 5.4.3). */
bool edata_has_fast(const void *e_data, size_t len);

#endif
