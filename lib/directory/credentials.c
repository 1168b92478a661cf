/* The process's credentials for the directory: one ticket, in a cache in memory. */
#include "lib/directory/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CCACHE "MEMORY:directory"

bool
directory_set_profile(const char *realm, const char *host, int *fd_io)
{
    int fd = memfd_create("krb5.conf", MFD_CLOEXEC);
    char path[32];
    int n;

    if (fd < 0)
        return false;
    n = dprintf(fd,
                "[libdefaults]\n"
                "default_realm = %s\n"
                "dns_lookup_realm = false\n"
                "dns_lookup_kdc = false\n"
                "dns_uri_lookup = false\n"
                "dns_canonicalize_hostname = false\n"
                "rdns = false\n"
                "kdc_timesync = 0\n"
                "default_ccache_name = " CCACHE "\n"
                "[domain_realm]\n"
                "%s = %s\n",
                realm, host, realm);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (n < 0 || setenv("KRB5_CONFIG", path, 1) != 0 || setenv("KRB5CCNAME", CCACHE, 1) != 0) {
        (void)close(fd);
        return false;
    }
    if (*fd_io >= 0)
        (void)close(*fd_io);
    *fd_io = fd;
    return true;
}

krb5_error_code
directory_store_ticket(krb5_context ctx, krb5_creds *ticket)
{
    krb5_ccache cache = NULL;
    krb5_error_code code = krb5_cc_resolve(ctx, CCACHE, &cache);

    if (code == 0)
        code = krb5_cc_initialize(ctx, cache, ticket->client);
    if (code == 0)
        code = krb5_cc_store_cred(ctx, cache, ticket);
    if (cache != NULL)
        (void)krb5_cc_close(ctx, cache); /* what is in memory stays */
    return code;
}
