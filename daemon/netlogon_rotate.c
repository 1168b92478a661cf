/*
 * What keeper wants for the rotation of the computer's password: which of its
 * passwords has the domain, and then, a new one to be set.  The decisions are
 * keeper's (keeper_rotate.c).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/netlogon.h"
#include "lib/base/log.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define SESSION_STEPS 4 /* so many times the configured time for finding a controller and making a session */

static void
tell(const struct writer *w)
{
    if (!channel_send(FD_KEEPER, w->data, w->len, NULL, 0, true))
        log_error("keeper does not take what became of the password");
}

static void
tell_end(const struct netlogon_role *n, uint32_t run, enum ipc_rotate_outcome outcome, const char *text)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_rotate_end m = { .run = run, .outcome = outcome };

    (void)snprintf(m.controller, sizeof(m.controller), "%s", n->dc.host);
    (void)snprintf(m.text, sizeof(m.text), "%s", text);
    ipc_put_rotate_end(&w, &m);
    tell(&w);
}

/* With a session of its own: one that was made before says nothing about what the domain has now. */
static void
find_out(struct netlogon_role *n, uint32_t run)
{
    uint8_t packet[512];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_rotate_holds m = { .run = run };
    struct ipc_result r = { 0 };

    netlogon_drop(n);
    n->keys_known = false;
    n->retry_at = 0;
    if (!netlogon_open(n, client_now() + (int64_t)n->config->timeout * 1000 * SESSION_STEPS, &r)) {
        tell_end(n, run, IPC_ROTATE_UNSENT, r.text);
        return;
    }
    if (n->slot == 0) {
        tell_end(n, run, IPC_ROTATE_UNSENT, "the machine secret has gone");
        return;
    }
    m.slot = n->slot;
    (void)snprintf(m.controller, sizeof(m.controller), "%s", n->dc.host);
    ipc_put_rotate_holds(&w, &m);
    tell(&w);
}

/* Words of a controller that has looked at it; another one, whom it asks, may have taken what it says it could not do. */
static bool
is_refusal(uint32_t status)
{
    static const uint32_t refusals[] = { NTSTATUS_ACCESS_DENIED, NTSTATUS_PASSWORD_RESTRICTION,
                                         NTSTATUS_ILL_FORMED_PASSWORD, NTSTATUS_WRONG_PASSWORD,
                                         NTSTATUS_INVALID_PARAMETER, NTSTATUS_NOT_SUPPORTED,
                                         NTSTATUS_NOT_IMPLEMENTED, NTSTATUS_NO_TRUST_SAM_ACCOUNT };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (status == refusals[i])
            return true;
    }
    return false;
}

/* What a failure of the call leaves open. */
static enum ipc_rotate_outcome
outcome_of(const struct rpc_failure *f)
{
    switch (f->error) {
    case RPC_STATUS:
        return is_refusal(f->code) ? IPC_ROTATE_REFUSED : IPC_ROTATE_UNKNOWN;
    case RPC_ARGUMENT:
        return IPC_ROTATE_UNSENT;
    default:
        return IPC_ROTATE_UNKNOWN;
    }
}

static void
set(struct netlogon_role *n, uint32_t run, const char *password)
{
    struct rpc_failure f;
    char text[256];

    if (!netlogon_is_connected(n)) {
        netlogon_drop(n);
        tell_end(n, run, IPC_ROTATE_UNSENT, "the domain controller has ended the session");
        return;
    }
    if (netlogon_set_password(n->session, n->channel, password, client_now() + (int64_t)n->config->timeout * 1000, &f)) {
        n->used = client_now();
        tell_end(n, run, IPC_ROTATE_TAKEN, "");
    } else {
        netlogon_drop(n);
        netlogon_describe(&f, text, sizeof(text));
        tell_end(n, run, outcome_of(&f), text);
    }
    /* Whatever it was, another password may be the one that works. */
    n->keys_known = false;
}

static void
set_pending(struct netlogon_role *n, uint32_t run, int fd)
{
    struct machine_secret *s = machine_secret_new();
    const void *bytes = NULL;
    size_t len = 0;

    if (s == NULL || sealed_map(fd, MACHINE_SECRET_FILE_MAX, &bytes, &len) != 0 ||
        !machine_secret_decode(bytes, len, s) || s->slots[MACHINE_PENDING].text[0] == '\0')
        tell_end(n, run, IPC_ROTATE_UNSENT, "the machine secret has no new password");
    else
        set(n, run, s->slots[MACHINE_PENDING].text);
    if (bytes != NULL)
        (void)munmap((void *)(uintptr_t)bytes, len);
    machine_secret_free(s);
}

void
netlogon_rotate_turn(struct netlogon_role *n)
{
    int fd = n->rotate_set;

    if (n->rotate_due) {
        n->rotate_due = false;
        find_out(n, n->rotate_due_run);
    }
    if (fd >= 0) {
        n->rotate_set = -1;
        set_pending(n, n->rotate_set_run, fd);
        (void)close(fd);
    }
}
