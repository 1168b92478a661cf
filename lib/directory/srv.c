/* SRV (RFC 2782) and address records. */
#include "lib/directory/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/directory/text.h"

#define HEADER_SIZE 12
#define CLASS_IN 1
#define RCODE 0x000f

/* One resource record; data alone is read by who knows the type. */
struct record {
    uint16_t type;
    uint16_t class;
    uint16_t len;
};

/* Steps over header and questions. Gives the number of answers. */
static int
begin(struct reader *r)
{
    char name[DNS_NAME_SIZE];
    uint16_t flags, questions, answers;

    (void)reader_u16_be(r);
    flags = reader_u16_be(r);
    questions = reader_u16_be(r);
    answers = reader_u16_be(r);
    (void)reader_u32_be(r);
    if ((flags & 0x8000) == 0)
        reader_fail(r);
    for (; questions > 0 && !r->failed; questions--) {
        (void)dns_name_read(r, HEADER_SIZE, true, name);
        (void)reader_u32_be(r);
    }
    return r->failed || (flags & RCODE) != 0 ? 0 : answers;
}

static struct record
next_record(struct reader *r)
{
    char name[DNS_NAME_SIZE];
    struct record record;

    (void)dns_name_read(r, HEADER_SIZE, true, name);
    record.type = reader_u16_be(r);
    record.class = reader_u16_be(r);
    (void)reader_u32_be(r);
    record.len = reader_u16_be(r);
    return record;
}

/* The data of an SRV record, len bytes. */
static struct srv_record
read_srv(struct reader *r, uint16_t len)
{
    struct srv_record srv;
    size_t end = r->pos + len;

    memset(&srv, 0, sizeof(srv));
    srv.priority = reader_u16_be(r);
    srv.weight = reader_u16_be(r);
    srv.port = reader_u16_be(r);
    (void)dns_name_read(r, HEADER_SIZE, false, srv.host);
    if (r->pos != end)
        reader_fail(r);
    return srv;
}

int
srv_parse(const uint8_t *packet, size_t len, struct srv_record *out, int max)
{
    struct reader r = reader_init(packet, len);
    int answers = begin(&r), n = 0;

    for (; answers > 0 && !r.failed; answers--) {
        struct record record = next_record(&r);
        struct srv_record srv;

        if (record.type != DNS_TYPE_SRV || record.class != CLASS_IN) {
            (void)reader_bytes(&r, record.len);
            continue;
        }
        srv = read_srv(&r, record.len);
        /* A host of "." says that there is no such service here. */
        if (!r.failed && srv.host[0] != '\0' && srv.port != 0 && n < max)
            out[n++] = srv;
    }
    return r.failed ? -1 : n;
}

int
dns_addresses_parse(const uint8_t *packet, size_t len, uint16_t port, struct sockaddr_storage *out, int max)
{
    struct reader r = reader_init(packet, len);
    int answers = begin(&r), n = 0;

    for (; answers > 0 && !r.failed; answers--) {
        struct record record = next_record(&r);
        const uint8_t *data = reader_bytes(&r, record.len);
        struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

        if (data == NULL || record.class != CLASS_IN || n >= max)
            continue;
        if (record.type == DNS_TYPE_A && record.len == sizeof(a4.sin_addr)) {
            memcpy(&a4.sin_addr, data, sizeof(a4.sin_addr));
            memset(&out[n], 0, sizeof(out[n]));
            memcpy(&out[n++], &a4, sizeof(a4));
        } else if (record.type == DNS_TYPE_AAAA && record.len == sizeof(a6.sin6_addr)) {
            memcpy(&a6.sin6_addr, data, sizeof(a6.sin6_addr));
            memset(&out[n], 0, sizeof(out[n]));
            memcpy(&out[n++], &a6, sizeof(a6));
        }
    }
    return r.failed ? -1 : n;
}

static int
by_priority(const void *a, const void *b)
{
    const struct srv_record *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    /* RFC 2782: those without weight stand first, so that they are chosen least often. */
    return (x->weight > y->weight) - (x->weight < y->weight);
}

/* A number in [0, most]; not for secrets. */
static uint32_t
random_up_to(uint32_t most)
{
    uint32_t v = 0;

    if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
        return 0;
    return (uint32_t)(((uint64_t)v * ((uint64_t)most + 1)) >> 32);
}

/* Orders n records of one priority as RFC 2782 has it: drawn by weight, one after the other. */
static void
shuffle(struct srv_record *records, int n)
{
    for (int done = 0; done + 1 < n; done++) {
        uint32_t sum = 0, drawn;
        int chosen = done;
        struct srv_record record;

        for (int i = done; i < n; i++)
            sum += records[i].weight;
        drawn = random_up_to(sum);
        for (sum = records[done].weight; sum < drawn && chosen + 1 < n; sum += records[chosen].weight)
            chosen++;
        record = records[chosen];
        memmove(&records[done + 1], &records[done], sizeof(*records) * (size_t)(chosen - done));
        records[done] = record;
    }
}

static void
sort(struct srv_record *records, int n)
{
    int from = 0;

    qsort(records, (size_t)n, sizeof(*records), by_priority);
    for (int i = 1; i <= n; i++) {
        if (i < n && records[i].priority == records[from].priority)
            continue;
        shuffle(records + from, i - from);
        from = i;
    }
}

int
dns_srv(const struct dns *dns, const char *name, int64_t deadline, struct srv_record *out, int max)
{
    uint8_t *buf = malloc(DNS_ANSWER_MAX);
    ptrdiff_t len;
    int n = -1;

    if (buf == NULL)
        return -1;
    len = dns_query(dns, name, DNS_TYPE_SRV, deadline, buf);
    if (len > 0)
        n = srv_parse(buf, (size_t)len, out, max);
    if (n > 1)
        sort(out, n);
    log_debug("DNS SRV %s: %d records", name, n);
    free(buf);
    return n;
}

int
locator_srv(const char *name, int64_t deadline, struct srv_record *out, int max)
{
    struct dns dns;

    return dns_system(&dns) ? dns_srv(&dns, name, deadline, out, max) : -1;
}

int
dns_addresses(const struct dns *dns, const char *host, int family, uint16_t port, int64_t deadline,
              struct sockaddr_storage *out, int max)
{
    uint8_t *buf = malloc(DNS_ANSWER_MAX);
    ptrdiff_t len;
    int n = -1;

    if (buf == NULL)
        return -1;
    len = dns_query(dns, host, family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A, deadline, buf);
    if (len > 0)
        n = dns_addresses_parse(buf, (size_t)len, port, out, max);
    free(buf);
    return n;
}

int
locator_name_exists(const char *name, int64_t deadline)
{
    struct dns dns;
    uint8_t *answer = malloc(DNS_ANSWER_MAX);
    ptrdiff_t len = -1;
    struct reader r;
    uint16_t flags;

    if (answer != NULL && dns_system(&dns))
        len = dns_query(&dns, name, DNS_TYPE_A, deadline, answer);
    if (len < 0) {
        free(answer);
        return -1;
    }
    r = reader_init(answer, (size_t)len);
    (void)reader_u16_be(&r);
    flags = reader_u16_be(&r);
    free(answer);
    return (flags & RCODE) == 0 ? 1 : 0;
}

bool
locator_address(const char *host, int64_t deadline, char address[static 64], bool *answered_out)
{
    struct sockaddr_storage a;
    struct dns dns;
    int n;

    *answered_out = true;
    if (address_parse(host, 0, &a))
        return address_text(&a, address, 64);
    *answered_out = dns_system(&dns);
    if (!*answered_out)
        return false;
    n = dns_addresses(&dns, host, AF_INET, 0, deadline, &a, 1);
    if (n == 0)
        n = dns_addresses(&dns, host, AF_INET6, 0, deadline, &a, 1);
    *answered_out = n >= 0;
    return n > 0 && address_text(&a, address, 64);
}
