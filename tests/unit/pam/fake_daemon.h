/* The daemon's side of a script, in a process of its own. */
#ifndef TESTS_PAM_FAKE_DAEMON_H
#define TESTS_PAM_FAKE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/unit/pam/script.h"

/* Listens on CLIENT_PATH_PAM below the current folder; gives the descriptor. */
int fake_daemon_listen(void);

/*
 * Plays the lines "< ..." and "> ..." among [first, last) of the script, and
 * then requires that nobody else has connected.  Gives the process.
 */
pid_t fake_daemon_start(const struct script *s, size_t first, size_t last, int listener);

/* Waits until the play is past all its lines before this one, or has failed. */
void fake_daemon_await(size_t line);

/*
 * Ends the play: lets the process see that no more will come, and waits.  True
 * if all went as written; else it has said what did not.
 */
bool fake_daemon_end(pid_t pid);

#endif
