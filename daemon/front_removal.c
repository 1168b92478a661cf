/*
 * Sessions that were begun with a smart card, and what becomes of them when it
 * is pulled.  Which they are is known from PAM; `watch` says when a card is
 * away, and `session` has logind lock or end them.  Without such a session there
 * is neither process.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define STARTING_MS 5000  /* a process that was asked for and has not come by then is asked for again */
#define PAUSE_MS 1000     /* before the next one where one has failed; doubled up to a minute for a watcher */
#define PAUSE_DOUBLED 6
#define WELL_MS 60000     /* who ran for so long does not keep ending */

struct card_session {
    struct watch leader;               /* pidfd of the process that opened it; its end is the session's */
    bool used;
    uint64_t number;                   /* in the order in which they were opened */
    uint32_t uid, pid;
    char name[PROTO_NAME_MAX + 1];
    char token[65];
    struct ipc_card_key card;
    bool gone;                         /* the card is not there */
    bool due;                          /* logind is to be asked */
    unsigned tries;
};

/* A process that we have keeper start. */
struct helper {
    struct watch watch;                /* the channel; -1: it is not there */
    uint32_t id;
    int64_t asked;                     /* keeper was, then; 0: not */
    int64_t since;                     /* it is there since */
    int64_t heard;                     /* of it, or what it was told is not answered since */
    int64_t not_before;                /* it is asked for again then */
    unsigned ends;                     /* one soon after the other */
};

struct removal {
    struct card_session sessions[FRONT_CARD_SESSIONS];
    uint64_t last;
    struct helper watcher, actor;
    struct card_session acting;        /* a copy: that session may end meanwhile; used: the actor has it */
};

static bool
any(const struct removal *r, bool due)
{
    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        if (r->sessions[i].used && (!due || r->sessions[i].due))
            return true;
    }
    return false;
}

static void
ask_for(struct front *f, struct helper *h, enum role role, int64_t now)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    if (h->watch.fd >= 0 || now < h->not_before || (h->asked != 0 && now < h->asked + STARTING_MS))
        return;
    ipc_put_number(&w, IPC_SPAWN, role);
    if (front_send(&f->keeper, &w, NULL, 0))
        h->asked = now;
}

/* It has ended, is let go, or (kill) hangs or lies. */
static void
helper_end(struct front *f, struct helper *h, bool failed, bool kill)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));
    int64_t now = client_now();

    if (kill) {
        ipc_put_number(&w, IPC_END_WORKER, h->id);
        (void)front_send(&f->keeper, &w, NULL, 0);
    }
    if (h->watch.fd >= 0)
        front_unwatch(f, &h->watch);
    h->watch.fd = -1;
    h->asked = 0;
    if (!failed)
        return;
    if (now >= h->since + WELL_MS)
        h->ends = 0;
    h->not_before = now + (PAUSE_MS << h->ends);
    /* logind is asked a few times for a session, and what it refused for one must not keep another waiting. */
    if (h == &f->removal->watcher && h->ends < PAUSE_DOUBLED)
        h->ends++;
}

static void
watcher_failed(struct front *f, const char *why, bool kill)
{
    log_error("the process that watches the cards of sessions %s: another one is started", why);
    helper_end(f, &f->removal->watcher, true, kill);
}

static bool
is_listed(const struct ipc_watch *m, const struct card_session *s)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (memcmp(m->cards[i].token, s->card.token, sizeof(s->card.token)) == 0)
            return true;
    }
    return false;
}

/* Tells the watcher what there is to watch, or lets it go. */
static void
tell_watcher(struct front *f)
{
    static uint8_t packet[sizeof(struct ipc_watch) + 64];
    static struct ipc_watch m;
    struct removal *r = f->removal;
    struct writer w = writer_init(packet, sizeof(packet));

    m.n = 0;
    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        const struct card_session *s = &r->sessions[i];

        if (!s->used || is_listed(&m, s))
            continue;
        memcpy(m.cards[m.n].token, s->card.token, sizeof(s->card.token));
        m.cards[m.n++].gone = s->gone;
    }
    if (m.n == 0) {
        helper_end(f, &r->watcher, false, false);
        return;
    }
    ask_for(f, &r->watcher, ROLE_WATCH, client_now());
    if (r->watcher.watch.fd < 0)
        return;
    ipc_put_watch(&w, &m);
    if (!front_send(&r->watcher.watch, &w, NULL, 0))
        watcher_failed(f, "does not listen", true);
}

static void
forget(struct front *f, struct card_session *s)
{
    front_unwatch(f, &s->leader);
    memset(s, 0, sizeof(*s));
}

static void
leader_ended(struct front *f, struct watch *w, uint32_t events)
{
    struct card_session *s = (struct card_session *)w;

    (void)events;
    log_debug("the session of %s that process %u opened has ended", s->name, s->pid);
    forget(f, s);
    tell_watcher(f);
}

/* A free place, or that of the oldest. */
static struct card_session *
find_place(struct front *f)
{
    struct removal *r = f->removal;
    struct card_session *oldest = &r->sessions[0];

    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        if (!r->sessions[i].used)
            return &r->sessions[i];
        if (r->sessions[i].number < oldest->number)
            oldest = &r->sessions[i];
    }
    log_warning("more than %d sessions with smart cards: that of %s is watched no more", FRONT_CARD_SESSIONS,
                oldest->name);
    forget(f, oldest);
    return oldest;
}

/* The logon has just shown that the card is there. */
static void
is_there(struct removal *r, const uint8_t token[static IPC_TOKEN_BYTES])
{
    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        if (r->sessions[i].used && memcmp(r->sessions[i].card.token, token, IPC_TOKEN_BYTES) == 0)
            r->sessions[i].gone = false;
    }
}

static void
forget_of(struct front *f, uint32_t uid, uint32_t pid)
{
    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        struct card_session *s = &f->removal->sessions[i];

        if (s->used && s->uid == uid && s->pid == pid)
            forget(f, s);
    }
}

void
front_removal_open(struct front *f, const struct conversation *c, const struct ticket *t)
{
    struct card_session *s;
    int fd;

    if (f->config->card_removal == CONFIG_REMOVAL_IGNORE || !t->with_card || c->peer.uid != 0 || c->peer.pid <= 1)
        return;
    /* It waits for our answer, so it is the process that it was. */
    fd = (int)syscall(SYS_pidfd_open, c->peer.pid, 0);
    if (fd < 0) {
        log_error("the session of %s is not watched: process %ld: %s", c->who.name, (long)c->peer.pid, strerror(errno));
        return;
    }
    forget_of(f, c->who.uid, (uint32_t)c->peer.pid);
    s = find_place(f);
    s->leader = (struct watch){ .fd = fd, .ready = leader_ended };
    s->used = true;
    s->number = ++f->removal->last;
    s->uid = c->who.uid;
    s->pid = (uint32_t)c->peer.pid;
    s->card = t->card;
    memcpy(s->name, c->who.name, sizeof(s->name));
    memcpy(s->token, t->token, sizeof(s->token));
    if (!front_watch(f, &s->leader, EPOLLIN)) {
        log_error("the session of %s is not watched: %s", s->name, strerror(errno));
        forget(f, s);
        return;
    }
    is_there(f->removal, s->card.token);
    tell_watcher(f);
}

void
front_removal_close(struct front *f, const struct conversation *c)
{
    if (c->peer.uid != 0)
        return;
    forget_of(f, c->who.uid, (uint32_t)c->peer.pid);
    tell_watcher(f);
}

/* Gives the actor the oldest session that is due; lets it go where there is none. */
static void
act(struct front *f)
{
    struct removal *r = f->removal;
    struct card_session *next = NULL;
    struct ipc_act m = { .kind = f->config->card_removal == CONFIG_REMOVAL_LOCK ? IPC_ACT_LOCK : IPC_ACT_TERMINATE };
    uint8_t packet[32];
    struct writer w = writer_init(packet, sizeof(packet));

    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        struct card_session *s = &r->sessions[i];

        if (s->used && s->due && (next == NULL || s->number < next->number))
            next = s;
    }
    if (next == NULL) {
        helper_end(f, &r->actor, false, false);
        return;
    }
    m.uid = next->uid;
    m.leader = next->pid;
    next->due = false;
    r->acting = *next;
    r->actor.heard = client_now();
    ipc_put_act(&w, &m);
    /* Where it does not take it, its end comes next. */
    (void)front_send(&r->actor.watch, &w, NULL, 0);
}

/* What the actor had is not done. */
static void
act_failed(struct front *f, const char *why)
{
    struct removal *r = f->removal;

    if (!r->acting.used)
        return;
    r->acting.used = false;
    log_error("the card \"%s\" of %s was removed, and his session is not %s: %s", r->acting.token, r->acting.name,
              f->config->card_removal == CONFIG_REMOVAL_LOCK ? "locked" : "ended", why);
    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        struct card_session *s = &r->sessions[i];

        if (s->used && s->number == r->acting.number && ++s->tries < FRONT_ACT_TRIES)
            s->due = true;
    }
}

static void
acted(struct front *f, const struct ipc_acted *m)
{
    struct removal *r = f->removal;
    const char *what = f->config->card_removal == CONFIG_REMOVAL_LOCK ? "locked" : "ended";

    if (m->text[0] != '\0') {
        act_failed(f, m->text);
        helper_end(f, &r->actor, true, false);
        return;
    }
    if (m->n == 0)
        log_warning("the card \"%s\" of %s was removed, and logind knows of no session of his at this computer",
                    r->acting.token, r->acting.name);
    else
        log_info("%u session%s of %s %s: the card \"%s\" was removed", m->n, m->n == 1 ? "" : "s", r->acting.name, what,
                 r->acting.token);
    r->acting.used = false;
    act(f);
}

static void
actor_ready(struct front *f, struct watch *w, uint32_t events)
{
    struct removal *r = f->removal;
    uint8_t packet[512];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(w->fd, packet, sizeof(packet), fds, 0);
    struct ipc_acted m;

    (void)events;
    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && r->acting.used && ipc_get_acted(packet, (size_t)n, &m)) {
        acted(f, &m);
        return;
    }
    if (n != 0)
        log_alarm("the process that speaks to logind broke the protocol: it is ended");
    helper_end(f, &r->actor, true, n != 0);
    act_failed(f, "the process that speaks to logind has ended");
}

/* The watcher says that a card was removed, or put back. */
static void
card_is(struct front *f, const struct ipc_card_is *m)
{
    struct removal *r = f->removal;

    for (size_t i = 0; i < FRONT_CARD_SESSIONS; i++) {
        struct card_session *s = &r->sessions[i];

        if (!s->used || memcmp(s->card.token, m->token, sizeof(m->token)) != 0 || s->gone == !m->there)
            continue;
        s->gone = !m->there;
        log_info("the card \"%s\" of the session of %s was %s", s->token, s->name, m->there ? "put back" : "removed");
        if (!s->gone)
            continue;
        s->due = true;
        s->tries = 0;
    }
    if (any(r, true))
        ask_for(f, &r->actor, ROLE_SESSION, client_now());
}

static void
watcher_ready(struct front *f, struct watch *w, uint32_t events)
{
    uint8_t packet[512];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(w->fd, packet, sizeof(packet), fds, 0);
    struct ipc_card_is m;

    (void)events;
    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    f->removal->watcher.heard = client_now();
    if (n > 0 && ipc_get_card_is(packet, (size_t)n, &m))
        card_is(f, &m);
    else if (n == 0)
        watcher_failed(f, "has ended", false);
    else if (n < 0 || !ipc_get_empty(packet, (size_t)n, IPC_WATCHED))
        watcher_failed(f, "broke the protocol", true);
}

void
front_removal_add(struct front *f, enum role role, uint32_t id, int fd)
{
    struct helper *h = role == ROLE_WATCH ? &f->removal->watcher : &f->removal->actor;

    /* Nobody waits for it any more, or there is one: without a channel it ends. */
    if (h->asked == 0 || h->watch.fd >= 0) {
        (void)close(fd);
        return;
    }
    h->watch.fd = fd;
    h->id = id;
    h->since = h->heard = client_now();
    h->asked = 0;
    if (!front_watch(f, &h->watch, EPOLLIN))
        helper_end(f, h, true, true);
    else if (role == ROLE_WATCH)
        tell_watcher(f);
    else
        act(f);
}

void
front_removal_config(struct front *f)
{
    struct removal *r = f->removal;

    for (size_t i = 0; i < FRONT_CARD_SESSIONS && f->config->card_removal == CONFIG_REMOVAL_IGNORE; i++) {
        if (r->sessions[i].used)
            forget(f, &r->sessions[i]);
    }
    /* It may be about other modules now. */
    helper_end(f, &r->watcher, false, false);
    tell_watcher(f);
}

void
front_removal_tick(struct front *f, int64_t now)
{
    struct removal *r = f->removal;

    if (r->watcher.watch.fd >= 0 && now >= r->watcher.heard + FRONT_WATCHED_MS)
        watcher_failed(f, "hangs", true);
    if (r->actor.watch.fd >= 0 && r->acting.used && now >= r->actor.heard + FRONT_ACT_MS) {
        helper_end(f, &r->actor, true, true);
        act_failed(f, "logind does not answer");
    }
    if (any(r, false))
        ask_for(f, &r->watcher, ROLE_WATCH, now);
    if (any(r, true))
        ask_for(f, &r->actor, ROLE_SESSION, now);
}

bool
front_removal_begin(struct front *f)
{
    struct removal *r = talloc_zero(f, struct removal);

    f->removal = r;
    if (r == NULL)
        return false;
    r->watcher.watch = (struct watch){ .fd = -1, .ready = watcher_ready };
    r->actor.watch = (struct watch){ .fd = -1, .ready = actor_ready };
    return true;
}
