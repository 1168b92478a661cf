/*
 * The directory role: owns the store and the one LDAP connection, and knows
 * which domain controller is in use.  One thread, one message at a time, each
 * answered before the next is read.
 *
 * What the store knows well enough is answered from it, whatever the domain is
 * doing.  Once the domain has failed to answer nobody waits for it again: what
 * needs it is answered from the store or by LATER at once, and the way back is
 * looked for between messages.
 */
#ifndef AUTHSOD_DAEMON_DIRECTORY_H
#define AUTHSOD_DAEMON_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "daemon/config.h"
#include "daemon/ipc.h"
#include "daemon/local_names.h"
#include "lib/directory/ldap.h"
#include "lib/directory/locator.h"
#include "lib/proto/record.h"
#include "lib/sid/idmap.h"
#include "lib/sid/name.h"
#include "lib/store/store.h"

#define DIR_RECORD_INLINE (60U * 1024) /* bytes of a record in a message; a longer one comes as a descriptor */
#define DIR_RECENT_S 5                 /* what was learned so few seconds ago is not asked for again on any account */
#define DIR_RETRY_S 10                 /* a record that outlived its refresh is asked for again after so many seconds */
#define DIR_LOCATE_MS 2000             /* somebody waits for a domain controller */
#define DIR_LOCATE_QUIETLY_MS 1500     /* nobody does, but messages may come */
#define DIR_PENDING_MAX 16384          /* groups whose names are to be learned */
#define DIR_BATCH 100                  /* of them at once: one request of directory_groups_by_sid */
#define DIR_HARD_MAX 64                /* groups whose members were too much for the domain, remembered */
#define DIR_FOREIGN_STATE_S (24 * 3600) /* so long a logon tells that an account of a trusted domain is in force */
#define DIR_WAITING_MAX 64             /* messages that wait for netlogon */
#define DIR_NETLOGON_MS 3500           /* for netlogon to answer */
#define DIR_HARD_PAUSE_MS 10000        /* after one of these nobody's members are asked for */
#define DIR_RESOURCE_MAX 16            /* users whose groups were too much for the domain, remembered */
#define DIR_RESOURCE_RECENT_MS 60000   /* a controller that answered so short a time ago is there */

/* The computer's own domain. */
struct dir_domain {
    bool known;                        /* sid is */
    struct sid sid;
    char netbios[64];                  /* lower case; "" as long as nobody said it */
};

/* The domain controller (dir_dc.c). */
struct dir_dc {
    bool known;                        /* dc answers as far as we know */
    struct dc dc;                      /* that one, or the last one; address "" if there never was one */
    char lost[64];                     /* address of one that stopped answering: asked last; "" if none */
    enum err none;                     /* why there is none; ERR_OK as long as nobody looked */
    int64_t none_until;                /* client_now() based: before it the answer is none, without looking again */
    int64_t only_until;                /* the same: before it there is no other one than dc, which was looked for */
};

/* The LDAP connection (dir_link.c). */
struct dir_link {
    struct directory *ldap;            /* NULL as long as there is none */
    char address[64];                  /* of its other end */
    int64_t renew_at;                  /* seconds since 1970: a connection does not outlive its ticket */
    int64_t asked;                     /* client_now() when it was last given to somebody */
    int64_t used;                      /* client_now() of its last answer */
    bool proved;                       /* it has answered since it was opened */
    unsigned failures;                 /* in a row */
    int64_t retry_at;                  /* client_now() based */
    int64_t tried;                     /* client_now() of the last try to open it */
    bool quick;                        /* that failed at once: whoever needs it may try again soon */
    struct ipc_reason why;             /* of the last failure */
};

/* Whether the last domain controller is back (dir_ping.c). */
struct dir_ping {
    struct ping *ping;                 /* NULL while nothing is asked */
    int64_t sent;                      /* client_now() */
    char address[64];
};

/* Members that the domain could not tell in time (dir_group.c): one search holds all other questions up. */
struct dir_hard {
    struct {
        uint32_t gid;
        int64_t until;                 /* client_now() based: not asked for again before it */
    } groups[DIR_HARD_MAX];
    int64_t pause;                     /* nor any other group's before it */
};

/* The domains that ours trusts (dir_trust.c). */
struct dir_trusts {
    struct trusts t;                   /* those whose accounts have ids here; empty as long as nobody told */
    bool heard;                        /* netlogon told it, since it or the configuration is another one */
    bool used;                         /* an account of one was asked for: to be refreshed when it is old */
    int64_t heard_at;                  /* client_now() */
    int64_t asked_at;                  /* the same; 0: never */
};

enum dir_want { DIR_WANT_NOTHING, DIR_WANT_TRUSTS, DIR_WANT_ACCOUNTS };

/*
 * What netlogon has to be asked for the message in hand.  Its handler comes to
 * LATER and finds something wanted; the message is put aside, and handled again
 * from its beginning when the answer is in the store, or did not come in time.
 */
struct dir_asking {
    unsigned asked;                    /* bits 1 << enum dir_want: for this message, before */
    bool answered;                     /* the last of these was */
    enum dir_want want;
    struct ipc_accounts question;      /* of DIR_WANT_ACCOUNTS */
};

struct dir_waiting {
    uint8_t *packet;                   /* NULL: free */
    size_t len;
    unsigned asked;
    enum dir_want what;                /* it waits for */
    uint32_t question;                 /* of DIR_WANT_ACCOUNTS */
    int64_t deadline;                  /* client_now() based */
};

/* Users whose groups of the own domain were too much for the controller (dir_resource.c). */
struct dir_resource {
    struct {
        uint32_t uid;
        int64_t until;                 /* client_now() based */
    } users[DIR_RESOURCE_MAX];
    int64_t pause;                     /* the same: before it nobody's are asked for */
    int64_t answered;                  /* when somebody's were last told; 0: not since one was too much */
};

struct dir {
    struct config *config;
    int keeper, front, member;         /* channels; -1 while the other side is gone */
    int netlogon;
    struct dir_trusts trusts;
    struct dir_asking asking;
    struct dir_waiting waiting[DIR_WAITING_MAX];
    uint32_t last_question;
    unsigned tickets_due;              /* answers that member still owes us */
    int krb5_profile;                  /* memfd behind KRB5_CONFIG; -1 */
    struct store *store;
    struct idmap *idmap;
    struct dir_domain own;
    struct dir_dc dc;
    struct dir_link link;
    struct dir_ping ping;
    struct dir_hard hard;
    struct dir_resource resource;
    uint32_t *pending;                 /* gids of groups without a name, DIR_PENDING_MAX of them */
    size_t n_pending;
    struct local_names *names;         /* this computer's own, and the reserved ones */
    uint32_t *namesakes;               /* gids of the domain's groups called like them, sorted; NULL: not known yet */
    size_t n_namesakes;
    int64_t namesakes_at;              /* client_now() based: asked for again then */
};

/* directory.c */

/* NULL (logged) where it cannot work: no store, impossible range. Channels are -1. */
struct dir *dir_new(TALLOC_CTX *mem, struct config *config, const char *statedir);
void dir_free(struct dir *d);

/* One message of role from, the descriptors its handler's to take. False where it may not be sent or does not parse. */
bool dir_dispatch(struct dir *d, enum role from, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);

/* One turn: waits for something to do, does it. False at the end. */
bool dir_turn(struct dir *d);

/* Sends a reply to front, fd along with it unless it is -1. */
void dir_reply(struct dir *d, const struct writer *w, int fd);

/* dir_domain.c: the domain, its ids. */

/* Takes config (stolen) and fits the store and the id mapping to it. False (logged) where the mapping is impossible. */
bool dir_adopt(struct dir *d, struct config *config);

/* The domain said who it is. A domain that was made anew under the old name begins with an empty store. */
void dir_learn_own(struct dir *d, const struct sid *sid, const char *netbios);

/* Makes a trusted domain known, for its ids. False (logged) where they would not be those that front finds by the SID. */
bool dir_add_trust(struct dir *d, const struct trust *trust);

/* True if sid is an account of the computer's own domain. */
bool dir_is_own(const struct dir *d, const struct sid *sid);

/* dir_name.c: what a name or an id stands for. */

struct dir_key {
    const struct trust *trust;         /* whose account; NULL: the own domain's. Alias, as long as the message is in hand */
    bool by_sid;
    struct sid sid;                    /* of by_sid */
    uint32_t id;                       /* of by_sid */
    char name[NAME_MAX_BYTES + 1];     /* canonical; "" if the domain has to say it */
    char account[NAME_MAX_BYTES + 1];  /* sAMAccountName, lower case; "" likewise */
    char upn[NAME_MAX_BYTES + 1];      /* "" where it cannot be meant */
};

/* IPC_STATUS_FOUND with *key_out; NONE where it can name nobody of the domain; LATER where only the domain can say. */
enum ipc_status dir_key_of_name(struct dir *d, const char *spelling, struct dir_key *key_out);
enum ipc_status dir_key_of_id(struct dir *d, uint32_t id, struct dir_key *key_out);

/* The Unix name of an account of the own domain. False if it can have none. */
bool dir_canonical(const struct dir *d, const char *account, char name_out[static NAME_MAX_BYTES + 1]);

/* dir_trust.c: the table of trusted domains, and messages that wait for netlogon. */

/* The table as the store has it, for the configuration as it is. */
void dir_trusts_recall(struct dir *d);
/* The trusted domain of an account, NULL if it is of none. */
const struct trust *dir_trust_of(const struct dir *d, const struct sid *account);
/* Each: true if the message in hand is to wait for that; false if it has waited, or nobody can be asked. */
bool dir_want_trusts(struct dir *d);
bool dir_want_name(struct dir *d, const struct trust *trust, const char *account);
bool dir_want_sid(struct dir *d, const struct sid *sid);
/* What LATER comes to: true if the message was put aside, and is not to be answered now. */
bool dir_put_aside(struct dir *d, const uint8_t *packet, size_t len);
/* Asks for the names of what is not known well enough, n SIDs of any domains. Nobody waits. */
void dir_ask_names(struct dir *d, const struct sid *sids, size_t n);
/* netlogon is another one, or none. */
void dir_netlogon_gone(struct dir *d);
/* What is due by itself; and milliseconds until something is, -1: nothing. */
void dir_trust_tick(struct dir *d);
int dir_trust_due(const struct dir *d);
bool dir_on_trusts(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);
bool dir_on_accounts(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);
/* directory.c: handles it again, for front. */
void dir_resume(struct dir *d, unsigned asked, bool answered, const uint8_t *packet, size_t len);

/* dir_foreign.c: accounts of trusted domains, of which the store knows what netlogon and logons told. */

/* "alice@other.test". False if the account can have no such name. */
bool dir_foreign_canonical(const struct trust *trust, const char *account, char name_out[static NAME_MAX_BYTES + 1]);
/* Into the store, if it is one of a trusted domain's. */
void dir_foreign_learn(struct dir *d, const struct ipc_account *a);
/* As dir_find_user and so on, for a key with a trust. */
enum ipc_status dir_foreign_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, bool groups,
                                 struct store_user **user_out);
enum ipc_status dir_foreign_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh,
                                  struct store_group **group_out);

/*
 * dir_resource.c: groups of the own domain that u, of a trusted one, is in.
 * Where the domain does not tell them u has those known before, or none;
 * resource_learned says since when.
 */

/* At a logon, u as that made it: asked for only over a connection that is open, and written to the store with u. */
void dir_resource_logon(struct dir *d, TALLOC_CTX *mem, struct store_user *u);
/* At a lookup, u as the store has it: asked for where they are not fresh, and written to the store. */
void dir_resource_find(struct dir *d, TALLOC_CTX *mem, struct store_user *u, bool refresh);

/* dir_user.c, dir_group.c */

int64_t dir_now(void);                 /* seconds since 1970 */
/* What was learned then need not be asked for again (refresh: somebody wants the latest); may still be served. */
bool dir_fresh(const struct dir *d, int64_t learned, bool refresh);
bool dir_usable(const struct dir *d, int64_t learned);

/* The store first unless refresh, else the domain, else the store again. FOUND: *user_out under mem. */
enum ipc_status dir_find_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh,
                              struct store_user **user_out);
/* dir_find_user, with memberships. */
enum ipc_status dir_find_groups(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh,
                                struct store_user **user_out);
/* ERR_OK: the domain was asked and the store written; *u_out is NULL where no Unix user can be made of the account.
 * Else ERR_UNKNOWN_PRINCIPAL, ERR_NOT_A_PERSON, ERR_NO_KDC. */
enum err dir_ask_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, struct dir_user **account_out,
                      struct store_user **u_out);

/* members: a name was asked for, members are wanted; without them where they are too much for the domain. */
enum ipc_status dir_find_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, bool refresh, bool members,
                               struct store_group **group_out);
/* Asks the domain for n groups and writes them to the store; those that are gone are dropped.  *wanted_out: the one of
 * wanted (NULL: none) if it is there.  ERR_OK or ERR_NO_KDC. */
enum err dir_fetch_groups(struct dir *d, TALLOC_CTX *mem, const struct sid *sids, size_t n, const struct sid *wanted,
                          struct store_group **wanted_out);

/* Ids to groups of the own domain, sorted, each once, primary left out. Under mem. */
uint32_t dir_unique_gids(uint32_t *gids, uint32_t n, uint32_t primary);

/* dir_pending.c: names of groups that are known by their ids. */

void dir_pending_add(struct dir *d, const uint32_t *gids, uint32_t n);
/* The groups of a user, those of trusted domains, too. */
void dir_learn_names(struct dir *d, const struct store_user *u);
/* The SIDs of gid and of those behind it in the list, whose place is *at_out: gives how many, 0 if gid is not there. */
size_t dir_pending_peek(const struct dir *d, uint32_t gid, size_t *at_out, struct sid sids[static DIR_BATCH]);
void dir_pending_remove(struct dir *d, size_t at, size_t n);
bool dir_pending_due(const struct dir *d);
/* Learns one batch. */
void dir_pending_work(struct dir *d);

/* dir_namesake.c: groups that are called like a local or a reserved one. */

/* Before anything is answered: what was found for other local names than today's is forgotten. */
void dir_namesakes_check(struct dir *d);
/* Asks the domain for them where that is due and it is connected. */
void dir_namesakes_refresh(struct dir *d);
/* Names or ids are others now: as long as the domain has not told them anew, those count that the store knows. */
void dir_namesakes_forget(struct dir *d);
/* True if the group is nobody's, whoever is in it. */
bool dir_is_namesake(struct dir *d, uint32_t gid);

/* dir_record.c: RECORD packets. */

struct dir_record {
    uint8_t *bytes;
    size_t len;
};

/* False (logged) where no record can be made: no home directory, no memory. */
bool dir_record_passwd(struct dir *d, TALLOC_CTX *mem, const struct store_user *u, struct dir_record *out);
bool dir_record_groups(struct dir *d, TALLOC_CTX *mem, const struct store_user *u, struct dir_record *out);
bool dir_record_group(struct dir *d, TALLOC_CTX *mem, const struct store_group *g, struct dir_record *out);

/* Seconds until what was learned then is to be asked for again, and until it is served no more. */
void dir_times(const struct dir *d, int64_t learned, uint32_t *refresh_out, uint32_t *end_out);

/* Handlers. */
bool dir_on_lookup(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);  /* dir_lookup.c */
bool dir_on_who(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);     /* dir_lookup.c */
bool dir_on_learn(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);   /* dir_learn.c */
bool dir_on_state(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);   /* dir_state.c */
bool dir_on_need_dc(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]); /* dir_dc.c */
bool dir_on_last_card(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]); /* dir_card.c */
bool dir_on_ticket_is(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]); /* dir_ticket.c */

/* dir_card.c */

/* Tells front, to which there is another channel, which certificates were used last. */
void dir_cards_tell(struct dir *d);

/* dir_dc.c */

/* What the store remembers, to be asked first. */
void dir_dc_recall(struct dir *d);
/* Makes sure that a domain controller is known, within ms. ERR_OK, or why there is none. */
enum err dir_dc_locate(struct dir *d, int ms);
/* The one in use does not answer any more. */
void dir_dc_lost(struct dir *d);
/* Tells member. */
void dir_dc_push(struct dir *d);

/* dir_link.c */

/*
 * The connection, opened where need be; NULL where the domain does not answer.
 * What is asked of it stands in a loop,
 *     do {
 *         l = dir_link(d);
 *         err = l == NULL ? ERR_NO_KDC : directory_...(l, ...);
 *     } while (dir_link_again(d, err));
 * because a connection that was left alone for a while may be gone, and is then
 * made anew, once.  ERR_TIMEOUT, of one request that was too much, costs the
 * connection and not the controller.
 */
struct directory *dir_link(struct dir *d);
/* The same for what is not worth waiting for another connection: NULL where none is open. */
struct directory *dir_link_at_hand(struct dir *d);
bool dir_link_again(struct dir *d, enum err err);
void dir_link_close(struct dir *d);
/* Why the domain could not be asked the last time. */
struct ipc_reason dir_link_why(const struct dir *d);
/* What is due by itself: connecting, the way back. */
void dir_link_tick(struct dir *d);
/* Milliseconds until dir_link_tick has something to do. */
int dir_link_due(const struct dir *d);

/* dir_ping.c: CLDAP pings ([MS-ADTS] 6.3.3) to the last domain controller that nobody waits for. */

#define DIR_PING_MS 500                /* from one to the next */

void dir_ping_send(struct dir *d);
/* True if one of our domain was answered. */
bool dir_ping_answered(struct dir *d);
/* Sends one and waits. */
bool dir_ping_wait(struct dir *d, int ms);
void dir_ping_close(struct dir *d);

/* dir_ticket.c */

/* Asks member for a ticket to ldap/host and makes it the process's credentials.  False with why there is none. */
bool dir_ticket(struct dir *d, const char *host, int64_t *end_out, struct ipc_reason *why_out);

#endif
