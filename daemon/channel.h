/*
 * Channels between our own processes: SOCK_SEQPACKET pairs that keeper makes.
 * One packet is one message (ipc.h), with at most CHANNEL_FDS_MAX descriptors.
 */
#ifndef AUTHSOD_DAEMON_CHANNEL_H
#define AUTHSOD_DAEMON_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHANNEL_PACKET_MAX (256U * 1024) /* bytes of one message */
#define CHANNEL_FDS_MAX 4

/* Makes a pair, close-on-exec, with room for several of the largest messages, or at least for one. */
bool channel_pair(int fds_out[2]);

/*
 * Sends one message with n_fds descriptors, which stay the caller's.  Never
 * raises SIGPIPE.  block: waits for room; else false with EAGAIN.
 */
bool channel_send(int fd, const void *packet, size_t len, const int *fds, size_t n_fds, bool block);

/*
 * Receives one message.  timeout_ms: -1 waits, 0 does not.  Gives its length, 0
 * where the other side is gone, -1 with errno (EAGAIN: nothing came in time;
 * EMSGSIZE).  fds_out takes CHANNEL_FDS_MAX descriptors, the caller's to
 * close, unused ones -1.
 */
ssize_t channel_recv(int fd, void *buf, size_t size, int fds_out[CHANNEL_FDS_MAX], int timeout_ms);

/* Closes what channel_recv gave and nobody took. */
void channel_close_fds(int fds[CHANNEL_FDS_MAX]);

/* Takes the first descriptor out of fds: -1 if there is none. */
int channel_take_fd(int fds[CHANNEL_FDS_MAX]);

#endif
