/* rotate: has the running service replace the password of the computer's account now. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"
#include "lib/proto/control.h"
#include "tools/ctl.h"
#include "tools/text.h"

#define CONNECT_MS 5000

static bool
has_secret(struct report *r)
{
    if (access(MACHINE_SECRET_PATH, F_OK) == 0)
        return true;
    report_fail(r, CTL_NOT_JOINED,
                _("There is no %s: this computer was joined by another program, which has to replace the password. "
                  "`authsodctl join` takes the account over."),
                MACHINE_SECRET_PATH);
    return false;
}

/* Connected, and asked. -1 after a report. */
static int
ask(struct report *r)
{
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));
    int64_t deadline = client_now() + CONNECT_MS;
    int fd = client_connect(CONTROL_PATH, deadline);

    control_put_request(&w, CONTROL_ROTATE);
    if (fd >= 0 && client_send(fd, packet, w.len, deadline) == 0)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        report_fail(r, CTL_NOT_RUNNING, _("The service is not running, which replaces the password: start authsodd."));
    else
        report_fail(r, CTL_INTERNAL, "%s: %s", CONTROL_PATH, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void
show_step(const struct control_answer *a, struct report *r)
{
    switch ((enum control_step)a->number) {
    case CONTROL_CHANNEL:
        if (strcmp(a->text, "pending") == 0)
            report_step(r, _("The domain has taken the new password of an earlier try"));
        else
            report_step(r, _("The secure channel stands"));
        break;
    case CONTROL_PREPARED:
        report_step(r, _("The new password is written down, and its keys are in the keytab"));
        break;
    case CONTROL_TAKEN:
        report_step(r, _("The domain has taken it, on %s"), a->text);
        break;
    }
}

static void
show_failure(const struct control_answer *a, struct report *r)
{
    switch ((enum control_failure)a->number) {
    case CONTROL_BUSY:
        report_fail(r, CTL_BUSY, _("Somebody else is changing the membership: %s. Try again."), a->text);
        break;
    case CONTROL_NO_SECRET:
        report_fail(r, CTL_NOT_JOINED, _("The password cannot be replaced: %s."), a->text);
        break;
    case CONTROL_FILES:
        report_fail(r, CTL_FILES, "%s.", a->text);
        break;
    case CONTROL_NO_CHANNEL:
        report_fail(r, CTL_CHANNEL, _("There is no secure channel with the domain, and nothing has changed: %s."), a->text);
        break;
    case CONTROL_REFUSED:
        report_fail(r, CTL_DENIED, _("The domain refuses a new password: %s."), a->text);
        break;
    case CONTROL_UNKNOWN:
        report_fail(r, CTL_UNSETTLED,
                    _("It is not known whether the domain has taken the new password: %s. Both are kept, people can log "
                      "on, and the service finds it out."),
                    a->text);
        break;
    case CONTROL_INTERNAL:
        report_fail(r, CTL_INTERNAL, "%s", a->text);
        break;
    }
}

static void
show_done(const struct control_answer *a, struct report *r)
{
    report_step(r, _("The new password is in force."));
    report_number(r, "kvno", _("Key version"), a->number);
    report_fact(r, "controller", _("Set on"), a->text);
}

/* What the service says, to its end. */
static void
listen_to(int fd, struct report *r)
{
    int64_t deadline = client_now() + CONTROL_MS;
    uint8_t packet[CONTROL_PACKET_MAX];
    struct control_answer a = { 0 };

    while (a.kind != CONTROL_DONE && a.kind != CONTROL_FAILED) {
        ptrdiff_t n = client_recv(fd, packet, sizeof(packet), NULL, deadline);

        if (n <= 0 || !control_get_answer(packet, (size_t)n, &a)) {
            report_fail(r, CTL_UNSETTLED, _("The service has ended in the middle of it. It goes on when it begins again."));
            return;
        }
        if (a.kind == CONTROL_STEP)
            show_step(&a, r);
        else if (a.kind == CONTROL_DONE)
            show_done(&a, r);
        else
            show_failure(&a, r);
    }
}

void
ctl_rotate(TALLOC_CTX *mem, const struct ctl_options *o, struct report *r)
{
    const struct config *c = ctl_is_root(r) ? ctl_config(mem, r) : NULL;
    int fd;

    (void)o;
    if (c == NULL || !has_secret(r))
        return;
    report_fact(r, "domain", NULL, c->name);
    report_fact(r, "computer", NULL, c->computer);
    fd = ask(r);
    if (fd < 0)
        return;
    listen_to(fd, r);
    (void)close(fd);
}
