/* The machine secret in tests: "current previous pending", "-" for none. */
#ifndef AUTHSOD_TESTS_UNIT_SECRET_WORDS_H
#define AUTHSOD_TESTS_UNIT_SECRET_WORDS_H

#include "lib/membership/machine_secret.h"

/* WS1$'s of corp.test, made at that time: the current one has version 5, the previous one 4, the pending one 6. */
void secret_fill(struct machine_secret *s, const char *passwords, int64_t since);

/* The same words; a password that nobody gave is "new". Good until the next call. */
const char *secret_words(const struct machine_secret *s);

#endif
