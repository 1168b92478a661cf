/*
 * The upper half's side: starts the child that has the network, shows what it
 * says, asks the person what it wants to know.
 */
#ifndef AUTHSOD_TOOLS_SESSION_H
#define AUTHSOD_TOOLS_SESSION_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tools/options.h"
#include "tools/report.h"
#include "tools/talk.h"

struct session {
    struct report *report;
    const struct ctl_options *options;
    int channel;         /* to the child; -1 */
    pid_t pid;
    int end_ms;          /* how long it may take to end; 0: a minute */
    bool killed;         /* after session_end: the child could not do what it does at its end */
};

/* What the child runs: true if all went well. It has said why if not. */
struct session_child {
    bool (*run)(int channel, void *arg);
    void *arg;
    int keep;            /* a descriptor that it has beside the channel; -1: none */
};

/*
 * Starts the child: of the user authsod, else nobody, without groups, rights
 * and the terminal, with the filter of sandbox_enter_tool.  It has a copy of
 * all memory but what is of secret_new, and of no descriptor but child->keep.
 * From here on Ctrl-C ends session_next and nothing else.  False after a
 * failure was reported.
 */
bool session_start(struct session *s, struct report *report, const struct ctl_options *o,
                   const struct session_child *child);

/*
 * Shows and answers what comes until the child says a word of the type wanted,
 * which is given in *t (talk_clear it).  False, after a report, where it has
 * failed, is gone, was silent for too long, or the person gave up.
 */
bool session_next(struct session *s, enum talk_type wanted, struct talk *t);

/* Lets the child end (it undoes what was not committed) and waits for that. */
void session_end(struct session *s);

/* One line from the terminal, or with o->password_stdin from stdin, into SECRET_MAX bytes. False after a report. */
bool prompt_secret(struct report *r, const struct ctl_options *o, const char *prompt, char *secret);

/* The mask that lets the signals through by which people end a program: held back but where we wait. */
void session_open_mask(sigset_t *mask);

/* True once the person pressed Ctrl-C, or asked for the end in another way. */
bool session_cancelled(void);

#endif
