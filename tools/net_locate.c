/* Finding a domain controller; and where there is none, what exactly is missing. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/proto/client.h"
#include "tools/net.h"
#include "tools/text.h"

#define LOCATE_MS 8000
#define DNS_MS 5000
#define PORT_MS 3000
#define HOSTS_MAX 8

static const struct {
    unsigned number;
    const char *use;
} ports[] = { { 88, "Kerberos" }, { 389, "LDAP" } };

/* The first port of the host that does not answer, told as the failure; UDP 389 where they all do. */
static bool
fail_port(struct net *n, const char *host, const char *address)
{
    const char *why = "";

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (!net_port(address, ports[i].number, PORT_MS, &why))
            return net_fail(n, CTL_PORT, _("The domain controller %s (%s) does not answer on port %u/tcp (%s): %s"),
                            host, address, ports[i].number, ports[i].use, why);
    }
    return net_fail(n, CTL_PORT, _("The domain controller %s (%s) does not answer on port 389/udp (CLDAP)."), host,
                    address);
}

static bool
fail_host(struct net *n, const char *host)
{
    char address[64];
    bool answered;

    if (locator_address(host, client_now() + DNS_MS, address, &answered))
        return fail_port(n, host, address);
    if (!answered)
        return net_fail(n, CTL_NO_DNS, _("No DNS server answers. /etc/resolv.conf must name those of the domain."));
    return net_fail(n, CTL_NO_DOMAIN, _("DNS has no address of the domain controller %s."), host);
}

/* Why nobody was found. Always false. */
static bool
explain(struct net *n)
{
    const char *domain = n->config->name;
    struct srv_record records[HOSTS_MAX];
    char name[300];
    int found;

    if (n->wanted_dc != NULL)
        return fail_host(n, n->wanted_dc);
    (void)snprintf(name, sizeof(name), "_ldap._tcp.dc._msdcs.%s", domain);
    found = locator_srv(name, client_now() + DNS_MS, records, HOSTS_MAX);
    if (found > 0)
        return fail_host(n, records[0].host);
    if (found == 0 && locator_name_exists(domain, client_now() + DNS_MS) == 0)
        return net_fail(
            n, CTL_NO_DOMAIN,
            _("DNS knows no domain %s. Is the name spelt right, and does /etc/resolv.conf name the domain's "
              "DNS servers?"),
            domain);
    if (found == 0)
        return net_fail(n, CTL_NO_SRV,
                        _("DNS knows %s, but no domain controllers of it: there are no SRV records %s. Does "
                          "/etc/resolv.conf name the domain's DNS servers?"),
                        domain, name);
    return net_fail(n, CTL_NO_DNS, _("No DNS server answers. /etc/resolv.conf must name those of the domain."));
}

bool
net_check_ports(struct net *n)
{
    const char *why;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (!net_port(n->dc.address, ports[i].number, PORT_MS, &why))
            return fail_port(n, n->dc.host, n->dc.address);
    }
    return true;
}

bool
net_locate(struct net *n)
{
    const char *wanted[] = { n->wanted_dc, NULL };
    struct locator_query q = { .domain_dns = n->config->name,
                               .site = n->config->site,
                               .hosts = n->wanted_dc != NULL ? wanted : n->config->controllers,
                               .avoid = "",
                               .deadline = client_now() + LOCATE_MS };
    struct krb_target target;
    bool is_wanted;

    if (locator_find(&q, &n->dc) != ERR_OK)
        return explain(n);
    is_wanted =
        n->wanted_dc == NULL || strcasecmp(n->dc.host, n->wanted_dc) == 0 || strcmp(n->dc.address, n->wanted_dc) == 0;
    /* Another one has answered in its place. */
    if (!is_wanted)
        return fail_host(n, n->wanted_dc);
    if ((n->dc.flags & DS_WRITABLE_FLAG) == 0)
        return net_fail(n, CTL_DIRECTORY,
                        _("The domain controller %s is one that cannot be written to; name another with --dc."),
                        n->dc.host);
    if (n->quiet)
        ; /* who asks quietly tells it himself */
    else if (n->dc.site[0] != '\0')
        net_step(n, _("Domain controller: %s (%s), site %s"), n->dc.host, n->dc.address, n->dc.site);
    else
        net_step(n, _("Domain controller: %s (%s)"), n->dc.host, n->dc.address);
    target = net_target(n);
    if (krb_context_new(&target, &n->krb) != 0)
        return net_fail(n, CTL_INTERNAL, "libkrb5 does not take our profile");
    return true;
}
