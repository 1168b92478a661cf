/* From NTSTATUS and what goes wrong on the way to ours (lab.md has what a real controller says when). */
#include <stdio.h>
#include <string.h>

#include "daemon/netlogon.h"

static const struct {
    uint32_t status;
    enum err err;
    bool proved; /* said to nobody who has not the right password */
} verdicts[] = {
    { NTSTATUS_SUCCESS, ERR_OK, true },
    { NTSTATUS_NO_SUCH_USER, ERR_UNKNOWN_PRINCIPAL, false },
    { NTSTATUS_WRONG_PASSWORD, ERR_WRONG_PASSWORD, false },
    { NTSTATUS_ILL_FORMED_PASSWORD, ERR_WRONG_PASSWORD, false },
    { NTSTATUS_LOGON_FAILURE, ERR_WRONG_PASSWORD, false },
    { NTSTATUS_ACCOUNT_LOCKED_OUT, ERR_LOCKED, false },
    { NTSTATUS_ACCOUNT_DISABLED, ERR_DISABLED, true },
    { NTSTATUS_ACCOUNT_EXPIRED, ERR_ACCOUNT_EXPIRED, true },
    { NTSTATUS_PASSWORD_EXPIRED, ERR_PASSWORD_EXPIRED, true },
    { NTSTATUS_PASSWORD_MUST_CHANGE, ERR_MUST_CHANGE, true },
    { NTSTATUS_INVALID_LOGON_HOURS, ERR_LOGON_HOURS, true },
    { NTSTATUS_INVALID_WORKSTATION, ERR_WORKSTATION, true },
    /* Also of a member of Protected Users, who may not use NTLM. */
    { NTSTATUS_ACCOUNT_RESTRICTION, ERR_POLICY, false },
    { NTSTATUS_LOGON_NOT_GRANTED, ERR_POLICY, false },
    { NTSTATUS_LOGON_TYPE_NOT_GRANTED, ERR_POLICY, false },
    { NTSTATUS_AUTHENTICATION_FIREWALL_FAILED, ERR_POLICY, false },
    { NTSTATUS_NTLM_BLOCKED, ERR_POLICY, false },
    { NTSTATUS_NOLOGON_INTERDOMAIN_TRUST_ACCOUNT, ERR_NOT_A_PERSON, false },
    { NTSTATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT, ERR_NOT_A_PERSON, false },
    { NTSTATUS_NOLOGON_SERVER_TRUST_ACCOUNT, ERR_NOT_A_PERSON, false },
    /* The computer's own account or password: to be joined again. */
    { NTSTATUS_ACCESS_DENIED, ERR_STALE_KEYTAB, false },
    { NTSTATUS_NO_TRUST_LSA_SECRET, ERR_STALE_KEYTAB, false },
    { NTSTATUS_NO_TRUST_SAM_ACCOUNT, ERR_STALE_KEYTAB, false },
    { NTSTATUS_TRUSTED_DOMAIN_FAILURE, ERR_STALE_KEYTAB, false },
    { NTSTATUS_TRUSTED_RELATIONSHIP_FAILURE, ERR_STALE_KEYTAB, false },
    { NTSTATUS_TRUST_FAILURE, ERR_STALE_KEYTAB, false },
    { NTSTATUS_DOMAIN_TRUST_INCONSISTENT, ERR_STALE_KEYTAB, false },
    { NTSTATUS_TIME_DIFFERENCE_AT_DC, ERR_CLOCK, false },
    { NTSTATUS_DOWNGRADE_DETECTED, ERR_UNTRUSTED_KDC, false },
    { NTSTATUS_NO_SUCH_DOMAIN, ERR_NO_REALM, false },
    { NTSTATUS_NO_LOGON_SERVERS, ERR_NO_KDC, false },
    { NTSTATUS_DOMAIN_CONTROLLER_NOT_FOUND, ERR_NO_KDC, false },
    { NTSTATUS_NETLOGON_NOT_STARTED, ERR_NO_KDC, false },
    { NTSTATUS_INVALID_SERVER_STATE, ERR_NO_KDC, false },
    { NTSTATUS_INVALID_DOMAIN_STATE, ERR_NO_KDC, false },
    { NTSTATUS_PIPE_BUSY, ERR_BUSY, false },
    { NTSTATUS_INSUFFICIENT_RESOURCES, ERR_BUSY, false },
    { NTSTATUS_NO_MEMORY, ERR_BUSY, false },
    { NTSTATUS_PIPE_BROKEN, ERR_TIMEOUT, false },
    { NTSTATUS_PIPE_DISCONNECTED, ERR_TIMEOUT, false },
    { NTSTATUS_IO_TIMEOUT, ERR_TIMEOUT, false },
    { NTSTATUS_INTERNAL_ERROR, ERR_TIMEOUT, false },
    { NTSTATUS_UNSUCCESSFUL, ERR_TIMEOUT, false },
};

enum err
netlogon_err_of_status(uint32_t status, bool *proved_out)
{
    *proved_out = false;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (verdicts[i].status == status) {
            *proved_out = verdicts[i].proved;
            return verdicts[i].err;
        }
    }
    return ERR_REVOKED;
}

enum err
netlogon_err_of_failure(const struct rpc_failure *f, bool sent)
{
    bool proved;

    switch (f->error) {
    case RPC_CONNECT:
    case RPC_TIMEOUT:
    case RPC_CLOSED:
    case RPC_FAULT:
    case RPC_BIND:
    case RPC_DEAD:
    case RPC_NO_ENDPOINT:
        return sent ? ERR_TIMEOUT : ERR_NO_KDC;
    case RPC_STATUS:
        return netlogon_err_of_status(f->code, &proved);
    case RPC_WEAK:
        return ERR_NO_ENCTYPE;
    case RPC_MALFORMED:
    case RPC_SEAL:
    case RPC_DOWNGRADE:
    case RPC_IMPOSTOR:
        return ERR_UNTRUSTED_KDC;
    case RPC_NONE:
    case RPC_MEMORY:
    case RPC_ARGUMENT:
    case RPC_CRYPTO:
    case RPC_WIN32:
        break;
    }
    return ERR_INTERNAL;
}

void
netlogon_describe(const struct rpc_failure *f, char *buf, size_t size)
{
    const char *name = rpc_code_name(f);

    if (f->error == RPC_CONNECT || f->error == RPC_CLOSED)
        (void)snprintf(buf, size, "%s (%s in %s)", rpc_error_text(f->error), f->code == 0 ? "-" : strerror((int)f->code),
                       f->step);
    else if (name[0] == '\0' && f->code == 0)
        (void)snprintf(buf, size, "%s in %s", rpc_error_text(f->error), f->step);
    else
        (void)snprintf(buf, size, "%s in %s (%s%s%08X)", rpc_error_text(f->error), f->step, name,
                       name[0] != '\0' ? " " : "", (unsigned)f->code);
}
