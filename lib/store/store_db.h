/*
 * What the files of lib/store share: the schema, the prepared statements, and
 * queries whose failure is sticky.  For lib/store and its tests only.
 */
#ifndef AUTHSOD_STORE_STORE_DB_H
#define AUTHSOD_STORE_STORE_DB_H

#include <sqlite3.h>

#include "lib/store/store.h"

#define STORE_ID_MAX (UINT32_MAX - 1) /* (uid_t)-1 is nobody's */
#define STORE_APPLICATION_ID 0x61736f64 /* "asod" in the file's head */
#define STORE_VERSION_NEEDED 2 /* has all but the table card, which a store without room does without */
#define STORE_VERSION_CARDS 3

/* Step i takes a file from user_version i to i + 1, which its last line sets. A step that was released never changes. */
struct store_schema {
    const char *const *steps;
    int version; /* how many they are */
};
extern const struct store_schema store_schema;

enum store_stmt {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_CLEAR_USER,
    STMT_PUT_USER,
    STMT_USER_BY_NAME,
    STMT_USER_BY_UPN,
    STMT_USER_BY_SID,
    STMT_DROP_USER,
    STMT_CLEAR_GROUP,
    STMT_PUT_GROUP,
    STMT_GROUP_BY_NAME,
    STMT_GROUP_BY_GID,
    STMT_DROP_GROUP,
    STMT_CLEAR_USERS,
    STMT_CLEAR_GROUPS,
    STMT_PUT_FACT,
    STMT_FACT,
    STMT_DROP_FACT,
    STMT_CLEAR_DOMAIN,
    STMT_PUT_DOMAIN,
    STMT_DOMAINS,
    STMT_PUT_CARD,
    STMT_TRIM_CARDS,
    STMT_CARDS,
    STMT_CLEAR_CARDS,
    STMT_COUNT
};
extern const char *const store_statements[STMT_COUNT];

enum store_transaction { STORE_IDLE, STORE_OPEN, STORE_FAILED };

struct store {
    const char *path;
    const struct store_schema *schema;
    int version;                         /* the file's */
    sqlite3 *db;                         /* NULL while there is no file to work with */
    sqlite3_stmt *stmts[STMT_COUNT];
    enum store_transaction transaction;
    bool held;                           /* between store_begin and store_commit */
    bool busy;                           /* not opened: another process has it open */
    bool damaged;                        /* found since: the next call begins a new file */
    int64_t warned;                      /* when the last failure was logged, seconds of the monotonic clock */
};

/* store_open with another schema, for the test of the upgrade. */
struct store *store_open_schema(TALLOC_CTX *mem, const char *dir, const struct store_schema *schema,
                                const char **why_out);

/* One statement on its way. After any failure every call is a no-op that gives zero. */
struct query {
    struct store *s;
    sqlite3_stmt *stmt;
    int rc;         /* sticky: SQLITE_OK while all is well */
    bool malformed; /* sticky: the row is not as we write it */
};

struct query query_init(struct store *s, enum store_stmt which);
void query_put_text(struct query *q, int i, const char *text);
void query_put_int(struct query *q, int i, int64_t n);
/* Aliases: the bytes must live until query_done. */
void query_put_blob(struct query *q, int i, const void *bytes, size_t n);
void query_put_sid(struct query *q, int i, const struct sid *sid);

/* True if there is a (next) row. */
bool query_row(struct query *q);
/* Columns of the row, from 0. Aliases live until the next query_row or query_done. */
const char *query_text(struct query *q, int col);
int64_t query_int(struct query *q, int col, int64_t min, int64_t max);
const uint8_t *query_blob(struct query *q, int col, size_t *n_out);
struct sid query_sid(struct query *q, int col);

/* Ends it. False if anything failed (logged, the transaction marked) or the row was malformed (logged). */
bool query_done(struct query *q);
/* For statements that give no row: steps once, then query_done. */
bool query_run(struct query *q);

/* What may stand in a row. */
bool store_id_ok(uint32_t id);
bool store_name_ok(const char *name);

/* Runs a DELETE by SID as one change. */
void store_drop(struct store *s, enum store_stmt which, const struct sid *sid);

/* Around the statements of one change: a transaction of its own where the caller began none.  end: takes it back unless
 * ok, and gives whether it is in the file (or in the caller's transaction). */
bool store_change_begin(struct store *s);
bool store_change_end(struct store *s, bool ok);

/* Is the table card there? Without it its statements are not prepared. */
bool store_has_cards(const struct store *s);

/* Sets a damaged file aside and begins a new one. */
void store_renew(struct store *s);

/* Logs a failure of the open file (rc: SQLite's), and marks what follows from it. */
void store_failed(struct store *s, int rc, const char *what);

#endif
