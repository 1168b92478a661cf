#include "lib/directory/locator.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/directory/dns.h"
#include "lib/directory/locator_private.h"
#include "lib/directory/ping.h"
#include "lib/proto/client.h"

#define HOSTS_MAX (2 * LOCATOR_DCS_MAX)
#define HOST_ADDRESSES_MAX 4
#define NEXT_MS 100         /* from one domain controller's ping to the next one's */
#define ROUND_MS 400        /* after the last one's, until all are pinged again */
#define SITE_MS 1000        /* for those of the site alone; then everybody is asked */
#define CLOSER_MS 500       /* for a nearer one, once somebody has answered */
#define DNS_SRV_MS 2000     /* for the list of domain controllers */
#define DNS_ADDRESS_MS 1000 /* for the address of one */

struct host {
    char name[256];
    struct sockaddr_storage addresses[HOST_ADDRESSES_MAX];
    int n_addresses;
};

/* Who is asked, and how far that has got. */
struct hunt {
    const struct locator_query *q;
    const struct locator_setting *setting;
    struct ping *ping;
    struct sockaddr_storage avoid;      /* family 0: nobody */
    struct host hosts[HOSTS_MAX];
    int n_hosts;
    int next;                           /* whose turn it is */
    int turn;                           /* how many rounds are done */
    int64_t next_at;
};

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ms from now, or the end of it all. */
static int64_t
within(const struct hunt *h, int64_t ms)
{
    return earlier(client_now() + ms, h->q->deadline);
}

static void
add_host(struct hunt *h, const char *name)
{
    struct host *host = &h->hosts[h->n_hosts];

    for (int i = 0; i < h->n_hosts; i++) {
        if (strcasecmp(h->hosts[i].name, name) == 0)
            return;
    }
    if (h->n_hosts == HOSTS_MAX || strlen(name) >= sizeof(host->name))
        return;
    memset(host, 0, sizeof(*host));
    memcpy(host->name, name, strlen(name) + 1);
    h->n_hosts++;
}

/* Adds the domain controllers that DNS names. What locator_srv gives. */
static int
add_srv(struct hunt *h, const char *site)
{
    char name[768];
    struct srv_record *records = talloc_array(h, struct srv_record, LOCATOR_DCS_MAX);
    int n = -1;

    if (records == NULL)
        return -1;
    if (site[0] != '\0')
        (void)snprintf(name, sizeof(name), "_ldap._tcp.%s._sites.dc._msdcs.%s", site, h->q->domain_dns);
    else
        (void)snprintf(name, sizeof(name), "_ldap._tcp.dc._msdcs.%s", h->q->domain_dns);
    n = dns_srv(&h->setting->dns, name, within(h, DNS_SRV_MS), records, LOCATOR_DCS_MAX);
    for (int i = 0; i < n; i++)
        add_host(h, records[i].host);
    talloc_free(records);
    return n;
}

/* Pings those of the host's addresses that there is a way to. False if there is none. */
static bool
ping_host(struct hunt *h, struct host *host)
{
    bool sent = false;

    for (int i = 0; i < host->n_addresses; i++) {
        /* The one that has just failed gets its turn when all others had theirs. */
        if (h->turn == 0 && address_same(&host->addresses[i], &h->avoid))
            sent = true;
        else if (ping_send(h->ping, &host->addresses[i]))
            sent = true;
    }
    return sent;
}

/* False if DNS did not answer. */
static bool
resolve(struct hunt *h, struct host *host, int family)
{
    int n = dns_addresses(&h->setting->dns, host->name, family, h->setting->ldap_port, within(h, DNS_ADDRESS_MS),
                          host->addresses, HOST_ADDRESSES_MAX);

    host->n_addresses = n > 0 ? n : 0;
    return n >= 0;
}

/* Finds the host's addresses and pings them: IPv6 where there is no IPv4, or no way to it. */
static void
ask_host(struct hunt *h, struct host *host)
{
    if (host->n_addresses == 0 && address_parse(host->name, h->setting->ldap_port, &host->addresses[0]))
        host->n_addresses = 1;
    if (host->n_addresses == 0 && !resolve(h, host, AF_INET))
        return;
    if (!ping_host(h, host) && resolve(h, host, AF_INET6))
        (void)ping_host(h, host);
}

/* Asks the host whose turn it is. */
static void
ask_next(struct hunt *h)
{
    ask_host(h, &h->hosts[h->next++]);
    h->next_at = client_now() + NEXT_MS;
    if (h->next == h->n_hosts) {
        h->next = 0;
        h->turn++;
        h->next_at = client_now() + ROUND_MS;
    }
}

/* Pings until somebody fitting has answered, or the time is over. */
static struct netlogon_answer *
hunt_until(struct hunt *h, int64_t until, struct sockaddr_storage *from_out)
{
    struct netlogon_answer *a = NULL;

    while (h->n_hosts > 0 && a == NULL && client_now() < until) {
        if (client_now() >= h->next_at)
            ask_next(h);
        a = ping_wait(h->ping, h, earlier(h->next_at, until), from_out);
    }
    return a;
}

static struct hunt *
hunt_new(TALLOC_CTX *mem, const struct locator_query *q, const struct locator_setting *setting)
{
    struct hunt *h = talloc_zero(mem, struct hunt);

    if (h == NULL)
        return NULL;
    h->q = q;
    h->setting = setting;
    h->ping = ping_new(h, q->domain_dns);
    if (h->ping == NULL)
        TALLOC_FREE(h);
    else if (q->avoid != NULL && q->avoid[0] != '\0' && !address_parse(q->avoid, 0, &h->avoid))
        h->avoid.ss_family = 0;
    return h;
}

/* Nobody to be asked but who has just failed: there is nothing to wait for before DNS has named others. */
static bool
has_only_avoided(const struct hunt *h)
{
    struct sockaddr_storage a;

    for (int i = 0; i < h->n_hosts; i++) {
        if (!address_parse(h->hosts[i].name, h->setting->ldap_port, &a) || !address_same(&a, &h->avoid))
            return false;
    }
    return true;
}

/* Those that are configured or of the site first; everybody where they do not answer. */
static enum err
hunt_all(struct hunt *h, struct netlogon_answer **answer_out, struct sockaddr_storage *from_out)
{
    const struct locator_query *q = h->q;
    int n, known;

    *answer_out = NULL;
    for (int i = 0; q->hosts != NULL && q->hosts[i] != NULL; i++)
        add_host(h, q->hosts[i]);
    if (h->n_hosts == 0 && q->site != NULL && q->site[0] != '\0')
        (void)add_srv(h, q->site);
    if (!has_only_avoided(h))
        *answer_out = hunt_until(h, within(h, SITE_MS), from_out);
    if (*answer_out != NULL)
        return ERR_OK;
    known = h->n_hosts;
    n = add_srv(h, "");
    if (h->n_hosts == 0)
        return n == 0 ? ERR_NO_REALM : ERR_NO_KDC;
    if (h->n_hosts > known) {
        /* Those who are new are asked at once. */
        h->next = known;
        h->turn = 0;
        h->next_at = 0;
    }
    *answer_out = hunt_until(h, q->deadline, from_out);
    return *answer_out != NULL ? ERR_OK : ERR_NO_KDC;
}

/*
 * One of the client's own site, where the one that answered is of another and
 * says so.  NULL if none answers soon.
 */
static struct netlogon_answer *
hunt_closer(TALLOC_CTX *mem, const struct locator_query *q, const struct locator_setting *setting,
            const struct netlogon_answer *far, struct sockaddr_storage *from_out)
{
    struct hunt *h;
    struct netlogon_answer *a = NULL;

    if ((far->flags & DS_CLOSEST_FLAG) != 0 || far->client_site[0] == '\0' ||
        strcasecmp(far->client_site, far->dc_site) == 0 ||
        (q->site != NULL && strcasecmp(far->client_site, q->site) == 0))
        return NULL;
    h = hunt_new(mem, q, setting);
    if (h != NULL && add_srv(h, far->client_site) > 0)
        a = hunt_until(h, within(h, CLOSER_MS), from_out);
    return a;
}

static bool
copy(char *buf, size_t size, const char *s)
{
    size_t n = strlen(s);

    if (n >= size)
        return false;
    memcpy(buf, s, n + 1);
    return true;
}

static bool
fill(struct dc *dc, const struct netlogon_answer *a, const struct sockaddr_storage *from)
{
    dc->flags = a->flags;
    return address_text(from, dc->address, sizeof(dc->address)) && copy(dc->host, sizeof(dc->host), a->dc_host) &&
           copy(dc->site, sizeof(dc->site), a->client_site) &&
           copy(dc->domain_dns, sizeof(dc->domain_dns), a->domain_dns) &&
           copy(dc->domain_netbios, sizeof(dc->domain_netbios), a->domain_netbios) &&
           copy(dc->forest, sizeof(dc->forest), a->forest);
}

enum err
locator_find_with(const struct locator_setting *setting, const struct locator_query *q, struct dc *dc_out)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct hunt *h = mem == NULL ? NULL : hunt_new(mem, q, setting);
    struct netlogon_answer *a, *closer;
    struct sockaddr_storage from, closer_from;
    enum err err = ERR_INTERNAL;

    memset(dc_out, 0, sizeof(*dc_out));
    if (h == NULL)
        goto done;
    err = hunt_all(h, &a, &from);
    if (err != ERR_OK)
        goto done;
    closer = hunt_closer(mem, q, setting, a, &closer_from);
    if (closer != NULL && fill(dc_out, closer, &closer_from))
        goto done;
    if (!fill(dc_out, a, &from)) {
        memset(dc_out, 0, sizeof(*dc_out));
        err = ERR_NO_KDC;
    }
done:
    talloc_free(mem);
    return err;
}

enum err
locator_find(const struct locator_query *q, struct dc *dc_out)
{
    struct locator_setting setting = { .ldap_port = 389 };

    /* Without name servers a configured address can still be asked. */
    (void)dns_system(&setting.dns);
    return locator_find_with(&setting, q, dc_out);
}
