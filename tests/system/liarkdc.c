/*
 * A KDC that lies, in front of the real one, for tests/system/80-rogue.bats.
 *
 *   liarkdc KEYTAB ALICE-SID BOB-SID UPSTREAM DIRECTORY
 *
 * Takes requests on port 88 (TCP).  It knows alice's password and, from KEYTAB,
 * the key of host/ws1.corp.test; the domain's own KDC is at UPSTREAM.  The file
 * DIRECTORY/lie names what it does with each request:
 *
 *   pass       hands everything on; keeps a host ticket of alice's in
 *              DIRECTORY/captured
 *   spoil      hands everything on, and damages in each KRB-ERROR what FAST protects
 *   flip SEED  hands everything on, and damages the replies of a connection from
 *              the first, second or third on: bytes flipped, cut off, moved; or
 *              hangs up
 *   a name of the table below: answers alice's requests itself, with that lie
 *
 * Each request for alice is a line on standard output.
 */
#include "tests/system/liarkdc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX (1U << 20)

static const struct lie lies[] = {
    { .name = "honest" },
    { .name = "random-key", .random_key = true },
    { .name = "newer-key", .newer_key = true },
    { .name = "replayed", .replayed = true },
    { .name = "of-bob", .of_bob = true },
    { .name = "other-realm", .other_realm = true },
    { .name = "old", .old = true },
    { .name = "no-pac", .pacs = 1 },
    { .name = "two-pacs", .pacs = 3 },
    { .name = "pac-of-bob", .pac_of_bob = true },
    { .name = "no-logon-info", .no_logon_info = true },
    { .name = "damaged", .damaged = true },
    { .name = "cut", .cut = true },
    { .name = "unsigned", .unsigned_pac = true },
    { .name = "upn-of-bob", .upn_of_bob = true },
    { .name = "client-is-bob", .client_is_bob = true },
    { .name = "without-password", .without_password = true },
    { .name = "machine", .machine = true },
    { .name = "asks-for-password", .asks_for_password = true },
    { .name = "refuses-armor", .refuses_armor = true },
};

void
require(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

static bool
read_all(int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, (char *)to + at, n - at, 0);

        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* One message; its data is allocated. */
static bool
read_message(int fd, krb5_data *message_out)
{
    uint32_t n;

    if (!read_all(fd, &n, sizeof(n)))
        return false;
    n = ntohl(n);
    require(n > 0 && n < MESSAGE_MAX, "length");
    message_out->length = n;
    message_out->data = malloc(n);
    require(message_out->data != NULL, "malloc");
    return read_all(fd, message_out->data, n);
}

static void
write_message(int fd, const krb5_data *message)
{
    uint32_t n = htonl(message->length);

    (void)send(fd, &n, sizeof(n), MSG_NOSIGNAL | MSG_MORE);
    (void)send(fd, message->data, message->length, MSG_NOSIGNAL);
}

static int
dial(const char *address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(88) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    require(inet_pton(AF_INET, address, &a.sin_addr) == 1, "address");
    require(fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0, "upstream");
    return fd;
}

/* Damages a reply as chance will have it. False: hang up in place of a reply. */
static bool
damage(krb5_data *reply)
{
    long times = 1 + random() % 3;

    if (random() % 16 == 0)
        return false;
    if (random() % 4 == 0)
        reply->length = 1 + (unsigned)random() % reply->length;
    if (random() % 8 == 0)
        memmove(reply->data + reply->length / 2, reply->data, reply->length / 2);
    for (long i = 0; i < times; i++)
        reply->data[(unsigned)random() % reply->length] ^= (char)(1 << random() % 8);
    return true;
}

/* The padata type PA-FX-FAST, in DER; its value follows. */
static void
spoil(krb5_data *reply)
{
    static const char fast[] = { '\xa1', 4, 2, 2, 0, '\x88' };
    char *p = memmem(reply->data, reply->length, fast, sizeof(fast));

    /* Not the last bytes, in which more than one type may end; the middle is encrypted. */
    if (reply->data[0] == 0x7e && p != NULL && (size_t)(p - reply->data) + 100 < reply->length)
        p[80] ^= 1;
}

/* What is to be done now, in words: the file's first line. */
static void
read_lie(const char *directory, char *line, size_t size)
{
    char path[256];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/lie", directory);
    f = fopen(path, "r");
    require(f != NULL && fgets(line, (int)size, f) != NULL, path);
    (void)fclose(f);
    line[strcspn(line, "\n")] = '\0';
}

static const struct lie *
find_lie(const char *name)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        if (strcmp(lies[i].name, name) == 0)
            return &lies[i];
    }
    return NULL;
}

/* Asks the real KDC. */
static bool
hand_on(struct liar *l, int *upstream, const char *address, const krb5_data *request, bool flip, krb5_data *reply_out)
{
    if (*upstream < 0)
        *upstream = dial(address);
    write_message(*upstream, request);
    if (!read_message(*upstream, reply_out))
        return false;
    if (flip)
        return damage(reply_out);
    liar_capture(l, reply_out);
    return true;
}

static void
serve(struct liar *l, int fd, const char *address, const char *directory)
{
    int upstream = -1;
    krb5_data request = { 0 };
    long good = 0; /* replies, before the damage */
    char line[64];

    while (read_message(fd, &request)) {
        const struct lie *lie;
        krb5_data *own = NULL, reply = { 0 };
        bool flip;

        read_lie(directory, line, sizeof(line));
        flip = strncmp(line, "flip ", 5) == 0;
        if (flip && upstream < 0) {
            srandom((unsigned)atoi(line + 5));
            good = random() % 3;
        }
        lie = find_lie(line);
        if (lie != NULL)
            own = request.data[0] == 0x6a ? liar_as_reply(l, lie, &request) : liar_tgs_reply(l, lie, &request);
        if (own != NULL)
            write_message(fd, own);
        else if (!hand_on(l, &upstream, address, &request, flip && good-- <= 0, &reply))
            break;
        if (own == NULL && strcmp(line, "spoil") == 0)
            spoil(&reply);
        if (own == NULL)
            write_message(fd, &reply);
        krb5_free_data(l->ctx, own);
        free(reply.data);
        free(request.data);
    }
}

/* The newest AES256 key of the computer's host/ name. */
static void
read_key(struct liar *l, const char *keytab_name)
{
    krb5_keytab keytab;
    krb5_keytab_entry e;
    krb5_principal host;

    require(krb5_parse_name(l->ctx, "host/ws1.corp.test@CORP.TEST", &host) == 0 &&
                krb5_kt_resolve(l->ctx, keytab_name, &keytab) == 0 &&
                krb5_kt_get_entry(l->ctx, keytab, host, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &e) == 0,
            "no key of the computer");
    l->computer_key = e.key;
    l->kvno = e.vno;
    krb5_free_principal(l->ctx, host);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(88) };
    static struct liar l;
    static char captured[256];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    require(argc == 6, "usage: liarkdc KEYTAB ALICE-SID BOB-SID UPSTREAM DIRECTORY");
    (void)signal(SIGCHLD, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(captured, sizeof(captured), "%s/captured", argv[5]);
    l.captured = captured;
    l.alice_sid = argv[2];
    l.bob_sid = argv[3];
    require(krb5_init_context(&l.ctx) == 0, "context");
    read_key(&l, argv[1]);
    require(krb5_c_make_random_key(l.ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &l.tgs_key) == 0 &&
                krb5_c_make_random_key(l.ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &l.other_key) == 0,
            "keys");
    require(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                bind(listener, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 64) == 0,
            "listen");
    printf("ready\n");
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0 && fork() == 0) {
            serve(&l, fd, argv[4], argv[5]);
            _exit(0);
        }
        (void)close(fd);
    }
}
