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
#include <unistd.h>

#include "lib/directory/credentials.h"
#include "lib/krb/ccache.h"
#include "lib/proto/client.h"

/* Puts the ticket in memfd into the cache; it must be for service. */
static krb5_error_code
store_ticket(int memfd, const char *service, int64_t *end_out)
{
    krb5_context ctx = NULL;
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
        code = directory_store_ticket(ctx, &creds);
    *end_out = (int64_t)(uint32_t)creds.times.endtime;

done:
    krb5_free_cred_contents(ctx, &creds);
    krb5_free_principal(ctx, server);
    krb5_free_context(ctx);
    return code;
}

static void
say_why(struct ipc_reason *why, enum err err, const char *text)
{
    memset(why, 0, sizeof(*why));
    why->err = err;
    (void)snprintf(why->text, sizeof(why->text), "%s", text);
}

/* The answer to the last TICKET; those to earlier ones, for which nobody waits any more, come first. */
static bool
wait_for_answer(struct dir *d, int *fd_out, struct ipc_reason *why_out)
{
    int64_t deadline = client_now() + 1000 * (int64_t)d->config->timeout;

    say_why(why_out, ERR_TIMEOUT, "member did not bring a ticket in time");
    for (;;) {
        uint8_t packet[2048];
        int fds[CHANNEL_FDS_MAX];
        int64_t left = deadline - client_now();
        struct ipc_reason why;
        ssize_t n;

        if (left <= 0)
            return false;
        n = channel_recv(d->member, packet, sizeof(packet), fds, (int)left);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0 || !ipc_get_ticket_is(packet, (size_t)n, &why)) {
            channel_close_fds(fds);
            say_why(why_out, ERR_INTERNAL, "member is gone");
            return false;
        }
        d->tickets_due--;
        *fd_out = d->tickets_due == 0 ? channel_take_fd(fds) : -1;
        channel_close_fds(fds);
        if (d->tickets_due > 0)
            continue;
        if (why.err == ERR_OK && *fd_out < 0)
            say_why(why_out, ERR_INTERNAL, "member says that there is a ticket, and brought none");
        else
            *why_out = why;
        return *fd_out >= 0 && why.err == ERR_OK;
    }
}

/* Makes the ticket in memfd the process's credentials. */
static bool
use_ticket(struct dir *d, int memfd, const char *host, const char *service, int64_t *end_out, struct ipc_reason *why_out)
{
    char principal[5 + 256 + 1 + 256], text[128];
    krb5_error_code code;

    if (!directory_set_profile(d->config->realm, host, &d->krb5_profile)) {
        (void)snprintf(text, sizeof(text), "no Kerberos profile: %s", strerror(errno));
        say_why(why_out, ERR_INTERNAL, text);
        return false;
    }
    (void)snprintf(principal, sizeof(principal), "%s@%s", service, d->config->realm);
    code = store_ticket(memfd, principal, end_out);
    if (code != 0) {
        (void)snprintf(text, sizeof(text), "the ticket from member does not do (libkrb5 %ld)", (long)code);
        say_why(why_out, ERR_INTERNAL, text);
    }
    return code == 0;
}

bool
dir_ticket(struct dir *d, const char *host, int64_t *end_out, struct ipc_reason *why_out)
{
    char service[5 + 256];
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    int fd = -1;
    bool ok;

    (void)snprintf(service, sizeof(service), "ldap/%s", host);
    say_why(why_out, ERR_INTERNAL, "member is not there");
    ipc_put_ticket(&w, service);
    if (d->member < 0 || !channel_send(d->member, bytes, w.len, NULL, 0, false))
        return false;
    d->tickets_due++;
    ok = wait_for_answer(d, &fd, why_out) && use_ticket(d, fd, host, service, end_out, why_out);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

bool
dir_on_ticket_is(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_reason why;

    /* Too late for who asked: the next one asks anew. */
    (void)fds;
    if (!ipc_get_ticket_is(packet, len, &why) || d->tickets_due == 0)
        return false;
    d->tickets_due--;
    return true;
}
