/* Whose users may log on here: what netlogon tells, and tickets that wait for it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/member.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define WAIT_MS 3500      /* for netlogon, which may have to make a secure channel first */
#define ASK_AGAIN_MS 5000 /* a realm that nobody knows is not asked for at every worker's wish */

void
member_apply_trusts(struct member *m)
{
    struct krb_trusted *list = talloc_zero_array(m, struct krb_trusted, TRUSTS_MAX);
    size_t n = 0;

    for (size_t i = 0; list != NULL && i < m->trusts.n; i++) {
        const struct trust *trust = &m->trusts.list[i];

        if (!trusts_may_be(m->config, trust->dns) || strcmp(trust->dns, m->config->name) == 0)
            continue;
        trust_realm(trust->dns, list[n].realm);
        list[n].domain = trust->sid;
        if (strcmp(list[n].realm, m->config->realm) != 0)
            n++;
    }
    if (m->verifier != NULL && !krb_verifier_trust(m->verifier, list, n))
        log_error("no memory for the trusted domains");
    talloc_free(list);
}

bool
member_wait_for_trusts(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    uint8_t question[1];
    struct writer w = writer_init(question, sizeof(question));
    int64_t now = client_now();

    if (m->netlogon < 0 || !trusts_are_wanted(m->config))
        return false;
    if (m->trusts_due == 0) {
        ipc_put_empty(&w, IPC_GET_TRUSTS);
        if ((m->trusts_asked != 0 && now - m->trusts_asked < ASK_AGAIN_MS) ||
            !channel_send(m->netlogon, question, w.len, NULL, 0, false))
            return false;
        m->trusts_asked = now;
    }
    from->waiting = talloc_memdup(m, packet, len);
    from->waiting_len = len;
    if (from->waiting != NULL && m->trusts_due == 0)
        m->trusts_due = now + WAIT_MS;
    return from->waiting != NULL;
}

void
member_end_waiting(struct member *m)
{
    m->trusts_due = 0;
    for (size_t i = 0; i < MEMBER_WORKERS_MAX; i++) {
        struct worker_link *w = &m->workers[i];
        uint8_t *packet = w->waiting;

        if (packet == NULL)
            continue;
        w->waiting = NULL;
        if (!member_verify(m, w, packet, w->waiting_len, false)) {
            (void)close(w->fd);
            w->fd = -1;
        }
        talloc_free(packet);
    }
}

bool
member_netlogon_message(struct member *m, const uint8_t *packet, size_t len)
{
    static struct trusts t;
    uint32_t err;

    if (!ipc_get_trusts(packet, len, &err, &t))
        return false;
    if (err == ERR_OK) {
        m->trusts = t;
        m->trusts_known = true;
        member_apply_trusts(m);
    }
    member_end_waiting(m);
    return true;
}
