/* authsodctl: membership in the domain. See authsodctl(8). */
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "tools/ctl.h"

static void
usage(FILE *out)
{
    (void)fputs("Usage: authsodctl join DOMAIN [--user USER | --ccache[=NAME] | --one-time-password]\n"
                "                  [--ou DN] [--computer-name NAME] [--dc HOST] [--enable]\n"
                "       authsodctl leave [--user USER | --ccache[=NAME] | --keep-account] [--dc HOST]\n"
                "       authsodctl testjoin [--dc HOST]\n"
                "       authsodctl rotate\n"
                "       authsodctl status\n"
                "Makes this computer a member of an Active Directory domain, and looks after that.\n"
                "\n"
                "  --user USER          whose rights are used (Administrator); the password is asked for\n"
                "  --password-stdin     read the password from the standard input\n"
                "  --ccache[=NAME]      use the ticket of a Kerberos credential cache\n"
                "  --one-time-password  the account is prepared: log on as the computer with its first password\n"
                "  --ou DN              where a new account is made\n"
                "  --computer-name NAME the name of the computer, of at most 15 characters (from the host name)\n"
                "  --dc HOST            the domain controller to use (the nearest that answers)\n"
                "  --enable             then start the service and let programs use the domain\n"
                "  --keep-account       forget the domain here, and leave the account there as it is\n"
                "  --json               print the result as one JSON object\n"
                "  --help               print this\n"
                "  --version            print the version\n"
                "\n"
                "Manual: authsodctl(8).\n",
                out);
}

static int
run(const struct ctl_options *o)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct report *r = report_new(mem, o->command, o->json);
    int status = CTL_INTERNAL;

    if (r == NULL)
        return status;
    switch (o->command) {
    case CTL_JOIN:
        ctl_join(mem, o, r);
        break;
    case CTL_LEAVE:
        ctl_leave(mem, o, r);
        break;
    case CTL_TESTJOIN:
        ctl_testjoin(mem, o, r);
        break;
    case CTL_ROTATE:
        ctl_rotate(mem, o, r);
        break;
    default:
        ctl_status(mem, o, r);
        break;
    }
    status = report_end(r);
    talloc_free(mem);
    return status;
}

int
main(int argc, char **argv)
{
    static const struct rlimit no_core = { 0, 0 };
    struct ctl_options o;
    char error[256];

    (void)setlocale(LC_ALL, "");
    (void)bindtextdomain("authsod", LOCALEDIR);
    (void)textdomain("authsod");
    if (!ctl_options_read(argc, argv, &o, error)) {
        (void)fprintf(stderr, "authsodctl: %s\n\n", error);
        usage(stderr);
        return CTL_USAGE;
    }
    if (o.command == CTL_HELP) {
        usage(stdout);
        return CTL_OK;
    }
    if (o.command == CTL_VERSION) {
        (void)puts("authsodctl " AUTHSOD_VERSION);
        return CTL_OK;
    }
    /* Nothing that this process knows may be written to a disk. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)secret_allow_lock();
    log_init("authsodctl", LOG_LEVEL_WARNING);
    return run(&o);
}
