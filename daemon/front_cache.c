/*
 * Records in memory.  What is asked for is chosen by everybody on this
 * computer, so nothing here may grow or become slow by that: the hash has a
 * key, records are counted in bytes, and names that do not exist have a table
 * of fixed size of their own.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/base/hash.h"

#define BUCKETS 65536U             /* a power of two */
#define SMALL 0U                   /* pools */
#define LARGE 1U
#define SWEEP 512U                 /* buckets of one cache_sweep: all of them in 128 */
#define NONE_SETS 2048U            /* a power of two */
#define NONE_WAYS 8U               /* places of a set: a wrong name has these to choose from */
#define NONE_SWEEP (NONE_SETS / (BUCKETS / SWEEP))

/* Each has its descriptor: so few that there are always enough, so many bytes that their memory is bounded, too. */
static const struct {
    size_t entries, bytes;
} limits[] = {
    [SMALL] = { 200000, 64U << 20 },
    [LARGE] = { 32, 64U << 20 },
};

struct node {
    struct node *next;             /* in its bucket */
    struct node *newer, *older;    /* by last use, in its pool */
    unsigned pool;
    uint64_t hash;
    struct cache_key key;          /* name: in this block */
    struct cache_entry entry;      /* packet: in this block */
    const char *alias;             /* in this block: the record is that of this name; NULL: its own */
    size_t bytes;
};

struct pool {
    struct node *newest, *oldest;
    size_t entries, bytes;
};

/* A key that stands for nothing. */
struct none {
    struct cache_key key;          /* name: its own */
    uint64_t hash;
    int64_t end;                   /* 0: free */
};

struct cache {
    uint8_t hash_key[HASH_KEY_LEN];
    struct node *buckets[BUCKETS];
    struct pool pools[2];
    uint32_t hand, none_hand;      /* where cache_sweep goes on */
    struct none none[NONE_SETS][NONE_WAYS];
    struct cache_entry answer;     /* what cache_get gave last, where that is no node's */
};

static const uint8_t none_packet[2] = { PROTO_VERSION, PROTO_NONE };

uint64_t
cache_hash(const struct cache *c, const struct cache_key *key)
{
    uint8_t bytes[6 + PROTO_NAME_MAX] = { (uint8_t)key->kind, (uint8_t)key->by };
    size_t n = 6;

    if (key->by == PROTO_BY_ID) {
        memcpy(bytes + 2, &key->id, sizeof(key->id));
    } else {
        size_t len = strnlen(key->name, PROTO_NAME_MAX);

        memcpy(bytes + n, key->name, len);
        n += len;
    }
    return hash_keyed(c->hash_key, bytes, n);
}

bool
cache_same(const struct cache_key *a, const struct cache_key *b)
{
    if (a->kind != b->kind || a->by != b->by)
        return false;
    return a->by == PROTO_BY_ID ? a->id == b->id : strcmp(a->name, b->name) == 0;
}

static void
unlink_use(struct cache *c, const struct node *n)
{
    struct pool *p = &c->pools[n->pool];

    *(n->newer != NULL ? &n->newer->older : &p->newest) = n->older;
    *(n->older != NULL ? &n->older->newer : &p->oldest) = n->newer;
}

static void
link_newest(struct cache *c, struct node *n)
{
    struct pool *p = &c->pools[n->pool];

    n->newer = NULL;
    n->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = n;
    p->newest = n;
}

static void
remove_node(struct cache *c, struct node **at)
{
    struct node *n = *at;

    *at = n->next;
    unlink_use(c, n);
    c->pools[n->pool].entries--;
    c->pools[n->pool].bytes -= n->bytes;
    if (n->entry.fd >= 0)
        (void)close(n->entry.fd);
    free(n);
}

static void
remove_none(struct none *n)
{
    free((void *)(uintptr_t)n->key.name);
    memset(n, 0, sizeof(*n));
}

static int
destroy(struct cache *c)
{
    cache_clear(c);
    return 0;
}

struct cache *
cache_new(TALLOC_CTX *mem)
{
    struct cache *c = talloc_zero(mem, struct cache);

    if (c == NULL || getrandom(c->hash_key, sizeof(c->hash_key), 0) != (ssize_t)sizeof(c->hash_key)) {
        talloc_free(c);
        return NULL;
    }
    talloc_set_destructor(c, destroy);
    return c;
}

void
cache_clear(struct cache *c)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        while (c->buckets[i] != NULL)
            remove_node(c, &c->buckets[i]);
    }
    for (uint32_t i = 0; i < NONE_SETS; i++) {
        for (uint32_t j = 0; j < NONE_WAYS; j++)
            remove_none(&c->none[i][j]);
    }
}

static struct node **
find(struct cache *c, const struct cache_key *key, uint64_t hash)
{
    struct node **at = &c->buckets[hash & (BUCKETS - 1)];

    while (*at != NULL && ((*at)->hash != hash || !cache_same(&(*at)->key, key)))
        at = &(*at)->next;
    return at;
}

static struct none *
find_none(struct cache *c, const struct cache_key *key, uint64_t hash)
{
    struct none *set = c->none[hash & (NONE_SETS - 1)];

    for (uint32_t i = 0; i < NONE_WAYS; i++) {
        if (set[i].end != 0 && set[i].hash == hash && cache_same(&set[i].key, key))
            return &set[i];
    }
    return NULL;
}

static const struct cache_entry *
get_none(struct cache *c, const struct cache_key *key, uint64_t hash, int64_t now)
{
    const struct none *none = find_none(c, key, hash);

    if (none == NULL || now >= none->end)
        return NULL;
    c->answer = (struct cache_entry){ .packet = none_packet, .len = sizeof(none_packet), .fd = -1,
                                      .refresh = none->end, .end = none->end };
    return &c->answer;
}

/* The node whose record n stands for; NULL where that is not what it was any more. */
static struct node *
target_of(struct cache *c, struct node *n, int64_t now)
{
    struct cache_key key = { .kind = n->key.kind, .by = PROTO_BY_NAME, .name = n->alias };
    struct node *target;

    if (n->alias == NULL)
        return n;
    target = *find(c, &key, cache_hash(c, &key));
    return target != NULL && target->alias == NULL && target->entry.id == n->entry.id && now < target->entry.end
           ? target : NULL;
}

static void
use(struct cache *c, struct node *n)
{
    unlink_use(c, n);
    link_newest(c, n);
}

const struct cache_entry *
cache_get(struct cache *c, const struct cache_key *key, int64_t now)
{
    uint64_t hash = cache_hash(c, key);
    struct node **at = find(c, key, hash), *n = *at, *target;

    if (n == NULL)
        return get_none(c, key, hash, now);
    target = now < n->entry.end ? target_of(c, n, now) : NULL;
    if (target == NULL) {
        remove_node(c, at);
        return NULL;
    }
    use(c, n);
    if (target == n)
        return &n->entry;
    use(c, target);
    c->answer = target->entry;
    if (n->entry.refresh < c->answer.refresh)
        c->answer.refresh = n->entry.refresh;
    return &c->answer;
}

static void
make_room(struct cache *c, unsigned pool, size_t bytes)
{
    struct pool *p = &c->pools[pool];

    while (p->oldest != NULL && (p->entries >= limits[pool].entries || p->bytes + bytes > limits[pool].bytes))
        remove_node(c, find(c, &p->oldest->key, p->oldest->hash));
}

/* A node with copies of all; NULL if there is no memory. */
static struct node *
new_node(const struct cache_key *key, const struct cache_entry *entry, const char *alias)
{
    size_t name_len = key->by == PROTO_BY_NAME ? strlen(key->name) + 1 : 0;
    size_t alias_len = alias != NULL ? strlen(alias) + 1 : 0;
    size_t packet_len = entry->packet != NULL ? entry->len : 0;
    size_t bytes = sizeof(struct node) + name_len + alias_len + packet_len;
    struct node *n = calloc(1, bytes);
    char *rest;

    if (n == NULL)
        return NULL;
    rest = (char *)(n + 1);
    n->pool = entry->fd >= 0 ? LARGE : SMALL;
    n->key = *key;
    n->key.name = NULL;
    n->entry = *entry;
    n->bytes = bytes + (entry->fd >= 0 ? entry->len : 0);
    if (name_len > 0) {
        n->key.name = memcpy(rest, key->name, name_len);
        n->key.id = 0;
    }
    if (alias != NULL)
        n->alias = memcpy(rest + name_len, alias, alias_len);
    if (entry->packet != NULL)
        n->entry.packet = memcpy(rest + name_len + alias_len, entry->packet, packet_len);
    return n;
}

static void
put(struct cache *c, const struct cache_key *key, const struct cache_entry *entry, const char *alias)
{
    uint64_t hash = cache_hash(c, key);
    struct none *none = find_none(c, key, hash);
    struct node **at = find(c, key, hash), *n = new_node(key, entry, alias);

    if (*at != NULL)
        remove_node(c, at);
    if (none != NULL)
        remove_none(none);
    if (n == NULL) {
        if (entry->fd >= 0)
            (void)close(entry->fd);
        return;
    }
    make_room(c, n->pool, n->bytes);
    n->hash = hash;
    n->next = c->buckets[hash & (BUCKETS - 1)];
    c->buckets[hash & (BUCKETS - 1)] = n;
    link_newest(c, n);
    c->pools[n->pool].entries++;
    c->pools[n->pool].bytes += n->bytes;
}

void
cache_put(struct cache *c, const struct cache_key *key, const struct cache_entry *entry)
{
    put(c, key, entry, NULL);
}

void
cache_put_alias(struct cache *c, const struct cache_key *key, const char *name, const struct cache_entry *entry)
{
    struct cache_entry own = *entry;

    own.packet = NULL;
    own.len = 0;
    own.fd = -1;
    put(c, key, &own, name);
}

/* The key's own place, else a free one, else that of the one that ends first. */
static struct none *
place_for_none(struct cache *c, const struct cache_key *key, uint64_t hash)
{
    struct none *set = c->none[hash & (NONE_SETS - 1)], *none = find_none(c, key, hash);

    if (none != NULL)
        return none;
    none = &set[0];
    for (uint32_t i = 1; i < NONE_WAYS; i++) {
        /* A free one ends at 0. */
        if (set[i].end < none->end)
            none = &set[i];
    }
    return none;
}

void
cache_put_none(struct cache *c, const struct cache_key *key, int64_t end)
{
    uint64_t hash = cache_hash(c, key);
    struct none *none = place_for_none(c, key, hash);
    char *name = key->by == PROTO_BY_NAME ? strdup(key->name) : NULL;
    struct node **at = find(c, key, hash);
    struct cache_key own = *key;

    if (*at != NULL)
        remove_node(c, at);
    remove_none(none);
    if (key->by == PROTO_BY_NAME && name == NULL)
        return;
    own.name = name;
    *none = (struct none){ .key = own, .hash = hash, .end = end };
}

void
cache_sweep(struct cache *c, int64_t now)
{
    for (uint32_t i = 0; i < SWEEP; i++) {
        struct node **at = &c->buckets[c->hand++ & (BUCKETS - 1)];

        while (*at != NULL) {
            if (now >= (*at)->entry.end)
                remove_node(c, at);
            else
                at = &(*at)->next;
        }
    }
    for (uint32_t i = 0; i < NONE_SWEEP; i++) {
        struct none *set = c->none[c->none_hand++ & (NONE_SETS - 1)];

        for (uint32_t j = 0; j < NONE_WAYS; j++) {
            if (set[j].end != 0 && now >= set[j].end)
                remove_none(&set[j]);
        }
    }
}

void
cache_defer(struct cache *c, const struct cache_key *key, int64_t refresh)
{
    struct node *n = *find(c, key, cache_hash(c, key)), *target;

    if (n == NULL)
        return;
    n->entry.refresh = refresh;
    target = target_of(c, n, INT64_MIN);
    if (target != NULL)
        target->entry.refresh = refresh;
}
