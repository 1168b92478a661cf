/*
 * The domain controller of a user's domain, where that is not the computer's
 * own.  The worker looks for it itself: whoever waits for a domain that does
 * not answer is one logon, and not directory with everybody's lookups.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/logon.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define LOCATE_MS 2000
#define REMEMBERED_MAX 8

/* Of the logons before: those that answered, to be asked first and without DNS. */
static struct {
    char domain[TRUST_DNS_MAX + 1];
    char address[64];
    char site[128];
} remembered[REMEMBERED_MAX];
static size_t next_place;

const char *
logon_home(const struct job *j)
{
    return j->m.home.dns[0] != '\0' ? j->m.home.dns : j->config->name;
}

/* Its place, or the oldest one's. */
static size_t
place_of(const char *domain, bool *known_out)
{
    for (size_t i = 0; i < REMEMBERED_MAX; i++) {
        *known_out = strcmp(remembered[i].domain, domain) == 0;
        if (*known_out)
            return i;
    }
    return next_place;
}

static void
remember(const char *domain, const struct dc *dc)
{
    bool known;
    size_t i = place_of(domain, &known);

    if (!known)
        next_place = (next_place + 1) % REMEMBERED_MAX;
    (void)snprintf(remembered[i].domain, sizeof(remembered[i].domain), "%s", domain);
    memcpy(remembered[i].address, dc->address, sizeof(remembered[i].address));
    memcpy(remembered[i].site, dc->site, sizeof(remembered[i].site));
}

enum err
logon_find_user_dc(struct job *j, const char *avoid)
{
    const char *hosts[2] = { NULL, NULL };
    struct locator_query q = { .domain_dns = j->m.home.dns, .site = "", .hosts = hosts, .avoid = avoid,
                               .deadline = client_now() + LOCATE_MS };
    bool known;
    size_t i = place_of(j->m.home.dns, &known);
    enum err err;

    if (known) {
        q.site = remembered[i].site;
        if (strcmp(remembered[i].address, avoid) != 0)
            hosts[0] = remembered[i].address;
    }
    err = locator_find(&q, &j->user_dc);
    if (err == ERR_OK) {
        log_debug("domain controller %s (%s) of %s", j->user_dc.host, j->user_dc.address, j->m.home.dns);
        remember(j->m.home.dns, &j->user_dc);
    } else {
        j->user_dc.address[0] = '\0';
    }
    return err;
}
