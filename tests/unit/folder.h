/* A folder of the test's own, empty at first and at the end. */
#ifndef AUTHSOD_TESTS_UNIT_FOLDER_H
#define AUTHSOD_TESTS_UNIT_FOLDER_H

#include <stdbool.h>

/* False with errno; folder_end's, where something is left in it. */
bool folder_begin(void);
bool folder_end(void);

/* A path in it; good until the fourth call after. */
const char *in_folder(const char *name);

/* How many names it has. */
unsigned folder_count(void);

#endif
