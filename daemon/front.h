/*
 * front: the event loop.  Answers NSS out of its memory, admits conversations,
 * hands them to workers, and alone says how they end.  It never blocks: what it
 * does not know it asks directory for, and goes on.
 */
#ifndef AUTHSOD_DAEMON_FRONT_H
#define AUTHSOD_DAEMON_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <talloc.h>

#include "daemon/config.h"
#include "daemon/ipc.h"
#include "daemon/local_names.h"
#include "daemon/role.h"
#include "lib/proto/proto.h"
#include "lib/proto/record.h"
#include "lib/proto/sealed.h"

/* Limits: beside what they limit a client gets a clear refusal or waits. Half of what is for all is root's alone. */
#define FRONT_CONVERSATIONS_MAX 2048     /* at once; more wait in the listener's queue */
#define FRONT_CONVERSATIONS_PER_UID 32   /* of an unprivileged user */
#define FRONT_NSS_CLIENTS_MAX 8192       /* that have connected and not been answered */
#define FRONT_NSS_CLIENTS_PER_UID 512    /* of an unprivileged user */
#define FRONT_LARGE_MAX 512              /* large records that were sent and perhaps not taken */
#define FRONT_LARGE_PER_UID 32           /* to an unprivileged user */
#define FRONT_PENDING_MAX 4096           /* lookups that directory has not answered */
#define FRONT_PENDING_PER_UID 128        /* started by an unprivileged user */
#define FRONT_OUTBOX_MAX (4U << 20)      /* bytes that wait for room in directory's channel, urgent or not */
#define FRONT_QUEUE_MAX 256              /* logons that wait for a worker */
#define FRONT_TICKETS_MAX 512            /* logons whose tickets were not claimed */
#define FRONT_TICKETS_PER_UID 64         /* of one user */
#define FRONT_CCACHES_PER_UID 2          /* credential caches that keeper writes at once for an unprivileged user */
#define FRONT_TICKETS_MS 120000          /* how long they wait */
#define FRONT_BEGIN_MS 10000             /* to say the first word */
#define FRONT_ASK_MS 3600000             /* a lock screen's prompt may stand for long */
#define FRONT_WAIT_MS 20000              /* for directory or keeper, inside a conversation */
#define FRONT_NSS_MS 15000               /* for one lookup */
#define FRONT_WORKER_IDLE_MS 60000       /* after which all idle logon workers but one, and all idle card workers, are let go */
#define FRONT_LOOK_MS 5000               /* to say what smart cards there are; as long again for a worker that does */
#define FRONT_PIN_PAD_MS 20000           /* more than a logon has, to type the PIN at the reader */
#define FRONT_LAST_CARDS IPC_LAST_CARDS_MAX /* certificates that were chosen, remembered */
#define CARD_WORKERS_MAX 4
#define FRONT_CARD_SESSIONS IPC_WATCH_MAX /* sessions whose cards are watched; the oldest go */
#define FRONT_WATCHED_MS 15000           /* a watcher that has not looked for so long hangs */
#define FRONT_ACT_MS 15000               /* for logind to lock or end a session */
#define FRONT_ACT_TRIES 3

struct front;

/* Something that epoll watches; embedded as the first member of its owner. */
struct watch {
    int fd;
    void (*ready)(struct front *f, struct watch *w, uint32_t events);
};

struct conversation;
struct lookups;
struct letter;
struct map;
struct removal;

/* A logon worker, of either kind. */
struct worker {
    struct watch watch;                /* the channel */
    struct worker *next;
    struct worker_pool *pool;
    uint32_t id;                       /* no two have the same, of whatever kind */
    struct conversation *conversation; /* NULL: idle */
    int64_t since;                     /* idle or busy since */
    bool retire;                       /* after this job: the configuration has changed */
};

/* Conversations that wait for a worker, the oldest first. */
struct queue {
    struct conversation *head;
    unsigned n;
};

/* The workers of one kind, and what waits for one: neither kind holds up the other. */
struct worker_pool {
    enum role role;                    /* ROLE_LOGON or ROLE_CARD */
    struct worker *workers;
    unsigned n_workers, n_starting;
    int64_t starting_since;
    struct queue jobs, looks;          /* who has typed his PIN comes before who waits to be asked for it */
};

enum conversation_state {
    CONVERSATION_BEGIN,    /* waits for BEGIN */
    CONVERSATION_WHO,      /* directory is looking the user up */
    CONVERSATION_LOOK,     /* what smart cards are there? with a worker: it is looking; without: waits for one */
    CONVERSATION_CHOICE,   /* stands and asks which certificate */
    CONVERSATION_ANSWER,   /* a prompt stands */
    CONVERSATION_QUEUED,   /* the answer is there, unread; waits for a worker */
    CONVERSATION_RUNNING,  /* a worker has it */
    CONVERSATION_LEARN,    /* directory is storing what member vouched for */
    CONVERSATION_STATE,    /* directory is finding out the account's state */
    CONVERSATION_CCACHE,   /* keeper is writing or removing a credential cache */
};

struct conversation {
    struct watch watch;                /* the module's connection */
    struct conversation *next;
    struct conversation *next_queued;
    enum conversation_state state;
    uint32_t id;                       /* shown in the log as the logon's number */
    struct ucred peer;
    bool gone;                         /* the module has hung up; a worker still runs */
    bool old_ids;                      /* who has an id of a configuration that is no more */
    struct proto_begin begin;
    struct ipc_identity who;           /* name "": not known yet */
    struct ipc_cards *cards;           /* that a choice is asked from, as they were shown; else NULL */
    struct ipc_card *card;             /* the certificate that is logged on with; NULL: a password */
    uint32_t request;                  /* of the message that is waited for */
    int64_t deadline;
    int64_t started;
    struct worker *worker;
    struct logon_info *vouched;        /* member's or netlogon's word; NULL until it came */
    enum role voucher;                 /* whose */
    bool vouched_offline;              /* member knows the card of vouched_user, without any controller's word */
    struct sid vouched_user;
    struct ipc_result result;
    struct sealed_secret tgt;          /* marshalled */
    struct sealed_secret ntlm;         /* the line for gss-ntlmssp, of a logon with a card */
};

/* What a logon left for pam_setcred. */
struct ticket {
    uint8_t handle[PROTO_HANDLE_LEN];
    uint32_t uid, gid;
    struct sid sid;
    uint32_t pid, parent;              /* of the process that authenticated */
    char name[PROTO_NAME_MAX + 1];
    struct sealed_secret tgt, ntlm;
    bool offline;                      /* no controller has said anything: the account's state is another question */
    bool with_card;                    /* it was a logon with a smart card: this one */
    struct ipc_card_key card;
    char token[65];                    /* its label */
    int64_t until;                     /* front_clock() based; 0: free */
};

/* A certificate that somebody has chosen, or logged on with. */
struct last_card {
    uint32_t uid;                      /* IPC_ANYBODY: to log on without a name at this computer */
    uint8_t hash[IPC_HASH_BYTES];
    int64_t at;                        /* front_clock() based; 0: free */
};

struct outbox {
    struct letter *first, *last;
    size_t size;                       /* bytes */
};

struct front {
    struct config *config;
    int epoll_fd;
    struct watch keeper, directory, member, netlogon, nss, pam, local;
    struct local_names *names;
    struct cache *cache;
    struct lookups *lookups;           /* of front_nss.c */
    struct map *map;                   /* of front_map.c */
    struct conversation *conversations;
    unsigned n_conversations;
    struct worker_pool logons, cards;
    struct removal *removal;           /* of front_removal.c */
    struct last_card last_cards[FRONT_LAST_CARDS]; /* chosen or used, also before we began: orders a list, and nothing else */
    struct last_card used_cards[FRONT_LAST_CARDS]; /* logged on with since we began: its user's programs may try the PIN */
    struct ticket tickets[FRONT_TICKETS_MAX];
    uint32_t last_request;
    uint32_t forgotten;                /* what was learned for requests up to this one is not kept */
    uint32_t last_conversation;
    struct outbox outbox[2];           /* what directory's channel has no room for: urgent, the rest */
    struct ipc_dc dc;                  /* the last that directory told */
    int64_t no_kdc_until;              /* logons that begin before need not find out that no KDC answers */
    int64_t tick_at;
    bool full;                         /* there was no descriptor left: the listeners are not watched */
    int64_t full_told;                 /* when the log said so */
    bool stopping;
    int64_t succeeded;                 /* while stopping: when a conversation last did; 0: none */
};

/* front.c */

/* With f->config set, and listeners and channels at the role's descriptors. False with errno. */
bool front_begin(struct front *f);
/* What is due by itself; between events. */
void front_tick(struct front *f);
bool front_watch(struct front *f, struct watch *w, uint32_t events);
/* Takes it out of epoll and closes it. */
void front_unwatch(struct front *f, struct watch *w);
/* A connection of listener w; -1: none. Where there is no descriptor left new ones wait until the next tick. */
int front_accept(struct front *f, struct watch *w);
bool front_send(struct watch *w, const struct writer *packet, const int *fds, size_t n_fds);
/* A number no request that is still open has. */
uint32_t front_request(struct front *f);
/*
 * Milliseconds since the boot, time asleep too: for what gets old, such as
 * records and tickets.  Whoever waits does so by client_now(), which stands
 * still meanwhile: a lock screen's prompt is there after the sleep, too.
 */
int64_t front_clock(void);

/* front_outbox.c */

/*
 * Sends directory a question, now or when it has room; urgent ones, of a
 * logon, overtake lookups that wait.  False: it is not there, or far behind.
 */
bool front_ask(struct front *f, const struct writer *packet, bool urgent);
/* directory's channel has room. */
void front_outbox_flush(struct front *f);
/* directory has ended. */
void front_outbox_clear(struct front *f);

/* front_nss.c: lookups */

bool front_nss_begin(struct front *f);
void front_nss_accept(struct front *f, struct watch *w, uint32_t events);
/* FOUND of directory. False if it is malformed. */
bool front_nss_found(struct front *f, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);
void front_nss_tick(struct front *f, int64_t now);
/* The rules have changed: nothing that was found under the old ones is kept, also of what has been asked already. */
void front_nss_forget(struct front *f);
/* directory has ended: what it was asked is answered with LATER. */
void front_nss_directory_gone(struct front *f);

/* front_share.c: what root and the others may have at once */

enum share {
    SHARE_CLIENTS,     /* of nss.sock, that wait */
    SHARE_LARGE,       /* of them: that were sent a descriptor and perhaps have not taken it */
    SHARE_QUESTIONS,   /* of theirs that directory has not answered */
    SHARES
};
struct shares;
struct shares *shares_new(TALLOC_CTX *mem);
/* One more for uid. False: he has his share, or the unprivileged together have theirs. */
bool share_take(struct shares *s, enum share what, uint32_t uid);
/* What was taken comes back. */
void share_give(struct shares *s, enum share what, uint32_t uid);

/* front_record.c: directory's records, held against the rules of this computer before anybody is given one */

struct cache_key;
struct cache_entry;
/* True if no such entry of the domain may exist, whatever directory says. */
bool front_record_never(const struct front *f, const struct cache_key *key);
/*
 * The record of m, or of fd where it has none, is the answer to key: checked and,
 * unless the question is old, cached.  FOUND: *e_out is what to send, an alias of m and fd.  NONE: it is not
 * to be served.  LATER: there is none.
 */
enum ipc_status front_record_found(struct front *f, const struct cache_key *key, const struct ipc_found *m, int fd,
                                   bool old, struct cache_entry *e_out);
/* There is no such entry. */
void front_record_none(struct front *f, const struct cache_key *key);
/* The domain has no user of that name any more, in whatever spelling: then there is none here either. */
void front_record_forget(struct front *f, const char *name);
/* Caches the two records of LEARNED. */
void front_record_learned(struct front *f, const struct ipc_learned *m);
/*
 * Entry e of the cache has answered key, and is not asked for again before
 * `refresh`.  Whoever asks has not found it in the identity map, or found it
 * stale: it is published again.
 */
void front_record_again(struct front *f, const struct cache_key *key, const struct cache_entry *e, int64_t refresh);

/* front_map.c: the identity map, which every process reads. Keys are names as records have them, or ids. */

/* Asks keeper for a map. False: no memory. That there is no map is no failure. */
bool front_map_begin(struct front *f);
/* MAP_IS of keeper. False if it is malformed. */
bool front_map_is(struct front *f, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX]);
/* True while a new map is filled: front_map_turn does the next part, and nothing is to be waited for. */
bool front_map_busy(const struct front *f);
void front_map_turn(struct front *f);
/* Renews the lease; at least every second. */
void front_map_tick(struct front *f);
/*
 * Publishes a record that may be served, under its name, its id or both; body:
 * its encoding, without the packet's head.  refresh, end: front_clock() based.
 */
void front_map_put(struct front *f, const struct record *rec, const void *body, size_t len, bool by_name, bool by_id,
                   int64_t refresh, int64_t end);
/* What the map answers; an alias of the map, until the next change. False: nothing. */
bool front_map_get(const struct front *f, const struct cache_key *key, struct record *rec_out, bool *stale_out);
/* There is no such entry. */
void front_map_none(struct front *f, const struct cache_key *key, int64_t end);
/* As cache_defer. */
void front_map_defer(struct front *f, const struct cache_key *key, int64_t refresh);
void front_map_clear(struct front *f);

/* front_cache.c: records in memory, by the spelling asked for, by canonical name and by id */

struct cache;
struct cache_key {
    unsigned kind;                     /* enum record_kind */
    enum proto_by by;
    uint32_t id;
    const char *name;                  /* terminated, PROTO_NAME_MAX at most */
};
struct cache_entry {
    const uint8_t *packet;             /* RECORD or NONE, as it is sent; NULL where fd brings it */
    size_t len;
    int fd;                            /* sealed memfd of a large RECORD; -1 */
    uint32_t id;                       /* uid or gid of the record */
    int64_t refresh, end;              /* front_clock() based */
};
/* NULL: no memory, or no random numbers for the hash. */
struct cache *cache_new(TALLOC_CTX *mem);
/* Borrowed until the next call. NULL: not there, or past its end. */
const struct cache_entry *cache_get(struct cache *c, const struct cache_key *key, int64_t now);
/*
 * Copies; takes fd over.  Where there is no room those go that were not used for
 * longest; large records have a room of their own.
 */
void cache_put(struct cache *c, const struct cache_key *key, const struct cache_entry *entry);
/* Key is another name of what `name` stands for, as long as that is the entry's id: no second copy. */
void cache_put_alias(struct cache *c, const struct cache_key *key, const char *name, const struct cache_entry *entry);
/* There is no such entry: kept in a table of fixed size of its own, so that no number of wrong names costs a record. */
void cache_put_none(struct cache *c, const struct cache_key *key, int64_t end);
void cache_clear(struct cache *c);
/* Removes what is past its end in the next part of the table. */
void cache_sweep(struct cache *c, int64_t now);
/* Asked for again at once: not asked for again before `refresh`. */
void cache_defer(struct cache *c, const struct cache_key *key, int64_t refresh);
/* Nobody outside can make two keys have the same. */
uint64_t cache_hash(const struct cache *c, const struct cache_key *key);
bool cache_same(const struct cache_key *a, const struct cache_key *b);

/* front_pam.c: conversations */

void front_pam_accept(struct front *f, struct watch *w, uint32_t events);
bool front_pam_identity(struct front *f, const uint8_t *packet, size_t len);
void front_pam_tick(struct front *f, int64_t now);
/* directory or keeper has ended: what waits for it fails. */
void front_pam_peer_gone(struct front *f);
/* Ends those in which the person has not answered yet: they would keep us for as long as somebody stares at a prompt. */
void front_pam_stop(struct front *f);
/* Tells the module something before the end. */
void front_pam_order(const struct conversation *c, const struct proto_order *order);
/* Asks the person, and waits for the answer in that state; where we are ending, or the module is gone, c ends. */
void front_pam_ask(struct front *f, struct conversation *c, const struct proto_order *ask, enum conversation_state state);
void front_pam_ask_password(struct front *f, struct conversation *c);
/* Has directory say who that is: front_pam_identity goes on. */
void front_pam_who(struct front *f, struct conversation *c, const char *name);
/* Nothing is to be read from the module any more: from here on only a hang-up is of interest. False: c has ended. */
bool front_pam_deaf(struct front *f, struct conversation *c);
/* Ends the conversation; err as the worker or front found it, told as far as it may be. */
void front_pam_end(struct front *f, struct conversation *c, enum err err, bool proved, const char *value);
/* Ends it without a word. */
void front_pam_free(struct front *f, struct conversation *c);
/* The conversation that waits in that state for the answer to that request; NULL: none. */
struct conversation *front_pam_waiting(struct front *f, enum conversation_state state, uint32_t request);

/* front_result.c: what a logon came to */

/* A worker's result came (or NULL: it died). */
void front_pam_result(struct front *f, struct conversation *c, const struct ipc_result *result, int tgt_fd, int ntlm_fd);
bool front_pam_learned(struct front *f, const uint8_t *packet, size_t len);
bool front_pam_state(struct front *f, const uint8_t *packet, size_t len);

/* front_card.c: conversations with a smart card */

/* Nobody gets in without one: no password is looked at. */
bool front_card_is_needed(const struct front *f, const struct conversation *c);

/*
 * An authentication whose user is known, or who was not named and may be seen
 * from a card: looks for cards where they are used, else asks for the password.
 */
void front_card_begin(struct front *f, struct conversation *c);
/* What the worker that looked has seen; NULL: it has ended, or is late. */
void front_card_seen(struct front *f, struct conversation *c, const struct ipc_cards *cards);
/* No worker could look; err says why. */
void front_card_unseen(struct front *f, struct conversation *c, enum err err);
/* The module has answered a choice. */
void front_card_chosen(struct front *f, struct conversation *c);
/* The user of the chosen card is known. */
void front_card_ask_pin(struct front *f, struct conversation *c);
/* The chosen card is not the user's, or nobody can say whose: its PIN is not asked for. err, or the password where that will do. */
void front_card_not_his(struct front *f, struct conversation *c, enum err err);
/* c has come to a logon: its card, if there was one, is its user's. */
void front_card_used(struct front *f, const struct conversation *c);
/* The ids may be other people's from now on: whose a card is nobody knows any more, and who is on his way has used none. */
void front_card_forget(struct front *f);
/* LAST_CARDS of directory: what the store has of front_card_used's. False if it is malformed. */
bool front_card_told(struct front *f, const uint8_t *packet, size_t len);
/* The PIN is there, unread, or will be typed at the reader. */
void front_card_run(struct front *f, struct conversation *c);
/* " by smart card ..." for the log; "" where it is none. Gives buf. */
const char *front_card_text(const struct conversation *c, char *buf, size_t size);

/* front_removal.c: what becomes of sessions whose card is pulled */

/* False: no memory. */
bool front_removal_begin(struct front *f);
/* root's program opens a session after a logon that left t: where card_removal says so, its card is watched from now on. */
void front_removal_open(struct front *f, const struct conversation *c, const struct ticket *t);
void front_removal_close(struct front *f, const struct conversation *c);
/* keeper brings a process of ROLE_WATCH or ROLE_SESSION. */
void front_removal_add(struct front *f, enum role role, uint32_t id, int fd);
/* f->config is another one. */
void front_removal_config(struct front *f);
void front_removal_tick(struct front *f, int64_t now);

/* front_cred.c: what comes after authentication */

/* CCACHE_DONE of keeper. False if it is malformed. */
bool front_pam_ccache(struct front *f, const uint8_t *packet, size_t len);
/* The operations that need no worker. */
void front_cred_begin(struct front *f, struct conversation *c);
/* Keeps the tickets of a logon; gives the handle, NULL if there is no room. */
struct ticket *front_ticket_keep(struct front *f, struct conversation *c);
void front_ticket_drop(struct ticket *t);
/*
 * Who b is about, where it has the handle of a logon of that very name and goes on
 * with what follows a logon: its identity, but for the principal.  False:
 * directory must say.
 */
bool front_ticket_who(const struct front *f, const struct proto_begin *b, struct ipc_identity *who_out);
void front_cred_tick(struct front *f, int64_t now);

/* front_pool.c: workers */

/* To an idle worker, or into the queue: a look in the state LOOK, else the job of a conversation whose answer is there. */
void front_pool_run(struct front *f, struct conversation *c);
/* role: ROLE_LOGON or ROLE_CARD. */
bool front_pool_add(struct front *f, enum role role, uint32_t id, int fd);
/* VOUCH of member or netlogon, VOUCH_OFFLINE of member. */
bool front_pool_vouch(struct front *f, enum role by, const uint8_t *packet, size_t len);
/* Reads what member and netlogon have sent already: a VOUCH is sent before the worker's RESULT. */
void front_drain_vouchers(struct front *f);
/* A DC for the workers that asked. */
void front_pool_dc(struct front *f, const struct ipc_dc *dc);
/* The worker loses its conversation. kill: it hangs. */
void front_pool_release(struct front *f, struct worker *w, bool kill);
/* The workers of that kind know what is no longer so: the configuration, a role that has ended. */
void front_pool_retire(struct front *f, struct worker_pool *pool);
void front_pool_begin(struct front *f);
void front_pool_tick(struct front *f, int64_t now);

#endif
