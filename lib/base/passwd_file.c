#include "lib/base/passwd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024 * 1024) /* bytes read of it */

/* Reads lines of passwd(5), however the bytes come in pieces, for a name or an id. */
struct search {
    const char *name;     /* NULL: the id alone */
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
    s->other = s->name == NULL;
    s->comment = false;
    s->number = UINT64_MAX;
}

/* What glibc skips before a name and before a number, whatever the locale. */
static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
search_digit(struct search *s, char c)
{
    if (s->number == UINT64_MAX && (is_blank(c) || c == '+'))
        return;
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
    } else if (s->field == 0 && s->matched == 0 && is_blank(c)) {
        return false;
    } else if (s->field == 0) {
        s->comment = s->comment || (c == '#' && s->matched == 0);
        s->other = s->other || c == '\0' || c != s->name[s->matched];
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
    while (total < FILE_MAX) {
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

bool
passwd_file_has(const char *path, const char *name, uint32_t uid)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    bool found;

    if (fd < 0)
        return false;
    found = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && search_file(fd, name, uid);
    (void)close(fd);
    return found;
}
