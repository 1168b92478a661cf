/*
 * An LDAP server as nobody should meet one, for tests/system/20-directory.bats
 * and 80-rogue.bats.
 *
 *   fakeldap PORT MODE [always]
 *
 * unsealed   knows the key of its name (KRB5_KTNAME) but offers no signing and
 *            no sealing (RFC 4752), and then lets everybody in
 * welcome    knows no key, and calls every bind a success at once
 * stall      begins an answer and does not go on
 * garbage    answers with what is no LDAP
 * huge       announces an answer of a gigabyte
 * close      ends the connection instead of an answer
 *
 * Says "ready" when it listens, "let in" where a bind was gone through with, and
 * "asked" where a question came in the clear.  Serves one connection, or "always".
 */
#include <arpa/inet.h>
#include <gssapi/gssapi.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/ber.h"

#define BIND_REQUEST 0x60
#define BIND_RESPONSE 0x61
#define SEARCH_REQUEST 0x63
#define SASL_CREDENTIALS 0xa3
#define SERVER_CREDENTIALS 0x87
#define SASL_IN_PROGRESS 14

static void
require(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

struct request {
    uint8_t bytes[65536];
    uint32_t id;
    gss_buffer_desc token; /* alias */
};

/* Reads one bind request; its length has one of the two forms that libldap writes. */
static void
read_bind(int fd, struct request *q)
{
    size_t len = 0, want = 2;
    struct reader r, message, bind, sasl, token;

    while (len < want) {
        ssize_t n = recv(fd, q->bytes + len, want - len, 0);

        require(n > 0, "bind request");
        len += (size_t)n;
        if (len == 2)
            want = q->bytes[1] < 0x80 ? 2U + q->bytes[1] : 2U + (q->bytes[1] & 0x7f);
        if (len > 2 && len == 2U + (q->bytes[1] & 0x7f) && q->bytes[1] == 0x82)
            want = 4U + ((size_t)q->bytes[2] << 8 | q->bytes[3]);
    }
    r = reader_init(q->bytes, len);
    message = ber_enter(&r, BER_SEQUENCE);
    q->id = ber_uint(&message, BER_INTEGER);
    bind = ber_enter(&message, BIND_REQUEST);
    (void)ber_uint(&bind, BER_INTEGER);
    (void)ber_enter(&bind, BER_OCTETS);
    sasl = ber_enter(&bind, SASL_CREDENTIALS);
    (void)ber_enter(&sasl, BER_OCTETS);
    require(!sasl.failed, "no bind request");
    memset(&q->token, 0, sizeof(q->token));
    if (!ber_next_is(&sasl, BER_OCTETS))
        return;
    token = ber_enter(&sasl, BER_OCTETS);
    q->token.length = reader_left(&token);
    memcpy(&q->token.value, &(const void *){ reader_bytes(&token, q->token.length) }, sizeof(void *));
}

static void
answer_bind(int fd, uint32_t id, uint32_t code, const gss_buffer_desc *token)
{
    uint8_t bytes[65536];
    struct writer w = writer_init(bytes, sizeof(bytes));
    size_t message = ber_begin(&w, BER_SEQUENCE), bind;

    ber_put_uint(&w, BER_INTEGER, id);
    bind = ber_begin(&w, BIND_RESPONSE);
    ber_put_uint(&w, BER_ENUMERATED, code);
    ber_put_text(&w, BER_OCTETS, "");
    ber_put_text(&w, BER_OCTETS, "");
    if (token != NULL)
        ber_put_bytes(&w, SERVER_CREDENTIALS, token->value, token->length);
    ber_end(&w, bind);
    ber_end(&w, message);
    require(writer_ok(&w) && send(fd, bytes, w.len, MSG_NOSIGNAL) == (ssize_t)w.len, "answer");
}

/* The whole of RFC 4752, but no layer except "none". */
static void
serve_unsealed(int fd)
{
    static struct request q;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    gss_buffer_desc token, offer = { 4, (uint8_t[]){ 1, 0, 0, 0 } };
    OM_uint32 major, minor;
    int sealed;

    do {
        read_bind(fd, &q);
        major = gss_accept_sec_context(&minor, &ctx, GSS_C_NO_CREDENTIAL, &q.token, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                       NULL, &token, NULL, NULL, NULL);
        require(!GSS_ERROR(major), "gss_accept_sec_context");
        answer_bind(fd, q.id, SASL_IN_PROGRESS, &token);
    } while (major == GSS_S_CONTINUE_NEEDED);
    read_bind(fd, &q);
    require(gss_wrap(&minor, ctx, 0, GSS_C_QOP_DEFAULT, &offer, &sealed, &token) == GSS_S_COMPLETE, "gss_wrap");
    answer_bind(fd, q.id, SASL_IN_PROGRESS, &token);
    read_bind(fd, &q);
    answer_bind(fd, q.id, 0, NULL);
    printf("let in\n");
    (void)fflush(stdout);
    (void)recv(fd, q.bytes, sizeof(q.bytes), 0);
}

/* What comes after a bind: nothing, an unbind, a search (RFC 4511 4.5.1) that anybody could answer. */
static void
await_question(int fd)
{
    uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    struct reader r = reader_init(bytes, n > 0 ? (size_t)n : 0), message;

    message = ber_enter(&r, BER_SEQUENCE);
    (void)ber_uint(&message, BER_INTEGER);
    if (ber_next_is(&message, SEARCH_REQUEST))
        printf("asked\n");
    (void)fflush(stdout);
}

static void
serve(int fd, const char *mode)
{
    static struct request q;
    static const uint8_t begun[] = { 0x30, 0x84, 0, 0, 0, 40, 2, 1 };
    static const uint8_t garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static const uint8_t huge[] = { 0x30, 0x84, 0x40, 0, 0, 0, 2, 1, 1, 0x61 };

    if (strcmp(mode, "unsealed") == 0) {
        serve_unsealed(fd);
        return;
    }
    read_bind(fd, &q);
    if (strcmp(mode, "welcome") == 0) {
        answer_bind(fd, q.id, 0, NULL);
        await_question(fd);
    } else if (strcmp(mode, "stall") == 0)
        (void)send(fd, begun, sizeof(begun), MSG_NOSIGNAL);
    else if (strcmp(mode, "garbage") == 0)
        (void)send(fd, garbage, sizeof(garbage) - 1, MSG_NOSIGNAL);
    else if (strcmp(mode, "huge") == 0)
        (void)send(fd, huge, sizeof(huge), MSG_NOSIGNAL);
    if (strcmp(mode, "close") != 0)
        (void)recv(fd, q.bytes, sizeof(q.bytes), 0);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    bool always = argc == 4 && strcmp(argv[3], "always") == 0;
    int listener, fd, on = 1;

    if (argc != 3 && !always)
        return 2;
    (void)signal(SIGCHLD, SIG_IGN);
    a.sin_port = htons((uint16_t)atoi(argv[1]));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    require(listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "socket");
    require(bind(listener, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 8) == 0, "listen");
    printf("ready\n");
    (void)fflush(stdout);
    do {
        fd = accept(listener, NULL, NULL);
        require(fd >= 0, "accept");
    } while (always && fork() != 0 && close(fd) == 0);
    serve(fd, argv[2]);
    return 0;
}
