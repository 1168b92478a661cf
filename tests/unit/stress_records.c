#include "tests/unit/stress_records.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
count(enum counter c)
{
    (void)atomic_fetch_add_explicit(&all->counters[c], 1, memory_order_relaxed);
}

void
fault(const char *format, ...)
{
    va_list args;

    if (atomic_fetch_add(&all->counters[FAULTS], 1) > 0)
        return;
    va_start(args, format);
    (void)vsnprintf(all->first_fault, sizeof(all->first_fault), format, args);
    va_end(args);
}

/*
 * Records.  All parts follow from the name's number and the version.
 */

struct parts {
    char gecos[TEXT_MAX], home[TEXT_MAX];
    uint32_t n;
    uint32_t gids[LIST_MAX];
};

static void
make_parts(struct parts *p, unsigned i, uint32_t version)
{
    (void)snprintf(p->gecos, sizeof(p->gecos), "%u %*u", version, (int)(version * 7 % 60) + 1, i);
    (void)snprintf(p->home, sizeof(p->home), "/home/%u/%*u", i, (int)(version * 11 % 90) + 1, version);
    p->n = version % LIST_MAX + 1;
    for (uint32_t k = 0; k < p->n; k++)
        p->gids[k] = 100000 + version * 2 + (k == 0 ? 0 : i + k);
}

static void
name_of(char name[static 32], const char *what, unsigned i)
{
    (void)snprintf(name, 32, "%s%u", what, i);
}

static void
put_record(struct identmap_writer *w, const struct writer *body, struct identmap_times times)
{
    struct reader r = reader_init(body->data, body->len);
    struct record rec;

    if (!writer_ok(body) || !record_get(&r, &rec) || !identmap_put(w, &rec, body->data, body->len, true, true, times))
        fault("no room for %zu bytes", body->len);
}

void
put_version(struct identmap_writer *w, const char *what, unsigned i, uint32_t version)
{
    struct identmap_times times = { UINT32_MAX - 1, UINT32_MAX };
    uint8_t bytes[4096];
    struct writer body = writer_init(bytes, sizeof(bytes));
    struct parts p;
    char name[32];
    const char *members[] = { p.gecos, p.home };

    make_parts(&p, i, version);
    name_of(name, what, i);
    record_put_passwd(&body, 2000 + i, 3000, name, p.gecos, p.home, "/bin/sh");
    put_record(w, &body, times);
    body = writer_init(bytes, sizeof(bytes));
    record_put_group(&body, 2000 + i, name, members, 2);
    put_record(w, &body, times);
    body = writer_init(bytes, sizeof(bytes));
    record_put_groups(&body, 2000 + i, 3000, name, p.gids, p.n);
    put_record(w, &body, times);
}

static struct identmap_key
key_in(const void *map, enum record_kind kind, const char *name)
{
    struct identmap_key key = { .kind = kind, .by = PROTO_BY_NAME, .name = name, .len = strlen(name) };

    key.hash = hash_keyed(((const struct shared_head *)map)->key, name, key.len);
    return key;
}

void
put_missing(struct identmap_writer *w, const char *what, unsigned i)
{
    struct identmap_key key;
    char name[32];

    name_of(name, what, i);
    for (unsigned kind = RECORD_PASSWD; kind <= RECORD_GROUPS; kind++) {
        key = key_in(w->data, kind, name);
        identmap_put_none(w, &key, UINT32_MAX);
    }
}

static bool
copy_str(char out[static TEXT_MAX], struct record_str s)
{
    if (s.len >= TEXT_MAX)
        return false;
    memcpy(out, s.s, s.len);
    out[s.len] = '\0';
    return true;
}

static bool
copy_record(struct copy *c)
{
    const struct record *rec = &c->rec;

    switch (rec->kind) {
    case RECORD_PASSWD:
        return copy_str(c->text[0], rec->gecos) && copy_str(c->text[1], rec->home);
    case RECORD_GROUP:
        if (rec->n != 2 || rec->members_len >= TEXT_MAX)
            return false;
        memcpy(c->text[2], rec->members, rec->members_len);
        c->text[2][rec->members_len] = '\0';
        memcpy(c->text[0], c->text[2], TEXT_MAX);
        memcpy(c->text[1], c->text[2] + strlen(c->text[2]) + 1, strnlen(c->text[2] + strlen(c->text[2]) + 1, 255) + 1);
        return true;
    default:
        if (rec->n == 0 || rec->n > LIST_MAX)
            return false;
        for (uint32_t i = 0; i < rec->n; i++)
            c->gids[i] = record_gid(rec, i);
        return true;
    }
}

static uint32_t
version_of(const struct copy *c)
{
    if (c->rec.kind == RECORD_GROUPS)
        return (c->gids[0] - 100000) / 2;
    return (uint32_t)strtoul(c->text[0], NULL, 10);
}

static bool
agrees(const struct copy *c, unsigned i, uint32_t version)
{
    struct parts p;

    make_parts(&p, i, version);
    if (c->rec.kind == RECORD_GROUPS)
        return c->rec.n == p.n && memcmp(c->gids, p.gids, p.n * sizeof(p.gids[0])) == 0;
    return strcmp(c->text[0], p.gecos) == 0 && strcmp(c->text[1], p.home) == 0;
}

enum identmap_found
ask(const void *map, size_t len, const struct question *q, struct copy *c)
{
    enum identmap_found found;
    struct identmap_key key;
    char name[32];
    bool stale;

    name_of(name, q->what, q->i);
    key = key_in(map, q->kind, name);
    key.by = q->by;
    key.id = 2000 + q->i;
    found = identmap_find(map, len, &key, identmap_now(map), &c->rec, &stale);
    count(LOOKUPS);
    return found == IDENTMAP_HIT && !copy_record(c) ? IDENTMAP_MISS : found;
}

void
judge(const struct question *q, enum identmap_found found, const struct copy *c, uint32_t oldest)
{
    uint32_t version = found == IDENTMAP_HIT ? version_of(c) : 0;
    bool always = strcmp(q->what, "user") == 0, never = strcmp(q->what, "never") == 0;

    if (found == IDENTMAP_HIT && !agrees(c, q->i, version))
        fault("%s%u, kind %d: parts of different versions, one of %u", q->what, q->i, (int)q->kind, version);
    else if (always && found != IDENTMAP_HIT)
        fault("%s%u, kind %d by %d: not there (%d)", q->what, q->i, (int)q->kind, (int)q->by, (int)found);
    else if (never && found == IDENTMAP_HIT)
        fault("%s%u, kind %d: found", q->what, q->i, (int)q->kind);
    else if (always && (version < oldest || version > atomic_load(&all->begun[q->i])))
        fault("%s%u, kind %d: version %u, not from %u to %u", q->what, q->i, (int)q->kind, version, oldest,
              atomic_load(&all->begun[q->i]));
    if (found != IDENTMAP_MISS)
        count(found == IDENTMAP_HIT ? HITS : NONES);
}

struct question
question_of(unsigned turn)
{
    static const char *const whats[] = { "user", "user", "user", "never", "sometimes" };
    struct question q = { .what = whats[turn % 5], .kind = RECORD_PASSWD + turn / 5 % 3, .by = PROTO_BY_NAME };

    q.i = turn / 15 % (q.what[0] == 'u' ? NAMES : q.what[0] == 'n' ? 16 : 8);
    /* The ids of others are users', too. */
    if (q.what[0] == 'u' && q.i >= 8 && q.kind != RECORD_GROUPS && turn / 7 % 2 == 0)
        q.by = PROTO_BY_ID;
    return q;
}
