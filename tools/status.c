/* status: what this computer is set up for, and what it has of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/membership/rotation.h"
#include "tools/ctl.h"
#include "tools/net.h"
#include "tools/session.h"
#include "tools/text.h"

#define DAY 86400

struct status_job {
    const struct ctl_options *options;
    const struct config *config;
};

/* The domain controller that answers now. That none does is no failure of this command. */
static bool
status_network(int channel, void *arg)
{
    const struct status_job *job = arg;
    struct net n;
    bool found;

    net_init(&n, talloc_new(NULL), channel, job->config, NULL);
    n.quiet = true;
    found = net_locate(&n);
    (void)talk_send(channel, TALK_DONE, found, found ? n.dc.host : n.text, found ? n.dc.address : "", -1);
    net_done(&n);
    talloc_free(n.mem);
    return true;
}

/* keeper holds a lock as long as it lives; to try it would be in its way. */
static bool
is_running(void)
{
    char line[256], kind[16];
    unsigned major_number, minor_number;
    unsigned long long inode;
    struct stat st;
    bool found = false;
    FILE *f;

    if (stat(AUTHSOD_RUNDIR "/lock", &st) != 0)
        return false;
    f = fopen("/proc/locks", "re");
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%*s %15s %*s %*s %*s %x:%x:%llu", kind, &major_number, &minor_number, &inode) == 4)
            found = strcmp(kind, "FLOCK") == 0 && inode == st.st_ino && major_number == major(st.st_dev) &&
                    minor_number == minor(st.st_dev);
    }
    if (f != NULL)
        (void)fclose(f);
    return found;
}

/* When the service replaces the password, as a person reads it. */
static void
tell_due(const struct config *c, const struct machine_secret *s, struct report *r)
{
    int64_t due = rotation_due(s, c->password_lifetime);
    time_t when = (time_t)due;
    char text[64] = "";
    struct tm tm;

    if (due == INT64_MAX) {
        report_fact(r, "password_due", _("Replaced"), _("never"));
        return;
    }
    if (localtime_r(&when, &tm) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    report_fact(r, "password_due", _("Replaced after"), text);
}

static void
tell_secret(const struct config *c, struct report *r)
{
    struct machine_secret *s = machine_secret_new();
    const struct machine_password *p;
    int64_t age;

    if (s != NULL && machine_secret_load(MACHINE_SECRET_PATH, s)) {
        p = &s->slots[MACHINE_CURRENT];
        age = ((int64_t)time(NULL) - p->time) / DAY;
        report_number(r, "password_age_days", _("Age of the password in days"), age > 0 ? age : 0);
        report_fact(r, "password_controller", _("Set on"), s->controller);
        tell_due(c, s, r);
        if (s->slots[MACHINE_PENDING].text[0] != '\0')
            report_flag(r, "password_pending", _("A new password is pending"), true);
        else
            report_flag(r, "password_pending", NULL, false);
    }
    machine_secret_free(s);
}

static void
tell_keys(const struct config *c, struct report *r)
{
    struct membership_names names = ctl_names(c);
    krb5_context krb = ctl_krb(c, r);
    uint32_t kvno;

    if (krb == NULL)
        return;
    kvno = membership_keytab_kvno(krb, &names, c->keytab);
    krb5_free_context(krb);
    report_flag(r, "joined", _("Joined"), kvno > 0);
    if (kvno == 0)
        return;
    report_number(r, "kvno", _("Key version"), kvno);
    tell_secret(c, r);
}

static void
tell_controller(const struct ctl_options *o, const struct config *c, struct report *r)
{
    struct status_job job = { o, c };
    const struct session_child child = { status_network, &job, -1 };
    struct session s = { .channel = -1 };
    struct talk t;
    char text[400];

    if (session_start(&s, r, o, &child) && session_next(&s, TALK_DONE, &t)) {
        (void)snprintf(text, sizeof(text), "%.255s (%.63s)", t.a, t.b);
        if (t.number != 0)
            report_fact(r, "controller", _("Domain controller"), text);
        else
            report_fact(r, "controller_error", _("No domain controller"), t.a);
        talk_clear(&t);
    }
    session_end(&s);
}

void
ctl_status(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r)
{
    struct config *c = ctl_config(mem, r);

    if (c == NULL)
        return;
    report_fact(r, "domain", _("Domain"), c->name);
    report_fact(r, "computer", _("Computer"), c->computer);
    report_fact(r, "fqdn", _("Host name"), c->fqdn);
    report_fact(r, "keytab", _("Keytab"), c->keytab);
    /* Only root can see keys. */
    if (geteuid() == 0)
        tell_keys(c, r);
    tell_controller(o, c, r);
    report_flag(r, "running", _("Service is running"), is_running());
}
