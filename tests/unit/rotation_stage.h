/*
 * For the tests of daemon/keeper_rotate: keeper with its real files, on the
 * disks of keeper_files.  The test is netlogon, authsodctl and the clock; the
 * process that makes the keytab is a copy of it, whose keytab has the words of
 * the machine secret that it was made of (secret_words), and " tidy".
 */
#ifndef AUTHSOD_TESTS_UNIT_ROTATION_STAGE_H
#define AUTHSOD_TESTS_UNIT_ROTATION_STAGE_H

#include "lib/membership/machine_secret.h"
#include "tests/unit/keeper_files.h"

#define STAGE_S 121 /* so long after it began, a stage of it is given up */
#define CONTROLLER "dc1.corp.test"

/* Each test's; the group's are keeper_files'. */
#define ROTATION_TEST(test) cmocka_unit_test_setup_teardown(test, rotation_begin, rotation_end)
int rotation_begin(void **state);
int rotation_end(void **state);

extern struct child *netlogon;
extern int to_netlogon;   /* its end of the channel */
extern uint32_t run_told; /* of keeper's last question to it, and of its answers */
extern char keytab[64];   /* what is in it may tell its maker what to do: "fail", "die", "hang" */

/* A process of keeper's that is the test; its end of the channel in *other_out. */
struct child *add_child(enum role role, int *other_out);

/* The machine secret, with passwords made so many seconds from now. */
void joined(const char *passwords, int64_t age);
/* It has these, the current one of that version, and names the controller that took it: none for a and o. */
void assert_secret(const char *passwords, uint32_t kvno);
void assert_keytab(const char *words);

/* authsodctl rotate */
void ask(void);
/* The next thing that it is told; any kind but STEP is the last. */
void assert_said(enum control_kind kind, uint32_t number, const char *text);

/* keeper's message to netlogon; IPC_ROTATE_SET with that machine secret, else NULL. */
void assert_told(enum ipc_type type, const char *passwords);
void assert_nothing_told(void);
/* netlogon: the controller has that one. */
void holds(enum machine_slot slot);
/* netlogon: this became of it. */
void ended(enum ipc_rotate_outcome outcome);

/* The keytab's maker ends, as keeper hears it: with its message, if it has one. written: member is given a keytab. */
void keytab_is_made(bool written);

/* keeper begins nothing before so many seconds are over; then it does. */
void assert_again_after(int64_t seconds);

#endif
