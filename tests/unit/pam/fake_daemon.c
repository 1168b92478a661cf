#include "tests/unit/pam/fake_daemon.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/proto/client.h"
#include "lib/proto/proto.h"

#define PATIENCE_MS 20000 /* for a module that does not come or hangs: ends the test, is never waited for */

struct play {
    const struct script *script;
    size_t line;
    pid_t module;         /* the process that calls it */
    int listener;
    int fd;               /* the present conversation; -1 */
    uint8_t packet[PROTO_PACKET_MAX];
    size_t len;
};

/* The line that the play has reached, seen by both processes. */
static _Atomic size_t *reached;

static void fail(const struct play *p, const char *what) __attribute__((noreturn));

static void
fail(const struct play *p, const char *what)
{
    fprintf(stderr, "line %u: the daemon's side: %s\n", p->script->numbers[p->line], what);
    *reached = SIZE_MAX;
    _exit(1);
}

int
fake_daemon_listen(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)unlink(CLIENT_PATH_PAM);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", CLIENT_PATH_PAM);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 8) != 0)
        err(1, "%s", CLIENT_PATH_PAM);
    return fd;
}

/* Waits until fd is readable; what has not come when the call has returned (standard input ends) never will. */
static void
await(const struct play *p, int fd)
{
    struct pollfd wait[] = { { .fd = fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };

    if (poll(wait, 2, PATIENCE_MS) <= 0)
        fail(p, "the call hangs");
    if (wait[0].revents == 0 && poll(wait, 1, 0) != 1)
        fail(p, "nothing came");
}

static void
receive(struct play *p)
{
    ssize_t n;

    if (p->fd < 0)
        fail(p, "there is no conversation");
    await(p, p->fd);
    n = recv(p->fd, p->packet, sizeof(p->packet), 0);
    p->len = n > 0 ? (size_t)n : 0;
}

static void
send_packet(struct play *p, const void *packet, size_t len)
{
    if (p->fd < 0)
        fail(p, "there is no conversation");
    /* The module may have left; what it makes of that is checked on its own side. */
    if (send(p->fd, packet, len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        fail(p, strerror(errno));
}

static void
send_writer(struct play *p, const struct writer *w)
{
    if (!writer_ok(w))
        fail(p, "the packet is too long");
    send_packet(p, w->data, w->len);
}

static void
hang_up(struct play *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

/* The next conversation begins: the one before must be over. */
static void
accept_next(struct play *p)
{
    hang_up(p);
    await(p, p->listener);
    p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (p->fd < 0)
        fail(p, strerror(errno));
}

/* The rest of the line is "field=value" words; "user=" wants it empty, "handle=-" none. */
static void
expect_field(const struct play *p, const struct proto_begin *b, const char *field, const char *value)
{
    const struct {
        const char *name;
        const char *value;
    } strings[] = {
        { "user", b->user }, { "service", b->service }, { "tty", b->tty },
        { "rhost", b->rhost }, { "ruser", b->ruser }, { "ccname", b->ccname },
    };
    static const char *const cards[] = { "default", "never", "try", "require", "only" };
    char handle[3] = "-";

    if (strcmp(field, "card") == 0) {
        if (strcmp(cards[b->card], value) != 0)
            fail(p, "something else about cards in BEGIN");
        return;
    }
    if (b->has_handle)
        (void)snprintf(handle, sizeof(handle), "%02x", b->handle[0]);
    if (strcmp(field, "handle") == 0) {
        if (strcmp(handle, value) != 0)
            fail(p, "another handle");
        return;
    }
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (strcmp(strings[i].name, field) != 0)
            continue;
        if (strcmp(strings[i].value, value) == 0)
            return;
        fprintf(stderr, "%s is \"%s\"\n", field, strings[i].value);
        fail(p, "another value in BEGIN");
    }
    fail(p, "no such field of BEGIN");
}

static void
expect_begin(struct play *p, char *rest)
{
    struct proto_begin b;
    char *word;

    accept_next(p);
    receive(p);
    if (!proto_get_begin(p->packet, p->len, &b))
        fail(p, "no BEGIN came");
    if (b.pid != (uint32_t)p->module || b.parent == 0)
        fail(p, "another process in BEGIN");
    word = script_word(&rest);
    if (word == NULL || (unsigned)b.operation != script_operation(word))
        fail(p, "another operation in BEGIN");
    for (word = script_word(&rest); word != NULL; word = script_word(&rest)) {
        char *field = strsep(&word, "=");

        expect_field(p, &b, field, word != NULL ? word : "");
    }
}

static void
expect_answer(struct play *p, const char *rest)
{
    const char *secret;
    size_t n;

    receive(p);
    if (!proto_get_answer(p->packet, p->len, &secret, &n))
        fail(p, "no ANSWER came");
    if (strncmp(rest, "bytes=", 6) == 0) {
        if (n != strtoul(rest + 6, NULL, 10))
            fail(p, "an ANSWER of another length came");
    } else if (n != strlen(rest) || memcmp(secret, rest, n) != 0) {
        fail(p, "another ANSWER came");
    }
}

static void
expect(struct play *p, char *line)
{
    char *rest;

    rest = script_after(line, "BEGIN");
    if (rest != NULL) {
        expect_begin(p, rest);
        return;
    }
    rest = script_after(line, "ANSWER");
    if (rest != NULL) {
        expect_answer(p, rest);
        return;
    }
    receive(p);
    if (strcmp(line, "CANCEL") == 0) {
        if (p->len != 2 || proto_peek(p->packet, p->len) != PROTO_CANCEL)
            fail(p, "no CANCEL came");
    } else if (strcmp(line, "END") == 0) {
        if (p->len != 0)
            fail(p, "the module has not hung up");
    } else {
        fail(p, "no such thing to receive");
    }
}

static void
take_values(unsigned *n_out, char (*values)[256], char *rest)
{
    char *word;

    *n_out = 0;
    for (word = script_word(&rest); word != NULL && *n_out < PROTO_VALUES_MAX; word = script_word(&rest))
        (void)snprintf(values[(*n_out)++], 256, "%s", word);
}

static void
send_order(struct play *p, const char *verb, char *rest)
{
    struct proto_order o = { .type = PROTO_ASK };
    struct writer w = writer_init(p->packet, sizeof(p->packet));
    const char *first = script_word(&rest);
    const char *second = script_word(&rest);

    if (first == NULL || second == NULL)
        fail(p, "words are missing");
    if (strcmp(verb, "ASK") == 0) {
        o.how = strcmp(first, "secret") == 0   ? PROTO_HOW_SECRET
                : strcmp(first, "choice") == 0 ? PROTO_HOW_CHOICE
                                               : PROTO_HOW_TEXT;
        o.code = script_prompt(second);
    } else if (strcmp(verb, "SAY") == 0) {
        o.type = PROTO_SAY;
        o.is_error = strcmp(first, "error") == 0;
        o.code = o.is_error ? script_error(second) : script_notice(second);
    } else {
        o.type = PROTO_SET;
        o.what = strcmp(first, "ccname") == 0 ? PROTO_SET_KRB5CCNAME
                 : strcmp(first, "user") == 0 ? PROTO_SET_USER
                 : strcmp(first, "ntlm") == 0 ? PROTO_SET_NTLM_FILE
                                              : (enum proto_set)99;
        (void)snprintf(o.text, sizeof(o.text), "%s", second);
    }
    take_values(&o.n_values, o.values, rest);
    proto_put_order(&w, &o);
    send_writer(p, &w);
}

static void
send_wait(struct play *p)
{
    const struct proto_order o = { .type = PROTO_WAIT };
    struct writer w = writer_init(p->packet, sizeof(p->packet));

    proto_put_order(&w, &o);
    send_writer(p, &w);
}

static void
send_done(struct play *p, char *rest)
{
    struct proto_done d = { .uid = UINT32_MAX, .sid = "S-1-5-21-1-2-3-1104" };
    struct writer w = writer_init(p->packet, sizeof(p->packet));
    char *word = script_word(&rest);

    if (word == NULL)
        fail(p, "words are missing");
    d.err = (enum err)script_error(word);
    while (rest != NULL && strncmp(rest, "uid=", 4) != 0 && *rest == ' ')
        rest++;
    if (rest != NULL && strncmp(rest, "uid=", 4) == 0)
        d.uid = (uint32_t)strtoul(script_word(&rest) + 4, NULL, 10);
    if (rest != NULL && strncmp(rest, "handle=", 7) == 0) {
        d.has_handle = true;
        memset(d.handle, (int)strtoul(script_word(&rest) + 7, NULL, 16), sizeof(d.handle));
    }
    take_values(&d.n_values, d.values, rest);
    proto_put_done(&w, &d);
    send_writer(p, &w);
}

static void
send_raw(struct play *p, char *rest)
{
    uint8_t bytes[64];
    size_t n = 0;
    char *word;

    for (word = script_word(&rest); word != NULL && n < sizeof(bytes); word = script_word(&rest))
        bytes[n++] = (uint8_t)strtoul(word, NULL, 16);
    send_packet(p, bytes, n);
}

/* n bytes that begin like a SAY. */
static void
send_long(struct play *p, size_t n)
{
    memset(p->packet, 'x', sizeof(p->packet));
    p->packet[0] = PROTO_VERSION;
    p->packet[1] = PROTO_SAY;
    send_packet(p, p->packet, n < sizeof(p->packet) ? n : sizeof(p->packet));
}

/* Everything that a daemon does to the module, in words. */
static void
act(struct play *p, char *line)
{
    char *rest = line;
    const char *verb = script_word(&rest);
    unsigned long times = 1;
    struct timespec pause = { 0 };
    char copy[SCRIPT_LINE_MAX];

    if (verb != NULL && strcmp(verb, "TIMES") == 0) {
        times = strtoul(script_word(&rest), NULL, 10);
        verb = script_word(&rest);
    }
    if (verb == NULL)
        fail(p, "words are missing");
    for (unsigned long i = 0; i < times; i++) {
        (void)snprintf(copy, sizeof(copy), "%s", rest != NULL ? rest : "");
        if (strcmp(verb, "ASK") == 0 || strcmp(verb, "SAY") == 0 || strcmp(verb, "SET") == 0)
            send_order(p, verb, copy);
        else if (strcmp(verb, "WAIT") == 0)
            send_wait(p);
        else if (strcmp(verb, "DONE") == 0)
            send_done(p, copy);
        else if (strcmp(verb, "RAW") == 0)
            send_raw(p, copy);
        else if (strcmp(verb, "LONG") == 0)
            send_long(p, strtoul(copy, NULL, 10));
        else if (strcmp(verb, "ACCEPT") == 0)
            accept_next(p); /* and answers what it has not read */
        else if (strcmp(verb, "HANGUP") == 0)
            hang_up(p);
        else if (strcmp(verb, "TAKES") == 0) {
            pause.tv_nsec = atol(copy) * 1000000;
            (void)nanosleep(&pause, NULL);
        }
        else
            fail(p, "no such thing to send");
    }
}

/* The same by another process that holds the connection, as a logon worker does. */
static void
act_by_another(struct play *p, char *line)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        act(p, line);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        fail(p, "the worker");
}

static void
play_all(struct play *p, size_t last)
{
    struct pollfd late = { .fd = p->listener, .events = POLLIN };
    char line[SCRIPT_LINE_MAX];
    char *rest;

    for (; p->line < last; p->line++) {
        *reached = p->line;
        script_line(p->script, p->line, line);
        rest = script_after(line, "<");
        if (rest != NULL)
            expect(p, rest);
        rest = script_after(line, ">");
        if (rest != NULL)
            act(p, rest);
        rest = script_after(line, "worker>");
        if (rest != NULL)
            act_by_another(p, rest);
    }
    *reached = SIZE_MAX;
    p->line = last - 1;
    await(p, STDIN_FILENO);
    if (poll(&late, 1, 0) != 0)
        fail(p, "the module connected though it should not");
    _exit(0);
}

/* The end of this pipe that the test holds: closed when the call has returned. */
static int returned = -1;

pid_t
fake_daemon_start(const struct script *s, size_t first, size_t last, int listener)
{
    static struct play p;
    int ends[2];
    pid_t pid;

    if (reached == NULL)
        reached = mmap(NULL, sizeof(*reached), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (reached == MAP_FAILED || pipe(ends) != 0)
        err(1, "mmap or pipe");
    *reached = first;
    memset(&p, 0, sizeof(p));
    p.script = s;
    p.line = first;
    p.listener = listener;
    p.fd = -1;
    p.module = getpid();
    pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        (void)dup2(ends[0], STDIN_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        play_all(&p, last);
    }
    (void)close(ends[0]);
    returned = ends[1];
    return pid;
}

void
fake_daemon_await(size_t line)
{
    int64_t until = client_now() + PATIENCE_MS;
    struct timespec pause = { .tv_nsec = 1000000 };

    while (*reached < line && client_now() < until)
        (void)nanosleep(&pause, NULL);
}

bool
fake_daemon_end(pid_t pid)
{
    int status;

    (void)close(returned);
    returned = -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            err(1, "waitpid");
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
