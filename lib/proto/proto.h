/*
 * The local protocol between the modules and `front`.  This header is its
 * specification.
 *
 * Transport: Unix sockets of type SOCK_SEQPACKET, so a message is one packet
 * and there is no half message.  Every packet starts with
 *     u8 version (PROTO_VERSION), u8 type (enum proto_type)
 * then the fields listed above each type, in that order, nothing after them.
 * Integers little-endian; str is u32 length and bytes, no NUL inside.
 * At most PROTO_PACKET_MAX bytes; a longer RECORD travels as a memfd (sealed
 * against write, grow and shrink) whose content is the RECORD packet.
 * A packet that does not parse ends the connection.
 *
 *   nss.sock  everyone      GET -> RECORD | NONE | LATER, then closed
 *   pam.sock  root, or a user about himself
 *             BEGIN -> (WAIT | SAY | SET | ASK -> ANSWER | CANCEL)* -> DONE, then closed
 *             The first packet after BEGIN is front's own.  A logon worker may then
 *             ASK and SAY, but SET and DONE are taken only from the process that
 *             sent the first packet (client_recv_sender): a worker runs other
 *             people's code and cannot let anybody in.
 */
#ifndef AUTHSOD_PROTO_PROTO_H
#define AUTHSOD_PROTO_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/proto/messages.h"

#define PROTO_VERSION 1
#define PROTO_PACKET_MAX 65536           /* bytes of one packet */
#define PROTO_RECORD_MAX (16U << 20)     /* bytes of a RECORD in a memfd */
#define PROTO_NAME_MAX 256               /* bytes of a user or group name, its NUL not counted */
#define PROTO_TEXT_MAX 1024              /* bytes of any other string, its NUL not counted */
#define PROTO_SECRET_MAX 1024            /* bytes of a password or PIN, its NUL not counted */
#define PROTO_VALUES_MAX 8               /* values of one message */
#define PROTO_ID_MIN 1000                /* no uid or gid below it is ever granted */

enum proto_type {
    /* to the daemon, nss.sock */
    PROTO_GET = 1,     /* u8 kind (enum record_kind), u8 by (enum proto_by), then str name or u32 id */
    /* from the daemon, nss.sock */
    PROTO_RECORD = 2,  /* the record, see record.h */
    PROTO_NONE = 3,    /* nothing: the daemon knows that there is no such entry */
    PROTO_LATER = 4,   /* nothing: cannot be known at present (no DC) or too many asked at once */
    /* to the daemon, pam.sock */
    PROTO_BEGIN = 16,  /* struct proto_begin, field by field */
    PROTO_ANSWER = 17, /* str, at most PROTO_SECRET_MAX */
    PROTO_CANCEL = 18, /* nothing */
    /* from the daemon, pam.sock */
    PROTO_ASK = 32,    /* u8 how (enum proto_how), u32 prompt, u8 n, n str values; of HOW_CHOICE: what there is to choose
                          from, two or more, and the ANSWER is the place of one of them: "1" and so on */
    PROTO_SAY = 33,    /* u8 1 if an error (u32 is enum err), 0 if a notice (u32 is enum notice), u32 code, u8 n, n str values */
    PROTO_SET = 34,    /* u8 what (enum proto_set), str value */
    PROTO_DONE = 35,   /* struct proto_done, field by field */
    PROTO_WAIT = 36,   /* nothing: somebody who has not been asked anything yet is to have more patience, as a smart
                          card is being looked for */
};

/* One level, root's, as are the files in it, which their users may read. */
#define PROTO_NTLM_FOLDER AUTHSOD_RUNDIR "/ntlm"
#define PROTO_NTLM_FILE_MAX (sizeof(PROTO_NTLM_FOLDER) + 32)

enum proto_by { PROTO_BY_NAME = 1, PROTO_BY_ID = 2 };

enum proto_how { PROTO_HOW_SECRET = 1, PROTO_HOW_TEXT = 2, PROTO_HOW_CHOICE = 3 };

enum proto_set {
    PROTO_SET_KRB5CCNAME = 1, /* the session's environment */
    PROTO_SET_USER = 2,       /* PAM_USER, only where the application gave none */
    PROTO_SET_NTLM_FILE = 3,  /* NTLM_USER_FILE of the session's environment: a file in PROTO_NTLM_FOLDER */
};

enum proto_operation {
    PROTO_AUTHENTICATE = 1,
    PROTO_ACCOUNT = 2,
    PROTO_CRED_ESTABLISH = 3,
    PROTO_CRED_REINITIALIZE = 4,
    PROTO_CRED_REFRESH = 5,
    PROTO_CRED_DELETE = 6,
    PROTO_OPEN_SESSION = 7,
    PROTO_CLOSE_SESSION = 8,
    PROTO_CHANGE_PASSWORD = 9,
};

/* What the module wants of smart cards; only at this computer. */
enum proto_card {
    PROTO_CARD_DEFAULT = 0, /* as the configuration has it */
    PROTO_CARD_NEVER = 1,   /* no question but for the password can be answered: there is one already */
    PROTO_CARD_TRY = 2,     /* where there is one: it; else the password */
    PROTO_CARD_REQUIRE = 3, /* a card, or the logon fails and says so */
    PROTO_CARD_ONLY = 4,    /* a card, or the logon is not ours, and nothing is said: another service asks for passwords */
};

#define PROTO_HANDLE_LEN 16 /* random bytes: names what a logon left in the daemon */

/* In this order: u8 operation, u8 card, u8 has_handle and PROTO_HANDLE_LEN bytes
 * if so, u32 pid, u32 parent, then the strings. */
struct proto_begin {
    enum proto_operation operation;
    enum proto_card card;                    /* DEFAULT but in AUTHENTICATE */
    bool has_handle;                         /* given by the DONE of an earlier logon in this PAM handle */
    uint8_t handle[PROTO_HANDLE_LEN];
    uint32_t pid;                            /* of the application; checked against the socket's peer */
    uint32_t parent;                         /* sshd authenticates in a child of the process that opens the session */
    char user[PROTO_NAME_MAX + 1];           /* "" where the application gave none: NOT_OURS, or whom a card shows */
    char service[PROTO_TEXT_MAX + 1];
    char tty[PROTO_TEXT_MAX + 1];
    char rhost[PROTO_TEXT_MAX + 1];          /* "" at this computer */
    char ruser[PROTO_TEXT_MAX + 1];
    char ccname[PROTO_TEXT_MAX + 1];         /* KRB5CCNAME of the session, for delete and close */
};

/* In this order: u32 err, u32 uid, u8 has_handle and the handle if so, str sid, u8 n, n str values. */
struct proto_done {
    enum err err;
    uint32_t uid;                            /* of the user, with OK in every operation; else UINT32_MAX */
    bool has_handle;
    uint8_t handle[PROTO_HANDLE_LEN];
    char sid[192];                           /* "S-1-5-21-..." or "" */
    unsigned n_values;
    char values[PROTO_VALUES_MAX][256];      /* for the sentence of err */
};

/* ASK, SAY, SET and WAIT as read by the module. */
struct proto_order {
    enum proto_type type;                    /* PROTO_ASK, PROTO_SAY, PROTO_SET or PROTO_WAIT */
    enum proto_how how;                      /* of ASK */
    bool is_error;                           /* of SAY */
    uint32_t code;                           /* of ASK and SAY */
    enum proto_set what;                     /* of SET */
    char text[PROTO_TEXT_MAX + 1];           /* of SET */
    unsigned n_values;
    char values[PROTO_VALUES_MAX][256];
};

/* Writes version and type. */
void proto_put_head(struct writer *w, enum proto_type type);

/* Reads both; 0 (and r failed) for another version. The type itself is the caller's to check. */
unsigned proto_get_head(struct reader *r);

/* Each pair is the one codec of its message, head included.  get: false unless the whole packet is well-formed. */
void proto_put_get(struct writer *w, unsigned kind, enum proto_by by, const char *name, uint32_t id);
struct proto_get {
    unsigned kind;
    enum proto_by by;
    const char *name; /* alias into the packet, not terminated */
    size_t name_len;
    uint32_t id;
};
bool proto_get_get(const void *packet, size_t len, struct proto_get *get_out);

void proto_put_begin(struct writer *w, const struct proto_begin *b);
bool proto_get_begin(const void *packet, size_t len, struct proto_begin *b_out);

/* secret: n bytes. The writer's memory is the caller's to erase. */
void proto_put_answer(struct writer *w, const char *secret, size_t n);
/* An alias into the packet, not terminated. */
bool proto_get_answer(const void *packet, size_t len, const char **secret_out, size_t *n_out);
/* An ANSWER to a choice from n, 99 at most: 1 to n, in decimal digits without a zero before them, and nothing else. */
bool proto_get_choice(const void *packet, size_t len, unsigned n, unsigned *place_out);

void proto_put_order(struct writer *w, const struct proto_order *o);
bool proto_get_order(const void *packet, size_t len, struct proto_order *o_out);

void proto_put_done(struct writer *w, const struct proto_done *d);
bool proto_get_done(const void *packet, size_t len, struct proto_done *d_out);

/* The type of a packet of this version, without reading more of it; 0 for anything else. */
unsigned proto_peek(const void *packet, size_t len);

#endif
