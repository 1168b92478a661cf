#include "tests/unit/netlogon_fixture.h"

#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"
#include "lib/rpc/epm.h"

#define MAPPER_PORT 135

bool
netlogon_own_network(void)
{
    struct ifreq lo = { .ifr_flags = IFF_UP };
    int fd;
    bool up;

    if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    (void)snprintf(lo.ifr_name, sizeof(lo.ifr_name), "lo");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    if (fd >= 0)
        (void)close(fd);
    return up;
}

static void
require(bool holds, const char *what)
{
    if (!holds)
        err(99, "%s", what);
}

/* An endpoint mapper: where its controller's Netlogon is. */
struct mapper {
    struct netlogon_world *world;
    unsigned house;
    uint16_t port;
};
static struct mapper mappers[HOUSES];

static void
put_u16_be(struct writer *w, uint16_t v)
{
    writer_u8(w, (uint8_t)(v >> 8));
    writer_u8(w, (uint8_t)v);
}

static void
put_syntax(struct writer *w, const struct pdu_syntax *s)
{
    writer_u16(w, 19);
    writer_u8(w, 0x0d);
    writer_bytes(w, s->uuid, sizeof(s->uuid));
    writer_u16(w, s->major);
    writer_u16(w, 2);
    writer_u16(w, s->minor);
}

static void
put_protocol(struct writer *w, uint8_t protocol, uint16_t n)
{
    writer_u16(w, 1);
    writer_u8(w, protocol);
    writer_u16(w, n);
}

/* ept_map's answer with one tower (C706 appendix L). */
static void
answer_map(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out)
{
    const struct mapper *m = arg;
    uint8_t bytes[128];
    struct writer tower = writer_init(bytes, sizeof(bytes));

    (void)in;
    require(opnum == 3 && len > 0, "ept_map");
    writer_u16(&tower, 5);
    put_syntax(&tower, &netlogon_interface);
    put_syntax(&tower, &pdu_ndr32);
    put_protocol(&tower, 0x0b, 2);
    writer_u16(&tower, 0);
    put_protocol(&tower, 0x07, 2);
    put_u16_be(&tower, m->port);
    put_protocol(&tower, 0x09, 4);
    writer_u32(&tower, 0);
    for (int i = 0; i < 5; i++)
        writer_u32(out, 0);
    writer_u32(out, 1);
    writer_u32(out, 1);
    writer_u32(out, 0);
    writer_u32(out, 1);
    writer_u32(out, 3);
    writer_u32(out, (uint32_t)tower.len);
    writer_u32(out, (uint32_t)tower.len);
    writer_bytes(out, bytes, tower.len);
    while (out->len % 4 != 0)
        writer_u8(out, 0);
    writer_u32(out, 0);
}

static void
spoil_map(void *arg, struct fake_fragment *fragment)
{
    const struct mapper *m = arg;
    enum controller_spoil spoil = m->world->mapper_spoil[m->house];

    m->world->mapped[m->house] += fragment->number == 0;
    if (spoil == SPOIL_NOTHING || fragment->number != m->world->mapper_spoil_at[m->house])
        return;
    fragment->len = 0;
    fragment->hang_up = spoil == SPOIL_HANG_UP;
}

static void
address_of(unsigned house, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + house);
    memset(out, 0, sizeof(*out));
    memcpy(out, &a, sizeof(a));
}

static void
start_controller(struct netlogon_fixture *f, unsigned house)
{
    struct controller *dc = &f->world->dc[house];
    struct sockaddr_in bound;

    f->server[house] =
        (struct fake_rpc){ .key = dc->key, .answer = controller_answer, .spoil = controller_spoil, .arg = dc };
    address_of(house, 0, &f->server[house].address);
    fake_rpc_start(&f->server[house]);
    memcpy(&bound, &f->server[house].address, sizeof(bound));
    mappers[house] = (struct mapper){ f->world, house, ntohs(bound.sin_port) };
    f->mapper[house] = (struct fake_rpc){ .answer = answer_map, .spoil = spoil_map, .arg = &mappers[house] };
    address_of(house, MAPPER_PORT, &f->mapper[house].address);
    fake_rpc_start(&f->mapper[house]);
}

/* front: the first controller, or to who cannot use that one the other, if there is one. */
static void
answer_need_dc(struct netlogon_world *w, int fd)
{
    struct ipc_dc dc = { .err = ERR_OK, .host = "dc1.corp.test", .netbios = "CORP" };
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(fd, packet, sizeof(packet), fds, 0);
    struct writer out = writer_init(packet, sizeof(packet));
    struct ipc_need_dc m;

    if (len <= 0)
        _exit(0);
    require(ipc_get_need_dc(packet, (size_t)len, &m), "IPC_NEED_DC");
    w->needed++;
    dc.request = m.request;
    (void)snprintf(dc.address, sizeof(dc.address), "127.0.0.%u", w->first + 1);
    if (!w->alone && strcmp(m.avoid, dc.address) == 0)
        (void)snprintf(dc.address, sizeof(dc.address), "127.0.0.%u", HOUSES - w->first);
    ipc_put_dc(&out, &dc);
    require(channel_send(fd, packet, out.len, NULL, 0, true), "IPC_DC");
}

/* keeper: the machine secret, or that there is neither that nor a keytab. */
static void
answer_get_secret(struct netlogon_world *w, int fd)
{
    struct machine_secret *s = machine_secret_new();
    uint8_t packet[64], bytes[MACHINE_SECRET_FILE_MAX];
    struct writer out = writer_init(packet, sizeof(packet));
    int memfd = -1;
    size_t n;

    require(s != NULL, "memory");
    w->read++;
    (void)snprintf(s->domain, sizeof(s->domain), "corp.test");
    (void)snprintf(s->realm, sizeof(s->realm), "CORP.TEST");
    (void)snprintf(s->account, sizeof(s->account), "WS1$");
    for (unsigned i = MACHINE_CURRENT; i <= MACHINE_SLOTS; i++)
        (void)snprintf(s->slots[i].text, sizeof(s->slots[i].text), "%s", w->secrets[i]);
    n = machine_secret_encode(s, bytes, sizeof(bytes));
    if (n > 0)
        memfd = sealed_new("secret", bytes, n);
    if (memfd >= 0)
        ipc_put_empty(&out, IPC_MACHINE_SECRET);
    else
        ipc_put_number(&out, IPC_KEYTAB, 2);
    require(channel_send(fd, packet, out.len, &memfd, memfd >= 0 ? 1 : 0, true), "the secret");
    if (memfd >= 0)
        (void)close(memfd);
    machine_secret_free(s);
}

static void
hear_netlogon(struct netlogon_world *w, int fd)
{
    uint8_t packet[1024];
    int fds[CHANNEL_FDS_MAX];
    ssize_t len = channel_recv(fd, packet, sizeof(packet), fds, 0);

    if (len <= 0)
        _exit(0);
    if (ipc_get_empty(packet, (size_t)len, IPC_GET_SECRET))
        answer_get_secret(w, fd);
    else if (ipc_type(packet, (size_t)len) == IPC_ROTATE_HOLDS)
        require(ipc_get_rotate_holds(packet, (size_t)len, &w->holds), "IPC_ROTATE_HOLDS");
    else
        require(ipc_get_rotate_end(packet, (size_t)len, &w->ended), "IPC_ROTATE_END");
}

static _Noreturn void
keep_house(struct netlogon_world *w, int front, int keeper)
{
    struct pollfd p[] = { { .fd = front, .events = POLLIN }, { .fd = keeper, .events = POLLIN } };

    for (;;) {
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[0].revents != 0)
            answer_need_dc(w, front);
        if (p[1].revents != 0)
            hear_netlogon(w, keeper);
    }
}

static void
start_house(struct netlogon_fixture *f)
{
    int front[2], keeper[2];
    pid_t parent = getpid();

    /* Its place is taken until it comes. */
    require(dup2(STDERR_FILENO, FD_KEEPER) == FD_KEEPER && channel_pair(front) && channel_pair(keeper), "channels");
    f->house = fork();
    require(f->house >= 0, "fork");
    if (f->house == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        (void)close(front[0]);
        (void)close(keeper[0]);
        keep_house(f->world, front[1], keeper[1]);
    }
    (void)close(front[1]);
    (void)close(keeper[1]);
    f->n->front = front[0];
    require(dup2(keeper[0], FD_KEEPER) == FD_KEEPER, "dup2");
    (void)close(keeper[0]);
}

static void
complain(void *arg, const char *message)
{
    (void)arg;
    errx(99, "%s", message);
}

int
netlogon_setup(void **state)
{
    static const char text[] = "[domain]\nname = corp.test\ntimeout = 20s\n";
    struct netlogon_fixture *f = calloc(1, sizeof(*f));

    require(f != NULL, "calloc");
    f->world = mmap(NULL, sizeof(*f->world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(f->world != MAP_FAILED, "mmap");
    (void)snprintf(f->world->secrets[MACHINE_CURRENT], sizeof(f->world->secrets[0]), CONTROLLER_PASSWORD);
    f->mem = talloc_new(NULL);
    f->n = talloc_zero(f->mem, struct netlogon_role);
    f->n->config = config_parse_as(f->n, text, sizeof(text) - 1, "c", "ws1", complain, NULL);
    f->n->keys = secret_new(sizeof(*f->n->keys));
    f->n->rotate_set = -1;
    require(f->n->config != NULL && f->n->keys != NULL, "memory");
    for (unsigned i = 0; i < HOUSES; i++)
        start_controller(f, i);
    start_house(f);
    *state = f;
    return 0;
}

static void
end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

int
netlogon_teardown(void **state)
{
    struct netlogon_fixture *f = *state;

    netlogon_drop(f->n);
    secret_free(f->n->keys, sizeof(*f->n->keys));
    (void)close(f->n->front);
    end(f->house);
    for (unsigned i = 0; i < HOUSES; i++) {
        fake_rpc_stop(&f->server[i]);
        fake_rpc_stop(&f->mapper[i]);
    }
    talloc_free(f->mem);
    (void)munmap(f->world, sizeof(*f->world));
    free(f);
    return 0;
}

enum err
netlogon_fixture_pass(struct netlogon_fixture *f, int ms)
{
    struct ipc_pass m = { .job = 7, .deadline = client_now() + ms, .account = "alice" };

    require(nt_hash(CONTROLLER_USER_PASSWORD, m.nt_hash), "nt_hash");
    netlogon_pass(f->n, &m, f->mem, &f->r, &f->info);
    return (enum err)f->r.err;
}
