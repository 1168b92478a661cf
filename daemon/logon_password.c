/* A logon worker for passwords: Kerberos, or what may stand in for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/logon.h"
#include "daemon/password_key.h"
#include "lib/base/log.h"

/* What the password comes to is needed as soon as the controller has answered. */
static void
make_key(void *arg)
{
    const struct job *j = arg;

    password_key_ahead(j->secret, j->user_realm[0] != '\0' ? j->user_realm : j->config->realm, j->m.principal);
}

static bool
exchange(struct job *j, const krb5_creds *armor, struct krb_options *o, struct krb_failure *failure_out)
{
    o->meanwhile = make_key;
    o->arg = j;
    return krb_logon_password(j->krb, &j->target, j->m.principal, false, j->secret, armor, o, &j->logon, failure_out);
}

static bool
may_fall_back(struct job *j)
{
    j->end.err = (enum err)j->result.err;
    return fallback_may(j->config->ntlm_fallback, &j->end);
}

/*
 * Where no KDC answered others a moment ago: who waits for one in vain, each for
 * himself, waits long.  True if there is the domain's verdict; else Kerberos is
 * tried as ever.
 */
static bool
pass_at_once(struct job *j)
{
    if (!j->m.no_kdc || j->config->ntlm_fallback == CONFIG_FALLBACK_NEVER)
        return false;
    j->result.err = ERR_NO_KDC;
    (void)snprintf(j->result.step, sizeof(j->result.step), "AS exchange");
    (void)snprintf(j->result.text, sizeof(j->result.text), "none answered a moment ago");
    if (logon_pass(j))
        return true;
    memset(&j->result, 0, sizeof(j->result));
    j->result.err = ERR_INTERNAL;
    return false;
}

/* By Kerberos, or by what may stand in for it. */
static void
authenticate(struct job *j)
{
    if (pass_at_once(j) || logon_kerberos(j) || !may_fall_back(j))
        return;
    j->result.no_kdc = logon_pass(j) && j->end.err == ERR_NO_KDC && j->m.home.dns[0] == '\0';
}

static void
authenticate_and_forget(struct job *j)
{
    bool was_ahead;

    authenticate(j);
    was_ahead = password_key_forget();
    log_debug("the key of the password was %s", was_ahead ? "there when it was asked for" : "not made ahead");
}

static const struct method by_password = { .authenticate = authenticate_and_forget, .exchange = exchange };


int
logon_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = role_begin(mem, ROLE_LOGON);
    uint8_t packet[2 * PROTO_TEXT_MAX];

    for (;;) {
        int fds[CHANNEL_FDS_MAX];
        ssize_t n = channel_recv(FD_FRONT, packet, sizeof(packet), fds, -1);
        struct ipc_job m;

        /* front lets a worker go by closing the channel. */
        if (n == 0)
            break;
        if (n < 0 || !ipc_get_job(packet, (size_t)n, &m) || m.with_card || fds[0] < 0) {
            log_error("front broke the protocol: this worker ends");
            return EXIT_FAILURE;
        }
        logon_run(&by_password, c, &m, channel_take_fd(fds));
        channel_close_fds(fds);
    }
    talloc_free(mem);
    return EXIT_SUCCESS;
}
