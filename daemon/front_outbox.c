/*
 * Questions to directory.  While that waits for the domain, its channel fills:
 * what does not fit waits here, a logon's questions ahead of lookups.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/front.h"
#include "lib/base/log.h"

struct letter {
    struct letter *next;
    size_t len;
    uint8_t packet[];
};

static bool
is_empty(const struct front *f)
{
    return f->outbox[0].first == NULL && f->outbox[1].first == NULL;
}

bool
front_ask(struct front *f, const struct writer *packet, bool urgent)
{
    struct outbox *box = &f->outbox[urgent ? 0 : 1];
    struct letter *l;

    if (f->directory.fd < 0 || !writer_ok(packet))
        return false;
    if (is_empty(f)) {
        if (front_send(&f->directory, packet, NULL, 0))
            return true;
        if (errno != EAGAIN || !front_watch(f, &f->directory, EPOLLIN | EPOLLOUT))
            return false;
    }
    if (packet->len > FRONT_OUTBOX_MAX - box->size)
        return false;
    l = talloc_size(f, sizeof(*l) + packet->len);
    if (l == NULL)
        return false;
    l->next = NULL;
    l->len = packet->len;
    memcpy(l->packet, packet->data, packet->len);
    if (box->first == NULL)
        box->first = l;
    else
        box->last->next = l;
    box->last = l;
    box->size += l->len;
    return true;
}

static void
drop_first(struct outbox *box)
{
    struct letter *l = box->first;

    box->first = l->next;
    box->size -= l->len;
    talloc_free(l);
}

void
front_outbox_flush(struct front *f)
{
    while (!is_empty(f)) {
        struct outbox *box = &f->outbox[f->outbox[0].first != NULL ? 0 : 1];

        if (!channel_send(f->directory.fd, box->first->packet, box->first->len, NULL, 0, false)) {
            if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
                return;
            log_error("a question to directory cannot be sent: %s", strerror(errno));
        }
        drop_first(box);
    }
    (void)front_watch(f, &f->directory, EPOLLIN);
}

void
front_outbox_clear(struct front *f)
{
    for (size_t i = 0; i < 2; i++) {
        while (f->outbox[i].first != NULL)
            drop_first(&f->outbox[i]);
    }
}
