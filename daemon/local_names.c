#include "daemon/local_names.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"

#define FILE_MAX (256U << 20) /* bytes of a file that is read at all */
#define READ_STEP 65536U      /* at once */

struct names {
    const char *path;
    struct stat seen;      /* as it was when it was read */
    char **names;          /* sorted, lower case */
    uint32_t *ids;         /* sorted */
    uint32_t n;
};

struct local_names {
    const struct config *config;
    struct names users, groups;
    int watch;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void
lower_case(const char *name, char *buf, size_t size)
{
    size_t n = strnlen(name, size - 1);

    for (size_t i = 0; i < n; i++)
        buf[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    buf[n] = '\0';
}

static void
add_entry(struct local_names *l, struct names *t, const char *name, uint32_t id)
{
    if (t->n % 64 == 0) {
        t->names = talloc_realloc(l, t->names, char *, t->n + 64);
        t->ids = talloc_realloc(l, t->ids, uint32_t, t->n + 64);
        if (t->names == NULL || t->ids == NULL)
            abort();
    }
    t->names[t->n] = talloc_strdup(t->names, name);
    if (t->names[t->n] == NULL)
        abort();
    lower_case(name, t->names[t->n], strlen(name) + 1);
    t->ids[t->n++] = id;
}

static void
read_entries(struct local_names *l, struct names *t, FILE *f)
{
    if (t == &l->users) {
        for (const struct passwd *pw = fgetpwent(f); pw != NULL; pw = fgetpwent(f))
            add_entry(l, t, pw->pw_name, pw->pw_uid);
    } else {
        for (const struct group *gr = fgetgrent(f); gr != NULL; gr = fgetgrent(f))
            add_entry(l, t, gr->gr_name, gr->gr_gid);
    }
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The whole file in memory, len_out bytes and room for one more; under mem. NULL with errno. */
static char *
read_whole(TALLOC_CTX *mem, int fd, size_t *len_out)
{
    char *text = NULL;
    size_t len = 0;
    ssize_t n;

    do {
        text = talloc_realloc_size(mem, text, len + READ_STEP);
        if (text == NULL)
            abort();
        n = read(fd, text + len, READ_STEP - 1);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && len < FILE_MAX);
    if (n > 0)
        errno = EFBIG;
    *len_out = len;
    return n == 0 ? text : NULL;
}

/*
 * A stream over the file's text: libc seeks in what it reads lines of, and
 * front may not (sandbox.c).  A NUL ends a line, and would end the stream.
 */
static FILE *
open_text(TALLOC_CTX *mem, const char *path, struct stat *seen_out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *f = NULL;
    char *text;
    size_t len;

    if (fd < 0)
        return NULL;
    text = fstat(fd, seen_out) == 0 ? read_whole(mem, fd, &len) : NULL;
    if (text != NULL) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(text[i] == '\0' ? '\n' : text[i]);
        text[len++] = '\n';
        f = fmemopen(text, len, "r");
    }
    (void)close(fd);
    return f;
}

/* True if it was read anew. Where it cannot be read, what was known stays. */
static bool
refresh(struct local_names *l, struct names *t)
{
    TALLOC_CTX *mem;
    struct stat st;
    FILE *f;

    if (stat(t->path, &st) == 0 && same_file(&st, &t->seen))
        return false;
    mem = talloc_new(NULL);
    f = open_text(mem, t->path, &st);
    if (f == NULL) {
        log_error("cannot read %s: %s", t->path, strerror(errno));
        talloc_free(mem);
        return false;
    }
    t->seen = st;
    TALLOC_FREE(t->names);
    TALLOC_FREE(t->ids);
    t->n = 0;
    read_entries(l, t, f);
    (void)fclose(f);
    talloc_free(mem);
    if (t->n > 0) {
        qsort(t->names, t->n, sizeof(*t->names), compare_names);
        qsort(t->ids, t->n, sizeof(*t->ids), compare_ids);
    }
    return true;
}

static int
close_watch(struct local_names *l)
{
    if (l->watch >= 0)
        (void)close(l->watch);
    return 0;
}

struct local_names *
local_names_new(TALLOC_CTX *mem, const struct config *c)
{
    struct local_names *l = talloc_zero(mem, struct local_names);

    if (l == NULL)
        return NULL;
    l->config = c;
    l->users.path = "/etc/passwd";
    l->groups.path = "/etc/group";
    l->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    talloc_set_destructor(l, close_watch);
    /* The folder, because tools write a new file and rename it into place. */
    if (l->watch >= 0 && inotify_add_watch(l->watch, "/etc", IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        log_warning("cannot watch /etc: %s", strerror(errno));
    (void)local_names_refresh(l);
    return l;
}

void
local_names_config(struct local_names *l, const struct config *c)
{
    l->config = c;
}

int
local_names_watch(const struct local_names *l)
{
    return l->watch;
}

bool
local_names_refresh(struct local_names *l)
{
    char events[4096];
    bool users, groups;

    while (l->watch >= 0 && read(l->watch, events, sizeof(events)) > 0)
        ;
    users = refresh(l, &l->users);
    groups = refresh(l, &l->groups);
    return users || groups;
}

static bool
has_name(const struct local_names *l, const struct names *t, const char *name)
{
    char lower[512];
    const char *key = lower;

    lower_case(name, lower, sizeof(lower));
    return config_is_reserved(l->config, lower) ||
           (t->n > 0 && bsearch(&key, t->names, t->n, sizeof(*t->names), compare_names) != NULL);
}

static bool
has_id(const struct names *t, uint32_t id)
{
    return t->n > 0 && bsearch(&id, t->ids, t->n, sizeof(*t->ids), compare_ids) != NULL;
}

bool
local_names_has_user(const struct local_names *l, const char *name)
{
    return has_name(l, &l->users, name);
}

bool
local_names_has_uid(const struct local_names *l, uint32_t uid)
{
    return has_id(&l->users, uid);
}

bool
local_names_has_group(const struct local_names *l, const char *name)
{
    return has_name(l, &l->groups, name);
}

bool
local_names_has_gid(const struct local_names *l, uint32_t gid)
{
    return has_id(&l->groups, gid);
}

void
local_names_each(const struct local_names *l, local_names_fn *fn, void *arg)
{
    for (size_t i = 0; i < l->config->n_reserved; i++)
        fn(arg, l->config->reserved_names[i]);
    for (size_t i = 0; i < l->users.n; i++)
        fn(arg, l->users.names[i]);
    for (size_t i = 0; i < l->groups.n; i++)
        fn(arg, l->groups.names[i]);
}

void
local_names_tables(const struct local_names *l, struct local_names_table *users_out,
                   struct local_names_table *groups_out)
{
    *users_out = (struct local_names_table){ .names = l->users.names, .ids = l->users.ids, .n = l->users.n };
    *groups_out = (struct local_names_table){ .names = l->groups.names, .ids = l->groups.ids, .n = l->groups.n };
}
