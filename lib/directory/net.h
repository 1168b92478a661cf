/* Numeric addresses and waits with an end. */
#ifndef AUTHSOD_DIRECTORY_NET_H
#define AUTHSOD_DIRECTORY_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Bytes of the address in a, as bind and connect want them. */
socklen_t address_len(const struct sockaddr_storage *a);

/* "10.0.0.1", "10.0.0.1:389", "fd00::1", "[fd00::1]:389"; port where the text has none. False for anything else. */
bool address_parse(const char *text, uint16_t port, struct sockaddr_storage *out);

/* Without the port. */
bool address_text(const struct sockaddr_storage *a, char *buf, size_t size);

/* The same host, whatever the ports. */
bool address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Milliseconds until the deadline (client_now() based) as poll wants them: 0 when it is past, at most an hour. */
int ms_until(int64_t deadline);

/* True if fd is ready for events before the deadline. */
bool wait_fd(int fd, short events, int64_t deadline);

/* A TCP connection to a, non-blocking, made before the deadline; -1 with errno. */
int tcp_connect(const struct sockaddr_storage *a, int64_t deadline);

#endif
