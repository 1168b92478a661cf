#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/front.h"

#define BUCKETS 65536U             /* a power of two */
#define ENTRIES_MAX 200000U
#define BYTES_MAX (64U << 20)

struct node {
    struct node *next;
    uint32_t hash;
    struct cache_key key;          /* name: in this block */
    struct cache_entry entry;      /* packet: in this block */
    size_t bytes;
};

struct cache {
    struct node *buckets[BUCKETS];
    size_t entries, bytes;
    uint32_t hand;                 /* the next bucket to make room in */
};

uint32_t
cache_hash(const struct cache_key *key)
{
    uint32_t h = 2166136261U;

    h = (h ^ key->kind) * 16777619U;
    h = (h ^ (uint32_t)key->by) * 16777619U;
    h = (h ^ (key->by == PROTO_BY_ID ? key->id : 0)) * 16777619U;
    for (const char *p = key->by == PROTO_BY_NAME ? key->name : ""; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 16777619U;
    return h ^ h >> 15;
}

bool
cache_same(const struct cache_key *a, const struct cache_key *b)
{
    if (a->kind != b->kind || a->by != b->by)
        return false;
    return a->by == PROTO_BY_ID ? a->id == b->id : strcmp(a->name, b->name) == 0;
}

static void
remove_node(struct cache *c, struct node **at)
{
    struct node *n = *at;

    *at = n->next;
    c->entries--;
    c->bytes -= n->bytes;
    if (n->entry.fd >= 0)
        (void)close(n->entry.fd);
    free(n);
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

    if (c != NULL)
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
}

static struct node **
find(struct cache *c, const struct cache_key *key, uint32_t hash)
{
    struct node **at = &c->buckets[hash & (BUCKETS - 1)];

    while (*at != NULL && ((*at)->hash != hash || !cache_same(&(*at)->key, key)))
        at = &(*at)->next;
    return at;
}

const struct cache_entry *
cache_get(struct cache *c, const struct cache_key *key, int64_t now)
{
    struct node **at = find(c, key, cache_hash(key));

    if (*at == NULL)
        return NULL;
    if (now >= (*at)->entry.end) {
        remove_node(c, at);
        return NULL;
    }
    return &(*at)->entry;
}

/* Empties buckets in turn until there is room: what is asked for comes back soon. */
static void
make_room(struct cache *c)
{
    while (c->entries > 0 && (c->entries >= ENTRIES_MAX || c->bytes >= BYTES_MAX)) {
        struct node **at = &c->buckets[c->hand++ & (BUCKETS - 1)];

        while (*at != NULL)
            remove_node(c, at);
    }
}

void
cache_put(struct cache *c, const struct cache_key *key, const struct cache_entry *entry)
{
    size_t name_len = key->by == PROTO_BY_NAME ? strlen(key->name) + 1 : 0;
    size_t bytes = sizeof(struct node) + name_len + (entry->packet != NULL ? entry->len : 0);
    uint32_t hash = cache_hash(key);
    struct node **at = find(c, key, hash), *n;
    char *rest;

    if (*at != NULL)
        remove_node(c, at);
    make_room(c);
    n = malloc(bytes);
    if (n == NULL) {
        if (entry->fd >= 0)
            (void)close(entry->fd);
        return;
    }
    rest = (char *)(n + 1);
    n->hash = hash;
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
    n->next = c->buckets[hash & (BUCKETS - 1)];
    c->buckets[hash & (BUCKETS - 1)] = n;
    c->entries++;
    c->bytes += bytes;
}

void
cache_defer(struct cache *c, const struct cache_key *key, int64_t refresh)
{
    struct node **at = find(c, key, cache_hash(key));

    if (*at != NULL)
        (*at)->entry.refresh = refresh;
}
