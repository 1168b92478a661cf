/* What directory_open finds in the process: a profile and one ticket. */
#ifndef AUTHSOD_DIRECTORY_CREDENTIALS_H
#define AUTHSOD_DIRECTORY_CREDENTIALS_H

#include <krb5/krb5.h>
#include <stdbool.h>

/*
 * Sets KRB5_CONFIG and KRB5CCNAME of this process: a profile in which nothing
 * makes libkrb5 ask DNS or a KDC about host, and a cache in memory.  *fd_io is
 * the memfd behind it (-1 before the first time), which the caller keeps open;
 * the one before is closed.  False with errno.
 */
bool directory_set_profile(const char *realm, const char *host, int *fd_io);

/* Makes the ticket, for ldap/<host>, the only one in that cache. ctx: made after directory_set_profile. */
krb5_error_code directory_store_ticket(krb5_context ctx, krb5_creds *ticket);

#endif
