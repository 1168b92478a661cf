#include "pam_authsod/users.h"

#include <pwd.h>
#include <security/pam_modutil.h>
#include <string.h>
#include <syslog.h>

#include "lib/base/passwd_file.h"
#include "lib/base/visible.h"

#ifndef USERS_LOCAL_FILE
#define USERS_LOCAL_FILE "/etc/passwd"
#endif

/* The file itself, not NSS: no other source can hide a local user or delay him. */
static bool
is_local(const char *name, uint32_t uid)
{
    return passwd_file_has(USERS_LOCAL_FILE, name, uid);
}

bool
users_pass_over(const struct call *call)
{
    const struct passwd *pw;

    if (is_local(call->user, UINT32_MAX))
        return true;
    pw = pam_modutil_getpwnam(call->pamh, call->user);
    return pw != NULL && pw->pw_uid < call->options.minimum_uid;
}

bool
users_is_nobody(const struct call *call)
{
    return !is_local(call->user, UINT32_MAX) && pam_modutil_getpwnam(call->pamh, call->user) == NULL;
}

/* CVE-2024-9313: an application, or another module within the conversation, may set PAM_USER at any time. */
static bool
user_unchanged(const struct call *call)
{
    return strcmp(call_item(call, PAM_USER), call->user) == 0;
}

enum err
users_check(const struct call *call, const struct outcome *outcome)
{
    const char *user = call->nameless ? outcome->user : call->user;
    uint32_t uid = outcome->done.uid;
    const struct passwd *pw;
    char word[PROTO_NAME_MAX + 1];

    visible_word(word, sizeof(word), user);
    if (!user_unchanged(call)) {
        call_log(call, LOG_ALERT, "%s: PAM_USER changed from %s in the middle of the conversation", call_name(call),
                 word);
        return ERR_WRONG_ACCOUNT;
    }
    if (uid < PROTO_ID_MIN || uid == UINT32_MAX) {
        call_log(call, LOG_ALERT, "%s: the daemon answered uid %lu for %s, which it may not grant", call_name(call),
                 (unsigned long)uid, word);
        return ERR_WRONG_ACCOUNT;
    }
    pw = pam_modutil_getpwnam(call->pamh, user);
    if (pw == NULL) {
        call_log(call, LOG_ERR, "%s: the daemon knows %s, but the system does not: is authsod in nsswitch.conf?",
                 call_name(call), word);
        return ERR_NOT_OURS;
    }
    if (pw->pw_uid != uid) {
        call_log(call, LOG_ALERT, "%s: the daemon answered uid %lu for %s, who has uid %lu", call_name(call),
                 (unsigned long)uid, word, (unsigned long)pw->pw_uid);
        return ERR_WRONG_ACCOUNT;
    }
    if (is_local(user, uid)) {
        call_log(call, LOG_ALERT, "%s: the daemon answered uid %lu for %s, but that name or id is local",
                 call_name(call), (unsigned long)uid, word);
        return ERR_WRONG_ACCOUNT;
    }
    return uid < call->options.minimum_uid ? ERR_NOT_OURS : ERR_OK;
}
