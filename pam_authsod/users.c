#include "pam_authsod/users.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <security/pam_modutil.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/visible.h"

#ifndef USERS_LOCAL_FILE
#define USERS_LOCAL_FILE "/etc/passwd"
#endif
#define USERS_LOCAL_MAX (64 * 1024 * 1024) /* bytes read of it */

/* Reads lines of passwd(5), however the bytes come in pieces, for a name or an id. */
struct search {
    const char *name;
    uint32_t uid;         /* UINT32_MAX: the name alone */
    unsigned field;       /* of the line: 0 is the name, 2 the id */
    size_t matched;       /* bytes of name that the field has matched */
    bool other;           /* the line has another name */
    bool comment;         /* the line begins with '#' */
    uint64_t number;      /* the id as far as it has been read; UINT64_MAX before its first digit */
};

static void
search_line(struct search *s)
{
    s->field = 0;
    s->matched = 0;
    s->other = false;
    s->comment = false;
    s->number = UINT64_MAX;
}

static void
search_digit(struct search *s, char c)
{
    if (s->number == UINT64_MAX)
        s->number = 0;
    if (c >= '0' && c <= '9' && s->number < UINT32_MAX)
        s->number = s->number * 10 + (uint64_t)(c - '0');
    else
        s->number = UINT32_MAX + 1ULL; /* no id, however it goes on */
}

/* A field has ended: true if it is what was looked for. */
static bool
search_field(struct search *s)
{
    unsigned field = s->field++;

    if (s->comment)
        return false;
    if (field == 0)
        return !s->other && s->name[s->matched] == '\0';
    return field == 2 && s->uid != UINT32_MAX && s->number == s->uid;
}

/* Takes one byte; true where a field that was looked for ends with it. */
static bool
search_byte(struct search *s, char c)
{
    if (c == ':')
        return search_field(s);
    if (c == '\n') {
        search_line(s);
    } else if (s->field == 0 && !s->other) {
        s->comment = s->comment || (c == '#' && s->matched == 0);
        s->other = c == '\0' || c != s->name[s->matched];
        s->matched++;
    } else if (s->field == 2) {
        search_digit(s, c);
    }
    return false;
}

static bool
search_file(int fd, const char *name, uint32_t uid)
{
    struct search s = { .name = name, .uid = uid };
    char piece[4096];
    size_t total = 0;

    search_line(&s);
    while (total < USERS_LOCAL_MAX) {
        ssize_t n = read(fd, piece, sizeof(piece));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        for (ssize_t i = 0; i < n; i++) {
            if (search_byte(&s, piece[i]))
                return true;
        }
        total += (size_t)n;
    }
    return false;
}

/* The file itself, not NSS: no other source can hide a local user or delay him. */
static bool
is_local(const char *name, uint32_t uid)
{
    int fd = open(USERS_LOCAL_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    bool found;

    if (fd < 0)
        return false;
    found = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && search_file(fd, name, uid);
    (void)close(fd);
    return found;
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
