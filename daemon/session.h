/*
 * The role session: asks logind to lock or end somebody's sessions at this
 * computer.  It knows the system's bus and nothing else.
 */
#ifndef AUTHSOD_DAEMON_SESSION_H
#define AUTHSOD_DAEMON_SESSION_H

#include "daemon/ipc.h"

#define SESSION_CALL_MS 3000     /* for one answer of logind's */
#define SESSION_DEADLINE_MS 10000 /* for all of them */

/* Carries m out. What came of it, into *m_out. */
void session_act(const struct ipc_act *m, struct ipc_acted *m_out);

#endif
