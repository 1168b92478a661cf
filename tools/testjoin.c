/* testjoin: each part of the membership by itself, ok or why not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/krb/failure.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"
#include "tools/ctl.h"
#include "tools/net.h"
#include "tools/session.h"
#include "tools/testjoin.h"
#include "tools/text.h"

#define PORT_MS 2000
#define PERSON_MS 10000

struct test_job {
    const struct ctl_options *options;
    const struct config *config;
    int keytab; /* memfd; -1 */
};

struct test {
    struct net net;
    const struct test_job *job;
    krb5_keytab keytab;
    bool has_tgt;
    int64_t offset; /* seconds that the KDC is ahead */
    bool offset_known;
};

static void
check(struct test *t, const char *name, bool good, const char *text)
{
    (void)talk_send(t->net.channel, TALK_CHECK, good, name, text, -1);
}

/* A step of net's, which keeps its reason to itself. */
static bool
check_step(struct test *t, const char *name, bool good, const char *text)
{
    check(t, name, good, good ? text : t->net.text);
    return good;
}

static void
check_ports(struct test *t)
{
    static const struct {
        unsigned number;
        const char *name;
    } ports[] = {
        { 88, "port 88/tcp" },   { 389, "port 389/tcp" }, { 464, "port 464/tcp" },
        { 135, "port 135/tcp" }, { 445, "port 445/tcp" },
    };
    const char *why;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        bool good = net_port(t->net.dc.address, ports[i].number, PORT_MS, &why);

        check(t, ports[i].name, good, why);
    }
    /* By which the domain controller was found. */
    check(t, "port 389/udp", true, "");
}

static void
check_tgt(struct test *t)
{
    struct krb_target target = net_target(&t->net);
    struct krb_failure f;
    char name[64], text[700];
    bool fast;

    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", t->job->keytab);
    if (t->job->keytab < 0 || krb5_kt_resolve(t->net.krb, name, &t->keytab) != 0) {
        check(t, "computer ticket", false, _("there is no keytab"));
        return;
    }
    t->has_tgt = krb_computer_tgt(t->net.krb, &target, t->keytab, KRB_PASSWORD_TGT_LIFE, &t->net.tgt, &fast, &f);
    (void)snprintf(t->net.who, sizeof(t->net.who), "%s$@%s", target.computer, target.realm);
    if (t->has_tgt) {
        t->offset = (int64_t)(uint32_t)t->net.tgt.times.authtime - (int64_t)time(NULL);
        t->offset_known = true;
    } else {
        t->offset = f.clock_offset;
        t->offset_known = f.err == ERR_CLOCK || f.clock_offset != 0;
        krb_failure_describe(&f, text, sizeof(text));
    }
    check(t, "computer ticket", t->has_tgt, t->has_tgt ? t->net.who : text);
}

static void
check_clock(struct test *t)
{
    char text[64] = "";

    if (!t->offset_known) {
        check(t, "clock", false, _("the domain controller did not tell its time"));
        return;
    }
    (void)snprintf(text, sizeof(text), "%+" PRId64 " s", -t->offset);
    check(t, "clock", llabs((long long)t->offset) <= CLOCK_SKEW, text);
}

/* A ticket for this computer opens with the keytab. */
static void
check_host_ticket(struct test *t)
{
    struct krb_target target = net_target(&t->net);
    struct membership_names names = net_names(&t->net);
    char service[MEMBERSHIP_NAME_SIZE], text[700] = "";
    struct krb_failure f;
    krb5_creds creds;
    krb5_ticket *ticket = NULL;
    krb5_error_code code = KRB5_KT_NOTFOUND;

    if (!t->has_tgt || !membership_name(&names, 0, service))
        return;
    if (!krb_service_ticket(t->net.krb, &target, &t->net.tgt, service, &creds, &f)) {
        krb_failure_describe(&f, text, sizeof(text));
        check(t, "host ticket", false, text);
        return;
    }
    code = krb5_decode_ticket(&creds.ticket, &ticket);
    if (code == 0)
        code = krb5_server_decrypt_ticket_keytab(t->net.krb, t->keytab, ticket);
    if (code != 0)
        (void)snprintf(text, sizeof(text), _("it does not open with the keytab (%ld)"), (long)code);
    check(t, "host ticket", code == 0, code == 0 ? service : text);
    krb5_free_ticket(t->net.krb, ticket);
    krb5_free_cred_contents(t->net.krb, &creds);
}

static void
check_directory(struct test *t)
{
    char text[64] = "";

    if (!t->has_tgt)
        return;
    if (net_open(&t->net))
        (void)snprintf(text, sizeof(text), _("sealed with %u bits"), directory_ssf(t->net.d));
    (void)check_step(t, "directory", t->net.d != NULL, text);
}

/* A computer that another program joined has no password here, only keys. */
static void
check_channel(struct test *t, const char *password)
{
    char text[400];
    bool good;

    if (password[0] == '\0')
        return;
    good = testjoin_channel(&t->net, password, text, sizeof(text));
    check(t, "secure channel", good, text);
}

/* Last: it takes the place of who has logged on. */
static void
check_secret(struct test *t, const char *password)
{
    if (password[0] == '\0')
        return;
    net_close(&t->net);
    (void)check_step(t, "machine secret logon", net_logon_computer(&t->net, password), t->net.who);
}

static bool
test_network(int channel, void *arg)
{
    struct test t = { .job = arg };
    struct talk secret;
    char text[400] = "";

    net_init(&t.net, talloc_new(NULL), channel, t.job->config, t.job->options->dc);
    t.net.quiet = true;
    if (!talk_receive(channel, &secret, PERSON_MS))
        return false;
    if (net_locate(&t.net))
        (void)snprintf(text, sizeof(text), "%s (%s)", t.net.dc.host, t.net.dc.address);
    if (check_step(&t, "domain controller", t.net.krb != NULL, text)) {
        check_ports(&t);
        check_tgt(&t);
        check_clock(&t);
        check_host_ticket(&t);
        check_directory(&t);
        check_channel(&t, secret.a);
        check_secret(&t, secret.a);
    }
    talk_clear(&secret);
    if (t.keytab != NULL)
        (void)krb5_kt_close(t.net.krb, t.keytab);
    net_done(&t.net);
    talloc_free(t.net.mem);
    return talk_send(channel, TALK_DONE, 0, NULL, NULL, -1);
}

static void
check_files(const struct config *c, krb5_context krb, struct machine_secret *secret, struct report *r)
{
    struct membership_names names = ctl_names(c);
    uint32_t kvno = membership_keytab_kvno(krb, &names, c->keytab);
    char text[1200];
    bool good;

    if (kvno > 0)
        (void)snprintf(text, sizeof(text), _("%s, key version %u"), c->keytab, (unsigned)kvno);
    else
        (void)snprintf(text, sizeof(text), _("%s has no key of %s$@%s"), c->keytab, c->computer, c->realm);
    report_check(r, "keytab", kvno > 0, text);
    good = machine_secret_load(MACHINE_SECRET_PATH, secret);
    /* Who joined with another program has none, and needs none before its password is to be changed. */
    if (!good && errno == ENOENT)
        report_check(r, "machine secret", true, _("there is none: this computer was joined by another program"));
    else
        report_check(r, "machine secret", good, good ? MACHINE_SECRET_PATH : strerror(errno));
}

void
ctl_testjoin(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r)
{
    struct config *c = ctl_is_root(r) && ctl_finish_join(r) ? ctl_config(mem, r) : NULL;
    krb5_context krb = c == NULL ? NULL : ctl_krb(c, r);
    struct machine_secret *secret = machine_secret_new();
    struct test_job job = { .options = o, .config = c, .keytab = -1 };
    struct session_child child = { test_network, &job, -1 };
    struct session s = { .channel = -1 };
    struct talk t;

    if (krb != NULL && secret != NULL) {
        check_files(c, krb, secret, r);
        child.keep = job.keytab = ctl_memfd(c->keytab);
        if (session_start(&s, r, o, &child) &&
            talk_send(s.channel, TALK_SECRET, 0, secret->slots[MACHINE_CURRENT].text, NULL, -1))
            (void)session_next(&s, TALK_DONE, &t);
        session_end(&s);
        if (report_has_bad_check(r))
            report_fail(r, CTL_TEST, _("The membership of this computer in %s is not in order."), c->name);
    }
    if (job.keytab >= 0)
        (void)close(job.keytab);
    machine_secret_free(secret);
    if (krb != NULL)
        krb5_free_context(krb);
}
