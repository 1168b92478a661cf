/* leave: the account in the domain first, then what this computer has of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/krb/ntlm_file.h"
#include "lib/membership/account.h"
#include "lib/membership/machine_secret.h"
#include "lib/membership/replace.h"
#include "tools/ctl.h"
#include "tools/net.h"
#include "tools/session.h"
#include "tools/text.h"

struct leave_job {
    const struct ctl_options *options;
    const struct config *config;
    const krb5_creds *ticket; /* NULL: there is none */
    int keytab;               /* memfd; -1 */
};

/* What became of the account. */
enum outcome { OUTCOME_FAILED, OUTCOME_DENIED, OUTCOME_GONE };

/* Deletes, or else disables, the account as who has the connection. may_disable: the last one who could. */
static enum outcome
end_account(struct net *n, bool may_disable)
{
    struct dir_computer *c = NULL;
    struct dir_refusal refusal;
    enum dir_write write;
    char account[64];
    enum err err;

    (void)snprintf(account, sizeof(account), "%s$", n->config->computer);
    err = directory_computer(n->d, n->mem, account, &c);
    if (err == ERR_UNKNOWN_PRINCIPAL) {
        net_step(n, _("The domain has no account %s any more"), account);
        return OUTCOME_GONE;
    }
    if (err != ERR_OK) {
        (void)net_fail(n, CTL_PORT, _("The directory on %s does not answer any more."), n->dc.host);
        return OUTCOME_FAILED;
    }
    if (!net_is_own(n, c))
        return OUTCOME_FAILED;
    write = account_remove(n->d, c->dn, &refusal);
    if (write == DIR_WRITE_OK) {
        net_step(n, _("Deleted the account %s"), c->dn);
        return OUTCOME_GONE;
    }
    if (write == DIR_WRITE_DENIED && may_disable)
        write = account_disable(n->d, c, &refusal);
    if (write == DIR_WRITE_OK) {
        net_step(n, _("%s may not delete the account %s: it is disabled"), n->who, c->dn);
        return OUTCOME_GONE;
    }
    if (write == DIR_WRITE_DENIED && !may_disable)
        return OUTCOME_DENIED;
    (void)net_fail(n, write == DIR_WRITE_DENIED ? CTL_DENIED : CTL_DIRECTORY,
                   _("%s may neither delete nor disable the account %s: %s"), n->who, c->dn, refusal.text);
    return OUTCOME_FAILED;
}

/* The computer by itself: some domains let it. Whatever is in the way of that, an administrator is asked then. */
static enum outcome
leave_alone(struct net *n, int fd)
{
    enum outcome outcome = OUTCOME_DENIED;
    krb5_keytab keytab = NULL;
    char name[64];

    if (fd < 0)
        return OUTCOME_DENIED;
    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", fd);
    if (krb5_kt_resolve(n->krb, name, &keytab) != 0)
        return OUTCOME_DENIED;
    n->quiet = true;
    if (net_logon_keytab(n, keytab) && net_open(n))
        outcome = end_account(n, false);
    n->quiet = false;
    (void)krb5_kt_close(n->krb, keytab);
    net_close(n);
    return outcome == OUTCOME_GONE ? OUTCOME_GONE : OUTCOME_DENIED;
}

static bool
leave_network(int channel, void *arg)
{
    const struct leave_job *job = arg;
    const struct ctl_options *o = job->options;
    bool good = false, alone = o->user == NULL && !o->password_stdin && job->ticket == NULL;
    struct net n;

    net_init(&n, talloc_new(NULL), channel, job->config, o->dc);
    if (!net_locate(&n) || !net_check_ports(&n))
        goto done;
    if (alone && leave_alone(&n, job->keytab) == OUTCOME_GONE) {
        good = true;
        goto done;
    }
    if (job->ticket != NULL)
        good = net_logon_ticket(&n, job->ticket);
    else
        good = net_logon_person(&n, o->user != NULL ? o->user : CTL_ADMINISTRATOR);
    good = good && net_open(&n) && end_account(&n, true) == OUTCOME_GONE;
done:
    good = good && talk_send(channel, TALK_DONE, 0, NULL, NULL, -1);
    net_done(&n);
    talloc_free(n.mem);
    return good;
}

/* The domain's side. */
static bool
leave_domain(const struct ctl_options *o, const struct config *c, krb5_context krb, struct report *r)
{
    struct leave_job job = { .options = o, .config = c, .keytab = ctl_memfd(c->keytab) };
    const struct session_child child = { leave_network, &job, job.keytab };
    struct session s = { .channel = -1 };
    krb5_creds ticket;
    struct talk t;
    bool good;

    memset(&ticket, 0, sizeof(ticket));
    good = !o->use_ccache || ctl_ticket(o->ccache, c->realm, &ticket, r);
    if (o->use_ccache)
        job.ticket = &ticket;
    good = good && session_start(&s, r, o, &child) && session_next(&s, TALK_DONE, &t);
    session_end(&s);
    if (job.keytab >= 0)
        (void)close(job.keytab);
    krb5_free_cred_contents(krb, &ticket);
    return good;
}

static void
fail_file(struct report *r, const char *path)
{
    report_fail(r, CTL_FILES, _("%s cannot be changed: %s"), path, strerror(errno));
}

/* The keytab without our keys, written beside it; *left_out: keys of others that it has. */
static bool
begin_keytab(const struct config *c, krb5_context krb, struct replace *f, size_t *left_out, size_t *removed_out,
             struct report *r)
{
    struct membership_names names = ctl_names(c);
    krb5_error_code code;
    const char *why;

    *left_out = *removed_out = 0;
    if (!replace_begin(f, c->keytab)) {
        fail_file(r, c->keytab);
        return false;
    }
    code = membership_keytab_strip(krb, &names, c->keytab, f->fd, f->fresh, left_out, removed_out);
    if (code == 0)
        return true;
    why = krb5_get_error_message(krb, code);
    report_fail(r, CTL_FILES, _("%s cannot be changed: %s"), c->keytab, why);
    krb5_free_error_message(krb, why);
    return false;
}

static bool
drop_keys(const struct config *c, struct replace *f, size_t left, size_t removed, struct report *r)
{
    if (removed > 0 && left > 0 && !replace_commit(f, 0600)) {
        fail_file(r, c->keytab);
        return false;
    }
    if (removed > 0 && left == 0 && unlink(f->path) != 0) {
        fail_file(r, c->keytab);
        return false;
    }
    replace_keep(f);
    if (unlink(MACHINE_SECRET_PATH) != 0 && errno != ENOENT) {
        fail_file(r, MACHINE_SECRET_PATH);
        return false;
    }
    if (!ntlm_files_remove()) {
        fail_file(r, PROTO_NTLM_FOLDER);
        return false;
    }
    replace_sweep(MACHINE_SECRET_PATH);
    replace_sweep(CONFIG_PATH);
    report_step(r, _("Removed this computer's keys from %s, and %s"), c->keytab, MACHINE_SECRET_PATH);
    return true;
}

void
ctl_leave(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r)
{
    struct replace keytab = REPLACE_NONE;
    struct config *c = ctl_is_root(r) && ctl_finish_join(r) ? ctl_config(mem, r) : NULL;
    int lock = c == NULL ? -1 : ctl_lock(r, NULL);
    krb5_context krb = lock < 0 ? NULL : ctl_krb(c, r);
    size_t left, removed;

    if (krb != NULL && begin_keytab(c, krb, &keytab, &left, &removed, r)) {
        if (removed == 0 && access(MACHINE_SECRET_PATH, F_OK) != 0)
            report_fail(r, CTL_NOT_JOINED, _("This computer has no key of an account in %s."), c->name);
        else if ((o->keep_account || leave_domain(o, c, krb, r)) && drop_keys(c, &keytab, left, removed, r))
            report_step(r, _("%s has left %s. %s stays as it is."), c->computer, c->name, CONFIG_PATH);
        report_fact(r, "domain", NULL, c->name);
        report_fact(r, "computer", NULL, c->computer);
    }
    replace_undo(&keytab);
    if (krb != NULL)
        krb5_free_context(krb);
    if (lock >= 0)
        (void)close(lock);
}
