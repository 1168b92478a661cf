/*
 * Several files that are replaced together: what takes their names is written
 * down first, so that whoever comes after a crash in between can finish it.
 *
 * Format, as lib/base/buf.h has integers and strings: 8 bytes "authsodk", u32
 * how many files follow (1 to JOURNAL_FILES_MAX), u32 how many of these, the
 * first, are needed (1 to that many), and each
 *     str    the new file, as replace_begin called it
 *     str    the name that it takes
 *     u64    its inode, by which a file that has its name is told from one that is lost
 * Earlier versions wrote "authsodj", without how many are needed and without
 * inodes: a new file that is not there has its name then.
 */
#ifndef AUTHSOD_MEMBERSHIP_REPLACE_JOURNAL_H
#define AUTHSOD_MEMBERSHIP_REPLACE_JOURNAL_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/membership/replace.h"

/* What a join writes down before its files take their names. */
#define MEMBERSHIP_JOURNAL_PATH AUTHSOD_CONFDIR "/.joining"

#define JOURNAL_FILES_MAX 4
#define JOURNAL_BYTES_MAX (JOURNAL_FILES_MAX * (2 * (PATH_MAX + 4) + 8) + 20)

struct journal {
    size_t n;
    size_t n_needed;                   /* 0: of an earlier version, which has no inodes */
    struct journal_file {
        char fresh[PATH_MAX];
        char path[PATH_MAX];
        uint64_t inode;
    } files[JOURNAL_FILES_MAX];
};

/*
 * Writes down that these files, which replace_ready has been called for, take
 * their names; at most JOURNAL_FILES_MAX.  Without one of the first n_needed all
 * of them are worth nothing.  j is the journal's own, to be given up with
 * replace_undo once they all have their names, or are taken back.  False with
 * errno, and nothing was written.
 */
bool journal_begin(struct replace *j, const char *path, struct replace *const *files, size_t n, size_t n_needed);

enum journal_end {
    JOURNAL_NONE,      /* there is none */
    JOURNAL_FINISHED,  /* the files have their names now */
    JOURNAL_LOST,      /* a new file that is needed is gone: *lost_out */
    JOURNAL_FAILED,    /* with errno: EINVAL where it is none of ours */
};

/*
 * Finishes what a dead one has begun, and forgets it.  Nobody else may be at it:
 * the caller has a lock for that.  Where somebody has removed one of the new
 * files that are needed no other one takes its name, and the journal stays.  A
 * file that took its name and was replaced since cannot be told from such a one.
 */
enum journal_end journal_finish(const char *path, char lost_out[static PATH_MAX]);

/* The decoder under it: only files beside those whose names they take. */
bool journal_decode(const uint8_t *p, size_t len, struct journal *out);

#endif
