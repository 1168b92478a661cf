/* What replace.c and replace_journal.c share. Inside lib/membership only. */
#ifndef AUTHSOD_MEMBERSHIP_REPLACE_PRIVATE_H
#define AUTHSOD_MEMBERSHIP_REPLACE_PRIVATE_H

#include <stdbool.h>

/* True if name, a path, is one that replace_begin makes beside path. */
bool replace_is_beside(const char *name, const char *path);

/* Makes what happened in the directory of path outlast a crash. False with errno. */
bool replace_sync_directory(const char *path);

#endif
