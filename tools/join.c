/* join, the half that is root: what is to be joined, the files, what comes next. */
#include "tools/join.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/membership/machine_secret.h"
#include "lib/membership/replace_journal.h"
#include "tools/ctl.h"
#include "tools/os_release.h"
#include "tools/session.h"
#include "tools/text.h"

#define NETBIOS_MAX 15
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

struct joining {
    TALLOC_CTX *mem;
    const struct ctl_options *o;
    struct report *report;
    struct config *config;
    char *config_text; /* what is to be written; NULL where there is a configuration */
    krb5_context krb;
    krb5_creds ticket;
    struct machine_secret *secret;
    struct replace keytab_file, secret_file, config_file, journal;
    bool made_folder;
    int lock; /* -1 */
};

/* What DNS and configuration would take for something else is not even looked for. */
static bool
check_names(struct joining *j)
{
    char host[HOST_NAME_MAX + 1] = "";
    const char *computer = j->o->computer;
    size_t n;

    if (j->o->domain[0] == '\0' || j->o->domain[strspn(j->o->domain, NAME_CHARACTERS ".")] != '\0') {
        report_fail(j->report, CTL_NAME, _("%s is not the DNS name of a domain."), j->o->domain);
        return false;
    }
    if (computer == NULL && gethostname(host, sizeof(host) - 1) == 0) {
        host[strcspn(host, ".")] = '\0';
        computer = host;
    }
    n = strlen(computer);
    if (n > NETBIOS_MAX) {
        report_fail(j->report, CTL_NAME,
                    _("The name %s has %zu characters, and the domain takes 15 at most: give a shorter one with "
                      "--computer-name."),
                    computer, n);
        return false;
    }
    if (n == 0 || computer[strspn(computer, NAME_CHARACTERS)] != '\0' || strcasecmp(computer, "localhost") == 0) {
        report_fail(j->report, CTL_NAME, _("%s is not the name of a computer."), computer);
        return false;
    }
    return true;
}

/* The configuration that is there must be for this domain; it is not changed. */
static bool
use_config(struct joining *j)
{
    const char *written = j->o->computer;

    j->config = config_load(j->mem, CONFIG_PATH, ctl_config_error, j->report);
    if (j->config == NULL)
        return false;
    if (j->config->name[0] == '\0') {
        report_fail(j->report, CTL_CONFIGURATION, _("%s names no domain: write `name = %s` into its section [domain]."),
                    CONFIG_PATH, j->o->domain);
        return false;
    }
    if (strcasecmp(j->config->name, j->o->domain) != 0) {
        report_fail(j->report, CTL_CONFIGURATION, _("%s is for the domain %s, not for %s."), CONFIG_PATH,
                    j->config->name, j->o->domain);
        return false;
    }
    if (written != NULL && strcasecmp(j->config->computer, written) != 0) {
        report_fail(j->report, CTL_CONFIGURATION,
                    _("%s calls this computer %s: write `computer = %s` into its section [domain]."), CONFIG_PATH,
                    j->config->computer, written);
        return false;
    }
    return true;
}

static bool
new_config(struct joining *j)
{
    if (j->o->computer != NULL)
        j->config_text = talloc_asprintf(j->mem, "# See authsod.conf(5).\n[domain]\nname = %s\ncomputer = %s\n",
                                         j->o->domain, j->o->computer);
    else
        j->config_text = talloc_asprintf(j->mem, "# See authsod.conf(5).\n[domain]\nname = %s\n", j->o->domain);
    if (j->config_text == NULL)
        return false;
    j->config = config_parse(j->mem, j->config_text, strlen(j->config_text), "authsodctl", ctl_config_error, j->report);
    return j->config != NULL;
}

static bool
settle_config(struct joining *j)
{
    if (access(CONFIG_PATH, F_OK) == 0 || errno != ENOENT)
        return use_config(j);
    return new_config(j);
}

static bool
fail_file(struct joining *j, const char *path)
{
    report_fail(j->report, CTL_FILES, _("%s cannot be written: %s"), path, strerror(errno));
    return false;
}

/* All files are begun before the domain hears of anything: a full or read-only disk is seen now. */
static bool
begin_files(struct joining *j)
{
    if (!replace_begin(&j->keytab_file, j->config->keytab))
        return fail_file(j, j->config->keytab);
    if (!replace_begin(&j->secret_file, MACHINE_SECRET_PATH))
        return fail_file(j, MACHINE_SECRET_PATH);
    if (j->config_text != NULL && !replace_begin(&j->config_file, CONFIG_PATH))
        return fail_file(j, CONFIG_PATH);
    return true;
}

static bool
make_secret(struct joining *j)
{
    struct machine_secret *s = machine_secret_new();
    const struct config *c = j->config;

    j->secret = s;
    if (s == NULL || !machine_password_make(s->slots[MACHINE_CURRENT].text)) {
        report_fail(j->report, CTL_INTERNAL, "no random password");
        return false;
    }
    (void)snprintf(s->domain, sizeof(s->domain), "%s", c->name);
    (void)snprintf(s->realm, sizeof(s->realm), "%s", c->realm);
    (void)snprintf(s->account, sizeof(s->account), "%s$", c->computer);
    return true;
}

static bool
write_all(int fd, const void *p, size_t n)
{
    ssize_t written = write(fd, p, n);

    if (written >= 0 && (size_t)written != n)
        errno = ENOSPC;
    return written == (ssize_t)n;
}

static bool
write_secret(struct joining *j)
{
    uint8_t *buf = secret_new(MACHINE_SECRET_FILE_MAX);
    size_t n = buf == NULL ? 0 : machine_secret_encode(j->secret, buf, MACHINE_SECRET_FILE_MAX);
    bool good = n > 0 && write_all(j->secret_file.fd, buf, n) && fsync(j->secret_file.fd) == 0;

    secret_free(buf, MACHINE_SECRET_FILE_MAX);
    return good ? true : fail_file(j, MACHINE_SECRET_PATH);
}

static bool
write_keytab(struct joining *j, uint32_t kvno)
{
    struct membership_names names = ctl_names(j->config);
    struct replace *f = &j->keytab_file;
    krb5_error_code code = membership_keytab_write(j->krb, &names, j->config->keytab, f->fd, f->fresh,
                                                   j->secret->slots[MACHINE_CURRENT].text, kvno, true);
    const char *why;

    if (code == 0)
        return fsync(f->fd) == 0 ? true : fail_file(j, j->config->keytab);
    why = krb5_get_error_message(j->krb, code);
    report_fail(j->report, CTL_FILES, _("The keytab %s cannot be written: %s"), j->config->keytab, why);
    krb5_free_error_message(j->krb, why);
    return false;
}

/* Reads back what was written, and lets the network half log on with that. */
static bool
verify_files(struct joining *j, struct session *s)
{
    struct machine_secret *read = machine_secret_new();
    int keytab = ctl_memfd(j->keytab_file.fresh);
    bool good = read != NULL && machine_secret_load(j->secret_file.fresh, read) && keytab >= 0 &&
                talk_send(s->channel, TALK_VERIFY, 0, read->slots[MACHINE_CURRENT].text, NULL, keytab);

    if (!good)
        report_fail(j->report, CTL_FILES, _("The keytab and the machine secret cannot be read back: %s"),
                    strerror(errno));
    if (keytab >= 0)
        (void)close(keytab);
    machine_secret_free(read);
    return good;
}

static bool
on_account(struct joining *j, struct session *s, const struct talk *t)
{
    struct machine_password *p = &j->secret->slots[MACHINE_CURRENT];

    p->kvno = t->number;
    p->time = (int64_t)time(NULL);
    (void)snprintf(j->secret->controller, sizeof(j->secret->controller), "%.255s", t->b);
    report_fact(j->report, "account", NULL, t->a);
    report_fact(j->report, "controller", NULL, t->b);
    report_number(j->report, "kvno", NULL, p->kvno);
    return write_secret(j) && write_keytab(j, p->kvno) && verify_files(j, s);
}

/* All that can fail before any file has its name. */
static bool
ready_files(struct joining *j)
{
    if (j->config_text != NULL && (!write_all(j->config_file.fd, j->config_text, strlen(j->config_text)) ||
                                   !replace_ready(&j->config_file, 0644)))
        return fail_file(j, CONFIG_PATH);
    if (!replace_ready(&j->secret_file, 0600))
        return fail_file(j, MACHINE_SECRET_PATH);
    return replace_ready(&j->keytab_file, 0600) ? true : fail_file(j, j->config->keytab);
}

/* From the journal on whoever comes after us goes on, and not back (ctl_lock). */
static bool
commit_files(struct joining *j)
{
    struct replace *const files[] = { &j->secret_file, &j->keytab_file, &j->config_file };

    /* Without the configuration nobody loses a password. */
    if (!journal_begin(&j->journal, MEMBERSHIP_JOURNAL_PATH, files, j->config_text != NULL ? 3 : 2, 2))
        return fail_file(j, MEMBERSHIP_JOURNAL_PATH);
    if (!replace_commit(&j->secret_file, 0600))
        return fail_file(j, MACHINE_SECRET_PATH);
    if (!replace_commit(&j->keytab_file, 0600))
        return fail_file(j, j->config->keytab);
    if (j->config_text != NULL && !replace_commit(&j->config_file, 0644))
        return fail_file(j, CONFIG_PATH);
    return true;
}

/* All that has to do with the domain. True: it is done, and no longer to be undone. */
static bool
run(struct joining *j, struct session *s, struct join_job *job)
{
    const struct session_child child = { join_network, job, -1 };
    struct talk t;
    bool good;

    if (!session_start(s, j->report, j->o, &child))
        return false;
    if (!talk_send(s->channel, TALK_SECRET, 0, j->secret->slots[MACHINE_CURRENT].text, NULL, -1)) {
        report_fail(j->report, CTL_INTERNAL, "%s", _("The network half has ended before its time."));
        return false;
    }
    if (!session_next(s, TALK_ACCOUNT, &t))
        return false;
    good = on_account(j, s, &t);
    talk_clear(&t);
    if (!good || !session_next(s, TALK_VERIFIED, &t))
        return false;
    talk_clear(&t);
    if (!ready_files(j) || !talk_send(s->channel, TALK_COMMIT, 0, NULL, NULL, -1) ||
        !session_next(s, TALK_COMMITTED, &t))
        return false;
    talk_clear(&t);
    if (commit_files(j))
        return true;
    (void)talk_send(s->channel, TALK_UNDO, 0, NULL, NULL, -1);
    return false;
}

static void
settle_files(struct joining *j, bool keep)
{
    struct replace *const files[] = { &j->config_file, &j->keytab_file, &j->secret_file };

    /* First: nobody is to go on with what is taken back. */
    replace_undo(&j->journal);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (keep)
            replace_keep(files[i]);
        else
            replace_undo(files[i]);
    }
    if (!keep && j->made_folder)
        (void)rmdir(AUTHSOD_CONFDIR);
}

static void
say_done(struct joining *j)
{
    report_fact(j->report, "domain", NULL, j->config->name);
    report_fact(j->report, "computer", NULL, j->config->computer);
    report_fact(j->report, "keytab", NULL, j->config->keytab);
    report_flag(j->report, "configured", NULL, j->config_text != NULL);
    report_step(j->report, _("Wrote %s and %s"), j->config->keytab, MACHINE_SECRET_PATH);
    if (j->config_text != NULL)
        report_step(j->report, _("Wrote %s"), CONFIG_PATH);
    report_step(j->report, _("%s has joined %s."), j->config->computer, j->config->name);
    if (j->o->enable)
        ctl_enable(j->report);
    else
        ctl_say_next(j->report);
}

static bool
prepare(struct joining *j)
{
    if (!ctl_is_root(j->report) || !check_names(j))
        return false;
    j->lock = ctl_lock(j->report, &j->made_folder);
    if (j->lock < 0 || !settle_config(j))
        return false;
    j->krb = ctl_krb(j->config, j->report);
    return j->krb != NULL && (!j->o->use_ccache || ctl_ticket(j->o->ccache, j->config->realm, &j->ticket, j->report)) &&
           make_secret(j) && begin_files(j);
}

void
ctl_join(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r)
{
    static const struct replace none = REPLACE_NONE;
    struct joining j = {
        .mem = mem, .o = o, .report = r, .keytab_file = none, .secret_file = none, .config_file = none,
        .journal = none, .lock = -1
    };
    struct session s = { .channel = -1 };
    struct join_job job = { .options = o };
    bool done = false;

    if (prepare(&j)) {
        job.config = j.config;
        job.ticket = o->use_ccache ? &j.ticket : NULL;
        os_release(job.os_name, sizeof(job.os_name), job.os_version, sizeof(job.os_version));
        done = run(&j, &s, &job);
    }
    session_end(&s);
    if (!done && s.killed && j.config != NULL)
        report_warning(r, _("An account of %s that was just made, or taken over, is left as it is: join again."),
                       j.config->computer);
    settle_files(&j, done);
    if (done)
        say_done(&j);
    if (j.lock >= 0)
        (void)close(j.lock);
    machine_secret_free(j.secret);
    if (j.krb != NULL) {
        krb5_free_cred_contents(j.krb, &j.ticket);
        krb5_free_context(j.krb);
    }
}
