/*
 * Replacing a file whole: the new one is written beside it and synced, then
 * takes its name, and can be taken back until the end.
 *
 * Nobody can guess the names of the new file and, beside the new one, of the
 * old one.  Both are locked (flock) while somebody is at it, so that those of
 * one who has died are told from them, and removed by the next.
 */
#ifndef AUTHSOD_MEMBERSHIP_REPLACE_H
#define AUTHSOD_MEMBERSHIP_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct replace {
    char path[PATH_MAX];   /* where the file is, links followed */
    char fresh[PATH_MAX];  /* the new one until replace_commit; "" if there is none */
    char saved[PATH_MAX];  /* another name of the old one from replace_commit on; "" if there was none */
    int fd;                /* of the new one, for reading and writing; -1 */
    int saved_fd;          /* of the old one, for its lock; -1 */
    bool committed;
};

/*
 * Removes what those who have died have left (replace_sweep), and makes the
 * new file: empty, 0600, O_EXCL, in the directory of path.  False with errno,
 * and nothing was made.  *r is then and before replace_begin in the
 * state of REPLACE_NONE, which all that follow take.
 */
#define REPLACE_NONE { .fd = -1, .saved_fd = -1 }
bool replace_begin(struct replace *r, const char *path);

/* Gives the new file its mode, and syncs it. False with errno. */
bool replace_ready(struct replace *r, mode_t mode);

/* Syncs the new file, gives it the name and the mode, syncs the directory. False with errno: nothing is changed. */
bool replace_commit(struct replace *r, mode_t mode);

/* Takes it all back: the old file is there again, or none if there was none. */
void replace_undo(struct replace *r);

/* Keeps what is: the old file is gone. */
void replace_keep(struct replace *r);

/* Removes what those who have died while they replaced path have left beside it. */
void replace_sweep(const char *path);

/*
 * All of that in one: n bytes.  like: whose owner and mode the file has, NULL
 * for the caller's and 0600.  False with errno: the old file is there as it was.
 */
bool replace_bytes(const char *path, const void *bytes, size_t n, const struct stat *like);

/*
 * Keeps others of us from changing what the membership consists of, until the
 * descriptor is closed.  Where there is a journal (replace_journal.h) nothing is
 * to be swept before that is finished.  -1 with errno: EWOULDBLOCK where one is at it.  The
 * file is root's and stays: one that others can open they could lock.
 */
#define MEMBERSHIP_LOCK_PATH AUTHSOD_RUNDIR ".membership.lock"
int membership_lock(void);

#endif
