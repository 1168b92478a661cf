#include "tests/unit/pam/application.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <err.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pam/fake_daemon.h"
#include "tests/unit/pam/workplace.h"
#include "tests/unit/pam/world.h"

#define TYPED_MAX 8

struct application {
    const struct script *script;
    const struct application_paths *paths;
    pam_handle_t *pamh;
    size_t line;              /* in a call: the next line of the person's side */
    size_t end;               /* of the call */
    pid_t daemon;             /* -1: there is none */
    size_t typed[TYPED_MAX];  /* lines "type ..." that the call has played */
    size_t n_typed;
    bool differs;             /* something in the call was not as written, and has been told */
};

static void
differs(struct application *a, size_t line, const char *what, const char *seen)
{
    fprintf(stderr, "line %u: %s: %s\n", a->script->numbers[line], what, seen);
    a->differs = true;
}

/* True (and *rest_out, in line) if line i begins with word. */
static bool
line_is(const struct application *a, size_t i, const char *word, char line[SCRIPT_LINE_MAX], char **rest_out)
{
    script_line(a->script, i, line);
    *rest_out = script_after(line, word);
    return *rest_out != NULL;
}

static bool
is_persons(const struct application *a, size_t i)
{
    static const char *const words[] = { "prompt",    "type",  "type-bytes", "give-up",  "no-answer",
                                         "shown",     "becomes", "list",     "item-of-list", "picks" };
    char line[SCRIPT_LINE_MAX];
    char *rest;
    bool found = false;

    for (size_t k = 0; !found && k < sizeof(words) / sizeof(words[0]); k++)
        found = line_is(a, i, words[k], line, &rest);
    explicit_bzero(line, sizeof(line));
    return found;
}

/* The next line of the person's side in the call; SIZE_MAX where there is none. */
static size_t
next_line(struct application *a)
{
    while (a->line < a->end && !is_persons(a, a->line))
        a->line++;
    return a->line < a->end ? a->line++ : SIZE_MAX;
}

static void
expect_seen(struct application *a, const char *style, const char *text)
{
    size_t i = next_line(a), n;
    char line[SCRIPT_LINE_MAX], seen[SCRIPT_LINE_MAX];

    (void)snprintf(seen, sizeof(seen), "%s %s", style, text);
    for (n = strlen(seen); n > 0 && seen[n - 1] == ' '; n--)
        seen[n - 1] = '\0';
    if (i == SIZE_MAX) {
        differs(a, a->end - 1, "not written, but came", seen);
        return;
    }
    script_line(a->script, i, line);
    if (strcmp(line, seen) != 0)
        differs(a, i, "came in its place", seen);
}

static void
expect_message(struct application *a, const struct pam_message *m)
{
    static const char *const styles[] = { "?", "prompt off", "prompt on", "shown error", "shown info" };

    expect_seen(a, m->msg_style <= PAM_TEXT_INFO ? styles[m->msg_style] : "?", m->msg);
}

/* gdm's list (gdm/gdm-choice-list-pam-extension.h), as gdm reads it: what it shows and what it gives back. */
struct gdm_question {
    uint32_t size;             /* in the order of the network */
    unsigned char type;
    const char *title;
    size_t n;
    struct {
        const char *key, *text;
    } items[];
};

struct gdm_reply {
    uint32_t size;
    unsigned char type;
    char *key;
};

/* "picks TYPE KEY": gdm's type for it in this script, and the item; "picks TYPE" alone: its list was closed. */
static int
respond_gdm(struct application *a, const struct gdm_question *q, char **answer_out)
{
    static char unseen[] = "1"; /* behind the end of a reply that is too short for it: not to be touched */
    struct gdm_reply *reply = NULL;
    char line[SCRIPT_LINE_MAX], item[SCRIPT_LINE_MAX];
    const char *type;
    size_t i;
    char *rest;

    expect_seen(a, "list", q->title);
    for (size_t k = 0; k < q->n; k++) {
        (void)snprintf(item, sizeof(item), "%s %s", q->items[k].key, q->items[k].text);
        expect_seen(a, "item-of-list", item);
    }
    assert_int_equal(be32toh(q->size), sizeof(*q) + q->n * sizeof(q->items[0]));
    i = next_line(a);
    if (i == SIZE_MAX || !line_is(a, i, "picks", line, &rest))
        return PAM_CONV_ERR;
    if (a->daemon >= 0)
        fake_daemon_await(i);
    type = script_word(&rest);
    assert_int_equal(q->type, strtoul(type, NULL, 10));
    if (rest == NULL)
        return PAM_CONV_ERR;
    reply = calloc(1, sizeof(*reply));
    assert_non_null(reply);
    reply->size = htobe32(strcmp(rest, "nothing") == 0 ? 4 : (uint32_t)sizeof(*reply));
    reply->type = q->type;
    reply->key = strcmp(rest, "nothing") == 0 ? unseen : strdup(rest);
    *answer_out = (char *)(void *)reply;
    return PAM_SUCCESS;
}

/* What the person does at a prompt: PAM's code, and an answer. */
static int
respond(struct application *a, char **answer_out)
{
    size_t i = next_line(a);
    char line[SCRIPT_LINE_MAX];
    int code = PAM_CONV_ERR;
    char *rest;

    *answer_out = NULL;
    if (i == SIZE_MAX)
        return PAM_CONV_ERR;
    if (line_is(a, i, "becomes", line, &rest)) {
        (void)pam_set_item(a->pamh, PAM_USER, rest);
        return respond(a, answer_out);
    }
    if (a->daemon >= 0)
        fake_daemon_await(i);
    if (line_is(a, i, "type", line, &rest)) {
        /* In a block so large that nobody takes it soon: what is left in it stays to be found. */
        *answer_out = calloc(1, SCRIPT_LINE_MAX);
        if (*answer_out == NULL)
            return PAM_BUF_ERR;
        memcpy(*answer_out, rest, strlen(rest));
        if (a->n_typed < TYPED_MAX)
            a->typed[a->n_typed++] = i;
        code = PAM_SUCCESS;
    } else if (line_is(a, i, "type-bytes", line, &rest)) {
        size_t n = strtoul(rest, NULL, 10);

        *answer_out = calloc(1, n + 1);
        if (*answer_out != NULL)
            memset(*answer_out, 'x', n);
        code = PAM_SUCCESS;
    } else if (line_is(a, i, "no-answer", line, &rest)) {
        code = PAM_SUCCESS;
    }
    explicit_bzero(line, sizeof(line));
    return code;
}

static int
converse(int n, const struct pam_message **m, struct pam_response **responses_out, void *data)
{
    struct application *a = data;
    struct pam_response *r = calloc((size_t)n, sizeof(*r));
    int code = PAM_SUCCESS;

    if (r == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n && code == PAM_SUCCESS; i++) {
        if (m[i]->msg_style == PAM_BINARY_PROMPT) {
            code = respond_gdm(a, (const struct gdm_question *)(const void *)m[i]->msg, &r[i].resp);
            continue;
        }
        expect_message(a, m[i]);
        if (m[i]->msg_style == PAM_PROMPT_ECHO_OFF || m[i]->msg_style == PAM_PROMPT_ECHO_ON)
            code = respond(a, &r[i].resp);
    }
    if (code != PAM_SUCCESS) {
        free(r);
        return code;
    }
    *responses_out = r;
    return PAM_SUCCESS;
}

static int
call_pam(struct application *a, const char *what, int flags)
{
    if (strcmp(what, "authenticate") == 0)
        return pam_authenticate(a->pamh, flags);
    if (strcmp(what, "account") == 0)
        return pam_acct_mgmt(a->pamh, flags);
    if (strcmp(what, "establish") == 0)
        return pam_setcred(a->pamh, flags | (int)PAM_ESTABLISH_CRED);
    if (strcmp(what, "reinitialize") == 0)
        return pam_setcred(a->pamh, flags | (int)PAM_REINITIALIZE_CRED);
    if (strcmp(what, "refresh") == 0)
        return pam_setcred(a->pamh, flags | (int)PAM_REFRESH_CRED);
    if (strcmp(what, "delete") == 0)
        return pam_setcred(a->pamh, flags | (int)PAM_DELETE_CRED);
    if (strcmp(what, "setcred") == 0)
        return pam_setcred(a->pamh, flags);
    if (strcmp(what, "open_session") == 0)
        return pam_open_session(a->pamh, flags);
    if (strcmp(what, "close_session") == 0)
        return pam_close_session(a->pamh, flags);
    if (strcmp(what, "change_password") == 0)
        return pam_chauthtok(a->pamh, flags);
    errx(1, "no such call: %s", what);
}

static const char *
code_name(int code)
{
    static const char *const names[] = {
        "SUCCESS", "OPEN_ERR", "SYMBOL_ERR", "SERVICE_ERR", "SYSTEM_ERR", "BUF_ERR", "PERM_DENIED", "AUTH_ERR",
        "CRED_INSUFFICIENT", "AUTHINFO_UNAVAIL", "USER_UNKNOWN", "MAXTRIES", "NEW_AUTHTOK_REQD", "ACCT_EXPIRED",
        "SESSION_ERR", "CRED_UNAVAIL", "CRED_EXPIRED", "CRED_ERR", "NO_MODULE_DATA", "CONV_ERR", "AUTHTOK_ERR",
        "AUTHTOK_RECOVERY_ERR", "AUTHTOK_LOCK_BUSY", "AUTHTOK_DISABLE_AGING", "TRY_AGAIN", "IGNORE", "ABORT",
        "AUTHTOK_EXPIRED", "MODULE_UNKNOWN", "BAD_ITEM", "CONV_AGAIN", "INCOMPLETE",
    };

    return code >= 0 && (size_t)code < sizeof(names) / sizeof(names[0]) ? names[code] : "?";
}

/* What is left to look at when the call has returned: "gives", "log", "ccname", "ntlm", "user". */
static void
check_after(struct application *a, size_t first, const char *code)
{
    char line[SCRIPT_LINE_MAX];
    const char *seen, *log;
    const void *user = NULL;
    char *rest;

    for (size_t i = first; i < a->end; i++) {
        if (line_is(a, i, "gives", line, &rest) && strcmp(rest, code) != 0)
            differs(a, i, "gave", code);
        if (line_is(a, i, "log", line, &rest)) {
            log = world_next_log();
            if (log == NULL || strcmp(rest, log) != 0)
                differs(a, i, "logged", log != NULL ? log : "nothing");
        }
        if (line_is(a, i, "ccname", line, &rest)) {
            seen = pam_getenv(a->pamh, "KRB5CCNAME");
            if (strcmp(rest, seen != NULL ? seen : "-") != 0)
                differs(a, i, "KRB5CCNAME is", seen != NULL ? seen : "-");
        }
        if (line_is(a, i, "ntlm", line, &rest)) {
            seen = pam_getenv(a->pamh, "NTLM_USER_FILE");
            if (strcmp(rest, seen != NULL ? seen : "-") != 0)
                differs(a, i, "NTLM_USER_FILE is", seen != NULL ? seen : "-");
        }
        if (line_is(a, i, "user", line, &rest)) {
            (void)pam_get_item(a->pamh, PAM_USER, &user);
            if (user == NULL || strcmp(rest, user) != 0)
                differs(a, i, "PAM_USER is", user != NULL ? user : "-");
        }
    }
    explicit_bzero(line, sizeof(line));
    for (log = world_next_log(); log != NULL; log = world_next_log())
        differs(a, a->end - 1, "logged beyond what is written", log);
    if (next_line(a) != SIZE_MAX)
        differs(a, a->line - 1, "not reached", "the person's side");
}

/* The end of a secret is looked for: free() overwrites the beginning by itself. */
static void
check_memory(struct application *a)
{
    const size_t word = sizeof("type ") - 1, tail = 10;

    for (size_t i = 0; i < a->n_typed; i++) {
        size_t line = a->typed[i], len = a->script->lengths[line];

        /* A shorter one may stand anywhere by chance. */
        if (len >= word + tail && world_memory_holds(a->script->lines[line] + len - tail, tail))
            differs(a, line, "stands in memory after the call", "the secret");
    }
    a->n_typed = 0;
}

/* "call authenticate silent": plays the lines [first, last) below it. */
static void
play_call(struct application *a, char *rest, size_t first, size_t last, int listener)
{
    const char *what = script_word(&rest);
    int flags = rest != NULL && strcmp(rest, "silent") == 0 ? (int)PAM_SILENT : 0;
    int code;

    a->line = first;
    a->end = last;
    a->differs = false;
    a->daemon = -1;
    if (listener >= 0)
        a->daemon = fake_daemon_start(a->script, first, last, listener);
    code = call_pam(a, what, flags);
    if (a->daemon >= 0 && !fake_daemon_end(a->daemon))
        a->differs = true;
    check_memory(a);
    check_after(a, first, code_name(code));
    if (a->differs)
        fail_msg("\"%s\" did not go as it is written", what);
}

/* Writes a line of the PAM file; the names of the modules become their paths. */
static void
add_stack(const struct application *a, FILE *file, char *rest)
{
    char *word;

    for (word = script_word(&rest); word != NULL; word = script_word(&rest)) {
        if (strcmp(word, "authsod") == 0)
            fprintf(file, " %s", a->paths->authsod);
        else if (strcmp(word, "neighbour") == 0)
            fprintf(file, " %s", a->paths->neighbour);
        else
            fprintf(file, " %s", word);
    }
    fprintf(file, "\n");
}

static void
default_stack(const struct application *a, FILE *file, const char *options)
{
    static const char *const types[] = { "auth", "account", "password", "session" };

    /* What the module gives is what the application gets. */
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        fprintf(file, "%s [default=bad success=ok ignore=ok] %s %s\n", types[i], a->paths->authsod, options);
}

struct setting {
    char user[SCRIPT_LINE_MAX];
    char options[SCRIPT_LINE_MAX];
    bool has_user, has_stack, dead;
};

/* One line before the first call. */
static void
prepare(struct application *a, size_t i, struct setting *set, FILE *stack, FILE *local)
{
    char line[SCRIPT_LINE_MAX];
    char *rest, *name;

    if (line_is(a, i, "options", line, &rest)) {
        (void)snprintf(set->options, sizeof(set->options), "%s", rest);
    } else if (line_is(a, i, "user", line, &rest)) {
        (void)snprintf(set->user, sizeof(set->user), "%s", rest);
        set->has_user = true;
    } else if (line_is(a, i, "stack", line, &rest)) {
        add_stack(a, stack, rest);
        set->has_stack = true;
    } else if (line_is(a, i, "known", line, &rest)) {
        name = script_word(&rest);
        world_add_user(name, (uint32_t)strtoul(rest, NULL, 10));
    } else if (line_is(a, i, "local", line, &rest)) {
        fprintf(local, "%s\n", rest);
    } else if (line_is(a, i, "local-others", line, &rest)) {
        for (unsigned long n = strtoul(rest, NULL, 10); n > 0; n--)
            fprintf(local, "other%lu:x:%lu:100::/:\n", n, 50000 + n);
    } else if (line_is(a, i, "listener", line, &rest)) {
        world_set_listener((uint32_t)strtoul(rest, NULL, 10));
    } else if (line_is(a, i, "daemon", line, &rest)) {
        set->dead = true;
    } else if (line_is(a, i, "german", line, &rest)) {
        workplace_german();
    } else if (line_is(a, i, "environment-ccname", line, &rest)) {
        (void)setenv("KRB5CCNAME", rest, 1);
    } else if (line_is(a, i, "environment-gdm", line, &rest)) {
        (void)setenv("GDM_SUPPORTED_PAM_EXTENSIONS", rest, 1);
    } else if (!line_is(a, i, "item", line, &rest)) {
        script_line(a->script, i, line);
        errx(1, "script: \"%s\"", line);
    }
}

static void
set_items(struct application *a, size_t first_call)
{
    static const struct {
        const char *name;
        int item;
    } items[] = { { "tty", PAM_TTY }, { "rhost", PAM_RHOST }, { "ruser", PAM_RUSER } };
    char line[SCRIPT_LINE_MAX];
    char *rest, *name;

    for (size_t i = 0; i < first_call; i++) {
        if (!line_is(a, i, "item", line, &rest))
            continue;
        name = script_word(&rest);
        for (size_t k = 0; k < sizeof(items) / sizeof(items[0]); k++) {
            if (strcmp(items[k].name, name) == 0)
                assert_int_equal(pam_set_item(a->pamh, items[k].item, rest), PAM_SUCCESS);
        }
    }
}

/* Plays the lines before the first call; gives its line. */
static size_t
begin(struct application *a, struct setting *set)
{
    FILE *stack = fopen("conf/authsod-test", "we"), *local = fopen("etc-passwd", "we");
    char line[SCRIPT_LINE_MAX];
    size_t i;
    char *rest;

    if (stack == NULL || local == NULL)
        err(1, "the folder of the test");
    fprintf(local, "root:x:0:0:root:/root:/bin/sh\n");
    for (i = 0; i < a->script->n && !line_is(a, i, "call", line, &rest); i++)
        prepare(a, i, set, stack, local);
    if (!set->has_stack)
        default_stack(a, stack, set->options);
    (void)fclose(stack);
    (void)fclose(local);
    return i;
}

void
application_play(const struct script *s, const struct application_paths *paths)
{
    static struct setting set;
    struct application a = { .script = s, .paths = paths };
    const struct pam_conv conv = { .conv = converse, .appdata_ptr = &a };
    char line[SCRIPT_LINE_MAX], next[SCRIPT_LINE_MAX];
    size_t first, last;
    char *rest, *unused;
    int listener;

    memset(&set, 0, sizeof(set));
    world_reset();
    workplace_usual();
    first = begin(&a, &set);
    (void)unlink("run/pam.sock");
    listener = set.dead ? -1 : fake_daemon_listen();
    assert_int_equal(
        pam_start_confdir("authsod-test", set.has_user ? set.user : NULL, &conv, "conf", &a.pamh), PAM_SUCCESS);
    set_items(&a, first);
    for (; first < s->n; first = last) {
        assert_true(line_is(&a, first, "call", line, &rest));
        for (last = first + 1; last < s->n && !line_is(&a, last, "call", next, &unused); last++)
            ;
        play_call(&a, rest, first + 1, last, listener);
    }
    assert_int_equal(pam_end(a.pamh, PAM_SUCCESS), PAM_SUCCESS);
    if (listener >= 0)
        (void)close(listener);
    workplace_usual();
}
