/*
 * Logon workers: one for passwords stands ready, more are started while logons
 * wait, and are let go when they have been idle for a while.  Those for smart
 * cards, which load other people's code, are of a kind of their own, and none is
 * there before the first is needed.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define STARTING_MS 5000 /* a worker that was asked for and has not come by then is asked for again */

/*
 * So many logons begin together; more when some of them have ended, or have
 * taken so long that the controller is the slow one.  A controller whose queue
 * of connections is full drops one more, which is tried again after a second.
 */
#define BEGINNING_MAX 8U
#define BEGINNING_MS 200

/* So long after a logon for which no KDC answered, and which NTLM carried out, the next ones begin with NTLM. */
#define NO_KDC_MS 3000

static void
worker_remove(struct front *f, struct worker *w)
{
    struct worker **at = &w->pool->workers;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->pool->n_workers--;
    front_unwatch(f, &w->watch);
    talloc_free(w);
}

/* The conversation goes on without the worker that had it. */
static void
worker_lost(struct front *f, struct conversation *c)
{
    if (c->state == CONVERSATION_LOOK)
        front_card_seen(f, c, NULL);
    else
        front_pam_result(f, c, NULL, -1, -1);
}

static int64_t
deadline_of(const struct front *f, const struct conversation *c)
{
    if (c->state == CONVERSATION_LOOK)
        return client_now() + FRONT_LOOK_MS;
    return client_now() + (int64_t)f->config->deadline * 1000 +
           (c->card != NULL && c->card->pin_pad ? FRONT_PIN_PAD_MS : 0);
}

static void
put_job(const struct front *f, const struct conversation *c, struct writer *w)
{
    struct ipc_job job = { .job = c->id, .home = c->who.home, .dc = f->dc };

    memcpy(job.principal, c->who.principal, sizeof(job.principal));
    job.dc.request = 0;
    if (c->card != NULL) {
        job.with_card = true;
        job.pin_pad = c->card->pin_pad;
        job.card = c->card->key;
        job.user = c->who.sid;
        job.uid = c->who.uid;
    } else {
        job.no_kdc = client_now() < f->no_kdc_until && job.home.dns[0] == '\0';
    }
    ipc_put_job(w, &job);
}

/* Gives an idle worker the conversation. */
static void
start_job(struct front *f, struct worker *w, struct conversation *c)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer wr = writer_init(packet, sizeof(packet));
    bool look = c->state == CONVERSATION_LOOK;

    if (look)
        ipc_put_number(&wr, IPC_LOOK, c->id);
    else
        put_job(f, c, &wr);
    if (!look)
        c->state = CONVERSATION_RUNNING;
    c->worker = w;
    c->deadline = deadline_of(f, c);
    w->conversation = c;
    w->since = client_now();
    if (!front_send(&w->watch, &wr, &c->watch.fd, look || (c->card != NULL && c->card->pin_pad) ? 0 : 1)) {
        worker_remove(f, w);
        worker_lost(f, c);
    }
}

static struct worker *
idle_worker(const struct worker_pool *pool)
{
    struct worker *w = pool->workers;

    while (w != NULL && (w->conversation != NULL || w->retire))
        w = w->next;
    return w;
}

/* How many more may begin now. */
static unsigned
room_to_begin(const struct worker_pool *pool)
{
    int64_t now = client_now();
    unsigned beginning = 0;

    for (const struct worker *w = pool->workers; w != NULL; w = w->next)
        beginning += w->conversation != NULL && now - w->since < BEGINNING_MS;
    return beginning < BEGINNING_MAX ? BEGINNING_MAX - beginning : 0;
}

static bool
ask_keeper(struct front *f, struct worker_pool *pool)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_SPAWN, pool->role);
    if (!front_send(&f->keeper, &w, NULL, 0))
        return false;
    pool->n_starting++;
    pool->starting_since = client_now();
    return true;
}

/* Asks keeper for as many more as logons wait and may begin, within the most that there may be. */
static void
spawn_for_queue(struct front *f, struct worker_pool *pool)
{
    unsigned room = room_to_begin(pool), waiting = pool->jobs.n + pool->looks.n;
    unsigned most = pool->role == ROLE_CARD ? CARD_WORKERS_MAX : f->config->workers;

    while (pool->n_starting < waiting && pool->n_starting < room && pool->n_workers + pool->n_starting < most) {
        if (!ask_keeper(f, pool))
            return;
    }
}

static void
queue_put(struct queue *q, struct conversation *c)
{
    struct conversation **at = &q->head;

    while (*at != NULL)
        at = &(*at)->next_queued;
    c->next_queued = NULL;
    *at = c;
    q->n++;
}

/* c is in it. */
static void
queue_take(struct queue *q, struct conversation *c)
{
    struct conversation **at = &q->head;

    while (*at != c)
        at = &(*at)->next_queued;
    *at = c->next_queued;
    c->next_queued = NULL;
    q->n--;
}

/*
 * Half of the card workers are root's: programs that run as other users, of
 * which each uid has one at most (front_card.c), never keep somebody from the
 * login screen, however slow the card that they are about.  su and sudo are
 * root's, whoever starts them.
 */
static bool
may_begin(const struct worker_pool *pool, const struct conversation *c)
{
    unsigned n = 0;

    if (pool->role != ROLE_CARD || c->peer.uid == 0)
        return true;
    for (const struct worker *w = pool->workers; w != NULL; w = w->next)
        n += w->conversation != NULL && w->conversation->peer.uid != 0;
    return n < CARD_WORKERS_MAX / 2;
}

/* Takes from the queue what somebody still waits for. */
static void
run_one(struct front *f, struct worker_pool *pool, struct queue *q)
{
    struct conversation *next;

    for (struct conversation *c = q->head; c != NULL; c = next) {
        struct worker *w = room_to_begin(pool) > 0 ? idle_worker(pool) : NULL;

        next = c->next_queued;
        if (c->gone) {
            queue_take(q, c);
            front_pam_free(f, c);
        } else if (w != NULL && may_begin(pool, c)) {
            queue_take(q, c);
            start_job(f, w, c);
        }
    }
}

static void
run_queue(struct front *f, struct worker_pool *pool)
{
    run_one(f, pool, &pool->jobs);
    run_one(f, pool, &pool->looks);
    spawn_for_queue(f, pool);
}

void
front_pool_run(struct front *f, struct conversation *c)
{
    bool look = c->state == CONVERSATION_LOOK;
    struct worker_pool *pool = look || c->card != NULL ? &f->cards : &f->logons;
    struct queue *q = look ? &pool->looks : &pool->jobs;

    if (q->n >= FRONT_QUEUE_MAX) {
        if (look)
            front_card_unseen(f, c, ERR_BUSY);
        else
            front_pam_end(f, c, ERR_BUSY, false, NULL);
        return;
    }
    if (!look)
        c->state = CONVERSATION_QUEUED;
    c->worker = NULL;
    c->deadline = deadline_of(f, c);
    queue_put(q, c);
    run_queue(f, pool);
}

/* A worker asks for a domain controller: directory knows. */
static bool
forward_need_dc(struct front *f, const struct worker *w, const uint8_t *packet, size_t len)
{
    uint8_t forward[128];
    struct writer wr = writer_init(forward, sizeof(forward));
    struct ipc_dc none = { .err = ERR_NO_KDC };
    struct ipc_need_dc m;

    if (!ipc_get_need_dc(packet, len, &m))
        return false;
    m.request = w->id;
    ipc_put_need_dc(&wr, &m);
    if (front_ask(f, &wr, true))
        return true;
    none.request = w->id;
    front_pool_dc(f, &none);
    return true;
}

/* The worker of that number, of either kind; NULL: it has ended. */
static struct worker *
find_worker(const struct front *f, uint32_t id)
{
    const struct worker_pool *pools[] = { &f->logons, &f->cards };

    for (size_t i = 0; i < 2; i++) {
        for (struct worker *w = pools[i]->workers; w != NULL; w = w->next) {
            if (w->id == id)
                return w;
        }
    }
    return NULL;
}

void
front_pool_dc(struct front *f, const struct ipc_dc *dc)
{
    struct worker *w = dc->request == 0 ? NULL : find_worker(f, dc->request);
    uint8_t packet[1024];
    struct writer wr = writer_init(packet, sizeof(packet));
    struct ipc_dc answer = *dc;

    answer.request = 0;
    ipc_put_dc(&wr, &answer);
    if (w != NULL)
        (void)front_send(&w->watch, &wr, NULL, 0);
}

/* Tickets come with a success, but for NTLM's and those that no controller has had a part in. */
static bool
has_tickets(const struct ipc_result *r)
{
    return r->err == ERR_OK && !r->passed_through && !r->offline;
}

/* Kerberos that works again ends it at once. */
static void
learn_of_kdc(struct front *f, const struct ipc_result *r)
{
    if (r->no_kdc && r->passed_through)
        f->no_kdc_until = client_now() + NO_KDC_MS;
    else if (has_tickets(r))
        f->no_kdc_until = 0;
}

/* The answer to a look, and nothing else. */
static bool
take_cards(struct front *f, struct worker *w, const uint8_t *packet, size_t len, const int *fds)
{
    struct conversation *c = w->conversation;
    struct ipc_cards *cards = talloc(f, struct ipc_cards);
    bool ok = cards != NULL && ipc_get_cards(packet, len, cards) && cards->job == c->id && fds[0] < 0;

    if (ok) {
        front_pool_release(f, w, false);
        front_card_seen(f, c, cards);
    }
    talloc_free(cards);
    return ok;
}

/* NTLM is nothing for cards, and only they let in offline. */
static bool
fits(const struct worker *w, const struct ipc_result *r, const int *fds)
{
    if (r->job != w->conversation->id || err_name(r->err)[0] == '?' || has_tickets(r) != (fds[0] >= 0) ||
        (fds[1] >= 0 && w->pool->role != ROLE_CARD))
        return false;
    return w->pool->role == ROLE_CARD ? !r->passed_through && !r->no_kdc : !r->offline;
}

static bool
worker_message(struct front *f, struct worker *w, const uint8_t *packet, size_t len, int *fds)
{
    struct conversation *c = w->conversation;
    struct ipc_result result;
    int tgt, ntlm;

    if (c == NULL)
        return false;
    if (c->state == CONVERSATION_LOOK)
        return take_cards(f, w, packet, len, fds);
    if (ipc_type(packet, len) == IPC_NEED_DC)
        return forward_need_dc(f, w, packet, len);
    if (!ipc_get_result(packet, len, IPC_RESULT, &result) || !fits(w, &result, fds))
        return false;
    learn_of_kdc(f, &result);
    front_drain_vouchers(f);
    front_pool_release(f, w, false);
    tgt = fds[0];
    ntlm = fds[1];
    fds[0] = fds[1] = -1;
    front_pam_result(f, c, &result, tgt, ntlm);
    return true;
}

static void
worker_ready(struct front *f, struct watch *watch, uint32_t events)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    struct worker *w = (struct worker *)watch;
    struct worker_pool *pool = w->pool;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(w->watch.fd, packet, sizeof(packet), fds, 0);

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !worker_message(f, w, packet, (size_t)n, fds)) {
        struct conversation *c = w->conversation;

        if (n > 0)
            log_alarm("a %s worker broke the protocol: it is ended", pool->role == ROLE_CARD ? "card" : "logon");
        front_pool_release(f, w, true);
        if (c != NULL)
            worker_lost(f, c);
    }
    channel_close_fds(fds);
    run_queue(f, pool);
}

bool
front_pool_add(struct front *f, enum role role, uint32_t id, int fd)
{
    struct worker_pool *pool = role == ROLE_CARD ? &f->cards : &f->logons;
    struct worker *w = talloc_zero(f, struct worker);

    if (pool->n_starting > 0)
        pool->n_starting--;
    if (w == NULL) {
        (void)close(fd);
        return true;
    }
    w->pool = pool;
    w->id = id;
    w->watch.fd = fd;
    w->watch.ready = worker_ready;
    w->since = client_now();
    w->next = pool->workers;
    pool->workers = w;
    pool->n_workers++;
    if (!front_watch(f, &w->watch, EPOLLIN))
        worker_remove(f, w);
    run_queue(f, pool);
    return true;
}

/* NULL where nobody waits for that word. A look lets nobody in, whatever its worker has a ticket of. */
static struct conversation *
find_vouched(const struct front *f, uint32_t worker, uint32_t job)
{
    const struct worker *w = find_worker(f, worker);
    struct conversation *c = w == NULL ? NULL : w->conversation;

    return c != NULL && c->id == job && c->state == CONVERSATION_RUNNING ? c : NULL;
}

static bool
vouch_offline(struct front *f, const uint8_t *packet, size_t len)
{
    struct ipc_vouch_offline m;
    struct conversation *c;

    if (!ipc_get_vouch_offline(packet, len, &m))
        return false;
    c = find_vouched(f, m.worker, m.job);
    if (c != NULL && c->card != NULL) {
        c->vouched_offline = true;
        c->vouched_user = m.user;
    }
    return true;
}

bool
front_pool_vouch(struct front *f, enum role by, const uint8_t *packet, size_t len)
{
    struct logon_info *info;
    struct conversation *c;
    uint32_t worker, job;

    if (by == ROLE_MEMBER && ipc_type(packet, len) == IPC_VOUCH_OFFLINE)
        return vouch_offline(f, packet, len);
    if (!ipc_get_vouch(f, packet, len, &worker, &job, &info))
        return false;
    c = find_vouched(f, worker, job);
    if (c == NULL) {
        talloc_free(info);
        return true;
    }
    TALLOC_FREE(c->vouched);
    c->vouched = talloc_steal(c, info);
    c->voucher = by;
    return true;
}

void
front_pool_release(struct front *f, struct worker *w, bool kill)
{
    uint8_t packet[8];
    struct writer wr = writer_init(packet, sizeof(packet));

    w->conversation = NULL;
    w->since = client_now();
    if (!kill && !w->retire)
        return;
    if (kill) {
        ipc_put_number(&wr, IPC_END_WORKER, w->id);
        (void)front_send(&f->keeper, &wr, NULL, 0);
    }
    worker_remove(f, w);
}

void
front_pool_retire(struct front *f, struct worker_pool *pool)
{
    struct worker *next;

    for (struct worker *w = pool->workers; w != NULL; w = next) {
        next = w->next;
        w->retire = true;
        if (w->conversation == NULL)
            worker_remove(f, w);
    }
}

/* Lets idle workers go; one for passwords stands ready, and none for cards, which few computers have. */
static void
trim(struct front *f, struct worker_pool *pool, int64_t now)
{
    unsigned idle = 0, keep = pool->role == ROLE_CARD ? 0 : 1;
    struct worker *next;

    for (const struct worker *w = pool->workers; w != NULL; w = w->next)
        idle += w->conversation == NULL;
    for (struct worker *w = pool->workers; w != NULL && idle > keep; w = next) {
        next = w->next;
        if (w->conversation != NULL || now - w->since < FRONT_WORKER_IDLE_MS)
            continue;
        worker_remove(f, w);
        idle--;
    }
}

/* Who has waited too long for a worker. */
static void
expire(struct front *f, struct worker_pool *pool, int64_t now)
{
    struct conversation *c, *next;

    for (c = pool->jobs.head; c != NULL; c = next) {
        next = c->next_queued;
        if (now < c->deadline)
            continue;
        queue_take(&pool->jobs, c);
        front_pam_end(f, c, ERR_BUSY, false, NULL);
    }
    for (c = pool->looks.head; c != NULL; c = next) {
        next = c->next_queued;
        if (now < c->deadline)
            continue;
        queue_take(&pool->looks, c);
        if (pool->n_workers == 0)
            log_error("no worker for smart cards has come");
        front_card_unseen(f, c, pool->n_workers == 0 ? ERR_INTERNAL : ERR_BUSY);
    }
}

void
front_pool_begin(struct front *f)
{
    f->logons.role = ROLE_LOGON;
    f->cards.role = ROLE_CARD;
}

void
front_pool_tick(struct front *f, int64_t now)
{
    struct worker_pool *pools[] = { &f->logons, &f->cards };

    for (size_t i = 0; i < 2; i++) {
        struct worker_pool *pool = pools[i];

        if (pool->n_starting > 0 && now - pool->starting_since >= STARTING_MS)
            pool->n_starting = 0;
        expire(f, pool, now);
        run_queue(f, pool);
        trim(f, pool, now);
    }
    if (f->logons.n_workers + f->logons.n_starting == 0 && !f->stopping)
        (void)ask_keeper(f, &f->logons);
}
