/* What ldap.c, ldap_user.c and ldap_group.c share. Internal to lib/directory. */
#ifndef AUTHSOD_DIRECTORY_LDAP_PRIVATE_H
#define AUTHSOD_DIRECTORY_LDAP_PRIVATE_H

#include <ldap.h>

#include "lib/directory/ldap.h"

#define DIR_DN_MAX 4096         /* bytes of a distinguished name */
#define DIR_NAME_MAX 1024       /* of any other name */
#define WORKSTATIONS_MAX 4096   /* of userWorkstations: 1024 characters */

/* Distribution lists are in nobody's token: security groups only (bit 31 of groupType). */
#define SECURITY_GROUP "(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648)"

/*
 * Exported by libldap, but declared only in its own openldap.h, which Debian
 * does not install.  With it the connection is ours: to a numeric address, and
 * made within the deadline, while the URL has the name that GSSAPI needs.
 */
#define LDAP_PROTO_EXT 4 /* reads and writes are ours */
int ldap_init_fd(ber_socket_t fd, int proto, LDAP_CONST char *url, LDAP **ldp);

struct directory {
    LDAP *ld;
    int timeout_ms;             /* for each operation */
    int64_t deadline;           /* of the present one */
    bool dead;                  /* did not answer, or not as it should: nothing more is asked */
    const char *domain_dns;
    const char *base;           /* defaultNamingContext */
    struct sid domain_sid;
    const char *netbios;
    unsigned ssf;               /* of the connection */
};

/* Makes fd, a connection to host, d's; it is closed on failure, too. False where libldap will not. */
bool dir_attach(struct directory *d, int fd, const char *host);

/* Makes libldap read and write without ever raising SIGPIPE. */
bool dir_add_socket_io(Sockbuf *sb);

/*
 * True if the default credential cache holds a ticket for ldap/<host> that is
 * still good.  GSSAPI would ask a KDC for another, and for that libkrb5 has
 * waits of its own: half a minute where the KDC is silent.
 */
bool dir_has_ticket(const char *host);

/* Begins an operation: all its searches together have d's timeout, or ms if that is less. */
void dir_begin(struct directory *d);
void dir_begin_within(struct directory *d, int ms);

/* Waits for one message until the deadline. NULL if none came; *late_out: that is the reason. */
LDAPMessage *dir_wait_message(struct directory *d, int msgid, bool *late_out);
/* Why dir_wait_message gave nothing. */
const char *dir_why_nothing(struct directory *d);
/* d is dead; ERR_NO_KDC. */
enum err dir_lost(struct directory *d, const char *what);

struct dir_query {
    const char *base;
    int scope;                  /* LDAP_SCOPE_ */
    const char *filter;
    const char *const *attributes;
    int page;                   /* entries of one page; 0: not paged */
    size_t max;                 /* entries; what comes after them is not asked for */
    bool hard;                  /* a search that can be too much for a controller which is well */
};

/* One entry. ERR_OK to go on; anything else ends the search and is its result. */
typedef enum err dir_entry_fn(struct directory *d, LDAPMessage *entry, void *arg);

/*
 * Searches and calls fn for each entry.  ERR_OK also where nothing was found.
 * ERR_NO_KDC, and d dead: no answer before d's deadline, or an error that does
 * not say that there is no such object.  Of a hard one: ERR_BUSY where the
 * controller says that it is too much, ERR_TIMEOUT, and d dead, where it says
 * nothing.
 */
enum err dir_search(struct directory *d, const struct dir_query *q, dir_entry_fn *fn, void *arg);

/*
 * Values of an entry.  The first word of each answer: is the attribute well
 * formed?  False where it has several values, or one that is none of its type.
 * An absent attribute is well formed: NULL, or the number given for it.
 */
bool entry_text(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
                const char **out);
bool entry_number(struct directory *d, LDAPMessage *entry, const char *attribute, int64_t absent, int64_t *out);
bool entry_bytes(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
                 const uint8_t **out, size_t *len_out);
/* False also where there is none. */
bool entry_sid(struct directory *d, LDAPMessage *entry, const char *attribute, struct sid *out);
/* All values of an attribute with many; skips what is no SID. False if out of memory. */
bool entry_sids(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem, const char *attribute, size_t max,
                struct sid **out, size_t *n_out);
/* The entry's distinguished name under mem; NULL if it is malformed. */
const char *entry_dn(struct directory *d, LDAPMessage *entry, TALLOC_CTX *mem);

/* True if name can be one: UTF-8 without control characters, neither empty nor longer than NAME_MAX_BYTES. */
bool dir_may_ask(const char *name);
/*
 * True if both are the same name, in other letters at most.  Active Directory
 * finds "josé" for "jose", too; to us these are two names.
 */
bool dir_same_name(const char *a, const char *b);

/* userAccountControl and msDS-User-Account-Control-Computed, [MS-ADTS] 2.2.16 */
#define UF_ACCOUNTDISABLE 0x00000002U
#define UF_LOCKOUT 0x00000010U
#define UF_INTERDOMAIN_TRUST_ACCOUNT 0x00000800U
#define UF_WORKSTATION_TRUST_ACCOUNT 0x00001000U
#define UF_SERVER_TRUST_ACCOUNT 0x00002000U
#define UF_MACHINE (UF_INTERDOMAIN_TRUST_ACCOUNT | UF_WORKSTATION_TRUST_ACCOUNT | UF_SERVER_TRUST_ACCOUNT)
#define UF_DONT_EXPIRE_PASSWD 0x00010000U
#define UF_SMARTCARD_REQUIRED 0x00040000U
#define UF_PASSWORD_EXPIRED 0x00800000U

#define FILETIME_NEVER INT64_MAX
#define FILETIME_ABSENT (-1)

/* What the directory says about an account, times as FILETIME. */
struct account_facts {
    uint32_t control;
    int64_t computed;           /* FILETIME_ABSENT: not told */
    int64_t lockout_time;
    int64_t account_expires;
    int64_t password_last_set;
    int64_t password_expires;
    const uint8_t *hours;       /* NULL: none */
    size_t hours_len;
};

/* now: seconds since 1970. */
void account_state_of(const struct account_facts *f, int64_t now, struct account_state *out);

#endif
