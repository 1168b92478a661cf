/* The LDAP connection: opened when it is needed, made anew when it broke, left alone for a while when it fails. */
#include "daemon/directory.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

#define IDLE_MS 5000             /* after so long without an answer the other end is asked first whether it is there */
#define PING_WAIT_MS 1000
#define QUICK_MS 500             /* what fails sooner was a connection that had gone, not a hung controller */
#define AGAIN_MS 1000            /* from one try that fails at once to the next */
#define RETRY_MAX_S 30           /* a ping finds the way back before */
#define RETRY_KNOWN_MAX_S 8      /* it answers pings: nothing else will tell that it answers the rest again */
#define TICKET_MARGIN_S 300      /* before the end of its ticket a connection is made anew */
#define TICKET_MIN_S 60          /* but not sooner than this after it was made */

void
dir_link_close(struct dir *d)
{
    directory_close(d->link.ldap);
    d->link.ldap = NULL;
    d->link.proved = false;
}

static void
back_off(struct dir *d, const struct ipc_reason *why)
{
    struct dir_link *l = &d->link;
    unsigned shift = l->failures < 5 ? l->failures : 5;
    int64_t pause = (int64_t)1 << shift, most = d->dc.known ? RETRY_KNOWN_MAX_S : RETRY_MAX_S;

    if (l->failures == 0 || l->why.err != why->err)
        log_warning("the directory of %s cannot be asked (%s: %s): the store answers for it", d->config->name,
                    err_name(why->err), why->text);
    else
        log_debug("the directory of %s still cannot be asked: %s: %s", d->config->name, err_name(why->err), why->text);
    l->why = *why;
    l->failures++;
    l->quick = client_now() - l->tried < QUICK_MS;
    l->retry_at = client_now() + 1000 * (pause < most ? pause : most);
}

/* When a connection is to be made anew whose ticket ends then. */
static int64_t
renewal(int64_t end)
{
    int64_t left = end - dir_now();

    left = left > 2 * TICKET_MARGIN_S ? left - TICKET_MARGIN_S : left / 2;
    return dir_now() + (left > TICKET_MIN_S ? left : TICKET_MIN_S);
}

static void
say_no_kdc(const struct dir *d, enum err err, const char *text, struct ipc_reason *why_out)
{
    memset(why_out, 0, sizeof(*why_out));
    why_out->err = err;
    if (err == ERR_NO_KDC || err == ERR_NO_REALM)
        (void)snprintf(why_out->value, sizeof(why_out->value), "%s", d->config->name);
    (void)snprintf(why_out->text, sizeof(why_out->text), "%s", text);
}

/* One try at the controller in use. */
static bool
open_there(struct dir *d, struct ipc_reason *why_out)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    const struct dc *dc = &d->dc.dc;
    const char *text = "no memory";
    int64_t end = 0;
    enum err err = ERR_OK;

    if (!dir_ticket(d, dc->host, &end, why_out))
        goto done;
    d->link.ldap = directory_open(d, dc->address, dc->host, d->config->name, d->config->timeout * 1000, &err, &text);
    if (d->link.ldap == NULL) {
        talloc_steal(mem, text);
        say_no_kdc(d, err, text, why_out);
        goto done;
    }
    memcpy(d->link.address, dc->address, sizeof(d->link.address));
    d->link.used = client_now();
    d->link.renew_at = renewal(end);
    dir_learn_own(d, directory_domain_sid(d->link.ldap), directory_domain_netbios(d->link.ldap));

done:
    talloc_free(mem);
    return d->link.ldap != NULL;
}

/* Connects, to another controller where the one in use does not answer. False after back_off. */
static bool
open_link(struct dir *d, int locate_ms)
{
    char failed[sizeof(d->dc.dc.address)] = "";
    struct ipc_reason why;

    d->link.tried = client_now();
    say_no_kdc(d, ERR_NO_KDC, "no domain controller", &why);
    for (int i = 0; i < 2; i++) {
        enum err err = dir_dc_locate(d, locate_ms);

        if (err != ERR_OK && i == 0)
            say_no_kdc(d, err, "no domain controller", &why);
        if (err != ERR_OK || strcmp(failed, d->dc.dc.address) == 0)
            break;
        if (open_there(d, &why)) {
            log_info("connected to the directory at %s (%s)%s", d->dc.dc.host, d->dc.dc.address,
                     d->link.failures > 0 ? ": it answers again" : "");
            d->link.failures = 0;
            return true;
        }
        /* Another refusal than silence would be every controller's. */
        if (why.err != ERR_NO_KDC)
            break;
        memcpy(failed, d->dc.dc.address, sizeof(failed));
        dir_dc_lost(d);
    }
    back_off(d, &why);
    return false;
}

/* Once the domain was silent nobody waits for it again; to be refused again costs nobody time. */
static bool
may_try(const struct dir_link *l)
{
    return l->failures == 0 || (l->quick && client_now() - l->tried >= AGAIN_MS);
}

struct ipc_reason
dir_link_why(const struct dir *d)
{
    struct ipc_reason why = d->link.why;

    if (d->link.failures == 0)
        say_no_kdc(d, ERR_NO_KDC, "no answer", &why);
    return why;
}

struct directory *
dir_link_at_hand(struct dir *d)
{
    struct dir_link *l = &d->link;

    if (l->ldap != NULL && client_now() - l->used > IDLE_MS) {
        if (dir_ping_wait(d, PING_WAIT_MS)) {
            l->used = client_now();
        } else {
            dir_link_close(d);
            dir_dc_lost(d);
        }
    }
    l->asked = client_now();
    return l->ldap;
}

struct directory *
dir_link(struct dir *d)
{
    struct dir_link *l = &d->link;

    if (dir_link_at_hand(d) == NULL && (!may_try(l) || !open_link(d, DIR_LOCATE_MS)))
        return NULL;
    l->asked = client_now();
    return l->ldap;
}

bool
dir_link_again(struct dir *d, enum err err)
{
    struct dir_link *l = &d->link;
    struct ipc_reason why;
    bool again = l->proved;

    if (l->ldap == NULL)
        return false;
    if (err == ERR_TIMEOUT) {
        /* The controller may be at that request still, which is in the way of others on its connection only. */
        dir_link_close(d);
        if (!dir_ping_wait(d, PING_WAIT_MS))
            dir_dc_lost(d);
        return false;
    }
    if (err != ERR_NO_KDC) {
        l->proved = true;
        l->used = client_now();
        return false;
    }
    dir_link_close(d);
    if (client_now() - l->asked > QUICK_MS)
        dir_dc_lost(d);
    say_no_kdc(d, ERR_NO_KDC, "the connection broke", &why);
    if (!again)
        back_off(d, &why);
    return again;
}

void
dir_link_tick(struct dir *d)
{
    struct dir_link *l = &d->link;

    if (!d->dc.known && l->failures > 0 && dir_ping_answered(d)) {
        d->dc.lost[0] = '\0';
        d->dc.none_until = 0;
        l->retry_at = 0;
    }
    if (l->ldap != NULL && dir_now() >= l->renew_at) {
        log_debug("the ticket for the directory ends: connecting anew");
        dir_link_close(d);
    }
    if (l->ldap == NULL && (l->failures == 0 || client_now() >= l->retry_at))
        (void)open_link(d, DIR_LOCATE_QUIETLY_MS);
    if (!d->dc.known && l->failures > 0)
        dir_ping_send(d);
}

int
dir_link_due(const struct dir *d)
{
    const struct dir_link *l = &d->link;
    int64_t now = client_now(), at;

    if (l->ldap == NULL) {
        at = l->failures == 0 ? now : l->retry_at;
        if (!d->dc.known && at > d->ping.sent + DIR_PING_MS)
            at = d->ping.sent + DIR_PING_MS;
    } else {
        at = now + 1000 * (l->renew_at - dir_now());
        if (at > now + 60000)
            at = now + 60000;
    }
    return at <= now ? 0 : (int)(at - now);
}
