#include <errno.h>
#include <string.h>

#include "lib/proto/text.h"
#include "nss_authsod/module.h"

/* No hash: the password is the domain's. "x" would send programs to shadow(5). */
static const char no_password[] = "*";

/* The caller's memory. */
struct to {
    struct passwd *pw;
    char *buf;
    size_t size;
};

/* The next of the strings that were copied to *at. */
static char *
take(char **at, struct record_str *str)
{
    char *copy = *at;

    copy[str->len] = '\0';
    *at += str->len + 1;
    str->s = copy;
    return copy;
}

static enum nss_status
give(void *to, struct record *rec, const struct locals *locals, struct given *given_out, int *errnop)
{
    const struct to *t = to;
    size_t len = rec->name.len + rec->gecos.len + rec->home.len + rec->shell.len + 4;
    char *at = t->buf;
    bool plain;

    if (t->size < len + sizeof(no_password)) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    plain = text_copy(at, rec->name.s, len);
    t->pw->pw_name = take(&at, &rec->name);
    t->pw->pw_gecos = take(&at, &rec->gecos);
    t->pw->pw_dir = take(&at, &rec->home);
    t->pw->pw_shell = take(&at, &rec->shell);
    t->pw->pw_passwd = memcpy(at, no_password, sizeof(no_password));
    t->pw->pw_uid = rec->uid;
    t->pw->pw_gid = rec->gid;
    *given_out = (struct given){ rec->name, rec->uid };
    *errnop = EPROTO;
    return record_head_is_safe(rec, plain) && !locals_have_gid(locals, rec->gid) ? NSS_STATUS_SUCCESS
                                                                                   : NSS_STATUS_UNAVAIL;
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
