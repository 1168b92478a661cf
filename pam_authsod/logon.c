#include "pam_authsod/logon.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"

#define LOGON_KEY "pam_authsod_logon"

/* libpam calls it when the handle ends, also in a child of sshd: it touches memory only. */
static void
cleanup(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    secret_erase(data, sizeof(struct logon));
    free(data);
}

struct logon *
logon_find(const struct call *call)
{
    const void *data = NULL;
    struct logon *logon;

    if (pam_get_data(call->pamh, LOGON_KEY, &data) != PAM_SUCCESS || data == NULL)
        return NULL;
    /* libpam hands out what we gave it with a const that is not ours. */
    logon = (struct logon *)(uintptr_t)data;
    return strcmp(logon->user, call->user) == 0 ? logon : NULL;
}

struct logon *
logon_new(const struct call *call)
{
    struct logon *logon = calloc(1, sizeof(*logon));

    if (logon == NULL)
        return NULL;
    memcpy(logon->user, call->user, sizeof(logon->user));
    if (pam_set_data(call->pamh, LOGON_KEY, logon, cleanup) != PAM_SUCCESS) {
        cleanup(call->pamh, logon, 0);
        return NULL;
    }
    return logon;
}

void
logon_forget(const struct call *call)
{
    const void *data = NULL;

    if (pam_get_data(call->pamh, LOGON_KEY, &data) == PAM_SUCCESS && data != NULL)
        (void)pam_set_data(call->pamh, LOGON_KEY, NULL, NULL);
}
