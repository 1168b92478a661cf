/*
 * For the directory role's tests: a domain without a network, which stands in
 * for lib/directory, for the ping and for member's tickets (dirrole_domain.c),
 * and the role with front's and member's ends of its channels (dirrole_fixture.c).
 */
#ifndef AUTHSOD_TESTS_DIRROLE_H
#define AUTHSOD_TESTS_DIRROLE_H

#include "daemon/directory.h"

#define FAKE_USERS_MAX 16
#define FAKE_GROUPS_MAX 600

struct fake_user {
    const char *account;
    const char *upn;
    uint32_t rid;
    bool is_machine;
    struct account_state state;
    const char *workstations;   /* NULL: every computer */
    uint32_t groups[8];         /* RIDs of its token; 0 ends */
};

struct fake_group {
    char account[32];
    uint32_t rid;
};

extern struct fake_domain {
    const char *netbios;
    struct sid sid;
    struct fake_user users[FAKE_USERS_MAX];
    size_t n_users;
    struct fake_group groups[FAKE_GROUPS_MAX];
    size_t n_groups;
    const char **members;       /* of every group */
    struct {
        struct sid member;      /* an account of another domain */
        uint32_t groups[4];     /* RIDs of groups that it is in; 0 ends */
    } resource[4];
    struct sid stray;           /* of no group of the domain, and told with everybody's; n_subs 0: not */
    size_t n_members;
    /* what goes wrong */
    const char *hung;           /* address of a controller that pings and never answers LDAP */
    bool away;                  /* no controller answers */
    bool deaf;                  /* none answers pings */
    bool broken;                /* the next request finds the connection closed */
    enum err members_fail;      /* what lists of members end with; ERR_OK: they do not */
    enum err resource_fail;     /* the same for groups of other domains' accounts */
    enum err ticket;            /* what member says */
    /* what was asked */
    unsigned asked, opened, located, pinged, member_lists, namesake_lists, resource_lists;
    bool alone;              /* there is one controller, also for whoever would rather have another */
    char avoided[64];
} domain;

/* corp.test with alice, bob and others, all well. */
void fake_domain_begin(void);
struct sid fake_sid(uint32_t rid);
struct fake_user *fake_user(const char *account);

#define SHORT "[domain]\nname = corp.test\n"
#define QUALIFIED SHORT "[identity]\nname_format = qualified\n"

struct fixture {
    struct dir *d;
    int front, member;
    char statedir[64];
};

#define DIRROLE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int setup(void **state);
int teardown(void **state);

/* The next configuration that keeper hands down. */
extern const char *next_config;
void reload(struct fixture *f, const char *text);

/* The same store, a new process; text: its configuration. */
void restart(struct fixture *f, const char *text);

/* Sends what w holds as front and waits for the reply: its length; the bytes are in reply. */
extern uint8_t reply[CHANNEL_PACKET_MAX];
size_t ask(struct fixture *f, const struct writer *w, int *fd_out);

/* Each sends its message and gives what came back; aliases live until the next one. */
struct ipc_found look_up(struct fixture *f, const struct ipc_lookup *m, struct record *rec_out);
struct ipc_found by_name(struct fixture *f, enum record_kind kind, const char *name, struct record *rec_out);
struct ipc_found by_id(struct fixture *f, enum record_kind kind, uint32_t id, struct record *rec_out);
struct ipc_identity who(struct fixture *f, const char *name);
enum err state_for(struct fixture *f, uint32_t rid, bool password);
enum err state_of(struct fixture *f, uint32_t rid);
struct ipc_dc need_dc(struct fixture *f, const char *avoid);
struct ipc_learned learn(struct fixture *f, const char *name, const struct logon_info *info);

struct record record_of(const uint8_t *packet, size_t len);
bool is_str(struct record_str s, const char *text);
struct logon_info *logon_of_alice(size_t n);
uint32_t id_of(struct fixture *f, uint32_t rid);
/* Of the trusted domain S-1-5-21-4-5-6; RID 0: its own SID. */
struct sid other_sid(uint32_t rid);
uint32_t other_id(struct fixture *f, uint32_t rid);
void age_alice(struct fixture *f, int64_t seconds);

#endif
