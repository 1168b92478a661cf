/* A logon worker's job: what logon.c (Kerberos) and logon_pass.c (NTLM pass-through) share. */
#ifndef AUTHSOD_DAEMON_LOGON_H
#define AUTHSOD_DAEMON_LOGON_H

#include "daemon/fallback.h"
#include "daemon/role.h"
#include "lib/directory/locator.h"
#include "lib/krb/krb.h"

struct job {
    struct config *config;
    struct ipc_job m;
    int fd;                       /* the module's connection */
    char *packet;                 /* the ANSWER, in secret memory */
    char *password;               /* inside it */
    int64_t deadline;             /* then front ends this worker */
    char user_realm[TRUST_DNS_MAX + 1]; /* of a user of another domain */
    struct dc user_dc;            /* its domain controller; address "": none is known */
    krb5_context krb;
    struct krb_target target;
    struct krb_logon logon;
    struct kerberos_end end;      /* how far Kerberos came; err is result's */
    struct ipc_result result;
};

/* The domain whose user it is: DNS name. */
const char *logon_home(const struct job *j);
/* A domain controller of a user's domain that is not ours into j->user_dc; avoid: address of one that has just failed. */
enum err logon_find_user_dc(struct job *j, const char *avoid);

/*
 * Waits for netlogon's verdict on the password: j->result, which says also why
 * Kerberos was not to be had.  False if the domain was not asked.
 */
bool logon_pass(struct job *j);

#endif
