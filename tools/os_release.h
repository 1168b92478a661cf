/* What this system is called. */
#ifndef AUTHSOD_TOOLS_OS_RELEASE_H
#define AUTHSOD_TOOLS_OS_RELEASE_H

#include <stddef.h>
#include <stdio.h>

/* NAME ("Linux" where it is not told) and VERSION_ID ("" likewise) of os-release(5). */
void os_release(char *name, size_t name_size, char *version, size_t version_size);

/* The same of a file that is open. */
void os_release_read(FILE *f, char *name, size_t name_size, char *version, size_t version_size);

#endif
