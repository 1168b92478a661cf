#include <errno.h>

#include "nss_authsod/module.h"

/* No hash: the password is the domain's. "x" would send programs to shadow(5). */
static const struct record_str no_password = { "*", 1 };

/* False if buf is too small; then nothing has been written. */
static bool
fill(const struct record *rec, struct passwd *pw, char *buf, size_t size)
{
    size_t need = rec->name.len + no_password.len + rec->gecos.len + rec->home.len + rec->shell.len + 5;

    if (size < need)
        return false;
    pw->pw_name = put_str(&buf, rec->name);
    pw->pw_passwd = put_str(&buf, no_password);
    pw->pw_uid = rec->uid;
    pw->pw_gid = rec->gid;
    pw->pw_gecos = put_str(&buf, rec->gecos);
    pw->pw_dir = put_str(&buf, rec->home);
    pw->pw_shell = put_str(&buf, rec->shell);
    return true;
}

static enum nss_status
get(const struct query *q, struct passwd *pw, char *buf, size_t size, int *errnop)
{
    struct answer a;
    enum nss_status status = lookup(q, &a, errnop);

    if (status == NSS_STATUS_SUCCESS && !fill(&a.rec, pw, buf, size)) {
        *errnop = ERANGE;
        status = NSS_STATUS_TRYAGAIN;
    }
    answer_done(&a);
    return status;
}

enum nss_status
_nss_authsod_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .name = name };

    return get(&q, pw, buf, size, errnop);
}

enum nss_status
_nss_authsod_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, int *errnop)
{
    struct query q = { .kind = RECORD_PASSWD, .by = PROTO_BY_ID, .id = uid };

    return get(&q, pw, buf, size, errnop);
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
