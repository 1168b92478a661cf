/* The computer's own logon. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/member.h"
#include "lib/base/log.h"
#include "lib/proto/client.h"

#define LIFETIME 3600              /* seconds: what a worker that was taken over could use it for */
#define QUICK_RETRY_MS 1000        /* after a failure that cost nothing; a logon does not wait for the next */
#define PATIENCE_MS 1500           /* with a controller that says nothing at all: directory may find another */

struct krb_target
member_target(const struct member *m)
{
    struct krb_target t = { .realm = m->config->realm, .domain_dns = m->config->name, .fqdn = m->config->fqdn,
                            .computer = m->config->computer, .timeout = m->config->timeout,
                            .patience = m->patient ? 0 : PATIENCE_MS };

    t.kdc = m->dc.address[0] != '\0' ? m->dc.address : NULL;
    return t;
}

void
member_drop_tgt(struct member *m)
{
    if (m->krb != NULL)
        krb5_free_cred_contents(m->krb, &m->tgt);
    memset(&m->tgt, 0, sizeof(m->tgt));
}

/* With another key the computer's own logon may succeed that has just failed. */
static bool
has_new_keytab(struct member *m)
{
    return member_reread_keytab(m) && m->keytab_is_new;
}

static bool
is_fresh(const krb5_creds *creds)
{
    int64_t now = (int64_t)time(NULL), left = (int64_t)(uint32_t)creds->times.endtime - now;
    int64_t start = creds->times.starttime != 0 ? (int64_t)(uint32_t)creds->times.starttime
                                                : (int64_t)(uint32_t)creds->times.authtime;

    return creds->ticket.length > 0 && left > ((int64_t)(uint32_t)creds->times.endtime - start) / 4;
}

/* What a failure comes to, for whoever needs the computer's ticket. */
struct ipc_reason
member_reason(const struct member *m, const struct krb_failure *f)
{
    struct ipc_reason why = { .err = f->err };
    char text[320];

    krb_failure_value(f, m->config->name, why.value, sizeof(why.value));
    krb_failure_describe(f, text, sizeof(text));
    if (f->err == ERR_NO_KEYTAB && m->keytab == NULL)
        (void)snprintf(why.text, sizeof(why.text), "the keytab %s: %s", m->config->keytab, m->keytab_text);
    else if (f->err == ERR_NO_KEYTAB || f->err == ERR_STALE_KEYTAB)
        (void)snprintf(why.text, sizeof(why.text), "with the key in the keytab %s: %s", m->config->keytab, text);
    else
        (void)snprintf(why.text, sizeof(why.text), "%s", text[0] != '\0' ? text : "no domain controller");
    return why;
}

/* Not at every logon's wish: it makes everybody wait, or may count as a wrong password of the computer's. */
static bool
is_costly(enum err err)
{
    return err == ERR_NO_KDC || err == ERR_TIMEOUT || err == ERR_STALE_KEYTAB;
}

/* One logon with the keytab as it is now: reading that again may have brought another configuration along. */
static bool
log_on_computer(struct member *m, krb5_creds *tgt_out, bool *fast_out, struct krb_failure *failure_out)
{
    struct krb_target t = member_target(m);

    memset(failure_out, 0, sizeof(*failure_out));
    failure_out->err = m->keytab == NULL ? ERR_NO_KEYTAB : m->dc.err != ERR_OK ? ERR_NO_KDC : ERR_OK;
    return failure_out->err == ERR_OK &&
           krb_computer_tgt(m->krb, &t, m->keytab, LIFETIME, tgt_out, fast_out, failure_out);
}

/* The ticket that is there serves to its end, whatever became of the try for a new one. */
static enum err
unless_it_serves(const struct member *m, enum err err)
{
    return m->tgt.ticket.length > 0 && (int64_t)(uint32_t)m->tgt.times.endtime > (int64_t)time(NULL) ? ERR_OK : err;
}

/* The computer's own TGT: kept, and renewed by a new logon before it ends. */
enum err
member_tgt(struct member *m)
{
    struct krb_failure failure;
    krb5_creds tgt = { 0 };
    bool fast = false, ok;

    if (is_fresh(&m->tgt))
        return ERR_OK;
    if (client_now() < m->tgt_retry && !(m->tgt_why.err == ERR_STALE_KEYTAB && has_new_keytab(m)))
        return unless_it_serves(m, (enum err)m->tgt_why.err);
    if (m->keytab == NULL)
        (void)member_reread_keytab(m);
    ok = log_on_computer(m, &tgt, &fast, &failure);
    /* The key may have been changed since the keytab was read. */
    if (!ok && failure.err == ERR_STALE_KEYTAB && has_new_keytab(m))
        ok = log_on_computer(m, &tgt, &fast, &failure);
    if (ok) {
        member_drop_tgt(m);
        m->tgt = tgt;
        m->tgt_made = client_now();
        m->fast_offered = m->fast_offered || fast;
        m->tgt_retry = 0;
        m->patient = false;
        log_debug("the computer has a ticket for an hour; FAST is %s", fast ? "offered" : "not offered");
        return ERR_OK;
    }
    m->tgt_why = member_reason(m, &failure);
    m->tgt_retry = client_now() + (is_costly(failure.err) ? MEMBER_TGT_RETRY_MS : QUICK_RETRY_MS);
    m->patient = failure.err == ERR_NO_KDC;
    log_error("the computer's own logon failed: %s: %s", err_name(failure.err), m->tgt_why.text);
    return unless_it_serves(m, failure.err);
}
