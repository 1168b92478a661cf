/* Finding a domain controller; and where there is none, what exactly is missing. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/proto/client.h"
#include "tools/net.h"
#include "tools/text.h"

#define LOCATE_MS 8000
#define DNS_MS 5000
#define PORT_MS 3000
#define EACH_MS 1500 /* the same, where there are several domain controllers */
#define TOLD_MAX 4   /* of which so many are told about */
#define HOSTS_MAX 8

static const struct {
    unsigned number;
    const char *use;
} ports[] = { { 88, "Kerberos" }, { 389, "LDAP" } };

/* What is wrong with a host that did not answer, as a sentence: the first port of it that is silent. */
struct fault {
    enum ctl_error error;
    char text[400];
};

static void set_fault(struct fault *f, enum ctl_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
set_fault(struct fault *f, enum ctl_error error, const char *fmt, ...)
{
    va_list ap;

    f->error = error;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

static void
fault_of_ports(const char *host, const char *address, int ms, struct fault *f)
{
    const char *why = "";

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (!net_port(address, ports[i].number, ms, &why)) {
            set_fault(f, CTL_PORT, _("The domain controller %s (%s) does not answer on port %u/tcp (%s): %s"), host,
                      address, ports[i].number, ports[i].use, why);
            return;
        }
    }
    /* A ping is all that was not tried here. */
    set_fault(f, CTL_PORT, _("The domain controller %s (%s) does not answer on port 389/udp (CLDAP)."), host, address);
}

static void
fault_of_host(const char *host, int ms, struct fault *f)
{
    char address[64];
    bool answered;

    if (locator_address(host, client_now() + DNS_MS, address, &answered))
        fault_of_ports(host, address, ms, f);
    else if (!answered)
        set_fault(f, CTL_NO_DNS, _("No DNS server answers. /etc/resolv.conf must name those of the domain."));
    else
        set_fault(f, CTL_NO_DOMAIN, _("DNS has no address of the domain controller %s."), host);
}

static bool
fail_host(struct net *n, const char *host)
{
    struct fault f;

    fault_of_host(host, PORT_MS, &f);
    return net_fail(n, f.error, "%s", f.text);
}

/* None of them answered: each is told with its fault. Always false. */
static bool
fail_hosts(struct net *n, const struct srv_record *records, int count)
{
    char text[TOLD_MAX * 401 + 1] = "";
    enum ctl_error error = CTL_PORT;
    size_t len = 0;
    struct fault f;

    for (int i = 0; i < count && i < TOLD_MAX; i++) {
        fault_of_host(records[i].host, count == 1 ? PORT_MS : EACH_MS, &f);
        error = count == 1 ? f.error : CTL_PORT;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i == 0 ? "" : " ", f.text);
    }
    return net_fail(n, error, "%s", text);
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
        return fail_hosts(n, records, found);
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
    struct fault f;
    const char *why;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (net_port(n->dc.address, ports[i].number, PORT_MS, &why))
            continue;
        fault_of_ports(n->dc.host, n->dc.address, PORT_MS, &f);
        return net_fail(n, f.error, "%s", f.text);
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
