#include "pam_authsod/sentence.h"

#include <libintl.h>
#include <string.h>

#include "lib/base/visible.h"
#include "lib/proto/messages.h"
#include "lib/proto/proto.h"

/*
 * The locale is the application's: nothing is set here, and a program that
 * never calls setlocale speaks English.  bindtextdomain copies what it is given
 * and finds it again on the next call, so it may be called each time and the
 * module be unloaded between.  It leaves the other domains alone.
 */
static const char *
translated(const char *sentence)
{
    (void)bindtextdomain("authsod", LOCALEDIR);
    return dgettext("authsod", sentence);
}

/* A translation is never a format for printf: %1 to %4 are replaced here, all else stays. */
static bool
fill(const char *sentence, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX])
{
    const char *s;
    size_t len = 0;

    buf[0] = '\0';
    if (sentence == NULL || sentence[0] == '\0')
        return false;
    s = translated(sentence);
    while (*s != '\0' && len + 1 < SENTENCE_MAX) {
        if (s[0] == '%' && s[1] >= '1' && s[1] < '1' + PROTO_VALUES_MAX) {
            unsigned i = (unsigned)(s[1] - '1');

            len += visible_text(buf + len, SENTENCE_MAX - len, i < n ? values[i] : "?");
            s += 2;
        } else {
            buf[len++] = *s++;
        }
    }
    buf[len] = '\0';
    return true;
}

bool
sentence_error(uint32_t err, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX])
{
    switch (err) {
#define X(name, number, pam, telling, sentence) \
    case number: \
        return fill(sentence, n, values, buf);
        AUTHSOD_ERRORS(X)
#undef X
    default:
        return fill(NULL, 0, NULL, buf);
    }
}

bool
sentence_notice(uint32_t notice, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX])
{
    switch (notice) {
#define X(name, number, sentence) \
    case number: \
        return fill(sentence, n, values, buf);
        AUTHSOD_NOTICES(X)
#undef X
    default:
        return fill(NULL, 0, NULL, buf);
    }
}

bool
sentence_prompt(uint32_t prompt, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX])
{
    switch (prompt) {
#define X(name, number, sentence) \
    case number: \
        return fill(sentence, n, values, buf);
        AUTHSOD_PROMPTS(X)
#undef X
    default:
        return fill(NULL, 0, NULL, buf);
    }
}
