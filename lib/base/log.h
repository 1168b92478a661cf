/*
 * Logging of the daemon: one line a decision, to stderr, with a priority as
 * "<N>" before it, which systemd reads for the journal.
 *
 * The caller that decides logs once, with the logon's id, the step, the peer
 * and the protocol's own code by name.  Libraries log at debug only.  Never a
 * secret.  What is not to be shown (lib/base/visible.h) has its bytes as \xNN,
 * so that no value from outside can forge a line or drive a terminal.
 *
 * Nothing here waits: a line that stderr does not take at once is lost, and
 * the next one that it takes is preceded by one that says how many were.
 */
#ifndef AUTHSOD_BASE_LOG_H
#define AUTHSOD_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ALARM, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * For the first process, before it starts others: a stderr of our own where it
 * is a pipe, which then never blocks (otherwise two processes that both saw
 * room for a line could wait for each other's reader), and no death by SIGPIPE.
 */
void log_open(void);

/* role: a static string ("front"), shown in each line. */
void log_init(const char *role, enum log_level most);

/* The number of the logon that this process works on; 0 for none. Shown as "logon 17:" in each line. */
void log_set_logon(unsigned id);

bool log_wants(enum log_level level);

/* "error", "warning", "info", "debug" to the level. False for another word. */
bool log_level_parse(const char *word, enum log_level *level_out);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An attack or a broken promise of the domain: a rogue KDC, a lying role, a forged PAC. */
#define log_alarm(...) log_write(LOG_LEVEL_ALARM, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) \
    do { \
        if (log_wants(LOG_LEVEL_DEBUG)) \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
    } while (0)

#endif
