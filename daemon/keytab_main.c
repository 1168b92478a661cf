/*
 * The short-lived process that makes the computer's new keytab, of the one that
 * is there and the machine secret: libkrb5 reads and writes it here, without
 * any right and without the network.  keeper writes the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/krb/krb.h"
#include "lib/membership/keytab.h"
#include "lib/proto/sealed.h"

static int
tell(uint32_t error, int fd)
{
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, IPC_KEYTAB, error);
    return channel_send(FD_KEEPER, packet, w.len, &fd, fd < 0 ? 0 : 1, true) && error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
read_secret(int fd, struct machine_secret *s)
{
    const void *bytes;
    size_t len;
    bool good;

    if (s == NULL || sealed_map(fd, MACHINE_SECRET_FILE_MAX, &bytes, &len) != 0)
        return false;
    good = machine_secret_decode(bytes, len, s);
    (void)munmap((void *)(uintptr_t)bytes, len);
    return good;
}

/* What libkrb5 has written, as a memfd that nobody can change any more. -1 with errno. */
static int
seal(int fd)
{
    struct stat st;
    void *bytes;
    int sealed;

    errno = EINVAL;
    if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > (off_t)MEMBERSHIP_KEYTAB_MAX)
        return -1;
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return -1;
    sealed = sealed_new("keytab", bytes, (size_t)st.st_size);
    (void)munmap(bytes, (size_t)st.st_size);
    return sealed;
}

/* old: memfd; -1: there is no keytab yet. */
static int
make(const struct config *c, const struct machine_secret *s, int old, bool tidy)
{
    const struct krb_target t = { .realm = c->realm, .domain_dns = c->name, .fqdn = c->fqdn, .computer = c->computer,
                                  .timeout = c->timeout };
    const struct membership_names names = { c->realm, c->computer, c->fqdn };
    char from[64] = "/nonexistent", to[64];
    int fd = memfd_create("new-keytab", MFD_CLOEXEC), sealed = -1;
    krb5_context ctx = NULL;
    krb5_error_code code = fd < 0 ? errno : krb_context_new(&t, &ctx);

    if (old >= 0)
        (void)snprintf(from, sizeof(from), "/proc/self/fd/%d", old);
    (void)snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
    if (code == 0)
        code = membership_keytab_follow(ctx, &names, from, fd, to, s, tidy);
    if (code == 0) {
        sealed = seal(fd);
        code = sealed < 0 ? errno : 0;
    }
    if (code != 0)
        log_error("the new keytab cannot be made: code %d (%s)", (int)code, error_message(code));
    if (ctx != NULL)
        krb5_free_context(ctx);
    return tell((uint32_t)code, sealed);
}

int
keytab_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = role_begin(mem, ROLE_KEYTAB);
    struct machine_secret *s = machine_secret_new();
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX], status;
    ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, -1);
    uint32_t tidy;

    if (n <= 0 || !ipc_get_number(packet, (size_t)n, IPC_KEYTAB_MAKE, &tidy) || tidy > 1 || fds[0] < 0) {
        log_error("keeper broke the protocol: this process ends");
        return EXIT_FAILURE;
    }
    if (read_secret(fds[0], s))
        status = make(c, s, fds[1], tidy == 1);
    else
        status = tell(EINVAL, -1);
    channel_close_fds(fds);
    machine_secret_free(s);
    talloc_free(mem);
    return status;
}
