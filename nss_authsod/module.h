/*
 * libnss_authsod.so.2: users and groups of the domain for glibc.
 *
 * Lives in other people's processes: libc only, no lock, no thread, no state
 * from one call to the next, and no allocation but the list that initgroups_dyn
 * is given to grow.  So fork, threads, chroot, and programs that close or reuse
 * every descriptor need no thought here.
 *
 * What glibc makes of the answers (passwd: files authsod):
 *   SUCCESS                  the entry
 *   NOTFOUND                 there is none; getpwnam_r gives 0 and NULL
 *   TRYAGAIN, errno ERANGE   the caller comes again with a larger buffer
 *   TRYAGAIN, errno EAGAIN   it cannot be known now (no DC, no answer in time,
 *                            too many at once).  The next service is asked, and
 *                            where nobody knows the caller gets EAGAIN: a mail
 *                            server defers instead of bouncing, nscd keeps
 *                            nothing.  No caller repeats it by itself
 *   UNAVAIL, errno           no service to ask, or one that may not be believed.
 *                            The next service is asked, and where nobody knows
 *                            the caller gets errno: ENOENT (no socket; programs
 *                            take it for "no such user") or ECONNREFUSED
 */
#ifndef AUTHSOD_NSS_MODULE_H
#define AUTHSOD_NSS_MODULE_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/proto/proto.h"
#include "lib/proto/record.h"

/* Milliseconds that a lookup may take: a first one is answered by the directory. The tests have less patience. */
#ifndef NSS_PATIENCE
#define NSS_PATIENCE 10000
#endif

/* The local users. */
#ifndef NSS_LOCAL_FILE
#define NSS_LOCAL_FILE "/etc/passwd"
#endif

/* What is asked for. */
struct query {
    enum record_kind kind;
    enum proto_by by;
    const char *name; /* by name: an alias of the caller's */
    uint32_t id;      /* by id */
};

/*
 * Bytes of an answer that need no mapping: holds any PASSWD, whose strings are
 * bounded, and small enough for threads with tiny stacks.
 */
#define ANSWER_SMALL 4096

/* An answer and the bytes that it points into. answer_done releases. */
struct answer {
    struct record rec; /* aliases into small or map */
    void *map;         /* where small is too small; else NULL */
    size_t map_len;
    uint8_t small[ANSWER_SMALL];
};

/*
 * Finds what is asked for: SUCCESS with a->rec, which has been checked: of that
 * kind, of that id where asked by id, and safe (record_is_safe).  By name the
 * record may have another one: the canonical name for CORP\alice is alice.
 * Else the status to give to glibc, with errno in *errnop.  errno itself is
 * kept.  The caller releases a by answer_done in each case.
 */
enum nss_status lookup(const struct query *q, struct answer *a, int *errnop);

/* Asks the socket. SUCCESS with a->rec as it was sent, well-formed but not yet checked; else as lookup. */
enum nss_status request(const struct query *q, struct answer *a, int *errnop);

void answer_done(struct answer *a);

/* Copies a string and its NUL to *at, which moves behind it. The caller has made sure of the room. */
char *put_str(char **at, struct record_str str);

#pragma GCC visibility push(default)

enum nss_status _nss_authsod_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_setpwent(int stay_open);
enum nss_status _nss_authsod_getpwent_r(struct passwd *pw, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_endpwent(void);

enum nss_status _nss_authsod_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_setgrent(int stay_open);
enum nss_status _nss_authsod_getgrent_r(struct group *gr, char *buf, size_t size, int *errnop);
enum nss_status _nss_authsod_endgrent(void);

/*
 * Adds the groups of user to the array *groups of *size ids, of which *start
 * are used.  It grows by realloc up to limit ids, where limit is above 0; what
 * is beyond is left out.  group, which the caller has put in already, is not
 * added again.
 */
enum nss_status _nss_authsod_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size,
                                            gid_t **groups, long int limit, int *errnop);

#pragma GCC visibility pop

#endif
