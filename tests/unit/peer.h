/*
 * The other end of a socket, for tests: a process of its own that answers, in
 * a directory of its own.
 */
#ifndef AUTHSOD_TESTS_PEER_H
#define AUTHSOD_TESTS_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* Only root may listen where the modules connect: where we aren't, a user namespace makes us. False: skip the test. */
bool peer_be_root(void);

/* A new directory in /tmp, which becomes the current one. peer_leave_dir removes it with the files in it. */
void peer_enter_dir(void);
void peer_leave_dir(void);

/* A listening SOCK_SEQPACKET at path; ends the test program where there is none. */
int peer_listen(const char *path, int backlog);

/*
 * A process that takes each connection to listener, which is closed here,
 * and calls serve; it ends with us.  peer_stop ends it.
 */
typedef void peer_serve_fn(int fd, const void *arg);
pid_t peer_start(int listener, peer_serve_fn *serve, const void *arg);
void peer_stop(pid_t pid);

/* Sends a packet with n descriptors. */
void peer_send_fds(int fd, const void *data, size_t len, const int *fds, size_t n);

/* Runs test in a child of its own, which the parent waits for: true if it gave true. */
bool peer_in_child(bool (*test)(void));

/* How many descriptors this process has open. */
unsigned peer_count_fds(void);

/* A signal each 500 us until peer_calm: each system call that waits is interrupted again and again. */
void peer_storm(void);
void peer_calm(void);

#endif
