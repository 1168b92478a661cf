/*
 * Logon workers: one stands ready, more are started while logons wait, and are
 * let go when they have been idle for a while.
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
    struct worker **at = &f->workers;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    f->n_workers--;
    front_unwatch(f, &w->watch);
    talloc_free(w);
}

/* Gives an idle worker the conversation. */
static void
start_job(struct front *f, struct worker *w, struct conversation *c)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer wr = writer_init(packet, sizeof(packet));
    struct ipc_job job = { .job = c->id, .dc = f->dc };

    memcpy(job.principal, c->who.principal, sizeof(job.principal));
    job.home = c->who.home;
    job.dc.request = 0;
    job.no_kdc = client_now() < f->no_kdc_until && job.home.dns[0] == '\0';
    ipc_put_job(&wr, &job);
    c->state = CONVERSATION_RUNNING;
    c->worker = w;
    c->deadline = client_now() + (int64_t)f->config->deadline * 1000;
    w->conversation = c;
    w->since = client_now();
    if (!front_send(&w->watch, &wr, &c->watch.fd, 1)) {
        worker_remove(f, w);
        front_pam_result(f, c, NULL, -1);
    }
}

static struct worker *
idle_worker(struct front *f)
{
    struct worker *w = f->workers;

    while (w != NULL && (w->conversation != NULL || w->retire))
        w = w->next;
    return w;
}

/* How many more may begin now. */
static unsigned
room_to_begin(const struct front *f)
{
    int64_t now = client_now();
    unsigned beginning = 0;

    for (const struct worker *w = f->workers; w != NULL; w = w->next)
        beginning += w->conversation != NULL && now - w->since < BEGINNING_MS;
    return beginning < BEGINNING_MAX ? BEGINNING_MAX - beginning : 0;
}

/* Asks keeper for as many more as logons wait and may begin, within the configured number. */
static void
spawn_for_queue(struct front *f)
{
    unsigned room = room_to_begin(f);
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_SPAWN, ROLE_LOGON);
    while (f->n_starting < f->n_queued && f->n_starting < room && f->n_workers + f->n_starting < f->config->workers) {
        if (!front_send(&f->keeper, &w, NULL, 0))
            return;
        f->n_starting++;
        f->starting_since = client_now();
    }
}

static struct conversation *
queue_take(struct front *f)
{
    struct conversation *c = f->queue_head;

    if (c == NULL)
        return NULL;
    f->queue_head = c->next_queued;
    if (f->queue_head == NULL)
        f->queue_tail = NULL;
    c->next_queued = NULL;
    f->n_queued--;
    return c;
}

/* Takes from the queue what somebody still waits for. */
static void
run_queue(struct front *f)
{
    struct worker *w;

    while (f->queue_head != NULL) {
        struct conversation *c;

        if (f->queue_head->gone) {
            front_pam_result(f, queue_take(f), NULL, -1);
            continue;
        }
        w = room_to_begin(f) > 0 ? idle_worker(f) : NULL;
        if (w == NULL)
            break;
        c = queue_take(f);
        start_job(f, w, c);
    }
    spawn_for_queue(f);
}

void
front_pool_run(struct front *f, struct conversation *c)
{
    if (f->n_queued >= FRONT_QUEUE_MAX) {
        front_pam_end(f, c, ERR_BUSY, false, NULL);
        return;
    }
    c->state = CONVERSATION_QUEUED;
    c->deadline = client_now() + (int64_t)f->config->deadline * 1000;
    if (f->queue_tail != NULL)
        f->queue_tail->next_queued = c;
    else
        f->queue_head = c;
    f->queue_tail = c;
    f->n_queued++;
    run_queue(f);
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

void
front_pool_dc(struct front *f, const struct ipc_dc *dc)
{
    uint8_t packet[1024];
    struct writer wr = writer_init(packet, sizeof(packet));
    struct ipc_dc answer = *dc;

    answer.request = 0;
    ipc_put_dc(&wr, &answer);
    for (struct worker *w = f->workers; w != NULL && dc->request != 0; w = w->next) {
        if (w->id == dc->request)
            (void)front_send(&w->watch, &wr, NULL, 0);
    }
}

/* Kerberos that works again ends it at once. */
static void
learn_of_kdc(struct front *f, const struct ipc_result *r)
{
    if (r->no_kdc && r->passed_through)
        f->no_kdc_until = client_now() + NO_KDC_MS;
    else if (r->err == ERR_OK && !r->passed_through)
        f->no_kdc_until = 0;
}

static bool
worker_message(struct front *f, struct worker *w, const uint8_t *packet, size_t len, int *fds)
{
    struct conversation *c = w->conversation;
    struct ipc_result result;

    if (c == NULL)
        return false;
    if (ipc_type(packet, len) == IPC_NEED_DC)
        return forward_need_dc(f, w, packet, len);
    if (!ipc_get_result(packet, len, IPC_RESULT, &result) || result.job != c->id ||
        err_name(result.err)[0] == '?' || (result.err == ERR_OK && !result.passed_through) != (fds[0] >= 0))
        return false;
    learn_of_kdc(f, &result);
    front_drain_vouchers(f);
    front_pool_release(f, w, false);
    front_pam_result(f, c, &result, channel_take_fd(fds));
    return true;
}

static void
worker_ready(struct front *f, struct watch *watch, uint32_t events)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    struct worker *w = (struct worker *)watch;
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(w->watch.fd, packet, sizeof(packet), fds, 0);

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !worker_message(f, w, packet, (size_t)n, fds)) {
        struct conversation *c = w->conversation;

        if (n > 0)
            log_alarm("a logon worker broke the protocol: it is ended");
        front_pool_release(f, w, true);
        if (c != NULL)
            front_pam_result(f, c, NULL, -1);
    }
    channel_close_fds(fds);
    run_queue(f);
}

bool
front_pool_add(struct front *f, uint32_t id, int fd)
{
    struct worker *w = talloc_zero(f, struct worker);

    if (f->n_starting > 0)
        f->n_starting--;
    if (w == NULL) {
        (void)close(fd);
        return true;
    }
    w->id = id;
    w->watch.fd = fd;
    w->watch.ready = worker_ready;
    w->since = client_now();
    w->next = f->workers;
    f->workers = w;
    f->n_workers++;
    if (!front_watch(f, &w->watch, EPOLLIN))
        worker_remove(f, w);
    run_queue(f);
    return true;
}

bool
front_pool_vouch(struct front *f, enum role by, const uint8_t *packet, size_t len)
{
    struct logon_info *info;
    uint32_t worker, job;

    if (!ipc_get_vouch(f, packet, len, &worker, &job, &info))
        return false;
    for (struct worker *w = f->workers; w != NULL; w = w->next) {
        if (w->id == worker && w->conversation != NULL && w->conversation->id == job) {
            TALLOC_FREE(w->conversation->vouched);
            w->conversation->vouched = talloc_steal(w->conversation, info);
            w->conversation->voucher = by;
            return true;
        }
    }
    talloc_free(info);
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
front_pool_retire(struct front *f)
{
    struct worker *next;

    for (struct worker *w = f->workers; w != NULL; w = next) {
        next = w->next;
        w->retire = true;
        if (w->conversation == NULL)
            worker_remove(f, w);
    }
}

/* Lets idle workers go; keeps one ready. */
static void
trim(struct front *f, int64_t now)
{
    struct worker *next;
    unsigned idle = 0;

    for (const struct worker *w = f->workers; w != NULL; w = w->next)
        idle += w->conversation == NULL;
    for (struct worker *w = f->workers; w != NULL && idle > 1; w = next) {
        next = w->next;
        if (w->conversation != NULL || now - w->since < FRONT_WORKER_IDLE_MS)
            continue;
        worker_remove(f, w);
        idle--;
    }
}

void
front_pool_tick(struct front *f, int64_t now)
{
    uint8_t packet[8];
    struct writer wr = writer_init(packet, sizeof(packet));

    if (f->n_starting > 0 && now - f->starting_since >= STARTING_MS)
        f->n_starting = 0;
    while (f->queue_head != NULL && now >= f->queue_head->deadline)
        front_pam_end(f, queue_take(f), ERR_BUSY, false, NULL);
    run_queue(f);
    trim(f, now);
    if (f->n_workers + f->n_starting == 0 && !f->stopping) {
        ipc_put_number(&wr, IPC_SPAWN, ROLE_LOGON);
        if (front_send(&f->keeper, &wr, NULL, 0)) {
            f->n_starting = 1;
            f->starting_since = now;
        }
    }
}
