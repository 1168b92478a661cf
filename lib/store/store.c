#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/store/store_db.h"

#define BUSY_MS 2000           /* the process before us may still be closing the file */
#define WARNING_SECONDS 60     /* between two lines about failures */
#define VALUE_MAX (32 << 20)   /* bytes of one value */

/*
 * One process has the file: so the WAL's index lies in its own memory and no
 * file is mapped, which a full disk could turn into SIGBUS.  NORMAL: a loss of
 * power may cost the last transactions and never the file.
 */
static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA cache_size = -512;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = NORMAL;"
                              "PRAGMA journal_size_limit = 4194304;";

/* What became of an attempt to open the file. */
enum outcome { OPENED, FAILED, DAMAGED, NEWER };

static int64_t
now_seconds(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

void
store_failed(struct store *s, int rc, const char *what)
{
    int64_t now = now_seconds();

    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        s->damaged = true;
    if (rc != SQLITE_OK && s->transaction == STORE_OPEN)
        s->transaction = STORE_FAILED;
    if (s->warned != 0 && now - s->warned < WARNING_SECONDS)
        return;
    s->warned = now == 0 ? 1 : now;
    log_warning("the store %s: %s", s->path, what);
}

/* As SQLite calls it. */
static const char in_memory[] = ":memory:";

static void
close_db(struct store *s)
{
    for (int i = 0; i < STMT_COUNT; i++) {
        (void)sqlite3_finalize(s->stmts[i]);
        s->stmts[i] = NULL;
    }
    (void)sqlite3_close_v2(s->db);
    s->db = NULL;
}

static int
destroy(struct store *s)
{
    close_db(s);
    return 0;
}

/* The file itself, made where it is not there: regular, 0600. SQLite gives its WAL the same mode. */
static bool
make_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    bool ok;

    if (fd < 0)
        return false;
    ok = fstat(fd, &st) == 0 && fchmod(fd, 0600) == 0;
    if (ok && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        ok = false;
    }
    (void)close(fd);
    return ok;
}

/* The first column of a pragma's one row; false if there is none. */
static int
pragma_int(struct store *s, const char *sql, int *value_out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    *value_out = 0;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
        *value_out = sqlite3_column_int(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* True in *sound_out if no page of the file contradicts another. */
static int
check_file(struct store *s, bool *sound_out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);

    *sound_out = false;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);

        *sound_out = text != NULL && strcmp((const char *)text, "ok") == 0;
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

bool
store_has_cards(const struct store *s)
{
    return s->version >= STORE_VERSION_CARDS;
}

/* Takes the file from s->version to the version that we know, each step whole or not at all. */
static int
upgrade(struct store *s)
{
    int rc = SQLITE_OK;

    while (s->version < s->schema->version && rc == SQLITE_OK) {
        rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, s->schema->steps[s->version], NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
        if (rc != SQLITE_OK && sqlite3_get_autocommit(s->db) == 0)
            (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            s->version++;
    }
    return rc;
}

/* Where a disk is full all that is known is worth more than what a later version adds. */
static int
go_on_without(struct store *s, int rc)
{
    if (((rc & 0xff) != SQLITE_FULL && (rc & 0xff) != SQLITE_IOERR) || s->version < STORE_VERSION_NEEDED)
        return rc;
    log_warning("the store %s has no room for its new tables: until it is opened again cards are not remembered: %s",
                s->path, sqlite3_errstr(rc));
    return SQLITE_OK;
}

static bool
is_of_cards(int stmt)
{
    return stmt == STMT_PUT_CARD || stmt == STMT_TRIM_CARDS || stmt == STMT_CARDS || stmt == STMT_CLEAR_CARDS;
}

static int
prepare(struct store *s)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < STMT_COUNT && rc == SQLITE_OK; i++) {
        if (store_has_cards(s) || !is_of_cards(i))
            rc = sqlite3_prepare_v3(s->db, store_statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[i], NULL);
    }
    return rc;
}

/* A file that somebody else wrote must not make us run his code, nor take all memory. */
static void
harden(sqlite3 *db)
{
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
}

/* SQLite's codes that say something about the bytes of the file, not about the disk or about us. */
static enum outcome
outcome_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return OPENED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* of a statement of ours: tables or columns are not as they were */
        return DAMAGED;
    default:
        return FAILED;
    }
}

/* The steps from a file to prepared statements; each needs the one before. */
static enum outcome
open_steps(struct store *s)
{
    int rc, id = 0;
    bool sound = false;

    rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return outcome_of(rc);
    harden(s->db);
    rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = pragma_int(s, "PRAGMA user_version", &s->version);
    if (rc == SQLITE_OK)
        rc = pragma_int(s, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK && id == STORE_APPLICATION_ID && s->version > s->schema->version)
        return NEWER;
    if (rc == SQLITE_OK && (s->version < 0 || (s->version > 0) != (id == STORE_APPLICATION_ID)))
        return DAMAGED;
    if (rc == SQLITE_OK)
        rc = check_file(s, &sound);
    if (rc == SQLITE_OK && !sound)
        return DAMAGED;
    if (rc == SQLITE_OK)
        rc = go_on_without(s, upgrade(s));
    if (rc == SQLITE_OK)
        rc = prepare(s);
    return outcome_of(rc);
}

/* On any outcome but OPENED the file is closed again, and *why_out (under mem) says what was wrong. */
static enum outcome
open_file(struct store *s, TALLOC_CTX *mem, const char **why_out)
{
    enum outcome outcome;

    if (s->path != in_memory && !make_file(s->path)) {
        outcome = errno == ELOOP || errno == EINVAL || errno == EISDIR || errno == ENXIO ? DAMAGED : FAILED;
        *why_out = talloc_asprintf(mem, "%s: %s", s->path, strerror(errno));
        return outcome;
    }
    outcome = open_steps(s);
    if (outcome == OPENED)
        return OPENED;
    s->busy = s->db != NULL && (sqlite3_errcode(s->db) & 0xff) == SQLITE_BUSY;
    if (outcome == NEWER)
        *why_out = talloc_asprintf(mem, "%s was made by a later version", s->path);
    else if (s->db != NULL && sqlite3_errcode(s->db) != SQLITE_OK && sqlite3_errcode(s->db) != SQLITE_DONE)
        *why_out = talloc_asprintf(mem, "%s: %s", s->path, sqlite3_errmsg(s->db));
    else
        *why_out = talloc_asprintf(mem, "%s: this is no store", s->path);
    close_db(s);
    return outcome;
}

/* Renames path to path and its suffix; a file that is not there is fine. */
static bool
rename_aside(const char *path, const char *tail, const char *suffix)
{
    char from[PATH_MAX], to[PATH_MAX];
    int n_from = snprintf(from, sizeof(from), "%s%s", path, tail);
    int n_to = snprintf(to, sizeof(to), "%s%s%s", path, suffix, tail);

    if (n_from < 0 || (size_t)n_from >= sizeof(from) || n_to < 0 || (size_t)n_to >= sizeof(to)) {
        errno = ENAMETOOLONG;
        return false;
    }
    return rename(from, to) == 0 || errno == ENOENT;
}

/* The WAL first: left alone beside a new file it would be played into it. */
static bool
set_aside(const char *path, const char *suffix)
{
    return rename_aside(path, "-wal", suffix) && rename_aside(path, "-journal", suffix) &&
           rename_aside(path, "-shm", suffix) && rename_aside(path, "", suffix);
}

/* Opens the file; where it is of no use, sets it aside and makes a new one. */
static bool
open_or_renew(struct store *s, TALLOC_CTX *mem, const char **why_out)
{
    enum outcome outcome = open_file(s, mem, why_out);
    const char *suffix = outcome == NEWER ? ".newer" : ".damaged";

    if (outcome == OPENED || outcome == FAILED)
        return outcome == OPENED;
    log_warning("%s; it is kept as %s%s and a new store begun", *why_out, s->path, suffix);
    if (!set_aside(s->path, suffix)) {
        *why_out = talloc_asprintf(mem, "%s cannot be set aside: %s", s->path, strerror(errno));
        return false;
    }
    return open_file(s, mem, why_out) == OPENED;
}

void
store_renew(struct store *s)
{
    TALLOC_CTX *tmp = talloc_new(s);
    const char *why = "out of memory";

    close_db(s);
    s->transaction = STORE_IDLE;
    log_warning("the store %s is damaged; it is kept as %s.damaged and a new one begun", s->path, s->path);
    if (!set_aside(s->path, ".damaged"))
        store_failed(s, SQLITE_OK, strerror(errno));
    else if (open_file(s, tmp, &why) != OPENED)
        store_failed(s, SQLITE_OK, why);
    else
        s->damaged = false;
    talloc_free(tmp);
}

struct store *
store_open_schema(TALLOC_CTX *mem, const char *dir, const struct store_schema *schema, const char **why_out)
{
    struct store *s = talloc_zero(mem, struct store);
    TALLOC_CTX *tmp = s == NULL ? NULL : talloc_new(s);
    const char *why = "out of memory";
    bool ok = false;

    *why_out = NULL;
    if (s != NULL && tmp != NULL) {
        talloc_set_destructor(s, destroy);
        s->schema = schema;
        s->path = talloc_asprintf(s, "%s/" STORE_FILE, dir);
        ok = s->path != NULL && open_or_renew(s, tmp, &why);
    }
    if (!ok) {
        int err = s != NULL && s->busy ? EBUSY : EIO;

        *why_out = talloc_strdup(mem, why);
        talloc_free(s);
        errno = err;
        return NULL;
    }
    talloc_free(tmp);
    return s;
}

struct store *
store_open(TALLOC_CTX *mem, const char *dir, const char **why_out)
{
    return store_open_schema(mem, dir, &store_schema, why_out);
}

struct store *
store_open_memory(TALLOC_CTX *mem)
{
    struct store *s = talloc_zero(mem, struct store);
    const char *why;

    if (s == NULL)
        return NULL;
    talloc_set_destructor(s, destroy);
    s->schema = &store_schema;
    s->path = in_memory;
    if (open_file(s, s, &why) != OPENED)
        TALLOC_FREE(s);
    return s;
}

void
store_close(struct store *s)
{
    talloc_free(s);
}
