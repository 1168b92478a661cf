/* Identity maps, and what is in them, for tests. */
#ifndef AUTHSOD_TESTS_UNIT_MAP_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_MAP_FIXTURE_H

#include "lib/identmap/writer.h"

#define MAP_BODY_MAX 4096U

extern const uint8_t map_key[HASH_KEY_LEN];

/* An empty map of size bytes, aligned to a page; map_done frees it. */
struct identmap_writer map_new(size_t size);
void map_done(struct identmap_writer *w);

struct identmap_key map_name(enum record_kind kind, const char *name);
struct identmap_key map_id(enum record_kind kind, uint32_t id);

/* identmap_put of such a record. */
bool map_put_passwd(struct identmap_writer *w, const char *name, uint32_t uid, const char *gecos, bool by_name,
                    bool by_id, struct identmap_times times);
bool map_put_group(struct identmap_writer *w, const char *name, uint32_t gid, const char *const *members, uint32_t n,
                   bool by_name, bool by_id, struct identmap_times times);
bool map_put_groups(struct identmap_writer *w, const char *name, uint32_t uid, const uint32_t *gids, uint32_t n,
                    struct identmap_times times);

/* What the map answers at `now`. */
struct map_answer {
    enum identmap_found found;
    struct record rec;
    bool stale;
};
struct map_answer map_ask(const struct identmap_writer *w, struct identmap_key key, uint64_t now);

/* True if all of rec, which was found for key, is inside of the len bytes of map, and rec is key's. */
bool map_is_inside(const void *map, size_t len, const struct record *rec, const struct identmap_key *key);

#endif
