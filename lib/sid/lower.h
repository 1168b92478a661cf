/*
 * Unicode's simple lower case, without locales.
 */
#ifndef AUTHSOD_SID_LOWER_H
#define AUTHSOD_SID_LOWER_H

#include <stdint.h>

uint32_t unicode_lower(uint32_t c);

#endif
