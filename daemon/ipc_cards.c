/* The messages about smart cards (daemon/ipc.h). */
#include <string.h>

#include "daemon/ipc_fields.h"
#include "lib/base/visible.h"

void
ipc_write_card_key(struct writer *w, const struct ipc_card_key *key)
{
    writer_bytes(w, key->token, sizeof(key->token));
    writer_bytes(w, key->hash, sizeof(key->hash));
}

void
ipc_read_card_key(struct reader *r, struct ipc_card_key *key_out)
{
    memset(key_out, 0, sizeof(*key_out));
    get_bytes(r, key_out->token, sizeof(key_out->token));
    get_bytes(r, key_out->hash, sizeof(key_out->hash));
}

/* Text that people will be shown, or the log. */
static void
read_text(struct reader *r, char *out, size_t size, bool may_be_empty)
{
    char shown[PROTO_NAME_MAX + 1];

    reader_str_copy(r, out, size);
    (void)visible_text(shown, sizeof(shown), out);
    if (strcmp(shown, out) != 0 || (out[0] == '\0' && !may_be_empty))
        reader_fail(r);
}

static void
put_card(struct writer *w, const struct ipc_card *c)
{
    ipc_write_card_key(w, &c->key);
    writer_str(w, c->token);
    writer_str(w, c->name);
    writer_str(w, c->issuer);
    writer_u64(w, (uint64_t)c->not_after);
    writer_str(w, c->upn);
    writer_u8(w, c->pin_pad);
    writer_u8(w, c->pin_last_try);
    writer_u8(w, c->pin_locked);
}

static void
get_card(struct reader *r, struct ipc_card *c)
{
    ipc_read_card_key(r, &c->key);
    read_text(r, c->token, sizeof(c->token), false);
    read_text(r, c->name, sizeof(c->name), false);
    read_text(r, c->issuer, sizeof(c->issuer), true);
    c->not_after = (int64_t)reader_u64(r);
    read_text(r, c->upn, sizeof(c->upn), true);
    c->pin_pad = get_bool(r);
    c->pin_last_try = get_bool(r);
    c->pin_locked = get_bool(r);
}

void
ipc_put_cards(struct writer *w, const struct ipc_cards *m)
{
    writer_u8(w, IPC_CARDS);
    writer_u32(w, m->job);
    writer_u32(w, m->unfit);
    writer_u32(w, m->n);
    for (uint32_t i = 0; i < m->n && i < IPC_CARDS_MAX; i++)
        put_card(w, &m->cards[i]);
}

static bool
is_unfit(uint32_t err)
{
    switch (err) {
    case ERR_NO_CARD:
    case ERR_CARD_UNFIT:
    case ERR_CARD_EXPIRED:
    case ERR_CARD_UNTRUSTED:
    case ERR_CARD_REVOKED:
    case ERR_CARD_FAILED:
    case ERR_CARD_NOT_SET_UP:
        return true;
    default:
        return false;
    }
}

bool
ipc_get_cards(const void *packet, size_t len, struct ipc_cards *m_out)
{
    struct reader r = open_message(packet, len, IPC_CARDS);
    struct ipc_cards m = { 0 };

    m.job = reader_u32(&r);
    m.unfit = reader_u32(&r);
    m.n = reader_u32(&r);
    if (m.n > IPC_CARDS_MAX)
        return false;
    for (uint32_t i = 0; i < m.n; i++)
        get_card(&r, &m.cards[i]);
    *m_out = m;
    return reader_done(&r) && (m.n == 0 ? is_unfit(m.unfit) : m.unfit == ERR_OK);
}

static void
put_last(struct writer *w, const struct ipc_last_card *c)
{
    writer_u32(w, c->uid);
    writer_bytes(w, c->hash, sizeof(c->hash));
}

static void
get_last(struct reader *r, struct ipc_last_card *c)
{
    c->uid = reader_u32(r);
    get_bytes(r, c->hash, sizeof(c->hash));
    if (c->uid < PROTO_ID_MIN)
        reader_fail(r);
}

void
ipc_put_last_card(struct writer *w, const struct ipc_last_card *m)
{
    writer_u8(w, IPC_LAST_CARD);
    put_last(w, m);
}

bool
ipc_get_last_card(const void *packet, size_t len, struct ipc_last_card *m_out)
{
    struct reader r = open_message(packet, len, IPC_LAST_CARD);

    memset(m_out, 0, sizeof(*m_out));
    get_last(&r, m_out);
    return reader_done(&r);
}

void
ipc_put_last_cards(struct writer *w, const struct ipc_last_cards *m)
{
    writer_u8(w, IPC_LAST_CARDS);
    writer_u32(w, m->n);
    for (uint32_t i = 0; i < m->n && i < IPC_LAST_CARDS_MAX; i++)
        put_last(w, &m->cards[i]);
}

bool
ipc_get_last_cards(const void *packet, size_t len, struct ipc_last_cards *m_out)
{
    struct reader r = open_message(packet, len, IPC_LAST_CARDS);

    memset(m_out, 0, sizeof(*m_out));
    m_out->n = reader_u32(&r);
    if (m_out->n > IPC_LAST_CARDS_MAX)
        return false;
    for (uint32_t i = 0; i < m_out->n; i++)
        get_last(&r, &m_out->cards[i]);
    return reader_done(&r);
}

void
ipc_put_watch(struct writer *w, const struct ipc_watch *m)
{
    writer_u8(w, IPC_WATCH);
    writer_u32(w, m->n);
    for (uint32_t i = 0; i < m->n && i < IPC_WATCH_MAX; i++) {
        writer_bytes(w, m->cards[i].token, sizeof(m->cards[i].token));
        writer_u8(w, m->cards[i].gone);
    }
}

bool
ipc_get_watch(const void *packet, size_t len, struct ipc_watch *m_out)
{
    struct reader r = open_message(packet, len, IPC_WATCH);

    memset(m_out, 0, sizeof(*m_out));
    m_out->n = reader_u32(&r);
    if (m_out->n > IPC_WATCH_MAX)
        return false;
    for (uint32_t i = 0; i < m_out->n; i++) {
        get_bytes(&r, m_out->cards[i].token, sizeof(m_out->cards[i].token));
        m_out->cards[i].gone = get_bool(&r);
    }
    return reader_done(&r);
}

void
ipc_put_card_is(struct writer *w, const struct ipc_card_is *m)
{
    writer_u8(w, IPC_CARD_IS);
    writer_bytes(w, m->token, sizeof(m->token));
    writer_u8(w, m->there);
}

bool
ipc_get_card_is(const void *packet, size_t len, struct ipc_card_is *m_out)
{
    struct reader r = open_message(packet, len, IPC_CARD_IS);

    memset(m_out, 0, sizeof(*m_out));
    get_bytes(&r, m_out->token, sizeof(m_out->token));
    m_out->there = get_bool(&r);
    return reader_done(&r);
}

void
ipc_put_act(struct writer *w, const struct ipc_act *m)
{
    writer_u8(w, IPC_ACT);
    writer_u32(w, m->kind);
    writer_u32(w, m->uid);
    writer_u32(w, m->leader);
}

bool
ipc_get_act(const void *packet, size_t len, struct ipc_act *m_out)
{
    struct reader r = open_message(packet, len, IPC_ACT);

    m_out->kind = reader_u32(&r);
    m_out->uid = reader_u32(&r);
    m_out->leader = reader_u32(&r);
    return reader_done(&r) && (m_out->kind == IPC_ACT_LOCK || m_out->kind == IPC_ACT_TERMINATE) &&
           m_out->uid >= PROTO_ID_MIN && m_out->uid != UINT32_MAX && m_out->leader > 1;
}

void
ipc_put_acted(struct writer *w, const struct ipc_acted *m)
{
    writer_u8(w, IPC_ACTED);
    writer_u32(w, m->n);
    writer_str(w, m->text);
}

bool
ipc_get_acted(const void *packet, size_t len, struct ipc_acted *m_out)
{
    struct reader r = open_message(packet, len, IPC_ACTED);

    m_out->n = reader_u32(&r);
    read_text(&r, m_out->text, sizeof(m_out->text), true);
    return reader_done(&r);
}
