/* lib/base/passwd_file: whom glibc finds in a passwd(5) file, by name or by id, the modules take for local, too. */
#include "tests/fuzz/fuzz.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/passwd_file.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A name that is in no line: what is found then is the id. */
    static const char nobody[] = "\n";
    /* What glibc makes of a NUL depends on what its buffer held before. */
    FILE *f = size == 0 || memchr(data, 0, size) != NULL ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    char path[32];
    int fd;

    if (f == NULL)
        return 0;
    fd = memfd_create("passwd", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (const struct passwd *pw = fgetpwent(f); pw != NULL; pw = fgetpwent(f)) {
        /* What begins so is an instruction to the "compat" service. */
        if (pw->pw_name[0] == '+' || pw->pw_name[0] == '-')
            continue;
        FUZZ_REQUIRE(passwd_file_has(path, pw->pw_name, UINT32_MAX));
        /* Ids below are refused without a look at the file. */
        FUZZ_REQUIRE(pw->pw_uid < 1000 || pw->pw_uid == UINT32_MAX || passwd_file_has(path, nobody, pw->pw_uid));
    }
    FUZZ_REQUIRE(!passwd_file_has(path, nobody, UINT32_MAX));
    (void)close(fd);
    (void)fclose(f);
    return 0;
}
