/* Numeric addresses, and connections to them. */
#ifndef AUTHSOD_BASE_NET_H
#define AUTHSOD_BASE_NET_H

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

void address_set_port(struct sockaddr_storage *a, uint16_t port);

/* The same host, whatever the ports. */
bool address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* A TCP connection to a, non-blocking, made before the deadline; -1 with errno.  deadline: see lib/base/wait.h. */
int tcp_connect(const struct sockaddr_storage *a, int64_t deadline);

#endif
