/*
 * libnss_authsod.so.2: users and groups of the domain for glibc.
 *
 * Lives in other people's processes: libc only, no lock, no thread, no state
 * from one call to the next but the two files that it has mapped (lib/identmap),
 * and no allocation but the list that initgroups_dyn is given to grow.  So fork,
 * threads, chroot, and programs that close or reuse every descriptor need no
 * thought here.
 *
 * An answer comes out of the identity map, without a system call, where both it
 * and the list of local names may be believed; else from the socket.  Where the
 * list may not, the local files are read first.
 *
 * What glibc makes of the answers (passwd: files authsod; or, with the same
 * words for what is not local, passwd: authsod [TRYAGAIN=return] files):
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

/* The local users and groups. */
#ifndef NSS_LOCAL_USERS
#define NSS_LOCAL_USERS "/etc/passwd"
#define NSS_LOCAL_GROUPS "/etc/group"
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
 * What is local here, held against what is asked and what is answered: the list
 * that keeper writes, or the files themselves.
 */
struct locals {
    const void *list; /* an alias, as from shared_get(); NULL: read the files */
    size_t len;
};

/* What an answer is for, as the caller now has it: the copy of its name, a NUL behind it and none in it, and its id. */
struct given {
    struct record_str name;
    uint32_t id; /* uid of a user, gid of a group */
};

/*
 * Copies a record to the caller's memory, `to`, and then checks the copy: what
 * the record aliases may be changing.  The strings of *rec that are checked are
 * made aliases of the copy.  SUCCESS with *given_out; TRYAGAIN with ERANGE or
 * ENOMEM where there is no room; UNAVAIL with EPROTO for what may not be
 * believed, whoever says so.  May be called again for another record, which
 * then takes the place of the first.
 */
typedef enum nss_status give_fn(void *to, struct record *rec, const struct locals *locals, struct given *given_out,
                                int *errnop);

/*
 * Finds what is asked for and gives it: SUCCESS, or the status to give to glibc
 * with errno in *errnop.  By name the record may have another one: the canonical
 * name for CORP\alice is alice.  errno itself is kept.
 */
enum nss_status lookup(const struct query *q, give_fn *give, void *to, int *errnop);

/* Asks the socket. SUCCESS with a->rec as it was sent, well-formed but not yet checked; else as lookup. */
enum nss_status request(const struct query *q, struct answer *a, int *errnop);

/* The caller of request releases a, whatever came of it. */
void answer_done(struct answer *a);

/* Tells the daemon that what it published for q is stale, and waits for nothing. */
void request_refresh(const struct query *q);

/*
 * What the map says.  len: of the name that q asks for, PROTO_NAME_MAX at most.
 * SUCCESS, NOTFOUND and TRYAGAIN (the caller's memory) are the answer.  UNAVAIL:
 * ask the socket; *unlisted_out: q is not on the list of local names, so the
 * files need not be read (false too where there is no map: then the service may
 * be about to be gone, and the list with it).  *stale_out: it was given, and is
 * to be asked for again.  errno is kept.
 */
enum nss_status map_lookup(const struct query *q, size_t len, give_fn *give, void *to, int *errnop,
                           bool *unlisted_out, bool *stale_out);

/*
 * Gives what the socket answered, if it may be believed: UNAVAIL with EPROTO
 * if not.  The daemon's word is not enough: a daemon that is taken over still
 * makes no root, and no namesake of a local user.
 */
enum nss_status give_answer(const struct query *q, struct record *rec, give_fn *give, void *to, int *errnop);

/* True if what was asked for is local. Answers from the files. */
bool locals_have_asked(const struct query *q);

/* True if the copy that was given is a local one's namesake or has its id. */
bool locals_have_given(const struct locals *l, enum record_kind kind, const struct given *given);

/* No local group has a gid above it. */
uint32_t locals_highest_gid(const struct locals *l);

/* True if a local group has this gid. */
bool locals_have_gid(const struct locals *l, uint32_t gid);

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
