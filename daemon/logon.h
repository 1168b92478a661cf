/*
 * A worker's job.  What is the same for passwords and cards is in logon.c; what
 * is not in logon_password.c and logon_pass.c (NTLM pass-through), and in
 * logon_card.c.
 */
#ifndef AUTHSOD_DAEMON_LOGON_H
#define AUTHSOD_DAEMON_LOGON_H

#include "daemon/fallback.h"
#include "daemon/role.h"
#include "lib/directory/locator.h"
#include "lib/krb/krb.h"

struct job;

/* How a worker lets people prove who they are. */
struct method {
    /* All of the logon, which begins when the secret is there: j->result. */
    void (*authenticate)(struct job *j);
    /* A controller has been chosen: what else j->target needs for it. NULL: nothing. */
    void (*aim)(struct job *j);
    /* Kerberos with the user's secret at the controller that j->target names: as krb_logon_password. */
    bool (*exchange)(struct job *j, const krb5_creds *armor, struct krb_options *o, struct krb_failure *failure_out);
    /* member has vouched: what the KDC has sealed for this user with the AS reply key. NULL: nothing is to be done. */
    void (*verified)(struct job *j, const uint8_t *sealed, size_t len);
};

struct job {
    const struct method *method;
    struct config *config;
    struct ipc_job m;
    int fd;                       /* the module's connection; -1 where no answer is in it */
    char *packet;                 /* the ANSWER, in secret memory; NULL where there is none */
    char *secret;                 /* inside it: the password, or the PIN */
    struct card_use *card;        /* of a logon with a card */
    const uint8_t *certificate;   /* that it is done with, DER; NULL with a password */
    size_t certificate_len;
    int64_t deadline;             /* then front ends this worker */
    char user_realm[TRUST_DNS_MAX + 1]; /* of a user of another domain */
    struct dc user_dc;            /* its domain controller; address "": none is known */
    krb5_context krb;
    struct krb_target target;
    struct krb_logon logon;
    struct kerberos_end end;      /* how far Kerberos came; err is result's */
    int ntlm_fd;                  /* memfd with the line for gss-ntlmssp; -1: none */
    struct ipc_result result;
};

/* A job from its beginning to the RESULT. fd is closed. Ends the process where front or member breaks the protocol. */
void logon_run(const struct method *method, struct config *c, const struct ipc_job *m, int fd);
/*
 * For a method: tries the domain controllers one after the other, then has
 * member check what came of it.  True: member vouches.  Else j->result and
 * j->end say why not.
 */
bool logon_kerberos(struct job *j);

/* Sends member a message, and waits for the answer of that type: its length. Ends the process where member is gone. */
size_t logon_ask_member(const struct writer *w, enum ipc_type answer, uint8_t *packet, size_t size);
/* The same, where the answer is VERIFIED, into j->result. True: member vouches. */
bool logon_verdict(struct job *j, const struct writer *w);

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
