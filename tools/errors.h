/*
 * How authsodctl ends: each kind of failure has a number, which is the exit
 * status, and a word, which --json prints.  authsodctl(8) has the same list.
 */
#ifndef AUTHSOD_TOOLS_ERRORS_H
#define AUTHSOD_TOOLS_ERRORS_H

/* X(NAME, exit status, word) */
#define CTL_ERRORS(X) \
    X(OK, 0, "ok") \
    X(INTERNAL, 1, "internal") \
    X(USAGE, 2, "usage") \
    X(NOT_ROOT, 3, "not_root") \
    X(FILES, 4, "files") \
    X(CONFIGURATION, 5, "configuration") \
    X(NAME, 6, "name") \
    X(NO_DNS, 7, "no_dns") \
    X(NO_DOMAIN, 8, "no_domain") \
    X(NO_SRV, 9, "no_srv") \
    X(PORT, 10, "port") \
    X(CLOCK, 11, "clock") \
    X(WRONG_PASSWORD, 12, "wrong_password") \
    X(LOGON, 13, "logon") \
    X(DENIED, 14, "denied") \
    X(QUOTA, 15, "quota") \
    X(ACCOUNT, 16, "account") \
    X(NO_OU, 17, "no_ou") \
    X(DIRECTORY, 18, "directory") \
    X(NOT_JOINED, 19, "not_joined") \
    X(TEST, 20, "test") \
    X(ENABLE, 21, "enable") \
    X(CANCELLED, 22, "cancelled") \
    X(NOT_RUNNING, 23, "not_running") \
    X(BUSY, 24, "busy") \
    X(CHANNEL, 25, "channel") \
    X(UNSETTLED, 26, "unsettled")

enum ctl_error {
#define X(name, number, word) CTL_##name = (number),
    CTL_ERRORS(X)
#undef X
};

#endif
