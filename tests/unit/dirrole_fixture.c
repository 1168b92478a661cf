#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/dirrole.h"

uint8_t reply[CHANNEL_PACKET_MAX];

static struct config *
config(const char *text)
{
    struct config *c = config_parse_as(NULL, text, strlen(text), "authsod.conf", "ws1", NULL, NULL);

    assert_non_null(c);
    return c;
}

/* The role as it is after a start, on the store that is there. */
static void
start(struct fixture *f, const char *text)
{
    int front[2], member[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, front), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, member), 0);
    f->d = dir_new(NULL, config(text), f->statedir);
    assert_non_null(f->d);
    f->front = front[0];
    f->d->front = front[1];
    f->member = member[0];
    f->d->member = member[1];
}

static void
stop(struct fixture *f)
{
    dir_free(f->d);
    (void)close(f->front);
    (void)close(f->member);
}

void
restart(struct fixture *f, const char *text)
{
    stop(f);
    start(f, text);
}

void
reload(struct fixture *f, const char *text)
{
    int fds[CHANNEL_FDS_MAX] = { f->member, -1, -1, -1 };
    uint8_t bytes[8];
    struct writer w = writer_init(bytes, sizeof(bytes));

    next_config = text;
    ipc_put_empty(&w, IPC_CONFIG);
    assert_true(dir_dispatch(f->d, ROLE_KEEPER, bytes, w.len, fds));
}

int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    (void)snprintf(f->statedir, sizeof(f->statedir), "/tmp/test_dirrole.XXXXXX");
    assert_non_null(mkdtemp(f->statedir));
    fake_domain_begin();
    log_init("test", LOG_LEVEL_ALARM);
    start(f, SHORT);
    *state = f;
    return 0;
}

int
teardown(void **state)
{
    struct fixture *f = *state;
    DIR *dir;
    struct dirent *e;

    stop(f);
    dir = opendir(f->statedir);
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    (void)closedir(dir);
    (void)rmdir(f->statedir);
    free(f);
    return 0;
}

size_t
ask(struct fixture *f, const struct writer *w, int *fd_out)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };
    ssize_t n;

    assert_true(writer_ok(w));
    assert_true(dir_dispatch(f->d, ROLE_FRONT, w->data, w->len, fds));
    n = channel_recv(f->front, reply, sizeof(reply), fds, 0);
    assert_true(n > 0);
    if (fd_out != NULL)
        *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return (size_t)n;
}

struct record
record_of(const uint8_t *packet, size_t len)
{
    struct reader r = reader_init(packet, len);
    struct record rec;

    assert_int_equal(proto_get_head(&r), PROTO_RECORD);
    assert_true(record_get(&r, &rec));
    return rec;
}

bool
is_str(struct record_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.s, text, s.len) == 0;
}

struct ipc_found
look_up(struct fixture *f, const struct ipc_lookup *m, struct record *rec_out)
{
    uint8_t bytes[1024];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_found found;

    ipc_put_lookup(&w, m);
    assert_true(ipc_get_found(reply, ask(f, &w, NULL), &found));
    assert_int_equal(found.request, m->request);
    assert_int_equal(found.record != NULL, found.status == IPC_STATUS_FOUND);
    if (rec_out != NULL && found.record != NULL)
        *rec_out = record_of(found.record, found.record_len);
    return found;
}

struct ipc_found
by_name(struct fixture *f, enum record_kind kind, const char *name, struct record *rec_out)
{
    struct ipc_lookup m = { .request = 7, .kind = kind, .by = PROTO_BY_NAME };

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    return look_up(f, &m, rec_out);
}

struct ipc_found
by_id(struct fixture *f, enum record_kind kind, uint32_t id, struct record *rec_out)
{
    struct ipc_lookup m = { .request = 8, .kind = kind, .by = PROTO_BY_ID, .id = id };

    return look_up(f, &m, rec_out);
}

struct ipc_identity
who(struct fixture *f, const char *name)
{
    struct ipc_who m = { .request = 9 };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_identity is;

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_who(&w, &m);
    assert_true(ipc_get_identity(reply, ask(f, &w, NULL), &is));
    return is;
}

enum err
state_for(struct fixture *f, uint32_t rid, bool password)
{
    struct ipc_state m = { .request = 10, .password = password, .sid = fake_sid(rid) };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_state_is is;

    ipc_put_state(&w, &m);
    assert_true(ipc_get_state_is(reply, ask(f, &w, NULL), &is));
    return (enum err)is.err;
}

enum err
state_of(struct fixture *f, uint32_t rid)
{
    return state_for(f, rid, false);
}

struct ipc_dc
need_dc(struct fixture *f, const char *avoid)
{
    struct ipc_need_dc m = { .request = 11 };
    uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_dc is;

    (void)snprintf(m.avoid, sizeof(m.avoid), "%s", avoid);
    ipc_put_need_dc(&w, &m);
    assert_true(ipc_get_dc(reply, ask(f, &w, NULL), &is));
    return is;
}

struct ipc_learned
learn(struct fixture *f, const char *name, const struct logon_info *info)
{
    static uint8_t bytes[CHANNEL_PACKET_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_learned is;

    ipc_put_learn(&w, 12, name, info);
    assert_true(ipc_get_learned(reply, ask(f, &w, NULL), &is));
    assert_int_equal(is.request, 12);
    return is;
}

/* As the encoding wants them: sorted by SID, which is a group's first member. */
static void
sort_groups(struct logon_info *info)
{
    qsort(info->groups, info->n_groups, sizeof(info->groups[0]), sid_compare);
}

/* What a logon of alice says; groups: n of them from RID 1200 on, and some that are not for us. */
struct logon_info *
logon_of_alice(size_t n)
{
    struct logon_info *info = talloc_zero(NULL, struct logon_info);
    uint32_t on = SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED;

    info->user = fake_sid(1104);
    info->primary_rid = 513;
    info->groups = talloc_zero_array(info, struct logon_group, (unsigned)n + 4);
    for (size_t i = 0; i < n; i++)
        info->groups[i] = (struct logon_group){ .sid = fake_sid(1200 + (uint32_t)i), .attributes = on };
    info->groups[n] = (struct logon_group){ .sid = fake_sid(513), .attributes = on };
    info->groups[n + 1] = (struct logon_group){ .sid = fake_sid(9000), .attributes = SE_GROUP_USE_FOR_DENY_ONLY };
    (void)sid_parse("S-1-18-1", &info->groups[n + 2].sid);
    (void)sid_parse("S-1-5-21-7-8-9-513", &info->groups[n + 3].sid);
    info->groups[n + 2].attributes = info->groups[n + 3].attributes = on;
    info->n_groups = n + 4;
    sort_groups(info);
    info->user_account_control = USER_NORMAL_ACCOUNT;
    info->account = "Alice";
    info->full_name = "Alice Example";
    info->domain_netbios = "CORP";
    info->domain_dns = "CORP.TEST";
    info->upn = "alice@corp.test";
    info->logon_server = info->logon_script = info->profile_path = info->home_directory = info->home_drive = "";
    return info;
}

struct sid
other_sid(uint32_t rid)
{
    struct sid sid;

    assert_true(sid_parse("S-1-5-21-4-5-6", &sid));
    if (rid != 0)
        assert_true(sid_append(&sid, rid));
    return sid;
}

uint32_t
other_id(struct fixture *f, uint32_t rid)
{
    struct sid sid = other_sid(rid);
    uint32_t id = 0;

    assert_true(idmap_id(f->d->idmap, &sid, &id));
    return id;
}

uint32_t
id_of(struct fixture *f, uint32_t rid)
{
    struct sid sid = fake_sid(rid);
    uint32_t id = 0;

    assert_true(idmap_id(f->d->idmap, &sid, &id));
    return id;
}

/* All that the store has of alice as if it had been learned so many seconds ago. */
void
age_alice(struct fixture *f, int64_t seconds)
{
    struct sid sid = fake_sid(1104);
    struct store_user *u = store_user_by_sid(f->d->store, NULL, &sid);

    assert_non_null(u);
    u->refreshed -= seconds;
    u->state_learned -= u->state_learned > 0 ? seconds : 0;
    u->groups_learned -= u->groups_learned > 0 ? seconds : 0;
    assert_true(store_put_user(f->d->store, u));
    talloc_free(u);
}
