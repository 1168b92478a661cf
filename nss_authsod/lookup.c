/* Where an answer comes from, and whether it may be believed. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/proto/text.h"
#include "nss_authsod/module.h"

/*
 * False for what nobody's id or name can be. Of a name only the length, which is *len_out: what a map holds is checked
 * when it is given.
 */
static bool
is_key(const struct query *q, size_t *len_out)
{
    *len_out = 0;
    if (q->by != PROTO_BY_NAME)
        return record_id_is_safe(q->id);
    *len_out = strnlen(q->name, PROTO_NAME_MAX + 1);
    return *len_out > 0 && *len_out <= PROTO_NAME_MAX;
}

/* False for what can't be a domain's: root's own logon never waits for us. */
static bool
is_askable(const struct query *q)
{
    return q->by == PROTO_BY_ID || text_is_name(q->name, strlen(q->name));
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

static enum nss_status
ask(const struct query *q, give_fn *give, void *to, int *errnop)
{
    enum nss_status status;
    struct answer a;

    a.map = NULL;
    a.map_len = 0;
    status = request(q, &a, errnop);
    if (status == NSS_STATUS_SUCCESS)
        status = give_answer(q, &a.rec, give, to, errnop);
    answer_done(&a);
    return status;
}

static enum nss_status
find_elsewhere(const struct query *q, give_fn *give, void *to, int *errnop, bool unlisted)
{
    *errnop = ENOENT;
    if (!is_askable(q))
        return NSS_STATUS_NOTFOUND;
    if (!may_ask())
        return NSS_STATUS_UNAVAIL;
    /* A daemon that hangs is nobody's who is not its domain's. */
    if (!unlisted && locals_have_asked(q))
        return NSS_STATUS_NOTFOUND;
    return ask(q, give, to, errnop);
}

/* What the map has not answered, or has answered though it is to be asked for again. */
static __attribute__((noinline)) enum nss_status
go_beyond_the_map(const struct query *q, give_fn *give, void *to, int *errnop, enum nss_status status, bool unlisted)
{
    int saved = errno, cancel;

    /* A thread that is cancelled in here would leave a descriptor, and glibc's lock around getpwnam, behind. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    if (status == NSS_STATUS_UNAVAIL)
        status = find_elsewhere(q, give, to, errnop, unlisted);
    else if (may_ask())
        request_refresh(q);
    (void)pthread_setcancelstate(cancel, NULL);
    errno = saved;
    return status;
}

enum nss_status
lookup(const struct query *q, give_fn *give, void *to, int *errnop)
{
    enum nss_status status = NSS_STATUS_NOTFOUND;
    bool unlisted, stale;
    int err = ENOENT;
    size_t len;

    if (is_key(q, &len)) {
        status = map_lookup(q, len, give, to, &err, &unlisted, &stale);
        if (status == NSS_STATUS_UNAVAIL || stale)
            status = go_beyond_the_map(q, give, to, &err, status, unlisted);
    }
    /* Not before: it is the address of errno more often than not. */
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
