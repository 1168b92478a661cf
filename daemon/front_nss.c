/*
 * Lookups.  A client asks one question on a connection and gets one answer:
 * out of the cache at once, or when directory has answered.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/proto/client.h"
#include "lib/sid/name.h"

#define CHAINS 1024U
#define DEFER_MS 5000        /* a stale record is asked for again at most this often */
#define ACCEPTS 16           /* connections taken in one turn, so that conversations have theirs */

struct nss_client {
    struct watch watch;
    struct nss_client *next, **at;          /* in the list of all */
    struct nss_client *next_waiting, **waiting_at; /* for the same lookup */
    struct pending *pending;                /* that lookup; NULL */
    uint32_t uid;
    bool large;                             /* has been sent a descriptor: stays until it hangs up */
    int64_t deadline;
};

/* What is left to do for a client: to send it a large record, or to wait for an answer, or else for its question. */
struct rest {
    const struct cache_entry *large;        /* borrowed as from cache_get; NULL */
    struct pending *pending;                /* NULL */
};

/* A question that directory has been asked. */
struct pending {
    struct pending *next;                   /* in its chain, or of the free ones */
    uint32_t request;                       /* 0: free */
    struct cache_key key;
    char name[PROTO_NAME_MAX + 1];          /* key.name */
    uint32_t uid;                           /* who asked first: it is of his share */
    bool old;                               /* asked under rules that are none any more: its answer is not kept */
    struct nss_client *waiting;
    int64_t deadline;
};

struct lookups {
    struct pending slots[FRONT_PENDING_MAX];
    struct pending *free;
    struct pending *chains[CHAINS];
    uint32_t generation;
    struct nss_client *clients;
    struct shares *shares;
};

bool
front_nss_begin(struct front *f)
{
    struct lookups *l = talloc_zero(f, struct lookups);

    f->lookups = l;
    if (l == NULL)
        return false;
    for (size_t i = FRONT_PENDING_MAX; i-- > 0;) {
        l->slots[i].next = l->free;
        l->free = &l->slots[i];
    }
    l->shares = shares_new(l);
    return l->shares != NULL;
}

static void
wait_for(struct nss_client *c, struct pending *p)
{
    c->pending = p;
    c->deadline = p->deadline;
    c->next_waiting = p->waiting;
    c->waiting_at = &p->waiting;
    if (p->waiting != NULL)
        p->waiting->waiting_at = &c->next_waiting;
    p->waiting = c;
}

static void
wait_no_more(struct nss_client *c)
{
    if (c->pending == NULL)
        return;
    *c->waiting_at = c->next_waiting;
    if (c->next_waiting != NULL)
        c->next_waiting->waiting_at = c->waiting_at;
    c->pending = NULL;
}

static void
client_free(struct front *f, struct nss_client *c)
{
    wait_no_more(c);
    *c->at = c->next;
    if (c->next != NULL)
        c->next->at = c->at;
    if (c->large)
        share_give(f->lookups->shares, SHARE_LARGE, c->uid);
    share_give(f->lookups->shares, SHARE_CLIENTS, c->uid);
    front_unwatch(f, &c->watch);
    talloc_free(c);
}

static void
answer_packet(const struct watch *w, const void *packet, size_t len)
{
    (void)send(w->fd, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
answer_type(const struct watch *w, enum proto_type type)
{
    uint8_t packet[2] = { PROTO_VERSION, (uint8_t)type };

    answer_packet(w, packet, sizeof(packet));
}

/*
 * The head alone says that a memfd comes with it.  The kernel counts descriptors
 * that were sent and not received, and past a number nobody of our uid can send
 * any more, not even a conversation to its worker: so they are counted here, for
 * as long as the client does not hang up.  False: the client is done.
 */
static bool
send_large(struct front *f, struct nss_client *c, const struct cache_entry *e)
{
    uint8_t head[2] = { PROTO_VERSION, PROTO_RECORD };

    if (!share_take(f->lookups->shares, SHARE_LARGE, c->uid)) {
        answer_type(&c->watch, PROTO_LATER);
        return false;
    }
    c->large = true;
    c->deadline = INT64_MAX;
    return channel_send(c->watch.fd, head, sizeof(head), &e->fd, 1, false) && front_watch(f, &c->watch, 0);
}

/* Takes a pending question out of its chain and frees it. */
static void
pending_free(struct front *f, struct pending *p)
{
    struct lookups *l = f->lookups;
    struct pending **at = &l->chains[cache_hash(f->cache, &p->key) % CHAINS];

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    share_give(l->shares, SHARE_QUESTIONS, p->uid);
    memset(p, 0, sizeof(*p));
    p->next = l->free;
    l->free = p;
}

/* Everybody who waits gets the entry, or the bare type if there is none. */
static void
pending_answer(struct front *f, struct pending *p, enum proto_type type, const struct cache_entry *e)
{
    while (p->waiting != NULL) {
        struct nss_client *c = p->waiting;

        wait_no_more(c);
        if (e != NULL && e->fd >= 0 && send_large(f, c, e))
            continue;
        if (e == NULL)
            answer_type(&c->watch, type);
        else if (e->fd < 0)
            answer_packet(&c->watch, e->packet, e->len);
        client_free(f, c);
    }
    pending_free(f, p);
}

static struct pending *
pending_find(struct front *f, const struct cache_key *key)
{
    struct pending *p = f->lookups->chains[cache_hash(f->cache, key) % CHAINS];

    while (p != NULL && (p->old || !cache_same(&p->key, key)))
        p = p->next;
    return p;
}

/* NULL: uid has his share of questions, or all have. */
static struct pending *
pending_new(struct front *f, const struct cache_key *key, uint32_t uid)
{
    struct lookups *l = f->lookups;
    struct pending *p = l->free, **chain;

    if (p == NULL || !share_take(l->shares, SHARE_QUESTIONS, uid))
        return NULL;
    l->free = p->next;
    l->generation = (l->generation + 1) & 0xfffffU;
    p->request = ((l->generation | 0x80000U) << 12) | (uint32_t)(p - l->slots);
    p->uid = uid;
    p->old = false;
    p->key = *key;
    if (key->by == PROTO_BY_NAME)
        memcpy(p->name, key->name, strlen(key->name) + 1);
    p->key.name = p->name;
    p->deadline = client_now() + FRONT_NSS_MS;
    chain = &l->chains[cache_hash(f->cache, &p->key) % CHAINS];
    p->next = *chain;
    *chain = p;
    return p;
}

/* Asks directory. NULL where too much is asked already, or directory is not there. */
static struct pending *
ask(struct front *f, const struct cache_key *key, uint32_t uid, bool refresh)
{
    struct ipc_lookup m = { .kind = key->kind, .by = key->by, .refresh = refresh };
    uint8_t packet[PROTO_NAME_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct pending *p = pending_new(f, key, uid);

    if (p == NULL)
        return NULL;
    m.request = p->request;
    if (key->by == PROTO_BY_NAME)
        memcpy(m.name, key->name, strlen(key->name) + 1);
    else
        m.id = key->id;
    ipc_put_lookup(&w, &m);
    if (!front_ask(f, &w, false)) {
        pending_free(f, p);
        return NULL;
    }
    return p;
}

/*
 * The key of a question.  Names differ in nothing but case are one key, so that
 * no number of spellings costs more than one.  False: it can be nobody's of the
 * domain.
 */
static bool
key_of(const struct front *f, const struct proto_get *get, char name[PROTO_NAME_MAX + 1], struct cache_key *key_out)
{
    char spelling[PROTO_NAME_MAX + 1];

    *key_out = (struct cache_key){ .kind = get->kind, .by = get->by, .id = get->id };
    if (get->by == PROTO_BY_NAME) {
        memcpy(spelling, get->name, get->name_len);
        spelling[get->name_len] = '\0';
        /* A local name as it is spelled is local, whatever it folds to. */
        key_out->name = spelling;
        if (front_record_never(f, key_out) || !name_fold(spelling, name, PROTO_NAME_MAX + 1))
            return false;
        key_out->name = name;
    }
    return !front_record_never(f, key_out);
}

/* Reads the question if it is there, and answers it if that can be. True: the client is done. */
static bool
serve(struct front *f, const struct watch *w, uint32_t uid, struct rest *rest_out)
{
    uint8_t packet[PROTO_NAME_MAX + 64];
    char name[PROTO_NAME_MAX + 1];
    ssize_t n = recv(w->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
    int64_t now = front_clock();
    const struct cache_entry *e;
    struct cache_key key;
    struct proto_get get;

    *rest_out = (struct rest){ NULL, NULL };
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0 || (size_t)n > sizeof(packet) || !proto_get_get(packet, (size_t)n, &get))
        return true;
    if (!key_of(f, &get, name, &key)) {
        answer_type(w, PROTO_NONE);
        /* Files of somebody who is nobody here are listed as often as others. */
        if (key.by == PROTO_BY_ID)
            front_map_none(f, &key, now + (int64_t)f->config->negative * 1000);
        return true;
    }
    e = cache_get(f->cache, &key, now);
    if (e != NULL) {
        bool stale = now >= e->refresh;

        if (e->fd < 0)
            answer_packet(w, e->packet, e->len);
        else
            rest_out->large = e;
        if (stale)
            cache_defer(f->cache, &key, now + DEFER_MS);
        front_record_again(f, &key, e, stale ? now + DEFER_MS : e->refresh);
        if (stale)
            (void)ask(f, &key, uid, true);
        return e->fd < 0;
    }
    rest_out->pending = pending_find(f, &key);
    if (rest_out->pending == NULL)
        rest_out->pending = ask(f, &key, uid, false);
    /* The identity map may have it still. */
    front_map_defer(f, &key, now + DEFER_MS);
    if (rest_out->pending != NULL)
        return false;
    answer_type(w, PROTO_LATER);
    return true;
}

/* False: the client is done. */
static bool
go_on(struct front *f, struct nss_client *c, const struct rest *rest)
{
    if (rest->large != NULL)
        return send_large(f, c, rest->large);
    if (rest->pending != NULL)
        wait_for(c, rest->pending);
    return front_watch(f, &c->watch, rest->pending != NULL ? 0 : EPOLLIN);
}

static void
client_ready(struct front *f, struct watch *w, uint32_t events)
{
    struct nss_client *c = (struct nss_client *)w;
    /* Who has asked and gone wants no answer, but what he asked for to be refreshed. */
    bool asks = (events & EPOLLIN) != 0 && c->pending == NULL && !c->large;
    struct rest rest;

    if (!asks || serve(f, w, c->uid, &rest) || !go_on(f, c, &rest))
        client_free(f, c);
}

/* Keeps a client that is not done. False: it has its share, or there is no memory. */
static bool
keep(struct front *f, const struct watch *w, uint32_t uid, const struct rest *rest)
{
    struct lookups *l = f->lookups;
    struct nss_client *c = talloc_zero(l, struct nss_client);

    if (c == NULL || !share_take(l->shares, SHARE_CLIENTS, uid)) {
        talloc_free(c);
        return false;
    }
    c->watch.fd = w->fd;
    c->watch.ready = client_ready;
    c->uid = uid;
    c->deadline = client_now() + FRONT_NSS_MS;
    c->next = l->clients;
    c->at = &l->clients;
    if (l->clients != NULL)
        l->clients->at = &c->next;
    l->clients = c;
    if (!go_on(f, c, rest))
        client_free(f, c);
    return true;
}

void
front_nss_accept(struct front *f, struct watch *w, uint32_t events)
{
    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        struct watch client = { .fd = front_accept(f, w) };
        struct ucred peer = { .uid = UINT32_MAX };
        socklen_t len = sizeof(peer);
        struct rest rest;
        bool done;

        if (client.fd < 0)
            return;
        (void)getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
        done = serve(f, &client, peer.uid, &rest);
        if (!done && rest.large == NULL && rest.pending == NULL) {
            /* connect has woken us before the client could send: a short step aside spares both a sleep. */
            (void)sched_yield();
            done = serve(f, &client, peer.uid, &rest);
        }
        if (!done && keep(f, &client, peer.uid, &rest))
            continue;
        if (!done)
            answer_type(&client, PROTO_LATER);
        (void)close(client.fd);
    }
}

static void
found_none(struct front *f, struct pending *p)
{
    if (!p->old)
        front_record_none(f, &p->key);
    pending_answer(f, p, PROTO_NONE, NULL);
}

/* FOUND with a record: checked, cached, and given to those who wait. */
static void
found_record(struct front *f, struct pending *p, const struct ipc_found *m, int fd)
{
    struct cache_entry e;

    switch (front_record_found(f, &p->key, m, fd, p->old, &e)) {
    case IPC_STATUS_FOUND:
        pending_answer(f, p, PROTO_RECORD, &e);
        break;
    case IPC_STATUS_NONE:
        found_none(f, p);
        break;
    case IPC_STATUS_LATER:
        pending_answer(f, p, PROTO_LATER, NULL);
    }
}

bool
front_nss_found(struct front *f, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_found m;
    struct pending *p;

    if (!ipc_get_found(packet, len, &m))
        return false;
    p = &f->lookups->slots[m.request % FRONT_PENDING_MAX];
    /* Its askers may have waited long enough meanwhile. */
    if (p->request != m.request)
        return true;
    if (m.status == IPC_STATUS_FOUND)
        found_record(f, p, &m, fds[0]);
    else if (m.status == IPC_STATUS_NONE)
        found_none(f, p);
    else
        pending_answer(f, p, PROTO_LATER, NULL);
    return true;
}

void
front_nss_tick(struct front *f, int64_t now)
{
    struct nss_client *next;

    for (size_t i = 0; i < FRONT_PENDING_MAX; i++) {
        struct pending *p = &f->lookups->slots[i];

        if (p->request != 0 && now >= p->deadline)
            pending_answer(f, p, PROTO_LATER, NULL);
    }
    for (struct nss_client *c = f->lookups->clients; c != NULL; c = next) {
        next = c->next;
        if (now >= c->deadline)
            client_free(f, c);
    }
    cache_sweep(f->cache, front_clock());
}

void
front_nss_forget(struct front *f)
{
    cache_clear(f->cache);
    front_map_clear(f);
    f->forgotten = f->last_request;
    for (size_t i = 0; i < FRONT_PENDING_MAX; i++)
        f->lookups->slots[i].old = true;
}

void
front_nss_directory_gone(struct front *f)
{
    for (size_t i = 0; i < FRONT_PENDING_MAX; i++) {
        if (f->lookups->slots[i].request != 0)
            pending_answer(f, &f->lookups->slots[i], PROTO_LATER, NULL);
    }
}
