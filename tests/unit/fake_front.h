/* A front for the NSS module's tests: serves a few entries, and lies about others. */
#ifndef AUTHSOD_TESTS_FAKE_FRONT_H
#define AUTHSOD_TESTS_FAKE_FRONT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The module is built with it as its NSS_PATIENCE, in milliseconds. */
extern int64_t front_patience;

#define FRONT_BIG_MEMBERS 10000U  /* of the group "big", 200600: a memfd */
#define FRONT_WIDE_MEMBERS 2000U  /* of the group "wide", 200601: a packet, but a large one */
#define FRONT_MANY_GROUPS 1000U   /* of the user "many" */

/*
 * The names that are lied about, each told as an answer to all three kinds; a
 * NULL ends the list.  Besides:
 *     alice, 200001      a user; also as CORP\alice and as anything before @corp.test
 *     domain users, 200513, big, wide: groups
 *     alice, many        have groups
 *     slow               alice, after 20 ms
 *     later, silent, gone: PROTO_LATER; no answer; the connection is closed
 *     else               PROTO_NONE
 *     200900, 200901     as ids: another id is answered; the wrong kind is
 */
extern const char *const front_lies[];

/* Starts it at the socket that the module asks; peer_stop ends it. */
pid_t front_start(void);

/* Questions it has heard so far. */
unsigned front_heard(void);

#endif
