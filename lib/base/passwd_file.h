/*
 * A file of the form of passwd(5) or group(5), whose first field is the name and the third the id, read without NSS: no other source can hide a
 * local user or delay him.  Leaves errno undefined.
 */
#ifndef AUTHSOD_BASE_PASSWD_FILE_H
#define AUTHSOD_BASE_PASSWD_FILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True if a line of the file at path has that name (NULL: the id alone) or that
 * id (UINT32_MAX: the name alone), as glibc reads lines.
 */
bool passwd_file_has(const char *path, const char *name, uint32_t uid);

#endif
