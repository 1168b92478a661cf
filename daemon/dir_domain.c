/* The computer's own domain, and the ids that follow from SIDs. */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"

#define FACT_MADE_FOR "made_for" /* what names and ids in the store depend on */

static void
add_domain(void *arg, const char *dns, const char *netbios, const struct sid *sid)
{
    struct dir *d = arg;

    if (!idmap_add_domain(d->idmap, dns, sid)) {
        log_error("no ids are left for the domain %s: its users and groups are not known here", dns);
        return;
    }
    if (strcmp(dns, d->config->name) != 0)
        return;
    d->own.known = true;
    d->own.sid = *sid;
    if (!name_fold(netbios, d->own.netbios, sizeof(d->own.netbios)))
        d->own.netbios[0] = '\0';
}

/* The own one first: no other domain's slice may be in its place, as front finds it by the SID alone. */
static void
add_own(void *arg, const char *dns, const char *netbios, const struct sid *sid)
{
    const struct dir *d = arg;

    if (strcmp(dns, d->config->name) == 0)
        add_domain(arg, dns, netbios, sid);
}

/* The mapping, with the domains of the store. */
static bool
begin_ids(struct dir *d)
{
    talloc_free(d->idmap);
    memset(&d->own, 0, sizeof(d->own));
    d->n_pending = 0;
    memset(&d->hard, 0, sizeof(d->hard));
    dir_namesakes_forget(d);
    d->idmap = idmap_new(d, d->config->range_lower, d->config->range_upper, d->config->range_size);
    if (d->idmap == NULL) {
        log_error("the range of ids from %u to %u holds no %u ids", d->config->range_lower, d->config->range_upper,
                  d->config->range_size);
        return false;
    }
    store_domains(d->store, add_own, d);
    store_domains(d->store, add_domain, d);
    return true;
}

/* Empties a store whose names and ids would be others today. */
static void
fit_store(struct dir *d)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    const struct config *c = d->config;
    const char *today = talloc_asprintf(mem, "%s %u %u %u %s", c->name, c->range_lower, c->range_upper, c->range_size,
                                        c->name_format == CONFIG_NAME_SHORT ? "short" : "qualified");
    const char *made_for = store_fact(d->store, mem, FACT_MADE_FOR);

    if (today != NULL && (made_for == NULL || strcmp(made_for, today) != 0)) {
        if (made_for != NULL) {
            log_info("the configuration gives other names or ids than before: what was learned is forgotten");
            (void)store_clear(d->store);
        }
        (void)store_put_fact(d->store, FACT_MADE_FOR, today);
    }
    talloc_free(mem);
}

bool
dir_adopt(struct dir *d, struct config *config)
{
    bool same_domain = d->config != NULL && strcmp(d->config->name, config->name) == 0;

    talloc_free(d->config);
    d->config = talloc_steal(d, config);
    fit_store(d);
    if (!begin_ids(d))
        return false;
    /* What was found out under the old configuration is found out anew; the domain controller is kept if it may be. */
    dir_trusts_recall(d);
    dir_link_close(d);
    d->link.failures = 0;
    d->dc.none_until = 0;
    if (!same_domain) {
        dir_ping_close(d);
        memset(&d->dc, 0, sizeof(d->dc));
        dir_dc_recall(d);
    }
    return true;
}

void
dir_learn_own(struct dir *d, const struct sid *sid, const char *netbios)
{
    char folded[sizeof(d->own.netbios)], text[SID_TEXT_MAX];
    bool anew = d->own.known && !sid_equal(&d->own.sid, sid);

    if (!name_fold(netbios, folded, sizeof(folded)))
        folded[0] = '\0';
    if (d->own.known && !anew && strcmp(d->own.netbios, folded) == 0)
        return;
    log_info("%s is the domain %s, %s", d->config->name, folded, sid_text(sid, text));
    (void)store_put_domain(d->store, d->config->name, folded, sid);
    if (anew) {
        log_warning("%s is another domain than before: what was learned is forgotten", d->config->name);
        (void)store_clear(d->store);
        memset(&d->trusts, 0, sizeof(d->trusts));
        if (!begin_ids(d))
            return;
    }
    if (!idmap_add_domain(d->idmap, d->config->name, sid)) {
        log_error("no ids are left for the domain %s: its users and groups are not known here", d->config->name);
        return;
    }
    d->own.known = true;
    d->own.sid = *sid;
    memcpy(d->own.netbios, folded, sizeof(folded));
}

/*
 * front computes the id from the SID alone, with no other domain in the way:
 * one whose ids had to give way to another's would be taken for a lie.
 */
static bool
has_own_ids(struct dir *d, const struct sid *domain)
{
    struct idmap *alone = idmap_new(d, d->config->range_lower, d->config->range_upper, d->config->range_size);
    struct sid account = *domain;
    uint32_t here, there;
    bool ok = alone != NULL && idmap_add_domain(alone, "alone", domain) && sid_append(&account, 1) &&
              idmap_id(alone, &account, &there) && idmap_id(d->idmap, &account, &here) && here == there;

    talloc_free(alone);
    return ok;
}

bool
dir_add_trust(struct dir *d, const struct trust *trust)
{
    bool ok = d->own.known && idmap_add_domain(d->idmap, trust->dns, &trust->sid) && has_own_ids(d, &trust->sid);

    if (ok)
        (void)store_put_domain(d->store, trust->dns, trust->netbios, &trust->sid);
    else
        log_error("no ids are left for the domain %s: its users and groups are not known here", trust->dns);
    return ok;
}

bool
dir_is_own(const struct dir *d, const struct sid *sid)
{
    return d->own.known && sid_in_domain(sid, &d->own.sid);
}
