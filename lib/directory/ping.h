/* CLDAP pings to several domain controllers at once ([MS-ADTS] 6.3.3): for the locator, and for who need not wait. */
#ifndef AUTHSOD_DIRECTORY_PING_H
#define AUTHSOD_DIRECTORY_PING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <talloc.h>

#include "lib/directory/locator.h"

#define PING_TARGETS_MAX 128

struct ping;

/* NULL where there is no memory. talloc_free closes its sockets. */
struct ping *ping_new(TALLOC_CTX *mem, const char *domain_dns);

/* Pings the address, again if it was pinged before. False if there is no way to it (or no place). */
bool ping_send(struct ping *p, const struct sockaddr_storage *to);

/*
 * The first fitting answer until then: for this domain, from an address that
 * was pinged, by a domain controller that serves LDAP and Kerberos.  NULL if
 * none came.
 */
struct netlogon_answer *ping_wait(struct ping *p, TALLOC_CTX *mem, int64_t then, struct sockaddr_storage *from_out);

#endif
