/* Changes to the directory, over a connection of directory_open. */
#ifndef AUTHSOD_DIRECTORY_LDAP_WRITE_H
#define AUTHSOD_DIRECTORY_LDAP_WRITE_H

#include "lib/directory/ldap.h"

/* What became of a change. */
enum dir_write {
    DIR_WRITE_OK,
    DIR_WRITE_DENIED,     /* not allowed to whom the connection is of */
    DIR_WRITE_QUOTA,      /* ms-DS-MachineAccountQuota is spent */
    DIR_WRITE_EXISTS,     /* an entry of that name, or a value, is there already */
    DIR_WRITE_MISSING,    /* no such entry, or its parent is missing */
    DIR_WRITE_NOT_LEAF,   /* there are entries below it */
    DIR_WRITE_CONSTRAINT, /* a value is not allowed, or is another account's alone */
    DIR_WRITE_REFUSED,    /* anything else that the domain controller said */
    DIR_WRITE_LOST,       /* no answer: whether it was made is not known, and d is dead */
};

#define WIN32_QUOTA_EXCEEDED 0x216dU /* ERROR_DS_MACHINE_ACCOUNT_QUOTA_EXCEEDED */

/* For the log and the administrator. */
struct dir_refusal {
    int code;         /* LDAP's */
    uint32_t win32;   /* that Active Directory puts before its text; 0 if none */
    char text[256];   /* what the domain controller says, harmless to a terminal */
};

/* The decoder under it, for tests. */
enum dir_write dir_write_of(int code, uint32_t win32);

struct dir_bytes {
    const void *data;
    size_t len;
};

enum dir_change_op { DIR_CHANGE_REPLACE, DIR_CHANGE_ADD, DIR_CHANGE_DELETE };

/* One attribute. REPLACE and DELETE without values remove it. All alias. */
struct dir_change {
    enum dir_change_op op;
    const char *attribute;
    const struct dir_bytes *values;
    size_t n;
};

/*
 * Each is one request and ends within d's timeout.  At most 16 changes; all of
 * them are made or none.  permissive: to add a value that is there, or delete
 * one that is not, is no error.
 */
enum dir_write directory_add(struct directory *d, const char *dn, const struct dir_change *changes, size_t n,
                             struct dir_refusal *r);
enum dir_write directory_modify(struct directory *d, const char *dn, const struct dir_change *changes, size_t n,
                                bool permissive, struct dir_refusal *r);
/* tree: with all entries below it. */
enum dir_write directory_delete(struct directory *d, const char *dn, bool tree, struct dir_refusal *r);

/* The name of the entry attribute=value below parent, value escaped (RFC 4514). NULL if out of memory. */
char *directory_child_dn(TALLOC_CTX *mem, const char *attribute, const char *value, const char *parent);

/* True if text is a distinguished name (RFC 4514). */
bool directory_is_dn(const char *text);

/* An account of a computer. */
struct dir_computer {
    const char *dn;
    const char *dns_name;    /* dNSHostName; "" if none */
    uint32_t control;        /* userAccountControl */
    uint32_t kvno;           /* msDS-KeyVersionNumber; 0 if not told */
    bool is_workstation;     /* and no domain controller, no trust, no user */
    bool is_disabled;
};

/* ERR_OK, ERR_UNKNOWN_PRINCIPAL, ERR_NO_KDC, as directory_user_by_account. account: "WS1$". */
enum err directory_computer(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_computer **out);

/*
 * The container for new computers' accounts: ou if that is given, else the
 * domain's own choice (otherWellKnownObjects, [MS-ADTS] 6.1.1.4).
 * ERR_UNKNOWN_PRINCIPAL where it does not exist.
 */
enum err directory_container(struct directory *d, TALLOC_CTX *mem, const char *ou, const char **dn_out);

/*
 * How many accounts of computers who has no other right to it may make
 * (ms-DS-MachineAccountQuota), and how many of them the user of that SID has
 * made (mS-DS-CreatorSID); what goes beyond 1000 is not counted.  0 and 0 where
 * the domain does not tell its quota.  ERR_OK, ERR_NO_KDC, as above.
 */
struct dir_quota {
    uint32_t allowed;
    uint32_t made;
};
enum err directory_quota(struct directory *d, const struct sid *maker, struct dir_quota *out);

#endif
