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
#define ENTRIES_MAX 200000U
#define BYTES_MAX (64U << 20)
#define SWEEP 512U                 /* buckets of one cache_sweep: all of them in 128 */
#define NONE_SETS 2048U            /* a power of two */
#define NONE_WAYS 8U               /* places of a set: a wrong name has these to choose from */
#define NONE_SWEEP (NONE_SETS / (BUCKETS / SWEEP))

struct node {
    struct node *next;             /* in its bucket */
    struct node *newer, *older;    /* by last use */
    uint64_t hash;
    struct cache_key key;          /* name: in this block */
    struct cache_entry entry;      /* packet: in this block */
    size_t bytes;
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
    struct node *newest, *oldest;
    size_t entries, bytes;
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
    *(n->newer != NULL ? &n->newer->older : &c->newest) = n->older;
    *(n->older != NULL ? &n->older->newer : &c->oldest) = n->newer;
}

static void
link_newest(struct cache *c, struct node *n)
{
    n->newer = NULL;
    n->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = n;
    c->newest = n;
}

static void
remove_node(struct cache *c, struct node **at)
{
    struct node *n = *at;

    *at = n->next;
    unlink_use(c, n);
    c->entries--;
    c->bytes -= n->bytes;
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

const struct cache_entry *
cache_get(struct cache *c, const struct cache_key *key, int64_t now)
{
    uint64_t hash = cache_hash(c, key);
    struct node **at = find(c, key, hash), *n = *at;

    if (n == NULL)
        return get_none(c, key, hash, now);
    if (now >= n->entry.end) {
        remove_node(c, at);
        return NULL;
    }
    unlink_use(c, n);
    link_newest(c, n);
    return &n->entry;
}

static void
make_room(struct cache *c)
{
    while (c->oldest != NULL && (c->entries >= ENTRIES_MAX || c->bytes >= BYTES_MAX))
        remove_node(c, find(c, &c->oldest->key, c->oldest->hash));
}

/* A node with copies of both; NULL (fd closed) if there is no memory. */
static struct node *
new_node(const struct cache_key *key, const struct cache_entry *entry)
{
    size_t name_len = key->by == PROTO_BY_NAME ? strlen(key->name) + 1 : 0;
    size_t bytes = sizeof(struct node) + name_len + (entry->packet != NULL ? entry->len : 0);
    struct node *n = malloc(bytes);
    char *rest;

    if (n == NULL) {
        if (entry->fd >= 0)
            (void)close(entry->fd);
        return NULL;
    }
    rest = (char *)(n + 1);
    n->key = *key;
    n->entry = *entry;
    n->bytes = bytes;
    if (name_len > 0) {
        memcpy(rest, key->name, name_len);
        n->key.name = rest;
        n->key.id = 0;
    } else {
        n->key.name = NULL;
    }
    if (entry->packet != NULL) {
        memcpy(rest + name_len, entry->packet, entry->len);
        n->entry.packet = (const uint8_t *)rest + name_len;
    }
    return n;
}

void
cache_put(struct cache *c, const struct cache_key *key, const struct cache_entry *entry)
{
    uint64_t hash = cache_hash(c, key);
    struct none *none = find_none(c, key, hash);
    struct node **at = find(c, key, hash), *n = new_node(key, entry);

    if (*at != NULL)
        remove_node(c, at);
    if (none != NULL)
        remove_none(none);
    make_room(c);
    if (n == NULL)
        return;
    n->hash = hash;
    n->next = c->buckets[hash & (BUCKETS - 1)];
    c->buckets[hash & (BUCKETS - 1)] = n;
    link_newest(c, n);
    c->entries++;
    c->bytes += n->bytes;
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
    struct node **at = find(c, key, cache_hash(c, key));

    if (*at != NULL)
        (*at)->entry.refresh = refresh;
}
