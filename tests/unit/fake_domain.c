#include "tests/unit/fake_domain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/net.h"
#include "lib/directory/text.h"
#include "tests/unit/dc_answer.h"

#define SOCKETS_MAX (2 * DNS_SERVERS_MAX + 5)

static void
require(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    abort();
}

static void
put_be(struct writer *w, unsigned v)
{
    writer_u8(w, (uint8_t)(v >> 8));
    writer_u8(w, (uint8_t)v);
}

static void
put_record(struct writer *w, const struct fake_record *record)
{
    unsigned priority, weight, port;
    uint8_t address[16];
    char host[256];
    size_t len_at, end;

    put_be(w, 0xc00c); /* the name of the question */
    put_be(w, (unsigned)record->type);
    put_be(w, 1);
    writer_u32(w, 0);
    len_at = w->len;
    put_be(w, 0);
    if (record->type == DNS_TYPE_SRV) {
        require(sscanf(record->data, "%u %u %u %255s", &priority, &weight, &port, host) == 4, record->data);
        put_be(w, priority);
        put_be(w, weight);
        put_be(w, port);
        put_labels(w, strcmp(host, ".") == 0 ? "" : host);
    } else {
        require(inet_pton(record->type == DNS_TYPE_A ? AF_INET : AF_INET6, record->data, address) == 1, record->data);
        writer_bytes(w, address, record->type == DNS_TYPE_A ? 4 : 16);
    }
    end = w->len;
    w->len = len_at;
    put_be(w, (unsigned)(end - len_at - 2));
    w->len = end;
}

struct query {
    uint16_t id;
    bool edns;
    char name[DNS_NAME_SIZE];
    uint16_t type;
};

static bool
read_query(const uint8_t *packet, size_t len, struct query *q)
{
    struct reader r = reader_init(packet, len);

    q->id = reader_u16_be(&r);
    (void)reader_bytes(&r, 8);
    q->edns = reader_u16_be(&r) == 1;
    (void)dns_name_read(&r, 12, false, q->name);
    q->type = reader_u16_be(&r);
    return !r.failed;
}

static size_t
write_answer(const struct fake_domain *d, const struct query *q, unsigned flags, bool records, uint8_t *buf,
             size_t size)
{
    struct writer w = writer_init(buf, size);
    unsigned n = 0, known = 0;
    size_t end;

    put_be(&w, q->id);
    put_be(&w, 0x8400 | flags);
    put_be(&w, 1);
    put_be(&w, 0);
    put_be(&w, 0);
    put_be(&w, 0);
    put_labels(&w, q->name);
    put_be(&w, q->type);
    put_be(&w, 1);
    for (const struct fake_record *r = d->records; r < d->records + FAKE_RECORDS_MAX && r->name != NULL; r++) {
        if (strcasecmp(r->name, q->name) != 0)
            continue;
        known++;
        if (!records || r->type != q->type)
            continue;
        put_record(&w, r);
        n++;
    }
    require(writer_ok(&w), "answer");
    end = w.len;
    w.len = 2;
    put_be(&w, 0x8400 | flags | (known == 0 && (flags & 15) == 0 ? 3 : 0));
    put_be(&w, 1);
    put_be(&w, n);
    return end;
}

static void
serve_dns(const struct fake_domain *d, enum fake_dns kind, int fd)
{
    uint8_t packet[1024], answer[16384];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
    struct query q, other;
    size_t n;

    if (kind == FAKE_DNS_SILENT || len < 0 || !read_query(packet, (size_t)len, &q))
        return;
    if (kind == FAKE_DNS_FORGED_FIRST) {
        other = q;
        other.id ^= 1;
        n = write_answer(d, &other, 3, false, answer, sizeof(answer));
        (void)sendto(fd, answer, n, 0, (struct sockaddr *)&from, from_len);
        other = q;
        other.name[0] ^= 1;
        n = write_answer(d, &other, 3, false, answer, sizeof(answer));
        (void)sendto(fd, answer, n, 0, (struct sockaddr *)&from, from_len);
        (void)sendto(fd, answer, 5, 0, (struct sockaddr *)&from, from_len);
    }
    if (kind == FAKE_DNS_FAILS || (kind == FAKE_DNS_OLD && q.edns))
        n = write_answer(d, &q, kind == FAKE_DNS_FAILS ? 2 : 1, false, answer, sizeof(answer));
    else if (kind == FAKE_DNS_CUTS || kind == FAKE_DNS_CUTS_NO_TCP)
        n = write_answer(d, &q, 0x0200, kind == FAKE_DNS_CUTS_NO_TCP, answer, sizeof(answer));
    else
        n = write_answer(d, &q, 0, true, answer, sizeof(answer));
    (void)sendto(fd, answer, n, 0, (struct sockaddr *)&from, from_len);
}

static void
serve_dns_tcp(const struct fake_domain *d, int listener)
{
    uint8_t packet[1024], answer[16384], length[2];
    int fd = accept(listener, NULL, NULL);
    struct query q;
    ssize_t len;
    size_t n;

    len = recv(fd, length, 2, MSG_WAITALL);
    require(len == 2, "length");
    len = recv(fd, packet, (size_t)length[0] << 8 | length[1], MSG_WAITALL);
    require(len > 0 && read_query(packet, (size_t)len, &q), "query by TCP");
    n = write_answer(d, &q, 0, true, answer, sizeof(answer));
    length[0] = (uint8_t)(n >> 8);
    length[1] = (uint8_t)n;
    require(send(fd, length, 2, 0) == 2 && send(fd, answer, n, 0) == (ssize_t)n, "answer by TCP");
    (void)close(fd);
}

static void
serve_dc(const struct fake_dc *dc, int fd, int other_fd)
{
    uint8_t packet[1024], blob[512], answer[1024];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
    struct reader r = reader_init(packet, len > 0 ? (size_t)len : 0), message = ber_enter(&r, BER_SEQUENCE);
    uint32_t id = ber_uint(&message, BER_INTEGER);
    struct writer b = writer_init(blob, sizeof(blob)), w = writer_init(answer, sizeof(answer));

    if (dc->kind == FAKE_DC_SILENT || message.failed)
        return;
    put_netlogon(&b, &dc->answer);
    put_cldap_answer(&w, dc->kind == FAKE_DC_WRONG_ID ? id ^ 1 : id, "Netlogon", blob, b.len);
    require(writer_ok(&w), "answer");
    (void)sendto(dc->kind == FAKE_DC_OTHER_PORT ? other_fd : fd, answer,
                 dc->kind == FAKE_DC_MALFORMED ? w.len - 1 : w.len, 0, (struct sockaddr *)&from, from_len);
}

/* A bound socket; *address's port is set where it was 0. -1 if the address is taken or can't be had. */
static int
bound(const char *text, uint16_t port, int type, struct sockaddr_storage *address)
{
    socklen_t len;
    int fd;

    require(address_parse(text, port, address), text);
    fd = socket(address->ss_family, type, 0);
    len = address_len(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, len) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    require(getsockname(fd, (struct sockaddr *)address, &len) == 0, "getsockname");
    return fd;
}

static uint16_t
port_of(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
                                          : ((const struct sockaddr_in *)(const void *)a)->sin_port);
}

struct sockets {
    int dns[DNS_SERVERS_MAX];
    int dns_tcp[DNS_SERVERS_MAX];
    int dcs[4];
    int other;
};

static void
serve(const struct fake_domain *d, const struct sockets *s)
{
    for (;;) {
        struct pollfd p[SOCKETS_MAX];

        for (int i = 0; i < DNS_SERVERS_MAX; i++) {
            p[i] = (struct pollfd){ .fd = s->dns[i], .events = POLLIN };
            /* A silent one still accepts: its kernel does. */
            p[DNS_SERVERS_MAX + i] = (struct pollfd){ .fd = d->dns[i] == FAKE_DNS_CUTS ? s->dns_tcp[i] : -1,
                                                      .events = POLLIN };
        }
        for (int i = 0; i < 4; i++)
            p[2 * DNS_SERVERS_MAX + i] = (struct pollfd){ .fd = s->dcs[i], .events = POLLIN };
        require(poll(p, 2 * DNS_SERVERS_MAX + 4, -1) > 0 || errno == EINTR, "poll");
        for (int i = 0; i < DNS_SERVERS_MAX; i++) {
            if ((p[i].revents & POLLIN) != 0)
                serve_dns(d, d->dns[i], s->dns[i]);
            if ((p[DNS_SERVERS_MAX + i].revents & POLLIN) != 0)
                serve_dns_tcp(d, s->dns_tcp[i]);
        }
        for (int i = 0; i < 4; i++) {
            if ((p[2 * DNS_SERVERS_MAX + i].revents & POLLIN) != 0)
                serve_dc(&d->dcs[i], s->dcs[i], s->other);
        }
    }
}

static void
open_dns(const struct fake_domain *d, struct sockets *s, struct dns *dns)
{
    struct sockaddr_storage a;

    for (int i = 0; i < DNS_SERVERS_MAX; i++) {
        s->dns[i] = s->dns_tcp[i] = -1;
        if (d->dns[i] == FAKE_DNS_NONE)
            continue;
        /* The same port for both; another one where TCP's is taken. */
        while (s->dns_tcp[i] < 0) {
            if (s->dns[i] >= 0)
                (void)close(s->dns[i]);
            s->dns[i] = bound("127.0.0.1", 0, SOCK_DGRAM, &a);
            require(s->dns[i] >= 0, "bind");
            s->dns_tcp[i] = bound("127.0.0.1", port_of(&a), SOCK_STREAM, &a);
        }
        require(listen(s->dns_tcp[i], 5) == 0, "listen");
        dns->servers[dns->n_servers++] = a;
        if (d->dns[i] == FAKE_DNS_SHUT) {
            (void)close(s->dns[i]);
            s->dns[i] = -1;
        }
    }
}

/* All domain controllers have one port, as in life. 0: try another port; -1: an address can't be had. */
static int
open_dcs(const struct fake_domain *d, struct sockets *s, uint16_t *port_out)
{
    struct sockaddr_storage a;
    uint16_t port = 0;

    for (int i = 0; i < 4; i++)
        s->dcs[i] = -1;
    for (int i = 0; i < 4 && d->dcs[i].address != NULL; i++) {
        s->dcs[i] = bound(d->dcs[i].address, port, SOCK_DGRAM, &a);
        if (s->dcs[i] < 0 && errno == EADDRNOTAVAIL)
            return -1;
        if (s->dcs[i] < 0)
            return 0;
        port = port_of(&a);
    }
    *port_out = port;
    return 1;
}

static void
close_all(const struct sockets *s)
{
    for (int i = 0; i < DNS_SERVERS_MAX; i++) {
        if (s->dns[i] >= 0)
            (void)close(s->dns[i]);
        if (s->dns_tcp[i] >= 0)
            (void)close(s->dns_tcp[i]);
    }
    for (int i = 0; i < 4; i++) {
        if (s->dcs[i] >= 0)
            (void)close(s->dcs[i]);
    }
    (void)close(s->other);
}

bool
fake_start(const struct fake_domain *domain, struct fake *fake_out)
{
    struct fake_domain own = *domain, *d = &own;
    struct sockets s;
    struct sockaddr_storage a;
    int got = 0;

    memset(fake_out, 0, sizeof(*fake_out));
    if (d->dns[0] == FAKE_DNS_NONE)
        d->dns[0] = FAKE_DNS_GOOD;
    for (int i = 0; i < 20 && got == 0; i++)
        got = open_dcs(d, &s, &fake_out->setting.ldap_port);
    if (got < 0)
        return false;
    require(got > 0, "ports");
    s.other = bound("127.0.0.1", 0, SOCK_DGRAM, &a);
    open_dns(d, &s, &fake_out->setting.dns);
    fake_out->pid = fork();
    require(fake_out->pid >= 0, "fork");
    if (fake_out->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(d, &s);
    }
    close_all(&s);
    return true;
}

void
fake_stop(struct fake *fake)
{
    if (fake->pid > 0) {
        (void)kill(fake->pid, SIGKILL);
        (void)waitpid(fake->pid, NULL, 0);
    }
    fake->pid = 0;
}
