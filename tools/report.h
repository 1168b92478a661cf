/* What authsodctl says: a line for each step, then the result, as text or as one JSON object. */
#ifndef AUTHSOD_TOOLS_REPORT_H
#define AUTHSOD_TOOLS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <talloc.h>

#include "tools/errors.h"
#include "tools/options.h"

struct report;

/* Steps go to stdout, with json to stderr. NULL if out of memory. */
struct report *report_new(TALLOC_CTX *mem, enum ctl_command command, bool json);

/* What comes from outside is made harmless to a terminal in all of these. */
void report_step(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_warning(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One value of the result; label: how text shows it, NULL where text does not. */
void report_fact(struct report *r, const char *key, const char *label, const char *value);
void report_number(struct report *r, const char *key, const char *label, int64_t value);
void report_flag(struct report *r, const char *key, const char *label, bool value);

/* One test: is it as it should be, or why not? */
void report_check(struct report *r, const char *name, bool good, const char *text);
bool report_has_bad_check(const struct report *r);

/* The failure that ends it; only the first one counts. */
void report_fail(struct report *r, enum ctl_error error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool report_failed(const struct report *r);

/* Says what is still to be said. Gives the exit status. */
int report_end(struct report *r);

#endif
