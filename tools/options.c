#include "tools/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/text.h"

enum {
    OPT_CCACHE = 256,
    OPT_COMPUTER,
    OPT_DC,
    OPT_ENABLE,
    OPT_HELP,
    OPT_JSON,
    OPT_KEEP,
    OPT_ONE_TIME,
    OPT_OU,
    OPT_STDIN,
    OPT_USER,
    OPT_VERSION,
};

static const struct option known[] = {
    { "ccache", optional_argument, NULL, OPT_CCACHE },
    { "computer-name", required_argument, NULL, OPT_COMPUTER },
    { "dc", required_argument, NULL, OPT_DC },
    { "enable", no_argument, NULL, OPT_ENABLE },
    { "help", no_argument, NULL, OPT_HELP },
    { "json", no_argument, NULL, OPT_JSON },
    { "keep-account", no_argument, NULL, OPT_KEEP },
    { "one-time-password", no_argument, NULL, OPT_ONE_TIME },
    { "ou", required_argument, NULL, OPT_OU },
    { "password-stdin", no_argument, NULL, OPT_STDIN },
    { "user", required_argument, NULL, OPT_USER },
    { "version", no_argument, NULL, OPT_VERSION },
    { NULL, 0, NULL, 0 },
};

#define JOIN (1U << CTL_JOIN)
#define LEAVE (1U << CTL_LEAVE)
#define TESTJOIN (1U << CTL_TESTJOIN)
#define STATUS (1U << CTL_STATUS)
#define ROTATE (1U << CTL_ROTATE)

/* Which commands take an option. */
static unsigned
takers(int opt)
{
    switch (opt) {
    case OPT_COMPUTER:
    case OPT_ENABLE:
    case OPT_ONE_TIME:
    case OPT_OU:
        return JOIN;
    case OPT_KEEP:
        return LEAVE;
    case OPT_CCACHE:
    case OPT_STDIN:
    case OPT_USER:
        return JOIN | LEAVE;
    case OPT_DC:
        return JOIN | LEAVE | TESTJOIN;
    default:
        return JOIN | LEAVE | TESTJOIN | STATUS | ROTATE;
    }
}

static const char *const words[] = {
    [CTL_JOIN] = "join",
    [CTL_LEAVE] = "leave",
    [CTL_TESTJOIN] = "testjoin",
    [CTL_STATUS] = "status",
    [CTL_ROTATE] = "rotate",
};

const char *
ctl_command_word(enum ctl_command command)
{
    return (size_t)command < sizeof(words) / sizeof(words[0]) ? words[command] : "";
}

static bool
read_command(const char *word, enum ctl_command *out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum ctl_command)i;
            return true;
        }
    }
    return false;
}

static void
take(struct ctl_options *o, int opt, const char *value)
{
    switch (opt) {
    case OPT_CCACHE:
        o->use_ccache = true;
        o->ccache = value;
        break;
    case OPT_COMPUTER:
        o->computer = value;
        break;
    case OPT_DC:
        o->dc = value;
        break;
    case OPT_ENABLE:
        o->enable = true;
        break;
    case OPT_JSON:
        o->json = true;
        break;
    case OPT_KEEP:
        o->keep_account = true;
        break;
    case OPT_ONE_TIME:
        o->one_time = true;
        break;
    case OPT_OU:
        o->ou = value;
        break;
    case OPT_STDIN:
        o->password_stdin = true;
        break;
    case OPT_USER:
        o->user = value;
        break;
    default:
        break;
    }
}

/* Options that say who asks exclude each other. */
static bool
check_together(const struct ctl_options *o, char error[static 256])
{
    const char *why = NULL;

    if (o->command == CTL_JOIN && o->domain == NULL)
        why = _("join needs the name of the domain");
    else if (o->use_ccache && (o->user != NULL || o->password_stdin || o->one_time))
        why = _("--ccache says who you are: --user, --password-stdin and --one-time-password do not go with it");
    else if (o->one_time && (o->user != NULL || o->ou != NULL))
        why = _("with --one-time-password the account is there already: --user and --ou do not go with it");
    else if (o->keep_account && (o->user != NULL || o->password_stdin || o->use_ccache || o->dc != NULL))
        why = _("--keep-account asks nobody: no other option but --json goes with it");
    if (why != NULL)
        (void)snprintf(error, 256, "%s", why);
    return why == NULL;
}

bool
ctl_options_read(int argc, char **argv, struct ctl_options *out, char error[static 256])
{
    unsigned given = ~0U;
    int opt, index;
    const char *bad = NULL;

    memset(out, 0, sizeof(*out));
    opterr = 0;
    optind = 0;
    for (;;) {
        index = -1;
        opt = getopt_long(argc, argv, "", known, &index);
        if (opt == -1)
            break;
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            out->command = opt == OPT_HELP ? CTL_HELP : CTL_VERSION;
            return true;
        }
        if (opt == '?') {
            (void)snprintf(error, 256, _("%s: no such option, or it lacks its value"), argv[optind - 1]);
            return false;
        }
        given &= takers(opt);
        if (bad == NULL && index >= 0 && takers(opt) != takers(OPT_JSON))
            bad = known[index].name;
        take(out, opt, optarg);
    }
    if (optind >= argc || !read_command(argv[optind], &out->command)) {
        (void)snprintf(error, 256, "%s", _("the first word must be join, leave, testjoin, rotate or status"));
        return false;
    }
    if ((given & (1U << out->command)) == 0) {
        (void)snprintf(error, 256, _("--%s does not go with %s"), bad, argv[optind]);
        return false;
    }
    optind++;
    if (out->command == CTL_JOIN && optind < argc)
        out->domain = argv[optind++];
    if (optind < argc) {
        (void)snprintf(error, 256, _("%s: one word too many"), argv[optind]);
        return false;
    }
    return check_together(out, error);
}
