#include "daemon/role.h"

#include <errno.h>
#include <locale.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"

static bool debug;

void
role_debug(void)
{
    debug = true;
}

const char *
role_name(unsigned role)
{
    static const char *const names[] = { NULL, "keeper", "front", "logon", "member", "directory", "ccache" };

    return role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}

static void
tell_error(void *arg, const char *message)
{
    (void)arg;
    log_error("%s", message);
}

struct config *
role_config(TALLOC_CTX *mem, int fd)
{
    struct config *c = NULL;
    struct stat st;
    void *text;

    if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > (off_t)CONFIG_MAX)
        return NULL;
    text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        return NULL;
    c = config_parse(mem, text, (size_t)st.st_size, CONFIG_PATH, tell_error, NULL);
    (void)munmap(text, (size_t)st.st_size);
    if (c != NULL && debug)
        c->log_level = LOG_LEVEL_DEBUG;
    return c;
}

/* Names come from files: a library's getpwuid must not come back to us. */
static void
names_from_files(void)
{
    static const char *const databases[] = { "passwd", "group", "shadow", "initgroups", "netgroup", "services",
                                             "protocols" };

    for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
        (void)__nss_configure_lookup(databases[i], "files");
    (void)__nss_configure_lookup("hosts", "files");
}

struct config *
role_begin(TALLOC_CTX *mem, enum role role)
{
    struct rlimit none = { 0, 0 };
    struct config *c;

    log_init(role_name(role), LOG_LEVEL_INFO);
    (void)setrlimit(RLIMIT_CORE, &none);
    names_from_files();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        log_error("cannot lock the process down: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    c = role_config(mem, FD_CONFIG);
    if (c == NULL) {
        log_error("keeper handed down no valid configuration");
        exit(EXIT_FAILURE);
    }
    log_init(role_name(role), c->log_level);
    if (!sandbox_enter(role)) {
        log_error("the kernel refuses the system call filter: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    return c;
}
