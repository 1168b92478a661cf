/* What is local: it wins, in whatever order nsswitch.conf has us, and whatever the daemon says. */
#include <string.h>

#include "lib/base/passwd_file.h"
#include "lib/identmap/local_list.h"
#include "nss_authsod/module.h"

static const char *
file_of(enum record_kind kind)
{
    return kind == RECORD_GROUP ? NSS_LOCAL_GROUPS : NSS_LOCAL_USERS;
}

bool
locals_have_asked(const struct query *q)
{
    bool named = q->by == PROTO_BY_NAME;

    return passwd_file_has(file_of(q->kind), named ? q->name : NULL, named ? UINT32_MAX : q->id);
}

static bool
list_has_name(const struct locals *l, enum local_list_table table, struct record_str name)
{
    const struct shared_head *head = l->list;
    char folded[PROTO_NAME_MAX];

    local_list_fold(name.s, name.len, folded);
    return local_list_has_name(l->list, l->len, table, hash_keyed(head->key, folded, name.len));
}

bool
locals_have_given(const struct locals *l, enum record_kind kind, const struct given *given)
{
    bool group = kind == RECORD_GROUP;

    if (l->list == NULL)
        return passwd_file_has(file_of(kind), given->name.s, given->id);
    return local_list_has_id(l->list, l->len, group ? LOCAL_LIST_GIDS : LOCAL_LIST_UIDS, given->id) ||
           list_has_name(l, group ? LOCAL_LIST_GROUPS : LOCAL_LIST_USERS, given->name);
}

bool
locals_have_gid(const struct locals *l, uint32_t gid)
{
    if (l->list == NULL)
        return passwd_file_has(NSS_LOCAL_GROUPS, NULL, gid);
    return local_list_has_id(l->list, l->len, LOCAL_LIST_GIDS, gid);
}

uint32_t
locals_highest_gid(const struct locals *l)
{
    return l->list == NULL ? UINT32_MAX : local_list_highest(l->list, l->len, LOCAL_LIST_GIDS);
}
