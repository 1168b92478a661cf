/*
 * Secrets that erase themselves.
 *
 * secret_erase for memory in other people's processes (modules); secret_new
 * for the daemon: locked, excluded from core dumps and from children, wiped
 * and unmapped on release.  Libraries copy secrets into memory of their own:
 * secret_lock_all locks all that a process has and will have.
 */
#ifndef AUTHSOD_BASE_SECRET_H
#define AUTHSOD_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 4096 /* bytes of one password or PIN, its NUL included */

/* Overwrites n bytes in a way that the compiler may not remove. NULL is fine. */
void secret_erase(void *p, size_t n);

/* secret_erase of a string and its NUL. NULL is fine. */
void secret_erase_str(char *s);

/* Page-aligned zeroed memory of at least size bytes, locked where the limit
 * allows it, never dumped. NULL when there is none. secret_free releases. */
void *secret_new(size_t size);

/* Wipes and releases what secret_new(size) gave. NULL is fine. */
void secret_free(void *p, size_t size);

/*
 * For the process that starts the others, as root: no limit on locked memory,
 * for itself and for them.  False where the system does not let it.
 */
bool secret_allow_lock(void);

/*
 * Keeps every page of this process out of swap once it is used; none is used
 * for that.  False, with errno and nothing locked, where there is a limit: a
 * process that reaches it gets no more memory.
 */
bool secret_lock_all(void);

#endif
