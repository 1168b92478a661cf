/*
 * A body that is too long for a packet: a memfd that nobody can change any
 * more.  Its receiver maps it without fear of SIGBUS or of bytes that change
 * while it reads them.
 */
#ifndef AUTHSOD_PROTO_SEALED_H
#define AUTHSOD_PROTO_SEALED_H

#include <stddef.h>

/*
 * A sealed memfd with len bytes of data (1 or more), close-on-exec; the caller
 * closes it.  name: for /proc only.  -1 with errno.
 */
int sealed_new(const char *name, const void *data, size_t len);

/*
 * Maps the whole of fd read-only, after it was checked to be a memfd sealed
 * against write, grow and shrink, of 1 to max bytes.  0 with *data_out and
 * *len_out, which munmap releases; fd may be closed at once.  -1 with errno:
 * EPERM where it is not sealed, EMSGSIZE where the size is wrong.
 */
int sealed_map(int fd, size_t max, const void **data_out, size_t *len_out);

#endif
