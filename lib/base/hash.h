/* A hash for tables whose keys are chosen by people who may wish us ill. */
#ifndef AUTHSOD_BASE_HASH_H
#define AUTHSOD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_KEY_LEN 16

/*
 * SipHash-1-3 of n bytes: who does not know the key cannot make collisions.
 * One round a word and three at the end are what tables want; as a signature of
 * what it was made of it is not meant.
 */
uint64_t hash_keyed(const uint8_t key[static HASH_KEY_LEN], const void *data, size_t n);

#endif
