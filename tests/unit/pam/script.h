/*
 * The language of scripts/, in which the behaviour of the module is
 * written down: README there.  A script is kept in memory disguised, so that a
 * password that is found in the clear afterwards was left by the module.
 */
#ifndef TESTS_PAM_SCRIPT_H
#define TESTS_PAM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_LINES_MAX 400
#define SCRIPT_LINE_MAX 4096
#define SCRIPT_DISGUISE 0x55

struct script {
    char *bytes;                             /* disguised */
    const char *lines[SCRIPT_LINES_MAX];     /* into bytes; not terminated */
    size_t lengths[SCRIPT_LINES_MAX];
    unsigned numbers[SCRIPT_LINES_MAX];      /* in the file, for messages */
    size_t n;
};

/* Comments and empty lines left out, blanks at both ends of a line too. Ends the test program where it cannot. */
void script_read(struct script *s, const char *path);
void script_free(struct script *s);

/* The clear text of line i. Erase it soon. */
void script_line(const struct script *s, size_t i, char line[SCRIPT_LINE_MAX]);

/* What follows the word (and blanks) at the start of line; NULL if it starts with another. */
char *script_after(char *line, const char *word);

/* Cuts the next blank-separated word off *rest; NULL at the end. */
char *script_word(char **rest);

/* "LOCKED" or "12"; likewise for prompts and notices. Ends the test program for other words. */
unsigned script_error(const char *word);
unsigned script_prompt(const char *word);
unsigned script_notice(const char *word);
unsigned script_operation(const char *word);

#endif
