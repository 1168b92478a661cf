#include "lib/proto/control.h"

#include <string.h>

void
control_put_request(struct writer *w, enum control_request what)
{
    writer_u8(w, CONTROL_VERSION);
    writer_u8(w, (uint8_t)what);
}

bool
control_get_request(const void *packet, size_t len, enum control_request *what_out)
{
    struct reader r = reader_init(packet, len);
    uint8_t version = reader_u8(&r), what = reader_u8(&r);

    if (!reader_done(&r) || version != CONTROL_VERSION || what != CONTROL_ROTATE)
        return false;
    *what_out = CONTROL_ROTATE;
    return true;
}

void
control_put_answer(struct writer *w, enum control_kind kind, uint32_t number, const char *text)
{
    writer_u8(w, (uint8_t)kind);
    writer_u32(w, number);
    writer_strn(w, text, strnlen(text, CONTROL_TEXT_MAX - 1));
}

static bool
is_known(const struct control_answer *a)
{
    switch (a->kind) {
    case CONTROL_STEP:
        return a->number >= CONTROL_CHANNEL && a->number <= CONTROL_TAKEN;
    case CONTROL_DONE:
        return true;
    case CONTROL_FAILED:
        return a->number >= CONTROL_BUSY && a->number <= CONTROL_INTERNAL;
    default:
        return false;
    }
}

bool
control_get_answer(const void *packet, size_t len, struct control_answer *a_out)
{
    struct reader r = reader_init(packet, len);

    memset(a_out, 0, sizeof(*a_out));
    a_out->kind = reader_u8(&r);
    a_out->number = reader_u32(&r);
    reader_str_copy(&r, a_out->text, sizeof(a_out->text));
    if (reader_done(&r) && is_known(a_out))
        return true;
    memset(a_out, 0, sizeof(*a_out));
    return false;
}
