/*
 * Stands in for libFuzzer where there is none: gives a fuzz target every file
 * of its corpus, and of each small one every truncation and every byte and
 * u32 replaced by a few values.  The same inputs in the same order, always.
 *
 * Usage: fuzz_X [FILE or FOLDER]...; by default the folder of the target's
 * own name in tests/fuzz/corpus.  An unchanged FILE is how a finding is shown.
 *
 * A child does the work; where it dies its parent says by which input.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX (1U << 20)  /* bytes of one file */
#define DAMAGED_MAX 4096U     /* bytes of a file that is damaged too */
#define SECONDS_PER_FILE 300U /* then it hangs */

/* What the child is at, in memory that its parent sees. */
struct progress {
    char file[PATH_MAX];
    char step[64];
    unsigned long runs;
    unsigned long files;
};

static struct progress *at;

static void
run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size);

    /* A copy of exact size, so that ASan sees one byte too far. */
    if (exact == NULL && size > 0)
        exit(2);
    if (size > 0)
        memcpy(exact, data, size);
    at->runs++;
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void
run_truncations(const uint8_t *data, size_t size)
{
    for (size_t n = 0; n < size; n++) {
        (void)snprintf(at->step, sizeof(at->step), "cut to %zu bytes", n);
        run(data, n);
    }
}

static void
run_bytes(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t was = data[i];
        const uint8_t values[] = { 0x00, 0x7f, 0xff, (uint8_t)(was ^ 0x01), (uint8_t)(was ^ 0x80), (uint8_t)(was + 1),
                                   (uint8_t)(was - 1), (uint8_t)(was ^ 0x20) };

        for (size_t v = 0; v < sizeof(values); v++) {
            if (values[v] == was)
                continue;
            (void)snprintf(at->step, sizeof(at->step), "byte %zu set to 0x%02x", i, (unsigned)values[v]);
            data[i] = values[v];
            run(data, size);
        }
        data[i] = was;
    }
}

static void
run_words(uint8_t *data, size_t size)
{
    const uint32_t values[] = { 0, UINT32_MAX, 0x7fffffff, 0x80000000, 0x40000001, (uint32_t)size };

    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint8_t was[4];

        memcpy(was, data + i, 4);
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            (void)snprintf(at->step, sizeof(at->step), "u32 at %zu set to 0x%08x", i, (unsigned)values[v]);
            for (size_t b = 0; b < 4; b++)
                data[i + b] = (uint8_t)(values[v] >> (8 * b));
            run(data, size);
        }
        memcpy(data + i, was, 4);
    }
}

static void
run_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    size_t size;
    FILE *f = fopen(path, "rb");

    (void)snprintf(at->file, sizeof(at->file), "%s", path);
    if (f == NULL || data == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    size = fread(data, 1, INPUT_MAX, f);
    (void)fclose(f);
    (void)alarm(SECONDS_PER_FILE);
    at->files++;
    (void)snprintf(at->step, sizeof(at->step), "unchanged");
    run(data, size);
    if (size <= DAMAGED_MAX) {
        run_truncations(data, size);
        run_bytes(data, size);
        run_words(data, size);
    }
    free(data);
}

static int
not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void
run_path(const char *path)
{
    struct dirent **entries = NULL;
    struct stat st;
    int n;

    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    n = scandir(path, &entries, not_hidden, alphasort);
    if (n < 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        char file[PATH_MAX];

        (void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
        run_file(file);
    }
    free(entries);
}

/* automake's tests have the source folder in srcdir; libtool calls its wrapped programs lt-NAME. */
static void
run_own_corpus(void)
{
    const char *srcdir = getenv("srcdir");
    const char *name = program_invocation_short_name;
    char path[PATH_MAX];

    if (strncmp(name, "lt-", 3) == 0)
        name += 3;
    (void)snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir == NULL ? "." : srcdir, name);
    run_path(path);
}

static int
run_all(int argc, char **argv)
{
    (void)snprintf(at->step, sizeof(at->step), "nothing yet");
    if (argc < 2)
        run_own_corpus();
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (at->files > 0)
        return 0;
    (void)fprintf(stderr, "the corpus is empty\n");
    return 2;
}

int
main(int argc, char **argv)
{
    int status = 0;
    pid_t child;

    at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return 2;
    child = fork();
    if (child < 0)
        return 2;
    if (child == 0)
        exit(run_all(argc, argv));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status == 0) {
        (void)printf("%lu files, %lu inputs\n", at->files, at->runs);
        return 0;
    }
    (void)fprintf(stderr, "%s %d at %s, %s\n", WIFSIGNALED(status) ? "signal" : "exit code",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), at->file, at->step);
    return 1;
}
