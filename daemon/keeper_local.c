/*
 * The list of local names (lib/identmap/local_list.h): a new file whenever
 * /etc/passwd, /etc/group or reserved_names change.  One that is out of date
 * is worse than none, without which the modules read the local files
 * themselves: so where a new one cannot be written the old one goes all the
 * same.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "daemon/local_names.h"
#include "lib/base/log.h"
#include "lib/identmap/local_list.h"
#include "lib/proto/client.h"

#define NAME (&LOCAL_LIST_PATH[sizeof(AUTHSOD_RUNDIR)]) /* inside the folder */
#define NEW "local-names.new"
#define EVERY_MS 500   /* the lease is renewed */
#define AGAIN_MS 1000  /* a list that could not be written is tried again */

struct local_list {
    struct local_names *names;
    void *data;        /* the file in place, mapped; NULL */
    size_t len;
    bool missing;      /* it could not be written; the log says so */
    int64_t renew_at, again_at;
};

/* What is in the list. */
struct contents {
    struct local_names_table users, groups;
    const struct config *config;
};

static struct contents
contents_of(const struct keeper *k)
{
    struct contents c = { .config = k->config };

    local_names_tables(k->local->names, &c.users, &c.groups);
    return c;
}

static void
add_name(void *data, enum local_list_table table, const char *name)
{
    const struct shared_head *head = data;
    char folded[512];
    size_t n = strnlen(name, sizeof(folded));

    local_list_fold(name, n, folded);
    local_list_add_name(data, table, hash_keyed(head->key, folded, n));
}

static void
add_table(void *data, enum local_list_table names, enum local_list_table ids, const struct local_names_table *t,
          const struct config *c)
{
    for (uint32_t i = 0; i < t->n; i++) {
        add_name(data, names, t->names[i]);
        local_list_add_id(data, ids, t->ids[i]);
    }
    for (size_t i = 0; i < c->n_reserved; i++)
        add_name(data, names, c->reserved_names[i]);
}

/* A new file, mapped whole. NULL with errno. */
static void *
make_file(const struct keeper *k, size_t len)
{
    int fd = keeper_map_file(k, NEW), code;
    void *data = MAP_FAILED;

    if (fd < 0)
        return NULL;
    code = posix_fallocate(fd, 0, (off_t)len);
    if (code == 0) {
        data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        code = errno;
    }
    (void)close(fd);
    if (data != MAP_FAILED)
        return data;
    (void)unlinkat(k->run_fd, NEW, 0);
    errno = code;
    return NULL;
}

/* Writes all into a new file and puts it in place. False with errno. */
static bool
write_file(const struct keeper *k, void **data_out, size_t *len_out)
{
    struct contents c = contents_of(k);
    uint32_t reserved = (uint32_t)c.config->n_reserved;
    const uint32_t n[LOCAL_LIST_TABLES] = { [LOCAL_LIST_USERS] = c.users.n + reserved,
                                            [LOCAL_LIST_GROUPS] = c.groups.n + reserved,
                                            [LOCAL_LIST_UIDS] = c.users.n,
                                            [LOCAL_LIST_GIDS] = c.groups.n };
    size_t len = local_list_size(n);
    void *data = make_file(k, len);
    int err;

    if (data == NULL)
        return false;
    shared_head_init(data, LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, k->map_key);
    local_list_begin(data, n);
    add_table(data, LOCAL_LIST_USERS, LOCAL_LIST_UIDS, &c.users, c.config);
    add_table(data, LOCAL_LIST_GROUPS, LOCAL_LIST_GIDS, &c.groups, c.config);
    shared_renew(data, shared_now());
    if (renameat(k->run_fd, NEW, k->run_fd, NAME) == 0) {
        *data_out = data;
        *len_out = len;
        return true;
    }
    err = errno;
    (void)munmap(data, len);
    (void)unlinkat(k->run_fd, NEW, 0);
    errno = err;
    return false;
}

/* The list in place is believed no more. */
static void
drop(struct local_list *l)
{
    if (l->data == NULL)
        return;
    shared_supersede(l->data);
    (void)munmap(l->data, l->len);
    l->data = NULL;
}

static void
write_list(struct keeper *k)
{
    struct local_list *l = k->local;
    size_t len = 0;
    void *data = NULL;
    bool ok = write_file(k, &data, &len);
    int err = errno;

    drop(l);
    if (ok) {
        l->data = data;
        l->len = len;
        if (l->missing)
            log_info("the list of local names is there again");
        l->missing = false;
        return;
    }
    /* Its room may be what is missing. */
    (void)unlinkat(k->run_fd, NAME, 0);
    if (!l->missing)
        log_error("cannot write " LOCAL_LIST_PATH ": %s: until it can be, every process reads the local files itself",
                  strerror(err));
    l->missing = true;
    l->again_at = client_now() + AGAIN_MS;
}

bool
keeper_local_begin(struct keeper *k)
{
    k->local = talloc_zero(k, struct local_list);
    if (k->local == NULL)
        return false;
    k->local->names = local_names_new(k->local, k->config);
    if (k->local->names == NULL)
        return false;
    write_list(k);
    return true;
}

int
keeper_local_watch(const struct keeper *k)
{
    return local_names_watch(k->local->names);
}

void
keeper_local_refresh(struct keeper *k)
{
    if (local_names_refresh(k->local->names))
        write_list(k);
}

void
keeper_local_config(struct keeper *k)
{
    local_names_config(k->local->names, k->config);
    write_list(k);
}

void
keeper_local_tick(struct keeper *k)
{
    struct local_list *l = k->local;
    int64_t now = client_now();

    if (l->missing && now >= l->again_at)
        write_list(k);
    if (now < l->renew_at)
        return;
    l->renew_at = now + EVERY_MS;
    /* Nobody tells of changes: then they are looked for. */
    if (local_names_watch(l->names) < 0)
        keeper_local_refresh(k);
    if (l->data != NULL)
        shared_renew(l->data, shared_now());
}

void
keeper_local_end(struct keeper *k)
{
    if (k->local == NULL)
        return;
    if (k->local->data != NULL)
        (void)unlinkat(k->run_fd, NAME, 0);
    drop(k->local);
    TALLOC_FREE(k->local);
}
