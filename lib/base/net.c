#include "lib/base/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/wait.h"

socklen_t
address_len(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6) : (socklen_t)sizeof(struct sockaddr_in);
}

/* "389" to the port. */
static bool
parse_port(const char *text, uint16_t *port_out)
{
    char *end;
    unsigned long v;

    if (text[0] < '0' || text[0] > '9')
        return false;
    v = strtoul(text, &end, 10);
    if (*end != '\0' || v == 0 || v > UINT16_MAX)
        return false;
    *port_out = (uint16_t)v;
    return true;
}

/* Splits "[host]:port", "host:port" (one colon) or "host". False if host does not fit or the port is none. */
static bool
split_port(const char *text, char *host, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':'), *end = text + strlen(text);

    if (text[0] == '[') {
        text++;
        end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        colon = end[1] == ':' ? end + 1 : NULL;
    } else if (colon != NULL && strchr(text, ':') != colon) {
        colon = NULL; /* IPv6 without brackets */
    } else if (colon != NULL) {
        end = colon;
    }
    if ((size_t)(end - text) >= size)
        return false;
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    return colon == NULL || parse_port(colon + 1, port);
}

bool
address_parse(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found = NULL;
    char host[128], service[8];

    memset(out, 0, sizeof(*out));
    if (!split_port(text, host, sizeof(host), &port) || host[0] == '\0')
        return false;
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return false;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

bool
address_text(const struct sockaddr_storage *a, char *buf, size_t size)
{
    return getnameinfo((const struct sockaddr *)a, address_len(a), buf, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
}

void
address_set_port(struct sockaddr_storage *a, uint16_t port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons(port);
}

bool
address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family == AF_INET6 && a6->sin6_scope_id == b6->sin6_scope_id &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

int
tcp_connect(const struct sockaddr_storage *a, int64_t deadline)
{
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code = 0;
    socklen_t len = sizeof(code);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)a, address_len(a)) == 0)
        return fd;
    code = errno;
    if (code == EINPROGRESS) {
        code = 0;
        if (!wait_fd(fd, POLLOUT, deadline) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
            code = errno;
    }
    if (code == 0)
        return fd;
    (void)close(fd);
    errno = code;
    return -1;
}
