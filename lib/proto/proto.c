#include "lib/proto/proto.h"

#include <string.h>

#include "lib/proto/record.h"

void
proto_put_head(struct writer *w, enum proto_type type)
{
    writer_u8(w, PROTO_VERSION);
    writer_u8(w, (uint8_t)type);
}

unsigned
proto_get_head(struct reader *r)
{
    uint8_t version = reader_u8(r);
    uint8_t type = reader_u8(r);

    if (version != PROTO_VERSION)
        reader_fail(r);
    return r->failed ? 0 : type;
}

unsigned
proto_peek(const void *packet, size_t len)
{
    struct reader r = reader_init(packet, len);

    return proto_get_head(&r);
}

/* A reader behind the head; failed if the packet is of another type. */
static struct reader
open_packet(const void *packet, size_t len, enum proto_type type)
{
    struct reader r = reader_init(packet, len);

    if (proto_get_head(&r) != (unsigned)type)
        reader_fail(&r);
    return r;
}

void
proto_put_get(struct writer *w, unsigned kind, enum proto_by by, const char *name, uint32_t id)
{
    proto_put_head(w, PROTO_GET);
    writer_u8(w, (uint8_t)kind);
    writer_u8(w, (uint8_t)by);
    if (by == PROTO_BY_NAME)
        writer_str(w, name);
    else
        writer_u32(w, id);
}

bool
proto_get_get(const void *packet, size_t len, struct proto_get *get_out)
{
    struct reader r = open_packet(packet, len, PROTO_GET);
    struct proto_get get = { 0 };
    unsigned by;

    memset(get_out, 0, sizeof(*get_out));
    get.kind = reader_u8(&r);
    by = reader_u8(&r);
    if (get.kind < RECORD_PASSWD || get.kind > RECORD_GROUPS)
        return false;
    if (by == PROTO_BY_NAME) {
        get.by = PROTO_BY_NAME;
        get.name = reader_str(&r, PROTO_NAME_MAX, &get.name_len);
        if (get.name_len == 0)
            return false;
    } else if (by == PROTO_BY_ID && get.kind != RECORD_GROUPS) {
        get.by = PROTO_BY_ID;
        get.id = reader_u32(&r);
    } else {
        return false;
    }
    if (!reader_done(&r))
        return false;
    *get_out = get;
    return true;
}

static void
put_handle(struct writer *w, bool has_handle, const uint8_t *handle)
{
    writer_u8(w, has_handle);
    if (has_handle)
        writer_bytes(w, handle, PROTO_HANDLE_LEN);
}

static bool
get_bool(struct reader *r)
{
    uint8_t v = reader_u8(r);

    if (v > 1)
        reader_fail(r);
    return v == 1;
}

static bool
get_handle(struct reader *r, uint8_t *handle)
{
    const uint8_t *p;

    if (!get_bool(r))
        return false;
    p = reader_bytes(r, PROTO_HANDLE_LEN);
    if (p != NULL)
        memcpy(handle, p, PROTO_HANDLE_LEN);
    return p != NULL;
}

void
proto_put_begin(struct writer *w, const struct proto_begin *b)
{
    proto_put_head(w, PROTO_BEGIN);
    writer_u8(w, (uint8_t)b->operation);
    writer_u8(w, (uint8_t)b->card);
    put_handle(w, b->has_handle, b->handle);
    writer_u32(w, b->pid);
    writer_u32(w, b->parent);
    writer_str(w, b->user);
    writer_str(w, b->service);
    writer_str(w, b->tty);
    writer_str(w, b->rhost);
    writer_str(w, b->ruser);
    writer_str(w, b->ccname);
}

bool
proto_get_begin(const void *packet, size_t len, struct proto_begin *b_out)
{
    struct reader r = open_packet(packet, len, PROTO_BEGIN);
    struct proto_begin b = { 0 };
    unsigned operation = reader_u8(&r), card = reader_u8(&r);

    memset(b_out, 0, sizeof(*b_out));
    if (operation < PROTO_AUTHENTICATE || operation > PROTO_CHANGE_PASSWORD || card > PROTO_CARD_ONLY ||
        (card != PROTO_CARD_DEFAULT && operation != PROTO_AUTHENTICATE))
        return false;
    b.operation = (enum proto_operation)operation;
    b.card = (enum proto_card)card;
    b.has_handle = get_handle(&r, b.handle);
    b.pid = reader_u32(&r);
    b.parent = reader_u32(&r);
    reader_str_copy(&r, b.user, sizeof(b.user));
    reader_str_copy(&r, b.service, sizeof(b.service));
    reader_str_copy(&r, b.tty, sizeof(b.tty));
    reader_str_copy(&r, b.rhost, sizeof(b.rhost));
    reader_str_copy(&r, b.ruser, sizeof(b.ruser));
    reader_str_copy(&r, b.ccname, sizeof(b.ccname));
    if (!reader_done(&r))
        return false;
    *b_out = b;
    return true;
}

void
proto_put_answer(struct writer *w, const char *secret, size_t n)
{
    proto_put_head(w, PROTO_ANSWER);
    writer_strn(w, secret, n);
}

bool
proto_get_answer(const void *packet, size_t len, const char **secret_out, size_t *n_out)
{
    struct reader r = open_packet(packet, len, PROTO_ANSWER);

    *secret_out = reader_str(&r, PROTO_SECRET_MAX, n_out);
    return reader_done(&r);
}

bool
proto_get_choice(const void *packet, size_t len, unsigned n, unsigned *place_out)
{
    const char *text;
    size_t digits;
    unsigned place = 0;

    *place_out = 0;
    if (!proto_get_answer(packet, len, &text, &digits) || digits == 0 || digits > 2 || text[0] == '0')
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        place = place * 10 + (unsigned)(text[i] - '0');
    }
    if (place > n)
        return false;
    *place_out = place;
    return true;
}

static void
put_values(struct writer *w, unsigned n, char const (*values)[256])
{
    if (n > PROTO_VALUES_MAX)
        w->failed = true;
    writer_u8(w, (uint8_t)n);
    for (unsigned i = 0; i < n && i < PROTO_VALUES_MAX; i++)
        writer_str(w, values[i]);
}

static unsigned
get_values(struct reader *r, char (*values)[256])
{
    unsigned n = reader_u8(r);

    if (n > PROTO_VALUES_MAX) {
        reader_fail(r);
        return 0;
    }
    for (unsigned i = 0; i < n; i++)
        reader_str_copy(r, values[i], sizeof(values[i]));
    return n;
}

void
proto_put_order(struct writer *w, const struct proto_order *o)
{
    proto_put_head(w, o->type);
    if (o->type == PROTO_WAIT)
        return;
    if (o->type == PROTO_SET) {
        writer_u8(w, (uint8_t)o->what);
        writer_str(w, o->text);
        return;
    }
    writer_u8(w, o->type == PROTO_ASK ? (uint8_t)o->how : o->is_error);
    writer_u32(w, o->code);
    put_values(w, o->n_values, o->values);
}

static void
get_set(struct reader *r, struct proto_order *o)
{
    unsigned what = reader_u8(r);

    if (what < PROTO_SET_KRB5CCNAME || what > PROTO_SET_NTLM_FILE)
        reader_fail(r);
    o->what = (enum proto_set)what;
    reader_str_copy(r, o->text, sizeof(o->text));
}

bool
proto_get_order(const void *packet, size_t len, struct proto_order *o_out)
{
    struct reader r = reader_init(packet, len);
    struct proto_order o = { 0 };
    unsigned type = proto_get_head(&r), how;

    memset(o_out, 0, sizeof(*o_out));
    o.type = (enum proto_type)type;
    switch (type) {
    case PROTO_WAIT:
        break;
    case PROTO_SET:
        get_set(&r, &o);
        break;
    case PROTO_ASK:
        how = reader_u8(&r);
        if (how < PROTO_HOW_SECRET || how > PROTO_HOW_CHOICE)
            reader_fail(&r);
        o.how = (enum proto_how)how;
        o.code = reader_u32(&r);
        o.n_values = get_values(&r, o.values);
        if (how == PROTO_HOW_CHOICE && o.n_values < 2)
            reader_fail(&r);
        break;
    case PROTO_SAY:
        o.is_error = get_bool(&r);
        o.code = reader_u32(&r);
        o.n_values = get_values(&r, o.values);
        break;
    default:
        return false;
    }
    if (!reader_done(&r))
        return false;
    *o_out = o;
    return true;
}

void
proto_put_done(struct writer *w, const struct proto_done *d)
{
    proto_put_head(w, PROTO_DONE);
    writer_u32(w, (uint32_t)d->err);
    writer_u32(w, d->uid);
    put_handle(w, d->has_handle, d->handle);
    writer_str(w, d->sid);
    put_values(w, d->n_values, d->values);
}

bool
proto_get_done(const void *packet, size_t len, struct proto_done *d_out)
{
    struct reader r = open_packet(packet, len, PROTO_DONE);
    struct proto_done d = { 0 };
    uint32_t err = reader_u32(&r);

    memset(d_out, 0, sizeof(*d_out));
    d_out->err = ERR_PROTOCOL;
    if (err_name(err)[0] == '?')
        return false;
    d.err = (enum err)err;
    d.uid = reader_u32(&r);
    d.has_handle = get_handle(&r, d.handle);
    reader_str_copy(&r, d.sid, sizeof(d.sid));
    d.n_values = get_values(&r, d.values);
    if (!reader_done(&r))
        return false;
    *d_out = d;
    return true;
}
