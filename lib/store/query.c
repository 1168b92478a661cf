/* Prepared statements, one at a time, and the transactions around them. */
#include <string.h>

#include "lib/base/buf.h"
#include "lib/proto/proto.h"
#include "lib/store/store_db.h"

struct query
query_init(struct store *s, enum store_stmt which)
{
    struct query q = { .s = s, .rc = SQLITE_OK };

    if (s->damaged && s->transaction == STORE_IDLE)
        store_renew(s);
    q.stmt = s->stmts[which];
    if (q.stmt == NULL)
        q.rc = SQLITE_CANTOPEN;
    return q;
}

void
query_put_text(struct query *q, int i, const char *text)
{
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_text64(q->stmt, i, text, strlen(text), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void
query_put_int(struct query *q, int i, int64_t n)
{
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_int64(q->stmt, i, n);
}

void
query_put_blob(struct query *q, int i, const void *bytes, size_t n)
{
    /* A NULL pointer would become SQL's NULL. */
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_blob64(q->stmt, i, n == 0 ? "" : bytes, n, SQLITE_STATIC);
}

void
query_put_sid(struct query *q, int i, const struct sid *sid)
{
    uint8_t bytes[SID_BINARY_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));

    sid_write(&w, sid);
    if (q->rc == SQLITE_OK && !writer_ok(&w))
        q->rc = SQLITE_MISMATCH;
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_blob64(q->stmt, i, bytes, w.len, SQLITE_TRANSIENT);
}

bool
query_row(struct query *q)
{
    int rc;

    if (q->rc != SQLITE_OK || q->malformed)
        return false;
    rc = sqlite3_step(q->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        q->rc = rc;
    return rc == SQLITE_ROW;
}

const char *
query_text(struct query *q, int col)
{
    const char *text;

    if (sqlite3_column_type(q->stmt, col) != SQLITE_TEXT) {
        q->malformed = true;
        return "";
    }
    text = (const char *)sqlite3_column_text(q->stmt, col);
    if (text == NULL || strlen(text) != (size_t)sqlite3_column_bytes(q->stmt, col)) {
        q->malformed = true;
        return "";
    }
    return text;
}

int64_t
query_int(struct query *q, int col, int64_t min, int64_t max)
{
    int64_t n = sqlite3_column_int64(q->stmt, col);

    if (sqlite3_column_type(q->stmt, col) == SQLITE_INTEGER && n >= min && n <= max)
        return n;
    q->malformed = true;
    return 0;
}

const uint8_t *
query_blob(struct query *q, int col, size_t *n_out)
{
    const uint8_t *bytes;

    *n_out = 0;
    if (sqlite3_column_type(q->stmt, col) != SQLITE_BLOB) {
        q->malformed = true;
        return NULL;
    }
    bytes = sqlite3_column_blob(q->stmt, col);
    if (bytes != NULL)
        *n_out = (size_t)sqlite3_column_bytes(q->stmt, col);
    return bytes;
}

struct sid
query_sid(struct query *q, int col)
{
    size_t n;
    const uint8_t *bytes = query_blob(q, col, &n);
    struct reader r = reader_init(bytes, n);
    struct sid sid = { 0 };

    if (!sid_read(&r, &sid) || !reader_done(&r))
        q->malformed = true;
    return sid;
}

bool
query_done(struct query *q)
{
    if (q->stmt != NULL) {
        (void)sqlite3_reset(q->stmt);
        (void)sqlite3_clear_bindings(q->stmt);
    }
    if (q->rc != SQLITE_OK)
        store_failed(q->s, q->rc, sqlite3_errstr(q->rc));
    else if (q->malformed)
        store_failed(q->s, SQLITE_OK, "a row is malformed, and is not used");
    return q->rc == SQLITE_OK && !q->malformed;
}

bool
query_run(struct query *q)
{
    (void)query_row(q);
    return query_done(q);
}

static bool
run(struct store *s, enum store_stmt which)
{
    struct query q = query_init(s, which);

    return query_run(&q);
}

static bool
begin(struct store *s)
{
    if (!run(s, STMT_BEGIN))
        return false;
    s->transaction = STORE_OPEN;
    return true;
}

/* Ends the transaction: into the file if nothing failed in it, else back. */
static bool
end(struct store *s)
{
    bool ok = s->transaction == STORE_OPEN && run(s, STMT_COMMIT);

    /* SQLite itself takes a transaction back after some errors. */
    if (!ok && s->db != NULL && sqlite3_get_autocommit(s->db) == 0)
        (void)run(s, STMT_ROLLBACK);
    s->transaction = STORE_IDLE;
    return ok;
}

bool
store_begin(struct store *s)
{
    if (s->held || !begin(s))
        return false;
    s->held = true;
    return true;
}

bool
store_commit(struct store *s)
{
    if (!s->held)
        return false;
    s->held = false;
    return end(s);
}

bool
store_change_begin(struct store *s)
{
    return s->held ? s->transaction == STORE_OPEN : begin(s);
}

bool
store_change_end(struct store *s, bool ok)
{
    if (!ok && s->transaction == STORE_OPEN)
        s->transaction = STORE_FAILED;
    if (s->held)
        return ok;
    return end(s);
}

void
store_drop(struct store *s, enum store_stmt which, const struct sid *sid)
{
    struct query q;

    if (!store_change_begin(s))
        return;
    q = query_init(s, which);
    query_put_sid(&q, 1, sid);
    (void)store_change_end(s, query_run(&q));
}

bool
store_clear(struct store *s)
{
    static const enum store_stmt all[] = { STMT_CLEAR_USERS, STMT_CLEAR_GROUPS, STMT_CLEAR_CARDS };
    bool ok = true;

    if (!store_change_begin(s))
        return false;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && ok; i++)
        ok = (all[i] == STMT_CLEAR_CARDS && !store_has_cards(s)) || run(s, all[i]);
    return store_change_end(s, ok);
}

bool
store_id_ok(uint32_t id)
{
    return id >= PROTO_ID_MIN && id <= STORE_ID_MAX;
}

bool
store_name_ok(const char *name)
{
    return name[0] != '\0' && strlen(name) <= PROTO_NAME_MAX;
}
