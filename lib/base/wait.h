/* Time, and waits with an end. */
#ifndef AUTHSOD_BASE_WAIT_H
#define AUTHSOD_BASE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds on the monotonic clock. */
int64_t clock_ms(void);

/* Milliseconds until the deadline (clock_ms() based) as poll wants them: 0 when it is past, at most an hour. */
int ms_until(int64_t deadline);

/* True if fd is ready for events before the deadline; else false with errno, ETIMEDOUT where it has passed. */
bool wait_fd(int fd, short events, int64_t deadline);

#endif
