/*
 * The messages between our own processes.  This header is their specification:
 * u8 type, then the fields in the order of the struct (strings as u32 length
 * and bytes, SIDs as text, bool as u8), nothing after them.  A message that
 * does not parse, or that its sender may not send, ends the role that sent it.
 *
 * Who talks to whom (each line one channel):
 *
 *   keeper - front      PEER, CONFIG, CCACHE_DONE, MAP_IS, PING, STOP <-> SPAWN, END_WORKER, END_ROLE, CCACHE_WRITE,
 *                       CCACHE_DESTROY, NTLM_KEEP, NTLM_RENEW, NTLM_DROP, MAP_NEW, MAP_PLACE, PING
 *   keeper - member     PEER, CONFIG, KEYTAB      <-> GET_KEYTAB
 *   keeper - directory  PEER, CONFIG
 *   keeper - netlogon   PEER, CONFIG, MACHINE_SECRET, KEYTAB, ROTATE, ROTATE_SET <-> GET_SECRET, ROTATE_HOLDS, ROTATE_END
 *   keeper - logon, card, watch, session (silence; its end is the worker's end)
 *   keeper - ccache     CCACHE_CHILD; to the child CCACHE_WRITE or CCACHE_DESTROY, once <-> CCACHE_BORN, CCACHE_DONE
 *   keeper - keytab     KEYTAB_MAKE, once         <-> KEYTAB
 *   front - directory   LOOKUP, WHO, LEARN, STATE, NEED_DC, LAST_CARD <-> FOUND, IDENTITY, LEARNED, STATE_IS, DC,
 *                       LAST_CARDS
 *   front - member      FORGET                             <-> VOUCH, VOUCH_OFFLINE
 *   front - netlogon    DC                                 <-> VOUCH, NEED_DC
 *   front - logon, card JOB, DC                            <-> NEED_DC, RESULT
 *   front - card        LOOK                               <-> CARDS
 *   front - watch       WATCH                              <-> CARD_IS, WATCHED
 *   front - session     ACT                                <-> ACTED
 *   member - logon, card ARMOR_IS, VERIFIED                 <-> ARMOR, VERIFY
 *   member - card       CHALLENGE                          <-> OFFLINE, PROOF, FORGET
 *   netlogon - logon    PASSED                             <-> PASS
 *   member - directory  TICKET_IS                          <-> TICKET, DC
 *   netlogon - directory TRUSTS, ACCOUNTS_ARE              <-> GET_TRUSTS, ACCOUNTS
 *   netlogon - member   TRUSTS                             <-> GET_TRUSTS
 */
#ifndef AUTHSOD_DAEMON_IPC_H
#define AUTHSOD_DAEMON_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/channel.h"
#include "daemon/trusts.h"
#include "lib/base/buf.h"
#include "lib/ndr/logon_info.h"
#include "lib/proto/proto.h"
#include "lib/sid/sid.h"

enum ipc_type {
    IPC_PEER = 1,       /* struct ipc_peer; descriptor: the channel */
    IPC_CONFIG,         /* nothing; descriptor: memfd with the configuration's text */
    IPC_SPAWN,          /* u32 role (role_is_worker): one more worker */
    IPC_END_WORKER,     /* u32 id: past its deadline */
    IPC_CCACHE_WRITE,   /* struct ipc_ccache; descriptor: memfd with the marshalled TGT */
    IPC_CCACHE_DESTROY, /* struct ipc_ccache */
    IPC_CCACHE_DONE,    /* struct ipc_ccache_done */
    IPC_CCACHE_CHILD,   /* nothing: make a copy of yourself; descriptor: its channel to keeper */
    IPC_CCACHE_BORN,    /* u32 process id: the copy's first word */
    IPC_GET_KEYTAB,     /* nothing */
    IPC_KEYTAB,         /* u32 errno (0: descriptor is a memfd with the keytab); of keytab's: the errno may be libkrb5's */
    IPC_LOOKUP,         /* struct ipc_lookup */
    IPC_FOUND,          /* struct ipc_found; descriptor: memfd (sealed) with a whole RECORD packet where record is empty */
    IPC_WHO,            /* struct ipc_who */
    IPC_IDENTITY,       /* struct ipc_identity */
    IPC_LEARN,          /* u32 request, str name, logon_info */
    IPC_LEARNED,        /* struct ipc_learned */
    IPC_STATE,          /* struct ipc_state */
    IPC_STATE_IS,       /* struct ipc_state_is */
    IPC_NEED_DC,        /* struct ipc_need_dc */
    IPC_DC,             /* struct ipc_dc */
    IPC_JOB,            /* struct ipc_job; descriptor: the module's connection, an ANSWER waiting in it (none with pin_pad) */
    IPC_RESULT,         /* struct ipc_result; descriptor on success, unless passed_through or offline: memfd with the marshalled TGT; of ROLE_CARD's perhaps
                           a second one: memfd with a line for gss-ntlmssp */
    IPC_ARMOR,          /* u32 1 if the KDC refused the armor that was given before, else 0 */
    IPC_ARMOR_IS,       /* ipc_reason, bool required; descriptor if there is one: memfd with marshalled credentials */
    IPC_VERIFY,         /* struct ipc_verify */
    IPC_VERIFIED,       /* struct ipc_verified */
    IPC_VOUCH,          /* u32 worker, u32 job, logon_info */
    IPC_TICKET,         /* str service */
    IPC_TICKET_IS,      /* ipc_reason; descriptor if ERR_OK: memfd with marshalled credentials */
    IPC_PING,           /* u32 number */
    IPC_STOP,           /* nothing */
    IPC_END_ROLE,       /* u32 role, ROLE_MEMBER, ROLE_DIRECTORY or ROLE_NETLOGON: it broke the protocol */
    IPC_MAP_NEW,        /* u32 size: a power of two from IDENTMAP_SIZE_MIN to IDENTMAP_SIZE_MAX */
    IPC_MAP_IS,         /* u32 errno (0: descriptor is the file, to read and write) */
    IPC_MAP_PLACE,      /* nothing */
    IPC_GET_SECRET,     /* nothing: the machine secret, or where there is none the keytab */
    IPC_MACHINE_SECRET, /* nothing; descriptor: memfd with the file of the machine secret */
    IPC_PASS,           /* struct ipc_pass */
    IPC_PASSED,         /* struct ipc_result, without a descriptor */
    IPC_GET_TRUSTS,     /* nothing */
    IPC_TRUSTS,         /* u32 err; if that is ERR_OK: struct trusts (trusts_write) */
    IPC_ACCOUNTS,       /* struct ipc_accounts */
    IPC_ACCOUNTS_ARE,   /* struct ipc_accounts_are */
    IPC_ROTATE,         /* u32 run: which of its passwords has the domain? */
    IPC_ROTATE_HOLDS,   /* struct ipc_rotate_holds: there is a session with it */
    IPC_ROTATE_SET,     /* u32 run; descriptor: memfd with the file of the machine secret, whose pending password to set */
    IPC_ROTATE_END,     /* struct ipc_rotate_end: of ROTATE that came to nothing, or of ROTATE_SET */
    IPC_KEYTAB_MAKE,    /* u32 1 to leave out keys that the secret has not, else 0; descriptors: memfds with the file of the
                           machine secret and, where there is one, the keytab */
    IPC_LOOK,           /* u32 job: what smart cards are there? */
    IPC_CARDS,          /* struct ipc_cards */
    IPC_WATCH,          /* struct ipc_watch: these cards from now on, and no others */
    IPC_CARD_IS,        /* struct ipc_card_is: one of them was removed, or put back */
    IPC_WATCHED,        /* nothing: the watcher has looked once more */
    IPC_ACT,            /* struct ipc_act */
    IPC_ACTED,          /* struct ipc_acted */
    IPC_OFFLINE,        /* struct ipc_offline: no controller answers; did the domain take this card before? */
    IPC_CHALLENGE,      /* struct ipc_challenge: then it is to sign this */
    IPC_PROOF,          /* struct ipc_proof: VERIFIED is the answer */
    IPC_VOUCH_OFFLINE,  /* struct ipc_vouch_offline */
    IPC_FORGET,         /* struct ipc_forget: the domain takes that card, or all of the user's, no more; no answer */
    IPC_NTLM_KEEP,      /* struct ipc_ccache, which exists; descriptor: memfd with the line for gss-ntlmssp; no answer */
    IPC_NTLM_RENEW,     /* the same, where there is one already */
    IPC_NTLM_DROP,      /* struct ipc_ccache: it holds tickets of a logon without such a line; no answer */
    IPC_LAST_CARD,      /* struct ipc_last_card: somebody has logged on with it; no answer */
    IPC_LAST_CARDS,     /* struct ipc_last_cards: what the store has of these, when the two meet */
};

/*
 * MAP_NEW: a file for an identity map, all of it allocated, its head written;
 * the one that was asked for before and not placed is gone.  MAP_PLACE: every
 * process is to read that one now, and the one in place is superseded.
 * PING: front sends it back at once; keeper restarts a front that does not.
 * STOP: front takes no new connections and ends when what runs has ended.
 */

enum role {
    ROLE_KEEPER = 1, ROLE_FRONT, ROLE_LOGON, ROLE_MEMBER, ROLE_DIRECTORY, ROLE_NETLOGON, ROLE_CCACHE, ROLE_KEYTAB,
    ROLE_CARD,                     /* a logon worker for smart cards, and nothing else */
    ROLE_WATCH,                    /* looks whether the cards of sessions are still there */
    ROLE_SESSION                   /* asks logind to lock or end sessions */
};

/* Why something is not to be had. */
struct ipc_reason {
    uint32_t err;
    char value[128];               /* for the sentence: domain, clock offset */
    char text[512];                /* for the log */
};

/* A new channel to a process of that role; id is the number of a logon or card worker, else 0. */
struct ipc_peer {
    uint32_t role;
    uint32_t id;
};

struct ipc_ccache {
    uint32_t request;
    uint32_t uid;
    uint32_t gid;
    char user[PROTO_NAME_MAX + 1];
    char name[PROTO_TEXT_MAX + 1]; /* the session's own; any other, "" too: a new one after the configuration */
};

struct ipc_ccache_done {
    uint32_t request;
    uint32_t code;                 /* 0, or libkrb5's (as uint32_t) */
    char name[PROTO_TEXT_MAX + 1]; /* for KRB5CCNAME */
};

/* What NSS asks of directory. */
struct ipc_lookup {
    uint32_t request;
    uint32_t kind;                 /* enum record_kind */
    uint32_t by;                   /* enum proto_by */
    uint32_t id;
    bool refresh;                  /* front has a record: the store will not do, ask the domain */
    char name[PROTO_NAME_MAX + 1];
};

enum ipc_status { IPC_STATUS_FOUND = 1, IPC_STATUS_NONE = 2, IPC_STATUS_LATER = 3 };

struct ipc_found {
    uint32_t request;
    uint32_t status;               /* enum ipc_status */
    uint32_t refresh;              /* seconds from now: then it is asked for again, and served meanwhile */
    uint32_t end;                  /* seconds from now: then it is not served any more */
    const uint8_t *record;         /* a whole RECORD packet; alias into the message; NULL if a descriptor brings it */
    size_t record_len;
};

/* Who is this, for a conversation: any spelling of the name. */
struct ipc_who {
    uint32_t request;
    char name[PROTO_NAME_MAX + 1];
};

struct ipc_home {
    char dns[TRUST_DNS_MAX + 1];         /* "": the own domain, and nothing else counts */
    char netbios[TRUST_NETBIOS_MAX + 1];
    bool mutual;                         /* as in struct trust */
};

struct ipc_identity {
    uint32_t request;
    uint32_t status;               /* enum ipc_status */
    uint32_t uid;
    uint32_t gid;
    struct sid sid;
    char name[PROTO_NAME_MAX + 1];      /* canonical, as NSS answers it */
    char principal[PROTO_NAME_MAX + 1]; /* "alice": sAMAccountName, for the realm of its domain */
    struct ipc_home home;               /* that domain */
    struct ipc_reason why;              /* of LATER */
};

struct ipc_learned {
    uint32_t request;
    uint32_t err;                  /* enum err */
    uint32_t refresh;              /* of both records, seconds */
    uint32_t end;
    const uint8_t *passwd;         /* RECORD packets; aliases into the message */
    size_t passwd_len;
    const uint8_t *groups;
    size_t groups_len;
};

/* May this account be used?  password: is its password to be changed first, too? */
struct ipc_state {
    uint32_t request;
    bool password;                 /* somebody logs on with it; else with a key, by cron */
    struct sid sid;
};

struct ipc_state_is {
    uint32_t request;
    uint32_t err;                  /* ERR_OK, ERR_DISABLED, ..., ERR_NO_STATE */
};

/* Locate a domain controller, or another one than the address that has just failed. request 0 from a worker. */
struct ipc_need_dc {
    uint32_t request;
    char avoid[64];
};

struct ipc_dc {
    uint32_t request;
    uint32_t err;                  /* ERR_OK, ERR_NO_REALM, ERR_NO_KDC, ERR_NOT_CONFIGURED */
    char address[64];
    char host[256];
    char netbios[64];              /* of the domain */
};

/* One certificate on one token. */
#define IPC_TOKEN_BYTES 96
#define IPC_HASH_BYTES 32
struct ipc_card_key {
    uint8_t token[IPC_TOKEN_BYTES];     /* identity of struct card_token */
    uint8_t hash[IPC_HASH_BYTES];       /* SHA-256 of the certificate */
};

/* A certificate that is fit for logon.  Texts are visible UTF-8: people are shown them. */
struct ipc_card {
    struct ipc_card_key key;
    char token[65];                /* the token's label; what the reader or maker is called where it has none; never "" */
    char name[129];                /* whose it is: the certificate's common name or subject; never "" */
    char issuer[129];
    int64_t not_after;             /* seconds since 1970 */
    char upn[PROTO_NAME_MAX + 1];  /* "": it names no user */
    bool pin_pad;                  /* the PIN is typed at the reader */
    bool pin_last_try;
    bool pin_locked;
};

/*
 * What a worker sees at present.  Where none is fit, unfit says what the person
 * is told: ERR_NO_CARD, ERR_CARD_UNFIT, ERR_CARD_EXPIRED, ERR_CARD_UNTRUSTED,
 * ERR_CARD_REVOKED, ERR_CARD_FAILED, ERR_CARD_NOT_SET_UP; else it is ERR_OK.
 */
#define IPC_CARDS_MAX PROTO_VALUES_MAX
struct ipc_cards {
    uint32_t job;
    uint32_t unfit;
    uint32_t n;
    struct ipc_card cards[IPC_CARDS_MAX];
};

/* Which certificate comes first where somebody chooses. */
#define IPC_ANYBODY UINT32_MAX
struct ipc_last_card {
    uint32_t uid;                  /* IPC_ANYBODY: of those who log on without a name at this computer */
    uint8_t hash[IPC_HASH_BYTES];  /* SHA-256 of the certificate */
};
#define IPC_LAST_CARDS_MAX 64
struct ipc_last_cards {
    uint32_t n;
    struct ipc_last_card cards[IPC_LAST_CARDS_MAX]; /* the newest first */
};

/* The cards of sessions. */
#define IPC_WATCH_MAX 64
struct ipc_watched {
    uint8_t token[IPC_TOKEN_BYTES];
    bool gone;                     /* front knows that it was removed */
};
struct ipc_watch {
    uint32_t n;
    struct ipc_watched cards[IPC_WATCH_MAX];
};

struct ipc_card_is {
    uint8_t token[IPC_TOKEN_BYTES];
    bool there;
};

/* What is to become of somebody's sessions at this computer. */
enum ipc_act_kind { IPC_ACT_LOCK = 1, IPC_ACT_TERMINATE };
struct ipc_act {
    uint32_t kind;                 /* enum ipc_act_kind */
    uint32_t uid;
    uint32_t leader;               /* the process that opened the session: logind's session of it, or else all of uid's */
};
struct ipc_acted {
    uint32_t n;                    /* sessions */
    char text[256];                /* for the log: what went wrong, "" for nothing; visible */
};

struct ipc_job {
    uint32_t job;
    bool with_card;                /* of ROLE_CARD's alone, and always: the secret is a PIN */
    bool pin_pad;                  /* there is no ANSWER: the PIN is typed at the reader */
    struct ipc_card_key card;      /* with_card */
    struct sid user;               /* with_card: whose logon it is */
    uint32_t uid;                  /* with_card: his */
    char principal[PROTO_NAME_MAX + 1];
    struct ipc_home home;          /* of the user */
    bool no_kdc;                   /* none of the own domain answered a moment ago: NTLM comes before Kerberos, where it may at all */
    struct ipc_dc dc;              /* of the own domain; err other than ERR_OK: ask by NEED_DC */
};

struct ipc_result {
    uint32_t job;
    uint32_t err;
    bool proved;                   /* the domain has seen the right password */
    bool proved_unless_locked;     /* so too, if the directory then says that the account is not locked */
    bool passed_through;           /* by NTLM, which netlogon vouches for: there are no tickets */
    bool no_kdc;                   /* that was because no KDC of the own domain answered now */
    bool offline;                  /* by a card that member remembers, and vouches for: there are no tickets */
    char step[32];
    char value[128];               /* for the sentence: domain, clock offset */
    char text[512];                /* for the log: what happened, the protocol's own code, the domain controller */
};

/* What member says, and for who has the AS reply key what the KDC has sealed with it ([MS-PAC] 2.6); sealed_len 0: nothing. */
struct ipc_verified {
    struct ipc_result result;
    const uint8_t *sealed;         /* an alias into the message */
    size_t sealed_len;
};

/* A ticket for this computer.  Bytes are aliases into the message, here and in PROOF. */
struct ipc_verify {
    uint32_t job;
    const uint8_t *ap_req;
    size_t ap_req_len;
    const uint8_t *certificate;    /* that the KDC took, DER */
    size_t certificate_len;        /* 0 with a password */
};

/* A card while no controller answers. */
struct ipc_offline {
    uint32_t job;
    struct sid user;
    uint8_t hash[IPC_HASH_BYTES];  /* SHA-256 of the certificate */
};

#define IPC_CHALLENGE_BYTES 32
struct ipc_challenge {
    struct ipc_reason why;         /* ERR_OK: the challenge is for the card to sign (lib/card/proof.h) */
    uint8_t challenge[IPC_CHALLENGE_BYTES];
};

struct ipc_proof {
    uint32_t job;
    const uint8_t *signature;
    size_t signature_len;
};

struct ipc_vouch_offline {
    uint32_t worker;
    uint32_t job;
    struct sid user;
};

struct ipc_forget {
    struct sid user;
    bool all;                      /* of front's: it is the account that the domain takes no more */
    uint8_t hash[IPC_HASH_BYTES];  /* of a worker's */
};

/* A logon to pass through. */
#define IPC_NT_HASH_BYTES 16
struct ipc_pass {
    uint32_t job;
    int64_t deadline;              /* client_now() based: then nobody waits any more, and the domain is not asked */
    char account[PROTO_NAME_MAX + 1];
    char domain[64];               /* its NetBIOS name; "": the computer's own */
    uint8_t nt_hash[IPC_NT_HASH_BYTES]; /* of the password: whoever has had the message erases it */
};

/* Who are these accounts of trusted domains?  One name, or SIDs. */
#define IPC_ACCOUNTS_MAX 100
struct ipc_accounts {
    uint32_t request;
    int64_t deadline;              /* client_now() based: then nobody waits any more */
    char domain[256];              /* DNS name, of a name */
    char name[PROTO_NAME_MAX + 1]; /* "": SIDs are asked for */
    struct sid sids[IPC_ACCOUNTS_MAX];
    uint32_t n;                    /* of them; 0 with a name */
};

enum ipc_account_kind { IPC_ACCOUNT_UNKNOWN, IPC_ACCOUNT_USER, IPC_ACCOUNT_GROUP };

struct ipc_account {
    uint8_t kind;                     /* enum ipc_account_kind; unknown: nothing else counts */
    struct sid sid;                   /* of a domain in the table */
    char account[PROTO_NAME_MAX + 1]; /* sAMAccountName */
};

/* err other than ERR_OK: could not be asked. Else as many as were asked for, in that order. */
struct ipc_accounts_are {
    uint32_t request;
    uint32_t err;
    struct ipc_account accounts[IPC_ACCOUNTS_MAX];
    uint32_t n;
};

/* run: what keeper called the rotation in its question. An answer to one that it has given up counts for nothing. */
struct ipc_rotate_holds {
    uint32_t run;
    uint32_t slot;                 /* enum machine_slot */
    char controller[256];
};

enum ipc_rotate_outcome {
    IPC_ROTATE_TAKEN = 1,          /* the domain has the new password */
    IPC_ROTATE_REFUSED,            /* it has not, and said so over the secure channel */
    IPC_ROTATE_UNKNOWN,            /* it was sent, and no answer came that counts */
    IPC_ROTATE_UNSENT,             /* it was not sent */
};

struct ipc_rotate_end {
    uint32_t run;
    uint32_t outcome;              /* enum ipc_rotate_outcome; of ROTATE: UNSENT */
    char controller[256];
    char text[512];                /* for the log and the person: what went wrong */
};

/* First byte of a message; 0 if empty. */
unsigned ipc_type(const void *packet, size_t len);

/* Each pair is the one codec of its message, type byte included; _get is false unless the whole is well-formed. */
void ipc_put_empty(struct writer *w, enum ipc_type type);
bool ipc_get_empty(const void *packet, size_t len, enum ipc_type type);
void ipc_put_number(struct writer *w, enum ipc_type type, uint32_t number);
bool ipc_get_number(const void *packet, size_t len, enum ipc_type type, uint32_t *number_out);

void ipc_put_peer(struct writer *w, const struct ipc_peer *m);
bool ipc_get_peer(const void *packet, size_t len, struct ipc_peer *m_out);
void ipc_put_ccache(struct writer *w, enum ipc_type type, const struct ipc_ccache *m);
bool ipc_get_ccache(const void *packet, size_t len, enum ipc_type type, struct ipc_ccache *m_out);
void ipc_put_ccache_done(struct writer *w, const struct ipc_ccache_done *m);
bool ipc_get_ccache_done(const void *packet, size_t len, struct ipc_ccache_done *m_out);
void ipc_put_lookup(struct writer *w, const struct ipc_lookup *m);
bool ipc_get_lookup(const void *packet, size_t len, struct ipc_lookup *m_out);
void ipc_put_found(struct writer *w, const struct ipc_found *m);
bool ipc_get_found(const void *packet, size_t len, struct ipc_found *m_out);
void ipc_put_who(struct writer *w, const struct ipc_who *m);
bool ipc_get_who(const void *packet, size_t len, struct ipc_who *m_out);
void ipc_put_identity(struct writer *w, const struct ipc_identity *m);
bool ipc_get_identity(const void *packet, size_t len, struct ipc_identity *m_out);
/* name: canonical, of the logon's identity. info: under mem. */
void ipc_put_learn(struct writer *w, uint32_t request, const char *name, const struct logon_info *info);
bool ipc_get_learn(TALLOC_CTX *mem, const void *packet, size_t len, uint32_t *request_out,
                   char name_out[static PROTO_NAME_MAX + 1], struct logon_info **info_out);
void ipc_put_learned(struct writer *w, const struct ipc_learned *m);
bool ipc_get_learned(const void *packet, size_t len, struct ipc_learned *m_out);
void ipc_put_state(struct writer *w, const struct ipc_state *m);
bool ipc_get_state(const void *packet, size_t len, struct ipc_state *m_out);
void ipc_put_state_is(struct writer *w, const struct ipc_state_is *m);
bool ipc_get_state_is(const void *packet, size_t len, struct ipc_state_is *m_out);
void ipc_put_need_dc(struct writer *w, const struct ipc_need_dc *m);
bool ipc_get_need_dc(const void *packet, size_t len, struct ipc_need_dc *m_out);
void ipc_put_dc(struct writer *w, const struct ipc_dc *m);
bool ipc_get_dc(const void *packet, size_t len, struct ipc_dc *m_out);
void ipc_put_job(struct writer *w, const struct ipc_job *m);
bool ipc_get_job(const void *packet, size_t len, struct ipc_job *m_out);
/* RESULT and PASSED. */
void ipc_put_result(struct writer *w, enum ipc_type type, const struct ipc_result *m);
bool ipc_get_result(const void *packet, size_t len, enum ipc_type type, struct ipc_result *m_out);
void ipc_put_armor_is(struct writer *w, const struct ipc_reason *why, bool required);
bool ipc_get_armor_is(const void *packet, size_t len, struct ipc_reason *why_out, bool *required_out);
void ipc_put_vouch(struct writer *w, uint32_t worker, uint32_t job, const struct logon_info *info);
bool ipc_get_vouch(TALLOC_CTX *mem, const void *packet, size_t len, uint32_t *worker_out, uint32_t *job_out,
                   struct logon_info **info_out);
void ipc_put_pass(struct writer *w, const struct ipc_pass *m);
bool ipc_get_pass(const void *packet, size_t len, struct ipc_pass *m_out);
void ipc_put_rotate_holds(struct writer *w, const struct ipc_rotate_holds *m);
bool ipc_get_rotate_holds(const void *packet, size_t len, struct ipc_rotate_holds *m_out);
void ipc_put_rotate_end(struct writer *w, const struct ipc_rotate_end *m);
bool ipc_get_rotate_end(const void *packet, size_t len, struct ipc_rotate_end *m_out);
void ipc_put_ticket(struct writer *w, const char *service);
bool ipc_get_ticket(const void *packet, size_t len, char service_out[static 256 + 1]);
void ipc_put_ticket_is(struct writer *w, const struct ipc_reason *why);
bool ipc_get_ticket_is(const void *packet, size_t len, struct ipc_reason *why_out);

/* ipc_cards.c */
void ipc_write_card_key(struct writer *w, const struct ipc_card_key *key);
void ipc_read_card_key(struct reader *r, struct ipc_card_key *key_out);
void ipc_put_cards(struct writer *w, const struct ipc_cards *m);
bool ipc_get_cards(const void *packet, size_t len, struct ipc_cards *m_out);
void ipc_put_last_card(struct writer *w, const struct ipc_last_card *m);
bool ipc_get_last_card(const void *packet, size_t len, struct ipc_last_card *m_out);
void ipc_put_last_cards(struct writer *w, const struct ipc_last_cards *m);
bool ipc_get_last_cards(const void *packet, size_t len, struct ipc_last_cards *m_out);
void ipc_put_watch(struct writer *w, const struct ipc_watch *m);
bool ipc_get_watch(const void *packet, size_t len, struct ipc_watch *m_out);
void ipc_put_card_is(struct writer *w, const struct ipc_card_is *m);
bool ipc_get_card_is(const void *packet, size_t len, struct ipc_card_is *m_out);
void ipc_put_act(struct writer *w, const struct ipc_act *m);
bool ipc_get_act(const void *packet, size_t len, struct ipc_act *m_out);
void ipc_put_acted(struct writer *w, const struct ipc_acted *m);
bool ipc_get_acted(const void *packet, size_t len, struct ipc_acted *m_out);

/* ipc_verify.c: what member is shown, online and off, and what comes of it */
void ipc_write_result(struct writer *w, const struct ipc_result *m);
void ipc_read_result(struct reader *r, struct ipc_result *m_out);
void ipc_put_verify(struct writer *w, const struct ipc_verify *m);
bool ipc_get_verify(const void *packet, size_t len, struct ipc_verify *m_out);
void ipc_put_verified(struct writer *w, const struct ipc_verified *m);
bool ipc_get_verified(const void *packet, size_t len, struct ipc_verified *m_out);
void ipc_put_offline(struct writer *w, const struct ipc_offline *m);
bool ipc_get_offline(const void *packet, size_t len, struct ipc_offline *m_out);
void ipc_put_challenge(struct writer *w, const struct ipc_challenge *m);
bool ipc_get_challenge(const void *packet, size_t len, struct ipc_challenge *m_out);
void ipc_put_proof(struct writer *w, const struct ipc_proof *m);
bool ipc_get_proof(const void *packet, size_t len, struct ipc_proof *m_out);
void ipc_put_vouch_offline(struct writer *w, const struct ipc_vouch_offline *m);
bool ipc_get_vouch_offline(const void *packet, size_t len, struct ipc_vouch_offline *m_out);
void ipc_put_forget(struct writer *w, const struct ipc_forget *m);
bool ipc_get_forget(const void *packet, size_t len, struct ipc_forget *m_out);

/* ipc_trusts.c */
void ipc_write_home(struct writer *w, const struct ipc_home *home);
/* A failed r where it is no domain that can be in the table. */
void ipc_read_home(struct reader *r, struct ipc_home *home_out);
/* t: only with ERR_OK. */
void ipc_put_trusts(struct writer *w, uint32_t err, const struct trusts *t);
bool ipc_get_trusts(const void *packet, size_t len, uint32_t *err_out, struct trusts *t_out);
void ipc_put_accounts(struct writer *w, const struct ipc_accounts *m);
bool ipc_get_accounts(const void *packet, size_t len, struct ipc_accounts *m_out);
void ipc_put_accounts_are(struct writer *w, const struct ipc_accounts_are *m);
bool ipc_get_accounts_are(const void *packet, size_t len, struct ipc_accounts_are *m_out);

#endif
