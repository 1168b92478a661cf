/*
 * The computer's keys in a keytab: AES256 and AES128 of each of its names.
 * Entries of others in the file stay.
 */
#ifndef AUTHSOD_MEMBERSHIP_KEYTAB_H
#define AUTHSOD_MEMBERSHIP_KEYTAB_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/membership/machine_secret.h"

/* Who the computer is. Strings are aliases. */
struct membership_names {
    const char *realm;    /* "CORP.TEST" */
    const char *computer; /* "WS1" */
    const char *fqdn;     /* "ws1.corp.test" */
};

#define MEMBERSHIP_NAMES 5      /* names that have keys: host and RestrictedKrbHost, full and short, and WS1$ */
#define MEMBERSHIP_SERVICES 4   /* those of them that are service principals */
#define MEMBERSHIP_NAME_SIZE 512

/*
 * The i-th name without its realm: below MEMBERSHIP_SERVICES service
 * principals ("host/ws1.corp.test"), then the account ("WS1$").  False where
 * it does not fit.
 */
bool membership_name(const struct membership_names *n, int i, char buf[static MEMBERSHIP_NAME_SIZE]);

/* The salt of a computer's keys ([MS-KILE] 3.1.1.2): "CORP.TESThostws1.corp.test". */
bool membership_salt(const struct membership_names *n, char buf[static MEMBERSHIP_NAME_SIZE]);

/*
 * Writes to fd, an empty file called path, what keytab old has (a path; one
 * that does not exist is empty) with the computer's keys of password and kvno
 * in place of its own, of which those of the version before stay if
 * keep_previous: tickets under them are still about.  0, or a code of libkrb5.
 */
krb5_error_code membership_keytab_write(krb5_context ctx, const struct membership_names *n, const char *old, int fd,
                                        const char *path, const char *password, uint32_t kvno, bool keep_previous);

/*
 * The same with the keys of all passwords of s, each under its version: what
 * the keytab is to be in that state of a rotation.  Of a pending password the
 * account itself has no keys, only its services: their tickets are opened by
 * version, but who logs on as the account takes the newest.  Older keys that s
 * does not know stay, unless tidy.
 */
krb5_error_code membership_keytab_follow(krb5_context ctx, const struct membership_names *n, const char *old, int fd,
                                         const char *path, const struct machine_secret *s, bool tidy);

/*
 * The same without the computer's keys, of any version.  *left_out: entries
 * that are left, of others; *removed_out: those that were the computer's.
 */
krb5_error_code membership_keytab_strip(krb5_context ctx, const struct membership_names *n, const char *old, int fd,
                                        const char *path, size_t *left_out, size_t *removed_out);

/* The newest version of the account's keys in the keytab; 0 if it has none, or there is no keytab. */
uint32_t membership_keytab_kvno(krb5_context ctx, const struct membership_names *n, const char *path);

#endif
