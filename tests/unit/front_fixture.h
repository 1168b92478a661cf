/*
 * For front's tests: the role as front_main has it, without a sandbox and
 * without waiting, and the other ends of all that it listens to.
 */
#ifndef AUTHSOD_TESTS_FRONT_FIXTURE_H
#define AUTHSOD_TESTS_FRONT_FIXTURE_H

#include "daemon/front.h"

#define FRONT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int setup(void **state);
int teardown(void **state);

struct fixture {
    struct front *f;
    int keeper, directory, member, netlogon; /* our ends; -1: closed */
};

/* Whom the next connections are of (SO_PEERCRED); root as long as nobody says otherwise. */
extern uint32_t peer_uid;
/* And of which process; 0: of this one. */
extern int32_t peer_pid;
/* How long the computer has slept (CLOCK_BOOTTIME). */
extern int64_t slept_ms;
/* How long we have waited (CLOCK_MONOTONIC). */
extern int64_t waited_ms;
/* What taking a connection fails with; 0: it does not. */
extern int accept_errno;

/* Handles what there is to handle, at most 1,000,000 events; gives how many. */
unsigned turn(struct fixture *x);
/* What front does every quarter of a second. */
void tick(struct fixture *x);

/* keeper hands down that configuration. */
void reload(struct fixture *x, const char *text);

/* keeper brings another channel to directory, member or netlogon: x's end is replaced, the old one is open still and given. */
int introduce(struct fixture *x, enum role role);
/* A message to keeper of that type. False: the next one is another, or none. */
bool told_keeper(struct fixture *x, enum ipc_type type, uint32_t *number_out);

/* True if keeper was asked for a map of *size_out bytes, and for nothing else before it but workers. */
bool wants_map(struct fixture *x, uint32_t *size_out);
/* keeper brings a map of that size: its bytes, to be unmapped by munmap. */
void *give_map(struct fixture *x, uint32_t size);
/* keeper has none to give. */
void refuse_map(struct fixture *x, uint32_t code);
/* True if keeper was told to place the map it gave. */
bool map_placed(struct fixture *x);

/* A connection to pam.sock that front has not seen yet. */
int pam_connect(void);

/* A connection to nss.sock that front has not seen yet. */
int nss_connect(void);
void nss_send(int fd, enum record_kind kind, enum proto_by by, const char *name, uint32_t id);
/* Asks on a new connection: its descriptor. */
int nss_ask(struct fixture *x, enum record_kind kind, const char *name);
int nss_ask_id(struct fixture *x, enum record_kind kind, uint32_t id);
/* The type of the answer, 0 if there is none yet, -1 at the end of the connection. *fd_out: what came beside it, or -1. */
int nss_answer(int fd, int *fd_out);
/* The answer, whose connection is closed. */
int nss_take(int fd);

/* The next LOOKUP that directory was sent. False: none. */
bool next_lookup(struct fixture *x, struct ipc_lookup *m_out);
/* Directory's answers; front has read them when these return. */
void answer_status(struct fixture *x, uint32_t request, enum ipc_status status);
void answer_passwd(struct fixture *x, uint32_t request, const char *name, uint32_t uid);
/* A group with so many members; more than 60 KiB come as a memfd. */
void answer_group(struct fixture *x, uint32_t request, const char *name, uint32_t gid, unsigned members);

/* Descriptors that this process has open. */
unsigned open_descriptors(void);

#endif
