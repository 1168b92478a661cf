/* Where an answer comes from, and whether it may be believed. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/passwd_file.h"
#include "lib/proto/text.h"
#include "nss_authsod/module.h"

/* False for what can't be a domain's: root's own logon never waits for us. */
static bool
is_askable(const struct query *q)
{
    if (q->by == PROTO_BY_NAME)
        return text_is_name(q->name, strnlen(q->name, PROTO_NAME_MAX + 1));
    return q->id >= PROTO_ID_MIN && q->id != UINT32_MAX;
}

/*
 * The boot must not wait for itself: not process 1, and not the child in which
 * systemd gets a unit of ours ready.  The variable can only take answers away,
 * and not even that from a program that has more rights than who started it.
 * Elsewhere the environment is not looked at: another thread may be changing it.
 */
static bool
may_ask(void)
{
    const char *unit;

    switch (getppid()) {
    case 0: /* process 1 has no parent, nor has who was sent into a container */
        return getpid() != 1;
    case 1:
        unit = secure_getenv("SYSTEMD_ACTIVATION_UNIT");
        return unit == NULL || (strcmp(unit, "authsodd.service") != 0 && strcmp(unit, "authsodd.socket") != 0);
    default:
        return true;
    }
}

/* The daemon's word is not enough: a daemon that is taken over still makes no root. */
static bool
may_believe(const struct query *q, const struct record *rec)
{
    if (rec->kind != q->kind || !record_is_safe(rec))
        return false;
    return q->by == PROTO_BY_NAME || q->id == (q->kind == RECORD_GROUP ? rec->gid : rec->uid);
}

static enum nss_status
find(const struct query *q, struct answer *a, int *errnop)
{
    enum nss_status status;

    *errnop = ENOENT;
    if (!is_askable(q))
        return NSS_STATUS_NOTFOUND;
    if (!may_ask())
        return NSS_STATUS_UNAVAIL;
    /* The one question that comes for local users too, and at each of their logons: a daemon that hangs is not theirs. */
    if (q->kind == RECORD_GROUPS && passwd_file_has(NSS_LOCAL_FILE, q->name, UINT32_MAX))
        return NSS_STATUS_NOTFOUND;
    status = request(q, a, errnop);
    if (status == NSS_STATUS_SUCCESS && !may_believe(q, &a->rec)) {
        *errnop = EPROTO;
        status = NSS_STATUS_UNAVAIL;
    }
    return status;
}

enum nss_status
lookup(const struct query *q, struct answer *a, int *errnop)
{
    int saved = errno, cancel, err = 0;
    enum nss_status status;

    a->map = NULL;
    a->map_len = 0;
    /* A thread that is cancelled in here would leave a descriptor, and glibc's lock around getpwnam, behind. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    status = find(q, a, &err);
    (void)pthread_setcancelstate(cancel, NULL);
    /* errnop is the address of errno more often than not. */
    errno = saved;
    if (status != NSS_STATUS_SUCCESS)
        *errnop = err;
    return status;
}

char *
put_str(char **at, struct record_str str)
{
    char *copy = *at;

    memcpy(copy, str.s, str.len);
    copy[str.len] = '\0';
    *at += str.len + 1;
    return copy;
}
