/* What ipc.c, ipc_rotate.c and ipc_trusts.c put and get alike. */
#ifndef AUTHSOD_DAEMON_IPC_FIELDS_H
#define AUTHSOD_DAEMON_IPC_FIELDS_H

#include "daemon/ipc.h"

/* A reader behind the type; failed if the message is of another type. */
static inline struct reader
open_message(const void *packet, size_t len, enum ipc_type type)
{
    struct reader r = reader_init(packet, len);

    if (reader_u8(&r) != (uint8_t)type)
        reader_fail(&r);
    return r;
}

/* False too, and a failed r, where it is neither 0 nor 1. */
static inline bool
get_bool(struct reader *r)
{
    uint8_t v = reader_u8(r);

    if (v > 1)
        reader_fail(r);
    return v == 1;
}

static inline void
put_sid(struct writer *w, const struct sid *sid)
{
    char text[SID_TEXT_MAX];

    writer_str(w, sid_text(sid, text));
}

#endif
