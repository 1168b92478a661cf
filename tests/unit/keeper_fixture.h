/* For tests of keeper's requests: keeper with a front that is the test, and processes that it may end. */
#ifndef AUTHSOD_TESTS_KEEPER_FIXTURE_H
#define AUTHSOD_TESTS_KEEPER_FIXTURE_H

#include "daemon/keeper.h"

#define DOMAIN_UID 2001104U /* in the range, and nobody's here */
#define DOMAIN_GID 2000513U

/* Each test's. */
#define KEEPER_TEST(function) cmocka_unit_test_setup_teardown(function, keeper_begin, keeper_end)
int keeper_begin(void **state);
int keeper_end(void **state);

extern struct keeper *k;
extern struct child *front;
extern int to_front;                        /* what keeper tells front */
extern uint8_t packet[CHANNEL_PACKET_MAX];

/* A process that keeper may end. It holds none of our descriptors, and ends with us, too. */
pid_t victim_new(void);

/* It is ended by a signal, at once. */
void assert_ended(pid_t pid);

/* True if keeper takes the message of a process of that role; false: it ends the role. */
bool takes(enum role role, const void *message, size_t len, int descriptor);

/* The processes of that role. */
unsigned count(enum role role);

/* A request of front's about a credential cache, number 7, into packet. Gives its length. */
size_t put_ccache(enum ipc_type type, uint32_t uid, uint32_t gid, const char *user);

/* main of such a test: keeper starts roles by executing the program that it is in. */
#define KEEPER_MAIN(argc, argv, tests) \
    ((argc) > 1 && strncmp((argv)[1], "--role=", 7) == 0 ? 0 : cmocka_run_group_tests(tests, NULL, NULL))

#endif
