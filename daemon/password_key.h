/*
 * The key that a password makes (RFC 3962 section 4): 4,096 rounds of PBKDF2,
 * which take libk5crypto's own code a fifth of a whole logon, with a person and
 * an idle processor waiting.
 *
 * This program has a krb5_c_string_to_key_with_params of its own, which the
 * dynamic linker gives to libkrb5 in place of libk5crypto's.  It computes the
 * same function by libcrypto, and only for AES with SHA-1 and the usual number
 * of rounds; what is anything else, or fails, libk5crypto does as ever.  The
 * salt is hardly ever a secret or a surprise, so the rounds can be made ahead,
 * while the controller works on the first request; what was made ahead counts
 * only if it is of exactly the password and the salt that are then asked for.
 */
#ifndef AUTHSOD_DAEMON_PASSWORD_KEY_H
#define AUTHSOD_DAEMON_PASSWORD_KEY_H

#include <stdbool.h>

/*
 * Makes the rounds for password with the salt that Active Directory gives a
 * user: the realm, then the account's name.  What was made before is erased.
 * Keeps a copy of the password, in secret memory, until password_key_forget.
 */
void password_key_ahead(const char *password, const char *realm, const char *account);

/* Erases them. True if they were asked for since they were made. */
bool password_key_forget(void);

#endif
