#include "lib/directory/dns.h"

#include <errno.h>
#include <poll.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/net.h"
#include "lib/base/wait.h"
#include "lib/directory/text.h"
#include "lib/proto/client.h"

#define NEXT_SERVER_MS 300   /* until the next server is asked, too */
#define TCP_MS 1500          /* for what UDP has cut off */
#define UDP_SIZE 1232        /* what we say that we take: fits every path */
#define HEADER_SIZE 12
#define QUERY_SIZE 512
#define CLASS_IN 1
#define TYPE_OPT 41
#define FLAG_RECURSE 0x0100
#define FLAG_ANSWER 0x8000
#define FLAG_TRUNCATED 0x0200
#define RCODE 0x000f
#define RCODE_FORMERR 1
#define RCODE_NXDOMAIN 3

bool
dns_system(struct dns *dns_out)
{
    struct __res_state state;

    memset(dns_out, 0, sizeof(*dns_out));
    memset(&state, 0, sizeof(state));
    if (res_ninit(&state) != 0)
        return false;
    for (int i = 0; i < state.nscount && i < MAXNS && dns_out->n_servers < DNS_SERVERS_MAX; i++) {
        struct sockaddr_storage *to = &dns_out->servers[dns_out->n_servers];

        if (state.nsaddr_list[i].sin_family == AF_INET)
            memcpy(to, &state.nsaddr_list[i], sizeof(state.nsaddr_list[i]));
        else if (state._u._ext.nsaddrs[i] != NULL)
            memcpy(to, state._u._ext.nsaddrs[i], sizeof(*state._u._ext.nsaddrs[i]));
        else
            continue;
        dns_out->n_servers++;
    }
    res_nclose(&state);
    return dns_out->n_servers > 0;
}

/* One question on its way to the servers. */
struct question {
    uint8_t packet[QUERY_SIZE];
    size_t len;
    bool edns;
    uint16_t id;
    uint16_t type;
    const char *name;
    int fds[DNS_SERVERS_MAX];   /* connected UDP sockets; -1 not asked yet or given up */
    bool given_up[DNS_SERVERS_MAX];
};

/* DNS is big-endian; the writer is not. */
static void
put_be(struct writer *w, unsigned v)
{
    writer_u16(w, (uint16_t)(v >> 8 | (v & 0xff) << 8));
}

static void
put_name(struct writer *w, const char *name)
{
    while (name[0] != '\0') {
        size_t n = strcspn(name, ".");

        if (n == 0 || n > 63)
            w->failed = true;
        writer_u8(w, (uint8_t)n);
        writer_bytes(w, name, n);
        name += n;
        if (name[0] == '.')
            name++;
    }
    writer_u8(w, 0);
}

/* The query; edns: with an OPT record (RFC 6891), for longer answers by UDP. */
static bool
write_query(struct question *q, bool edns)
{
    struct writer w = writer_init(q->packet, sizeof(q->packet));

    put_be(&w, q->id);
    put_be(&w, FLAG_RECURSE);
    put_be(&w, 1);
    put_be(&w, 0);
    put_be(&w, 0);
    put_be(&w, edns ? 1 : 0);
    put_name(&w, q->name);
    put_be(&w, q->type);
    put_be(&w, CLASS_IN);
    if (edns) {
        writer_u8(&w, 0);
        put_be(&w, TYPE_OPT);
        put_be(&w, UDP_SIZE);
        writer_u32(&w, 0);
        put_be(&w, 0);
    }
    q->edns = edns;
    q->len = w.len;
    return writer_ok(&w);
}

static bool
question_init(struct question *q, const char *name, uint16_t type)
{
    memset(q, 0, sizeof(*q));
    for (int i = 0; i < DNS_SERVERS_MAX; i++)
        q->fds[i] = -1;
    q->name = name;
    q->type = type;
    if (strlen(name) >= DNS_NAME_SIZE || getrandom(&q->id, sizeof(q->id), 0) != (ssize_t)sizeof(q->id))
        return false;
    return write_query(q, true);
}

static void
question_done(struct question *q)
{
    for (int i = 0; i < DNS_SERVERS_MAX; i++) {
        if (q->fds[i] >= 0)
            (void)close(q->fds[i]);
    }
}

static void
give_up(struct question *q, int i)
{
    if (q->fds[i] >= 0)
        (void)close(q->fds[i]);
    q->fds[i] = -1;
    q->given_up[i] = true;
}

/* Sends the question to server i, again if it was sent before. */
static void
ask(struct question *q, const struct dns *dns, int i)
{
    const struct sockaddr_storage *a = &dns->servers[i];

    if (q->given_up[i])
        return;
    if (q->fds[i] < 0) {
        q->fds[i] = socket(a->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (q->fds[i] < 0 || connect(q->fds[i], (const struct sockaddr *)a, address_len(a)) != 0) {
            give_up(q, i);
            return;
        }
    }
    if (send(q->fds[i], q->packet, q->len, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        give_up(q, i);
}

/* True if packet answers q; its rcode and whether it was cut. */
static bool
fits(const struct question *q, const uint8_t *packet, size_t len, int *rcode_out, bool *cut_out)
{
    struct reader r = reader_init(packet, len);
    uint16_t id = reader_u16_be(&r), flags = reader_u16_be(&r), questions = reader_u16_be(&r);
    char name[DNS_NAME_SIZE];
    size_t n = strlen(q->name);

    (void)reader_bytes(&r, 6);
    *rcode_out = flags & RCODE;
    *cut_out = (flags & FLAG_TRUNCATED) != 0;
    if (r.failed || id != q->id || (flags & FLAG_ANSWER) == 0)
        return false;
    /* A server that could not read the question may leave it out. */
    if (*rcode_out == RCODE_FORMERR && questions == 0)
        return true;
    if (questions != 1 || !dns_name_read(&r, HEADER_SIZE, false, name))
        return false;
    if (n > 0 && q->name[n - 1] == '.')
        n--;
    return strlen(name) == n && strncasecmp(name, q->name, n) == 0 && reader_u16_be(&r) == q->type &&
           reader_u16_be(&r) == CLASS_IN && !r.failed;
}

/* All n bytes in or out by the deadline. */
static bool
transfer(int fd, uint8_t *in, const uint8_t *out, size_t n, int64_t deadline)
{
    size_t done = 0;

    while (done < n) {
        ssize_t k = in != NULL ? recv(fd, in + done, n - done, 0) : send(fd, out + done, n - done, MSG_NOSIGNAL);

        if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (k > 0)
            done += (size_t)k;
        else if (!wait_fd(fd, in != NULL ? POLLIN : POLLOUT, deadline))
            return false;
    }
    return true;
}

/* The same question by TCP. Gives the length of the answer, -1 if none came. */
static ptrdiff_t
query_tcp(const struct question *q, const struct sockaddr_storage *a, int64_t deadline, uint8_t *buf)
{
    uint8_t length[2] = { (uint8_t)(q->len >> 8), (uint8_t)q->len };
    int fd = tcp_connect(a, deadline), rcode;
    ptrdiff_t n = -1;
    size_t want;
    bool cut;

    if (fd < 0)
        return -1;
    if (!transfer(fd, NULL, length, sizeof(length), deadline) ||
        !transfer(fd, NULL, q->packet, q->len, deadline) ||
        !transfer(fd, length, NULL, sizeof(length), deadline))
        goto done;
    want = (size_t)length[0] << 8 | length[1];
    if (!transfer(fd, buf, NULL, want, deadline) || !fits(q, buf, want, &rcode, &cut) ||
        (rcode != 0 && rcode != RCODE_NXDOMAIN))
        goto done;
    n = (ptrdiff_t)want;
done:
    (void)close(fd);
    return n;
}

/* Takes what server i has sent. Gives the answer's length, or 0 to go on. */
static ptrdiff_t
take(struct question *q, const struct dns *dns, int i, int64_t deadline, uint8_t *buf)
{
    ssize_t n = recv(q->fds[i], buf, DNS_ANSWER_MAX, 0);
    uint8_t kept[UDP_SIZE];
    ptrdiff_t longer;
    int64_t then;
    int rcode;
    bool cut;

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            give_up(q, i);
        return 0;
    }
    if (!fits(q, buf, (size_t)n, &rcode, &cut))
        return 0;
    if (rcode == RCODE_FORMERR && q->edns && write_query(q, false)) {
        ask(q, dns, i); /* an old server, which does not know EDNS */
        return 0;
    }
    if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
        give_up(q, i);
        return 0;
    }
    if (!cut)
        return n;
    then = client_now() + TCP_MS;
    memcpy(kept, buf, (size_t)n < sizeof(kept) ? (size_t)n : sizeof(kept));
    longer = query_tcp(q, &dns->servers[i], then < deadline ? then : deadline, buf);
    if (longer > 0)
        return longer;
    /* Where TCP is shut a part of the records is better than none. */
    n = n < (ssize_t)sizeof(kept) ? n : (ssize_t)sizeof(kept);
    memcpy(buf, kept, (size_t)n);
    return n;
}

/* Waits for any server until then. Gives an answer's length, or 0. */
static ptrdiff_t
listen_until(struct question *q, const struct dns *dns, int64_t then, int64_t deadline, uint8_t *buf)
{
    struct pollfd p[DNS_SERVERS_MAX];
    ptrdiff_t len = 0;

    for (int i = 0; i < dns->n_servers; i++)
        p[i] = (struct pollfd){ .fd = q->fds[i], .events = POLLIN };
    if (poll(p, (nfds_t)dns->n_servers, ms_until(then)) <= 0)
        return 0;
    for (int i = 0; i < dns->n_servers && len == 0; i++) {
        if (p[i].revents != 0)
            len = take(q, dns, i, deadline, buf);
    }
    return len;
}

/* True if some server may still answer or be asked. */
static bool
has_hope(const struct question *q, const struct dns *dns)
{
    for (int i = 0; i < dns->n_servers; i++) {
        if (!q->given_up[i])
            return true;
    }
    return false;
}

/* True if a server that was asked may still answer. */
static bool
is_listening(const struct question *q)
{
    for (int i = 0; i < DNS_SERVERS_MAX; i++) {
        if (q->fds[i] >= 0)
            return true;
    }
    return false;
}

ptrdiff_t
dns_query(const struct dns *dns, const char *name, uint16_t type, int64_t deadline, uint8_t buf[static DNS_ANSWER_MAX])
{
    struct question q;
    ptrdiff_t len = 0;
    int64_t pause = NEXT_SERVER_MS;

    if (!question_init(&q, name, type))
        return -1;
    for (int turn = 0; len == 0 && has_hope(&q, dns) && client_now() < deadline; turn++) {
        int64_t then;

        /* Each round waits twice as long as the one before. */
        if (turn > 0 && turn % dns->n_servers == 0)
            pause *= 2;
        ask(&q, dns, turn % dns->n_servers);
        then = client_now() + pause < deadline ? client_now() + pause : deadline;
        while (len == 0 && is_listening(&q) && client_now() < then)
            len = listen_until(&q, dns, then, deadline, buf);
    }
    question_done(&q);
    return len > 0 ? len : -1;
}
