/*
 * Codes and values of the daemon, made into sentences in the language of the
 * program's user.  The daemon never sends a sentence.
 */
#ifndef AUTHSOD_PAM_SENTENCE_H
#define AUTHSOD_PAM_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a sentence, its NUL included: what PAM_MAX_MSG_SIZE promises to applications. */
#define SENTENCE_MAX 512

/*
 * Each puts the sentence of a code in buf, with the n values in the places of
 * %1 to %4 ("?" for one that is missing), made printable.  False, and buf empty,
 * for a code that has no sentence or is newer than this module.
 */
bool sentence_error(uint32_t err, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX]);
bool sentence_notice(uint32_t notice, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX]);
bool sentence_prompt(uint32_t prompt, unsigned n, char const (*values)[256], char buf[SENTENCE_MAX]);

#endif
