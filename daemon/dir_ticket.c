/*
 * The computer's credentials for the directory: one service ticket that member
 * gets for us, in a cache in memory.  No key of the computer and no TGT comes
 * into this process, which reads what the network sends.
 */
#include "daemon/directory.h"

#include <errno.h>
#include <krb5/krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/krb/ccache.h"
#include "lib/proto/client.h"

#define CCACHE "MEMORY:directory"

/* What libkrb5 reads in place of krb5.conf: nothing that could make it ask DNS or a KDC. */
static bool
set_profile(struct dir *d, const char *host)
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
                d->config->realm, host, d->config->realm);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (n < 0 || setenv("KRB5_CONFIG", path, 1) != 0 || setenv("KRB5CCNAME", CCACHE, 1) != 0) {
        (void)close(fd);
        return false;
    }
    if (d->krb5_profile >= 0)
        (void)close(d->krb5_profile);
    d->krb5_profile = fd;
    return true;
}

/* Puts the ticket in memfd into the cache; it must be for service. */
static krb5_error_code
store_ticket(int memfd, const char *service, int64_t *end_out)
{
    krb5_context ctx = NULL;
    krb5_ccache cache = NULL;
    krb5_principal server = NULL;
    krb5_creds creds;
    krb5_error_code code;

    memset(&creds, 0, sizeof(creds));
    code = krb5_init_context(&ctx);
    if (code != 0)
        return code;
    code = ccache_from_memfd(ctx, memfd, &creds) ? 0 : EINVAL;
    if (code != 0)
        goto done;
    code = krb5_parse_name(ctx, service, &server);
    if (code == 0 && !krb5_principal_compare(ctx, server, creds.server))
        code = KRB5KRB_AP_WRONG_PRINC;
    if (code == 0)
        code = krb5_cc_resolve(ctx, CCACHE, &cache);
    if (code == 0)
        code = krb5_cc_initialize(ctx, cache, creds.client);
    if (code == 0)
        code = krb5_cc_store_cred(ctx, cache, &creds);
    *end_out = (int64_t)(uint32_t)creds.times.endtime;

done:
    krb5_free_cred_contents(ctx, &creds);
    krb5_free_principal(ctx, server);
    if (cache != NULL)
        (void)krb5_cc_close(ctx, cache); /* what is in memory stays */
    krb5_free_context(ctx);
    return code;
}

/* The answer to the last TICKET; those to earlier ones, for which nobody waits any more, come first. */
static enum err
wait_for_answer(struct dir *d, int *fd_out, char text_out[static 512])
{
    int64_t deadline = client_now() + 1000 * (int64_t)d->config->timeout;

    (void)snprintf(text_out, 512, "member did not bring a ticket in time");
    for (;;) {
        uint8_t packet[2048];
        int fds[CHANNEL_FDS_MAX];
        int64_t left = deadline - client_now();
        ssize_t n;
        uint32_t err;

        if (left <= 0)
            return ERR_TIMEOUT;
        n = channel_recv(d->member, packet, sizeof(packet), fds, (int)left);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0 || !ipc_get_ticket_is(packet, (size_t)n, &err, text_out)) {
            channel_close_fds(fds);
            (void)snprintf(text_out, 512, "member is gone");
            return ERR_INTERNAL;
        }
        d->tickets_due--;
        *fd_out = d->tickets_due == 0 ? channel_take_fd(fds) : -1;
        channel_close_fds(fds);
        if (d->tickets_due == 0)
            return err == ERR_OK && *fd_out < 0 ? ERR_INTERNAL : (enum err)err;
    }
}

enum err
dir_ticket(struct dir *d, const char *host, int64_t *end_out, char text_out[static 512])
{
    char service[5 + 256], principal[5 + 256 + 1 + 256];
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    krb5_error_code code;
    int fd = -1;
    enum err err;

    (void)snprintf(service, sizeof(service), "ldap/%s", host);
    (void)snprintf(principal, sizeof(principal), "%s@%s", service, d->config->realm);
    (void)snprintf(text_out, 512, "member is not there");
    ipc_put_ticket(&w, service);
    if (d->member < 0 || !channel_send(d->member, bytes, w.len, NULL, 0, false))
        return ERR_INTERNAL;
    d->tickets_due++;
    err = wait_for_answer(d, &fd, text_out);
    if (err != ERR_OK)
        goto done;
    if (!set_profile(d, host)) {
        (void)snprintf(text_out, 512, "no Kerberos profile: %s", strerror(errno));
        err = ERR_INTERNAL;
        goto done;
    }
    code = store_ticket(fd, principal, end_out);
    if (code != 0) {
        (void)snprintf(text_out, 512, "the ticket from member does not do (libkrb5 %ld)", (long)code);
        err = ERR_INTERNAL;
    }

done:
    if (fd >= 0)
        (void)close(fd);
    return err;
}

bool
dir_on_ticket_is(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    char text[512];
    uint32_t err;

    /* Too late for who asked: the next one asks anew. */
    (void)fds;
    if (!ipc_get_ticket_is(packet, len, &err, text) || d->tickets_due == 0)
        return false;
    d->tickets_due--;
    return true;
}
