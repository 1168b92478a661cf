/*
 * A fuzz target: one function over bytes from outside.  libFuzzer calls it
 * with --enable-fuzzing, tests/fuzz/replay.c otherwise.
 */
#ifndef AUTHSOD_TESTS_FUZZ_FUZZ_H
#define AUTHSOD_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Always 0. What must hold is said with FUZZ_REQUIRE. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert, but there whatever NDEBUG says. */
static inline void
FUZZ_REQUIRE(int holds)
{
    if (!holds)
        abort();
}

#endif
