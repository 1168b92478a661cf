/* The role session: what front says, one after the other, until it lets go. */
#include <stdlib.h>

#include "daemon/channel.h"
#include "daemon/role.h"
#include "daemon/session.h"
#include "lib/base/log.h"

int
session_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    uint8_t packet[512];
    ssize_t n;

    (void)role_begin(mem, ROLE_SESSION);
    for (;;) {
        struct writer w = writer_init(packet, sizeof(packet));
        int fds[CHANNEL_FDS_MAX];
        struct ipc_acted acted;
        struct ipc_act act;

        n = channel_recv(FD_FRONT, packet, sizeof(packet), fds, -1);
        channel_close_fds(fds);
        if (n <= 0 || !ipc_get_act(packet, (size_t)n, &act))
            break;
        session_act(&act, &acted);
        ipc_put_acted(&w, &acted);
        if (!writer_ok(&w) || !channel_send(FD_FRONT, packet, w.len, NULL, 0, true))
            break;
    }
    talloc_free(mem);
    if (n == 0)
        return EXIT_SUCCESS;
    log_error("front broke the protocol or is gone: this process ends");
    return EXIT_FAILURE;
}
