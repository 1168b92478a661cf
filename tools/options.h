/* The command line of authsodctl. */
#ifndef AUTHSOD_TOOLS_OPTIONS_H
#define AUTHSOD_TOOLS_OPTIONS_H

#include <stdbool.h>

enum ctl_command { CTL_JOIN, CTL_LEAVE, CTL_TESTJOIN, CTL_STATUS, CTL_ROTATE, CTL_HELP, CTL_VERSION };

/* Strings are those of argv. NULL: not given. */
struct ctl_options {
    enum ctl_command command;
    const char *domain;
    const char *user;
    const char *ou;
    const char *computer;
    const char *dc;
    const char *ccache;     /* with use_ccache: its name; NULL: the default one */
    bool use_ccache;
    bool password_stdin;
    bool one_time;
    bool keep_account;
    bool enable;
    bool json;
};

/*
 * Reads the command line.  False where it makes no sense; the sentence that says
 * why is in error.
 */
bool ctl_options_read(int argc, char **argv, struct ctl_options *out, char error[static 256]);

/* The word of a command, as it is typed. */
const char *ctl_command_word(enum ctl_command command);

#endif
