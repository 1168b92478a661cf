/* Answers out of the identity map: what every `ls` waits for, so no system call, no lock, no allocation. */
#include <errno.h>
#include <string.h>

#include "lib/base/word.h"
#include "lib/identmap/local_list.h"
#include "lib/identmap/reader.h"
#include "nss_authsod/module.h"

static struct shared_readers readers;
static struct shared_place map_place = { .path = IDENTMAP_PATH, .magic = IDENTMAP_MAGIC, .version = IDENTMAP_VERSION };
static struct shared_place local_place = { .path = LOCAL_LIST_PATH, .magic = LOCAL_LIST_MAGIC,
                                           .version = LOCAL_LIST_VERSION };

/* One lookup: the two files as they are now, and the key. */
struct at_hand {
    const struct locals *locals;
    const void *map; /* NULL: it may not be believed */
    size_t len;
    struct identmap_key key;
};

/* The name's hash is by the key of the list: the map's is the same but while the daemon is being started anew. */
static struct identmap_key
make_key(const struct query *q, size_t len, const struct shared_head *list, char name[static PROTO_NAME_MAX])
{
    struct identmap_key key = { .kind = q->kind, .by = q->by, .name = name, .len = len, .id = q->id };

    if (q->by == PROTO_BY_NAME) {
        local_list_fold(q->name, len, name);
        key.hash = hash_keyed(list->key, name, len);
    }
    return key;
}

static bool
asked_is_local(const struct at_hand *h)
{
    bool group = h->key.kind == RECORD_GROUP;

    if (h->key.by == PROTO_BY_NAME)
        return local_list_has_name(h->locals->list, h->locals->len, group ? LOCAL_LIST_GROUPS : LOCAL_LIST_USERS,
                                   h->key.hash);
    return local_list_has_id(h->locals->list, h->locals->len, group ? LOCAL_LIST_GIDS : LOCAL_LIST_UIDS, h->key.id);
}

/*
 * What was copied is what was asked for: a map can be written to at any time by
 * who lies.  It is not local: by name because what was asked for is not.
 */
static bool
is_what_was_asked(const struct at_hand *h, const struct given *given)
{
    bool group = h->key.kind == RECORD_GROUP;

    if (h->key.by == PROTO_BY_ID)
        return given->id == h->key.id && !locals_have_given(h->locals, h->key.kind, given);
    return given->name.len == h->key.len && word_equal(given->name.s, h->key.name, h->key.len) &&
           !local_list_has_id(h->locals->list, h->locals->len, group ? LOCAL_LIST_GIDS : LOCAL_LIST_UIDS, given->id);
}

/* Neither list nor map may have been superseded meanwhile: what was read then is void. */
static inline bool
are_still_good(const void *list, const void *map)
{
    return shared_is_good(list) && shared_is_good(map);
}

static enum nss_status
answer(struct at_hand *h, give_fn *give, void *to, int *errnop, bool *stale_out)
{
    const struct shared_head *map = h->map, *list = h->locals->list;
    enum nss_status status;
    struct given given;
    struct record rec;

    if (memcmp(map->key, list->key, HASH_KEY_LEN) != 0)
        h->key.hash = hash_keyed(map->key, h->key.name, h->key.len);
    switch (identmap_find(h->map, h->len, &h->key, identmap_now(h->map), &rec, stale_out)) {
    case IDENTMAP_NONE:
        *errnop = ENOENT;
        return are_still_good(list, map) ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
    case IDENTMAP_HIT:
        status = give(to, &rec, h->locals, &given, errnop);
        if (status == NSS_STATUS_SUCCESS && !is_what_was_asked(h, &given))
            status = NSS_STATUS_UNAVAIL;
        return are_still_good(list, map) ? status : NSS_STATUS_UNAVAIL;
    default:
        return NSS_STATUS_UNAVAIL;
    }
}

enum nss_status
map_lookup(const struct query *q, size_t len, give_fn *give, void *to, int *errnop, bool *unlisted_out,
           bool *stale_out)
{
    uint64_t now = shared_now();
    unsigned reader = shared_enter(&readers);
    enum nss_status status = NSS_STATUS_UNAVAIL;
    char name[PROTO_NAME_MAX];
    struct locals locals;
    struct at_hand h;

    *stale_out = false;
    *unlisted_out = false;
    locals.list = shared_get(&readers, &local_place, now, &locals.len);
    if (locals.list != NULL) {
        h.locals = &locals;
        h.key = make_key(q, len, locals.list, name);
        *errnop = ENOENT;
        if (asked_is_local(&h)) {
            status = NSS_STATUS_NOTFOUND;
        } else {
            h.map = shared_get(&readers, &map_place, now, &h.len);
            *unlisted_out = h.map != NULL;
            if (h.map != NULL)
                status = answer(&h, give, to, errnop, stale_out);
        }
    }
    shared_leave(&readers, reader);
    return status;
}

enum nss_status
give_answer(const struct query *q, struct record *rec, give_fn *give, void *to, int *errnop)
{
    unsigned reader = shared_enter(&readers);
    enum nss_status status = NSS_STATUS_UNAVAIL;
    struct locals locals;
    struct given given;

    locals.list = shared_get(&readers, &local_place, shared_now(), &locals.len);
    if (rec->kind == q->kind)
        status = give(to, rec, &locals, &given, errnop);
    if (status == NSS_STATUS_SUCCESS && ((q->by == PROTO_BY_ID && given.id != q->id) ||
                                         locals_have_given(&locals, q->kind, &given)))
        status = NSS_STATUS_UNAVAIL;
    shared_leave(&readers, reader);
    if (status == NSS_STATUS_UNAVAIL)
        *errnop = EPROTO;
    return status;
}
