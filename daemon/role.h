/*
 * A role's process: what keeper hands it, and how it begins.
 *
 * keeper forks and executes this program again as `authsodd --role=NAME
 * --as=UID:GID`, with descriptors at fixed places; role_begin then becomes that
 * user, reads the configuration, and forbids what the role never does.  (Were
 * it executed as that user, another process of his could look into it before
 * it has locked its door.)  Every role looks names up in files only.
 */
#ifndef AUTHSOD_DAEMON_ROLE_H
#define AUTHSOD_DAEMON_ROLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <talloc.h>

#include "daemon/config.h"
#include "daemon/ipc.h"

/* Descriptors of every role. */
#define FD_KEEPER 3      /* channel to keeper */
#define FD_CONFIG 4      /* memfd: the configuration's text */
/* front */
#define FD_NSS 5         /* listening sockets */
#define FD_PAM 6
#define FD_DIRECTORY 7   /* channels */
#define FD_MEMBER 8
#define FD_NETLOGON 9
/* directory, member and netlogon: channels */
#define FD_FRONT 5
#define FD_OTHER 6       /* directory's to member, member's and netlogon's to directory */
#define FD_THIRD 7       /* directory's and member's to netlogon, netlogon's to member */
/* member */
#define FD_CARDS 8       /* folder of its own: which cards the domain has taken (lib/cached) */
/* logon, card, watch and session: channels; FD_FRONT as above, and watch and session have no other */
#define FD_VERIFIER 6    /* to member */
#define FD_PASS 7        /* logon's to netlogon */

#define ROLE_FDS_MAX 10  /* one past the last */

/* "front" and so on; NULL for a number that is no role. */
const char *role_name(unsigned role);
/* Is it one of those that front asks for when there is work for them? Each has a number. */
bool role_is_worker(unsigned role);

/* Locks the door: another user, locale and NSS from files only, not dumpable,
 * no new privileges, seccomp filter.  Ends the process where any of it fails.
 * Gives the configuration. */
struct config *role_begin(TALLOC_CTX *mem, enum role role);

/* For ccache, whose copies learn later whose they are: all but the user. Of
 * root's rights it keeps that to become another user, and its filter lets it. */
struct config *role_begin_waiting(TALLOC_CTX *mem, enum role role);
/*
 * After that: a copy of this process, which must have no other thread.  Its
 * parent is this one's: keeper.  In the copy 0; else its process id, or -1
 * with errno.
 */
pid_t role_copy(void);
/* After that, too: becomes the user for good. Ends the process where that fails, or keeper is gone. */
void role_end_waiting(uint32_t uid, uint32_t gid);
/* What the errno of IPC_KEYTAB means. */
const char *role_keytab_error(int err);

/* Before role_begin: log at debug level, whatever the configuration says (authsodd --debug). */
void role_debug(void);
/* Before role_begin: "UID:GID" of keeper's. False if it is none. */
bool role_as(const char *text);

/* The configuration out of a memfd with its text (IPC_CONFIG); NULL (logged) if it is not valid. */
struct config *role_config(TALLOC_CTX *mem, int fd);

/* Main functions; each gives the exit status. */
int keeper_main(const char *config_path, bool debug);
int front_main(void);
int logon_main(void);
int card_main(void);
int watch_main(void);
int session_main(void);
int member_main(void);
int directory_main(void);
int netlogon_main(void);
int ccache_main(void);
int keytab_main(void);

#endif
