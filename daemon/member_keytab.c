/* The computer's keys: the keytab as keeper hands it over, and what is made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/member.h"
#include "lib/base/log.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"

#define RETRY_MS 1000              /* how often a keytab that does not fit is read again */
#define KEEPER_MS 5000

static void
close_keytab(struct member *m)
{
    if (m->keytab != NULL)
        (void)krb5_kt_close(m->krb, m->keytab);
    m->keytab = NULL;
}

static void
open_keytab(struct member *m)
{
    struct krb_target t = member_target(m);
    struct krb_failure failure;
    char name[64];

    close_keytab(m);
    if (m->keytab_file.fd < 0)
        (void)snprintf(m->keytab_text, sizeof(m->keytab_text), "%s", role_keytab_error((int)m->keytab_errno));
    if (m->keytab_file.fd < 0 || m->krb == NULL)
        return;
    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", m->keytab_file.fd);
    if (krb5_kt_resolve(m->krb, name, &m->keytab) != 0) {
        m->keytab = NULL;
        return;
    }
    /* The verifier outlives a keytab: it remembers what it has seen. */
    if (m->verifier == NULL) {
        m->verifier = krb_verifier_new(m, &t);
        member_apply_trusts(m);
    }
    memset(&failure, 0, sizeof(failure));
    if (m->verifier == NULL || !krb_verifier_keytab(m->verifier, m->keytab, &failure)) {
        log_error("the keytab %s has no key for this computer, host/%s: %s", m->config->keytab, m->config->fqdn,
                  failure.text);
        (void)snprintf(m->keytab_text, sizeof(m->keytab_text), "it has no key for this computer: %.100s", failure.text);
        close_keytab(m);
    }
}

/* The context follows the domain controller. */
void
member_open_context(struct member *m)
{
    struct krb_target t = member_target(m);

    member_drop_tgt(m);
    close_keytab(m);
    if (m->krb != NULL)
        krb5_free_context(m->krb);
    m->krb = NULL;
    if (krb_context_new(&t, &m->krb) != 0) {
        log_error("libkrb5 does not take our profile");
        exit(EXIT_FAILURE);
    }
    open_keytab(m);
}

static bool
is_same_file(int a, int b)
{
    const void *x = NULL, *y = NULL;
    size_t n = 0, k = 0;
    bool same = a >= 0 && b >= 0 && sealed_map(a, MEMBERSHIP_KEYTAB_MAX, &x, &n) == 0 && sealed_map(b, MEMBERSHIP_KEYTAB_MAX, &y, &k) == 0 &&
                n == k && memcmp(x, y, n) == 0;

    if (x != NULL)
        (void)munmap((void *)(uintptr_t)x, n);
    if (y != NULL)
        (void)munmap((void *)(uintptr_t)y, k);
    return same;
}

void
member_take_keytab(struct member *m, int fd)
{
    m->keytab_is_new = fd >= 0 && !is_same_file(m->keytab_file.fd, fd);
    sealed_drop(&m->keytab_file);
    sealed_hold(&m->keytab_file, fd);
    open_keytab(m);
}

/* Asks keeper for the keytab as it is now. */
void
member_read_keytab(struct member *m)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX];
    ssize_t n;

    m->keytab_at = client_now() + RETRY_MS;
    m->keytab_due = false;
    ipc_put_empty(&w, IPC_GET_KEYTAB);
    if (!channel_send(FD_KEEPER, packet, w.len, NULL, 0, true))
        exit(EXIT_FAILURE);
    /* Other messages of keeper's may come before the answer. */
    do {
        n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, KEEPER_MS);
        if (n <= 0 || !member_keeper_message(m, packet, (size_t)n, fds)) {
            log_error("keeper does not answer");
            exit(EXIT_FAILURE);
        }
        channel_close_fds(fds);
    } while (ipc_type(packet, (size_t)n) != IPC_KEYTAB);
}

/* Reads the keytab again, if it was not a moment ago. */
bool
member_reread_keytab(struct member *m)
{
    if (client_now() < m->keytab_at)
        return false;
    member_read_keytab(m);
    return m->keytab != NULL;
}
