/*
 * A module that stands beside pam_authsod in a stack of the tests:
 *   leaves=TOKEN   sets PAM_AUTHTOK, as a module that asked before would
 *   looks          logs how long the PAM_AUTHTOK is that it finds
 *   gives=N        its code
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

static int
act(pam_handle_t *pamh, int argc, const char **argv)
{
    const void *token = NULL;
    int code = PAM_SUCCESS;

    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "leaves=", 7) == 0)
            (void)pam_set_item(pamh, PAM_AUTHTOK, argv[i] + 7);
        if (strncmp(argv[i], "gives=", 6) == 0)
            code = atoi(argv[i] + 6);
        if (strcmp(argv[i], "looks") != 0)
            continue;
        (void)pam_get_item(pamh, PAM_AUTHTOK, &token);
        if (token == NULL)
            pam_syslog(pamh, LOG_INFO, "neighbour: no token");
        else
            pam_syslog(pamh, LOG_INFO, "neighbour: a token of %u bytes", (unsigned)strlen(token));
    }
    return code;
}

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return act(pamh, argc, argv);
}

int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return act(pamh, argc, argv);
}

int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return act(pamh, argc, argv);
}

int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return act(pamh, argc, argv);
}
