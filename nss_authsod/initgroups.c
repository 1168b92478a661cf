#include <errno.h>
#include <stdlib.h>

#include "nss_authsod/module.h"

/* The array that glibc lends us. */
struct list {
    long int *start; /* ids in it */
    long int *size;  /* room, in ids */
    gid_t **groups;
    long int limit;  /* 0 or less: none */
};

/* Makes room for n more, or for as many as the limit allows. False if there is no memory. */
static bool
grow(const struct list *list, uint32_t n)
{
    long int want = *list->start + (long int)n;
    gid_t *groups;

    if (list->limit > 0 && want > list->limit)
        want = list->limit;
    if (want <= *list->size)
        return true;
    groups = reallocarray(*list->groups, (size_t)want, sizeof(*groups));
    if (groups == NULL)
        return false;
    *list->groups = groups;
    *list->size = want;
    return true;
}

static void
add(const struct list *list, gid_t gid, gid_t group)
{
    if (gid != group && *list->start < *list->size)
        (*list->groups)[(*list->start)++] = gid;
}

/* The primary group too: a program may run with another one. glibc drops what is in the array already. */
static void
add_all(const struct list *list, const struct record *rec, gid_t group)
{
    add(list, rec->gid, group);
    for (uint32_t i = 0; i < rec->n; i++) {
        gid_t gid = record_gid(rec, i);

        if (gid != rec->gid)
            add(list, gid, group);
    }
}

enum nss_status
_nss_authsod_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size, gid_t **groups,
                            long int limit, int *errnop)
{
    struct query q = { .kind = RECORD_GROUPS, .by = PROTO_BY_NAME, .name = user };
    struct list list = { .start = start, .size = size, .groups = groups, .limit = limit };
    struct answer a;
    enum nss_status status = lookup(&q, &a, errnop);

    if (status == NSS_STATUS_SUCCESS && !grow(&list, a.rec.n + 1)) {
        *errnop = ENOMEM;
        status = NSS_STATUS_TRYAGAIN;
    }
    if (status == NSS_STATUS_SUCCESS)
        add_all(&list, &a.rec, group);
    answer_done(&a);
    return status;
}
