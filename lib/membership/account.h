/*
 * The computer's account in the directory: made, taken over, deleted.  Over a
 * connection of directory_open, with the rights of whom that is of.
 */
#ifndef AUTHSOD_MEMBERSHIP_ACCOUNT_H
#define AUTHSOD_MEMBERSHIP_ACCOUNT_H

#include "lib/directory/ldap_write.h"
#include "lib/membership/keytab.h"

#define ACCOUNT_SSF_LEAST 128 /* bits of the seal under which a password may travel ([MS-ADTS] 3.1.1.3.1.5.1) */

struct account_wish {
    struct membership_names names;
    const char *container;          /* DN for a new account; not used for one that is there */
    const char *password;           /* the new one: ASCII, at most MACHINE_PASSWORD_MAX characters */
    const char *old_password;       /* of an account that logs on itself and changes its own; NULL: it is set */
    const char *os_name;            /* operatingSystem */
    const char *os_version;         /* operatingSystemVersion; "" for none */
};

/* How far account_make and account_take came. */
struct account_result {
    const char *dn;                 /* under the mem of the call */
    bool made;                      /* a new account, which account_remove may take back */
    bool password_set;              /* the domain has the new password, or may have it */
    bool encryption_set;            /* msDS-SupportedEncryptionTypes could be written */
    const char *step;               /* static, of a failure: the attribute or object it was about */
    struct dir_refusal refusal;     /* of a failure */
};

/*
 * Makes a new account with its password, names and service principals in one
 * request; then what only some may write: the encryption types (AES alone) and
 * the operating system.  That they can't be written is no failure.
 */
enum dir_write account_make(struct directory *d, TALLOC_CTX *mem, const struct account_wish *w,
                            struct account_result *out);

/*
 * Takes over an account that is there, enabled again if it was not: the
 * attributes first, the password last, so that nothing of what worked before
 * is broken by a failure before that.
 */
enum dir_write account_take(struct directory *d, TALLOC_CTX *mem, const struct dir_computer *c,
                            const struct account_wish *w, struct account_result *out);

/* Deletes an account, with what is below it. */
enum dir_write account_remove(struct directory *d, const char *dn, struct dir_refusal *r);

/* Disables it. */
enum dir_write account_disable(struct directory *d, const struct dir_computer *c, struct dir_refusal *r);

/* A password as unicodePwd has it ([MS-ADTS] 3.1.1.3.1.5): in quotes, UTF-16. Bytes in buf; 0 if it does not fit. */
size_t account_unicode_password(const char *password, uint8_t *buf, size_t size);

#endif
