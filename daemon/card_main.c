/* The role card: one look or one logon at a time, as front says. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/card_worker.h"
#include "lib/base/log.h"

/* False: front is gone. */
static bool
look(const struct config *c, struct reasons *r, uint32_t job)
{
    static uint8_t packet[PROTO_PACKET_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_cards m;

    log_set_logon(job);
    card_look_for(c, r, &m);
    m.job = job;
    ipc_put_cards(&w, &m);
    log_set_logon(0);
    return writer_ok(&w) && channel_send(FD_FRONT, packet, w.len, NULL, 0, true);
}

/* One message. False: it is none of front's, or front is gone. */
static bool
serve(struct config *c, struct reasons *r, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_job m;
    uint32_t job;

    if (ipc_type(packet, len) == IPC_LOOK)
        return ipc_get_number(packet, len, IPC_LOOK, &job) && look(c, r, job);
    if (!ipc_get_job(packet, len, &m) || !m.with_card || (fds[0] < 0 && !m.pin_pad))
        return false;
    logon_run(&logon_by_card, c, &m, channel_take_fd(fds));
    return true;
}

bool
card_serve(struct config *c)
{
    struct reasons *r = reasons_new(c);
    uint8_t packet[2 * PROTO_TEXT_MAX];
    ssize_t n = -1;
    bool ok = r != NULL;

    while (ok) {
        int fds[CHANNEL_FDS_MAX];

        n = channel_recv(FD_FRONT, packet, sizeof(packet), fds, -1);
        /* front lets a worker go by closing the channel. */
        ok = n > 0 && serve(c, r, packet, (size_t)n, fds);
        channel_close_fds(fds);
    }
    if (n == 0)
        return true;
    log_error("front broke the protocol or is gone: this worker ends");
    return false;
}

int
card_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = role_begin(mem, ROLE_CARD);
    bool ok = card_serve(c);

    talloc_free(mem);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
