/* RECORD packets of what the store holds. */
#include "daemon/directory.h"

#include <string.h>

#include "lib/base/log.h"

#define HEAD_MAX 64 /* bytes of a record beside its strings and lists */

static bool
begin(TALLOC_CTX *mem, size_t size, struct dir_record *out, struct writer *w)
{
    out->len = 0;
    out->bytes = talloc_size(mem, size);
    *w = writer_init(out->bytes, out->bytes == NULL ? 0 : size);
    proto_put_head(w, PROTO_RECORD);
    return out->bytes != NULL;
}

static bool
end(const struct writer *w, struct dir_record *out)
{
    out->len = writer_ok(w) ? w->len : 0;
    return out->len > 0;
}

bool
dir_record_passwd(struct dir *d, TALLOC_CTX *mem, const struct store_user *u, struct dir_record *out)
{
    const struct trust *trust = dir_trust_of(d, &u->sid);
    struct config_names v = { .user = u->name, .domain = trust != NULL ? trust->dns : d->config->name,
                              .netbios = trust != NULL ? trust->netbios : d->own.netbios,
                              .full_name = u->full_name, .uid = u->uid };
    const char *why = NULL, *home = config_expand_home(mem, d->config->home, &v, &why);
    const char *gecos = config_expand_gecos(mem, d->config->gecos, &v);
    struct writer w;

    if (home == NULL) {
        log_warning("%s is not known here: the home directory %s", u->name, why);
        return false;
    }
    if (gecos == NULL || !begin(mem, HEAD_MAX + PROTO_NAME_MAX + 3 * PROTO_TEXT_MAX, out, &w))
        return false;
    record_put_passwd(&w, u->uid, u->gid, u->name, gecos, home, d->config->shell);
    return end(&w, out);
}

bool
dir_record_groups(struct dir *d, TALLOC_CTX *mem, const struct store_user *u, struct dir_record *out)
{
    uint32_t most = u->n_gids + u->n_resource_gids, n = 0, *gids = talloc_array(mem, uint32_t, most + 1);
    struct writer w;

    if (gids == NULL || !begin(mem, HEAD_MAX + PROTO_NAME_MAX + 4 * (size_t)most, out, &w))
        return false;
    for (uint32_t i = 0; i < most; i++) {
        uint32_t gid = i < u->n_gids ? u->gids[i] : u->resource_gids[i - u->n_gids];

        if (!dir_is_namesake(d, gid))
            gids[n++] = gid;
    }
    record_put_groups(&w, u->uid, u->gid, u->name, gids, n);
    return end(&w, out);
}

bool
dir_record_group(struct dir *d, TALLOC_CTX *mem, const struct store_group *g, struct dir_record *out)
{
    const char **members = talloc_array(mem, const char *, g->n_members + 1);
    size_t size = HEAD_MAX + PROTO_NAME_MAX;
    uint32_t n = 0, too_many = 0;
    struct writer w;

    if (members == NULL)
        return false;
    for (uint32_t i = 0; i < g->n_members && dir_usable(d, g->members_learned); i++) {
        /* Programs would take the namesake's membership for the local user's. */
        if (local_names_has_user(d->names, g->members[i]))
            continue;
        if (too_many > 0 || size + 3 + strlen(g->members[i]) > PROTO_RECORD_MAX) {
            too_many++;
            continue;
        }
        size += 3 + strlen(g->members[i]);
        members[n++] = g->members[i];
    }
    if (too_many > 0)
        log_warning("the group %s has more members than a record holds: %u of them are left out", g->name, too_many);
    if (!begin(mem, size, out, &w))
        return false;
    record_put_group(&w, g->gid, g->name, members, n);
    return end(&w, out);
}

/* From now to then: 1 at least. */
static uint32_t
seconds_to(int64_t then)
{
    int64_t left = then - dir_now();

    return left < 1 ? 1 : left > INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)left;
}

void
dir_times(const struct dir *d, int64_t learned, uint32_t *refresh_out, uint32_t *end_out)
{
    int64_t now = dir_now(), due;

    if (learned > now)
        learned = now;
    due = learned + d->config->cache_refresh;
    *end_out = seconds_to(learned + d->config->cache_end);
    *refresh_out = due > now ? seconds_to(due) : DIR_RETRY_S;
    if (*refresh_out > *end_out)
        *refresh_out = *end_out;
}
