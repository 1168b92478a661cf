#include <string.h>

#include "lib/base/buf.h"
#include "lib/proto/proto.h"
#include "lib/store/store_db.h"

/* Names as they stand in the file. NULL out of memory. */
static uint8_t *
pack_names(TALLOC_CTX *mem, const char *const *names, uint32_t n, size_t *len_out)
{
    size_t size = 0;
    uint8_t *bytes;
    struct writer w;

    *len_out = 0;
    for (uint32_t i = 0; i < n; i++)
        size += sizeof(uint32_t) + strlen(names[i]);
    bytes = talloc_size(mem, size + 1);
    if (bytes == NULL)
        return NULL;
    w = writer_init(bytes, size);
    for (uint32_t i = 0; i < n; i++)
        writer_str(&w, names[i]);
    *len_out = w.len;
    return bytes;
}

static bool
group_ok(const struct store_group *g)
{
    if (!store_id_ok(g->gid) || !store_name_ok(g->name))
        return false;
    for (uint32_t i = 0; i < g->n_members; i++) {
        if (!store_name_ok(g->members[i]))
            return false;
    }
    return true;
}

static bool
clear_group(struct store *s, const struct store_group *g)
{
    struct query q = query_init(s, STMT_CLEAR_GROUP);

    query_put_sid(&q, 1, &g->sid);
    query_put_int(&q, 2, g->gid);
    query_put_text(&q, 3, g->name);
    return query_run(&q);
}

static bool
put_group(struct store *s, const struct store_group *g, const uint8_t *members, size_t len)
{
    struct query q = query_init(s, STMT_PUT_GROUP);

    query_put_sid(&q, 1, &g->sid);
    query_put_int(&q, 2, g->gid);
    query_put_text(&q, 3, g->name);
    query_put_int(&q, 4, g->refreshed);
    query_put_blob(&q, 5, members, len);
    query_put_int(&q, 6, g->n_members);
    query_put_int(&q, 7, g->members_learned);
    return query_run(&q);
}

bool
store_put_group(struct store *s, const struct store_group *g)
{
    uint8_t *members;
    size_t len;
    bool ok = false;

    if (!group_ok(g))
        return false;
    members = pack_names(s, g->members, g->n_members, &len);
    if (members == NULL)
        return false;
    if (store_change_begin(s)) {
        ok = clear_group(s, g) && put_group(s, g, members, len);
        ok = store_change_end(s, ok);
    }
    talloc_free(members);
    return ok;
}

/* n names of the blob in col, under g. */
static void
take_names(struct query *q, int col, uint32_t n, struct store_group *g)
{
    size_t len;
    const uint8_t *bytes = query_blob(q, col, &len);
    struct reader r = reader_init(bytes, len);
    const char **names;
    char *texts;

    /* Each name takes four bytes at least, so what is allocated is bounded by what was read. */
    if (n > len / sizeof(uint32_t)) {
        q->malformed = true;
        return;
    }
    names = talloc_array(g, const char *, n);
    texts = names == NULL ? NULL : talloc_size(names, len + 1);
    if (texts == NULL) {
        q->rc = SQLITE_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        size_t n_text;
        const char *text = reader_str(&r, PROTO_NAME_MAX, &n_text);

        if (text == NULL)
            break;
        memcpy(texts, text, n_text);
        texts[n_text] = '\0';
        names[i] = texts;
        texts += n_text + 1;
    }
    if (!reader_done(&r))
        q->malformed = true;
    g->members = names;
    g->n_members = n;
}

/* The row that q stands on; NULL where it is malformed. */
static struct store_group *
take_group(struct query *q, TALLOC_CTX *mem)
{
    struct store_group *g = talloc_zero(mem, struct store_group);

    if (g == NULL) {
        q->rc = SQLITE_NOMEM;
        return NULL;
    }
    g->sid = query_sid(q, 0);
    g->gid = (uint32_t)query_int(q, 1, PROTO_ID_MIN, STORE_ID_MAX);
    g->name = talloc_strdup(g, query_text(q, 2));
    if (g->name == NULL)
        q->rc = SQLITE_NOMEM;
    g->refreshed = query_int(q, 3, INT64_MIN, INT64_MAX);
    g->members_learned = query_int(q, 6, INT64_MIN, INT64_MAX);
    if (g->members_learned != 0)
        take_names(q, 4, (uint32_t)query_int(q, 5, 0, UINT32_MAX), g);
    if (q->rc != SQLITE_OK || q->malformed)
        TALLOC_FREE(g);
    return g;
}

static struct store_group *
one_group(struct query *q, TALLOC_CTX *mem)
{
    struct store_group *g = NULL;

    if (query_row(q))
        g = take_group(q, mem);
    if (!query_done(q))
        TALLOC_FREE(g);
    return g;
}

struct store_group *
store_group_by_name(struct store *s, TALLOC_CTX *mem, const char *name)
{
    struct query q = query_init(s, STMT_GROUP_BY_NAME);

    query_put_text(&q, 1, name);
    return one_group(&q, mem);
}

struct store_group *
store_group_by_gid(struct store *s, TALLOC_CTX *mem, uint32_t gid)
{
    struct query q = query_init(s, STMT_GROUP_BY_GID);

    query_put_int(&q, 1, gid);
    return one_group(&q, mem);
}

void
store_drop_group(struct store *s, const struct sid *sid)
{
    store_drop(s, STMT_DROP_GROUP, sid);
}
