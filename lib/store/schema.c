/* The tables, and every statement that is ever run on them. */
#include "lib/store/store_db.h"

/*
 * gids, resource_gids: u32 little-endian, one after the other.  members: as writer_str, one
 * after the other.  domain keeps its rowids: they are the order of arrival.  So are
 * those of card, which is a new row each time.
 */
static const char *const steps[] = {
    "CREATE TABLE user ("
    " sid BLOB NOT NULL UNIQUE,"
    " uid INTEGER NOT NULL UNIQUE,"
    " gid INTEGER NOT NULL,"
    " name TEXT NOT NULL UNIQUE,"
    " account TEXT NOT NULL,"
    " upn TEXT NOT NULL,"
    " full_name TEXT NOT NULL,"
    " refreshed INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " state_learned INTEGER NOT NULL,"
    " gids BLOB NOT NULL,"
    " groups_learned INTEGER NOT NULL);"
    "CREATE INDEX user_upn ON user (upn) WHERE upn <> '';"
    "CREATE TABLE grp ("
    " sid BLOB NOT NULL UNIQUE,"
    " gid INTEGER NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE,"
    " refreshed INTEGER NOT NULL,"
    " members BLOB NOT NULL,"
    " n_members INTEGER NOT NULL,"
    " members_learned INTEGER NOT NULL);"
    "CREATE TABLE fact (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE domain ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " sid BLOB NOT NULL UNIQUE,"
    " dns TEXT NOT NULL UNIQUE,"
    " netbios TEXT NOT NULL);"
    "PRAGMA application_id = 1634955108;" /* STORE_APPLICATION_ID */
    "PRAGMA user_version = 1;",
    "ALTER TABLE user ADD COLUMN resource_gids BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE user ADD COLUMN resource_learned INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;",
    ("CREATE TABLE card (id INTEGER PRIMARY KEY, uid INTEGER NOT NULL UNIQUE, hash BLOB NOT NULL);"
     "PRAGMA user_version = 3;"),
};

const struct store_schema store_schema = { .steps = steps, .version = sizeof(steps) / sizeof(steps[0]) };

#define USER_COLUMNS \
    "sid, uid, gid, name, account, upn, full_name, refreshed, state, state_learned, gids, groups_learned, " \
    "resource_gids, resource_learned"
#define GROUP_COLUMNS "sid, gid, name, refreshed, members, n_members, members_learned"

const char *const store_statements[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_CLEAR_USER] = "DELETE FROM user WHERE (uid = ?2 OR name = ?3) AND sid <> ?1",
    [STMT_PUT_USER] = "INSERT INTO user (" USER_COLUMNS ")"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                      " ON CONFLICT (sid) DO UPDATE SET uid = excluded.uid, gid = excluded.gid,"
                      " name = excluded.name, account = excluded.account, upn = excluded.upn,"
                      " full_name = excluded.full_name, refreshed = excluded.refreshed,"
                      " state = iif(excluded.state_learned = 0, state, excluded.state),"
                      " state_learned = iif(excluded.state_learned = 0, state_learned, excluded.state_learned),"
                      " gids = iif(excluded.groups_learned = 0, gids, excluded.gids),"
                      " groups_learned = iif(excluded.groups_learned = 0, groups_learned, excluded.groups_learned),"
                      " resource_gids = iif(excluded.resource_learned = 0, resource_gids, excluded.resource_gids),"
                      " resource_learned = iif(excluded.resource_learned = 0, resource_learned,"
                      " excluded.resource_learned)",
    [STMT_USER_BY_NAME] = "SELECT " USER_COLUMNS " FROM user WHERE name = ?1",
    [STMT_USER_BY_UPN] = "SELECT " USER_COLUMNS " FROM user WHERE upn = ?1 AND upn <> '' LIMIT 2",
    [STMT_USER_BY_SID] = "SELECT " USER_COLUMNS " FROM user WHERE sid = ?1",
    [STMT_DROP_USER] = "DELETE FROM user WHERE sid = ?1",
    [STMT_CLEAR_GROUP] = "DELETE FROM grp WHERE (gid = ?2 OR name = ?3) AND sid <> ?1",
    [STMT_PUT_GROUP] = "INSERT INTO grp (" GROUP_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                       " ON CONFLICT (sid) DO UPDATE SET gid = excluded.gid, name = excluded.name,"
                       " refreshed = excluded.refreshed,"
                       " members = iif(excluded.members_learned = 0, members, excluded.members),"
                       " n_members = iif(excluded.members_learned = 0, n_members, excluded.n_members),"
                       " members_learned = iif(excluded.members_learned = 0, members_learned,"
                       " excluded.members_learned)",
    [STMT_GROUP_BY_NAME] = "SELECT " GROUP_COLUMNS " FROM grp WHERE name = ?1",
    [STMT_GROUP_BY_GID] = "SELECT " GROUP_COLUMNS " FROM grp WHERE gid = ?1",
    [STMT_DROP_GROUP] = "DELETE FROM grp WHERE sid = ?1",
    [STMT_CLEAR_USERS] = "DELETE FROM user",
    [STMT_CLEAR_GROUPS] = "DELETE FROM grp",
    [STMT_PUT_FACT] = "INSERT OR REPLACE INTO fact (key, value) VALUES (?1, ?2)",
    [STMT_FACT] = "SELECT value FROM fact WHERE key = ?1",
    [STMT_DROP_FACT] = "DELETE FROM fact WHERE key = ?1",
    /* No DNS name begins like this one. */
    [STMT_CLEAR_DOMAIN] = "UPDATE domain SET dns = '-sid-' || lower(hex(sid)), netbios = ''"
                          " WHERE dns = ?2 AND sid <> ?1",
    [STMT_PUT_DOMAIN] = "INSERT INTO domain (sid, dns, netbios) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (sid) DO UPDATE SET dns = excluded.dns, netbios = excluded.netbios",
    [STMT_DOMAINS] = "SELECT dns, netbios, sid FROM domain ORDER BY id",
    [STMT_PUT_CARD] = "INSERT OR REPLACE INTO card (uid, hash) VALUES (?1, ?2)",
    [STMT_TRIM_CARDS] = "DELETE FROM card WHERE id NOT IN (SELECT id FROM card ORDER BY id DESC LIMIT ?1)",
    [STMT_CARDS] = "SELECT uid, hash FROM card ORDER BY id DESC",
    [STMT_CLEAR_CARDS] = "DELETE FROM card",
};
