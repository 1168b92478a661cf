#include "lib/krb/pkinit_seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4556 3.1.3 */
#define PA_PK_AS_REQ 16
#define PA_PK_AS_REP 17

static bool
begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* True if *text begins with word, and goes on behind it then. */
static bool
skip(const char **text, const char *word)
{
    if (!begins(*text, word))
        return false;
    *text += strlen(word);
    return true;
}

static bool
skip_number(const char **text, long *number_out)
{
    char *end;

    if (**text != '-' && (**text < '0' || **text > '9'))
        return false;
    *number_out = strtol(*text, &end, 10);
    *text = end;
    return true;
}

/* "CODE/WORDS" */
static bool
skip_code(const char **text, krb5_error_code *code_out)
{
    long code;

    if (!skip_number(text, &code) || !skip(text, "/"))
        return false;
    *code_out = (krb5_error_code)code;
    return true;
}

/* Behind "[PID] SECONDS.MICROSECONDS: "; nothing that another party says stands before that. */
static const char *
behind_stamp(const char *message)
{
    long number;

    if (!skip(&message, "[") || !skip_number(&message, &number) || !skip(&message, "] ") ||
        !skip_number(&message, &number) || !skip(&message, ".") || !skip_number(&message, &number) ||
        !skip(&message, ": "))
        return NULL;
    return message;
}

static void
copy_line(const char *from, char *to, size_t size)
{
    (void)snprintf(to, size, "%.*s", (int)strcspn(from, "\n"), from);
}

/* "PA-PK-AS-REQ (16), PA-ENC-TIMESTAMP (2), 136": has it that type, whatever its name is? */
static bool
has_type(const char *types, const char *number)
{
    size_t n = strlen(number);

    for (const char *p = strstr(types, number); p != NULL; p = strstr(p + 1, number)) {
        bool begins = p == types || p[-1] == ' ' || p[-1] == '(';

        if (begins && (p[n] == ')' || p[n] == ',' || p[n] == '\n' || p[n] == '\0'))
            return true;
    }
    return false;
}

/* What the module does. Two lines only follow on what went wrong, which the lines before say. */
static void
see_step(struct pkinit_seen *seen, const char *line)
{
    if (begins(line, "PKINIT OpenSSL error") || begins(line, "PKINIT client has no configured identity"))
        return;
    copy_line(line, seen->last, sizeof(seen->last));
    seen->reads_trust = begins(line, "PKINIT loading CA certs") || begins(line, "PKINIT no anchor CA") ||
                        begins(line, "PKINIT no intermediate CA") || begins(line, "PKINIT no CRL");
}

/* Behind "Preauth module pkinit (": "TYPE) (real) returned: CODE/WORDS". */
static void
see_result(struct pkinit_seen *seen, const char *line)
{
    krb5_error_code code;
    char words[256];
    long type;

    if (!skip_number(&line, &type) || !skip(&line, ") (real) returned: ") || !skip_code(&line, &code))
        return;
    if (type == PA_PK_AS_REQ && !seen->has_asked) {
        seen->has_asked = true;
        seen->request = code;
    } else if (type == PA_PK_AS_REP && !seen->has_answer) {
        seen->has_answer = true;
        seen->reply = code;
    } else {
        return;
    }
    if (code == 0)
        return;
    copy_line(line, words, sizeof(words));
    (void)snprintf(seen->text, sizeof(seen->text), "%s%s%s", words, seen->last[0] == '\0' ? "" : "; ", seen->last);
}

void
pkinit_see(krb5_context ctx, const krb5_trace_info *info, void *data)
{
    struct pkinit_seen *seen = data;
    const char *line = info == NULL ? NULL : behind_stamp(info->message);
    krb5_error_code code;

    (void)ctx;
    if (line == NULL)
        return;
    if (skip(&line, "Processing preauth types: ")) {
        seen->is_offered = seen->is_offered || has_type(line, "16");
    } else if (skip(&line, "Preauth module pkinit (")) {
        see_result(seen, line);
    } else if (begins(line, "PKINIT ")) {
        see_step(seen, line);
    } else if (skip(&line, "Error loading plugin module pkinit: ") ||
               skip(&line, "Error initializing module pkinit: ")) {
        seen->is_missing = true;
        (void)skip_code(&line, &code);
        (void)snprintf(seen->text, sizeof(seen->text), "libkrb5's module for PKINIT is not installed, or does not load: "
                       "%.*s", (int)strcspn(line, "\n"), line);
    }
}

bool
pkinit_is_key_cut(const struct pkinit_seen *seen, krb5_error_code error, krb5_error_code code, bool has_pin)
{
    return has_pin && code == KRB5_LIBOS_CANTREADPWD && error == 0 && seen->traced && seen->has_answer &&
           seen->reply == 0;
}
