#include <errno.h>
#include <stdlib.h>

#include "nss_authsod/module.h"

/* The array that glibc lends us. */
struct list {
    long int *start; /* ids in it */
    long int *size;  /* room, in ids */
    gid_t **groups;
    long int limit;  /* 0 or less: none */
    gid_t group;     /* not added again */
    long int was;    /* *start as it came */
    char name[PROTO_NAME_MAX + 1];
};

/* Makes room for n more, or for as many as the limit allows. False if there is no memory. errno is kept. */
static bool
grow(const struct list *list, uint32_t n)
{
    long int want = *list->start + (long int)n;
    int saved = errno;
    gid_t *groups;

    if (list->limit > 0 && want > list->limit)
        want = list->limit;
    if (want <= *list->size)
        return true;
    groups = reallocarray(*list->groups, (size_t)want, sizeof(*groups));
    errno = saved;
    if (groups == NULL)
        return false;
    *list->groups = groups;
    *list->size = want;
    return true;
}

/* Adds gid where there is room. */
static void
add(const struct list *list, gid_t gid)
{
    if (gid != list->group && *list->start < *list->size)
        (*list->groups)[(*list->start)++] = gid;
}

/*
 * The primary group too: a program may run with another one. glibc drops what
 * is in the array already.  False if one of them may not be believed.
 */
static bool
add_all(const struct list *list, const struct record *rec, const struct locals *locals)
{
    uint32_t highest = locals_highest_gid(locals);

    if (locals_have_gid(locals, rec->gid))
        return false;
    add(list, rec->gid);
    for (uint32_t i = 0; i < rec->n; i++) {
        gid_t gid = record_gid(rec, i);

        if (!record_id_is_safe(gid) || (gid <= highest && locals_have_gid(locals, gid)))
            return false;
        if (gid != rec->gid)
            add(list, gid);
    }
    return true;
}

static enum nss_status
give(void *to, struct record *rec, const struct locals *locals, struct given *given_out, int *errnop)
{
    struct list *list = to;
    char *at = list->name;

    *list->start = list->was;
    if (!grow(list, rec->n + 1)) {
        *errnop = ENOMEM;
        return NSS_STATUS_TRYAGAIN;
    }
    rec->name.s = put_str(&at, rec->name);
    *given_out = (struct given){ rec->name, rec->uid };
    if (record_head_is_safe(rec, false) && add_all(list, rec, locals))
        return NSS_STATUS_SUCCESS;
    *list->start = list->was;
    *errnop = EPROTO;
    return NSS_STATUS_UNAVAIL;
}

enum nss_status
_nss_authsod_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size, gid_t **groups,
                            long int limit, int *errnop)
{
    struct query q = { .kind = RECORD_GROUPS, .by = PROTO_BY_NAME, .name = user };
    struct list list = { .start = start, .size = size, .groups = groups, .limit = limit, .group = group, .was = *start };
    enum nss_status status = lookup(&q, give, &list, errnop);

    if (status != NSS_STATUS_SUCCESS)
        *start = list.was;
    return status;
}
