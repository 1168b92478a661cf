/*
 * The machine secret: the password of the computer's account, in a file of
 * root's, mode 0600.  The keytab has the keys made of it; the file is what a
 * new password is changed with, and what survives when that goes wrong.
 *
 * Format, integers little-endian, strings as reader_str has them:
 *
 *   8 bytes  "authsods"
 *   u32      version, 1
 *   str      domain, "corp.test"
 *   str      realm, "CORP.TEST"
 *   str      account, "WS1$"
 *   str      domain controller that last took a password, "dc1.corp.test"
 *   u32      how many passwords follow, 1 to 3, each
 *     u32    slot (enum machine_slot), ascending
 *     u32    kvno of its keys; 0 where it is not known yet
 *     u64    when it was made, seconds since 1970
 *     str    password, 1 to MACHINE_PASSWORD_MAX bytes of ASCII
 *
 * A file is only ever replaced as a whole (lib/membership/replace.h).
 *
 * A new password is written and synced as pending, beside the current one,
 * before the domain hears of it.  When the domain has taken it, it becomes the
 * current one and that the previous one, which goes when no ticket under its
 * keys can be alive any more.  Whoever finds a pending one, after a crash,
 * tries both, and keeps the one that works.
 */
#ifndef AUTHSOD_MEMBERSHIP_MACHINE_SECRET_H
#define AUTHSOD_MEMBERSHIP_MACHINE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_SECRET_PATH AUTHSOD_CONFDIR "/machine-secret"
#define MACHINE_SECRET_FILE_MAX 4096 /* bytes */
#define MEMBERSHIP_KEYTAB_MAX (1U << 20) /* bytes of a keytab that is handed on */
#define MACHINE_PASSWORD_MAX 255
#define MACHINE_PASSWORD_LENGTH 120 /* characters of one that we make: 720 random bits */

enum machine_slot { MACHINE_CURRENT = 1, MACHINE_PREVIOUS = 2, MACHINE_PENDING = 3 };
#define MACHINE_SLOTS 3

struct machine_password {
    uint32_t kvno;
    int64_t time;
    char text[MACHINE_PASSWORD_MAX + 1]; /* "": there is none */
};

/* Lives in memory of secret_new. */
struct machine_secret {
    char domain[256];
    char realm[256];
    char account[32];
    char controller[256];
    struct machine_password slots[MACHINE_SLOTS + 1]; /* by enum machine_slot; 0 is not used */
};

/* NULL if out of memory; freed by machine_secret_free, which takes NULL. */
struct machine_secret *machine_secret_new(void);
void machine_secret_free(struct machine_secret *s);

/* Into MACHINE_SECRET_FILE_MAX bytes of the caller's, which are a secret. Gives their number, 0 if s is no good. */
size_t machine_secret_encode(const struct machine_secret *s, uint8_t *buf, size_t size);
/* False, and s all zero, if the bytes are not exactly one. */
bool machine_secret_decode(const uint8_t *p, size_t len, struct machine_secret *s);

/*
 * Reads a file: a regular one of root's (or the caller's own) that nobody else
 * may read or write.  False with errno, EINVAL where it is anything else.
 */
bool machine_secret_load(const char *path, struct machine_secret *s);

/* Replaces a file. False with errno: it is as it was. */
bool machine_secret_store(const char *path, const struct machine_secret *s);

/* MACHINE_PASSWORD_LENGTH characters from OpenSSL's generator, of at least three kinds. False if that fails. */
bool machine_password_make(char text[static MACHINE_PASSWORD_MAX + 1]);

#endif
