/*
 * The names and ids of this computer's own accounts (/etc/passwd, /etc/group):
 * they win, whatever the domain says.  With the reserved names, what no user
 * or group of the domain may be called.
 */
#ifndef AUTHSOD_DAEMON_LOCAL_NAMES_H
#define AUTHSOD_DAEMON_LOCAL_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "daemon/config.h"

struct local_names;

/* c is borrowed until local_names_config or the end. Reads both files. */
struct local_names *local_names_new(TALLOC_CTX *mem, const struct config *c);
void local_names_config(struct local_names *l, const struct config *c);

/* An inotify descriptor that becomes readable when a file may have changed: then call local_names_refresh. -1: none. */
int local_names_watch(const struct local_names *l);

/* Reads again what has changed (also tools that rename into place). True if anything had. */
bool local_names_refresh(struct local_names *l);

/* True if the name or the id is local, or the name is reserved. A name counts in any (ASCII) case. */
bool local_names_has_user(const struct local_names *l, const char *name);
bool local_names_has_uid(const struct local_names *l, uint32_t uid);
bool local_names_has_group(const struct local_names *l, const char *name);
bool local_names_has_gid(const struct local_names *l, uint32_t gid);

/* Those of one file: n names in lower case, and n ids, each in order; the i-th of both are not one entry's. */
struct local_names_table {
    char *const *names;
    const uint32_t *ids;
    uint32_t n;
};
/* Aliases, until the next local_names_refresh. */
void local_names_tables(const struct local_names *l, struct local_names_table *users_out,
                        struct local_names_table *groups_out);

/* All of them once, for the directory's search for namesakes. */
typedef void local_names_fn(void *arg, const char *name);
void local_names_each(const struct local_names *l, local_names_fn *fn, void *arg);

#endif
