/* keeper's own socket: what root may ask of the running service (lib/proto/control.h). One at a time. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define BACKLOG 8
#define REQUEST_MS 5000 /* for who has connected to say what he wants */

void
keeper_control_begin(struct keeper *k)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = CONTROL_PATH };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0177);
    bool ok = fd >= 0 && (unlink(CONTROL_PATH) == 0 || errno == ENOENT) &&
              bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0;

    (void)umask(mask);
    if (ok) {
        k->control_fd = fd;
        return;
    }
    log_error("cannot listen at " CONTROL_PATH ": %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

void
keeper_control_end(struct keeper *k)
{
    if (k->control_client >= 0)
        (void)close(k->control_client);
    k->control_client = -1;
    if (k->control_fd < 0)
        return;
    (void)close(k->control_fd);
    k->control_fd = -1;
    (void)unlink(CONTROL_PATH);
}

static void
send_answer(int fd, enum control_kind kind, uint32_t number, const char *text)
{
    uint8_t packet[CONTROL_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));

    control_put_answer(&w, kind, number, text);
    (void)channel_send(fd, packet, w.len, NULL, 0, false);
}

void
keeper_control_say(struct keeper *k, enum control_kind kind, uint32_t number, const char *text)
{
    if (k->control_client < 0)
        return;
    send_answer(k->control_client, kind, number, text);
    if (kind == CONTROL_STEP)
        return;
    (void)close(k->control_client);
    k->control_client = -1;
    k->control_asked = false;
}

/* The socket's mode keeps all but root out; this is for whoever was handed a descriptor. */
static bool
is_of_root(int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == 0;
}

static void
take_client(struct keeper *k)
{
    int fd = accept4(k->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (is_of_root(fd) && k->control_client < 0) {
        k->control_client = fd;
        k->control_asked = false;
        k->control_until = client_now() + REQUEST_MS;
        return;
    }
    send_answer(fd, CONTROL_FAILED, CONTROL_BUSY, "another request is under way");
    (void)close(fd);
}

/* Its request, its end, or what it should not say. */
static void
hear_client(struct keeper *k)
{
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(k->control_client, packet, sizeof(packet), fds, 0);
    enum control_request what;

    channel_close_fds(fds);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0 && !k->control_asked && control_get_request(packet, (size_t)n, &what)) {
        k->control_asked = true;
        return;
    }
    (void)close(k->control_client);
    k->control_client = -1;
    k->control_asked = false;
}

void
keeper_control_turn(struct keeper *k, bool listening_ready, bool client_ready)
{
    if (client_ready && k->control_client >= 0)
        hear_client(k);
    if (k->control_client >= 0 && !k->control_asked && client_now() >= k->control_until) {
        (void)close(k->control_client);
        k->control_client = -1;
    }
    if (listening_ready && k->control_fd >= 0)
        take_client(k);
}
