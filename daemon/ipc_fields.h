/* What the codecs of messages put and get alike. */
#ifndef AUTHSOD_DAEMON_IPC_FIELDS_H
#define AUTHSOD_DAEMON_IPC_FIELDS_H

#include <string.h>

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

static inline void
get_sid(struct reader *r, struct sid *sid_out)
{
    char text[SID_TEXT_MAX];

    memset(sid_out, 0, sizeof(*sid_out));
    if (reader_str_copy(r, text, sizeof(text)) && !sid_parse(text, sid_out))
        reader_fail(r);
}

static inline void
put_reason(struct writer *w, const struct ipc_reason *why)
{
    writer_u32(w, why->err);
    writer_str(w, why->value);
    writer_str(w, why->text);
}

static inline void
get_reason(struct reader *r, struct ipc_reason *why_out)
{
    memset(why_out, 0, sizeof(*why_out));
    why_out->err = reader_u32(r);
    reader_str_copy(r, why_out->value, sizeof(why_out->value));
    reader_str_copy(r, why_out->text, sizeof(why_out->text));
}

static inline void
put_blob(struct writer *w, const void *p, size_t n)
{
    writer_u32(w, (uint32_t)n);
    writer_bytes(w, p, n);
}

static inline const uint8_t *
get_blob(struct reader *r, size_t *n_out)
{
    uint32_t n = reader_u32(r);
    const uint8_t *p = reader_bytes(r, n);

    *n_out = p == NULL ? 0 : n;
    return p;
}

/* As many as there must be. */
static inline void
get_bytes(struct reader *r, uint8_t *out, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);

    if (p != NULL)
        memcpy(out, p, n);
}

#endif
