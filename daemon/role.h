/*
 * A role's process: what keeper hands it, and how it begins.
 *
 * keeper forks, becomes the role's user, and executes this program again as
 * `authsodd --role=NAME`, with descriptors at fixed places; role_begin then
 * reads the configuration, forbids what the role never does, and gives back
 * the rest.  Every role looks names up in files only.
 */
#ifndef AUTHSOD_DAEMON_ROLE_H
#define AUTHSOD_DAEMON_ROLE_H

#include <stdbool.h>
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
/* directory and member: channels */
#define FD_FRONT 5
#define FD_OTHER 6       /* directory's to member, member's to directory */
/* logon: channels; FD_FRONT as above */
#define FD_VERIFIER 6    /* to member */
/* ccache */
#define FD_CREDENTIALS 5 /* memfd */

#define ROLE_FDS_MAX 9   /* one past the last */

/* "front" and so on; NULL for a number that is no role. */
const char *role_name(unsigned role);

/* Locks the door: locale and NSS from files only, not dumpable, no new
 * privileges, seccomp filter.  Ends the process where any of it fails. Gives
 * the configuration. */
struct config *role_begin(TALLOC_CTX *mem, enum role role);

/* Before role_begin: log at debug level, whatever the configuration says (authsodd --debug). */
void role_debug(void);

/* The configuration out of a memfd with its text (IPC_CONFIG); NULL (logged) if it is not valid. */
struct config *role_config(TALLOC_CTX *mem, int fd);

/* The filter of a role (sandbox.c). False if the kernel refuses it. */
bool sandbox_enter(enum role role);

/* Main functions; each gives the exit status. */
int keeper_main(const char *config_path, bool debug);
int front_main(void);
int logon_main(void);
int member_main(void);
int directory_main(void);
/* arguments: store|destroy, name ("": a new one after the configuration), user */
int ccache_main(int argc, char **argv);

#endif
