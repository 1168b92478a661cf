/*
 * The modules' side of a socket: libc only, no allocation, no lock, every wait
 * ends at a deadline.  SIGPIPE is never raised, EINTR is resumed, descriptors
 * are close-on-exec and above 2.
 */
#ifndef AUTHSOD_PROTO_CLIENT_H
#define AUTHSOD_PROTO_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define CLIENT_PATH_NSS AUTHSOD_RUNDIR "/nss.sock"
#define CLIENT_PATH_PAM AUTHSOD_RUNDIR "/pam.sock"

/* clock_ms() of lib/base/wait.h. */
int64_t client_now(void);

/*
 * Connects to the socket at path, which must belong to root (SO_PEERCRED of
 * the listener, checked).  Gives the descriptor or -1 with errno: ENOENT and
 * ECONNREFUSED where nobody listens, EAGAIN where its queue stays full until
 * the deadline (client_now() based), EPERM where the peer is not root.
 */
int client_connect(const char *path, int64_t deadline);

/* Sends one packet. 0, or -1 with errno (ETIMEDOUT at the deadline). */
int client_send(int fd, const void *packet, size_t len, int64_t deadline);

/*
 * Receives one packet into buf.  Gives its length, 0 at end of file, or -1
 * with errno (ETIMEDOUT; EMSGSIZE where it was longer than size).  Where a
 * descriptor came along it is put in *fd_out, which the caller closes; else
 * *fd_out is -1.  fd_out NULL: descriptors are closed unseen.
 */
ptrdiff_t client_recv(int fd, void *buf, size_t size, int *fd_out, int64_t deadline);

/*
 * As client_recv, but leaves the packet where it is and gives its whole length
 * even where that is more than size and buf has only its beginning: whoever
 * can't know how much will come reads it again with enough room.
 */
ptrdiff_t client_peek(int fd, void *buf, size_t size, int *fd_out, int64_t deadline);

/*
 * client_recv without descriptors, on a socket of client_connect_named: who
 * sent this very packet, as the kernel says.  A worker that holds the
 * connection can ask and say, but only the process that sent the first packet
 * (front) may end it.
 */
struct client_sender {
    uint32_t pid; /* 0 where it is in another PID namespace */
    uint32_t uid;
};
ptrdiff_t client_recv_sender(int fd, void *buf, size_t size, struct client_sender *sender_out, int64_t deadline);

/* client_connect, with the kernel naming the sender of each packet. */
int client_connect_named(const char *path, int64_t deadline);

#endif
