#include "pam_authsod/options.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* What stands behind "name=" in word; NULL for another word. */
static const char *
value_of(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static uint32_t
parse_minimum(pam_handle_t *pamh, const char *text)
{
    char *end = NULL;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n >= UINT32_MAX) {
        pam_syslog(pamh, LOG_ERR, "minimum_uid=%s is no user id: nobody is served until that is mended", text);
        return UINT32_MAX;
    }
    return n < PROTO_ID_MIN ? PROTO_ID_MIN : (uint32_t)n;
}

/* What a word says of smart cards; DEFAULT for another word. */
static enum proto_card
card_of(const char *word)
{
    if (strcmp(word, "try_card") == 0)
        return PROTO_CARD_TRY;
    if (strcmp(word, "require_card") == 0)
        return PROTO_CARD_REQUIRE;
    if (strcmp(word, "card_only") == 0)
        return PROTO_CARD_ONLY;
    return PROTO_CARD_DEFAULT;
}

/* True for what the module does anyway: stacks that were written for others say it. */
static bool
is_idle(const char *word)
{
    return strcmp(word, "try_first_pass") == 0 || strcmp(word, "forward_pass") == 0 ||
           strcmp(word, "allow_missing_name") == 0;
}

struct options
options_parse(pam_handle_t *pamh, int argc, const char **argv)
{
    struct options o = { .minimum_uid = PROTO_ID_MIN };

    for (int i = 0; i < argc; i++) {
        const char *minimum = value_of(argv[i], "minimum_uid");
        enum proto_card card = card_of(argv[i]);

        if (minimum != NULL)
            o.minimum_uid = parse_minimum(pamh, minimum);
        else if (strcmp(argv[i], "debug") == 0)
            o.debug = true;
        else if (strcmp(argv[i], "quiet") == 0)
            o.quiet = true;
        else if (strcmp(argv[i], "use_first_pass") == 0)
            o.use_first_pass = true;
        else if (card != PROTO_CARD_DEFAULT)
            o.card = card > o.card ? card : o.card;
        else if (!is_idle(argv[i]))
            pam_syslog(pamh, LOG_ERR, "unknown option \"%s\" is ignored", argv[i]);
    }
    return o;
}
