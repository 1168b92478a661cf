/* The messages about trusted domains and their accounts, and the job that has one of them in it. */
#include <string.h>

#include "daemon/ipc_fields.h"

/* An account of a domain, or nothing at all. */
static void
get_account_sid(struct reader *r, struct sid *out)
{
    char text[SID_TEXT_MAX];
    struct sid domain;
    uint32_t rid;

    memset(out, 0, sizeof(*out));
    if (reader_str_copy(r, text, sizeof(text)) &&
        (!sid_parse(text, out) || !sid_split(out, &domain, &rid) || !sid_is_domain(&domain)))
        reader_fail(r);
}

void
ipc_write_home(struct writer *w, const struct ipc_home *home)
{
    writer_str(w, home->dns);
    writer_str(w, home->netbios);
    writer_u8(w, home->mutual);
}

void
ipc_read_home(struct reader *r, struct ipc_home *home_out)
{
    memset(home_out, 0, sizeof(*home_out));
    reader_str_copy(r, home_out->dns, sizeof(home_out->dns));
    reader_str_copy(r, home_out->netbios, sizeof(home_out->netbios));
    home_out->mutual = get_bool(r);
    if (!(home_out->dns[0] == '\0' ? home_out->netbios[0] == '\0' && !home_out->mutual
                                   : trust_names_ok(home_out->dns, home_out->netbios)))
        reader_fail(r);
}

void
ipc_put_job(struct writer *w, const struct ipc_job *m)
{
    writer_u8(w, IPC_JOB);
    writer_u32(w, m->job);
    writer_str(w, m->principal);
    ipc_write_home(w, &m->home);
    writer_u8(w, m->no_kdc);
    writer_u8(w, m->with_card);
    if (m->with_card) {
        writer_u8(w, m->pin_pad);
        ipc_write_card_key(w, &m->card);
        put_sid(w, &m->user);
        writer_u32(w, m->uid);
    }
    ipc_put_dc(w, &m->dc);
}

bool
ipc_get_job(const void *packet, size_t len, struct ipc_job *m_out)
{
    struct reader r = open_message(packet, len, IPC_JOB);
    struct ipc_job m = { 0 };
    size_t left;

    m.job = reader_u32(&r);
    reader_str_copy(&r, m.principal, sizeof(m.principal));
    ipc_read_home(&r, &m.home);
    m.no_kdc = get_bool(&r);
    m.with_card = get_bool(&r);
    if (m.with_card) {
        m.pin_pad = get_bool(&r);
        ipc_read_card_key(&r, &m.card);
        get_sid(&r, &m.user);
        m.uid = reader_u32(&r);
    }
    left = reader_left(&r);
    if (!ipc_get_dc(reader_bytes(&r, left), left, &m.dc))
        return false;
    *m_out = m;
    return true;
}

void
ipc_put_trusts(struct writer *w, uint32_t err, const struct trusts *t)
{
    writer_u8(w, IPC_TRUSTS);
    writer_u32(w, err);
    if (err == ERR_OK)
        trusts_write(w, t);
}

bool
ipc_get_trusts(const void *packet, size_t len, uint32_t *err_out, struct trusts *t_out)
{
    struct reader r = open_message(packet, len, IPC_TRUSTS);

    *err_out = reader_u32(&r);
    memset(t_out, 0, sizeof(*t_out));
    if (r.failed || *err_out != ERR_OK)
        return reader_done(&r) && err_name(*err_out)[0] != '?';
    return trusts_read(&r, t_out);
}

void
ipc_put_accounts(struct writer *w, const struct ipc_accounts *m)
{
    writer_u8(w, IPC_ACCOUNTS);
    writer_u32(w, m->request);
    writer_u64(w, (uint64_t)m->deadline);
    writer_str(w, m->domain);
    writer_str(w, m->name);
    writer_u32(w, m->n);
    for (uint32_t i = 0; i < m->n; i++)
        put_sid(w, &m->sids[i]);
}

bool
ipc_get_accounts(const void *packet, size_t len, struct ipc_accounts *m_out)
{
    struct reader r = open_message(packet, len, IPC_ACCOUNTS);

    memset(m_out, 0, sizeof(*m_out));
    m_out->request = reader_u32(&r);
    m_out->deadline = (int64_t)reader_u64(&r);
    reader_str_copy(&r, m_out->domain, sizeof(m_out->domain));
    reader_str_copy(&r, m_out->name, sizeof(m_out->name));
    m_out->n = reader_u32(&r);
    /* One thing is asked for, and something is. */
    if (m_out->n > IPC_ACCOUNTS_MAX || (m_out->name[0] != '\0') != (m_out->n == 0) ||
        (m_out->name[0] != '\0') != (m_out->domain[0] != '\0') || m_out->deadline < 0)
        reader_fail(&r);
    for (uint32_t i = 0; i < m_out->n && !r.failed; i++)
        get_account_sid(&r, &m_out->sids[i]);
    return reader_done(&r);
}

void
ipc_put_accounts_are(struct writer *w, const struct ipc_accounts_are *m)
{
    writer_u8(w, IPC_ACCOUNTS_ARE);
    writer_u32(w, m->request);
    writer_u32(w, m->err);
    writer_u32(w, m->n);
    for (uint32_t i = 0; i < m->n; i++) {
        writer_u8(w, m->accounts[i].kind);
        if (m->accounts[i].kind == IPC_ACCOUNT_UNKNOWN)
            continue;
        put_sid(w, &m->accounts[i].sid);
        writer_str(w, m->accounts[i].account);
    }
}

static void
get_account(struct reader *r, struct ipc_account *a)
{
    a->kind = reader_u8(r);
    if (a->kind > IPC_ACCOUNT_GROUP)
        reader_fail(r);
    if (r->failed || a->kind == IPC_ACCOUNT_UNKNOWN)
        return;
    get_account_sid(r, &a->sid);
    reader_str_copy(r, a->account, sizeof(a->account));
}

bool
ipc_get_accounts_are(const void *packet, size_t len, struct ipc_accounts_are *m_out)
{
    struct reader r = open_message(packet, len, IPC_ACCOUNTS_ARE);

    memset(m_out, 0, sizeof(*m_out));
    m_out->request = reader_u32(&r);
    m_out->err = reader_u32(&r);
    m_out->n = reader_u32(&r);
    if (m_out->n > IPC_ACCOUNTS_MAX || (m_out->err == ERR_OK) != (m_out->n > 0) || err_name(m_out->err)[0] == '?')
        reader_fail(&r);
    for (uint32_t i = 0; i < m_out->n && !r.failed; i++)
        get_account(&r, &m_out->accounts[i]);
    return reader_done(&r);
}
