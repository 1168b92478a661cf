#include "lib/sid/idmap.h"

#include <inttypes.h>
#include <sss_idmap.h>
#include <stdio.h>
#include <string.h>

#define ID_MIN 1000
#define ID_NOBODY 65534U             /* and 65535, which is -1 to what still has 16 bits */
#define RID_MAX 0x7fffffffU          /* a domain has no more */
#define HELPER_SLICES 10             /* SSSD's ldap_idmap_helper_table_size */
#define SECONDARY_SLICES_MAX 64      /* of one domain, so that none can use up the slices of all */
#define SLICE_NAME_MAX (SID_TEXT_MAX + 16)

struct domain {
    struct sid sid;
    uint32_t secondary[SECONDARY_SLICES_MAX]; /* first RIDs of the slices in use past the first */
    size_t n_secondary;
};

struct idmap {
    struct sss_idmap_ctx *sss;
    struct sss_idmap_ctx *empty;     /* the same range without domains: which slice a name is for */
    uint32_t lower;
    uint32_t upper;
    uint32_t slice;
    struct domain *domains;
    unsigned n_domains;
};

static int
map_free(struct idmap *map)
{
    (void)sss_idmap_free(map->sss);
    (void)sss_idmap_free(map->empty);
    return 0;
}

static struct sss_idmap_ctx *
context_new(const struct idmap *map)
{
    struct sss_idmap_ctx *sss = NULL;

    if (sss_idmap_init(NULL, NULL, NULL, &sss) != IDMAP_SUCCESS)
        return NULL;
    if (sss_idmap_ctx_set_autorid(sss, false) == IDMAP_SUCCESS &&
        sss_idmap_ctx_set_lower(sss, map->lower) == IDMAP_SUCCESS &&
        sss_idmap_ctx_set_upper(sss, map->upper) == IDMAP_SUCCESS &&
        sss_idmap_ctx_set_rangesize(sss, map->slice) == IDMAP_SUCCESS &&
        sss_idmap_ctx_set_extra_slice_init(sss, HELPER_SLICES) == IDMAP_SUCCESS)
        return sss;
    (void)sss_idmap_free(sss);
    return NULL;
}

struct idmap *
idmap_new(TALLOC_CTX *mem, uint32_t lower, uint32_t upper, uint32_t slice)
{
    struct idmap *map;

    if (lower < ID_MIN || upper <= lower || slice == 0 || upper - lower < slice)
        return NULL;
    map = talloc_zero(mem, struct idmap);
    if (map == NULL)
        return NULL;
    map->lower = lower;
    map->upper = upper;
    map->slice = slice;
    talloc_set_destructor(map, map_free);
    map->sss = context_new(map);
    map->empty = context_new(map);
    if (map->sss == NULL || map->empty == NULL)
        TALLOC_FREE(map);
    return map;
}

static struct domain *
find_domain(const struct idmap *map, const struct sid *sid)
{
    for (size_t i = 0; i < map->n_domains; i++) {
        if (sid_equal(&map->domains[i].sid, sid))
            return &map->domains[i];
    }
    return NULL;
}

bool
idmap_add_domain(struct idmap *map, const char *name, const struct sid *domain)
{
    struct sss_idmap_range range;
    struct domain *domains;
    char text[SID_TEXT_MAX];
    id_t slice = (id_t)-1; /* the library's "choose one" */

    if (!sid_is_domain(domain))
        return false;
    if (find_domain(map, domain) != NULL)
        return true;
    domains = talloc_realloc(map, map->domains, struct domain, map->n_domains + 1);
    if (domains == NULL)
        return false;
    map->domains = domains;
    if (sss_idmap_calculate_range(map->sss, sid_text(domain, text), &slice, &range) != IDMAP_SUCCESS)
        return false;
    if (sss_idmap_add_auto_domain_ex(map->sss, name, text, &range, NULL, 0, false, NULL, NULL) != IDMAP_SUCCESS)
        return false;
    memset(&domains[map->n_domains], 0, sizeof(domains[0]));
    domains[map->n_domains].sid = *domain;
    map->n_domains++;
    return true;
}

/*
 * A RID past the first slice: the library makes another slice when it first
 * sees one.  True where that slice is the one that its name is for.  One that
 * had to give way to another would depend on the order in which accounts were
 * seen, and be somebody else's after the next restart.
 */
static bool
is_settled(const struct idmap *map, const struct domain *domain, uint32_t rid, uint32_t id)
{
    struct sss_idmap_range range;
    uint32_t first = rid - rid % map->slice;
    char text[SID_TEXT_MAX], name[SLICE_NAME_MAX];

    (void)snprintf(name, sizeof(name), "%s-%" PRIu32, sid_text(&domain->sid, text), first);
    if (sss_idmap_calculate_range(map->empty, name, NULL, &range) != IDMAP_SUCCESS)
        return false;
    return id == range.min + (rid - first);
}

/* Counts the slice of a RID past the first; false if the domain has too many. */
static bool
count_secondary(const struct idmap *map, struct domain *domain, uint32_t rid)
{
    uint32_t first = rid - rid % map->slice;

    for (size_t i = 0; i < domain->n_secondary; i++) {
        if (domain->secondary[i] == first)
            return true;
    }
    if (domain->n_secondary == SECONDARY_SLICES_MAX)
        return false;
    domain->secondary[domain->n_secondary] = first;
    domain->n_secondary++;
    return true;
}

bool
idmap_id(struct idmap *map, const struct sid *sid, uint32_t *id_out)
{
    struct domain *domain;
    struct sid domain_sid;
    char text[SID_TEXT_MAX];
    uint32_t rid, id;

    *id_out = 0;
    if (!sid_split(sid, &domain_sid, &rid) || rid > RID_MAX)
        return false;
    domain = find_domain(map, &domain_sid);
    if (domain == NULL || (rid >= map->slice && !count_secondary(map, domain, rid)))
        return false;
    if (sss_idmap_sid_to_unix(map->sss, sid_text(sid, text), &id) != IDMAP_SUCCESS)
        return false;
    if (rid >= map->slice && !is_settled(map, domain, rid, id))
        return false;
    if (!idmap_in_range(map, id) || id == ID_NOBODY || id == ID_NOBODY + 1)
        return false;
    *id_out = id;
    return true;
}

bool
idmap_sid(struct idmap *map, uint32_t id, struct sid *sid_out)
{
    struct sid sid = { 0 };
    char *text = NULL;
    uint32_t again;
    bool ok;

    memset(sid_out, 0, sizeof(*sid_out));
    if (!idmap_in_range(map, id) || sss_idmap_unix_to_sid(map->sss, id, &text) != IDMAP_SUCCESS)
        return false;
    ok = sid_parse(text, &sid);
    (void)sss_idmap_free_sid(map->sss, text);
    if (!ok || !idmap_id(map, &sid, &again) || again != id)
        return false;
    *sid_out = sid;
    return true;
}

bool
idmap_in_range(const struct idmap *map, uint32_t id)
{
    return id >= map->lower && id < map->upper;
}
