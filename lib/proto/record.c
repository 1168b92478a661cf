#include "lib/proto/record.h"

#include <string.h>

#include "lib/proto/text.h"

void
record_put_passwd(struct writer *w, uint32_t uid, uint32_t gid, const char *name, const char *gecos, const char *home,
                  const char *shell)
{
    const char *const strings[] = { name, gecos, home, shell };

    writer_u8(w, RECORD_PASSWD);
    writer_u32(w, uid);
    writer_u32(w, gid);
    for (size_t i = 0; i < 4; i++)
        writer_u16(w, (uint16_t)strnlen(strings[i], UINT16_MAX));
    for (size_t i = 0; i < 4; i++)
        writer_bytes(w, strings[i], strnlen(strings[i], UINT16_MAX) + 1);
}

void
record_put_group(struct writer *w, uint32_t gid, const char *name, const char *const *members, uint32_t n)
{
    writer_u8(w, RECORD_GROUP);
    writer_u32(w, gid);
    writer_u32(w, n);
    writer_str(w, name);
    for (uint32_t i = 0; i < n; i++)
        writer_u16(w, (uint16_t)strnlen(members[i], UINT16_MAX));
    for (uint32_t i = 0; i < n; i++)
        writer_bytes(w, members[i], strnlen(members[i], UINT16_MAX) + 1);
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

/* A name is never empty: an empty one would match what nobody asked for. */
static inline struct record_str
get_name(struct reader *r)
{
    struct record_str name = { .len = reader_u32(r) };

    if (name.len == 0 || name.len > PROTO_NAME_MAX)
        reader_fail(r);
    name.s = (const char *)reader_bytes(r, name.len);
    return name;
}

/* The string at *at, which steps over it. False if there is no NUL behind it. */
static bool
step(const char **at, struct record_str *str)
{
    str->s = *at;
    *at += str->len + 1;
    return str->s[str->len] == '\0';
}

static size_t
get_length(const uint8_t *p)
{
    return p[0] | (size_t)p[1] << 8;
}

#define PASSWD_HEAD 16 /* bytes: uid, gid, and four lengths */

static void
get_passwd(struct reader *r, struct record *rec)
{
    const uint8_t *head = reader_bytes(r, PASSWD_HEAD);
    const char *s;

    if (head == NULL)
        return;
    rec->uid = record_u32(head);
    rec->gid = record_u32(head + 4);
    rec->name.len = get_length(head + 8);
    rec->gecos.len = get_length(head + 10);
    rec->home.len = get_length(head + 12);
    rec->shell.len = get_length(head + 14);
    s = (const char *)reader_bytes(r, rec->name.len + rec->gecos.len + rec->home.len + rec->shell.len + 4);
    if (s == NULL || !step(&s, &rec->name) || !step(&s, &rec->gecos) || !step(&s, &rec->home) ||
        !step(&s, &rec->shell))
        reader_fail(r);
    if (rec->name.len == 0 || rec->name.len > PROTO_NAME_MAX || rec->gecos.len > PROTO_TEXT_MAX ||
        rec->home.len > PROTO_TEXT_MAX || rec->shell.len > PROTO_TEXT_MAX)
        reader_fail(r);
}

/* The list: n elements of size bytes. */
static const uint8_t *
get_list(struct reader *r, const struct record *rec, size_t size)
{
    if (rec->n > reader_left(r) / size)
        reader_fail(r);
    return reader_bytes(r, (size_t)rec->n * size);
}

static void
get_group(struct reader *r, struct record *rec)
{
    rec->gid = reader_u32(r);
    rec->n = reader_u32(r);
    rec->name = get_name(r);
    rec->list = get_list(r, rec, 2);
    rec->members_len = reader_left(r);
    rec->members = (const char *)reader_bytes(r, rec->members_len);
}

static void
get_groups(struct reader *r, struct record *rec)
{
    rec->uid = reader_u32(r);
    rec->gid = reader_u32(r);
    rec->n = reader_u32(r);
    rec->list = get_list(r, rec, 4);
    rec->name = get_name(r);
}

/* Member by member: what compilers make of one assignment (`rep stos`) takes a tenth of a whole lookup. */
static void
clear(struct record *rec)
{
    const struct record_str none = { NULL, 0 };

    rec->kind = 0;
    rec->uid = 0;
    rec->gid = 0;
    rec->name = none;
    rec->gecos = none;
    rec->home = none;
    rec->shell = none;
    rec->n = 0;
    rec->list = NULL;
    rec->members = NULL;
    rec->members_len = 0;
}

bool
record_get(struct reader *r, struct record *rec_out)
{
    struct reader in = *r; /* in registers, which *r can't be */

    clear(rec_out);
    rec_out->kind = reader_u8(&in);
    switch (rec_out->kind) {
    case RECORD_PASSWD:
        get_passwd(&in, rec_out);
        break;
    case RECORD_GROUP:
        get_group(&in, rec_out);
        break;
    case RECORD_GROUPS:
        get_groups(&in, rec_out);
        break;
    default:
        reader_fail(&in);
    }
    *r = in;
    if (reader_done(&in))
        return true;
    clear(rec_out);
    return false;
}

#define CHUNK 64U /* bytes: a constant, so that the loop over them becomes vector instructions */

/* Counts the NULs, and says whether there is anything that a plain ASCII name can't have. */
static bool
scan_chunk(const uint8_t p[static CHUNK], size_t *nuls)
{
    uint8_t odd = 0, n = 0;

    for (size_t i = 0; i < CHUNK; i++) {
        odd |= (uint8_t)((uint8_t)(p[i] - 0x20) > 0x7e - 0x20) & (uint8_t)(p[i] != 0);
        odd |= (uint8_t)(p[i] == ':') | (uint8_t)(p[i] == '/');
        n = (uint8_t)(n + (p[i] == 0));
    }
    *nuls += n;
    return odd == 0;
}

/* True if all names are plain ASCII and none has a NUL inside: then their first bytes are all that is left to check. */
static bool
are_plain(const char *names, size_t len, uint32_t n)
{
    const uint8_t *p = (const uint8_t *)names;
    uint8_t last[CHUNK];
    size_t nuls = 0;

    for (; len >= CHUNK; len -= CHUNK, p += CHUNK) {
        if (!scan_chunk(p, &nuls))
            return false;
    }
    memset(last, ' ', sizeof(last));
    memcpy(last, p, len);
    return scan_chunk(last, &nuls) && nuls == n;
}

/* What a name begins with that text_is_name may refuse though it is plain. */
static bool
begins_oddly(char c)
{
    return c == '-' || c == '.' || c == 'r' || (c >= '0' && c <= '9');
}

bool
record_members(const struct record *rec, char *copy, char **members_out)
{
    bool plain = are_plain(copy, rec->members_len, rec->n);
    size_t at = 0;

    for (uint32_t i = 0; i < rec->n; i++) {
        size_t len = get_length(rec->list + 2 * (size_t)i);
        char *name = copy + at;

        if (len == 0 || len > PROTO_NAME_MAX || len >= rec->members_len - at || name[len] != '\0')
            return false;
        if ((!plain || begins_oddly(name[0])) && !text_is_name(name, len))
            return false;
        if (members_out != NULL)
            members_out[i] = name;
        at += len + 1;
    }
    return at == rec->members_len;
}

static bool
name_is_safe(struct record_str name)
{
    return text_is_name(name.s, name.len);
}

static bool
path_is_safe(struct record_str path, bool plain)
{
    return (plain || text_is_field(path.s, path.len)) && (path.len == 0 || path.s[0] == '/');
}

bool
record_head_is_safe(const struct record *rec, bool plain)
{
    if (!record_id_is_safe(rec->gid) || !name_is_safe(rec->name))
        return false;
    if (rec->kind == RECORD_GROUP)
        return true;
    if (!record_id_is_safe(rec->uid))
        return false;
    return rec->kind == RECORD_GROUPS || ((plain || text_is_field(rec->gecos.s, rec->gecos.len)) &&
                                          path_is_safe(rec->home, plain) && path_is_safe(rec->shell, plain));
}

static bool
gids_are_safe(const struct record *rec)
{
    for (uint32_t i = 0; i < rec->n; i++) {
        if (!record_id_is_safe(record_gid(rec, i)))
            return false;
    }
    return true;
}

bool
record_is_safe(const struct record *rec)
{
    if (!record_head_is_safe(rec, false))
        return false;
    if (rec->kind == RECORD_GROUP)
        return record_members(rec, (char *)(uintptr_t)rec->members, NULL);
    return rec->kind != RECORD_GROUPS || gids_are_safe(rec);
}
