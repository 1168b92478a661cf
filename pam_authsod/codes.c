#include "pam_authsod/codes.h"

#include <security/pam_modules.h>

static int
code_of(enum err err)
{
    switch (err) {
#define X(name, number, pam, telling, sentence) \
    case ERR_##name: \
        return pam;
        AUTHSOD_ERRORS(X)
#undef X
    }
    return PAM_SYSTEM_ERR;
}

static int
code_of_cred(int code)
{
    switch (code) {
    case PAM_SUCCESS:
    case PAM_CRED_UNAVAIL:
    case PAM_SYSTEM_ERR:
        return code;
    case PAM_USER_UNKNOWN:
        return PAM_IGNORE;
    case PAM_AUTHINFO_UNAVAIL:
        return PAM_CRED_UNAVAIL;
    default:
        return PAM_CRED_ERR;
    }
}

static int
code_of_session(int code)
{
    if (code == PAM_SUCCESS)
        return PAM_SUCCESS;
    return code == PAM_USER_UNKNOWN ? PAM_IGNORE : PAM_SESSION_ERR;
}

int
codes_pam(enum err err, enum proto_operation operation)
{
    switch (operation) {
    case PROTO_CRED_ESTABLISH:
    case PROTO_CRED_REINITIALIZE:
    case PROTO_CRED_REFRESH:
    case PROTO_CRED_DELETE:
        return code_of_cred(code_of(err));
    case PROTO_OPEN_SESSION:
    case PROTO_CLOSE_SESSION:
        return code_of_session(code_of(err));
    case PROTO_ACCOUNT:
        /* Who was the domain's a moment ago is not to be taken for somebody of another module's. */
        if (err == ERR_UNKNOWN_PRINCIPAL)
            return PAM_PERM_DENIED;
        break;
    case PROTO_AUTHENTICATE:
    case PROTO_CHANGE_PASSWORD:
        break;
    }
    return code_of(err);
}
