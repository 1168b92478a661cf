/*
 * keeper: root; starts the other roles and does what only root may.  It reads
 * nothing from the network.
 */
#ifndef AUTHSOD_DAEMON_KEEPER_H
#define AUTHSOD_DAEMON_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <talloc.h>

#include "daemon/config.h"
#include "daemon/ipc.h"
#include "daemon/role.h"
#include "lib/base/hash.h"
#include "lib/proto/control.h"

#define KEEPER_WORKERS_MAX 256  /* the configuration's upper bound for workers */
#define KEEPER_CARDS_MAX 8      /* card workers: those that front wants, and as many on their way out */
#define KEEPER_WATCHERS_MAX 2   /* of watch, and of session: the one that there is, and one on its way out */
#define KEEPER_CHILDREN_MAX (KEEPER_WORKERS_MAX + KEEPER_CARDS_MAX + 2 * KEEPER_WATCHERS_MAX + 32)
#define KEEPER_CCACHES_MAX 16   /* children that write caches at once */
#define KEEPER_CCACHES_QUEUED 256 /* requests for more that wait */
#define KEEPER_BIRTH_MS 5000    /* for a copy of such a process to say that it is there */
#define KEEPER_PAUSE_MS 1000    /* before what could not be started is tried again; doubled up to a minute while a role keeps ending */

/* A process of ours. */
struct child {
    pid_t pid;             /* 0: free; CHILD_UNBORN */
    enum role role;
    uint32_t id;           /* of a worker (role_is_worker); of a ccache child the front's request, 0: it stands ready */
    int channel;           /* our end; -1 once the other is closed */
    int64_t started;       /* client_now() based */
    int64_t deadline;      /* the same; 0: none */
    bool answered;         /* a ccache child has told its result, or none is expected of it */
    bool copies;           /* of ccache: the process whose copies do the work */
};
#define CHILD_UNBORN (-1)  /* a ccache child that has not said yet which process it is */

struct ccache_job;             /* a credential cache that waits for its child */

struct maps;                   /* the identity map's files */
struct local_list;             /* the list of local names */
struct rotation;               /* of the computer's password */

struct account {
    uid_t uid;
    gid_t gid;
};

struct keeper {
    const char *config_path;
    bool debug;
    struct config *config;
    int config_fd;                     /* memfd with its text */
    struct account daemon;             /* front, directory */
    struct account member;             /* netlogon, too */
    struct account logon;
    int lock_fd;
    int cards_fd;                      /* member's folder */
    int nss_fd, pam_fd;                /* listening */
    bool activated;                    /* by systemd: the sockets stay */
    struct child children[KEEPER_CHILDREN_MAX];
    struct ccache_job *ccaches;        /* in the order in which they came */
    int run_fd;                        /* the folder of the files that every process maps; -1 */
    uint8_t map_key[HASH_KEY_LEN];     /* of their hashes, as long as this keeper lives */
    struct maps *maps;                 /* NULL: none are made */
    struct local_list *local;
    struct rotation *rotation;
    int control_fd;                    /* listening, for root; -1 */
    int control_client;                /* who has connected there; -1 */
    bool control_asked;                /* and has said what he wants */
    int64_t control_until;             /* until when he is to say it */
    uint32_t last_worker;
    int64_t restart_at[ROLE_KEYTAB + 1]; /* by role: not before */
    int restarts[ROLE_KEYTAB + 1];
    uint32_t ping_sent, ping_seen;
    int64_t ping_at;
    int watchdog;                      /* ms from one WATCHDOG=1 to the next; 0: nobody wants them */
    int64_t watchdog_at;
    int64_t stop_at;
    bool reap_again;                   /* a child had ended before keeper knew it */
    bool ready;
    bool stopping;
};

/* keeper_setup.c */

/* Users, folders, lock and sockets. False after an error was logged. */
bool keeper_setup(struct keeper *k);
/* Removes the sockets that it made. */
void keeper_cleanup(struct keeper *k);

/* keeper_spawn.c */

/* Starts front, member, directory and netlogon with channels between them. */
bool keeper_start_roles(struct keeper *k);
/* Starts a role again and gives its peers their new channels. */
bool keeper_restart(struct keeper *k, enum role role);
/* One more worker of that role (role_is_worker), introduced to its peers. */
bool keeper_start_worker(struct keeper *k, enum role role);
struct child *keeper_child(struct keeper *k, enum role role);
struct child *keeper_free_child(struct keeper *k);
/*
 * One process with fds[i] at place FD_KEEPER + i (-1: nothing there), which
 * becomes that account before it does anything; NULL: when it is told whose.
 */
bool keeper_spawn(struct keeper *k, struct child *c, enum role role, const struct account *as, const int *fds,
                  size_t n_fds);
/*
 * A process that will write or remove one credential cache: a copy of one that
 * has been through all that takes longer than the work itself, and is started
 * where there is none.  NULL: there are enough, or it cannot be had.
 */
struct child *keeper_start_ccache(struct keeper *k);
/* The process of which these are copies, or NULL. */
struct child *keeper_ccache_parent(struct keeper *k);
/* The one that stands ready, or NULL. */
struct child *keeper_spare_ccache(struct keeper *k);
/* A process that will make a keytab's bytes, once. NULL with errno. */
struct child *keeper_start_keytab(struct keeper *k);
/* Ends it: SIGKILL, and forgets it when it has been reaped. */
void keeper_kill(struct child *c);

/* keeper_requests.c: one handler an operation. */

/* A message of a role. False if the role may not send it or it is malformed: the caller ends the role. */
bool keeper_request(struct keeper *k, struct child *from, const uint8_t *packet, size_t len,
                    int fds[CHANNEL_FDS_MAX]);

/* A file of root's with a secret in it, of at most max bytes, as a sealed memfd of that name; -1 with errno. */
int keeper_read_secret(const char *path, const char *name, size_t max);
/* KEYTAB, as the file is now. NULL: nobody. */
void keeper_send_keytab(const struct keeper *k, const struct child *to);

/* keeper_rotate.c: a new password for the computer. */

void keeper_rotate_begin(struct keeper *k);
/* Each turn of the loop: begins what is due or wanted, gives up what takes too long. */
void keeper_rotate_tick(struct keeper *k);
/* k->config is another one. */
void keeper_rotate_config(struct keeper *k);
/* A process has ended. */
void keeper_rotate_gone(struct keeper *k, enum role role, pid_t pid);
bool keeper_rotate_holds(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_rotate_ended(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_rotate_keytab(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);

/* keeper_control.c: the socket by which root asks for one now. */

/* That it cannot listen is no failure. */
void keeper_control_begin(struct keeper *k);
void keeper_control_end(struct keeper *k);
void keeper_control_turn(struct keeper *k, bool listening_ready, bool client_ready);
/* Tells who has asked; any kind but STEP is the last. */
void keeper_control_say(struct keeper *k, enum control_kind kind, uint32_t number, const char *text);

/* keeper_ntlm.c: files with the NT hashes of those who have logged on with cards */

bool keeper_ntlm_keep(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_ntlm_renew(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_ntlm_drop(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
/* The configuration is another one, or the first: without the permission none is there. */
void keeper_ntlm_config(const struct keeper *k);

/* keeper_ccache.c: the two requests about credential caches. */

/* Only ids of the domain's range that are nobody's here. */
bool keeper_is_domain_user(const struct keeper *k, const struct ipc_ccache *m);

bool keeper_ccache_write(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_ccache_destroy(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
/* What a ccache child says. False where it is not for it to say. */
bool keeper_ccache_message(struct keeper *k, struct child *c, const uint8_t *packet, size_t len);
/* A ccache child told its result, or died without one (packet NULL). */
void keeper_ccache_result(struct keeper *k, struct child *c, const uint8_t *packet, size_t len);
/* The processes that stand ready have read a configuration that is none any more: they are let go. */
void keeper_ccache_renew(struct keeper *k);
/* Gives what waits to children, as many as there may be; what has waited too long is refused. */
void keeper_ccache_next(struct keeper *k);
/* Each turn of the loop: one process stands ready for the next cache, and what waits is given out. */
void keeper_ccache_tick(struct keeper *k);
/* front has ended: the next one hears nothing of what this one asked for. */
void keeper_ccache_forget(struct keeper *k);

/* keeper_map.c: the identity map's files. */

/* Opens the folder in which they are made, picks the key, and puts away what an earlier life left. False (logged). */
bool keeper_map_begin(struct keeper *k, const char *folder);
/* A new, empty file of that name in place of any other, which root alone may write. -1 with errno; nothing is left then. */
int keeper_map_file(const struct keeper *k, const char *name);
bool keeper_map_new(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
bool keeper_map_place(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds);
/* The next piece of what takes long. True: there is more that is due now. */
bool keeper_map_turn(struct keeper *k);
/* front has ended: what it has not placed goes. The map in place stays, for as long as its lease. */
void keeper_map_front_gone(struct keeper *k);
/* No file is left, nor believed. */
void keeper_map_end(struct keeper *k);

/* keeper_local.c: the list of local names, after keeper_map_begin. */

/* Reads the names and writes the list. False: no memory. That the list cannot be written is no failure. */
bool keeper_local_begin(struct keeper *k);
/* A descriptor that becomes readable when names may have changed; -1: none. */
int keeper_local_watch(const struct keeper *k);
/* Names may have changed: where they have, there is a new list when this returns. */
void keeper_local_refresh(struct keeper *k);
/* k->config is another one. */
void keeper_local_config(struct keeper *k);
/* Renews the lease; to be called at least every second. */
void keeper_local_tick(struct keeper *k);
/* The list is gone, and not believed any more. */
void keeper_local_end(struct keeper *k);

/* notify.c: sd_notify(3) without libsystemd. Does nothing where NOTIFY_SOCKET is not set. */
void notify(const char *state);
/* Milliseconds between two WATCHDOG=1; 0 for none. */
int notify_watchdog_interval(void);

#endif
