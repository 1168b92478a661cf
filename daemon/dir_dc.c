/* The domain controller in use: kept while it answers, remembered across restarts. */
#include "daemon/directory.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

#define FACT_DC "dc"       /* its address */
#define FACT_SITE "site"
#define NONE_KEPT_MS 1000
#define ONLY_KEPT_MS 1000

void
dir_dc_recall(struct dir *d)
{
    char *address = store_fact(d->store, NULL, FACT_DC), *site = store_fact(d->store, NULL, FACT_SITE);

    d->dc.known = false;
    if (address != NULL)
        (void)snprintf(d->dc.dc.address, sizeof(d->dc.dc.address), "%s", address);
    if (site != NULL)
        (void)snprintf(d->dc.dc.site, sizeof(d->dc.dc.site), "%s", site);
    talloc_free(address);
    talloc_free(site);
}

/* The controller's answer to a ping is anybody's; what the directory has said under the computer's key counts more. */
static void
fill_netbios(const struct dir *d, char *out, size_t size)
{
    char folded[sizeof(d->own.netbios)];

    (void)snprintf(out, size, "%s", d->dc.dc.domain_netbios);
    if (!d->own.known || d->own.netbios[0] == '\0' ||
        (name_fold(out, folded, sizeof(folded)) && strcmp(folded, d->own.netbios) == 0))
        return;
    (void)snprintf(out, size, "%s", d->own.netbios);
    for (char *p = out; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
}

static void
fill_message(const struct dir *d, struct ipc_dc *m)
{
    (void)snprintf(m->address, sizeof(m->address), "%s", d->dc.dc.address);
    (void)snprintf(m->host, sizeof(m->host), "%s", d->dc.dc.host);
    fill_netbios(d, m->netbios, sizeof(m->netbios));
}

void
dir_dc_push(struct dir *d)
{
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_dc m = { .err = ERR_OK };

    if (d->member < 0 || !d->dc.known)
        return;
    fill_message(d, &m);
    ipc_put_dc(&w, &m);
    if (!channel_send(d->member, bytes, w.len, NULL, 0, false))
        log_warning("member does not take the domain controller's name");
}

static void
use(struct dir *d, const struct dc *dc)
{
    bool changed = strcmp(dc->address, d->dc.dc.address) != 0 || strcmp(dc->host, d->dc.dc.host) != 0;

    if (strcmp(dc->site, d->dc.dc.site) != 0)
        (void)store_put_fact(d->store, FACT_SITE, dc->site);
    d->dc.dc = *dc;
    d->dc.known = true;
    d->dc.lost[0] = '\0';
    d->dc.none = ERR_OK;
    d->dc.none_until = 0;
    if (d->own.netbios[0] == '\0' && !name_fold(dc->domain_netbios, d->own.netbios, sizeof(d->own.netbios)))
        d->own.netbios[0] = '\0';
    if (changed) {
        log_info("domain controller %s (%s), site %s", dc->host, dc->address,
                 dc->site[0] != '\0' ? dc->site : "unknown");
        (void)store_put_fact(d->store, FACT_DC, dc->address);
        if (d->link.ldap != NULL && strcmp(d->link.address, dc->address) != 0)
            dir_link_close(d);
    }
    /* Also the same one again: what member could not get from it is to be had now. */
    dir_dc_push(d);
    dir_ping_close(d);
    /* What failed because there was none is tried again. */
    d->link.retry_at = 0;
}

/* The configured ones and, unless it has just failed, the last one: both without waiting for DNS. */
static const char **
hosts_to_ask(const struct dir *d, TALLOC_CTX *mem)
{
    const char **hosts;
    size_t n = 0;

    while (d->config->controllers[n] != NULL)
        n++;
    hosts = talloc_zero_array(mem, const char *, (unsigned)n + 2);
    if (hosts == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        hosts[i] = d->config->controllers[i];
    if (d->dc.dc.address[0] != '\0' && strcmp(d->dc.dc.address, d->dc.lost) != 0)
        hosts[n] = d->dc.dc.address;
    return hosts;
}

enum err
dir_dc_locate(struct dir *d, int ms)
{
    struct locator_query q = { .domain_dns = d->config->name, .avoid = d->dc.lost, .deadline = client_now() + ms };
    const char **hosts;
    struct dc dc = { 0 };
    enum err err;

    if (d->config->name[0] == '\0')
        return ERR_NOT_CONFIGURED;
    if (d->dc.known)
        return ERR_OK;
    if (client_now() < d->dc.none_until)
        return d->dc.none;
    hosts = hosts_to_ask(d, NULL);
    q.hosts = hosts;
    q.site = d->config->site[0] != '\0' ? d->config->site : d->dc.dc.site;
    err = locator_find(&q, &dc);
    talloc_free(hosts);
    if (err == ERR_OK) {
        use(d, &dc);
        return ERR_OK;
    }
    if (d->dc.none == ERR_OK)
        log_warning("no domain controller of %s answers: %s", d->config->name, err_name((uint32_t)err));
    /* So that the next search begins with others. */
    memcpy(d->dc.lost, d->dc.dc.address, sizeof(d->dc.lost));
    d->dc.none = err;
    d->dc.none_until = client_now() + NONE_KEPT_MS;
    return err;
}

void
dir_dc_lost(struct dir *d)
{
    if (d->dc.known)
        log_warning("domain controller %s (%s) does not answer any more", d->dc.dc.host, d->dc.dc.address);
    d->dc.known = false;
    memcpy(d->dc.lost, d->dc.dc.address, sizeof(d->dc.lost));
}

bool
dir_on_need_dc(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_dc is = { 0 };
    struct ipc_need_dc m;
    bool failed;

    (void)fds;
    if (!ipc_get_need_dc(packet, len, &m))
        return false;
    /* Many find out at once that it has failed; where it was found to be the only one, it still is. */
    failed = m.avoid[0] != '\0' && strcmp(m.avoid, d->dc.dc.address) == 0 &&
             !(d->dc.known && client_now() < d->dc.only_until);
    if (failed)
        dir_dc_lost(d);
    is.request = m.request;
    is.err = (uint32_t)dir_dc_locate(d, DIR_LOCATE_MS);
    if (failed && is.err == ERR_OK && strcmp(m.avoid, d->dc.dc.address) == 0)
        d->dc.only_until = client_now() + ONLY_KEPT_MS;
    if (is.err == ERR_OK)
        fill_message(d, &is);
    ipc_put_dc(&w, &is);
    dir_reply(d, &w, -1);
    return true;
}
