/*
 * Groups of the domain that are called like a group of this computer or like a
 * reserved name: sudoers, polkit and sshd_config match names, so such a group
 * is nobody's, by name, by id and among a user's groups.  Their ids are asked
 * for by those names, all at once, so that a logon need not know what all of
 * the user's groups are called.
 */
#include "daemon/directory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"

#define AGAIN_MS 60000      /* a group may have been made or renamed meanwhile */
#define AFTER_FAILURE_MS 5000

struct wanted {
    const char *domain; /* what names here end with; NULL: with nothing */
    const char **names;
    size_t n;
};

/* The account that a local name is the namesake of. */
static void
add_name(void *arg, const char *name)
{
    struct wanted *w = arg;
    char folded[NAME_MAX_BYTES + 1], *at;
    const char **names;

    if (!name_fold(name, folded, sizeof(folded)))
        return;
    if (w->domain != NULL) {
        at = strrchr(folded, '@');
        if (at == NULL || strcmp(at + 1, w->domain) != 0)
            return;
        *at = '\0';
    }
    names = talloc_realloc(NULL, w->names, const char *, (unsigned)w->n + 1);
    if (names == NULL)
        return;
    w->names = names;
    w->names[w->n++] = talloc_strdup(names, folded);
}

static int
compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Asks the domain for the groups of those names. */
static void
ask(struct dir *d, const struct wanted *w)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct directory *l;
    struct dir_group *groups = NULL;
    uint32_t *ids;
    size_t n = 0;
    enum err err;

    do {
        l = dir_link(d);
        err = l == NULL ? ERR_NO_KDC : directory_groups_by_account(l, mem, w->names, w->n, &groups, &n);
    } while (dir_link_again(d, err));
    ids = talloc_array(d, uint32_t, (unsigned)n + 1);
    if (err == ERR_OK && ids != NULL) {
        talloc_free(d->namesakes);
        d->namesakes = ids;
        d->n_namesakes = 0;
        d->namesakes_at = client_now() + AGAIN_MS;
        for (size_t i = 0; i < n; i++) {
            if (idmap_id(d->idmap, &groups[i].sid, &ids[d->n_namesakes]))
                d->n_namesakes++;
        }
        qsort(ids, d->n_namesakes, sizeof(*ids), compare_ids);
        log_debug("%zu groups of the domain are called like local or reserved ones: they are nobody's", d->n_namesakes);
    } else {
        talloc_free(ids);
    }
    talloc_free(mem);
}

/* The directory could not be asked: what the store knows of this one. */
static bool
is_known_namesake(struct dir *d, uint32_t gid)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    const struct store_group *g = store_group_by_gid(d->store, mem, gid);
    bool found = g != NULL && local_names_has_group(d->names, g->name);

    talloc_free(mem);
    return found;
}

void
dir_namesakes_forget(struct dir *d)
{
    TALLOC_FREE(d->namesakes);
    d->n_namesakes = 0;
    d->namesakes_at = 0;
}

void
dir_namesakes_check(struct dir *d)
{
    if (local_names_refresh(d->names))
        dir_namesakes_forget(d);
}

void
dir_namesakes_refresh(struct dir *d)
{
    struct wanted w = { .domain = d->config->name_format == CONFIG_NAME_SHORT ? NULL : d->config->name };

    dir_namesakes_check(d);
    if (d->link.ldap == NULL || client_now() < d->namesakes_at)
        return;
    d->namesakes_at = client_now() + AFTER_FAILURE_MS;
    local_names_each(d->names, add_name, &w);
    if (w.n > 0)
        ask(d, &w);
    talloc_free(w.names);
}

bool
dir_is_namesake(struct dir *d, uint32_t gid)
{
    struct sid sid;

    if (local_names_has_gid(d->names, gid))
        return true;
    if (d->namesakes == NULL || (idmap_sid(d->idmap, gid, &sid) && dir_trust_of(d, &sid) != NULL))
        return is_known_namesake(d, gid);
    return bsearch(&gid, d->namesakes, d->n_namesakes, sizeof(*d->namesakes), compare_ids) != NULL;
}
