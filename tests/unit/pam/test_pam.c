/* pam_authsod: plays scripts/, each a test of its own, against the module as libpam loads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/pam/application.h"
#include "tests/unit/pam/workplace.h"

static const struct application_paths paths = { .authsod = TEST_PAM_MODULE, .neighbour = TEST_PAM_NEIGHBOUR };

static void
plays_as_written(void **state)
{
    struct script s;
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", TEST_PAM_SCRIPTS, (const char *)*state);
    script_read(&s, path);
    application_play(&s, &paths);
    script_free(&s);
}

static int
is_script(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > 4 && strcmp(entry->d_name + n - 4, ".txt") == 0;
}

int
main(int argc, char **argv)
{
    static struct CMUnitTest tests[256];
    struct dirent **entries = NULL;
    size_t n = 0;
    int found, failed;

    found = scandir(TEST_PAM_SCRIPTS, &entries, is_script, alphasort);
    if (found <= 0 || found > 256)
        errx(1, "%s: no scripts", TEST_PAM_SCRIPTS);
    for (int i = 0; i < found; i++) {
        /* One may be asked for by its name. */
        if (argc > 1 && strcmp(argv[1], entries[i]->d_name) != 0)
            continue;
        tests[n].name = entries[i]->d_name;
        tests[n].test_func = plays_as_written;
        tests[n++].initial_state = entries[i]->d_name;
    }
    workplace_enter();
    failed = _cmocka_run_group_tests("scripts", tests, n, NULL, NULL);
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    workplace_leave();
    return failed;
}
