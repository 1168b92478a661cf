/* For tests of messages between our own processes. */
#ifndef AUTHSOD_TESTS_ONLY_WHOLE_H
#define AUTHSOD_TESTS_ONLY_WHOLE_H

#include "daemon/ipc.h"

/* Every cut, and one byte more, is refused: the call is made of the first n bytes. */
#define ONLY_WHOLE(len, call) \
    do { \
        for (size_t n_ = 0; n_ <= (len); n_++) { \
            size_t n = n_ == (len) ? (len) + 1 : n_; \
            assert_false(call); \
        } \
    } while (0)

#endif
