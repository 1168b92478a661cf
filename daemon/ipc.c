#include "daemon/ipc_fields.h"

#include <string.h>

unsigned
ipc_type(const void *packet, size_t len)
{
    struct reader r = reader_init(packet, len);

    return reader_u8(&r);
}

void
ipc_put_empty(struct writer *w, enum ipc_type type)
{
    writer_u8(w, (uint8_t)type);
}

bool
ipc_get_empty(const void *packet, size_t len, enum ipc_type type)
{
    struct reader r = open_message(packet, len, type);

    return reader_done(&r);
}

void
ipc_put_number(struct writer *w, enum ipc_type type, uint32_t number)
{
    writer_u8(w, (uint8_t)type);
    writer_u32(w, number);
}

bool
ipc_get_number(const void *packet, size_t len, enum ipc_type type, uint32_t *number_out)
{
    struct reader r = open_message(packet, len, type);

    *number_out = reader_u32(&r);
    return reader_done(&r);
}

void
ipc_put_peer(struct writer *w, const struct ipc_peer *m)
{
    writer_u8(w, IPC_PEER);
    writer_u32(w, m->role);
    writer_u32(w, m->id);
}

bool
ipc_get_peer(const void *packet, size_t len, struct ipc_peer *m_out)
{
    struct reader r = open_message(packet, len, IPC_PEER);
    struct ipc_peer m = { 0 };

    m.role = reader_u32(&r);
    m.id = reader_u32(&r);
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_ccache(struct writer *w, enum ipc_type type, const struct ipc_ccache *m)
{
    writer_u8(w, (uint8_t)type);
    writer_u32(w, m->request);
    writer_u32(w, m->uid);
    writer_u32(w, m->gid);
    writer_str(w, m->user);
    writer_str(w, m->name);
}

bool
ipc_get_ccache(const void *packet, size_t len, enum ipc_type type, struct ipc_ccache *m_out)
{
    struct reader r = open_message(packet, len, type);
    struct ipc_ccache m = { 0 };

    m.request = reader_u32(&r);
    m.uid = reader_u32(&r);
    m.gid = reader_u32(&r);
    reader_str_copy(&r, m.user, sizeof(m.user));
    reader_str_copy(&r, m.name, sizeof(m.name));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_ccache_done(struct writer *w, const struct ipc_ccache_done *m)
{
    writer_u8(w, IPC_CCACHE_DONE);
    writer_u32(w, m->request);
    writer_u32(w, m->code);
    writer_str(w, m->name);
}

bool
ipc_get_ccache_done(const void *packet, size_t len, struct ipc_ccache_done *m_out)
{
    struct reader r = open_message(packet, len, IPC_CCACHE_DONE);
    struct ipc_ccache_done m = { 0 };

    m.request = reader_u32(&r);
    m.code = reader_u32(&r);
    reader_str_copy(&r, m.name, sizeof(m.name));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_lookup(struct writer *w, const struct ipc_lookup *m)
{
    writer_u8(w, IPC_LOOKUP);
    writer_u32(w, m->request);
    writer_u32(w, m->kind);
    writer_u32(w, m->by);
    writer_u32(w, m->id);
    writer_u8(w, m->refresh);
    writer_str(w, m->name);
}

bool
ipc_get_lookup(const void *packet, size_t len, struct ipc_lookup *m_out)
{
    struct reader r = open_message(packet, len, IPC_LOOKUP);
    struct ipc_lookup m = { 0 };

    m.request = reader_u32(&r);
    m.kind = reader_u32(&r);
    m.by = reader_u32(&r);
    m.id = reader_u32(&r);
    m.refresh = get_bool(&r);
    reader_str_copy(&r, m.name, sizeof(m.name));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_who(struct writer *w, const struct ipc_who *m)
{
    writer_u8(w, IPC_WHO);
    writer_u32(w, m->request);
    writer_str(w, m->name);
}

bool
ipc_get_who(const void *packet, size_t len, struct ipc_who *m_out)
{
    struct reader r = open_message(packet, len, IPC_WHO);
    struct ipc_who m = { 0 };

    m.request = reader_u32(&r);
    reader_str_copy(&r, m.name, sizeof(m.name));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_identity(struct writer *w, const struct ipc_identity *m)
{
    writer_u8(w, IPC_IDENTITY);
    writer_u32(w, m->request);
    writer_u32(w, m->status);
    writer_u32(w, m->uid);
    writer_u32(w, m->gid);
    put_sid(w, &m->sid);
    writer_str(w, m->name);
    writer_str(w, m->principal);
    ipc_write_home(w, &m->home);
    put_reason(w, &m->why);
}

bool
ipc_get_identity(const void *packet, size_t len, struct ipc_identity *m_out)
{
    struct reader r = open_message(packet, len, IPC_IDENTITY);
    struct ipc_identity m = { 0 };

    m.request = reader_u32(&r);
    m.status = reader_u32(&r);
    m.uid = reader_u32(&r);
    m.gid = reader_u32(&r);
    get_sid(&r, &m.sid);
    reader_str_copy(&r, m.name, sizeof(m.name));
    reader_str_copy(&r, m.principal, sizeof(m.principal));
    ipc_read_home(&r, &m.home);
    get_reason(&r, &m.why);
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_state(struct writer *w, const struct ipc_state *m)
{
    writer_u8(w, IPC_STATE);
    writer_u32(w, m->request);
    writer_u8(w, m->password);
    put_sid(w, &m->sid);
}

bool
ipc_get_state(const void *packet, size_t len, struct ipc_state *m_out)
{
    struct reader r = open_message(packet, len, IPC_STATE);
    struct ipc_state m = { 0 };

    m.request = reader_u32(&r);
    m.password = get_bool(&r);
    get_sid(&r, &m.sid);
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_state_is(struct writer *w, const struct ipc_state_is *m)
{
    writer_u8(w, IPC_STATE_IS);
    writer_u32(w, m->request);
    writer_u32(w, m->err);
}

bool
ipc_get_state_is(const void *packet, size_t len, struct ipc_state_is *m_out)
{
    struct reader r = open_message(packet, len, IPC_STATE_IS);
    struct ipc_state_is m = { 0 };

    m.request = reader_u32(&r);
    m.err = reader_u32(&r);
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_need_dc(struct writer *w, const struct ipc_need_dc *m)
{
    writer_u8(w, IPC_NEED_DC);
    writer_u32(w, m->request);
    writer_str(w, m->avoid);
}

bool
ipc_get_need_dc(const void *packet, size_t len, struct ipc_need_dc *m_out)
{
    struct reader r = open_message(packet, len, IPC_NEED_DC);
    struct ipc_need_dc m = { 0 };

    m.request = reader_u32(&r);
    reader_str_copy(&r, m.avoid, sizeof(m.avoid));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_dc(struct writer *w, const struct ipc_dc *m)
{
    writer_u8(w, IPC_DC);
    writer_u32(w, m->request);
    writer_u32(w, m->err);
    writer_str(w, m->address);
    writer_str(w, m->host);
    writer_str(w, m->netbios);
}

bool
ipc_get_dc(const void *packet, size_t len, struct ipc_dc *m_out)
{
    struct reader r = open_message(packet, len, IPC_DC);
    struct ipc_dc m = { 0 };

    m.request = reader_u32(&r);
    m.err = reader_u32(&r);
    reader_str_copy(&r, m.address, sizeof(m.address));
    reader_str_copy(&r, m.host, sizeof(m.host));
    reader_str_copy(&r, m.netbios, sizeof(m.netbios));
    *m_out = m;
    return reader_done(&r);
}

void
ipc_put_result(struct writer *w, enum ipc_type type, const struct ipc_result *m)
{
    writer_u8(w, (uint8_t)type);
    ipc_write_result(w, m);
}

bool
ipc_get_result(const void *packet, size_t len, enum ipc_type type, struct ipc_result *m_out)
{
    struct reader r = open_message(packet, len, type);

    ipc_read_result(&r, m_out);
    return reader_done(&r);
}

void
ipc_put_found(struct writer *w, const struct ipc_found *m)
{
    writer_u8(w, IPC_FOUND);
    writer_u32(w, m->request);
    writer_u32(w, m->status);
    writer_u32(w, m->refresh);
    writer_u32(w, m->end);
    put_blob(w, m->record, m->record_len);
}

bool
ipc_get_found(const void *packet, size_t len, struct ipc_found *m_out)
{
    struct reader r = open_message(packet, len, IPC_FOUND);

    m_out->request = reader_u32(&r);
    m_out->status = reader_u32(&r);
    m_out->refresh = reader_u32(&r);
    m_out->end = reader_u32(&r);
    m_out->record = get_blob(&r, &m_out->record_len);
    if (m_out->record_len == 0)
        m_out->record = NULL;
    return reader_done(&r) && m_out->status >= IPC_STATUS_FOUND && m_out->status <= IPC_STATUS_LATER;
}

void
ipc_put_learn(struct writer *w, uint32_t request, const char *name, const struct logon_info *info)
{
    writer_u8(w, IPC_LEARN);
    writer_u32(w, request);
    writer_str(w, name);
    logon_info_write(w, info);
}

bool
ipc_get_learn(TALLOC_CTX *mem, const void *packet, size_t len, uint32_t *request_out,
              char name_out[static PROTO_NAME_MAX + 1], struct logon_info **info_out)
{
    struct reader r = open_message(packet, len, IPC_LEARN);

    *info_out = NULL;
    *request_out = reader_u32(&r);
    if (reader_str_copy(&r, name_out, PROTO_NAME_MAX + 1))
        *info_out = logon_info_read(mem, &r);
    return *info_out != NULL;
}

void
ipc_put_learned(struct writer *w, const struct ipc_learned *m)
{
    writer_u8(w, IPC_LEARNED);
    writer_u32(w, m->request);
    writer_u32(w, m->err);
    writer_u32(w, m->refresh);
    writer_u32(w, m->end);
    put_blob(w, m->passwd, m->passwd_len);
    put_blob(w, m->groups, m->groups_len);
}

bool
ipc_get_learned(const void *packet, size_t len, struct ipc_learned *m_out)
{
    struct reader r = open_message(packet, len, IPC_LEARNED);

    m_out->request = reader_u32(&r);
    m_out->err = reader_u32(&r);
    m_out->refresh = reader_u32(&r);
    m_out->end = reader_u32(&r);
    m_out->passwd = get_blob(&r, &m_out->passwd_len);
    m_out->groups = get_blob(&r, &m_out->groups_len);
    return reader_done(&r);
}

void
ipc_put_armor_is(struct writer *w, const struct ipc_reason *why, bool required)
{
    writer_u8(w, IPC_ARMOR_IS);
    put_reason(w, why);
    writer_u8(w, required);
}

bool
ipc_get_armor_is(const void *packet, size_t len, struct ipc_reason *why_out, bool *required_out)
{
    struct reader r = open_message(packet, len, IPC_ARMOR_IS);

    get_reason(&r, why_out);
    *required_out = get_bool(&r);
    return reader_done(&r);
}

void
ipc_put_vouch(struct writer *w, uint32_t worker, uint32_t job, const struct logon_info *info)
{
    writer_u8(w, IPC_VOUCH);
    writer_u32(w, worker);
    writer_u32(w, job);
    logon_info_write(w, info);
}

bool
ipc_get_vouch(TALLOC_CTX *mem, const void *packet, size_t len, uint32_t *worker_out, uint32_t *job_out,
              struct logon_info **info_out)
{
    struct reader r = open_message(packet, len, IPC_VOUCH);

    *worker_out = reader_u32(&r);
    *job_out = reader_u32(&r);
    *info_out = r.failed ? NULL : logon_info_read(mem, &r);
    return *info_out != NULL;
}

void
ipc_put_pass(struct writer *w, const struct ipc_pass *m)
{
    writer_u8(w, IPC_PASS);
    writer_u32(w, m->job);
    writer_u64(w, (uint64_t)m->deadline);
    writer_str(w, m->account);
    writer_str(w, m->domain);
    writer_bytes(w, m->nt_hash, sizeof(m->nt_hash));
}

bool
ipc_get_pass(const void *packet, size_t len, struct ipc_pass *m_out)
{
    struct reader r = open_message(packet, len, IPC_PASS);
    const uint8_t *hash;

    memset(m_out, 0, sizeof(*m_out));
    m_out->job = reader_u32(&r);
    m_out->deadline = (int64_t)reader_u64(&r);
    reader_str_copy(&r, m_out->account, sizeof(m_out->account));
    reader_str_copy(&r, m_out->domain, sizeof(m_out->domain));
    hash = reader_bytes(&r, sizeof(m_out->nt_hash));
    if (hash == NULL || m_out->deadline < 0 || !reader_done(&r))
        return false;
    memcpy(m_out->nt_hash, hash, sizeof(m_out->nt_hash));
    return true;
}

void
ipc_put_ticket(struct writer *w, const char *service)
{
    writer_u8(w, IPC_TICKET);
    writer_str(w, service);
}

bool
ipc_get_ticket(const void *packet, size_t len, char service_out[static 256 + 1])
{
    struct reader r = open_message(packet, len, IPC_TICKET);

    reader_str_copy(&r, service_out, 256 + 1);
    return reader_done(&r);
}

void
ipc_put_ticket_is(struct writer *w, const struct ipc_reason *why)
{
    writer_u8(w, IPC_TICKET_IS);
    put_reason(w, why);
}

bool
ipc_get_ticket_is(const void *packet, size_t len, struct ipc_reason *why_out)
{
    struct reader r = open_message(packet, len, IPC_TICKET_IS);

    get_reason(&r, why_out);
    return reader_done(&r);
}
