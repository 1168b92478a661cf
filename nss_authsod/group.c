#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "nss_authsod/module.h"

/* Nobody enters a domain's group by newgrp(1) and a password. */
static const struct record_str no_password = { "*", 1 };

/* Where the array of members can begin in buf, counted from its start. */
static size_t
padding(const char *buf)
{
    return (alignof(char *) - (uintptr_t)buf % alignof(char *)) % alignof(char *);
}

/* False if buf is too small; then nothing has been written. */
static bool
fill(const struct record *rec, struct group *gr, char *buf, size_t size)
{
    size_t array = ((size_t)rec->n + 1) * sizeof(char *);
    size_t need = padding(buf) + array + rec->name.len + no_password.len + 2 + rec->members_len;
    char **members, *at;

    if (size < need)
        return false;
    members = (void *)(buf + padding(buf));
    at = (char *)members + array;
    gr->gr_name = put_str(&at, rec->name);
    gr->gr_passwd = put_str(&at, no_password);
    gr->gr_gid = rec->gid;
    memcpy(at, rec->members, rec->members_len);
    (void)record_members(rec, at, members);
    members[rec->n] = NULL;
    gr->gr_mem = members;
    return true;
}

static enum nss_status
get(const struct query *q, struct group *gr, char *buf, size_t size, int *errnop)
{
    struct answer a;
    enum nss_status status = lookup(q, &a, errnop);

    if (status == NSS_STATUS_SUCCESS && !fill(&a.rec, gr, buf, size)) {
        *errnop = ERANGE;
        status = NSS_STATUS_TRYAGAIN;
    }
    answer_done(&a);
    return status;
}

enum nss_status
_nss_authsod_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_GROUP, .by = PROTO_BY_NAME, .name = name };

    return get(&q, gr, buf, size, errnop);
}

enum nss_status
_nss_authsod_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_GROUP, .by = PROTO_BY_ID, .id = gid };

    return get(&q, gr, buf, size, errnop);
}

/* A domain is not listed, see passwd.c. */
enum nss_status
_nss_authsod_setgrent(int stay_open)
{
    (void)stay_open;
    return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_authsod_getgrent_r(struct group *gr, char *buf, size_t size, int *errnop)
{
    (void)gr;
    (void)buf;
    (void)size;
    *errnop = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

enum nss_status
_nss_authsod_endgrent(void)
{
    return NSS_STATUS_SUCCESS;
}
