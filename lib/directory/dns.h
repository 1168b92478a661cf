/*
 * A DNS client with deadlines in milliseconds.  libresolv only reads
 * resolv.conf for it: its own waits are whole seconds for each server in turn,
 * and its TCP has no end.  Internal to lib/directory.
 */
#ifndef AUTHSOD_DIRECTORY_DNS_H
#define AUTHSOD_DIRECTORY_DNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/directory/locator.h"

#define DNS_SERVERS_MAX 3
#define DNS_ANSWER_MAX 65535
#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_SRV 33

struct dns {
    struct sockaddr_storage servers[DNS_SERVERS_MAX];
    int n_servers;
};

/* The system's name servers. False if there are none. */
bool dns_system(struct dns *dns_out);

/*
 * Asks for name, exactly that (no search list); the next server, too, where one
 * has not answered after 300 ms or cannot.  Gives the length of the answer
 * (NOERROR or NXDOMAIN), -1 where no server gave one by the deadline.
 */
ptrdiff_t dns_query(const struct dns *dns, const char *name, uint16_t type, int64_t deadline,
                    uint8_t buf[static DNS_ANSWER_MAX]);

/* locator_srv with these servers. */
int dns_srv(const struct dns *dns, const char *name, int64_t deadline, struct srv_record *out, int max);

/* Addresses of host with that port (A or AAAA as family says). Gives the count, -1 if no server answered. */
int dns_addresses(const struct dns *dns, const char *host, int family, uint16_t port, int64_t deadline,
                  struct sockaddr_storage *out, int max);

/* The parser under it: A and AAAA records of an answer, whoever owns them. -1 if malformed. */
int dns_addresses_parse(const uint8_t *packet, size_t len, uint16_t port, struct sockaddr_storage *out, int max);

#endif
