#include <errno.h>

#include "nss_authsod/module.h"

/* No hash: the password is the domain's. "x" would send programs to shadow(5). */
static const struct record_str no_password = { "*", 1 };

/* The caller's memory. */
struct to {
    struct passwd *pw;
    char *buf;
    size_t size;
};

static enum nss_status
give(void *to, const struct record *rec, const struct locals *locals, struct given *given_out, int *errnop)
{
    const struct to *t = to;
    struct record copy = *rec;
    char *at = t->buf;

    if (t->size < rec->name.len + no_password.len + rec->gecos.len + rec->home.len + rec->shell.len + 5) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    t->pw->pw_name = put_str(&at, rec->name);
    t->pw->pw_passwd = put_str(&at, no_password);
    t->pw->pw_uid = rec->uid;
    t->pw->pw_gid = rec->gid;
    t->pw->pw_gecos = put_str(&at, rec->gecos);
    t->pw->pw_dir = put_str(&at, rec->home);
    t->pw->pw_shell = put_str(&at, rec->shell);
    copy.name.s = t->pw->pw_name;
    copy.gecos.s = t->pw->pw_gecos;
    copy.home.s = t->pw->pw_dir;
    copy.shell.s = t->pw->pw_shell;
    *given_out = (struct given){ t->pw->pw_name, rec->uid };
    *errnop = EPROTO;
    return record_head_is_safe(&copy) && !locals_have_gid(locals, rec->gid) ? NSS_STATUS_SUCCESS : NSS_STATUS_UNAVAIL;
}

enum nss_status
_nss_authsod_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .name = name };
    struct to to = { pw, buf, size };

    return lookup(&q, give, &to, errnop);
}

enum nss_status
_nss_authsod_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_PASSWD, .by = PROTO_BY_ID, .id = uid };
    struct to to = { pw, buf, size };

    return lookup(&q, give, &to, errnop);
}

/* A domain is not listed: what has a hundred thousand users can't be read through by each ls(1). */
enum nss_status
_nss_authsod_setpwent(int stay_open)
{
    (void)stay_open;
    return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_authsod_getpwent_r(struct passwd *pw, char *buf, size_t size, int *errnop)
{
    (void)pw;
    (void)buf;
    (void)size;
    *errnop = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

enum nss_status
_nss_authsod_endpwent(void)
{
    return NSS_STATUS_SUCCESS;
}
