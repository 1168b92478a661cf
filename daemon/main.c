/* authsodd: domain logon. See authsodd(8). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/role.h"

enum { OPT_AS = 256, OPT_CHECK, OPT_CONFIG, OPT_DEBUG, OPT_HELP, OPT_JSON, OPT_ROLE, OPT_VERSION };

static const struct option options[] = {
    { "as", required_argument, NULL, OPT_AS },           { "check-config", no_argument, NULL, OPT_CHECK },
    { "config", required_argument, NULL, OPT_CONFIG },   { "debug", no_argument, NULL, OPT_DEBUG },
    { "help", no_argument, NULL, OPT_HELP },             { "json", no_argument, NULL, OPT_JSON },
    { "role", required_argument, NULL, OPT_ROLE },       { "version", no_argument, NULL, OPT_VERSION },
    { NULL, 0, NULL, 0 },
};

static void
usage(FILE *out)
{
    fputs("Usage: authsodd [--config FILE] [--debug]\n"
          "       authsodd --check-config [--config FILE] [--json]\n"
          "Lets the users of an Active Directory domain log on to this computer.\n"
          "\n"
          "  --config FILE    read FILE and not " CONFIG_PATH "\n"
          "  --check-config   check the file, print what is in force, and end: 0 if it is right, 1 if not\n"
          "  --json           with --check-config: print it as one JSON object\n"
          "  --debug          log everything but secrets, whatever [log] level says\n"
          "  --help           print this\n"
          "  --version        print the version\n"
          "\n"
          "SIGHUP reads the configuration again; SIGTERM ends when what runs has ended.\n"
          "Manual: authsodd(8), authsod.conf(5).\n",
          out);
}

static void
print_error(void *arg, const char *message)
{
    (void)arg;
    fprintf(stderr, "%s\n", message);
}

static int
check_config(const char *path, bool json)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = config_load(mem, path, print_error, NULL);
    bool ok = c != NULL && config_describe(c, stdout, json);

    talloc_free(mem);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run_role(const char *name)
{
    if (strcmp(name, "front") == 0)
        return front_main();
    if (strcmp(name, "logon") == 0)
        return logon_main();
    if (strcmp(name, "card") == 0)
        return card_main();
    if (strcmp(name, "watch") == 0)
        return watch_main();
    if (strcmp(name, "session") == 0)
        return session_main();
    if (strcmp(name, "member") == 0)
        return member_main();
    if (strcmp(name, "directory") == 0)
        return directory_main();
    if (strcmp(name, "netlogon") == 0)
        return netlogon_main();
    if (strcmp(name, "ccache") == 0)
        return ccache_main();
    if (strcmp(name, "keytab") == 0)
        return keytab_main();
    fprintf(stderr, "authsodd: there is no role \"%s\"; roles are started by authsodd itself\n", name);
    return 2;
}

int
main(int argc, char **argv)
{
    const char *config_path = CONFIG_PATH, *role = NULL;
    bool check = false, debug = false, json = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case OPT_AS:
            if (!role_as(optarg)) {
                usage(stderr);
                return 2;
            }
            break;
        case OPT_CHECK:
            check = true;
            break;
        case OPT_CONFIG:
            config_path = optarg;
            break;
        case OPT_DEBUG:
            debug = true;
            break;
        case OPT_JSON:
            json = true;
            break;
        case OPT_ROLE:
            role = optarg;
            break;
        case OPT_HELP:
            usage(stdout);
            return EXIT_SUCCESS;
        case OPT_VERSION:
            puts("authsodd " AUTHSOD_VERSION);
            return EXIT_SUCCESS;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (role != NULL && debug)
        role_debug();
    if (role != NULL)
        return run_role(role);
    if (optind < argc || (json && !check)) {
        usage(stderr);
        return 2;
    }
    if (check)
        return check_config(config_path, json);
    if (geteuid() != 0) {
        fputs("authsodd: must be started by root\n", stderr);
        return EXIT_FAILURE;
    }
    log_open();
    return keeper_main(config_path, debug);
}
