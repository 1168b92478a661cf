/* LOOKUP and WHO: what NSS and a conversation ask. */
#include "daemon/directory.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/proto/sealed.h"

/* What FOUND is made of. */
struct answer {
    enum ipc_status status;
    int64_t learned;
    bool soon;                  /* something is missing: to be asked for again soon */
    struct dir_record record;
};

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void
look_up_user(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, const struct ipc_lookup *m, struct answer *a)
{
    struct store_user *u;

    a->status = dir_find_user(d, mem, key, m->refresh, &u);
    if (a->status != IPC_STATUS_FOUND)
        return;
    a->learned = u->refreshed;
    if (!dir_record_passwd(d, mem, u, &a->record))
        a->status = IPC_STATUS_NONE;
}

static void
look_up_groups(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, const struct ipc_lookup *m, struct answer *a)
{
    struct store_user *u;

    a->status = dir_find_groups(d, mem, key, m->refresh, &u);
    if (a->status != IPC_STATUS_FOUND)
        return;
    a->learned = earlier(u->refreshed, key->trust == NULL ? u->groups_learned : u->resource_learned);
    if (key->trust != NULL && u->resource_learned == 0)
        a->learned = u->refreshed;
    a->soon = key->trust != NULL && !dir_fresh(d, u->resource_learned, false);
    /* Not in LEARN: there a person waits, and what is not known yet the tick asks for. */
    if (d->namesakes == NULL)
        dir_namesakes_refresh(d);
    if (!dir_record_groups(d, mem, u, &a->record))
        a->status = IPC_STATUS_LATER;
    /* They will be asked for next, one by one. */
    dir_learn_names(d, u);
}

static void
look_up_group(struct dir *d, TALLOC_CTX *mem, const struct dir_key *key, const struct ipc_lookup *m, struct answer *a)
{
    /* By id `id` asks, for each group of a user: members are what others take minutes for. */
    bool members = m->by == PROTO_BY_NAME;
    struct store_group *g;

    a->status = dir_find_group(d, mem, key, m->refresh, members, &g);
    if (a->status != IPC_STATUS_FOUND)
        return;
    a->learned = g->refreshed;
    if (members && dir_usable(d, g->members_learned))
        a->learned = earlier(g->refreshed, g->members_learned);
    else
        a->soon = members;
    if (!dir_record_group(d, mem, g, &a->record))
        a->status = IPC_STATUS_LATER;
}

static void
send_found(struct dir *d, TALLOC_CTX *mem, uint32_t request, const struct answer *a)
{
    struct ipc_found m = { .request = request, .status = a->status, .refresh = 1, .end = 1 };
    size_t size = 64 + (a->record.len <= DIR_RECORD_INLINE ? a->record.len : 0);
    struct writer w = writer_init(talloc_size(mem, size), size);
    int fd = -1;

    if (w.data == NULL)
        return;
    if (a->status == IPC_STATUS_FOUND) {
        dir_times(d, a->learned, &m.refresh, &m.end);
        if (a->soon && m.refresh > DIR_RETRY_S)
            m.refresh = DIR_RETRY_S;
        m.record = a->record.bytes;
        m.record_len = a->record.len;
    } else if (a->status == IPC_STATUS_NONE) {
        m.refresh = m.end = (uint32_t)d->config->negative;
    }
    if (m.record_len > DIR_RECORD_INLINE) {
        m.record = NULL;
        m.record_len = 0;
        fd = sealed_new("authsod record", a->record.bytes, a->record.len);
        if (fd < 0)
            m.status = IPC_STATUS_LATER;
    }
    ipc_put_found(&w, &m);
    dir_reply(d, &w, fd);
    if (fd >= 0)
        (void)close(fd);
}

bool
dir_on_lookup(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    static void (*const look_up[])(struct dir *, TALLOC_CTX *, const struct dir_key *, const struct ipc_lookup *,
                                   struct answer *) = {
        [RECORD_PASSWD] = look_up_user, [RECORD_GROUP] = look_up_group, [RECORD_GROUPS] = look_up_groups,
    };
    static const char *const words[] = { "?", "found", "none", "later" };
    struct answer a = { .status = IPC_STATUS_NONE };
    struct ipc_lookup m;
    struct dir_key key;
    TALLOC_CTX *mem;

    (void)fds;
    if (!ipc_get_lookup(packet, len, &m) || m.kind < RECORD_PASSWD || m.kind > RECORD_GROUPS ||
        !(m.by == PROTO_BY_NAME || (m.by == PROTO_BY_ID && m.kind != RECORD_GROUPS)))
        return false;
    mem = talloc_new(NULL);
    a.status = m.by == PROTO_BY_ID ? dir_key_of_id(d, m.id, &key) : dir_key_of_name(d, m.name, &key);
    if (a.status == IPC_STATUS_FOUND)
        look_up[m.kind](d, mem, &key, &m, &a);
    if (a.status == IPC_STATUS_LATER && dir_put_aside(d, packet, len)) {
        talloc_free(mem);
        return true;
    }
    log_debug("lookup of kind %u, %s %u%s: %s", m.kind, m.by == PROTO_BY_ID ? "id" : m.name, m.id,
              m.refresh ? ", again" : "", words[a.status]);
    send_found(d, mem, m.request, &a);
    talloc_free(mem);
    return true;
}

/* The domain of an account, if it is not the own one. */
static void
tell_home(const struct dir *d, const struct sid *account, struct ipc_home *home_out)
{
    const struct trust *trust = dir_trust_of(d, account);

    if (trust == NULL)
        return;
    memcpy(home_out->dns, trust->dns, sizeof(home_out->dns));
    memcpy(home_out->netbios, trust->netbios, sizeof(home_out->netbios));
    home_out->mutual = trust->mutual;
}

bool
dir_on_who(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    struct ipc_identity is = { .status = IPC_STATUS_NONE, .sid = { .n_subs = 1 } }; /* S-1-0-0, nobody */
    uint8_t bytes[2048];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct store_user *u = NULL;
    struct ipc_who m;
    struct dir_key key;
    TALLOC_CTX *mem;

    (void)fds;
    if (!ipc_get_who(packet, len, &m))
        return false;
    mem = talloc_new(NULL);
    is.request = m.request;
    is.status = dir_key_of_name(d, m.name, &key);
    if (is.status == IPC_STATUS_FOUND)
        is.status = dir_find_user(d, mem, &key, false, &u);
    if (is.status == IPC_STATUS_LATER && dir_put_aside(d, packet, len)) {
        talloc_free(mem);
        return true;
    }
    if (is.status == IPC_STATUS_FOUND &&
        (strlen(u->name) >= sizeof(is.name) || strlen(u->account) >= sizeof(is.principal)))
        is.status = IPC_STATUS_NONE;
    if (is.status == IPC_STATUS_FOUND) {
        is.uid = u->uid;
        is.gid = u->gid;
        is.sid = u->sid;
        memcpy(is.name, u->name, strlen(u->name));
        memcpy(is.principal, u->account, strlen(u->account));
        tell_home(d, &u->sid, &is.home);
    }
    if (is.status == IPC_STATUS_LATER)
        is.why = dir_link_why(d);
    ipc_put_identity(&w, &is);
    dir_reply(d, &w, -1);
    talloc_free(mem);
    return true;
}
