/* The messages about what lets a user in: a ticket, or a card while no controller answers (daemon/ipc.h). */
#include "daemon/ipc_fields.h"

void
ipc_put_verify(struct writer *w, const struct ipc_verify *m)
{
    writer_u8(w, IPC_VERIFY);
    writer_u32(w, m->job);
    put_blob(w, m->ap_req, m->ap_req_len);
    put_blob(w, m->certificate, m->certificate_len);
}

bool
ipc_get_verify(const void *packet, size_t len, struct ipc_verify *m_out)
{
    struct reader r = open_message(packet, len, IPC_VERIFY);

    m_out->job = reader_u32(&r);
    m_out->ap_req = get_blob(&r, &m_out->ap_req_len);
    m_out->certificate = get_blob(&r, &m_out->certificate_len);
    return reader_done(&r);
}

void
ipc_write_result(struct writer *w, const struct ipc_result *m)
{
    writer_u32(w, m->job);
    writer_u32(w, m->err);
    writer_u8(w, m->proved);
    writer_u8(w, m->proved_unless_locked);
    writer_u8(w, m->passed_through);
    writer_u8(w, m->no_kdc);
    writer_u8(w, m->offline);
    writer_str(w, m->step);
    writer_str(w, m->value);
    writer_str(w, m->text);
}

void
ipc_read_result(struct reader *r, struct ipc_result *m_out)
{
    struct ipc_result m = { 0 };

    m.job = reader_u32(r);
    m.err = reader_u32(r);
    m.proved = get_bool(r);
    m.proved_unless_locked = get_bool(r);
    m.passed_through = get_bool(r);
    m.no_kdc = get_bool(r);
    m.offline = get_bool(r);
    reader_str_copy(r, m.step, sizeof(m.step));
    reader_str_copy(r, m.value, sizeof(m.value));
    reader_str_copy(r, m.text, sizeof(m.text));
    *m_out = m;
}

void
ipc_put_verified(struct writer *w, const struct ipc_verified *m)
{
    writer_u8(w, IPC_VERIFIED);
    ipc_write_result(w, &m->result);
    put_blob(w, m->sealed, m->sealed_len);
}

bool
ipc_get_verified(const void *packet, size_t len, struct ipc_verified *m_out)
{
    struct reader r = open_message(packet, len, IPC_VERIFIED);

    ipc_read_result(&r, &m_out->result);
    m_out->sealed = get_blob(&r, &m_out->sealed_len);
    return reader_done(&r);
}

void
ipc_put_offline(struct writer *w, const struct ipc_offline *m)
{
    writer_u8(w, IPC_OFFLINE);
    writer_u32(w, m->job);
    put_sid(w, &m->user);
    writer_bytes(w, m->hash, sizeof(m->hash));
}

bool
ipc_get_offline(const void *packet, size_t len, struct ipc_offline *m_out)
{
    struct reader r = open_message(packet, len, IPC_OFFLINE);

    memset(m_out, 0, sizeof(*m_out));
    m_out->job = reader_u32(&r);
    get_sid(&r, &m_out->user);
    get_bytes(&r, m_out->hash, sizeof(m_out->hash));
    return reader_done(&r);
}

void
ipc_put_challenge(struct writer *w, const struct ipc_challenge *m)
{
    writer_u8(w, IPC_CHALLENGE);
    put_reason(w, &m->why);
    writer_bytes(w, m->challenge, sizeof(m->challenge));
}

bool
ipc_get_challenge(const void *packet, size_t len, struct ipc_challenge *m_out)
{
    struct reader r = open_message(packet, len, IPC_CHALLENGE);

    memset(m_out, 0, sizeof(*m_out));
    get_reason(&r, &m_out->why);
    get_bytes(&r, m_out->challenge, sizeof(m_out->challenge));
    return reader_done(&r);
}

void
ipc_put_proof(struct writer *w, const struct ipc_proof *m)
{
    writer_u8(w, IPC_PROOF);
    writer_u32(w, m->job);
    put_blob(w, m->signature, m->signature_len);
}

bool
ipc_get_proof(const void *packet, size_t len, struct ipc_proof *m_out)
{
    struct reader r = open_message(packet, len, IPC_PROOF);

    m_out->job = reader_u32(&r);
    m_out->signature = get_blob(&r, &m_out->signature_len);
    return reader_done(&r);
}

void
ipc_put_vouch_offline(struct writer *w, const struct ipc_vouch_offline *m)
{
    writer_u8(w, IPC_VOUCH_OFFLINE);
    writer_u32(w, m->worker);
    writer_u32(w, m->job);
    put_sid(w, &m->user);
}

bool
ipc_get_vouch_offline(const void *packet, size_t len, struct ipc_vouch_offline *m_out)
{
    struct reader r = open_message(packet, len, IPC_VOUCH_OFFLINE);

    memset(m_out, 0, sizeof(*m_out));
    m_out->worker = reader_u32(&r);
    m_out->job = reader_u32(&r);
    get_sid(&r, &m_out->user);
    return reader_done(&r);
}

void
ipc_put_forget(struct writer *w, const struct ipc_forget *m)
{
    writer_u8(w, IPC_FORGET);
    put_sid(w, &m->user);
    writer_u8(w, m->all);
    writer_bytes(w, m->hash, sizeof(m->hash));
}

bool
ipc_get_forget(const void *packet, size_t len, struct ipc_forget *m_out)
{
    struct reader r = open_message(packet, len, IPC_FORGET);

    memset(m_out, 0, sizeof(*m_out));
    get_sid(&r, &m_out->user);
    m_out->all = get_bool(&r);
    get_bytes(&r, m_out->hash, sizeof(m_out->hash));
    return reader_done(&r);
}
