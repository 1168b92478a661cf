#include "lib/directory/ping.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/base/wait.h"
#include "lib/proto/client.h"

#define NEEDED (DS_LDAP_FLAG | DS_DS_FLAG | DS_KDC_FLAG)
#define REQUEST_MAX 1024
#define ANSWER_MAX 8192

struct target {
    struct sockaddr_storage address;
    uint32_t message_id;              /* random, so that nobody answers who has not seen the ping */
};

struct ping {
    const char *domain;
    int fds[2];                       /* UDP; IPv4 and IPv6; -1 where there is none */
    struct target targets[PING_TARGETS_MAX];
    int n_targets;
};

static int
ping_destructor(struct ping *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->fds[i] >= 0)
            (void)close(p->fds[i]);
    }
    return 0;
}

struct ping *
ping_new(TALLOC_CTX *mem, const char *domain_dns)
{
    struct ping *p = talloc_zero(mem, struct ping);

    if (p == NULL)
        return NULL;
    p->fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    p->fds[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    talloc_set_destructor(p, ping_destructor);
    p->domain = talloc_strdup(p, domain_dns);
    if (p->domain == NULL)
        TALLOC_FREE(p);
    return p;
}

static bool
same_place(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

    if (!address_same(a, b))
        return false;
    return a->ss_family == AF_INET ? a4->sin_port == b4->sin_port : a6->sin6_port == b6->sin6_port;
}

static struct target *
find_target(struct ping *p, const struct sockaddr_storage *address)
{
    for (int i = 0; i < p->n_targets; i++) {
        if (same_place(&p->targets[i].address, address))
            return &p->targets[i];
    }
    return NULL;
}

static struct target *
add_target(struct ping *p, const struct sockaddr_storage *address)
{
    struct target *t = &p->targets[p->n_targets];

    if (p->n_targets == PING_TARGETS_MAX ||
        getrandom(&t->message_id, sizeof(t->message_id), 0) != (ssize_t)sizeof(t->message_id))
        return NULL;
    t->message_id &= 0x7fffffff;
    t->address = *address;
    p->n_targets++;
    return t;
}

bool
ping_send(struct ping *p, const struct sockaddr_storage *to)
{
    struct target *t = find_target(p, to);
    uint8_t packet[REQUEST_MAX];
    size_t len;
    int fd = p->fds[to->ss_family == AF_INET6 ? 1 : 0];

    if (t == NULL)
        t = add_target(p, to);
    if (t == NULL || fd < 0)
        return false;
    len = cldap_request(packet, sizeof(packet), t->message_id, p->domain, "");
    if (len == 0)
        return false;
    return sendto(fd, packet, len, MSG_NOSIGNAL, (const struct sockaddr *)to, address_len(to)) == (ssize_t)len ||
           errno == EAGAIN;
}

static bool
fits(const struct ping *p, const struct netlogon_answer *a)
{
    return (a->flags & NEEDED) == NEEDED && strcasecmp(a->domain_dns, p->domain) == 0 && a->dc_host[0] != '\0';
}

/* One datagram. NULL if there is none, or it is not what was asked for. */
static struct netlogon_answer *
take(struct ping *p, TALLOC_CTX *mem, int fd, struct sockaddr_storage *from, bool *more_out)
{
    uint8_t packet[ANSWER_MAX];
    socklen_t from_len = sizeof(*from);
    ssize_t n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)from, &from_len);
    const struct target *t;
    const uint8_t *value;
    struct netlogon_answer *a;
    size_t len;

    *more_out = n >= 0;
    if (n < 0)
        return NULL;
    t = find_target(p, from);
    if (t == NULL || !cldap_answer(packet, (size_t)n, t->message_id, &value, &len)) {
        log_debug("CLDAP: a datagram that is no answer to a ping was dropped");
        return NULL;
    }
    a = netlogon_answer_decode(mem, value, len);
    if (a != NULL && fits(p, a))
        return a;
    log_debug("CLDAP: the answer %s", a == NULL ? "is malformed" : "is for another domain, or by no domain controller");
    talloc_free(a);
    return NULL;
}

struct netlogon_answer *
ping_wait(struct ping *p, TALLOC_CTX *mem, int64_t then, struct sockaddr_storage *from_out)
{
    struct netlogon_answer *a = NULL;
    struct pollfd fds[2] = { { .fd = p->fds[0], .events = POLLIN }, { .fd = p->fds[1], .events = POLLIN } };
    bool more;

    do {
        if (poll(fds, 2, ms_until(then)) <= 0)
            continue;
        for (int i = 0; i < 2 && a == NULL; i++) {
            if (fds[i].revents == 0)
                continue;
            do {
                a = take(p, mem, p->fds[i], from_out, &more);
            } while (a == NULL && more && client_now() < then);
        }
    } while (a == NULL && client_now() < then);
    return a;
}
