/*
 * CLDAP pings to the last domain controller that nobody waits for: while the
 * domain is away one is sent now and then, so the way back is found soon and
 * costs nobody anything.
 */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/net.h"
#include "lib/directory/ping.h"
#include "lib/proto/client.h"

#define PORT 389

void
dir_ping_close(struct dir *d)
{
    talloc_free(d->ping.ping);
    d->ping.ping = NULL;
    d->ping.sent = 0;
}

static void
send_ping(struct dir *d)
{
    struct dir_ping *p = &d->ping;
    struct sockaddr_storage to;

    p->sent = client_now();
    if (!address_parse(d->dc.dc.address, PORT, &to))
        return;
    if (p->ping != NULL && strcmp(p->address, d->dc.dc.address) != 0)
        TALLOC_FREE(p->ping);
    if (p->ping == NULL)
        p->ping = ping_new(d, d->config->name);
    memcpy(p->address, d->dc.dc.address, sizeof(p->address));
    if (p->ping != NULL)
        (void)ping_send(p->ping, &to);
}

void
dir_ping_send(struct dir *d)
{
    if (client_now() - d->ping.sent >= DIR_PING_MS)
        send_ping(d);
}

static bool
answered_until(struct dir *d, int64_t then)
{
    struct sockaddr_storage from;
    struct netlogon_answer *a = NULL;

    if (d->ping.ping != NULL)
        a = ping_wait(d->ping.ping, NULL, then, &from);
    talloc_free(a);
    return a != NULL;
}

bool
dir_ping_answered(struct dir *d)
{
    return answered_until(d, client_now());
}

bool
dir_ping_wait(struct dir *d, int ms)
{
    int64_t deadline = client_now() + ms;
    bool ok;

    send_ping(d);
    ok = answered_until(d, deadline - ms / 2);
    /* One packet may get lost. */
    if (!ok) {
        send_ping(d);
        ok = answered_until(d, deadline);
    }
    dir_ping_close(d);
    return ok;
}
