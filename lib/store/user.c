#include "lib/base/buf.h"
#include "lib/proto/proto.h"
#include "lib/store/store_db.h"

/* Ids as they stand in the file. */
struct packed {
    uint8_t *bytes; /* NULL: out of memory */
    size_t len;
};

static struct packed
pack_ids(TALLOC_CTX *mem, const uint32_t *ids, uint32_t n)
{
    size_t size = (size_t)n * sizeof(uint32_t);
    struct packed p = { .bytes = talloc_size(mem, size + 1) };
    struct writer w;

    if (p.bytes == NULL)
        return p;
    w = writer_init(p.bytes, size);
    for (uint32_t i = 0; i < n; i++)
        writer_u32(&w, ids[i]);
    p.len = w.len;
    return p;
}

static bool
ids_ok(const uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!store_id_ok(ids[i]))
            return false;
    }
    return true;
}

static bool
user_ok(const struct store_user *u)
{
    return store_id_ok(u->uid) && store_id_ok(u->gid) && store_name_ok(u->name) && ids_ok(u->gids, u->n_gids) &&
           ids_ok(u->resource_gids, u->n_resource_gids);
}

static bool
clear_user(struct store *s, const struct store_user *u)
{
    struct query q = query_init(s, STMT_CLEAR_USER);

    query_put_sid(&q, 1, &u->sid);
    query_put_int(&q, 2, u->uid);
    query_put_text(&q, 3, u->name);
    return query_run(&q);
}

static bool
put_user(struct store *s, const struct store_user *u, const struct packed *gids, const struct packed *resource_gids)
{
    struct query q = query_init(s, STMT_PUT_USER);

    query_put_sid(&q, 1, &u->sid);
    query_put_int(&q, 2, u->uid);
    query_put_int(&q, 3, u->gid);
    query_put_text(&q, 4, u->name);
    query_put_text(&q, 5, u->account);
    query_put_text(&q, 6, u->upn);
    query_put_text(&q, 7, u->full_name);
    query_put_int(&q, 8, u->refreshed);
    query_put_int(&q, 9, u->state);
    query_put_int(&q, 10, u->state_learned);
    query_put_blob(&q, 11, gids->bytes, gids->len);
    query_put_int(&q, 12, u->groups_learned);
    query_put_blob(&q, 13, resource_gids->bytes, resource_gids->len);
    query_put_int(&q, 14, u->resource_learned);
    return query_run(&q);
}

bool
store_put_user(struct store *s, const struct store_user *u)
{
    struct packed gids, resource_gids;
    bool ok = false;

    if (!user_ok(u))
        return false;
    gids = pack_ids(s, u->gids, u->n_gids);
    resource_gids = pack_ids(s, u->resource_gids, u->n_resource_gids);
    if (gids.bytes != NULL && resource_gids.bytes != NULL && store_change_begin(s)) {
        ok = clear_user(s, u) && put_user(s, u, &gids, &resource_gids);
        ok = store_change_end(s, ok);
    }
    talloc_free(gids.bytes);
    talloc_free(resource_gids.bytes);
    return ok;
}

/* The ids of the blob in col, under mem. */
static void
take_ids(struct query *q, int col, TALLOC_CTX *mem, const uint32_t **ids_out, uint32_t *n_out)
{
    size_t len;
    const uint8_t *bytes = query_blob(q, col, &len);
    struct reader r = reader_init(bytes, len);
    uint32_t *ids;

    if (len % sizeof(uint32_t) != 0)
        q->malformed = true;
    ids = talloc_array(mem, uint32_t, (unsigned)(len / sizeof(uint32_t)));
    if (ids == NULL) {
        q->rc = SQLITE_NOMEM;
        return;
    }
    while (reader_left(&r) >= sizeof(uint32_t)) {
        ids[*n_out] = reader_u32(&r);
        if (!store_id_ok(ids[*n_out]))
            q->malformed = true;
        (*n_out)++;
    }
    *ids_out = ids;
}

/* The text of col, under mem. */
static const char *
take_text(struct query *q, int col, TALLOC_CTX *mem)
{
    const char *text = talloc_strdup(mem, query_text(q, col));

    if (text == NULL)
        q->rc = SQLITE_NOMEM;
    return text;
}

/* The row that q stands on; NULL where it is malformed. */
static struct store_user *
take_user(struct query *q, TALLOC_CTX *mem)
{
    struct store_user *u = talloc_zero(mem, struct store_user);

    if (u == NULL) {
        q->rc = SQLITE_NOMEM;
        return NULL;
    }
    u->sid = query_sid(q, 0);
    u->uid = (uint32_t)query_int(q, 1, PROTO_ID_MIN, STORE_ID_MAX);
    u->gid = (uint32_t)query_int(q, 2, PROTO_ID_MIN, STORE_ID_MAX);
    u->name = take_text(q, 3, u);
    u->account = take_text(q, 4, u);
    u->upn = take_text(q, 5, u);
    u->full_name = take_text(q, 6, u);
    u->refreshed = query_int(q, 7, INT64_MIN, INT64_MAX);
    u->state = (uint32_t)query_int(q, 8, 0, UINT32_MAX);
    u->state_learned = query_int(q, 9, INT64_MIN, INT64_MAX);
    u->groups_learned = query_int(q, 11, INT64_MIN, INT64_MAX);
    if (u->groups_learned != 0)
        take_ids(q, 10, u, &u->gids, &u->n_gids);
    u->resource_learned = query_int(q, 13, INT64_MIN, INT64_MAX);
    if (u->resource_learned != 0)
        take_ids(q, 12, u, &u->resource_gids, &u->n_resource_gids);
    if (q->rc != SQLITE_OK || q->malformed)
        TALLOC_FREE(u);
    return u;
}

/* The one user that q finds; NULL where there are several, too. */
static struct store_user *
one_user(struct query *q, TALLOC_CTX *mem)
{
    struct store_user *u = NULL;

    if (query_row(q))
        u = take_user(q, mem);
    if (u != NULL && query_row(q))
        TALLOC_FREE(u);
    if (!query_done(q))
        TALLOC_FREE(u);
    return u;
}

struct store_user *
store_user_by_name(struct store *s, TALLOC_CTX *mem, const char *name)
{
    static const enum store_stmt ways[] = { STMT_USER_BY_NAME, STMT_USER_BY_UPN };
    struct store_user *u = NULL;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && u == NULL; i++) {
        struct query q = query_init(s, ways[i]);

        query_put_text(&q, 1, name);
        u = one_user(&q, mem);
    }
    return u;
}

struct store_user *
store_user_by_sid(struct store *s, TALLOC_CTX *mem, const struct sid *sid)
{
    struct query q = query_init(s, STMT_USER_BY_SID);

    query_put_sid(&q, 1, sid);
    return one_user(&q, mem);
}

void
store_drop_user(struct store *s, const struct sid *sid)
{
    store_drop(s, STMT_DROP_USER, sid);
}
