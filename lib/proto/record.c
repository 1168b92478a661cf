#include "lib/proto/record.h"

#include <string.h>

#include "lib/proto/proto.h"
#include "lib/proto/text.h"

void
record_put_passwd(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const char *gecos, const char *home,
                  const char *shell)
{
    writer_u8(w, RECORD_PASSWD);
    writer_u32(w, uid);
    writer_u32(w, gid);
    writer_str(w, name);
    writer_str(w, gecos);
    writer_str(w, home);
    writer_str(w, shell);
}

void
record_put_group(struct writer *w, uint32_t gid, const char *name, const char *const *members, uint32_t n)
{
    writer_u8(w, RECORD_GROUP);
    writer_u32(w, gid);
    writer_u32(w, n);
    writer_str(w, name);
    for (uint32_t i = 0; i < n; i++)
        writer_str(w, members[i]);
}

void
record_put_groups(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const uint32_t *gids, uint32_t n)
{
    writer_u8(w, RECORD_GROUPS);
    writer_u32(w, uid);
    writer_u32(w, gid);
    writer_u32(w, n);
    for (uint32_t i = 0; i < n; i++)
        writer_u32(w, gids[i]);
    writer_str(w, name);
}

static struct record_str
get_str(struct reader *r, size_t max)
{
    struct record_str str;

    str.s = reader_str(r, max, &str.len);
    return str;
}

/* A name is never empty: an empty one would match what nobody asked for. */
static struct record_str
get_name(struct reader *r)
{
    struct record_str name = get_str(r, PROTO_NAME_MAX);

    if (name.len == 0)
        reader_fail(r);
    return name;
}

static void
get_passwd(struct reader *r, struct record *rec)
{
    rec->uid = reader_u32(r);
    rec->gid = reader_u32(r);
    rec->name = get_name(r);
    rec->gecos = get_str(r, PROTO_TEXT_MAX);
    rec->home = get_str(r, PROTO_TEXT_MAX);
    rec->shell = get_str(r, PROTO_TEXT_MAX);
}

static void
get_group(struct reader *r, struct record *rec)
{
    rec->gid = reader_u32(r);
    rec->n = reader_u32(r);
    rec->name = get_name(r);
    rec->list = *r;
    for (uint32_t i = 0; i < rec->n && !r->failed; i++)
        rec->list_strings += get_name(r).len;
}

static void
get_groups(struct reader *r, struct record *rec)
{
    rec->uid = reader_u32(r);
    rec->gid = reader_u32(r);
    rec->n = reader_u32(r);
    if (rec->n > reader_left(r) / 4)
        reader_fail(r);
    rec->list = reader_sub(r, (size_t)rec->n * 4);
    rec->name = get_name(r);
}

bool
record_get(struct reader *r, struct record *rec_out)
{
    struct record rec = { 0 };

    memset(rec_out, 0, sizeof(*rec_out));
    switch (reader_u8(r)) {
    case RECORD_PASSWD:
        rec.kind = RECORD_PASSWD;
        get_passwd(r, &rec);
        break;
    case RECORD_GROUP:
        rec.kind = RECORD_GROUP;
        get_group(r, &rec);
        break;
    case RECORD_GROUPS:
        rec.kind = RECORD_GROUPS;
        get_groups(r, &rec);
        break;
    default:
        reader_fail(r);
    }
    if (!reader_done(r))
        return false;
    *rec_out = rec;
    return true;
}

static bool
id_is_safe(uint32_t id)
{
    return id >= PROTO_ID_MIN && id != UINT32_MAX;
}

static bool
name_is_safe(struct record_str name)
{
    return text_is_name(name.s, name.len);
}

static bool
path_is_safe(struct record_str path)
{
    return text_is_field(path.s, path.len) && (path.len == 0 || path.s[0] == '/');
}

static bool
list_is_safe(const struct record *rec)
{
    struct reader list = rec->list;

    for (uint32_t i = 0; i < rec->n; i++) {
        if (rec->kind == RECORD_GROUPS ? !id_is_safe(reader_u32(&list)) : !name_is_safe(get_name(&list)))
            return false;
    }
    return true;
}

bool
record_is_safe(const struct record *rec)
{
    if (!id_is_safe(rec->gid) || !name_is_safe(rec->name))
        return false;
    if (rec->kind == RECORD_GROUP)
        return list_is_safe(rec);
    if (!id_is_safe(rec->uid))
        return false;
    if (rec->kind == RECORD_GROUPS)
        return list_is_safe(rec);
    return text_is_field(rec->gecos.s, rec->gecos.len) && path_is_safe(rec->home) && path_is_safe(rec->shell);
}
