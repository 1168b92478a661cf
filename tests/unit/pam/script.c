#include "tests/unit/pam/script.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/proto/messages.h"
#include "lib/proto/proto.h"

static void
add_line(struct script *s, const char *start, size_t len, unsigned number)
{
    while (len > 0 && (start[0] ^ SCRIPT_DISGUISE) == ' ') {
        start++;
        len--;
    }
    while (len > 0 && (start[len - 1] ^ SCRIPT_DISGUISE) == ' ')
        len--;
    if (len == 0 || (start[0] ^ SCRIPT_DISGUISE) == '#')
        return;
    if (s->n == SCRIPT_LINES_MAX || len >= SCRIPT_LINE_MAX)
        errx(1, "line %u: script too long", number);
    s->lines[s->n] = start;
    s->lengths[s->n] = len;
    s->numbers[s->n++] = number;
}

void
script_read(struct script *s, const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    size_t size, start = 0;
    unsigned number = 1;

    memset(s, 0, sizeof(*s));
    if (fd < 0 || fstat(fd, &st) != 0)
        err(1, "%s", path);
    size = (size_t)st.st_size;
    s->bytes = calloc(1, size + 1);
    if (s->bytes == NULL || read(fd, s->bytes, size) != st.st_size)
        err(1, "%s", path);
    (void)close(fd);
    for (size_t i = 0; i < size; i++)
        s->bytes[i] ^= SCRIPT_DISGUISE;
    for (size_t i = 0; i < size; i++) {
        if ((s->bytes[i] ^ SCRIPT_DISGUISE) != '\n')
            continue;
        add_line(s, s->bytes + start, i - start, number++);
        start = i + 1;
    }
    if (start != size)
        errx(1, "%s: no newline at its end", path);
}

void
script_free(struct script *s)
{
    free(s->bytes);
    memset(s, 0, sizeof(*s));
}

void
script_line(const struct script *s, size_t i, char line[SCRIPT_LINE_MAX])
{
    for (size_t k = 0; k < s->lengths[i]; k++)
        line[k] = s->lines[i][k] ^ SCRIPT_DISGUISE;
    line[s->lengths[i]] = '\0';
}

char *
script_after(char *line, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '\0'))
        return NULL;
    line += n;
    while (*line == ' ')
        line++;
    return line;
}

char *
script_word(char **rest)
{
    char *word = strsep(rest, " ");

    while (word != NULL && *word == '\0')
        word = strsep(rest, " ");
    return word;
}

struct name {
    const char *word;
    unsigned number;
};

static unsigned
find(const struct name *names, size_t n, const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i].word, word) == 0)
            return names[i].number;
    }
    if (*word == '\0' || *end != '\0')
        errx(1, "script: unknown word \"%s\"", word);
    return (unsigned)number;
}

unsigned
script_error(const char *word)
{
    static const struct name names[] = {
#define X(name, number, pam, telling, sentence) { #name, number },
        AUTHSOD_ERRORS(X)
#undef X
    };

    return find(names, sizeof(names) / sizeof(names[0]), word);
}

unsigned
script_prompt(const char *word)
{
    static const struct name names[] = {
#define X(name, number, sentence) { #name, number },
        AUTHSOD_PROMPTS(X)
#undef X
    };

    return find(names, sizeof(names) / sizeof(names[0]), word);
}

unsigned
script_notice(const char *word)
{
    static const struct name names[] = {
#define X(name, number, sentence) { #name, number },
        AUTHSOD_NOTICES(X)
#undef X
    };

    return find(names, sizeof(names) / sizeof(names[0]), word);
}

unsigned
script_operation(const char *word)
{
    static const struct name names[] = {
        { "authenticate", PROTO_AUTHENTICATE },
        { "account", PROTO_ACCOUNT },
        { "establish", PROTO_CRED_ESTABLISH },
        { "reinitialize", PROTO_CRED_REINITIALIZE },
        { "refresh", PROTO_CRED_REFRESH },
        { "delete", PROTO_CRED_DELETE },
        { "open_session", PROTO_OPEN_SESSION },
        { "close_session", PROTO_CLOSE_SESSION },
        { "change_password", PROTO_CHANGE_PASSWORD },
    };

    return find(names, sizeof(names) / sizeof(names[0]), word);
}
