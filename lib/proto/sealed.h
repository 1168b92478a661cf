/*
 * A body that is too long for a packet: a memfd that nobody can change any
 * more.  Its receiver maps it without fear of SIGBUS or of bytes that change
 * while it reads them.
 * The same carries secrets between our processes: tickets, the keytab.
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
 * 0 where fd is a memfd, sealed against write, grow and shrink: neither its
 * bytes nor its length change any more, and reading it waits for nobody.  -1
 * with errno, EPERM.
 */
int sealed_check(int fd);

/*
 * Maps the whole of fd read-only, after it was checked to be a memfd sealed
 * against write, grow and shrink, of 1 to max bytes.  0 with *data_out and
 * *len_out, which munmap releases; fd may be closed at once.  -1 with errno:
 * EPERM where it is not sealed, EMSGSIZE where the size is wrong.
 */
int sealed_map(int fd, size_t max, const void **data_out, size_t *len_out);

/*
 * A memfd with a secret, in the process that keeps it: its pages stay out of
 * swap while one has them locked.
 */
struct sealed_secret {
    int fd;            /* -1: none */
    const void *pages; /* NULL where they could not be locked: there is no limit on locked memory in our own unit */
    size_t len;
};

#define SEALED_SECRET_MAX (1U << 20)

/* Takes fd over (-1: nothing) into *s, which holds nothing yet. */
void sealed_hold(struct sealed_secret *s, int fd);

/* Lets the pages go and closes; nothing is held then. */
void sealed_drop(struct sealed_secret *s);

#endif
