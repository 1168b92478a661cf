/*
 * netlogon: owns the computer's Netlogon secure channel, and passes logons
 * through that Kerberos could not carry out.  It does nothing before it is
 * first asked, then keeps the session.  One logon at a time: the calls of a
 * session are a chain.
 */
#ifndef AUTHSOD_DAEMON_NETLOGON_H
#define AUTHSOD_DAEMON_NETLOGON_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/role.h"
#include "lib/rpc/netlogon.h"

#define NETLOGON_WORKERS_MAX 320
#define NETLOGON_KEYS_MAX 3
#define NETLOGON_RETRY_MS 5000       /* after a failure that cost time, or may count as a wrong password of the computer's */
#define NETLOGON_QUICK_RETRY_MS 1000 /* after one that cost nothing */
#define NETLOGON_IDLE_MS 2000        /* a session that was not used for so long is asked first whether it is still one */
#define NETLOGON_TRUSTS_MS 30000      /* the table of trusted domains is not asked for again sooner */
#define NETLOGON_LSA_MS 3000         /* for one lookup: somebody waits, and logons wait behind it */
#define NETLOGON_DC_MS 5000          /* for directory to say which controller */
#define NETLOGON_DC_FRESH_MS 1000    /* so long what it has said is taken for known, while the session stands */

struct netlogon_link {
    int fd;                          /* -1: free */
    uint32_t id;
};

/*
 * In memory of secret_new: NT hashes of the computer's passwords, in the order
 * in which they are tried.
 */
struct netlogon_keys {
    uint8_t hash[NETLOGON_KEYS_MAX][NT_HASH_BYTES];
    uint32_t slot[NETLOGON_KEYS_MAX]; /* enum machine_slot; 0: of the keytab */
    unsigned n;
};

struct netlogon_role {
    struct config *config;
    struct netlogon_link workers[NETLOGON_WORKERS_MAX];
    int front;
    int directory, member;
    uint32_t last_request;           /* of NEED_DC */
    struct netlogon_keys *keys;
    bool keys_known;                 /* keeper has been asked, whatever came of it */
    int64_t keys_at;                 /* when */
    char keys_text[256];             /* why there are none */
    struct ipc_dc dc;                /* with which the session is */
    int64_t dc_at;                   /* when directory has said so */
    struct netlogon_session *session; /* NULL: none */
    struct rpc *channel;
    struct rpc *lsa;                 /* NULL: none; another connection of the session */
    int64_t lsa_retry_at;            /* the last lookup had no answer: none before it */
    struct trusts *trusts;           /* NULL: not known */
    int64_t trusts_at;               /* when they were learned */
    uint32_t slot;                   /* of the password with which the session was made */
    bool rotate_due;                 /* keeper wants to know which one the domain has */
    uint32_t rotate_due_run;         /* in which rotation: for the answer */
    int rotate_set;                  /* memfd with the machine secret whose pending password is to be set; -1 */
    uint32_t rotate_set_run;
    int64_t used;                    /* when it last answered */
    int64_t retry_at;                /* no session is made before; 0: none has failed */
    char retry_address[64];          /* of the controller for which that holds; "": for all */
    struct ipc_reason why;           /* it failed */
};

/* netlogon.c */

/* A message of keeper's. False if it is none. */
bool netlogon_keeper_message(struct netlogon_role *n, const uint8_t *packet, size_t len, int *fds);

/* netlogon_key.c */

/*
 * Asks keeper for the computer's NT hash, and waits: made of the machine secret,
 * or the key of type arcfour-hmac in the keytab, which is the same.
 */
void netlogon_read_keys(struct netlogon_role *n);
/* What keeper hands over; fd is not taken. */
void netlogon_take_secret(struct netlogon_role *n, int fd);
void netlogon_take_keytab(struct netlogon_role *n, uint32_t error, int fd);

/* netlogon_channel.c */

/* Forgets the session and its connection. */
void netlogon_drop(struct netlogon_role *n);
/* The verdict of m's domain; in r->err and so on, and in *info_out, under mem, where it is ERR_OK. */
void netlogon_pass(struct netlogon_role *n, const struct ipc_pass *m, TALLOC_CTX *mem, struct ipc_result *r,
                   struct logon_info **info_out);

/* A session for anything else than a logon; r says why there is none. */
bool netlogon_open(struct netlogon_role *n, int64_t deadline, struct ipc_result *r);

/* netlogon_trusts.c */

/* The table out of what the controller says (DsrEnumerateDomainTrusts). */
void netlogon_make_trusts(const struct config *c, const struct netlogon_trusts *told, struct trusts *t_out);
/* Makes sure that there is a table, at most age_ms old. ERR_OK, or why there is none. */
enum err netlogon_learn_trusts(struct netlogon_role *n, int64_t deadline, int64_t age_ms);
/* GET_TRUSTS and ACCOUNTS of directory, GET_TRUSTS of member. False where it is anything else. */
bool netlogon_question(struct netlogon_role *n, enum role from, const uint8_t *packet, size_t len);
/* True if there is a session whose controller has not hung up. */
bool netlogon_is_connected(const struct netlogon_role *n);

/* netlogon_rotate.c: what keeper wants of it */

/* Does what is due. */
void netlogon_rotate_turn(struct netlogon_role *n);

/* netlogon_verdict.c: into the one table of errors */

/* *proved_out: the controller had seen the right password when it said this. */
enum err netlogon_err_of_status(uint32_t status, bool *proved_out);
/* sent: the call was the logon itself, so that the password may have been counted. */
enum err netlogon_err_of_failure(const struct rpc_failure *f, bool sent);
/* For the log. "the domain controller refused in NetrServerAuthenticate3 (NT_STATUS_ACCESS_DENIED C0000022)". */
void netlogon_describe(const struct rpc_failure *f, char *buf, size_t size);

#endif
