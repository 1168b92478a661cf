/* The folder as a whole: what goes from it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cached/cached_private.h"

#define NAMES_STEP 64

/* One of ours in the folder: a user's file, or one that was being written. */
struct entry {
    char name[SID_TEXT_MAX];
    struct sid user;
    bool unfinished;
    int64_t taken; /* see newest_of */
};

struct entries {
    struct entry *all;
    size_t n;
};

/* False if it is none of ours. */
static bool
describe(const char *name, struct entry *out)
{
    char text[SID_TEXT_MAX];
    size_t n = strlen(name);

    *out = (struct entry){ .unfinished = cached_is_unfinished(name) };
    if (n >= sizeof(out->name))
        return false;
    memcpy(out->name, name, n);
    return out->unfinished || (sid_parse(name, &out->user) && strcmp(sid_text(&out->user, text), name) == 0);
}

static bool
append(TALLOC_CTX *mem, struct entries *list, const struct entry *e)
{
    if (list->n % NAMES_STEP == 0) {
        struct entry *more = talloc_realloc(mem, list->all, struct entry, (unsigned)(list->n + NAMES_STEP));

        if (more == NULL) {
            errno = ENOMEM;
            return false;
        }
        list->all = more;
    }
    list->all[list->n++] = *e;
    return true;
}

/* A descriptor of its own, so that the folder's is not moved along. */
static DIR *
open_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), error;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && d == NULL) {
        error = errno;
        (void)close(fd);
        errno = error;
    }
    return d;
}

/* What there is of ours, under mem.  False, with errno. */
static bool
list_folder(int folder, TALLOC_CTX *mem, struct entries *out)
{
    DIR *d = open_folder(folder);
    const struct dirent *found;
    struct entry e;
    bool good = true;
    int error;

    *out = (struct entries){ .n = 0 };
    if (d == NULL)
        return false;
    do {
        errno = 0;
        found = readdir(d);
        good = found != NULL ? !describe(found->d_name, &e) || append(mem, out, &e) : errno == 0;
        error = errno;
    } while (found != NULL && good);
    (void)closedir(d);
    errno = error;
    return good;
}

/* When something was last taken into it; INT64_MIN where it is damaged, INT64_MAX where that cannot be known. */
static int64_t
newest_of(int folder, const struct sid *user)
{
    struct cached_cards *cards = cached_read(folder, NULL, user);
    int64_t newest = INT64_MIN;

    if (cards == NULL)
        return errno == EBADMSG ? INT64_MIN : INT64_MAX;
    for (uint32_t i = 0; i < cards->n; i++)
        newest = cards->cards[i].taken > newest ? cards->cards[i].taken : newest;
    talloc_free(cards);
    return newest;
}

bool
cached_expire(int folder, int64_t before)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    struct entries list = { .n = 0 };
    bool good = tmp != NULL && list_folder(folder, tmp, &list);
    int error = tmp == NULL ? ENOMEM : errno;

    for (size_t i = 0; i < list.n; i++) {
        struct entry *e = &list.all[i];

        if (!e->unfinished && newest_of(folder, &e->user) >= before)
            continue;
        if (unlinkat(folder, e->name, 0) != 0 && errno != ENOENT) {
            error = errno;
            good = false;
        }
    }
    talloc_free(tmp);
    errno = error;
    return good;
}

static int
older_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->taken < y->taken ? -1 : x->taken > y->taken;
}

void
cached_trim(int folder, const struct sid *user)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    struct entries list = { .n = 0 };
    size_t others = 0;

    if (tmp == NULL || !list_folder(folder, tmp, &list))
        goto done;
    for (size_t i = 0; i < list.n; i++) {
        if (!list.all[i].unfinished && !sid_equal(&list.all[i].user, user))
            list.all[others++] = list.all[i];
    }
    if (others < CACHED_USERS_MAX)
        goto done;
    for (size_t i = 0; i < others; i++)
        list.all[i].taken = newest_of(folder, &list.all[i].user);
    qsort(list.all, others, sizeof(list.all[0]), older_first);
    for (size_t i = 0; i < others - (CACHED_USERS_MAX - 1); i++)
        (void)unlinkat(folder, list.all[i].name, 0);

done:
    talloc_free(tmp);
}
