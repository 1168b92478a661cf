/*
 * Questions to directory.  While that waits for the domain, its channel fills:
 * what does not fit waits here, a logon's questions ahead of lookups.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/front.h"

struct letter {
    struct letter *next;
    bool urgent;
    size_t len;
    uint8_t packet[];
};

bool
front_ask(struct front *f, const struct writer *packet, bool urgent)
{
    struct letter **at = &f->outbox, *l;

    if (f->directory.fd < 0 || !writer_ok(packet))
        return false;
    if (f->outbox == NULL) {
        if (front_send(&f->directory, packet, NULL, 0))
            return true;
        if (errno != EAGAIN || !front_watch(f, &f->directory, EPOLLIN | EPOLLOUT))
            return false;
    }
    if (packet->len > FRONT_OUTBOX_MAX - f->outbox_size)
        return false;
    l = talloc_size(f, sizeof(*l) + packet->len);
    if (l == NULL)
        return false;
    l->urgent = urgent;
    l->len = packet->len;
    memcpy(l->packet, packet->data, packet->len);
    while (*at != NULL && ((*at)->urgent || !urgent))
        at = &(*at)->next;
    l->next = *at;
    *at = l;
    f->outbox_size += l->len;
    return true;
}

static void
drop_first(struct front *f)
{
    struct letter *l = f->outbox;

    f->outbox = l->next;
    f->outbox_size -= l->len;
    talloc_free(l);
}

void
front_outbox_flush(struct front *f)
{
    while (f->outbox != NULL) {
        if (!channel_send(f->directory.fd, f->outbox->packet, f->outbox->len, NULL, 0, false))
            return;
        drop_first(f);
    }
    (void)front_watch(f, &f->directory, EPOLLIN);
}

void
front_outbox_clear(struct front *f)
{
    while (f->outbox != NULL)
        drop_first(f);
}
