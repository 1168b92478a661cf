/* For tests of logons with a smart card: the module, the card worker and directory around front. */
#ifndef AUTHSOD_TESTS_CARD_STAGE_H
#define AUTHSOD_TESTS_CARD_STAGE_H

#include "tests/unit/front_fixture.h"

#define ALICE_SID "S-1-5-21-1004336348-1177238915-682003330-1103"
#define BOB_SID "S-1-5-21-1004336348-1177238915-682003330-1104"
#define CARDS_CONFIG "[domain]\nname = corp.test\n[smartcard]\nanchors = /etc/authsod/anchors\n"

/* Cards are configured; smartcard: "auto", "require", "off". */
void stage_config(struct fixture *x, const char *smartcard);

/* The id of an account of the tests' domain. */
uint32_t stage_id(const char *sid);

/* A module, of a process of peer_uid's, begins an authentication at this computer; user "": nobody is named. Its end. */
int stage_begin(struct fixture *x, const char *user, enum proto_card card);
int stage_begin_as(struct fixture *x, const struct proto_begin *b);

/* The same by somebody whom directory knows, "" and NULL for nobody: cards are looked for. */
int stage_waits(struct fixture *x, const char *user, const char *sid, enum proto_card card);
int stage_alice_waits(struct fixture *x);
/* The module is gone, and with it the conversation, the last one. */
void stage_clear(struct fixture *x, int module);

/*
 * The next word for the module: "WAIT", "ASK PASSWORD", "ASK PIN Token",
 * "CHOICE a|b", "SAY PIN_LOCKED", "NOTICE PIN_LAST_TRY", "SET alice", "DONE OK",
 * "-" for nothing, "END" of the connection.  Until the next call.
 */
const char *stage_hear(int module);
/* Fails unless these words come next, and then nothing or the end of the connection. NULL ends the list. */
void stage_expect(const char *what, int module, ...);

/* The module answers its question; NULL: cancels. */
void stage_answer(struct fixture *x, int module, const char *answer);

/* How many workers of that kind keeper was asked for since the last call of this. */
unsigned stage_spawns(struct fixture *x, enum role role);
/* True if keeper was told to end that worker; whatever else it was told is passed over. */
bool stage_ended(struct fixture *x, uint32_t id);
/* keeper brings a worker: our end of it. */
int stage_worker(struct fixture *x, enum role role, uint32_t id);
/* The number of the look that the worker is to take; 0: none. */
uint32_t stage_look(int worker);
void stage_cards(struct fixture *x, int worker, const struct ipc_cards *m);
/* What the worker sees in its look: these, of which there are n. */
void stage_see(struct fixture *x, int worker, const struct ipc_card *cards, uint32_t n);
/* A look at no card, because of unfit. */
void stage_no_cards(struct fixture *x, int worker, enum err unfit);
/* The worker's next job; *fd_out: the module's connection, -1 if none came. False: there is none. */
bool stage_job(int worker, struct ipc_job *job_out, int *fd_out);
/* member vouches that the job of worker id is that account's logon. */
void stage_vouch(struct fixture *x, uint32_t id, uint32_t job, const char *sid);
/* member vouches that this account's card, which it remembers, has proved itself in that job. */
void stage_vouch_offline(struct fixture *x, uint32_t id, uint32_t job, const char *sid);
/* The worker has ended the job so: on success with tickets, and member has vouched for sid where that is not NULL. */
void stage_result(struct fixture *x, int worker, uint32_t id, const struct ipc_result *r, const char *sid);

/* Whom directory is asked for; "" for nobody. The request is kept for the answer. */
const char *stage_who(struct fixture *x);
/* directory: that is name, an account of sid; NULL: nobody. */
void stage_is(struct fixture *x, const char *name, const char *sid);
/* directory: the domain cannot be asked. */
void stage_is_later(struct fixture *x);
/* The next that directory is to keep of who logged on with what. False: nothing, or another message comes first. */
bool stage_kept(struct fixture *x, struct ipc_last_card *m_out);
/* directory tells what its store has of that. */
void stage_tell_last(struct fixture *x, const struct ipc_last_card *cards, uint32_t n);
/* directory has learned who was vouched for. False: it was not asked to. */
bool stage_learned(struct fixture *x);

/* A certificate of Alice's on the token "Token", of the hash n. */
struct ipc_card stage_card(uint8_t n);

#endif
