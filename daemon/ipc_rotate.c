/* The messages of a rotation (daemon/ipc.h). */
#include <string.h>

#include "daemon/ipc_fields.h"
#include "lib/membership/machine_secret.h"

void
ipc_put_rotate_holds(struct writer *w, const struct ipc_rotate_holds *m)
{
    writer_u8(w, IPC_ROTATE_HOLDS);
    writer_u32(w, m->run);
    writer_u32(w, m->slot);
    writer_str(w, m->controller);
}

bool
ipc_get_rotate_holds(const void *packet, size_t len, struct ipc_rotate_holds *m_out)
{
    struct reader r = open_message(packet, len, IPC_ROTATE_HOLDS);
    struct ipc_rotate_holds m = { 0 };

    m.run = reader_u32(&r);
    m.slot = reader_u32(&r);
    reader_str_copy(&r, m.controller, sizeof(m.controller));
    *m_out = m;
    return reader_done(&r) && m.slot >= 1 && m.slot <= MACHINE_SLOTS;
}

void
ipc_put_rotate_end(struct writer *w, const struct ipc_rotate_end *m)
{
    writer_u8(w, IPC_ROTATE_END);
    writer_u32(w, m->run);
    writer_u32(w, m->outcome);
    writer_str(w, m->controller);
    writer_str(w, m->text);
}

bool
ipc_get_rotate_end(const void *packet, size_t len, struct ipc_rotate_end *m_out)
{
    struct reader r = open_message(packet, len, IPC_ROTATE_END);
    struct ipc_rotate_end m = { 0 };

    m.run = reader_u32(&r);
    m.outcome = reader_u32(&r);
    reader_str_copy(&r, m.controller, sizeof(m.controller));
    reader_str_copy(&r, m.text, sizeof(m.text));
    *m_out = m;
    return reader_done(&r) && m.outcome >= IPC_ROTATE_TAKEN && m.outcome <= IPC_ROTATE_UNSENT;
}
