#include "tests/unit/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/authsod-test.XXXXXX";

bool
folder_begin(void)
{
    return mkdtemp(folder) != NULL;
}

bool
folder_end(void)
{
    return rmdir(folder) == 0;
}

const char *
in_folder(const char *name)
{
    static char paths[4][80];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    assert_in_range(snprintf(path, sizeof(paths[0]), "%s/%s", folder, name), 1, sizeof(paths[0]) - 1);
    return path;
}

unsigned
folder_count(void)
{
    DIR *d = opendir(folder);
    unsigned n = 0;

    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n;
}
