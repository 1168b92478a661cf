/*
 * lib/identmap: reader and writer together, beside a model of what must be
 * answered.  Input: operations of four bytes, {what, which, value, time}.
 * There are so few keys that no set is ever full.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/map_fixture.h"

#define KEYS 16U
#define NOW_FIRST 1000U
#define MOVES_MAX 4U /* of one input: they take long */

#define VALUES 16U

struct expected {
    enum identmap_found found;
    unsigned value; /* of HIT */
    uint32_t end;   /* of NONE */
};

/* One of its two keys may have another value than the other, but a value is there once: it has one pair of times. */
struct entry {
    struct expected by[2]; /* name, id */
    struct identmap_times times[VALUES];
};

struct model {
    struct identmap_writer w;
    struct entry users[KEYS], groups[KEYS];
    uint32_t now;
    unsigned moves;
};

/* A user's group has the same name and id. */
static const char *
name_of(unsigned which)
{
    static char name[16];

    (void)snprintf(name, sizeof(name), "name%u", which);
    return name;
}

static struct identmap_key
key_of(enum record_kind kind, unsigned which, unsigned by)
{
    return by == 0 ? map_name(kind, name_of(which)) : map_id(kind, 2000 + which);
}

static struct entry *
entry_of(struct model *m, bool group, unsigned which)
{
    return &(group ? m->groups : m->users)[which];
}

static bool
put(struct model *m, bool group, unsigned which, unsigned value, unsigned bys, struct identmap_times times)
{
    char text[16];
    const char *member = text;

    (void)snprintf(text, sizeof(text), "v%u", value);
    if (group)
        return map_put_group(&m->w, name_of(which), 2000 + which, &member, 1, (bys & 1) != 0, (bys & 2) != 0, times);
    return map_put_passwd(&m->w, name_of(which), 2000 + which, text, (bys & 1) != 0, (bys & 2) != 0, times);
}

static void
put_and_expect(struct model *m, bool group, unsigned which, unsigned value, unsigned bys, struct identmap_times times)
{
    struct entry *e = entry_of(m, group, which);
    bool done = put(m, group, which, value, bys, times);

    if (done)
        e->times[value] = times;
    for (unsigned i = 0; i < 2; i++) {
        FUZZ_REQUIRE(done || e->by[i].found != IDENTMAP_HIT || e->by[i].value != value);
        if ((bys & (1U << i)) != 0)
            e->by[i] = (struct expected){ .found = done ? IDENTMAP_HIT : IDENTMAP_MISS, .value = value };
    }
}

/* What must be answered now. */
static enum identmap_found
expected_now(const struct model *m, const struct entry *e, unsigned by)
{
    const struct expected *x = &e->by[by];

    if (x->found == IDENTMAP_HIT && e->times[x->value].end <= m->now)
        return IDENTMAP_MISS;
    return x->found == IDENTMAP_NONE && x->end <= m->now ? IDENTMAP_MISS : x->found;
}

/* What is missing may be forgotten: many share a set. */
static void
check(struct model *m, bool group, unsigned which, unsigned by)
{
    const struct entry *e = entry_of(m, group, which);
    enum identmap_found found = expected_now(m, e, by);
    struct identmap_key key = key_of(group ? RECORD_GROUP : RECORD_PASSWD, which, by);
    struct map_answer a = map_ask(&m->w, key, m->now);
    unsigned value = e->by[by].value;
    char text[16];

    FUZZ_REQUIRE(a.found == found || (found == IDENTMAP_NONE && a.found == IDENTMAP_MISS));
    if (a.found != IDENTMAP_HIT)
        return;
    (void)snprintf(text, sizeof(text), "v%u", value);
    FUZZ_REQUIRE(map_is_inside(m->w.data, m->w.size, &a.rec, &key) && a.stale == (e->times[value].refresh <= m->now));
    if (group)
        FUZZ_REQUIRE(a.rec.n == 1 && strcmp(a.rec.members, text) == 0);
    else
        FUZZ_REQUIRE(a.rec.gecos.len == strlen(text) && memcmp(a.rec.gecos.s, text, a.rec.gecos.len) == 0);
}

/* All keys: does what is wanted with each. */
static void
for_all(struct model *m, void (*do_it)(struct model *m, bool group, unsigned which, unsigned by))
{
    for (unsigned i = 0; i < KEYS * 4; i++)
        do_it(m, i % 2 == 1, i / 4, i / 2 % 2);
}

/* A new map, into which all is copied in parts, and which is the map from then on. */
static void
move(struct model *m, uint32_t slots)
{
    struct identmap_writer to = map_new(identmap_next_size(&m->w));
    uint32_t at = 0;

    while (identmap_copy(&to, &m->w, &at, slots + 1, m->now))
        continue;
    map_done(&m->w);
    m->w = to;
}

static void
forget(struct model *m, bool group, unsigned which, unsigned by)
{
    entry_of(m, group, which)->by[by].found = IDENTMAP_MISS;
}

/* What has ended is not copied, and does not come back when the same bytes are put under the other key. */
static void
forget_ended(struct model *m, bool group, unsigned which, unsigned by)
{
    if (expected_now(m, entry_of(m, group, which), by) == IDENTMAP_MISS)
        forget(m, group, which, by);
}

static void
run(struct model *m, const uint8_t op[static 4])
{
    bool group = (op[1] & 1) != 0;
    unsigned by = op[1] >> 1 & 1, which = op[1] >> 2 & (KEYS - 1);
    struct entry *e = entry_of(m, group, which);
    struct identmap_key key = key_of(group ? RECORD_GROUP : RECORD_PASSWD, which, by);
    struct identmap_times times = { m->now + op[3] % 16, m->now + op[3] / 16 };

    switch (op[0] % 8) {
    case 0:
        put_and_expect(m, group, which, op[2] % VALUES, op[2] / VALUES % 4, times);
        break;
    case 1:
        identmap_put_none(&m->w, &key, times.end);
        e->by[by] = (struct expected){ .found = IDENTMAP_NONE, .end = times.end };
        break;
    case 2:
        identmap_remove(&m->w, &key);
        e->by[by].found = IDENTMAP_MISS;
        break;
    case 3:
        identmap_defer(&m->w, &key, times.refresh);
        if (e->by[by].found == IDENTMAP_HIT)
            e->times[e->by[by].value].refresh = times.refresh;
        break;
    case 4:
        identmap_clear(&m->w);
        for_all(m, forget);
        break;
    case 5:
        m->now += op[3] % 4;
        break;
    case 6:
        if (m->moves++ >= MOVES_MAX)
            break;
        move(m, op[2]);
        for_all(m, forget_ended);
        break;
    default:
        check(m, group, which, by);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *m = calloc(1, sizeof(*m));

    FUZZ_REQUIRE(m != NULL);
    m->w = map_new(IDENTMAP_SIZE_MIN);
    m->now = NOW_FIRST;
    for (; size >= 4; data += 4, size -= 4)
        run(m, data);
    for_all(m, check);
    map_done(&m->w);
    free(m);
    return 0;
}
