/*
 * What a process may still do once it has begun: a seccomp filter of the
 * system calls that it needs, everything else is refused with EPERM, and where
 * the kernel has Landlock, no writing to the file system but where its own
 * files are.  The process has no new privileges (PR_SET_NO_NEW_PRIVS) before.
 */
#ifndef AUTHSOD_DAEMON_SANDBOX_H
#define AUTHSOD_DAEMON_SANDBOX_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "daemon/ipc.h"

/* Puts the filter of a role in force. False: libseccomp or the kernel refuses it. */
bool sandbox_enter(enum role role);
/*
 * The same, but that the process may still make copies of itself (clone with
 * these flags: a copy is the child of this process's parent) and become a
 * user; then end_waiting, which is quick, takes that away.
 */
#define SANDBOX_COPY (CLONE_PARENT | SIGCHLD)
bool sandbox_enter_waiting(enum role role);
bool sandbox_end_waiting(void);

/*
 * For authsodctl's half that has the network: a client of the internet, which
 * opens files to read them and has none of its own.
 */
bool sandbox_enter_tool(void);

#endif
