/*
 * member: holds the computer's keys.  It checks the tickets that workers
 * receive, and keeps the computer's own TGT for FAST and for directory.
 */
#ifndef AUTHSOD_DAEMON_MEMBER_H
#define AUTHSOD_DAEMON_MEMBER_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/role.h"
#include "lib/krb/krb.h"
#include "lib/proto/sealed.h"

#define MEMBER_WORKERS_MAX 320
#define MEMBER_TGT_RETRY_MS 5000     /* after a logon of the computer that cost time, or may count as a wrong password */

struct worker_link {
    int fd;                        /* -1: free */
    uint32_t id;
    bool has_cards;                /* of ROLE_CARD */
    struct offline *offline;       /* what its card is to sign; NULL: nothing */
    uint8_t *waiting;              /* its VERIFY, which waits for netlogon to tell of the client's realm; NULL: none */
    size_t waiting_len;
};

struct member {
    struct config *config;
    struct worker_link workers[MEMBER_WORKERS_MAX];
    int front, directory, netlogon;
    struct trusts trusts;          /* as netlogon told it */
    bool trusts_known;             /* it has, since it or this process was started */
    int64_t trusts_asked;          /* client_now() when it was last asked; 0: never */
    int64_t trusts_due;            /* until then its answer is waited for; 0: it is not */
    struct ipc_dc dc;
    krb5_context krb;              /* over dc; NULL until one is known */
    krb5_keytab keytab;            /* NULL: none could be read */
    struct krb_verifier *verifier; /* with the keys of the keytab; NULL with it */
    struct sealed_secret keytab_file;
    uint32_t keytab_errno;
    int64_t keytab_at;             /* read again not before */
    bool keytab_due;               /* the configuration has changed: read it again */
    krb5_creds tgt;                /* of the computer; ticket.length 0: none */
    bool fast_offered;             /* by the domain, in an answer under our key */
    int64_t tgt_made;
    int64_t tgt_retry;
    struct ipc_reason tgt_why;
    bool patient;                  /* the controller has been silent before, and is the only one */
    char keytab_text[160];         /* why keytab is NULL */
    bool keytab_is_new;            /* another one than that before it */
};

/* member.c */

/* A message of keeper's. False if it is none. */
bool member_keeper_message(struct member *m, const uint8_t *packet, size_t len, int *fds);

/* Step 5 of the logon. may_wait: false the second time. False where the worker broke the protocol, or is gone. */
bool member_verify(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len, bool may_wait);

/* member_trusts.c: whose users may log on here. netlogon says it, which has it from the domain under seal. */

/* The verifier is to know what m->trusts says, as far as the configuration has it. */
void member_apply_trusts(struct member *m);
/* Puts a VERIFY aside until netlogon has answered. False where nobody is to be asked now. */
bool member_wait_for_trusts(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len);
/* A message of netlogon's. False if it is none. */
bool member_netlogon_message(struct member *m, const uint8_t *packet, size_t len);
/* netlogon is gone or the time is up: who waits gets its answer from what is known. */
void member_end_waiting(struct member *m);

/* member_offline.c: cards, while no controller answers */

struct offline;

/* The configuration is another one, or the first: what does not count by it any more goes. */
void member_offline_begin(struct member *m);
/* The domain has let user in, with that certificate (DER). */
void member_offline_took(struct member *m, const struct sid *user, const uint8_t *der, size_t len);
/* OFFLINE, PROOF and FORGET of a card worker, which may not say `all`. False where it broke the protocol, or is gone. */
bool member_offline_asked(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len);
bool member_offline_proof(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len);
bool member_offline_forget(const uint8_t *packet, size_t len, bool may_all);

/* member_keytab.c */

/* The keys and the libkrb5 context, for the domain controller and the configuration as they are now. */
void member_open_context(struct member *m);
/* KEYTAB of keeper, asked for or not: the file, -1 where there is none. Takes it over. */
void member_take_keytab(struct member *m, int fd);
/* Asks keeper for the keytab as it is now, and waits; whatever else keeper says meanwhile is done. */
void member_read_keytab(struct member *m);
/* The same, if it was not read a moment ago. True if there is one then. */
bool member_reread_keytab(struct member *m);

/* member_tgt.c */

/* What libkrb5 is to know; aliases of m's configuration, which member_read_keytab may replace. */
struct krb_target member_target(const struct member *m);
void member_drop_tgt(struct member *m);
/* The computer's own TGT in m->tgt: kept, and renewed by a new logon before it ends. Else why not: m->tgt_why. */
enum err member_tgt(struct member *m);
/* What a failure comes to, for whoever needs the computer's ticket. */
struct ipc_reason member_reason(const struct member *m, const struct krb_failure *f);

#endif
