#include "lib/krb/ntlm_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/hash.h"

void
ntlm_file_path(uint32_t uid, const char *ccname, char path_out[static PROTO_NTLM_FILE_MAX])
{
    /* No secret: two names with the same hash are of one user, who has a file in place of another of his own then. */
    static const uint8_t key[HASH_KEY_LEN] = { 'N', 'T', 'L', 'M', '_', 'U', 'S', 'E', 'R', '_', 'F', 'I', 'L', 'E' };

    (void)snprintf(path_out, PROTO_NTLM_FILE_MAX, PROTO_NTLM_FOLDER "/%lu.%016llx", (unsigned long)uid,
                   (unsigned long long)hash_keyed(key, ccname, strlen(ccname)));
}

bool
ntlm_files_remove(void)
{
    int fd = open(PROTO_NTLM_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (d == NULL) {
        err = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = err;
        return err == ENOENT;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlinkat(fd, e->d_name, 0) != 0)
            err = errno;
    }
    (void)closedir(d);
    errno = err;
    return err == 0;
}
