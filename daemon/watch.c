#include "daemon/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

static struct watched *
find(struct watched_cards *w, const uint8_t token[static IPC_TOKEN_BYTES])
{
    for (size_t i = 0; i < w->n; i++) {
        if (memcmp(w->cards[i].token, token, IPC_TOKEN_BYTES) == 0)
            return &w->cards[i];
    }
    return NULL;
}

void
watch_set(struct watched_cards *w, const struct ipc_watch *m)
{
    static struct watched_cards next;

    memset(&next, 0, sizeof(next));
    for (uint32_t i = 0; i < m->n; i++) {
        const struct watched *known = find(w, m->cards[i].token);
        struct watched *card;

        if (find(&next, m->cards[i].token) != NULL)
            continue;
        card = &next.cards[next.n++];
        if (known != NULL)
            *card = *known;
        memcpy(card->token, m->cards[i].token, sizeof(card->token));
        card->gone = m->cards[i].gone;
    }
    *w = next;
}

bool
watch_judge(struct watched *w, const struct cards *c, const struct card_glance *g, struct ipc_card_is *m_out,
            bool *unknown_out)
{
    const char *module = NULL;
    enum card_presence presence = card_presence(c, g, w->token, w->module[0] == '\0' ? NULL : w->module, &module);
    bool was_gone = w->gone;

    switch (presence) {
    case CARD_THERE:
        /* A path that is cut is found in no module, which fails on the side of the session. */
        (void)snprintf(w->module, sizeof(w->module), "%s", module);
        w->absences = 0;
        w->gone = false;
        break;
    case CARD_AWAY:
        if (!w->gone && ++w->absences >= WATCH_ABSENCES) {
            w->absences = 0;
            w->gone = true;
        }
        break;
    case CARD_UNKNOWN:
        w->absences = 0;
        *unknown_out = true;
        break;
    }
    memcpy(m_out->token, w->token, sizeof(m_out->token));
    m_out->there = !w->gone;
    return w->gone != was_gone;
}

struct watcher {
    const struct config *config;
    struct cards *cards;          /* NULL: not open */
    int64_t opened;
    bool unknown;                 /* the last look said nothing of a card, */
    bool gone;                    /* or one is away */
    struct watched_cards watched;
};

/*
 * A module that failed may know more when it begins anew, and some see no reader
 * and no card that came later.  One that has all cards keeps its readers open.
 */
static void
open_modules(struct watcher *w)
{
    int64_t now = client_now();

    if (w->cards != NULL && ((!w->unknown && !w->gone) || now < w->opened + WATCH_REOPEN_MS))
        return;
    card_close(w->cards);
    w->cards = card_open(NULL, w->config->pkcs11_module);
    w->opened = now;
}

static bool
say(const struct writer *w)
{
    return writer_ok(w) && channel_send(FD_FRONT, w->data, w->len, NULL, 0, true);
}

/* False: front is gone. */
static bool
look(struct watcher *w)
{
    static struct card_glance glance;
    uint8_t packet[IPC_TOKEN_BYTES + 16];
    struct writer wr;
    bool unknown = false, ok = true;

    if (w->watched.n == 0)
        return true;
    open_modules(w);
    w->gone = false;
    if (w->cards != NULL)
        card_glance(w->cards, &glance);
    for (size_t i = 0; ok && w->cards != NULL && i < w->watched.n; i++) {
        struct ipc_card_is m;
        bool news = watch_judge(&w->watched.cards[i], w->cards, &glance, &m, &unknown);

        w->gone = w->gone || !m.there;
        if (!news)
            continue;
        wr = writer_init(packet, sizeof(packet));
        ipc_put_card_is(&wr, &m);
        ok = say(&wr);
    }
    if (unknown && !w->unknown)
        log_warning("PKCS#11: a module does not say whether a card is there: it is loaded anew");
    w->unknown = unknown;
    wr = writer_init(packet, sizeof(packet));
    ipc_put_empty(&wr, IPC_WATCHED);
    return ok && say(&wr);
}

bool
watch_serve(const struct config *c)
{
    static struct watcher w;
    static uint8_t packet[PROTO_PACKET_MAX];
    static struct ipc_watch m;
    int64_t next = client_now();
    bool ok = true;
    ssize_t n = -1;

    memset(&w, 0, sizeof(w));
    w.config = c;
    while (ok) {
        int64_t left = next - client_now();
        int fds[CHANNEL_FDS_MAX];

        n = channel_recv(FD_FRONT, packet, sizeof(packet), fds, left > 0 ? (int)left : 0);
        channel_close_fds(fds);
        if (n > 0 && ipc_get_watch(packet, (size_t)n, &m))
            watch_set(&w.watched, &m);
        else if (n >= 0 || errno != EAGAIN)
            break;
        if (client_now() >= next) {
            ok = look(&w);
            next = client_now() + WATCH_EVERY_MS;
        }
    }
    card_close(w.cards);
    /* front lets a watcher go by closing the channel; then it cannot be told anything either. */
    if (!ok || n == 0)
        return true;
    log_error("front broke the protocol: this watcher ends");
    return false;
}

int
watch_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    bool ok = watch_serve(role_begin(mem, ROLE_WATCH));

    talloc_free(mem);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
