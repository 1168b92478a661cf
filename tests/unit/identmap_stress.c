/*
 * identmap_stress [SECONDS]: readers of the identity map while it is written
 * and replaced, 60 s by default.  Run as root.
 *
 * A process places a new map at least 10,000 times a minute, empties the one
 * before at once, and updates records in between.  8 threads read, another one
 * forks again and again, and so do 50 processes; children read, too.  The first
 * quarter of the time one thread writes, and 8 read, in the same memory, for
 * ThreadSanitizer, which cannot see another process.
 *
 * A record says its version in each of its parts.  A fault is: a record whose
 * parts do not agree; a version older than what was published before it was
 * asked for, or newer than any; an entry that is always there not found in a
 * map that is good; one that is never there found; no map at all for 10 s.
 * (What is missing may be forgotten, when too many share a set.)
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/stress_records.h"

#define THREADS 8U
#define PROCESSES 50U
#define SIZE ((size_t)IDENTMAP_SIZE_MIN)
#define PATIENCE_MS 10000U
#define SUPERSEDED_PER_MINUTE 10000U

static const char *const counter_names[COUNTERS] = { "lookups", "found",   "missing",    "retries", "without a map",
                                                     "forks",   "updates", "superseded", "faults" };

struct stress *all;
static char dir[] = "/dev/shm/authsod-stress.XXXXXX", path[64], path_new[64];
static struct shared_readers readers;
static struct shared_place place = { .path = path, .magic = IDENTMAP_MAGIC, .version = IDENTMAP_VERSION };

static void
die(const char *what)
{
    perror(what);
    exit(2);
}

static bool
stopped(void)
{
    return atomic_load_explicit(&all->stop, memory_order_relaxed);
}

static void
pause_us(long us)
{
    struct timespec t = { .tv_nsec = us * 1000 };

    (void)nanosleep(&t, NULL);
}

/*
 * The writer.
 */

static void
update(struct identmap_writer *w)
{
    static unsigned turn;
    unsigned i = turn++ % NAMES;
    uint32_t version = atomic_load_explicit(&all->done[i], memory_order_relaxed) + 1;

    atomic_store(&all->begun[i], version);
    put_version(w, "user", i, version);
    atomic_store(&all->done[i], version);
    if (turn % 3 == 0)
        put_missing(w, "sometimes", turn % 8);
    else if (turn % 3 == 1)
        put_version(w, "sometimes", turn % 8, version);
    count(UPDATES);
}

static bool
is_roomy(const struct identmap_writer *w)
{
    return w->size - w->used > (size_t)16384;
}

static void
fill(struct identmap_writer *w)
{
    for (unsigned i = 0; i < NAMES; i++) {
        put_version(w, "user", i, atomic_load(&all->done[i]));
        if (i < 16)
            put_missing(w, "never", i);
    }
}

static void
begin(struct identmap_writer *w, void *data)
{
    static uint32_t number;
    uint8_t key[HASH_KEY_LEN] = { 0 };

    number++;
    memcpy(key, &number, sizeof(number));
    shared_head_init(data, IDENTMAP_MAGIC, IDENTMAP_VERSION, key);
    if (!identmap_begin(w, data, SIZE))
        die("identmap_begin");
    fill(w);
    shared_renew(data, shared_now());
}

/* Places a new map, and empties the one before. */
static void
place_map(struct identmap_writer *w, int *fd)
{
    int was = *fd;
    void *old = w->data, *data;

    *fd = open(path_new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (*fd < 0 || posix_fallocate(*fd, 0, (off_t)SIZE) != 0)
        die(path_new);
    data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (data == MAP_FAILED)
        die("mmap");
    begin(w, data);
    if (rename(path_new, path) != 0)
        die("rename");
    if (old == NULL)
        return;
    shared_supersede(old);
    (void)fallocate(was, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, IDENTMAP_PAGE, (off_t)(SIZE - IDENTMAP_PAGE));
    (void)munmap(old, SIZE);
    (void)close(was);
    count(SUPERSEDED);
}

static void
write_maps(void)
{
    struct identmap_writer w = { 0 };
    int fd = -1;

    (void)setpriority(PRIO_PROCESS, 0, -15);
    while (!stopped()) {
        place_map(&w, &fd);
        for (unsigned i = 0; i < 3; i++) {
            pause_us(1000);
            for (unsigned n = 0; n < 10 && is_roomy(&w); n++)
                update(&w);
        }
    }
}

/*
 * Readers.
 */

/* Asks until there is an answer that counts. */
static void
look_up(unsigned turn)
{
    struct question q = question_of(turn);
    uint64_t give_up = shared_now() + PATIENCE_MS;

    while (!stopped()) {
        uint32_t oldest = atomic_load(&all->done[q.i]);
        unsigned r = shared_enter(&readers);
        enum identmap_found found = IDENTMAP_MISS;
        struct copy c;
        size_t len;
        const void *map = shared_get(&readers, &place, shared_now(), &len);
        bool good = false;

        if (map != NULL) {
            found = ask(map, len, &q, &c);
            good = shared_is_good(map);
        }
        shared_leave(&readers, r);
        if (good) {
            judge(&q, found, &c, oldest);
            return;
        }
        count(map == NULL ? NO_MAP : RETRIES);
        if (shared_now() > give_up) {
            fault("no map for %u ms", PATIENCE_MS);
            return;
        }
    }
}

static void *
read_in_thread(void *arg)
{
    for (unsigned turn = (unsigned)(uintptr_t)arg * 1000; !stopped(); turn++)
        look_up(turn);
    return NULL;
}

/* A child that reads for a moment. */
static void
fork_once(unsigned turn)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        for (unsigned i = 0; i < 200; i++)
            look_up(turn + i);
        _exit(0);
    }
    if (pid < 0)
        return;
    count(FORKS);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fault("a child ended with status 0x%x", (unsigned)status);
}

static void *
fork_in_thread(void *arg)
{
    (void)arg;
    for (unsigned turn = 0; !stopped(); turn++)
        fork_once(turn);
    return NULL;
}

static void
fork_in_process(unsigned turn)
{
    for (; !stopped(); turn += 50) {
        for (unsigned i = 0; i < 50; i++)
            look_up(turn + i);
        fork_once(turn);
    }
}

/*
 * One memory, for ThreadSanitizer.  The lock is held by readers for many
 * lookups, and by the writer only to begin anew.
 */

static struct identmap_writer memory;
static pthread_rwlock_t memory_lock = PTHREAD_RWLOCK_INITIALIZER;

static void *
read_memory(void *arg)
{
    unsigned turn = (unsigned)(uintptr_t)arg * 1000;

    while (!stopped()) {
        (void)pthread_rwlock_rdlock(&memory_lock);
        for (unsigned n = 0; n < 500; n++, turn++) {
            struct question q = question_of(turn);
            uint32_t oldest = atomic_load(&all->done[q.i]);
            struct copy c;

            judge(&q, ask(memory.data, memory.size, &q, &c), &c, oldest);
        }
        (void)pthread_rwlock_unlock(&memory_lock);
        pause_us(100);
    }
    return NULL;
}

static void *
write_memory(void *arg)
{
    (void)arg;
    while (!stopped()) {
        while (is_roomy(&memory) && !stopped()) {
            update(&memory);
            pause_us(20);
        }
        (void)pthread_rwlock_wrlock(&memory_lock);
        memset(memory.data, 0, SIZE);
        begin(&memory, memory.data);
        (void)pthread_rwlock_unlock(&memory_lock);
    }
    return NULL;
}

/*
 * All of it.
 */

/* The time is over and so many maps were placed; or a fault; or four times the time, for a busy machine, is over. */
static bool
is_enough(uint64_t wanted, uint64_t start, unsigned seconds)
{
    uint64_t took = shared_now() - start, least = (uint64_t)seconds * 1000;

    if (atomic_load(&all->counters[FAULTS]) > 0 || took >= 4 * least)
        return true;
    return took >= least && atomic_load(&all->counters[SUPERSEDED]) >= wanted;
}

static void
run_threads(unsigned seconds, uint64_t wanted, void *(*read_it)(void *), void *(*other)(void *))
{
    uint64_t start = shared_now();
    pthread_t threads[THREADS + 1];

    for (unsigned i = 0; i <= THREADS; i++) {
        if (pthread_create(&threads[i], NULL, i < THREADS ? read_it : other, (void *)(uintptr_t)i) != 0)
            die("pthread_create");
    }
    while (!is_enough(wanted, start, seconds))
        pause_us(10000);
    atomic_store(&all->stop, true);
    for (unsigned i = 0; i <= THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

static void
run_in_memory(unsigned seconds)
{
    void *data = NULL;

    if (posix_memalign(&data, IDENTMAP_PAGE, SIZE) != 0)
        die("memory");
    memset(data, 0, SIZE);
    begin(&memory, data);
    run_threads(seconds, 0, read_memory, write_memory);
    free(data);
    atomic_store(&all->stop, false);
}

static pid_t
start(void (*run)(unsigned), unsigned arg)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(arg);
        _exit(0);
    }
    return pid;
}

static void
write_in_process(unsigned unused)
{
    (void)unused;
    write_maps();
}

static unsigned
count_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        n += strstr(line, dir) != NULL;
    if (f != NULL)
        (void)fclose(f);
    return n;
}

static void
run_with_files(unsigned seconds)
{
    pid_t pids[PROCESSES + 1];
    uint64_t wanted = (uint64_t)SUPERSEDED_PER_MINUTE * seconds / 60;

    if (mkdtemp(dir) == NULL)
        die(dir);
    (void)snprintf(path, sizeof(path), "%s/map", dir);
    (void)snprintf(path_new, sizeof(path_new), "%s/new", dir);
    for (unsigned i = 0; i <= PROCESSES; i++)
        pids[i] = start(i == 0 ? write_in_process : fork_in_process, i * 77);
    run_threads(seconds, wanted, read_in_thread, fork_in_thread);
    for (unsigned i = 0; i <= PROCESSES; i++) {
        int status = 0;

        (void)waitpid(pids[i], &status, 0);
        if (status != 0)
            fault("a process ended with status 0x%x", (unsigned)status);
    }
    shared_leave(&readers, shared_enter(&readers));
    if (count_mappings() > 1)
        fault("%u mappings are left, all but one of which nobody reads", count_mappings());
    if (atomic_load(&all->counters[SUPERSEDED]) < wanted)
        fault("superseded less than %llu times", (unsigned long long)wanted);
    (void)unlink(path);
    (void)unlink(path_new);
    (void)rmdir(dir);
}

int
main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 60, in_memory = seconds / 4;

    all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        die("mmap");
    if (geteuid() != 0 || seconds == 0) {
        (void)fprintf(stderr, "usage, by root: identmap_stress [SECONDS]\n");
        return 2;
    }
    run_in_memory(in_memory);
    if (atomic_load(&all->counters[FAULTS]) == 0)
        run_with_files(seconds - in_memory);
    for (unsigned i = 0; i < COUNTERS; i++)
        (void)printf("%s: %llu\n", counter_names[i], (unsigned long long)atomic_load(&all->counters[i]));
    if (atomic_load(&all->counters[FAULTS]) == 0)
        return 0;
    (void)printf("the first fault: %s\n", all->first_fault);
    return 1;
}
