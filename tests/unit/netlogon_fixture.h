/*
 * The role netlogon for its tests: two controllers, 127.0.0.1 and 127.0.0.2,
 * with endpoint mappers, and one process that is front and keeper to it.  All
 * of them are in a network of their own; what they are told, and what they have
 * seen, is in memory that they share with the test.
 */
#ifndef AUTHSOD_TESTS_UNIT_NETLOGON_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_NETLOGON_FIXTURE_H

#include "daemon/netlogon.h"
#include "lib/membership/machine_secret.h"
#include "tests/unit/fake_controller.h"

#define HOUSES 2

struct netlogon_world {
    struct controller dc[HOUSES];
    enum controller_spoil mapper_spoil[HOUSES];
    unsigned mapper_spoil_at[HOUSES];         /* fragment: 0 the bind, 1 the answer */
    unsigned mapped[HOUSES];                  /* connections to the mappers */
    char secrets[MACHINE_SLOTS + 1][64];      /* of the machine secret; all "": there is none */
    unsigned first;                           /* the controller that front names */
    bool alone;                               /* it knows no other one */
    unsigned needed, read;                    /* questions to front and to keeper */
    struct ipc_rotate_holds holds;            /* the last answers to keeper's */
    struct ipc_rotate_end ended;
};

struct netlogon_fixture {
    struct netlogon_world *world;             /* shared */
    struct netlogon_role *n;
    struct fake_rpc server[HOUSES], mapper[HOUSES];
    int front, keeper;                        /* our ends */
    pid_t house;
    TALLOC_CTX *mem;
    struct ipc_result r;                      /* of the last netlogon_pass */
    struct logon_info *info;
};

/* A network for this process and its children alone. False where that may not be. */
bool netlogon_own_network(void);

int netlogon_setup(void **state);
int netlogon_teardown(void **state);

/* alice logs on, within ms. */
enum err netlogon_fixture_pass(struct netlogon_fixture *f, int ms);

#endif
