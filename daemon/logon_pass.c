/* The worker's part of the fallback: the hash goes to netlogon, its verdict comes back. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/logon.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/proto/client.h"
#include "lib/rpc/nt_hash.h"

#define MARGIN_MS 500 /* to tell a result in: netlogon to the worker, the worker to front */

/* NULL, or why it cannot be sent. */
static const char *
send_password(const struct job *j, int64_t deadline)
{
    struct ipc_pass m = { .job = j->m.job, .deadline = deadline };
    uint8_t packet[2 * PROTO_NAME_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    const char *why = NULL;

    memcpy(m.account, j->m.principal, sizeof(m.account));
    memcpy(m.domain, j->m.home.netbios, sizeof(j->m.home.netbios));
    if (!nt_hash(j->secret, m.nt_hash))
        why = "the password is too long for NTLM, or not UTF-8";
    ipc_put_pass(&w, &m);
    if (why == NULL && (!writer_ok(&w) || !channel_send(FD_PASS, packet, w.len, NULL, 0, false)))
        why = "netlogon is not there";
    secret_erase(packet, sizeof(packet));
    secret_erase(&m, sizeof(m));
    return why;
}

/* The verdict on this job; of one before, whose time was up, the answer may still come. */
static bool
take_verdict(const struct job *j, int64_t deadline, struct ipc_result *r_out)
{
    uint8_t packet[2048];
    int fds[CHANNEL_FDS_MAX];
    int64_t left;

    for (left = deadline - client_now(); left > 0; left = deadline - client_now()) {
        ssize_t n = channel_recv(FD_PASS, packet, sizeof(packet), fds, (int)left);

        channel_close_fds(fds);
        if (n <= 0 || !ipc_get_result(packet, (size_t)n, IPC_PASSED, r_out))
            return false;
        if (r_out->job == j->m.job)
            return true;
    }
    return false;
}

/* What netlogon says, or what keeps it from saying anything. */
static struct ipc_result
pass(const struct job *j)
{
    int64_t deadline = j->deadline - MARGIN_MS;
    struct ipc_result r = { .err = ERR_NO_SERVICE };
    const char *why = send_password(j, deadline - MARGIN_MS);

    if (why != NULL) {
        (void)snprintf(r.text, sizeof(r.text), "%s", why);
        return r;
    }
    if (take_verdict(j, deadline, &r))
        return r;
    memset(&r, 0, sizeof(r));
    /* It may have asked. */
    r.err = ERR_TIMEOUT;
    (void)snprintf(r.step, sizeof(r.step), "NTLM pass-through");
    (void)snprintf(r.text, sizeof(r.text), "netlogon has not answered");
    return r;
}

bool
logon_pass(struct job *j)
{
    struct ipc_result kerberos = j->result, r = pass(j);

    if (!fallback_is_answer((enum err)r.err)) {
        (void)snprintf(j->result.text, sizeof(j->result.text), "%.240s; NTLM pass-through: %s: %.220s", kerberos.text,
                       err_name(r.err), r.text);
        return false;
    }
    j->result = r;
    j->result.passed_through = true;
    (void)snprintf(j->result.text, sizeof(j->result.text), "%s%.220s, because Kerberos was not to be had: %s in the %s: %.180s",
                   r.err == ERR_OK ? "by NTLM pass-through, " : "", r.text, err_name(kerberos.err), kerberos.step,
                   kerberos.text);
    return true;
}
