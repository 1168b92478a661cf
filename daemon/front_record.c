/*
 * The records of directory, held against the rules of this computer: what is
 * local or reserved is never the domain's, by name or by id.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/proto/sealed.h"
#include "lib/sid/name.h"

bool
front_record_never(const struct front *f, const struct cache_key *key)
{
    bool group = key->kind == RECORD_GROUP;

    if (key->by == PROTO_BY_NAME)
        return group ? local_names_has_group(f->names, key->name) : local_names_has_user(f->names, key->name);
    return key->id < f->config->range_lower || key->id >= f->config->range_upper ||
           (group ? local_names_has_gid(f->names, key->id) : local_names_has_uid(f->names, key->id));
}

/* Copies a counted string of a record; false if it does not fit. */
static bool
copy_name(const struct record_str *s, char name[PROTO_NAME_MAX + 1])
{
    if (s->len > PROTO_NAME_MAX)
        return false;
    memcpy(name, s->s, s->len);
    name[s->len] = '\0';
    return true;
}

static bool
id_is_ours(const struct front *f, uint32_t id)
{
    return id >= f->config->range_lower && id < f->config->range_upper && id >= PROTO_ID_MIN;
}

/* A RECORD packet's record, and where its encoding begins. False: it is none. */
static bool
parse(const uint8_t *packet, size_t len, struct record *rec_out, size_t *body_out)
{
    struct reader r = reader_init(packet, len);

    if (proto_get_head(&r) != PROTO_RECORD)
        return false;
    *body_out = r.pos;
    return record_get(&r, rec_out);
}

/* Reads a RECORD packet and holds it against the rules of this computer. False: it is never served. */
static bool
check(const struct front *f, const uint8_t *packet, size_t len, unsigned kind, struct record *rec_out,
      size_t *body_out, char name_out[PROTO_NAME_MAX + 1])
{
    if (!parse(packet, len, rec_out, body_out) || (unsigned)rec_out->kind != kind || !record_is_safe(rec_out) ||
        !copy_name(&rec_out->name, name_out)) {
        log_alarm("directory sent a record that is none, or must not be");
        return false;
    }
    if (!id_is_ours(f, rec_out->gid))
        return false;
    if (kind == RECORD_GROUP)
        return !local_names_has_gid(f->names, rec_out->gid) && !local_names_has_group(f->names, name_out);
    if (kind == RECORD_GROUPS) {
        for (uint32_t i = 0; i < rec_out->n; i++) {
            uint32_t gid = record_gid(rec_out, i);

            if (!id_is_ours(f, gid) || local_names_has_gid(f->names, gid))
                return false;
        }
    }
    return id_is_ours(f, rec_out->uid) && !local_names_has_uid(f->names, rec_out->uid) &&
           !local_names_has_user(f->names, name_out);
}

/* Caches a copy of an entry. */
static void
keep(struct front *f, const struct cache_key *key, const struct cache_entry *e)
{
    struct cache_entry own = *e;

    if (e->fd >= 0)
        own.fd = dup(e->fd);
    if (e->packet != NULL || own.fd >= 0)
        cache_put(f->cache, key, &own);
}

/* Caches an entry under its name and its id; what else was asked for is another name of it. */
static void
remember(struct front *f, const struct cache_key *asked, const struct cache_entry *e, const struct record *rec,
         const char *name)
{
    struct cache_key by_name = { .kind = asked->kind, .by = PROTO_BY_NAME, .name = name };
    struct cache_key by_id = { .kind = asked->kind, .by = PROTO_BY_ID, .id = e->id };
    bool asked_name = asked->by == PROTO_BY_NAME;

    /* A group asked for by id may lack its members: it does not answer for the name. */
    if (rec->kind != RECORD_GROUP || asked_name)
        keep(f, &by_name, e);
    /* A large one is kept once. */
    if (rec->kind != RECORD_GROUPS && (e->packet != NULL || !asked_name))
        keep(f, &by_id, e);
    if (asked_name && strcmp(asked->name, name) != 0)
        cache_put_alias(f->cache, asked, name, e);
}

/*
 * Publishes it as it is remembered: a group that was found by id alone answers
 * for its id alone.
 */
static void
publish(struct front *f, const struct cache_key *asked, const struct record *rec, const uint8_t *packet, size_t len,
        size_t body, int64_t refresh, int64_t end)
{
    front_map_put(f, rec, packet + body, len - body, rec->kind != RECORD_GROUP || asked->by == PROTO_BY_NAME,
                  rec->kind != RECORD_GROUPS, refresh, end);
}

/* What the map answers to key is what would be put there, and not to be asked for again. */
static bool
is_published(const struct front *f, const struct cache_key *key, int64_t refresh)
{
    struct record rec;
    bool stale;

    return front_map_get(f, key, &rec, &stale) && (!stale || refresh <= front_clock());
}

/* The record of an entry, if that is not published under the name that it has itself. */
static void
publish_again(struct front *f, const struct cache_key *asked, const struct cache_entry *e, const uint8_t *packet,
              int64_t refresh)
{
    char name[PROTO_NAME_MAX + 1];
    struct cache_key own = { .kind = asked->kind, .by = asked->by, .id = e->id, .name = name };
    struct record rec;
    size_t body;

    if (parse(packet, e->len, &rec, &body) && copy_name(&rec.name, name) && !is_published(f, &own, refresh))
        publish(f, asked, &rec, packet, e->len, body, refresh, e->end);
}

void
front_record_again(struct front *f, const struct cache_key *key, const struct cache_entry *e, int64_t refresh)
{
    const void *map;
    size_t len;

    if (e->packet != NULL && proto_peek(e->packet, e->len) == PROTO_NONE) {
        front_map_none(f, key, e->end);
    } else if (is_published(f, key, refresh)) {
        return;
    } else if (e->packet != NULL) {
        publish_again(f, key, e, e->packet, refresh);
    } else if (sealed_map(e->fd, PROTO_RECORD_MAX, &map, &len) == 0) {
        publish_again(f, key, e, map, refresh);
        (void)munmap((void *)(uintptr_t)map, len);
    }
}

void
front_record_none(struct front *f, const struct cache_key *key)
{
    int64_t end = front_clock() + (int64_t)f->config->negative * 1000;

    cache_put_none(f->cache, key, end);
    front_map_none(f, key, end);
}

/* The record that is served for key; an alias. False: there is none. */
static bool
known(struct front *f, const struct cache_key *key, struct record *rec_out)
{
    const struct cache_entry *e = cache_get(f->cache, key, front_clock());
    size_t body;
    bool stale;

    if (e == NULL)
        return front_map_get(f, key, rec_out, &stale);
    return e->packet != NULL && parse(e->packet, e->len, rec_out, &body);
}

void
front_record_forget(struct front *f, const char *name)
{
    char folded[PROTO_NAME_MAX + 1], canonical[PROTO_NAME_MAX + 1];
    struct cache_key by_name = { .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .name = folded };
    struct cache_key by_id = { .kind = RECORD_PASSWD, .by = PROTO_BY_ID };
    struct record rec;

    if (!name_fold(name, folded, sizeof(folded)) || !known(f, &by_name, &rec) || !copy_name(&rec.name, canonical))
        return;
    by_id.id = rec.uid;
    front_record_none(f, &by_id);
    front_record_none(f, &by_name);
    by_name.name = canonical;
    front_record_none(f, &by_name);
    by_name.kind = RECORD_GROUPS;
    front_record_none(f, &by_name);
}

enum ipc_status
front_record_found(struct front *f, const struct cache_key *key, const struct ipc_found *m, int fd, bool old,
                   struct cache_entry *e_out)
{
    int64_t now = front_clock();
    struct cache_entry e = { .packet = m->record, .len = m->record_len, .fd = -1,
                             .refresh = now + (int64_t)m->refresh * 1000, .end = now + (int64_t)m->end * 1000 };
    const void *map = NULL, *packet = m->record;
    enum ipc_status status = IPC_STATUS_NONE;
    char name[PROTO_NAME_MAX + 1];
    struct record rec;
    size_t body;

    if (m->record == NULL) {
        if (fd < 0 || sealed_map(fd, PROTO_RECORD_MAX, &map, &e.len) != 0) {
            log_alarm("directory sent neither a record nor a sealed memfd with one");
            return IPC_STATUS_LATER;
        }
        packet = map;
        e.fd = fd;
    }
    if (check(f, packet, e.len, key->kind, &rec, &body, name)) {
        e.id = rec.kind == RECORD_GROUP ? rec.gid : rec.uid;
        if (key->by == PROTO_BY_NAME || key->id == e.id)
            status = IPC_STATUS_FOUND;
    }
    if (status == IPC_STATUS_FOUND && !old) {
        remember(f, key, &e, &rec, name);
        publish(f, key, &rec, packet, e.len, body, e.refresh, e.end);
    }
    if (map != NULL)
        (void)munmap((void *)(uintptr_t)map, e.len);
    *e_out = e;
    return status;
}

static void
learned(struct front *f, const struct ipc_learned *m, unsigned kind, const uint8_t *packet, size_t len)
{
    int64_t now = front_clock();
    struct cache_entry e = { .packet = packet, .len = len, .fd = -1, .refresh = now + (int64_t)m->refresh * 1000,
                             .end = now + (int64_t)m->end * 1000 };
    struct cache_key key = { .kind = kind, .by = PROTO_BY_NAME };
    char name[PROTO_NAME_MAX + 1];
    struct record rec;
    size_t body;

    if (len == 0 || !check(f, packet, len, kind, &rec, &body, name))
        return;
    key.name = name;
    e.id = rec.uid;
    remember(f, &key, &e, &rec, name);
    publish(f, &key, &rec, packet, len, body, e.refresh, e.end);
}

void
front_record_learned(struct front *f, const struct ipc_learned *m)
{
    if ((int32_t)(m->request - f->forgotten) <= 0)
        return;
    learned(f, m, RECORD_PASSWD, m->passwd, m->passwd_len);
    learned(f, m, RECORD_GROUPS, m->groups, m->groups_len);
}
