/* The six entries of the module: each init, call, done. */
#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop

#include "pam_authsod/call.h"
#include "pam_authsod/operations.h"

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, PROTO_AUTHENTICATE, flags, argc, argv);
    return call_done(&call, operation_authenticate(&call));
}

/* Applications that say nothing mean PAM_ESTABLISH_CRED. */
static enum proto_operation
cred_operation(int flags)
{
    if (((unsigned)flags & PAM_DELETE_CRED) != 0)
        return PROTO_CRED_DELETE;
    if (((unsigned)flags & PAM_REINITIALIZE_CRED) != 0)
        return PROTO_CRED_REINITIALIZE;
    if (((unsigned)flags & PAM_REFRESH_CRED) != 0)
        return PROTO_CRED_REFRESH;
    return PROTO_CRED_ESTABLISH;
}

int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, cred_operation(flags), flags, argc, argv);
    return call_done(&call, operation_cred(&call));
}

int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, PROTO_ACCOUNT, flags, argc, argv);
    return call_done(&call, operation_plain(&call));
}

int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, PROTO_OPEN_SESSION, flags, argc, argv);
    return call_done(&call, operation_plain(&call));
}

int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, PROTO_CLOSE_SESSION, flags, argc, argv);
    return call_done(&call, operation_plain(&call));
}

/* Both phases, PAM_PRELIM_CHECK and PAM_UPDATE_AUTHTOK, ask the daemon: it knows what it can change. */
int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct call call;

    call_init(&call, pamh, PROTO_CHANGE_PASSWORD, flags, argc, argv);
    return call_done(&call, operation_plain(&call));
}
