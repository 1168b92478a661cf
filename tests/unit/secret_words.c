#include "tests/unit/secret_words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

void
secret_fill(struct machine_secret *s, const char *passwords, int64_t since)
{
    static const uint32_t versions[MACHINE_SLOTS] = { 5, 4, 6 };
    char text[MACHINE_SLOTS][32];

    memset(s, 0, sizeof(*s));
    assert_int_equal(sscanf(passwords, "%31s %31s %31s", text[0], text[1], text[2]), MACHINE_SLOTS);
    for (int i = 0; i < MACHINE_SLOTS; i++) {
        struct machine_password *p = &s->slots[i + 1];

        if (strcmp(text[i], "-") == 0)
            continue;
        (void)strcpy(p->text, text[i]);
        p->kvno = versions[i];
        p->time = since;
    }
    (void)strcpy(s->domain, "corp.test");
    (void)strcpy(s->realm, "CORP.TEST");
    (void)strcpy(s->account, "WS1$");
}

const char *
secret_words(const struct machine_secret *s)
{
    static char line[128];
    size_t len = 0;

    line[0] = '\0';
    for (int i = 1; i <= MACHINE_SLOTS; i++) {
        const char *text = s->slots[i].text;

        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i == 1 ? "" : " ",
                                text[0] == '\0' ? "-" : strlen(text) == MACHINE_PASSWORD_LENGTH ? "new" : text);
    }
    return line;
}
