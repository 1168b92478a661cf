#include "pam_authsod/call.h"

#include <security/pam_ext.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>

#include "lib/base/secret.h"
#include "pam_authsod/sentence.h"

const char *
call_item(const struct call *call, int item)
{
    const void *value = NULL;

    if (pam_get_item(call->pamh, item, &value) != PAM_SUCCESS || value == NULL)
        return "";
    return value;
}

void
call_take_user(struct call *call)
{
    const char *user = call_item(call, PAM_USER);
    size_t n = strlen(user);

    call->nameless = n == 0;
    if (n > PROTO_NAME_MAX)
        n = 0;
    memcpy(call->user, user, n);
    call->user[n] = '\0';
}

void
call_init(struct call *call, pam_handle_t *pamh, enum proto_operation operation, int flags, int argc,
          const char **argv)
{
    memset(call, 0, sizeof(*call));
    call->pamh = pamh;
    call->operation = operation;
    call->flags = flags;
    call->options = options_parse(pamh, argc, argv);
    call->mute = call->options.quiet || ((unsigned)flags & PAM_SILENT) != 0;
    call_take_user(call);
    call_log(call, LOG_DEBUG, "%s: begins, flags 0x%x", call_name(call), (unsigned)flags);
}

int
call_done(struct call *call, int code)
{
    call_log(call, LOG_DEBUG, "%s: %s", call_name(call), pam_strerror(call->pamh, code));
    secret_erase(call, sizeof(*call));
    return code;
}

const char *
call_name(const struct call *call)
{
    switch (call->operation) {
    case PROTO_AUTHENTICATE:
        return "authenticate";
    case PROTO_ACCOUNT:
        return "account";
    case PROTO_CRED_ESTABLISH:
        return "setcred establish";
    case PROTO_CRED_REINITIALIZE:
        return "setcred reinitialize";
    case PROTO_CRED_REFRESH:
        return "setcred refresh";
    case PROTO_CRED_DELETE:
        return "setcred delete";
    case PROTO_OPEN_SESSION:
        return "open session";
    case PROTO_CLOSE_SESSION:
        return "close session";
    case PROTO_CHANGE_PASSWORD:
        return "change password";
    }
    return "?";
}

void
call_log(const struct call *call, int priority, const char *fmt, ...)
{
    va_list ap;

    if (priority == LOG_DEBUG && !call->options.debug)
        return;
    va_start(ap, fmt);
    pam_vsyslog(call->pamh, priority, fmt, ap);
    va_end(ap);
}

void
call_tell(const struct call *call, enum err err, unsigned n, char const (*values)[256])
{
    char sentence[SENTENCE_MAX];

    if (!call->mute && sentence_error(err, n, values, sentence))
        (void)pam_prompt(call->pamh, PAM_ERROR_MSG, NULL, "%s", sentence);
}
