/* A logon worker's job: what logon.c (Kerberos) and logon_pass.c (NTLM pass-through) share. */
#ifndef AUTHSOD_DAEMON_LOGON_H
#define AUTHSOD_DAEMON_LOGON_H

#include "daemon/fallback.h"
#include "daemon/role.h"
#include "lib/krb/krb.h"

struct job {
    struct config *config;
    struct ipc_job m;
    int fd;                       /* the module's connection */
    char *packet;                 /* the ANSWER, in secret memory */
    char *password;               /* inside it */
    int64_t deadline;             /* then front ends this worker */
    krb5_context krb;
    struct krb_target target;
    struct krb_logon logon;
    struct kerberos_end end;      /* how far Kerberos came; err is result's */
    struct ipc_result result;
};

/* Waits for netlogon's verdict on the password: j->result, which says also why Kerberos was not to be had. */
void logon_pass(struct job *j);

#endif
