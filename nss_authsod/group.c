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

/* The caller's memory. */
struct to {
    struct group *gr;
    char *buf;
    size_t size;
};

static enum nss_status
give(void *to, struct record *rec, const struct locals *locals, struct given *given_out, int *errnop)
{
    const struct to *t = to;
    size_t array = ((size_t)rec->n + 1) * sizeof(char *);
    char **members, *at;

    (void)locals;
    if (t->size < padding(t->buf) + array + rec->name.len + no_password.len + 2 + rec->members_len) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    members = (void *)(t->buf + padding(t->buf));
    at = (char *)members + array;
    t->gr->gr_name = put_str(&at, rec->name);
    t->gr->gr_passwd = put_str(&at, no_password);
    t->gr->gr_gid = rec->gid;
    t->gr->gr_mem = members;
    memcpy(at, rec->members, rec->members_len);
    members[rec->n] = NULL;
    rec->name.s = t->gr->gr_name;
    *given_out = (struct given){ rec->name, rec->gid };
    *errnop = EPROTO;
    return record_head_is_safe(rec, false) && record_members(rec, at, members) ? NSS_STATUS_SUCCESS : NSS_STATUS_UNAVAIL;
}

enum nss_status
_nss_authsod_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_GROUP, .by = PROTO_BY_NAME, .name = name };
    struct to to = { gr, buf, size };

    return lookup(&q, give, &to, errnop);
}

enum nss_status
_nss_authsod_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_GROUP, .by = PROTO_BY_ID, .id = gid };
    struct to to = { gr, buf, size };

    return lookup(&q, give, &to, errnop);
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
