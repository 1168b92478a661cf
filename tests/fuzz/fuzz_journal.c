/* What files an interrupted join wrote down, however that was damaged: no name but beside the one that it takes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/membership/replace_journal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct journal j;

    if (!journal_decode(data, size, &j))
        return 0;
    FUZZ_REQUIRE(j.n >= 1 && j.n <= JOURNAL_FILES_MAX && j.n_needed <= j.n);
    for (size_t i = 0; i < j.n; i++) {
        const char *fresh = strrchr(j.files[i].fresh, '/'), *path = strrchr(j.files[i].path, '/');

        FUZZ_REQUIRE(fresh != NULL && path != NULL && j.files[i].path[0] == '/');
        FUZZ_REQUIRE(fresh - j.files[i].fresh == path - j.files[i].path);
        FUZZ_REQUIRE(memcmp(j.files[i].fresh, j.files[i].path, (size_t)(path - j.files[i].path)) == 0);
        FUZZ_REQUIRE(strlen(fresh) == strlen(path) + 18);
        FUZZ_REQUIRE(j.n_needed > 0 || j.files[i].inode == 0);
    }
    return 0;
}
