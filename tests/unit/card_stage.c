#include "tests/unit/card_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "lib/sid/idmap.h"

static uint8_t packet[CHANNEL_PACKET_MAX];
static uint32_t who_request;

void
stage_config(struct fixture *x, const char *smartcard)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "%s[logon]\nsmartcard = %s\n", CARDS_CONFIG, smartcard);
    reload(x, text);
    assert_non_null(x->f->config->anchors[0]);
}

uint32_t
stage_id(const char *sid_text)
{
    struct idmap *map = idmap_new(NULL, IDMAP_LOWER_DEFAULT, IDMAP_UPPER_DEFAULT, IDMAP_SLICE_DEFAULT);
    struct sid domain, sid;
    uint32_t id = 0, rid;

    assert_true(sid_parse(sid_text, &sid) && sid_split(&sid, &domain, &rid));
    assert_true(idmap_add_domain(map, "corp.test", &domain) && idmap_id(map, &sid, &id));
    talloc_free(map);
    return id;
}

int
stage_begin_as(struct fixture *x, const struct proto_begin *b)
{
    struct writer w = writer_init(packet, sizeof(packet));
    int fd = pam_connect();

    proto_put_begin(&w, b);
    assert_true(writer_ok(&w) && channel_send(fd, packet, w.len, NULL, 0, false));
    (void)turn(x);
    return fd;
}

int
stage_begin(struct fixture *x, const char *user, enum proto_card card)
{
    struct proto_begin b = { .operation = PROTO_AUTHENTICATE, .card = card, .service = "login", .tty = "tty1" };

    (void)snprintf(b.user, sizeof(b.user), "%s", user);
    return stage_begin_as(x, &b);
}

int
stage_waits(struct fixture *x, const char *user, const char *sid, enum proto_card card)
{
    int module = stage_begin(x, user, card);

    assert_string_equal(stage_who(x), user);
    if (sid != NULL)
        stage_is(x, user, sid);
    stage_expect("cards are looked for", module, "WAIT", NULL);
    return module;
}

int
stage_alice_waits(struct fixture *x)
{
    return stage_waits(x, "alice", ALICE_SID, PROTO_CARD_DEFAULT);
}

void
stage_clear(struct fixture *x, int module)
{
    (void)close(module);
    (void)turn(x);
    assert_null(x->f->conversations);
}

static const char *
prompt_name(uint32_t code)
{
    static const char *const names[] = { "?", "PASSWORD", "PIN", "CERTIFICATE" };

    return code < 4 ? names[code] : "?";
}

static const char *
notice_name(uint32_t code)
{
#define X(name, number, sentence) \
    if (code == (number)) \
        return #name;
    AUTHSOD_NOTICES(X)
#undef X
    return "?";
}

static void
describe(const struct proto_order *o, char *out, size_t size)
{
    size_t n;

    if (o->type == PROTO_WAIT)
        (void)snprintf(out, size, "WAIT");
    else if (o->type == PROTO_SET)
        (void)snprintf(out, size, "SET %s", o->text);
    else if (o->type == PROTO_SAY)
        (void)snprintf(out, size, "%s %s", o->is_error ? "SAY" : "NOTICE",
                       o->is_error ? err_name(o->code) : notice_name(o->code));
    else if (o->how == PROTO_HOW_CHOICE)
        (void)snprintf(out, size, "CHOICE");
    else
        (void)snprintf(out, size, "ASK %s", prompt_name(o->code));
    for (unsigned i = 0; i < o->n_values; i++) {
        n = strlen(out);
        (void)snprintf(out + n, size - n, "%s%s", i == 0 ? " " : "|", o->values[i]);
    }
}

const char *
stage_hear(int module)
{
    static char text[4096];
    struct proto_order order;
    struct proto_done done;
    ssize_t n = recv(module, packet, sizeof(packet), MSG_DONTWAIT);

    /* The kernel tells once that front has left what it was sent unread. */
    if (n < 0 && errno == ECONNRESET)
        n = recv(module, packet, sizeof(packet), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return "-";
    if (n <= 0)
        return "END";
    if (proto_get_order(packet, (size_t)n, &order))
        describe(&order, text, sizeof(text));
    else if (proto_get_done(packet, (size_t)n, &done))
        (void)snprintf(text, sizeof(text), "DONE %s", err_name(done.err));
    else
        (void)snprintf(text, sizeof(text), "malformed");
    return text;
}

void
stage_expect(const char *what, int module, ...)
{
    const char *word, *heard;
    va_list words;

    va_start(words, module);
    for (word = va_arg(words, const char *); word != NULL; word = va_arg(words, const char *)) {
        heard = stage_hear(module);
        if (strcmp(heard, word) != 0)
            fail_msg("%s: \"%s\" came, not \"%s\"", what, heard, word);
    }
    va_end(words);
    heard = stage_hear(module);
    if (strcmp(heard, "-") != 0 && strcmp(heard, "END") != 0)
        fail_msg("%s: \"%s\" came, too", what, heard);
}

void
stage_answer(struct fixture *x, int module, const char *answer)
{
    struct writer w = writer_init(packet, sizeof(packet));

    if (answer != NULL)
        proto_put_answer(&w, answer, strlen(answer));
    else
        proto_put_head(&w, PROTO_CANCEL);
    assert_true(channel_send(module, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

/* How often keeper was told that, of all that it has been told. */
static unsigned
count_told(struct fixture *x, enum ipc_type type, uint32_t about)
{
    unsigned n = 0;
    uint32_t number;

    for (;;) {
        int fds[CHANNEL_FDS_MAX];
        ssize_t len = channel_recv(x->keeper, packet, sizeof(packet), fds, 0);

        if (len <= 0)
            return n;
        channel_close_fds(fds);
        n += ipc_get_number(packet, (size_t)len, type, &number) && number == about;
    }
}

unsigned
stage_spawns(struct fixture *x, enum role role)
{
    return count_told(x, IPC_SPAWN, (uint32_t)role);
}

bool
stage_ended(struct fixture *x, uint32_t id)
{
    return count_told(x, IPC_END_WORKER, id) > 0;
}

int
stage_worker(struct fixture *x, enum role role, uint32_t id)
{
    const struct ipc_peer peer = { .role = role, .id = id };
    struct writer w = writer_init(packet, sizeof(packet));
    int pair[2];

    assert_true(channel_pair(pair));
    ipc_put_peer(&w, &peer);
    assert_true(channel_send(x->keeper, packet, w.len, &pair[1], 1, false));
    (void)close(pair[1]);
    (void)turn(x);
    return pair[0];
}

uint32_t
stage_look(int worker)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(worker, packet, sizeof(packet), fds, 0);
    uint32_t job = 0;

    if (n <= 0)
        return 0;
    assert_int_equal(fds[0], -1);
    assert_true(ipc_get_number(packet, (size_t)n, IPC_LOOK, &job));
    return job;
}

void
stage_cards(struct fixture *x, int worker, const struct ipc_cards *m)
{
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_cards(&w, m);
    assert_true(writer_ok(&w) && channel_send(worker, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

void
stage_see(struct fixture *x, int worker, const struct ipc_card *cards, uint32_t n)
{
    struct ipc_cards m = { .job = stage_look(worker), .n = n };

    assert_true(m.job != 0);
    memcpy(m.cards, cards, n * sizeof(*cards));
    stage_cards(x, worker, &m);
}

void
stage_no_cards(struct fixture *x, int worker, enum err unfit)
{
    struct ipc_cards m = { .unfit = unfit };

    m.job = stage_look(worker);
    assert_true(m.job != 0);
    stage_cards(x, worker, &m);
}

bool
stage_job(int worker, struct ipc_job *job_out, int *fd_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(worker, packet, sizeof(packet), fds, 0);

    *fd_out = -1;
    if (n <= 0)
        return false;
    *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return ipc_get_job(packet, (size_t)n, job_out);
}

void
stage_vouch(struct fixture *x, uint32_t worker, uint32_t job, const char *sid)
{
    struct logon_info *info = talloc_zero(NULL, struct logon_info);
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(sid_parse(sid, &info->user));
    info->primary_rid = 513;
    info->user_account_control = USER_NORMAL_ACCOUNT;
    info->account = "alice";
    info->full_name = info->domain_netbios = info->domain_dns = info->upn = info->logon_server = info->logon_script =
        info->profile_path = info->home_directory = info->home_drive = "";
    assert_true(logon_info_settle_groups(info));
    ipc_put_vouch(&w, worker, job, info);
    assert_true(writer_ok(&w) && channel_send(x->member, packet, w.len, NULL, 0, false));
    talloc_free(info);
    (void)turn(x);
}

void
stage_vouch_offline(struct fixture *x, uint32_t id, uint32_t job, const char *sid)
{
    struct ipc_vouch_offline m = { .worker = id, .job = job };
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(sid_parse(sid, &m.user));
    ipc_put_vouch_offline(&w, &m);
    assert_true(channel_send(x->member, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

void
stage_result(struct fixture *x, int worker, uint32_t id, const struct ipc_result *r, const char *sid)
{
    struct writer w = writer_init(packet, sizeof(packet));
    int fd = r->err == ERR_OK && !r->passed_through && !r->offline ? sealed_new("t", "x", 1) : -1;

    if (sid != NULL)
        stage_vouch(x, id, r->job, sid);
    w = writer_init(packet, sizeof(packet));
    ipc_put_result(&w, IPC_RESULT, r);
    assert_true(channel_send(worker, packet, w.len, &fd, fd < 0 ? 0 : 1, false));
    if (fd >= 0)
        (void)close(fd);
    (void)turn(x);
}

/* What directory is sent that it has to answer. */
static ssize_t
next_question(struct fixture *x)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    do
        n = channel_recv(x->directory, packet, sizeof(packet), fds, 0);
    while (n > 0 && ipc_type(packet, (size_t)n) == IPC_LAST_CARD);
    return n;
}

bool
stage_kept(struct fixture *x, struct ipc_last_card *m_out)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(x->directory, packet, sizeof(packet), fds, 0);

    return n > 0 && ipc_get_last_card(packet, (size_t)n, m_out);
}

void
stage_tell_last(struct fixture *x, const struct ipc_last_card *cards, uint32_t n)
{
    struct ipc_last_cards m = { .n = n };
    struct writer w = writer_init(packet, sizeof(packet));

    memcpy(m.cards, cards, n * sizeof(*cards));
    ipc_put_last_cards(&w, &m);
    assert_true(channel_send(x->directory, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

const char *
stage_who(struct fixture *x)
{
    static char name[PROTO_NAME_MAX + 1];
    ssize_t n = next_question(x);
    struct ipc_who m;

    if (n <= 0)
        return "";
    assert_true(ipc_get_who(packet, (size_t)n, &m));
    who_request = m.request;
    memcpy(name, m.name, sizeof(name));
    return name;
}

void
stage_is(struct fixture *x, const char *name, const char *sid)
{
    struct ipc_identity m = { .request = who_request, .status = name == NULL ? IPC_STATUS_NONE : IPC_STATUS_FOUND };
    struct writer w = writer_init(packet, sizeof(packet));

    if (name != NULL) {
        assert_true(sid_parse(sid, &m.sid));
        m.uid = m.gid = stage_id(sid);
        (void)snprintf(m.name, sizeof(m.name), "%s", name);
        (void)snprintf(m.principal, sizeof(m.principal), "%s", name);
    } else {
        assert_true(sid_parse(ALICE_SID, &m.sid));
    }
    ipc_put_identity(&w, &m);
    assert_true(writer_ok(&w) && channel_send(x->directory, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

void
stage_is_later(struct fixture *x)
{
    struct ipc_identity m = { .request = who_request, .status = IPC_STATUS_LATER };
    struct writer w = writer_init(packet, sizeof(packet));

    assert_true(sid_parse(ALICE_SID, &m.sid));
    ipc_put_identity(&w, &m);
    assert_true(writer_ok(&w) && channel_send(x->directory, packet, w.len, NULL, 0, false));
    (void)turn(x);
}

bool
stage_learned(struct fixture *x)
{
    char name[PROTO_NAME_MAX + 1];
    struct ipc_learned m = { .err = ERR_OK };
    struct writer w = writer_init(packet, sizeof(packet));
    struct logon_info *info;
    ssize_t n = next_question(x);
    bool ok = n > 0 && ipc_get_learn(NULL, packet, (size_t)n, &m.request, name, &info);

    if (!ok)
        return false;
    talloc_free(info);
    ipc_put_learned(&w, &m);
    assert_true(channel_send(x->directory, packet, w.len, NULL, 0, false));
    (void)turn(x);
    return true;
}

struct ipc_card
stage_card(uint8_t n)
{
    struct ipc_card card = { .token = "Token", .name = "Alice", .issuer = "Corp CA", .not_after = 1809216000,
                             .upn = "alice@corp.test" };

    memset(card.key.token, 0x40, sizeof(card.key.token));
    memset(card.key.hash, n, sizeof(card.key.hash));
    return card;
}
