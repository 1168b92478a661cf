/* Which certificate somebody logged on with last: front says it, the store keeps it, front hears it when it begins. */
#include <errno.h>
#include <string.h>

#include "daemon/directory.h"
#include "lib/base/log.h"

_Static_assert(STORE_CARDS_MAX <= IPC_LAST_CARDS_MAX && STORE_HASH_BYTES == IPC_HASH_BYTES &&
                   STORE_ANYBODY == IPC_ANYBODY,
               "what the store has fits the message");

/* Where the store cannot be written, which it says itself, nothing is lost but this. */
bool
dir_on_last_card(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_last_card m;
    struct store_card c;

    (void)fds;
    if (!ipc_get_last_card(packet, len, &m))
        return false;
    c.uid = m.uid;
    memcpy(c.hash, m.hash, sizeof(c.hash));
    (void)store_put_card(d->store, &c);
    return true;
}

void
dir_cards_tell(struct dir *d)
{
    static struct ipc_last_cards m;
    struct store_card cards[STORE_CARDS_MAX];
    uint8_t packet[16 + IPC_LAST_CARDS_MAX * sizeof(m.cards[0])];
    struct writer w = writer_init(packet, sizeof(packet));

    m.n = (uint32_t)store_cards(d->store, cards);
    if (d->front < 0 || m.n == 0)
        return;
    for (uint32_t i = 0; i < m.n; i++) {
        m.cards[i].uid = cards[i].uid;
        memcpy(m.cards[i].hash, cards[i].hash, sizeof(m.cards[i].hash));
    }
    ipc_put_last_cards(&w, &m);
    /* At the start there is no front yet: it comes with a channel of its own, and hears it then. */
    if (!writer_ok(&w) || !channel_send(d->front, packet, w.len, NULL, 0, false))
        log_debug("front does not hear which cards were used last: %s", strerror(errno));
}
