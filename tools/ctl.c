#include "tools/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/krb/krb.h"
#include "lib/membership/replace.h"
#include "lib/membership/replace_journal.h"
#include "tools/text.h"

#define FILE_MAX (1U << 20)

bool
ctl_is_root(struct report *r)
{
    if (geteuid() == 0)
        return true;
    report_fail(r, CTL_NOT_ROOT, _("Only root may do that: sudo authsodctl ..."));
    return false;
}

/* Whoever has the lock may go on from where a dead one was. */
static bool
finish(struct report *r)
{
    char lost[PATH_MAX];

    switch (journal_finish(MEMBERSHIP_JOURNAL_PATH, lost)) {
    case JOURNAL_NONE:
        return true;
    case JOURNAL_FINISHED:
        report_step(r, _("Finished an earlier join, which was ended while it put its files in place"));
        return true;
    case JOURNAL_LOST:
        report_fail(r, CTL_FILES,
                    _("A new file of an earlier join that was ended is gone: %s. Put it back, or remove %s and join again."),
                    lost, MEMBERSHIP_JOURNAL_PATH);
        return false;
    case JOURNAL_FAILED:
        break;
    }
    report_fail(r, CTL_FILES, _("%s, of an earlier join that was ended, cannot be used: %s. Remove it and join again."),
                MEMBERSHIP_JOURNAL_PATH, strerror(errno));
    return false;
}

int
ctl_lock(struct report *r, bool *made_out)
{
    int fd;

    if (made_out != NULL && mkdir(AUTHSOD_CONFDIR, 0755) == 0)
        *made_out = chmod(AUTHSOD_CONFDIR, 0755) == 0;
    else if (made_out != NULL && errno != EEXIST) {
        report_fail(r, CTL_FILES, _("%s cannot be written: %s"), AUTHSOD_CONFDIR, strerror(errno));
        return -1;
    }
    fd = membership_lock();
    if (fd >= 0 && finish(r))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    else if (errno == EWOULDBLOCK)
        report_fail(r, CTL_BUSY, "%s",
                    _("The membership is being changed by the service or another authsodctl. Try again."));
    else
        report_fail(r, CTL_FILES, _("%s cannot be used: %s"), MEMBERSHIP_LOCK_PATH, strerror(errno));
    return -1;
}

bool
ctl_finish_join(struct report *r)
{
    int lock;

    if (access(MEMBERSHIP_JOURNAL_PATH, F_OK) != 0)
        return true;
    lock = ctl_lock(r, NULL);
    if (lock >= 0)
        (void)close(lock);
    return lock >= 0;
}

void
ctl_config_error(void *arg, const char *message)
{
    report_fail(arg, CTL_CONFIGURATION, "%s", message);
}

struct config *
ctl_config(TALLOC_CTX *mem, struct report *r)
{
    struct config *c;

    if (access(CONFIG_PATH, F_OK) != 0 && errno == ENOENT) {
        report_fail(r, CTL_NOT_JOINED, _("This computer is in no domain: there is no %s."), CONFIG_PATH);
        return NULL;
    }
    c = config_load(mem, CONFIG_PATH, ctl_config_error, r);
    if (c == NULL || c->name[0] != '\0')
        return c;
    report_fail(r, CTL_NOT_JOINED, _("This computer is in no domain: %s names none."), CONFIG_PATH);
    return NULL;
}

struct membership_names
ctl_names(const struct config *c)
{
    struct membership_names names = { c->realm, c->computer, c->fqdn };

    return names;
}

krb5_context
ctl_krb(const struct config *c, struct report *r)
{
    const struct krb_target t = {
        .realm = c->realm, .domain_dns = c->name, .fqdn = c->fqdn, .computer = c->computer, .timeout = c->timeout
    };
    krb5_context ctx = NULL;

    if (krb_context_new(&t, &ctx) == 0)
        return ctx;
    report_fail(r, CTL_INTERNAL, "libkrb5 does not take our profile");
    return NULL;
}

/* At most FILE_MAX bytes from one to the other; false with errno. */
static bool
copy(int from, int to)
{
    char buf[8192];
    size_t left = FILE_MAX;
    ssize_t n;

    for (;;) {
        n = read(from, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if ((size_t)n > left || write(to, buf, (size_t)n) != n) {
            explicit_bzero(buf, sizeof(buf));
            errno = EFBIG;
            return false;
        }
        left -= (size_t)n;
    }
    explicit_bzero(buf, sizeof(buf));
    return n == 0;
}

int
ctl_memfd(const char *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), to = -1, error;

    if (from < 0)
        return -1;
    to = memfd_create("keytab", MFD_CLOEXEC);
    if (to >= 0 && (!copy(from, to) || lseek(to, 0, SEEK_SET) != 0)) {
        error = errno;
        (void)close(to);
        errno = error;
        to = -1;
    }
    error = errno;
    (void)close(from);
    errno = error;
    return to;
}

static krb5_error_code
find_tgt(krb5_context ctx, krb5_ccache cache, const char *realm, krb5_creds *out)
{
    krb5_creds wanted;
    krb5_error_code code;

    memset(&wanted, 0, sizeof(wanted));
    code = krb5_cc_get_principal(ctx, cache, &wanted.client);
    if (code == 0)
        code = krb5_build_principal(ctx, &wanted.server, (unsigned)strlen(realm), realm, "krbtgt", realm, NULL);
    if (code == 0)
        code = krb5_cc_retrieve_cred(ctx, cache, 0, &wanted, out);
    krb5_free_principal(ctx, wanted.client);
    krb5_free_principal(ctx, wanted.server);
    return code;
}

bool
ctl_ticket(const char *name, const char *realm, krb5_creds *tgt_out, struct report *r)
{
    krb5_context own = NULL;
    krb5_ccache cache = NULL;
    krb5_error_code code;
    const char *why;

    memset(tgt_out, 0, sizeof(*tgt_out));
    /* The system's own configuration: it says where the default cache is. */
    code = krb5_init_context(&own);
    if (code == 0)
        code = name != NULL ? krb5_cc_resolve(own, name, &cache) : krb5_cc_default(own, &cache);
    if (code == 0)
        code = find_tgt(own, cache, realm, tgt_out);
    if (code != 0) {
        why = krb5_get_error_message(own, code);
        report_fail(r, CTL_LOGON, _("The credential cache has no ticket for %s: %s"), realm, why);
        krb5_free_error_message(own, why);
    } else if ((int64_t)(uint32_t)tgt_out->times.endtime <= (int64_t)time(NULL)) {
        report_fail(r, CTL_LOGON, _("The ticket in the credential cache has run out."));
        krb5_free_cred_contents(own, tgt_out);
        code = KRB5KRB_AP_ERR_TKT_EXPIRED;
    }
    if (cache != NULL)
        (void)krb5_cc_close(own, cache);
    krb5_free_context(own);
    return code == 0;
}
