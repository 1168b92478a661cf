/*
 * A card worker (daemon/card_main.c) with tests/unit/fake_pkcs11.c, in the hands
 * of front and member.  krb_logon_card is one that the test tells what to do.
 */
#ifndef AUTHSOD_TESTS_UNIT_CARD_WORKER_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_CARD_WORKER_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <sys/types.h>

#include "daemon/card_worker.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/fake_pkcs11.h"

#define PIN "123456"
#define ROOT "CN=Root,O=corp" /* the issuer */
#define ALICE_SID "S-1-5-21-1-2-3-1103"
#define ALICE_UID 201103
#define REPLY_KEY "0123456789abcdef0123456789abcdef" /* of AES-256 */
#define WAIT_MS 20000
#define TRIES_MAX 8

/* What libkrb5's part is told to do, and what it saw: the worker is another process. */
struct shared {
    enum err outcome[TRIES_MAX]; /* of each call */
    bool heard, armored;         /* as in struct krb_failure */
    bool twice[TRIES_MAX];       /* as in struct krb_logon, of each call */
    unsigned calls;
    struct {
        char module[512], id[8], pin[64], host[64], anchors[2][64], name[64];
        unsigned long slot;
        bool has_pin, server_eku, wants_key;
    } seen;
    unsigned logins; /* at the card, by us */
};

struct der {
    uint8_t bytes[BUILT_CERTIFICATE_MAX];
    size_t len;
};

extern struct shared *shared;
extern struct fake_pkcs11 *fake;
extern struct der alice, bob, old, strange; /* issued by ROOT, but the last; old has expired */
extern char anchors_folder[], anchors_file[];

extern const char *more_config;          /* lines of [smartcard] */
extern struct certificate_spec root;      /* the issuer, as its certificate says it */
extern bool offline, keep_nt_hash;        /* of the configuration of the worker that is started next */
extern pid_t worker;                     /* 0: none */
extern int front, member;                /* its channels; -1 */
extern uint8_t packet[PROTO_PACKET_MAX];
extern struct ipc_cards cards;           /* of look */

/* The authority is not there, or there again. */
void hide_anchors(bool hide);

int worker_group_setup(void **state);
int worker_group_teardown(void **state);
/* One token, Alice's, with her certificate and a key that is seen by who knows the PIN; no worker yet. */
int worker_setup(void **state);
int worker_teardown(void **state);

/* A token with that certificate, Alice's key and PIN, and three tries. */
void describe(struct fake_token *t, const char *label, const char *serial, const struct der *der);
/* The first token wants no PIN; the module fails. */
void card_without_pin(void);
void module_that_does_not_begin(void);

/* A worker that sees what the test has described until now. */
void start_worker(void);
/* Lets it go. Gives its wait status. */
int end_worker(void);
/* So many times its log has that text. */
size_t logged(const char *text);

/* One message, into packet; 0: the other side has ended. */
size_t receive(int fd, int *fd_out);
void send_number(enum ipc_type type, uint32_t number);
void close_one(int *fd);

/* LOOK, into cards. Where there is no worker yet it is started, here and below. */
void look(void);
/* The module's connection with an ANSWER in it; -1 for none. */
int answered(const char *pin);
void send_job(const struct ipc_card_key *key, const char *pin, bool pin_pad);
/* The RESULT of the job that was sent. */
struct ipc_result result(void);
/* member's part of a logon that came so far. */
void vouch(void);
/* The same; sealed: what the KDC has sealed for her with the AS reply key, which is REPLY_KEY. */
void vouch_with(const void *sealed, size_t len);

#define TEST(f) cmocka_unit_test_setup_teardown(f, worker_setup, worker_teardown)

#endif
