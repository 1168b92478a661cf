#include "tools/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/net.h"
#include "lib/base/wait.h"
#include "lib/directory/credentials.h"
#include "lib/krb/failure.h"
#include "lib/membership/account.h"
#include "tools/talk.h"
#include "tools/text.h"

#define LDAP_MS 10000
#define PERSON_MS 300000 /* for who types a password */

void
net_init(struct net *n, TALLOC_CTX *mem, int channel, const struct config *config, const char *wanted_dc)
{
    memset(n, 0, sizeof(*n));
    n->mem = mem;
    n->channel = channel;
    n->config = config;
    n->wanted_dc = wanted_dc;
    n->profile = -1;
}

void
net_close(struct net *n)
{
    directory_close(n->d);
    n->d = NULL;
    if (n->krb != NULL)
        krb5_free_cred_contents(n->krb, &n->tgt);
    memset(&n->tgt, 0, sizeof(n->tgt));
}

void
net_done(struct net *n)
{
    net_close(n);
    if (n->krb != NULL)
        krb5_free_context(n->krb);
    n->krb = NULL;
    if (n->profile >= 0)
        (void)close(n->profile);
    n->profile = -1;
}

struct krb_target
net_target(const struct net *n)
{
    const struct config *c = n->config;
    struct krb_target t = { .realm = c->realm,
                            .domain_dns = c->name,
                            .kdc = n->dc.address,
                            .fqdn = c->fqdn,
                            .computer = c->computer,
                            .timeout = c->timeout };

    return t;
}

struct membership_names
net_names(const struct net *n)
{
    struct membership_names names = { n->config->realm, n->config->computer, n->config->fqdn };

    return names;
}

void
net_step(struct net *n, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)talk_send(n->channel, TALK_STEP, 0, text, NULL, -1);
}

bool
net_fail(struct net *n, enum ctl_error error, const char *fmt, ...)
{
    va_list ap;

    n->error = error;
    va_start(ap, fmt);
    (void)vsnprintf(n->text, sizeof(n->text), fmt, ap);
    va_end(ap);
    if (!n->quiet)
        (void)talk_send(n->channel, TALK_FAILED, (uint32_t)error, n->text, NULL, -1);
    return false;
}

bool
net_fail_krb(struct net *n, const struct krb_failure *f, const char *who)
{
    char text[700], value[300];

    krb_failure_describe(f, text, sizeof(text));
    krb_failure_value(f, n->config->name, value, sizeof(value));
    switch (f->err) {
    case ERR_WRONG_PASSWORD:
        return net_fail(n, CTL_WRONG_PASSWORD, _("The password of %s is not right."), who);
    case ERR_UNKNOWN_PRINCIPAL:
        return net_fail(n, CTL_LOGON, _("The domain %s has no account %s."), n->config->name, who);
    case ERR_CLOCK:
        return net_fail(n, CTL_CLOCK, _("The clock of this computer differs from that of %s by %s. Set it right."),
                        n->dc.host, value[0] != '\0' ? value : _("more than 5 minutes"));
    case ERR_NO_KDC:
        return net_fail(n, CTL_PORT, _("The domain controller %s does not answer on port 88/tcp (Kerberos): %s"),
                        n->dc.host, text);
    default:
        return net_fail(n, CTL_LOGON, _("The domain does not let %s log on: %s"), who, text);
    }
}

bool
net_port(const char *address, unsigned port, int ms, const char **why_out)
{
    struct sockaddr_storage to;
    int fd = -1;

    *why_out = "";
    if (!address_parse(address, (uint16_t)port, &to)) {
        *why_out = strerror(EINVAL);
        return false;
    }
    fd = tcp_connect(&to, clock_ms() + ms);
    if (fd < 0) {
        *why_out = strerror(errno);
        return false;
    }
    (void)close(fd);
    return true;
}

static bool
write_user(struct net *n, const char *user, char name[static 257], bool *enterprise_out)
{
    const char *at = strrchr(user, '@'), *slash = strchr(user, '\\');
    const char *begin = slash != NULL ? slash + 1 : user;
    size_t len = strlen(begin);

    *enterprise_out = at != NULL && strcasecmp(at + 1, n->config->name) != 0;
    if (at != NULL && !*enterprise_out)
        len -= strlen(at);
    if (len == 0 || len > 256)
        return net_fail(n, CTL_NAME, _("%s is not the name of a user."), user);
    memcpy(name, begin, len);
    name[len] = '\0';
    return true;
}

bool
net_logon_person(struct net *n, const char *user)
{
    struct krb_target target = net_target(n);
    struct krb_failure failure;
    struct talk answer;
    char name[257], prompt[600];
    bool enterprise, good;

    if (!write_user(n, user, name, &enterprise))
        return false;
    (void)snprintf(n->who, sizeof(n->who), enterprise ? "%s" : "%s@%s", name, n->config->realm);
    (void)snprintf(prompt, sizeof(prompt), _("Password for %s: "), n->who);
    if (!talk_send(n->channel, TALK_ASK, 0, prompt, NULL, -1) || !talk_receive(n->channel, &answer, PERSON_MS))
        return net_fail(n, CTL_CANCELLED, _("There is no password."));
    good =
        answer.type == TALK_SECRET && krb_password_tgt(n->krb, &target, name, enterprise, answer.a, &n->tgt, &failure);
    if (answer.type != TALK_SECRET)
        (void)net_fail(n, CTL_INTERNAL, "unexpected answer %d", (int)answer.type);
    else if (!good)
        (void)net_fail_krb(n, &failure, n->who);
    talk_clear(&answer);
    return good;
}

bool
net_logon_ticket(struct net *n, const krb5_creds *tgt)
{
    krb5_creds *copy = NULL;
    char *name = NULL;

    if (krb5_copy_creds(n->krb, tgt, &copy) != 0)
        return net_fail(n, CTL_INTERNAL, "out of memory");
    n->tgt = *copy;
    free(copy); /* its contents are n's now */
    if (krb5_unparse_name(n->krb, n->tgt.client, &name) == 0)
        (void)snprintf(n->who, sizeof(n->who), "%s", name);
    krb5_free_unparsed_name(n->krb, name);
    return true;
}

bool
net_logon_computer(struct net *n, const char *password)
{
    struct krb_target target = net_target(n);
    struct krb_failure failure;
    char name[64];

    (void)snprintf(name, sizeof(name), "%s$", n->config->computer);
    (void)snprintf(n->who, sizeof(n->who), "%s@%s", name, n->config->realm);
    if (krb_password_tgt(n->krb, &target, name, false, password, &n->tgt, &failure))
        return true;
    return net_fail_krb(n, &failure, n->who);
}

bool
net_logon_keytab(struct net *n, krb5_keytab keytab)
{
    struct krb_target target = net_target(n);
    struct krb_failure failure;
    bool fast;

    (void)snprintf(n->who, sizeof(n->who), "%s$@%s", n->config->computer, n->config->realm);
    if (krb_computer_tgt(n->krb, &target, keytab, KRB_PASSWORD_TGT_LIFE, &n->tgt, &fast, &failure))
        return true;
    return net_fail_krb(n, &failure, n->who);
}

bool
net_account(const struct net *n, char account[static 257])
{
    krb5_const_principal client = n->tgt.client;
    const krb5_data *name = client != NULL && client->length == 1 ? &client->data[0] : NULL;

    if (name == NULL || name->length == 0 || name->length > 256 || memchr(name->data, '\0', name->length) != NULL)
        return false;
    memcpy(account, name->data, name->length);
    account[name->length] = '\0';
    return true;
}

static bool
set_credentials(struct net *n)
{
    struct krb_target target = net_target(n);
    struct krb_failure failure;
    krb5_context ctx = NULL;
    krb5_creds ticket;
    char service[5 + 256];
    krb5_error_code code;

    (void)snprintf(service, sizeof(service), "ldap/%s", n->dc.host);
    if (!krb_service_ticket(n->krb, &target, &n->tgt, service, &ticket, &failure))
        return net_fail_krb(n, &failure, n->who);
    code = directory_set_profile(n->config->realm, n->dc.host, &n->profile) ? 0 : errno;
    if (code == 0)
        code = krb5_init_context(&ctx);
    if (code == 0)
        code = directory_store_ticket(ctx, &ticket);
    krb5_free_cred_contents(n->krb, &ticket);
    krb5_free_context(ctx);
    if (code == 0)
        return true;
    return net_fail(n, CTL_INTERNAL, _("The ticket for the directory cannot be used (%ld)."), (long)code);
}

bool
net_open(struct net *n)
{
    enum err err = ERR_OK;
    const char *why = "";

    if (!set_credentials(n))
        return false;
    n->d = directory_open(n->mem, n->dc.address, n->dc.host, n->config->name, LDAP_MS, &err, &why);
    if (n->d == NULL && err == ERR_NO_KDC)
        return net_fail(n, CTL_PORT, _("The domain controller %s does not answer on port 389/tcp (LDAP): %s"),
                        n->dc.host, why);
    if (n->d == NULL)
        return net_fail(n, CTL_DIRECTORY, _("The directory on %s does not take the logon of %s: %s"), n->dc.host,
                        n->who, why);
    if (directory_ssf(n->d) < ACCOUNT_SSF_LEAST)
        return net_fail(n, CTL_DIRECTORY, _("The connection to %s is sealed with %u bits, which is too weak."),
                        n->dc.host, directory_ssf(n->d));
    if (!n->quiet)
        net_step(n, _("Logged on as %s; the connection to the directory is sealed with %u bits"), n->who,
                 directory_ssf(n->d));
    return true;
}

bool
net_is_own(struct net *n, const struct dir_computer *c)
{
    if (!c->is_workstation)
        return net_fail(n, CTL_ACCOUNT, _("The account %s is not one of a computer, or of a domain controller."),
                        c->dn);
    if (c->dns_name[0] != '\0' && strcasecmp(c->dns_name, n->config->fqdn) != 0)
        return net_fail(n, CTL_ACCOUNT,
                        _("The account %s exists and is that of another computer, %s. Delete it, or give "
                          "--computer-name."),
                        c->dn, c->dns_name);
    return true;
}
