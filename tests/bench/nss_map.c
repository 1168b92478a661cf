/*
 * What a lookup in the identity map costs, in nanoseconds, the module called
 * directly on a map of its own.
 *
 *     nss_map [-u USERS] [-g GROUPS] [-r ROUNDS]
 *
 * Prints a line a way: the median of ROUNDS batches (each long enough that the
 * clock does not count), the least, and what the map holds.  Users u0, u1, ...
 * and groups g0, g1, ...; beside them one user in 5 groups, one in 1,000, a
 * group of 20 members and one of 10,000.  Only some users are asked for again
 * and again, so that it is not the processor's cache that is measured.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/identmap/local_list.h"
#include "lib/identmap/writer.h"
#include "nss_authsod/module.h"

#define ASKED 64U          /* users that are asked for in turn */
#define BATCH_NS 20000000.0
#define THREADS 4
#define UID 1000000U
#define GID 500000000U
#define BIG 10000U
#define MANY 1000U

static struct identmap_writer map;
static void *locals;
static unsigned users = 1000, groups = 100, rounds = 21;
static uint8_t body[1U << 20];
static char names[ASKED][16];

static double
clock_of(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint8_t *
make_file(const char *path, const char *magic, uint32_t version, size_t size)
{
    static uint8_t key[HASH_KEY_LEN];
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    uint8_t *data;
    int error;

    if (key[0] == 0 && getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
        err(1, "getrandom");
    if (fd < 0)
        err(1, "%s", path);
    error = posix_fallocate(fd, 0, (off_t)size);
    if (error != 0)
        errx(1, "%s: %s", path, strerror(error));
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        err(1, "%s", path);
    (void)close(fd);
    shared_head_init(data, magic, version, key);
    return data;
}

static void
put(const struct writer *w, bool by_name, bool by_id)
{
    struct reader r = reader_init(w->data, w->len);
    struct record rec;

    if (!writer_ok(w) || !record_get(&r, &rec))
        errx(1, "a record of the benchmark is none");
    if (!identmap_put(&map, &rec, w->data, w->len, by_name, by_id,
                      (struct identmap_times){ UINT32_MAX - 1, UINT32_MAX }))
        errx(1, "the map is full");
}

static void
put_user(unsigned i)
{
    struct writer w = writer_init(body, sizeof(body));
    char name[16], home[32];
    uint32_t gids[5];

    (void)snprintf(name, sizeof(name), "u%u", i);
    (void)snprintf(home, sizeof(home), "/home/u%u", i);
    record_put_passwd(&w, UID + i, GID, name, "Example User", home, "/bin/bash");
    put(&w, true, true);
    for (uint32_t g = 0; g < 5; g++)
        gids[g] = GID + 1 + g;
    w = writer_init(body, sizeof(body));
    record_put_groups(&w, UID + i, GID, name, gids, 5);
    put(&w, true, false);
}

static void
put_group(const char *name, uint32_t gid, unsigned members)
{
    static char texts[BIG][12];
    static const char *list[BIG];
    struct writer w = writer_init(body, sizeof(body));

    for (unsigned i = 0; i < members; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "user%u", i);
        list[i] = texts[i];
    }
    record_put_group(&w, gid, name, list, members);
    put(&w, true, true);
}

static void
put_many(void)
{
    static uint32_t gids[MANY];
    struct writer w = writer_init(body, sizeof(body));

    for (uint32_t i = 0; i < MANY; i++)
        gids[i] = GID + 1 + i;
    record_put_groups(&w, UID - 1, GID, "many", gids, MANY);
    put(&w, true, false);
}

static void
put_missing(void)
{
    struct identmap_key key = { .kind = RECORD_PASSWD, .by = PROTO_BY_NAME, .name = "nobody-here", .len = 11 };

    key.hash = hash_keyed(((struct shared_head *)(void *)map.data)->key, key.name, key.len);
    identmap_put_none(&map, &key, UINT32_MAX);
}

static void
publish(void)
{
    size_t before;
    double begin;

    for (size_t size = IDENTMAP_SIZE_MIN;; size *= 2) {
        if (size / 320 > users + groups / 2 && size >= (4U << 20)) {
            if (!identmap_begin(&map, make_file("identmap", IDENTMAP_MAGIC, IDENTMAP_VERSION, size), size))
                errx(1, "identmap_begin");
            break;
        }
    }
    put_group("twenty", GID - 1, 20);
    put_group("big", GID - 2, BIG);
    put_many();
    put_missing();
    before = map.used;
    begin = clock_of(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < users; i++)
        put_user(i);
    printf("publishing %.0f ns a record, %zu bytes a user with its memberships", (clock_of(CLOCK_MONOTONIC) - begin) / users / 2,
           (map.used - before) / users);
    before = map.used;
    for (unsigned i = 0; i < groups; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "g%u", i);
        put_group(name, GID + 1 + i, 0);
    }
    printf(", %zu a group without members, %.1f MiB in all\n", (map.used - before) / groups,
           (double)map.size / (1U << 20));
    for (unsigned i = 0; i < ASKED; i++)
        (void)snprintf(names[i], sizeof(names[i]), "u%u", (unsigned)((uint64_t)i * users / ASKED));
}

/* Where /etc has its local names: as many as a computer has. */
static void
list_locals(void)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 60, 80, 40, 60 };

    locals = make_file("local-names", LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, local_list_size(n));
    local_list_begin(locals, n);
    for (uint32_t t = 0; t < LOCAL_LIST_TABLES; t++) {
        for (uint32_t i = 0; i < n[t]; i++) {
            char name[16];

            (void)snprintf(name, sizeof(name), "local%u", i);
            if (t == LOCAL_LIST_USERS || t == LOCAL_LIST_GROUPS)
                local_list_add_name(locals, t, hash_keyed(((struct shared_head *)locals)->key, name, strlen(name)));
            else
                local_list_add_id(locals, t, i == 0 ? 65534 : i);
        }
    }
}

static void
renew(void)
{
    shared_renew(map.data, shared_now());
    shared_renew(locals, shared_now());
}

/* Each way is called with a number that rises. False: not what was to come. */

static bool
by_name(unsigned i)
{
    struct passwd pw;
    char buf[1024];
    int error;

    return _nss_authsod_getpwnam_r(names[i % ASKED], &pw, buf, sizeof(buf), &error) == NSS_STATUS_SUCCESS;
}

static bool
by_uid(unsigned i)
{
    uint32_t uid = UID + (unsigned)((uint64_t)(i % ASKED) * users / ASKED);
    struct passwd pw;
    char buf[1024];
    int error;

    return _nss_authsod_getpwuid_r(uid, &pw, buf, sizeof(buf), &error) == NSS_STATUS_SUCCESS && pw.pw_uid == uid;
}

static bool
group_of_20(unsigned i)
{
    struct group gr;
    char buf[1024];
    int error;

    (void)i;
    return _nss_authsod_getgrnam_r("twenty", &gr, buf, sizeof(buf), &error) == NSS_STATUS_SUCCESS;
}

static bool
group_of_10000(unsigned i)
{
    static char buf[1U << 19];
    struct group gr;
    int error;

    (void)i;
    return _nss_authsod_getgrnam_r("big", &gr, buf, sizeof(buf), &error) == NSS_STATUS_SUCCESS;
}

static bool
groups_of(const char *name, long int n)
{
    static gid_t *gids;
    static long int size = MANY + 2;
    long int start = 1;
    int error;

    if (gids == NULL)
        gids = calloc(MANY + 2, sizeof(*gids));
    return gids != NULL &&
           _nss_authsod_initgroups_dyn(name, GID, &start, &size, &gids, -1, &error) == NSS_STATUS_SUCCESS && start == n + 1;
}

static bool
groups_5(unsigned i)
{
    return groups_of(names[i % ASKED], 5);
}

static bool
groups_1000(unsigned i)
{
    (void)i;
    return groups_of("many", MANY);
}

static bool
missing(unsigned i)
{
    struct passwd pw;
    char buf[1024];
    int error;

    (void)i;
    return _nss_authsod_getpwnam_r("nobody-here", &pw, buf, sizeof(buf), &error) == NSS_STATUS_NOTFOUND;
}

/* Nanoseconds of one call, by clock, over a batch of n. */
static double
batch(bool (*way)(unsigned), unsigned n, clockid_t clock)
{
    double begin = clock_of(clock);

    for (unsigned i = 0; i < n; i++) {
        if (!way(i))
            errx(1, "a lookup of the benchmark failed");
    }
    return (clock_of(clock) - begin) / n;
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Calls of a batch that is long enough. */
static unsigned
calls_of(bool (*way)(unsigned))
{
    renew();
    (void)batch(way, 100, CLOCK_MONOTONIC);
    return (unsigned)(BATCH_NS / batch(way, 1000, CLOCK_MONOTONIC)) + 1;
}

static void
measure(const char *what, bool (*way)(unsigned))
{
    double *took = calloc(rounds, sizeof(*took));
    unsigned n = calls_of(way);

    if (took == NULL)
        err(1, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        renew();
        took[i] = batch(way, n, CLOCK_MONOTONIC);
    }
    qsort(took, rounds, sizeof(*took), compare);
    printf("%-20s %.1f ns, least %.1f\n", what, took[rounds / 2], took[0]);
    free(took);
}

static void *
run_batch(void *took)
{
    *(double *)took = batch(by_name, calls_of(by_name), CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

/* The processor time of a call in the slowest of n threads, the best of some rounds. */
static double
in_threads(unsigned n)
{
    double best = 1e9;

    for (unsigned round = 0; round < 5; round++) {
        pthread_t threads[THREADS];
        double took[THREADS], slowest = 0;

        for (unsigned i = 0; i < n; i++) {
            if (pthread_create(&threads[i], NULL, run_batch, &took[i]) != 0)
                errx(1, "pthread_create");
        }
        for (unsigned i = 0; i < n; i++) {
            (void)pthread_join(threads[i], NULL);
            if (took[i] > slowest)
                slowest = took[i];
        }
        if (slowest < best)
            best = slowest;
    }
    return best;
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/authsod-bench.XXXXXX";
    double one, four;
    int opt;

    while ((opt = getopt(argc, argv, "u:g:r:")) != -1) {
        if (opt == 'u')
            users = (unsigned)strtoul(optarg, NULL, 10);
        else if (opt == 'g')
            groups = (unsigned)strtoul(optarg, NULL, 10);
        else if (opt == 'r')
            rounds = (unsigned)strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    if (users < ASKED || users > 2000000 || groups == 0 || groups > 400000 || rounds == 0)
        errx(2, "usage: nss_map [-u USERS] [-g GROUPS] [-r ROUNDS]");
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        err(1, "%s", dir);
    list_locals();
    publish();
    measure("getpwnam_r", by_name);
    measure("getpwuid_r", by_uid);
    measure("getgrnam_r-20", group_of_20);
    measure("getgrnam_r-10000", group_of_10000);
    measure("initgroups-5", groups_5);
    measure("initgroups-1000", groups_1000);
    measure("missing", missing);
    one = in_threads(1);
    four = in_threads(THREADS);
    printf("%-20s %.2f: %.1f ns to %.1f ns\n", "threads-4", four / one, four, one);
    (void)unlink("identmap");
    (void)unlink("local-names");
    (void)rmdir(dir);
    return 0;
}
