/* join, the half that talks to the domain. */
#include "tools/join.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/membership/account.h"
#include "lib/membership/machine_secret.h"
#include "tools/ctl.h"
#include "tools/net.h"
#include "tools/talk.h"
#include "tools/text.h"

#define UPPER_MS 120000 /* for what the upper half does meanwhile */
#define PERSON_MS 300000

struct join {
    struct net net;
    const struct join_job *job;
    char *password; /* the new one; SECRET_MAX bytes */
    char *one_time; /* the present one, where it is the computer that logs on; SECRET_MAX bytes */
    struct account_result result;
    bool committed;
};

/* One secret from the upper half, prompted for or not. */
static bool
receive_secret(struct join *j, const char *prompt, char *secret)
{
    struct talk t;
    bool good;

    if (prompt != NULL && !talk_send(j->net.channel, TALK_ASK, 0, prompt, NULL, -1))
        return false;
    if (!talk_receive(j->net.channel, &t, PERSON_MS))
        return net_fail(&j->net, CTL_CANCELLED, "%s", _("There is no password."));
    good = t.type == TALK_SECRET;
    if (good)
        (void)snprintf(secret, SECRET_MAX, "%s", t.a);
    talk_clear(&t);
    return good ? true : net_fail(&j->net, CTL_INTERNAL, "unexpected word");
}

static bool
log_on(struct join *j)
{
    const struct ctl_options *o = j->job->options;
    char prompt[256];

    if (o->one_time) {
        (void)snprintf(prompt, sizeof(prompt), _("One-time password of %s$@%s: "), j->net.config->computer,
                       j->net.config->realm);
        return receive_secret(j, prompt, j->one_time) && net_logon_computer(&j->net, j->one_time);
    }
    if (j->job->ticket != NULL)
        return net_logon_ticket(&j->net, j->job->ticket);
    return net_logon_person(&j->net, o->user != NULL ? o->user : CTL_ADMINISTRATOR);
}

/*
 * A domain may say of its quota what it says of everything that is not allowed.
 * Where nobody has one (0), that it is spent is not the reason.
 */
static bool
is_quota_spent(struct net *n)
{
    struct dir_quota quota = { 0 };
    struct dir_user *user = NULL;
    char account[257];

    if (!net_account(n, account) || directory_user_by_account(n->d, n->mem, account, &user) != ERR_OK)
        return false;
    return directory_quota(n->d, &user->sid, &quota) == ERR_OK && quota.allowed > 0 && quota.made >= quota.allowed;
}

static bool
fail_quota(struct net *n)
{
    return net_fail(
        n, CTL_QUOTA,
        _("%s has made as many accounts of computers as the domain allows (ms-DS-MachineAccountQuota)."), n->who);
}

/* What the domain has against a new account. Always false. */
static bool
fail_make(struct join *j, enum dir_write write, const char *container)
{
    struct net *n = &j->net;
    const char *text = j->result.refusal.text;

    switch (write) {
    case DIR_WRITE_DENIED:
        if (is_quota_spent(n))
            return fail_quota(n);
        return net_fail(n, CTL_DENIED, _("%s may not make an account of a computer in %s: %s"), n->who, container,
                        text);
    case DIR_WRITE_QUOTA:
        return fail_quota(n);
    case DIR_WRITE_MISSING:
        return net_fail(n, CTL_NO_OU, _("There is no %s in the directory."), container);
    case DIR_WRITE_EXISTS:
        return net_fail(
            n, CTL_ACCOUNT,
            _("The directory has an entry %s, which is not the account of this computer. Delete it, or give "
              "--computer-name."),
            j->result.dn);
    case DIR_WRITE_LOST:
        return net_fail(
            n, CTL_PORT,
            _("%s did not answer when the account %s was made; it may be there now, and the next join takes "
              "it over."),
            n->dc.host, j->result.dn);
    default:
        return net_fail(n, CTL_DIRECTORY, _("The domain refuses the account %s: %s"), j->result.dn, text);
    }
}

/* What it has against taking one over. Always false. */
static bool
fail_take(struct join *j, enum dir_write write)
{
    struct net *n = &j->net;
    const struct account_result *r = &j->result;

    switch (write) {
    case DIR_WRITE_DENIED:
        return net_fail(n, CTL_ACCOUNT, _("The account %s exists, and %s may not take it over (%s): %s"), r->dn, n->who,
                        r->step, r->refusal.text);
    case DIR_WRITE_CONSTRAINT:
        return net_fail(n, CTL_ACCOUNT, _("The account %s cannot be taken over: its %s is refused: %s"), r->dn, r->step,
                        r->refusal.text);
    case DIR_WRITE_LOST:
        return net_fail(n, CTL_PORT, _("%s did not answer when the account %s was taken over (%s). Join again."),
                        n->dc.host, r->dn, r->step);
    default:
        return net_fail(n, CTL_DIRECTORY, _("The domain refuses a change of %s in %s: %s"), r->step, r->dn,
                        r->refusal.text);
    }
}

static struct account_wish
wish_of(const struct join *j, const char *container)
{
    struct account_wish w = { .names = net_names(&j->net),
                              .container = container,
                              .password = j->password,
                              .old_password = j->job->options->one_time ? j->one_time : NULL,
                              .os_name = j->job->os_name,
                              .os_version = j->job->os_version };

    return w;
}

static bool
take_account(struct join *j, const struct dir_computer *c)
{
    struct account_wish w = wish_of(j, NULL);
    enum dir_write write;

    if (!net_is_own(&j->net, c))
        return false;
    if (j->job->options->ou != NULL)
        net_step(&j->net, _("The account is there already and stays where it is: %s"), c->dn);
    write = account_take(j->net.d, j->net.mem, c, &w, &j->result);
    if (write != DIR_WRITE_OK)
        return fail_take(j, write);
    net_step(&j->net, _("Took over the account %s"), j->result.dn);
    return true;
}

static bool
make_account(struct join *j, const char *container)
{
    struct account_wish w = wish_of(j, container);
    enum dir_write write;

    if (j->job->options->one_time)
        return net_fail(&j->net, CTL_ACCOUNT, _("The domain does not show this computer its own account."));
    write = account_make(j->net.d, j->net.mem, &w, &j->result);
    if (write != DIR_WRITE_OK)
        return fail_make(j, write, container);
    net_step(&j->net, _("Made the account %s"), j->result.dn);
    return true;
}

/* The name with its realm, for the filter of the directory. */
static enum err
find_account(struct join *j, struct dir_computer **out)
{
    char account[64];

    (void)snprintf(account, sizeof(account), "%s$", j->net.config->computer);
    return directory_computer(j->net.d, j->net.mem, account, out);
}

static bool
fail_lost(struct net *n)
{
    return net_fail(n, CTL_PORT, _("The directory on %s does not answer any more."), n->dc.host);
}

static bool
find_container(struct join *j, const char **out)
{
    const char *ou = j->job->options->ou;
    enum err err;

    if (ou != NULL && !directory_is_dn(ou))
        return net_fail(&j->net, CTL_NO_OU,
                        _("%s is not the distinguished name of an OU, like OU=Linux,DC=corp,DC=test."), ou);
    err = directory_container(j->net.d, j->net.mem, ou, out);
    if (err == ERR_OK)
        return true;
    if (err != ERR_UNKNOWN_PRINCIPAL)
        return fail_lost(&j->net);
    return net_fail(&j->net, CTL_NO_OU, _("There is no %s in the directory."), ou != NULL ? ou : "CN=Computers");
}

static bool
set_up_account(struct join *j)
{
    const char *container = NULL;
    struct dir_computer *c = NULL;
    enum err err;

    if (!j->job->options->one_time && !find_container(j, &container))
        return false;
    err = find_account(j, &c);
    if (err == ERR_NO_KDC || err == ERR_INTERNAL)
        return fail_lost(&j->net);
    if (!(err == ERR_OK ? take_account(j, c) : make_account(j, container)))
        return false;
    if (!j->result.encryption_set)
        net_step(&j->net, _("msDS-SupportedEncryptionTypes could not be written; the domain's default stays"));
    err = find_account(j, &c);
    if (err == ERR_OK && c->kvno > 0)
        return talk_send(j->net.channel, TALK_ACCOUNT, c->kvno, j->result.dn, j->net.dc.host, -1);
    return net_fail(&j->net, CTL_DIRECTORY, _("The directory does not tell the key version of %s."), j->result.dn);
}

/* Has the keytab the very key, by its version, that the ticket names? libkrb5 would open it with any that fits. */
static krb5_error_code
find_key(krb5_context ctx, krb5_keytab keytab, const krb5_ticket *ticket)
{
    krb5_keytab_entry e = { 0 };
    krb5_error_code code =
        krb5_kt_get_entry(ctx, keytab, ticket->server, ticket->enc_part.kvno, ticket->enc_part.enctype, &e);

    if (code == 0)
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    return code;
}

/* A ticket for this computer must open with the keytab: the domain could have made it with keys that we have not. */
static bool
verify_ticket(struct net *v, krb5_keytab keytab)
{
    struct krb_target target = net_target(v);
    struct krb_failure failure;
    char service[MEMBERSHIP_NAME_SIZE];
    struct membership_names names = net_names(v);
    krb5_creds creds;
    krb5_ticket *ticket = NULL;
    krb5_error_code code = 0;

    if (!membership_name(&names, 0, service) ||
        !krb_service_ticket(v->krb, &target, &v->tgt, service, &creds, &failure))
        return net_fail_krb(v, &failure, v->who);
    code = krb5_decode_ticket(&creds.ticket, &ticket);
    if (code == 0)
        code = find_key(v->krb, keytab, ticket);
    if (code == 0)
        code = krb5_server_decrypt_ticket_keytab(v->krb, keytab, ticket);
    krb5_free_ticket(v->krb, ticket);
    krb5_free_cred_contents(v->krb, &creds);
    if (code == 0)
        return true;
    return net_fail(v, CTL_LOGON, _("A ticket for %s does not open with the new keytab (%ld)."), service, (long)code);
}

/* Logs on as the computer by what was read back. The administrator's connection stays: it may have to undo all. */
static bool
log_on_as_computer(struct join *j, int keytab_fd, const char *password)
{
    struct net v;
    struct krb_target target;
    krb5_keytab keytab = NULL;
    char name[64];
    bool good = false;

    net_init(&v, j->net.mem, j->net.channel, j->net.config, NULL);
    v.dc = j->net.dc;
    target = net_target(&v);
    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", keytab_fd);
    if (krb_context_new(&target, &v.krb) != 0 || krb5_kt_resolve(v.krb, name, &keytab) != 0) {
        (void)net_fail(&v, CTL_INTERNAL, "libkrb5 does not take the keytab");
    } else if (net_logon_keytab(&v, keytab) && verify_ticket(&v, keytab)) {
        net_close(&v);
        good = net_logon_computer(&v, password);
    }
    if (keytab != NULL)
        (void)krb5_kt_close(v.krb, keytab);
    net_done(&v);
    return good;
}

static bool
verify(struct join *j)
{
    struct talk t;
    bool good = talk_receive(j->net.channel, &t, UPPER_MS) && t.type == TALK_VERIFY && t.fd >= 0 &&
                log_on_as_computer(j, t.fd, t.a);

    talk_clear(&t);
    if (good)
        net_step(&j->net, _("Logged on as the computer with the keytab and with the machine secret"));
    return good && talk_send(j->net.channel, TALK_VERIFIED, 0, NULL, NULL, -1);
}

static void
undo(struct join *j)
{
    struct dir_refusal refusal;
    char text[700];

    if (j->committed || !j->result.password_set)
        return;
    if (!j->result.made) {
        (void)snprintf(text, sizeof(text), _("The password of %s has been changed; join again before anybody logs on."),
                       j->result.dn);
        (void)talk_send(j->net.channel, TALK_WARNING, 0, text, NULL, -1);
    } else if (account_remove(j->net.d, j->result.dn, &refusal) == DIR_WRITE_OK) {
        net_step(&j->net, _("Deleted the account %s again"), j->result.dn);
    } else {
        (void)snprintf(text, sizeof(text), _("The account %s was made and cannot be deleted again: %s"), j->result.dn,
                       refusal.text);
        (void)talk_send(j->net.channel, TALK_WARNING, 0, text, NULL, -1);
    }
}

/* From COMMITTED on the files may have their names: then the account stays, unless the upper half says otherwise. */
static void
wait_for_commit(struct join *j)
{
    struct talk t;

    j->committed = talk_receive(j->net.channel, &t, UPPER_MS) && t.type == TALK_COMMIT &&
                   talk_send(j->net.channel, TALK_COMMITTED, 0, NULL, NULL, -1);
    talk_clear(&t);
    if (j->committed && talk_receive(j->net.channel, &t, UPPER_MS)) {
        j->committed = t.type != TALK_UNDO;
        talk_clear(&t);
    }
}

bool
join_network(int channel, void *arg)
{
    struct join j = { .job = arg };

    net_init(&j.net, talloc_new(NULL), channel, j.job->config, j.job->options->dc);
    j.password = secret_new(SECRET_MAX);
    j.one_time = secret_new(SECRET_MAX);
    if (j.password == NULL || j.one_time == NULL)
        (void)net_fail(&j.net, CTL_INTERNAL, "out of memory");
    else if (receive_secret(&j, NULL, j.password) && net_locate(&j.net) && net_check_ports(&j.net) && log_on(&j) &&
             net_open(&j.net) && set_up_account(&j) && verify(&j))
        wait_for_commit(&j);
    undo(&j);
    secret_free(j.password, SECRET_MAX);
    secret_free(j.one_time, SECRET_MAX);
    net_done(&j.net);
    talloc_free(j.net.mem);
    return j.committed;
}
